//! Faults in words: what happened, to what, what to do next.

use std::fmt;
use std::io::ErrorKind;

use super::fault::{Fault, shown};
use crate::domain::connection::Spec;
use crate::domain::connection::tls::Mode;
use crate::domain::restore::quoted;
use crate::domain::untrusted::Untrusted;

/// A connection that could not be opened: what happened, to what, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectError {
    /// What happened.
    pub fault: Fault,
    /// To what: role, place, database and protection, without secrets.
    pub to: String,
    database: String,
    socket: bool,
    mode: Mode,
}

impl std::error::Error for ConnectError {}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot connect to {}: {}. {}", self.to, self.what(), self.advice())
    }
}

impl ConnectError {
    /// Names the fault together with what it happened to.
    #[must_use]
    pub fn new(spec: &Spec, fault: Fault) -> Self {
        Self {
            fault,
            to: spec.describe(),
            database: Untrusted::new(spec.database.as_str()).one_line(),
            socket: spec.place.is_socket(),
            mode: spec.tls.mode,
        }
    }

    /// Returns true if trying again later may help without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.fault,
            Fault::Refused
                | Fault::NoSocket
                | Fault::NoSuchHost
                | Fault::Unreachable(_)
                | Fault::TimedOut(_)
                | Fault::HungUp(_)
                | Fault::TooManyConnections(_)
                | Fault::NotReady(_)
        )
    }

    /// Returns what happened.
    #[must_use]
    pub fn what(&self) -> String {
        match &self.fault {
            Fault::Refused => "nobody listens there".into(),
            Fault::NoSocket => "there is no such socket".into(),
            Fault::SocketForbidden => "this account may not open the socket".into(),
            Fault::NoSuchHost => "the host name cannot be resolved".into(),
            Fault::TimedOut(limit) => format!("no answer within {limit:?}"),
            Fault::NoPassword => "the server asks for a password and none is known".into(),
            Fault::NoTls => "the server has no TLS".into(),
            Fault::SelfSigned => "the server's certificate is itself marked as an authority \
                                  (self-signed), which cannot serve as a server's certificate"
                .into(),
            Fault::UnknownAuthority => {
                "the server's certificate is signed by an authority that is not trusted here".into()
            }
            Fault::WrongName => "the server's certificate is made out to another name".into(),
            Fault::Expired => "the server's certificate is not valid today".into(),
            Fault::Pooler => "a connection pooler answers, not the server itself".into(),
            Fault::HungUp(text) => format!("the server hung up ({text})"),
            Fault::Protocol(text) => format!("what answers does not speak PostgreSQL ({text})"),
            Fault::Server { code, message } => format!("{message} (SQLSTATE {code})"),
            Fault::Unreachable(text)
            | Fault::WrongPassword(text)
            | Fault::NotAllowed(text)
            | Fault::NoDatabase(text)
            | Fault::Permission(text)
            | Fault::TooManyConnections(text)
            | Fault::NotReady(text)
            | Fault::Tls(text)
            | Fault::Unsupported(text) => text.clone(),
        }
    }

    /// Returns what to do next.
    #[must_use]
    pub fn advice(&self) -> String {
        match &self.fault {
            Fault::Refused | Fault::NoSocket => "Start the server, or correct host and port \
                (PGHOST, PGPORT, --dsn)"
                .into(),
            Fault::SocketForbidden => "Run as an account that may, or connect over TCP \
                with host=localhost"
                .into(),
            Fault::NoSuchHost => "Correct the host, or the resolver of this machine".into(),
            Fault::Unreachable(_) | Fault::TimedOut(_) => "Check the network, the VPN and the \
                firewall on the way; connect_timeout gives it longer"
                .into(),
            Fault::HungUp(_) => "Look into the server's log; it may be restarting".into(),
            Fault::NoPassword => "Give it by .pgpass (chmod 0600) or PGPASSWORD".into(),
            Fault::WrongPassword(_) => "Correct the role or its password in .pgpass, PGPASSWORD \
                or the connection string"
                .into(),
            Fault::NotAllowed(_) => self.not_allowed(),
            Fault::NoDatabase(_) => "Correct the database's name (PGDATABASE, --dsn); \
                psql -l lists them"
                .into(),
            Fault::Permission(_) => {
                format!("GRANT CONNECT ON DATABASE {} to the role", quoted(&self.database))
            }
            Fault::TooManyConnections(_) => "End a session that is not needed, or raise the \
                limit; a superuser has reserved slots"
                .into(),
            Fault::NotReady(_) => "Wait until it accepts connections".into(),
            Fault::Pooler => "Give the server's own address and port (for pgbouncer usually \
                port 5432 instead of 6432): locks and settings of a session do not survive a pooler"
                .into(),
            Fault::Unsupported(_) => "Let this role log in by scram-sha-256, certificate or peer \
                in pg_hba.conf"
                .into(),
            Fault::Server { .. } => "Correct what the server names; its log says more".into(),
            Fault::Protocol(_) => "Correct host and port: another program may listen there".into(),
            tls => tls_advice(tls).into(),
        }
    }

    fn not_allowed(&self) -> String {
        if !self.socket && self.mode == Mode::Disable {
            return "The server may insist on TLS: leave sslmode=disable out; otherwise add an \
                    entry to pg_hba.conf"
                .into();
        }
        "Correct the role, or have an entry added to the server's pg_hba.conf".into()
    }
}

fn tls_advice(fault: &Fault) -> &'static str {
    match fault {
        Fault::NoTls => {
            "Turn ssl on in the server, or, where nobody else is on the way, choose \
             sslmode=disable"
        }
        Fault::SelfSigned => {
            "Have the server's certificate signed by an authority (your own will do) and name \
             the authority's certificate in sslrootcert; or choose sslmode=require, which \
             verifies nothing"
        }
        Fault::UnknownAuthority => {
            "Name its authority's certificate in sslrootcert (PGSSLROOTCERT) or put it into \
             ~/.postgresql/root.crt; managed services offer theirs for download"
        }
        Fault::WrongName => {
            "Connect by the name in the certificate, or choose sslmode=verify-ca, which accepts \
             any name of that authority"
        }
        Fault::Expired => "Renew the server's certificate, and check this machine's clock",
        _ => "Check the server's TLS settings, and sslmode, sslrootcert, sslcert and sslkey here",
    }
}

/// Returns what a statement's error says, for a person: the server's message and SQLSTATE
/// without the driver's additions.
#[must_use]
pub fn query_error(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            shown(&format!("{} (SQLSTATE {code})", error.message()))
        }
        sqlx::Error::Io(error) if error.kind() != ErrorKind::Other => {
            format!("the connection to the server broke ({})", error.kind())
        }
        sqlx::Error::Io(error) => shown(&format!("the connection to the server broke ({error})")),
        other => shown(&other.to_string()),
    }
}

/// Returns why a connection could not be opened, for a person.
#[must_use]
pub fn connect_error(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => shown(&error.to_string()),
        other => query_error(other),
    }
}

/// Returns true if the connection is of no use after this error: it broke, or the server
/// ended the session (SQLSTATE class 57P: shutdown, crash, terminate; 25P03: its limit for
/// idle transactions).
#[must_use]
pub fn is_lost(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return true };
    error.code().is_some_and(|code| code.starts_with("57P") || code == "25P03")
}

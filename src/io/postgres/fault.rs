//! Why a connection could not be opened, sorted from the driver's errors.

use std::io::{self, ErrorKind};
use std::time::Duration;

use sqlx::error::DatabaseError;

use crate::domain::connection::{Place, Spec};
use crate::domain::untrusted::Untrusted;

/// Why a connection could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens.
    Refused,
    /// There is no such socket.
    NoSocket,
    /// The socket is closed to this account.
    SocketForbidden,
    /// The host's name cannot be resolved.
    NoSuchHost,
    /// The network says the host cannot be reached.
    Unreachable(String),
    /// No answer in this time.
    TimedOut(Duration),
    /// The server hung up while the session was being set up.
    HungUp(String),
    /// The server wants a password, and none is known.
    NoPassword,
    /// The password, or the role with it, is wrong.
    WrongPassword(String),
    /// `pg_hba.conf` has no entry that lets us in, or the role may not log in.
    NotAllowed(String),
    /// The database does not exist.
    NoDatabase(String),
    /// We may not connect to the database (`CONNECT`), or it accepts nobody.
    Permission(String),
    /// All slots are taken, of the server, the role or the database.
    TooManyConnections(String),
    /// The server starts up, shuts down, or recovers.
    NotReady(String),
    /// TLS is asked for, and the server has none.
    NoTls,
    /// The server's certificate is a certificate authority's own (self-signed).
    SelfSigned,
    /// Nobody we trust signed the server's certificate.
    UnknownAuthority,
    /// The certificate is for another name.
    WrongName,
    /// The certificate is not valid now.
    Expired,
    /// Any other fault of TLS.
    Tls(String),
    /// A pooler answers in the server's place.
    Pooler,
    /// The way of authentication is one that the driver does not know.
    Unsupported(String),
    /// The server refused for another reason.
    Server {
        /// The SQLSTATE.
        code: String,
        /// The server's message.
        message: String,
    },
    /// What came back is not PostgreSQL's protocol.
    Protocol(String),
}

impl Fault {
    /// Sorts a driver's error.
    pub(super) fn from_sqlx(error: &sqlx::Error, spec: &Spec) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::from_server(error.as_ref(), spec),
            sqlx::Error::Io(error) => Self::from_io(error, spec),
            sqlx::Error::Tls(error) => Self::from_tls(&error.to_string()),
            sqlx::Error::Configuration(error) => Self::Tls(shown(&error.to_string())),
            sqlx::Error::Protocol(text) if text.contains("unsupported authentication") => {
                Self::Unsupported(shown(text))
            }
            other => Self::Protocol(shown(&other.to_string())),
        }
    }

    /// Sorts by SQLSTATE (PostgreSQL documentation, appendix A).
    fn from_server(error: &dyn DatabaseError, spec: &Spec) -> Self {
        let message = shown(error.message());
        let code = error.code().unwrap_or_default();
        match code.as_ref() {
            "28P01" if spec.password().is_none() => Self::NoPassword,
            "28P01" => Self::WrongPassword(message),
            "28000" => Self::NotAllowed(message),
            "3D000" => Self::NoDatabase(message),
            "42501" => Self::Permission(message),
            "53300" => Self::TooManyConnections(message),
            "57P01" | "57P02" | "57P03" => Self::NotReady(message),
            // Our lock_timeout holds while a session begins, which has to read the catalog.
            "55P03" => Self::NotReady(format!("the system catalog is locked ({message})")),
            "08P01" if message.contains("startup parameter") => Self::Pooler,
            _ => Self::Server { code: code.into_owned(), message },
        }
    }

    fn from_io(error: &io::Error, spec: &Spec) -> Self {
        let text = shown(&error.to_string());
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::NotFound if matches!(spec.place, Place::Socket(_)) => Self::NoSocket,
            ErrorKind::PermissionDenied if matches!(spec.place, Place::Socket(_)) => {
                Self::SocketForbidden
            }
            ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                Self::Unreachable(text)
            }
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::UnexpectedEof
            | ErrorKind::BrokenPipe => Self::HungUp(text),
            // rustls hands its errors through the socket.
            ErrorKind::InvalidData => Self::from_tls(&text),
            _ if text.contains("lookup address") => Self::NoSuchHost,
            _ => Self::Unreachable(text),
        }
    }

    /// Sorts by rustls's text: its certificate errors arrive inside two foreign wrappers.
    fn from_tls(text: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if has(&["server does not support TLS"]) {
            Self::NoTls
        } else if has(&["CaUsedAsEndEntity"]) {
            Self::SelfSigned
        } else if has(&["UnknownIssuer"]) {
            Self::UnknownAuthority
        } else if has(&["NotValidForName", "not valid for name"]) {
            Self::WrongName
        } else if has(&["Expired", "expired", "NotValidYet", "not valid yet"]) {
            Self::Expired
        } else {
            Self::Tls(shown(text))
        }
    }
}

/// Makes foreign text fit for one line.
pub(super) fn shown(text: &str) -> String {
    Untrusted::new(text).one_line()
}

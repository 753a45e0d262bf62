//! Everything that is needed to connect, with defaults filled in.

// The addresses alone, without sockets: `core` has no input or output.
use core::net::IpAddr;
use std::time::Duration;

use secrecy::SecretString;

use super::tls::{self, Mode, Tls};
use super::{Invalid, Params, Passfile, options};

/// What this machine and account contribute: the defaults that are no keyword's value.
#[derive(Clone, Debug, Default)]
pub struct Local {
    /// The operating system's name of the account: the default role.
    pub user: String,
    /// The default socket directory, if a server's socket for the port is in one.
    pub socket_directory: Option<String>,
    /// Certificates below `~/.postgresql`.
    pub certificates: tls::Files,
    /// The password file, if it is there and private.
    pub passfile: Passfile,
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A Unix socket in this directory.
    Socket(String),
    /// A host name or address.
    Host(String),
}

impl Place {
    /// Returns the directory or host as text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Socket(text) | Self::Host(text) => text,
        }
    }

    /// Returns true for a Unix socket.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        matches!(self, Self::Socket(_))
    }

    /// Returns true if nothing leaves the machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Host(host) => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        }
    }
}

/// Where the password comes from.
#[derive(Clone, Debug)]
pub enum Password {
    /// The connection string, the service or `PGPASSWORD`.
    Given(SecretString),
    /// Looked up in the password file, which may hold another one for each database.
    Looked(Passfile),
}

/// A connection's full description. Its `Debug` and [`Spec::describe`] hold no secret.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Where the server listens.
    pub place: Place,
    /// The port.
    pub port: u16,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// The password's source.
    pub password: Password,
    /// How the connection is protected.
    pub tls: Tls,
    /// How long connecting may take.
    pub timeout: Duration,
    /// Settings that the operator asked for the session (`options`).
    pub settings: Vec<(String, String)>,
    /// What was left out or changed, for the operator.
    pub notes: Vec<String>,
}

/// How long connecting may take when nobody says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

impl Spec {
    /// Fills the defaults into what was asked for.
    ///
    /// # Errors
    /// [`Invalid`] for values out of range and for several hosts.
    pub fn new(mut params: Params, local: Local) -> Result<Self, Invalid> {
        let place = place(&params, &local)?;
        let tls = tls::choose(&params, &place, &local.certificates)?;
        annotate(&mut params, &place, &tls);
        let user = user(&params, local.user)?;
        let database = params.get("dbname").unwrap_or(&user).to_owned();
        Ok(Self {
            port: port(&params)?,
            password: params
                .password()
                .map_or(Password::Looked(local.passfile), |given| Password::Given(given.clone())),
            timeout: timeout(&params)?,
            settings: params.get("options").map(options::parse).transpose()?.unwrap_or_default(),
            notes: params.notes().to_vec(),
            place,
            user,
            database,
            tls,
        })
    }

    /// Returns the same connection to another database of the server.
    #[must_use]
    pub fn in_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// Returns the password for this database, if one is known.
    #[must_use]
    pub fn password(&self) -> Option<&SecretString> {
        match &self.password {
            Password::Given(password) => Some(password),
            Password::Looked(file) => {
                file.find(self.place.text(), self.port, &self.database, &self.user)
            }
        }
    }

    /// Returns the name that the server's certificate must bear for the connection to stand:
    /// known only with `verify-full`.
    #[must_use]
    pub fn proved_name(&self) -> Option<&str> {
        (self.tls.mode == Mode::VerifyFull).then(|| self.place.text())
    }

    /// Returns who connects to what, and how it is protected, on one line without secrets.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { user, database, port, .. } = self;
        let place = self.place.text();
        let text = format!("{user}@{place}:{port}/{database}, {}", self.protection());
        crate::domain::untrusted::Untrusted::new(text).one_line()
    }

    fn protection(&self) -> String {
        if self.place.is_socket() {
            return "Unix socket".into();
        }
        let by = if self.tls.chosen { "as asked for" } else { "default" };
        let warning = match self.tls.mode {
            Mode::Disable => ", NOT encrypted",
            Mode::Allow | Mode::Prefer | Mode::Require if !self.place.is_loopback() => {
                ", the server is NOT verified"
            }
            _ => "",
        };
        format!("sslmode={} ({by}){warning}", self.tls.mode.word())
    }
}

fn user(params: &Params, account: String) -> Result<String, Invalid> {
    let user = params.get("user").map_or(account, str::to_owned);
    let missing = Invalid::Value { keyword: "user", expected: "given: this account has no name" };
    if user.is_empty() { Err(missing) } else { Ok(user) }
}

fn place(params: &Params, local: &Local) -> Result<Place, Invalid> {
    let host = params.get("hostaddr").or_else(|| params.get("host"));
    match host {
        Some(host) if host.contains(',') => Err(Invalid::SeveralHosts(host.to_owned())),
        // libpq takes a leading @ for an abstract socket, which its driver cannot open.
        Some(host) if host.starts_with('@') => {
            Err(Invalid::Value { keyword: "host", expected: "a host or a socket directory" })
        }
        Some(host) if host.starts_with('/') => Ok(Place::Socket(host.to_owned())),
        Some(host) => Ok(Place::Host(host.to_owned())),
        None => Ok(local
            .socket_directory
            .clone()
            .map_or_else(|| Place::Host("localhost".into()), Place::Socket)),
    }
}

fn port(params: &Params) -> Result<u16, Invalid> {
    let text = params.get("port").unwrap_or("5432").trim();
    if text.contains(',') {
        return Err(Invalid::SeveralHosts(format!("ports {text}")));
    }
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or(Invalid::Value { keyword: "port", expected: "a number from 1 to 65535" })
}

/// Reads `connect_timeout`: 0 or less is "for ever" in libpq, and the default here, because
/// a console that waits for ever is a console that hangs; 1 counts as 2, as in libpq.
fn timeout(params: &Params) -> Result<Duration, Invalid> {
    let Some(text) = params.get("connect_timeout") else {
        return Ok(DEFAULT_TIMEOUT);
    };
    let seconds: i64 = text.trim().parse().map_err(|_| Invalid::Value {
        keyword: "connect_timeout",
        expected: "a whole number of seconds",
    })?;
    Ok(u64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds > 0)
        .map_or(DEFAULT_TIMEOUT, |seconds| Duration::from_secs(seconds.clamp(2, 3600))))
}

fn annotate(params: &mut Params, place: &Place, tls: &Tls) {
    if place.is_socket() && params.get("sslmode").is_some_and(|mode| mode != "disable") {
        params.note("sslmode has no meaning on a Unix socket and is left out, as libpq does");
    }
    if params.get("channel_binding") == Some("require") && !place.is_socket() {
        params.note("channel binding is not available; sslmode=verify-full takes its place");
    }
    if params.get("sslmode") == Some("require") && tls.mode == Mode::VerifyCa {
        params
            .note("sslmode=require with a root certificate verifies the authority, as libpq does");
    }
    if params.get("hostaddr").is_some() && params.get("host").is_some() {
        params.note("hostaddr is used for connecting and for checking the certificate, not host");
    }
    if params.get("target_session_attrs").is_some_and(|wish| wish != "any") {
        params.note("target_session_attrs is left out: whether it is a primary is always checked");
    }
}

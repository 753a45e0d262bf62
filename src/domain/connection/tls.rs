//! How the connection is protected.

use std::path::PathBuf;

use super::{Invalid, Params, Place};

/// `sslmode`, from weak to strong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// No TLS.
    Disable,
    /// TLS if the server insists; treated as [`Mode::Prefer`], which is never weaker.
    Allow,
    /// TLS if the server offers it: protects from nobody who can answer in its place.
    Prefer,
    /// TLS, with whatever certificate.
    Require,
    /// TLS with a certificate of a trusted authority.
    VerifyCa,
    /// The same, made out to the host that was asked for.
    VerifyFull,
}

impl Mode {
    const ALL: [Self; 6] =
        [Self::Disable, Self::Allow, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// Returns libpq's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    fn parse(word: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|mode| mode.word() == word).ok_or(Invalid::Value {
            keyword: "sslmode",
            expected: "disable, allow, prefer, require, verify-ca or verify-full",
        })
    }
}

/// The protection chosen for a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The mode in force.
    pub mode: Mode,
    /// The operator chose the mode; otherwise it is lockkeeper's default.
    pub chosen: bool,
    /// Certificates trusted besides the system's.
    pub root: Option<PathBuf>,
    /// Our own certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// The certificate files that exist below `~/.postgresql`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// `root.crt`.
    pub root: Option<PathBuf>,
    /// `postgresql.crt`.
    pub certificate: Option<PathBuf>,
    /// `postgresql.key`.
    pub key: Option<PathBuf>,
}

/// Chooses the protection: what the operator asked for, otherwise `prefer` to the own
/// machine and `verify-full` to any other; nothing on a socket, where libpq ignores `sslmode`.
///
/// # Errors
/// [`Invalid::Value`] for an unknown mode, for `sslrootcert=system` with a weaker mode
/// (libpq refuses it too), and for half of a client certificate.
pub fn choose(params: &Params, place: &Place, files: &Files) -> Result<Tls, Invalid> {
    let asked = params.get("sslmode").map(Mode::parse).transpose()?;
    if place.is_socket() {
        return Ok(Tls { mode: Mode::Disable, chosen: false, root: None, client: None });
    }
    let system = params.get("sslrootcert") == Some("system");
    let root = match params.get("sslrootcert") {
        Some(_) if system => None,
        Some(path) => Some(PathBuf::from(path)),
        None => files.root.clone(),
    };
    let mode = match asked {
        Some(mode) if system && mode < Mode::VerifyFull => return Err(weak_system()),
        // libpq: with a root certificate at hand, require verifies the authority.
        Some(Mode::Require) if root.is_some() => Mode::VerifyCa,
        Some(mode) => mode,
        None if place.is_loopback() && !system => Mode::Prefer,
        None => Mode::VerifyFull,
    };
    let mode =
        if params.get("channel_binding") == Some("require") { Mode::VerifyFull } else { mode };
    Ok(Tls { mode, chosen: asked.is_some(), root, client: client(params, files)? })
}

fn weak_system() -> Invalid {
    Invalid::Value { keyword: "sslmode", expected: "verify-full when sslrootcert is system" }
}

fn client(params: &Params, files: &Files) -> Result<Option<(PathBuf, PathBuf)>, Invalid> {
    let given = |keyword, default: &Option<PathBuf>| {
        params.get(keyword).map(PathBuf::from).or_else(|| default.clone())
    };
    match (given("sslcert", &files.certificate), given("sslkey", &files.key)) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (Some(_), None) => Err(Invalid::Value {
            keyword: "sslkey",
            expected: "given with sslcert, or present as ~/.postgresql/postgresql.key",
        }),
        (None, _) => Ok(None),
    }
}

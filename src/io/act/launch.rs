//! Starting the process of a job.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::process::{Child, Command};

use super::job::{Job, Spec};
use crate::io::failpoint;
use crate::io::journal::file;

/// What a program inherits from ours: where things are, and in which language and time
/// zone. `PG*` comes only from the target, never from our own environment.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "VIRTUAL_ENV",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    // Our own programs start servers, too.
    "LOCKKEEPER_PG_BIN",
];
/// Docker's own say which daemon and which project a prefix reaches, for us as for the shell.
const INHERITED_PREFIXES: &[&str] = &["LC_", "NODE_", "DOCKER_", "COMPOSE_"];

/// The value of a variable that is set for a program.
#[derive(Clone)]
pub enum Value {
    /// May be shown.
    Plain(String),
    /// Is masked wherever this program writes.
    Secret(SecretString),
}

impl Value {
    /// Returns it if it must not be printed.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::Plain(_) => None,
            Self::Secret(secret) => Some(secret),
        }
    }

    /// Returns it in clear, for the environment of a program and nothing else.
    pub(in crate::io) fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose_secret(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => fmt::Debug::fmt(text, f),
            Self::Secret(_) => f.write_str("•••"),
        }
    }
}

/// The variables that are set for a program, by name.
pub type Environment = Vec<(String, Value)>;

/// Returns the path under which this very program starts again, also after the file
/// was replaced by an upgrade.
///
/// # Errors
/// When the system does not tell it.
pub fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe()
}

/// Returns what to execute for a plan's program: the word `lockkeeper` is this very
/// program, whatever else bears that name on the PATH.
///
/// # Errors
/// When the system does not tell where this program is.
pub fn program(word: &str) -> io::Result<PathBuf> {
    if word == "lockkeeper" { this_program() } else { Ok(PathBuf::from(word)) }
}

/// Writes the job down and starts `lockkeeper __act` for it. The values of the
/// environment reach the program through that process alone, and are in no file.
///
/// # Errors
/// When the job exists, cannot be written, or the process cannot be started.
pub fn launch(
    lockkeeper: &std::path::Path,
    job: &Job,
    spec: &Spec,
    env: &Environment,
) -> io::Result<Child> {
    job.create(spec)?;
    let log = file::create(&job.log())?;
    Command::new(lockkeeper)
        .arg0("lockkeeper")
        .arg("__act")
        .arg(std::path::absolute(job.dir())?)
        .env_clear()
        .envs(inherited())
        .envs(env.iter().map(|(name, value)| (name, value.expose())))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

/// Returns what a program gets of our own environment; the proof of where it connects
/// gets the same.
pub(in crate::io) fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| inherits(&name.to_string_lossy()))
}

/// Returns true for a variable that a program gets from our own environment.
#[must_use]
pub fn inherits(name: &str) -> bool {
    INHERITED.contains(&name)
        || INHERITED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || (cfg!(feature = "failpoints") && name == failpoint::VARIABLE)
}

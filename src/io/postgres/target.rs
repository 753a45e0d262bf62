//! Which database is meant: `--dsn`, a profile, `DATABASE_URL` or what libpq would take.

use std::path::PathBuf;
use std::{env, fmt};

use super::files;
use crate::domain::config;
use crate::domain::connection::{Environment, Invalid, Params, Spec, dsn};
use crate::domain::identity::{Class, Identity, Pin, Refused, check_pin};

/// What the operator named.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// `--dsn`.
    pub dsn: Option<&'a str>,
    /// `--target NAME` with its table in the configuration.
    pub profile: Option<(&'a str, &'a config::Target)>,
}

/// A database to work on.
#[derive(Clone, Debug)]
pub struct Target {
    /// The profile's name, if one was named.
    pub name: Option<String>,
    /// How to connect.
    pub spec: Spec,
    /// Where the connection's description came from.
    pub source: Source,
    /// How much care it asks for; production unless a profile says otherwise.
    pub class: Class,
    /// What it must be.
    pub pin: Option<Pin>,
    /// The database for connections that must not stand in the target's way.
    pub maintenance_db: String,
    /// Its replicas, as the profile names them.
    pub replicas: Vec<config::Dsn>,
    /// The console of its pooler.
    pub pooler_admin: Option<config::Dsn>,
}

/// The maintenance database where the target is the usual one.
const SPARE: &str = "template1";

impl Target {
    /// Checks that `found`, who answered to [`Self::spec`], is what the pin names; without a pin
    /// anybody is.
    ///
    /// # Errors
    /// [`Refused::Pinned`] with every difference.
    pub fn check(&self, found: &Identity) -> Result<(), Refused> {
        match &self.pin {
            Some(pin) => check_pin(pin, found, self.spec.proved_name()),
            None => Ok(()),
        }
    }

    /// Returns how to reach the maintenance database of the same server: never the target
    /// itself, whose sessions a swap ends.
    #[must_use]
    pub fn maintenance(&self) -> Spec {
        let is_target = self.maintenance_db == self.spec.database;
        self.spec.in_database(if is_target { SPARE } else { &self.maintenance_db })
    }
}

/// Where a connection's description came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `--dsn`.
    Argument,
    /// The configuration's table of this name.
    Profile(String),
    /// A variable.
    Variable(String),
    /// The `PG*` variables, a service, and libpq's defaults.
    Defaults,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument => f.write_str("--dsn"),
            Self::Profile(name) => write!(f, "target {name:?} of lockkeeper.toml"),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Defaults => f.write_str("the PG* variables and libpq's defaults"),
        }
    }
}

/// Why no target could be made out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Both ways to name a target were used.
    #[error("--dsn and --target both name a database; leave one of them out")]
    Both,
    /// A profile's variable is not there.
    #[error("target {profile:?} takes its address from {variable}, which is not set; set it")]
    Unset {
        /// The profile.
        profile: String,
        /// Its variable.
        variable: String,
    },
    /// What was given does not parse.
    #[error("{source_of}: {invalid}")]
    Invalid {
        /// Where it was given.
        source_of: Source,
        /// What is wrong.
        invalid: Invalid,
    },
    /// No file has the service.
    #[error("{}", no_service(name, files, known))]
    NoService {
        /// The service.
        name: String,
        /// The files that were read.
        files: Vec<PathBuf>,
        /// The services that are in them.
        known: Vec<String>,
    },
    /// A file that was named cannot be read.
    #[error("{what} {} cannot be read: {why}; correct the path or its permissions", path.display())]
    File {
        /// `the service file`, `the root certificate`…
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
}

fn no_service(name: &str, files: &[PathBuf], known: &[String]) -> String {
    let files = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let place = if files.is_empty() {
        "there is no service file (PGSERVICEFILE, ~/.pg_service.conf, PGSYSCONFDIR)".to_owned()
    } else {
        format!("it is not in {}", files.join(", "))
    };
    let near = known
        .iter()
        .map(|other| (strsim::damerau_levenshtein(name, other), other))
        .min()
        .map(|(_, other)| format!("; did you mean {other:?}?"))
        .unwrap_or_default();
    format!("there is no service {name:?}: {place}{near}")
}

/// Returns the environment of this process; variables that are not UTF-8 are left out.
#[must_use]
pub fn environment() -> Environment {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Makes out the target, as libpq would: what is named first, then the service, then the
/// `PG*` variables, then the defaults of this machine and account.
///
/// # Errors
/// [`Error`], with what to correct.
pub fn resolve(request: Request<'_>, environment: &Environment) -> Result<Target, Error> {
    let (source, text) = named(request, environment)?;
    let spec =
        spec(text.as_deref(), environment).map_err(|fault| fault.into_error(source.clone()))?;
    let profile = request.profile.map(|(_, profile)| profile);
    Ok(Target {
        name: request.profile.map(|(name, _)| name.to_owned()),
        class: profile.map(|profile| profile.class).unwrap_or_default(),
        pin: profile.and_then(|profile| profile.pin.clone()),
        maintenance_db: profile
            .map_or_else(|| "postgres".to_owned(), |profile| profile.maintenance_db.clone()),
        replicas: profile.map(|profile| profile.replicas.clone()).unwrap_or_default(),
        pooler_admin: profile.and_then(|profile| profile.pooler_admin.clone()),
        spec,
        source,
    })
}

/// Returns the connection string to read, and where it was found.
fn named(
    request: Request<'_>,
    environment: &Environment,
) -> Result<(Source, Option<String>), Error> {
    let (name, profile) = match (request.dsn, request.profile) {
        (Some(_), Some(_)) => return Err(Error::Both),
        (Some(dsn), None) => return Ok((Source::Argument, Some(dsn.to_owned()))),
        (None, Some(profile)) => profile,
        (None, None) => return Ok(unnamed(environment)),
    };
    match &profile.source {
        config::Source::Dsn(dsn) => {
            Ok((Source::Profile(name.to_owned()), Some(dsn.as_str().to_owned())))
        }
        config::Source::Env(variable) => match environment.get(variable) {
            Some(dsn) => Ok((Source::Variable(variable.clone()), Some(dsn.to_owned()))),
            None => Err(Error::Unset { profile: name.to_owned(), variable: variable.clone() }),
        },
    }
}

fn unnamed(environment: &Environment) -> (Source, Option<String>) {
    match environment.get("DATABASE_URL") {
        Some(url) => (Source::Variable("DATABASE_URL".into()), Some(url.to_owned())),
        None => (Source::Defaults, None),
    }
}

/// Reads one connection string (a replica's, a pooler's) with libpq's defaults around it.
///
/// # Errors
/// [`Error`].
pub fn read(text: &str, environment: &Environment) -> Result<Spec, Error> {
    spec(Some(text), environment).map_err(|fault| fault.into_error(Source::Argument))
}

/// An error that does not yet know whose text it was.
enum Broken {
    Text(Invalid),
    Other(Error),
}

impl Broken {
    fn into_error(self, source_of: Source) -> Error {
        match self {
            Self::Text(invalid) => Error::Invalid { source_of, invalid },
            Self::Other(error) => error,
        }
    }
}

impl From<Invalid> for Broken {
    fn from(invalid: Invalid) -> Self {
        Self::Text(invalid)
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn spec(text: Option<&str>, environment: &Environment) -> Result<Spec, Broken> {
    let mut params = text.map(dsn::parse).transpose()?.unwrap_or_default();
    let variables = Params::from_environment(environment)?;
    let service = params.get("service").or(variables.get("service")).map(str::to_owned);
    let file = params.get("servicefile").or(variables.get("servicefile")).map(PathBuf::from);
    if let Some(name) = service {
        params.fill(files::service(&name, file, environment)?);
    }
    params.fill(variables);
    let local = files::local(&mut params, environment);
    let spec = Spec::new(params, local)?;
    files::check_certificates(&spec.tls)?;
    Ok(spec)
}

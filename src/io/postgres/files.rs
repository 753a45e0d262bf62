//! The files that libpq reads for a connection: services, passwords, certificates.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::target::{Error, Source};
use crate::domain::connection::{Environment, Local, Params, Passfile, passfile, service, tls};
use crate::domain::untrusted::Untrusted;

/// The directories that packages are built with as `--sysconfdir` (Debian, others), for when
/// `PGSYSCONFDIR` is not set.
const SYSTEM_DIRECTORIES: &[&str] = &["/etc/postgresql-common", "/etc/postgresql", "/etc"];

/// Returns the service's parameters from the first file that has it.
pub(super) fn service(
    name: &str,
    file: Option<PathBuf>,
    environment: &Environment,
) -> Result<Params, Error> {
    let (mut files, mut known) = (Vec::new(), Vec::new());
    for path in service_files(file, environment) {
        let text = read_text("the service file", &path)?;
        if let Some(params) = service::find(&text, name).map_err(|invalid| Error::Invalid {
            source_of: Source::Variable(format!("service file {}", path.display())),
            invalid,
        })? {
            return Ok(params);
        }
        known.extend(service::names(&text).into_iter().map(str::to_owned));
        files.push(path);
    }
    Err(Error::NoService { name: name.to_owned(), files, known })
}

/// Returns the service files to read: the one that is named must exist; of the others, those
/// that do.
fn service_files(named: Option<PathBuf>, environment: &Environment) -> Vec<PathBuf> {
    let own = named
        .or_else(|| Some(home(environment)?.join(".pg_service.conf")).filter(|path| path.exists()));
    let system: Vec<&str> = match environment.get("PGSYSCONFDIR") {
        Some(directory) => vec![directory],
        None => SYSTEM_DIRECTORIES.to_vec(),
    };
    let system = system
        .into_iter()
        .map(|directory| Path::new(directory).join("pg_service.conf"))
        .find(|path| path.exists());
    own.into_iter().chain(system).collect()
}

fn read_text(what: &'static str, path: &Path) -> Result<String, Error> {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|why| Error::File { what, path: path.to_owned(), why })
}

fn home(environment: &Environment) -> Option<PathBuf> {
    environment.get("HOME").map(PathBuf::from)
}

/// Collects what this machine and account contribute, with notes on what is left out.
pub(super) fn local(params: &mut Params, environment: &Environment) -> Local {
    let home = home(environment);
    let certificates = home.as_deref().map(certificates).unwrap_or_default();
    let passfile = match (params.password(), passfile_path(params, home.as_deref())) {
        (None, Some(path)) => read_passfile(&path, params),
        _ => Passfile::default(),
    };
    Local {
        // sqlx 0.9 falls back to "anonymous" here (its issue 4277).
        user: whoami::username().unwrap_or_default(),
        socket_directory: socket_directory(params.get("port").unwrap_or("5432")),
        certificates,
        passfile,
    }
}

fn certificates(home: &Path) -> tls::Files {
    let existing = |name| Some(home.join(".postgresql").join(name)).filter(|path| path.exists());
    tls::Files {
        root: existing("root.crt"),
        certificate: existing("postgresql.crt"),
        key: existing("postgresql.key"),
    }
}

/// Returns the first of the usual directories in which a server listens on this port.
fn socket_directory(port: &str) -> Option<String> {
    passfile::DEFAULT_SOCKET_DIRECTORIES
        .iter()
        .find(|directory| Path::new(directory).join(format!(".s.PGSQL.{port}")).exists())
        .map(|directory| (*directory).to_owned())
}

fn passfile_path(params: &Params, home: Option<&Path>) -> Option<PathBuf> {
    params.get("passfile").map(PathBuf::from).or_else(|| Some(home?.join(".pgpass")))
}

/// Reads the password file; one that cannot be used is left out with a note.
fn read_passfile(path: &Path, params: &mut Params) -> Passfile {
    match passfile_text(path) {
        Ok(text) => Passfile::parse(&text.unwrap_or_default()),
        Err(why) => {
            let shown = Untrusted::new(path.display().to_string()).one_line();
            params.note(format!("the password file {shown} is left out: {why}"));
            Passfile::default()
        }
    }
}

/// Returns the text, nothing if there is no such file, or why libpq would not use it either.
fn passfile_text(path: &Path) -> Result<Option<String>, String> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| error.to_string())?,
    };
    if !metadata.is_file() {
        return Err("it is not a plain file".into());
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err("others than its owner can read it; run chmod 0600 on it".into());
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Checks that the named certificate files can be read, before a driver's less telling error.
pub(super) fn check_certificates(tls: &tls::Tls) -> Result<(), Error> {
    let root = tls.root.iter().map(|path| ("the root certificate (sslrootcert)", path));
    let client = tls.client.iter().flat_map(|(certificate, key)| {
        [("the client certificate (sslcert)", certificate), ("the client key (sslkey)", key)]
    });
    for (what, path) in root.chain(client) {
        fs::File::open(path).map_err(|why| Error::File { what, path: path.clone(), why })?;
    }
    Ok(())
}

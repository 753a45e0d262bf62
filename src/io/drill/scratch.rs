//! The scratch server of a drill, and the database in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Place, sql, sweep};
use crate::domain::backup::Kind;
use crate::domain::quantity::size;
use crate::domain::untrusted::Untrusted;
use crate::io::cluster::clients::Client;
use crate::io::cluster::{self, Cluster, PORT, Programs, SUPERUSER, Spec, clients};
use crate::tools::pg_dump::Found;

/// The database that a backup is loaded into.
pub(super) const DATABASE: &str = "drill";
/// Without compression rows take about so many times their bytes once they are loaded and
/// indexed; a compressed archive of 127 MB was a database of 1 GB.
const GROWS: u64 = 3;
const UNPACKS: u64 = 12;
/// An empty cluster with its log of writes.
const EMPTY: u64 = 150 << 20;

/// A server that lives as long as this value, or this process.
#[derive(Debug)]
pub(super) struct Scratch {
    cluster: Cluster,
    tools: Tools,
    /// Bytes of the backup.
    pub bytes: u64,
}

impl Scratch {
    /// Makes the server, of the version that the backup asks for, where there is room for it.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn make(
        path: &Path,
        found: &Found,
        settings: &[(&str, &str)],
        place: &Place,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Self, String> {
        let tools = Tools::find(found)?;
        let bytes = bytes(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let room = Room { bytes, needed: needs(bytes, found.kind) };
        Self::start(tools, &room, settings, place, tell)
    }

    /// Makes a server of this major version, with room for a database of so many bytes.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn of_major(
        major: u32,
        bytes: u64,
        settings: &[(&str, &str)],
        place: &Place,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Self, String> {
        let needed = bytes.saturating_mul(GROWS).saturating_add(EMPTY);
        Self::start(Tools::of_major(major)?, &Room { bytes, needed }, settings, place, tell)
    }

    fn start(
        tools: Tools,
        wanted: &Room,
        more: &[(&str, &str)],
        place: &Place,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Self, String> {
        sweep(&place.state);
        let temporary = std::env::temp_dir();
        let free = rustix::fs::statvfs(&temporary).ok().map(|stat| stat.f_bavail * stat.f_frsize);
        room(free, wanted.needed, &temporary)?;
        tell(&format!("making a scratch server, PostgreSQL {}", tools.server.version));
        let settings = [
            ("autovacuum", "off"),
            ("synchronous_commit", "off"),
            ("wal_level", "minimal"),
            ("max_wal_senders", "0"),
            ("maintenance_work_mem", "256MB"),
            ("max_wal_size", "4GB"),
        ];
        let settings = settings.iter().chain(more);
        let settings = settings.map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let spec = Spec {
            state: Some(place.state.clone()),
            watcher: Some(place.program.clone()),
            settings,
        };
        let cluster = Cluster::start_with(tools.programs.clone(), &spec)
            .map_err(|error| shown(&error.to_string()))?;
        Ok(Self { cluster, tools, bytes: wanted.bytes })
    }

    /// Returns what proves here, e.g. `PostgreSQL 15.20`.
    pub fn tool(&self) -> String {
        format!(
            "lockkeeper {}, PostgreSQL {}",
            env!("CARGO_PKG_VERSION"),
            self.tools.server.version
        )
    }

    /// Returns one of the server's programs, bound to the server, with nothing of our
    /// environment that would lead elsewhere.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.tools.path(name));
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
        command.env("PGHOST", self.cluster.socket_dir()).env("PGPORT", PORT.to_string());
        command.env("PGUSER", SUPERUSER).env("HOME", self.cluster.socket_dir());
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Makes the database, anew if there is one, as `options` of CREATE DATABASE say.
    ///
    /// # Errors
    /// As the server says.
    pub fn database(&self, options: &str) -> Result<(), String> {
        sql::run(self, "postgres", &format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"))?;
        let create = format!("CREATE DATABASE {DATABASE} WITH TEMPLATE = template0{options}");
        sql::run(self, "postgres", &create).map(drop)
    }

    /// Makes a role that can do nothing; policies and owners ask for names.
    ///
    /// # Errors
    /// As the server says.
    pub fn role(&self, name: &str) -> Result<(), String> {
        let quoted = name.replace('"', "\"\"");
        sql::run(self, "postgres", &format!("CREATE ROLE \"{quoted}\" NOLOGIN")).map(drop)
    }

    /// Runs `pg_amcheck` over all that was loaded: what it looked at, or what it found.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn amcheck(&self) -> Result<Result<String, String>, String> {
        let path = self.tools.path("pg_amcheck");
        if !path.is_file() {
            return Err(format!(
                "pg_amcheck is not installed beside the server ({})",
                path.display()
            ));
        }
        sql::run(self, DATABASE, "CREATE EXTENSION IF NOT EXISTS amcheck")
            .map_err(|why| format!("the extension amcheck is not installed: {why}"))?;
        let mut command = self.program("pg_amcheck");
        command.args(["--heapallindexed", "--no-password", "--database", DATABASE]);
        let output = command.output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.code() {
            Some(0) => {
                let version = &self.tools.server.version;
                Ok(Ok(format!("pg_amcheck {version} found no fault in any table or index")))
            }
            // "2: no errors occurred, but corruption was found" (pg_amcheck's manual).
            Some(2) => Ok(Err(shown(&format!("pg_amcheck: {}", first(&said))))),
            _ => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(shown(&format!("pg_amcheck failed ({}): {}", output.status, first(&said))))
            }
        }
    }

    /// Returns how the database of the backup is reached.
    pub fn dsn(&self) -> String {
        self.cluster.dsn(SUPERUSER, DATABASE)
    }

    /// Returns the server's own directory, which goes with it.
    pub fn directory(&self) -> &Path {
        self.cluster.socket_dir()
    }

    /// Returns the server's version, e.g. `15.20`.
    pub fn version(&self) -> &str {
        &self.tools.server.version
    }

    /// Stops and removes it.
    ///
    /// # Errors
    /// When it runs on.
    pub fn end(self) -> Result<(), cluster::Error> {
        self.cluster.stop()
    }
}

fn first(said: &str) -> &str {
    said.lines().next().unwrap_or("it said nothing")
}

/// The room that a database takes.
struct Room {
    /// Bytes of what is loaded.
    bytes: u64,
    /// Bytes that have to be free.
    needed: u64,
}

/// The programs of a drill: the server of the later of the versions that the backup was made of
/// and by, or of the next one that is installed, and its clients.
#[derive(Clone, Debug)]
struct Tools {
    server: Client,
    programs: Programs,
    psql: PathBuf,
    pg_restore: PathBuf,
}

impl Tools {
    fn find(found: &Found) -> Result<Self, String> {
        let versions = [&found.server_version, &found.tool_version];
        let major = versions.into_iter().flatten().filter_map(|text| major(text.raw())).max();
        Self::of_major(major.ok_or("which version it is of is not known")?)
    }

    fn of_major(major: u32) -> Result<Self, String> {
        let find = |name| clients::find(name, major).map_err(|unfit| unfit.to_string());
        let server = find("postgres")?;
        // A link to one program says nothing of the others: they lie where it leads to.
        let real = server.path.canonicalize().unwrap_or_else(|_| server.path.clone());
        let bin = real.parent().map(Path::to_owned).unwrap_or_default();
        let programs = Programs::find_in(vec![bin]).map_err(|missing| missing.to_string())?;
        let client = |name| match programs.path(name) {
            path if path.is_file() => Ok(path),
            _ => find(name).map(|client| client.path),
        };
        let (psql, pg_restore) = (client("psql")?, client("pg_restore")?);
        Ok(Self { server, programs, psql, pg_restore })
    }

    fn path(&self, name: &str) -> PathBuf {
        match name {
            "psql" => self.psql.clone(),
            "pg_restore" => self.pg_restore.clone(),
            other => self.programs.path(other),
        }
    }
}

fn major(version: &str) -> Option<u32> {
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Returns the bytes of a file, or of the files of a directory.
fn bytes(path: &Path) -> std::io::Result<u64> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let sizes = std::fs::read_dir(path)?.map(|entry| Ok(entry?.metadata()?.len()));
    sizes.sum()
}

/// Returns how much room loading a backup of so many bytes may take.
fn needs(bytes: u64, kind: Kind) -> u64 {
    let times = if kind == Kind::Plain { GROWS } else { UNPACKS };
    bytes.saturating_mul(times).saturating_add(EMPTY)
}

/// Refuses where there is too little room, or nobody tells how much.
fn room(free: Option<u64>, needed: u64, directory: &Path) -> Result<(), String> {
    let place = PathBuf::from(directory);
    match free {
        Some(free) if free >= needed => Ok(()),
        Some(free) => Err(format!(
            "{} has {} free, and loading it may take {} (an estimate by its size): free some, or \
             set TMPDIR to another place",
            place.display(),
            size(free),
            size(needed)
        )),
        None => Err(format!("how much is free in {} cannot be told", place.display())),
    }
}

/// Returns a text from outside on one line.
pub(super) fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_for_what_it_may_unpack_to_nothing_is_begun() {
        let place = Path::new("/tmp");
        let needed = needs(127_000_000, Kind::Custom);
        assert!(needed > 1 << 30, "a database of 1 GB was a file of 127 MB");
        assert_eq!(room(Some(needed), needed, place), Ok(()));
        let refused = room(Some(needed - 1), needed, place);
        assert!(refused.is_err_and(|why| why.contains("an estimate") && why.contains("TMPDIR")));
        assert!(room(None, needed, place).is_err());
    }
}

//! What a dump of a database leaves out and a restore elsewhere needs: the roles, the
//! database's own properties, and tables that somebody wants as CSV too. Files in a directory
//! beside the dump, each with its sum in the manifest.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::file::{new_file, sha256};
use super::snapshot::Snapshot;
use super::{Failed, Job, say};
use crate::domain::backup::manifest::{self, Side};
use crate::domain::untrusted::Untrusted;
use crate::io::journal::file::sync_directory;

/// The arguments that let `pg_dump` write the database itself and nothing in it: CREATE
/// DATABASE, its owner, rights, comment, limits and settings, its roles' settings in it.
const PROPERTIES: [&str; 5] =
    ["--format=plain", "--create", "--schema-only", "--exclude-schema=*", "--no-password"];
/// The arguments that let `pg_dumpall` write the roles; without their passwords, which only a
/// superuser may read.
const ROLES: [&str; 3] = ["--roles-only", "--no-role-passwords", "--no-password"];

/// The directory beside a dump that is being written.
pub(super) struct Beside {
    directory: PathBuf,
    sides: Vec<Side>,
}

impl Beside {
    /// Writes all that the job asks for.
    pub async fn write(
        job: &Job,
        snapshot: &mut Snapshot,
        csv: &[String],
        name: &str,
    ) -> Result<Option<Self>, Failed> {
        if job.roles.is_none() && csv.is_empty() {
            return Ok(None);
        }
        let directory = job.directory.join(manifest::beside(name));
        let made = DirBuilder::new().mode(0o700).create(&directory);
        made.map_err(|error| failed(&directory, &error))?;
        let mut beside = Self { directory, sides: Vec::new() };
        let mut written = beside.tables(job, snapshot, csv).await;
        if written.is_ok() {
            written = beside.around(job, snapshot).await;
        }
        match written.and_then(|()| beside.synced()) {
            Ok(()) => Ok(Some(beside)),
            Err(failed) => {
                beside.discard();
                Err(failed)
            }
        }
    }

    /// Writes tables as CSV: they were asked for, so one that fails ends it all.
    async fn tables(
        &mut self,
        job: &Job,
        snapshot: &mut Snapshot,
        csv: &[String],
    ) -> Result<(), Failed> {
        for quoted in csv {
            let name = Untrusted::from(quoted.as_str()).one_line();
            say(&format!("{name} as CSV"));
            let file_name = format!("{}.csv", tame(quoted));
            let (file, path) = self.create(&file_name)?;
            let copied = snapshot.copy_out(quoted, file, job.count).await;
            let rows = copied.map_err(|why| Failed::Running(format!("{name} as CSV: {why}")))?;
            self.note(&path, &file_name, "csv", Some((quoted.clone(), rows)))?;
        }
        Ok(())
    }

    /// Writes what a restore elsewhere needs. The dump is a backup without it: what cannot be
    /// written is said, and not in the manifest.
    async fn around(&mut self, job: &Job, snapshot: &Snapshot) -> Result<(), Failed> {
        let Some(pg_dumpall) = &job.roles else { return Ok(()) };
        say("the database's own properties");
        let mut properties = job.pg_dump.command();
        properties.args(PROPERTIES).args(job.pg_dump.connection(&snapshot.database));
        properties.arg(format!("--snapshot={}", snapshot.id));
        properties.arg(format!("--lock-wait-timeout={}", job.lock_wait.as_millis()));
        self.tool(properties, "database.sql", "properties").await?;
        say("the roles, without passwords");
        let mut roles = pg_dumpall.command();
        roles.args(pg_dumpall.connection(&snapshot.database));
        // Without, it would look for a database named postgres.
        roles.args(ROLES).arg(format!("--database={}", snapshot.database));
        self.tool(roles, "roles.sql", "roles").await
    }

    /// Lets a program write a file.
    async fn tool(&mut self, mut command: Command, name: &str, what: &str) -> Result<(), Failed> {
        let (file, path) = self.create(name)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::from(file))
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&path, &error))?;
        let output = child.wait_with_output().await.map_err(|error| failed(&path, &error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let last = Untrusted::from(last).one_line();
            say(&format!("MISSING: {name} was not written: {last}"));
            return fs::remove_file(&path).map_err(|error| failed(&path, &error));
        }
        self.note(&path, name, what, None)
    }

    fn create(&self, name: &str) -> Result<(File, PathBuf), Failed> {
        let path = self.directory.join(name);
        let file = new_file(&path).map_err(|error| failed(&path, &error))?;
        Ok((file, path))
    }

    fn note(
        &mut self,
        path: &Path,
        name: &str,
        what: &str,
        table: Option<(String, u64)>,
    ) -> Result<(), Failed> {
        let summed = File::open(path).and_then(|mut file| {
            file.sync_all()?;
            sha256(&mut file)
        });
        let (sha256, size) = summed.map_err(|error| failed(path, &error))?;
        let (table, rows) = table.unzip();
        let (name, what) = (name.to_owned(), what.to_owned());
        self.sides.push(Side { name, what, sha256, size, table, rows });
        Ok(())
    }

    fn synced(&self) -> Result<(), Failed> {
        sync_directory(&self.directory).map_err(|error| failed(&self.directory, &error))
    }

    /// Returns what the manifest tells of the files.
    pub fn sides(&self) -> Vec<Side> {
        self.sides.clone()
    }

    /// Removes it all: the dump that it is beside of has come to nothing.
    pub fn discard(&self) {
        remove(&self.directory);
    }
}

/// Removes the directory beside a dump and the files in it; what else is there stays.
pub(in crate::io) fn remove(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        // A file that stays keeps the directory, which is found again.
        let _ = fs::remove_file(entry.path());
    }
    let _ = fs::remove_dir(directory);
}

/// Returns a file's name for a table's, which may be anything.
fn tame(table: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._".contains(c) { c } else { '_' };
    table.chars().map(plain).take(100).collect()
}

fn failed(path: &Path, error: &io::Error) -> Failed {
    Failed::Running(format!("{}: {error}", Untrusted::from(path.display().to_string()).one_line()))
}

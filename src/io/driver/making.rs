//! What a backup's plan stands on, and what a backup has left behind.

use std::path::Path;

use super::{Inner, environment, read};
use crate::domain::evidence::Level;
use crate::domain::identity::Identity;
use crate::domain::locks::Mode;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Confirmed, Digest, Plan};
use crate::domain::resolve::{self, After, Postcondition};
use crate::domain::untrusted::Untrusted;
use crate::io::act::Job;
use crate::io::backup::{self, Left};
use crate::io::blocking::blocking;
use crate::io::cluster::clients;
use crate::io::journal::Journal;
use crate::io::perform::{Act, Finished};
use crate::io::postgres::reader::Reader;
use crate::io::store;
use crate::session::making::{Dumper, Making, Parts};

impl Inner {
    /// Reads what a backup of the target stands on.
    pub(super) async fn making(&self, identity: &Identity, parts: &Parts) -> Making {
        let to = parts.to.as_deref();
        let mut reader = self.reader.lock().await;
        let tables = named(&mut reader, &parts.tables).await;
        let csv = named(&mut reader, &parts.csv).await;
        let database = reader.database_size().await.ok();
        let exclusive = reader.exclusive().await.map_err(|error| error.to_string());
        drop(reader);
        let spec = &self.site.target.spec;
        // What cannot be read tells nothing of the room that one takes.
        let known = self.inventory().await.map(|inventory| inventory.backups).unwrap_or_default();
        blocking(|| {
            let place = backup::look(&self.site.backups(to));
            Making {
                dumper: dumper(identity.major()),
                tables,
                csv,
                roles: dumpall(identity.major()),
                directory: place.directory,
                unfit: place.unfit,
                stale: place.stale,
                free: place.free,
                database,
                known,
                exclusive: exclusive.map(|found| {
                    let mode = Mode::AccessExclusive;
                    found.iter().map(|holding| read::who(holding, mode)).collect()
                }),
                level: self.site.config().backups.required_level.clamp(Level::L2, store::HIGHEST),
                tool: self.site.tool().ok().map(|(tool, _)| tool.word()),
                env: environment::for_backup(spec, "", "").into_iter().map(|(n, _)| n).collect(),
            }
        })
    }

    /// Tells what became of a backup from its program's exit, and from what is on the disk.
    pub(super) fn backup_ended(
        journal: &Journal,
        act: &Act,
        confirmed: &Confirmed,
        finished: &Finished,
    ) -> Outcome {
        let message = finished.output.last().cloned().unwrap_or_default();
        let outcome = resolve::classify(&finished.exit, &After { message, ..After::default() });
        let job = Job::of(journal.dir(), &act.id, confirmed.attempt());
        let left = job.map(|job| left_behind(confirmed.plan(), &job));
        match (outcome.ending, left) {
            (Ending::Done, Ok(Postcondition::Holds)) => outcome,
            (Ending::Done, _) => Outcome {
                ending: Ending::Failed,
                message: "exit code 0, but the file and its manifest are not there".into(),
                ..outcome
            },
            _ => outcome,
        }
    }
}

/// Returns the tables of these names, as the server quotes them.
async fn named(reader: &mut Reader, names: &[String]) -> Result<Vec<String>, String> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let found = reader.named_tables(names).await.map_err(|error| error.to_string())?;
    let quoted = |(name, quoted): (String, Option<String>)| {
        quoted.ok_or_else(|| {
            let name = Untrusted::from(name.as_str()).one_line();
            format!("there is no table {name} in this database")
        })
    };
    found.into_iter().map(quoted).collect()
}

/// Returns the `pg_dumpall` for a server of that version.
fn dumpall(major: u32) -> Result<String, String> {
    let found = clients::find("pg_dumpall", major).map_err(|unfit| unfit.to_string())?;
    let path = found.path.to_str().map(str::to_owned);
    path.ok_or_else(|| "the path of pg_dumpall is not UTF-8".to_owned())
}

/// Returns the `pg_dump` for a server of that version.
fn dumper(major: u32) -> Result<Dumper, String> {
    program("pg_dump", major)
}

/// Returns a client program for a server of that version.
pub(super) fn program(name: &'static str, major: u32) -> Result<Dumper, String> {
    let found = clients::find(name, major).map_err(|unfit| unfit.to_string())?;
    let path = found.path.to_str().ok_or_else(|| {
        let path = Untrusted::from(found.path.to_string_lossy().as_ref()).one_line();
        format!("the path of {path} is not UTF-8")
    })?;
    let bytes = std::fs::read(&found.path).map_err(|error| format!("{path}: {error}"))?;
    Ok(Dumper {
        path: path.to_owned(),
        digest: Digest::of(path, &bytes),
        warning: found.warning(),
        major: found.major,
        version: found.version,
    })
}

/// Returns the version of the `pg_dump` for a server of that version.
pub(super) fn dumper_version(major: u32) -> Result<String, String> {
    let found = clients::find("pg_dump", major).map_err(|unfit| unfit.to_string())?;
    Ok(found.version)
}

/// Returns what is on the disk of the backup that the job made or was to make.
pub(super) fn left_behind(plan: &Plan, job: &Job) -> Postcondition {
    let Action::Backup { location, .. } = &plan.action else { return Postcondition::CannotTell };
    let Ok(name) = backup::named_in(&job.out()) else { return Postcondition::CannotTell };
    let Some(name) = name else { return Postcondition::NoFile };
    match backup::left(Path::new(location), &name) {
        Ok(Left::Whole) => Postcondition::Holds,
        Ok(Left::Partial) => Postcondition::OnlyPartial,
        Ok(Left::Nothing) => Postcondition::NoFile,
        Err(_) => Postcondition::CannotTell,
    }
}

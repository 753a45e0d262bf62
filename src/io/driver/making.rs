//! What a backup's plan stands on, and what a backup has left behind.

use std::path::Path;

use super::{Inner, environment, read};
use crate::domain::evidence::Level;
use crate::domain::identity::Identity;
use crate::domain::locks::Mode;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Confirmed, Plan};
use crate::domain::resolve::{self, After, Postcondition};
use crate::domain::untrusted::Untrusted;
use crate::io::act::Job;
use crate::io::backup::{self, Left};
use crate::io::blocking::blocking;
use crate::io::client;
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
        let dumper = self.client_program("pg_dump", identity.major()).await;
        let roles = self.dumpall(identity.major(), dumper.as_ref().ok()).await;
        blocking(|| {
            let place = backup::look(&self.site.backups(to));
            Making {
                dumper,
                tables,
                csv,
                roles,
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
                contents: self.site.config().backups.contents,
                env: environment::for_backup(spec, "", "").into_iter().map(|(n, _)| n).collect(),
            }
        })
    }

    /// Returns a client program for a server of that version: [`client::find`].
    pub(super) async fn client_program(
        &self,
        name: &'static str,
        major: u32,
    ) -> Result<Dumper, String> {
        client::find(&self.site, &self.allowed, name, major).await
    }

    /// Returns the `pg_dumpall` for a server of that version: where the prefix runs the one,
    /// it runs the other.
    async fn dumpall(&self, major: u32, dumper: Option<&Dumper>) -> Result<String, String> {
        match dumper {
            Some(Dumper { through: Some(_), .. }) => Ok("pg_dumpall".to_owned()),
            _ => Ok(self.client_program("pg_dumpall", major).await?.path),
        }
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

//! What a backup's plan stands on, and what a backup has left behind.

use std::path::Path;
use std::time::Duration;

use super::{Inner, environment, read};
use crate::domain::config::Client;
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
use crate::io::probe::command::{self, Bounds};
use crate::io::store;
use crate::session::making::{Dumper, Making, Parts};

/// How long a program behind a prefix may take to tell its version: a container may be slow.
const ASKING: Duration = Duration::from_secs(20);

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

    /// Returns a client program for a server of that version: a file of this machine, or what
    /// the configured prefix runs.
    pub(super) async fn client_program(
        &self,
        name: &'static str,
        major: u32,
    ) -> Result<Dumper, String> {
        match &self.site.config().backups.client {
            None => blocking(|| program(name, major)),
            Some(client) => self.behind(client, name, major).await,
        }
    }

    /// Returns the program that a prefix runs, once it has told its version through it.
    async fn behind(&self, client: &Client, name: &str, major: u32) -> Result<Dumper, String> {
        let allowed = self.site.loaded.commands_allowed(&self.allowed);
        allowed.map_err(|refused| refused.to_string())?;
        let ask = [name, "--version"].map(str::to_owned);
        let argv: Vec<String> = client.prefix.iter().cloned().chain(ask).collect();
        let shown = Untrusted::from(argv.join(" ")).one_line();
        let bounds = Bounds { limit: ASKING, most: 4 << 10 };
        let output = command::output(&argv, &self.site.project, &Vec::new(), bounds).await;
        let output = output.map_err(|why| format!("{shown}: {why}"))?;
        let text = String::from_utf8_lossy(&output.out).into_owned();
        let Some(found) = clients::told(Path::new(name), &text) else {
            let said = String::from_utf8_lossy(&output.err);
            let last = Untrusted::from(said.trim().lines().last().unwrap_or_default()).one_line();
            return Err(format!("{shown} tells no version ({}): {last}", output.status));
        };
        if found.major < major {
            return Err(format!(
                "{shown} is of version {}, and refuses a server of version {major}: use a \
                 container of that version in [backups.client]",
                found.version
            ));
        }
        Ok(Dumper {
            path: name.to_owned(),
            through: Some(client.clone()),
            digest: None,
            warning: found.warning(),
            major: found.major,
            version: found.version,
        })
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

/// Returns a client program of this machine for a server of that version.
fn program(name: &'static str, major: u32) -> Result<Dumper, String> {
    let found = clients::find(name, major).map_err(|unfit| unfit.to_string())?;
    let path = found.path.to_str().ok_or_else(|| {
        let path = Untrusted::from(found.path.to_string_lossy().as_ref()).one_line();
        format!("the path of {path} is not UTF-8")
    })?;
    let bytes = std::fs::read(&found.path).map_err(|error| format!("{path}: {error}"))?;
    Ok(Dumper {
        path: path.to_owned(),
        through: None,
        digest: Some(Digest::of(path, &bytes)),
        warning: found.warning(),
        major: found.major,
        version: found.version,
    })
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

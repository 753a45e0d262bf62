//! What others keep: pgBackRest, Barman and WAL-G are asked by their own programs, each within
//! a time limit, and what a provider keeps is what somebody wrote down.

use std::path::Path;
use std::time::Duration;

use crate::domain::backup::{Backup, Judged, Kind, Scope};
use crate::domain::config::{Backups, Managed};
use crate::domain::untrusted::Untrusted;
use crate::io::act::{Environment, Value};
use crate::io::allowed::Allowed;
use crate::io::config::Loaded;
use crate::io::probe::command::{self, Bounds, Output};
use crate::tools::catalog::{Printed, Told};
use crate::tools::{barman, pgbackrest, walg};

/// How long a program may take for one answer.
pub const LIMIT: Duration = Duration::from_secs(10);
/// So much of an answer is read: a thousand backups of pgBackRest take 600 kB.
const MOST: usize = 16 << 20;
/// So many of Barman's newest backups are asked for what its list leaves out.
const DETAILED: usize = 8;

/// What a program of ours gets of our environment beside what every one gets: how these
/// programs are told where their repositories are.
const THEIRS: [&str; 7] = ["PGBACKREST_", "WALG_", "WALE_", "AWS_", "GOOGLE_", "AZURE_", "BARMAN_"];

/// Returns true if another program is to be asked.
#[must_use]
pub fn is_asked(backups: &Backups) -> bool {
    names_programs(backups) || !backups.objects.is_empty()
}

fn names_programs(backups: &Backups) -> bool {
    backups.pgbackrest.is_some() || backups.barman.is_some() || backups.walg.is_some()
}

/// Returns what is known before anybody was asked: that nobody has answered.
pub(super) fn unasked(backups: &Backups) -> Told {
    let named = [
        (backups.pgbackrest.is_some(), "pgbackrest"),
        (backups.barman.is_some(), "barman"),
        (backups.walg.is_some(), "wal-g"),
    ];
    let asked = named.into_iter().filter(|(asked, _)| *asked);
    let asked = asked.map(|(_, name)| name.to_owned()).chain(backups.objects.iter().cloned());
    let problems =
        asked.map(|name| Untrusted::from(format!("{name} has not answered yet")).one_line());
    let problems = problems.collect();
    Told { backups: Vec::new(), problems }
}

/// Asks every program and every object store that the configuration names, all at the same
/// time, each for no longer than `limit`: [`LIMIT`], but in tests.
pub async fn ask(loaded: &Loaded, cwd: &Path, allowed: &Allowed, limit: Duration) -> Told {
    let backups = &loaded.config.backups;
    let (mut told, objects) =
        tokio::join!(programs(loaded, cwd, allowed, limit), objects(&backups.objects, limit));
    told.extend(objects);
    told
}

async fn programs(loaded: &Loaded, cwd: &Path, allowed: &Allowed, limit: Duration) -> Told {
    let backups = &loaded.config.backups;
    if let Err(refused) = loaded.commands_allowed(allowed) {
        return match names_programs(backups) {
            true => Told::problem(refused.to_string()),
            false => Told::default(),
        };
    }
    let at = Asker::new(cwd, limit);
    let (mut told, barman, walg) =
        tokio::join!(at.pgbackrest(backups), at.barman(backups), at.walg(backups));
    told.extend(barman);
    told.extend(walg);
    told
}

/// Starts no program: what a configuration names here it may name without being allowed.
#[cfg(feature = "cloud")]
async fn objects(addresses: &[String], limit: Duration) -> Told {
    if addresses.is_empty() {
        return Told::default();
    }
    let addresses = addresses.to_vec();
    let told = tokio::task::spawn_blocking(move || {
        super::cloud::told(&addresses, limit, chrono::Utc::now())
    });
    told.await.unwrap_or_else(|error| Told::problem(error.to_string()))
}

#[cfg(not(feature = "cloud"))]
fn objects(addresses: &[String], _: Duration) -> std::future::Ready<Told> {
    let problem = |address: &String| Told::problem(format!("{address}: {}", super::UNBUILT));
    let told = addresses.iter().map(problem).fold(Told::default(), |mut told, one| {
        told.extend(one);
        told
    });
    std::future::ready(told)
}

fn environment() -> Environment {
    // A variable that is no UTF-8 is none that these programs read.
    let all = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let theirs = all.filter(|(name, _)| THEIRS.iter().any(|p| name.starts_with(p)));
    theirs.map(|(name, value)| (name, Value::Secret(value.into()))).collect()
}

/// Asks programs from one place.
pub(super) struct Asker<'a> {
    cwd: &'a Path,
    env: Environment,
    limit: Duration,
}

impl<'a> Asker<'a> {
    /// Returns one who asks from `cwd`, each time for no longer than `limit`.
    pub(super) fn new(cwd: &'a Path, limit: Duration) -> Self {
        Self { cwd, env: environment(), limit }
    }

    async fn pgbackrest(&self, backups: &Backups) -> Told {
        let Some(known) = &backups.pgbackrest else { return Told::default() };
        match self.output(&known.prefix, pgbackrest::command(&known.stanza)).await {
            Ok(output) => pgbackrest::read(&known.stanza, printed(&output)),
            Err(why) => Told::problem(why),
        }
    }

    async fn barman(&self, backups: &Backups) -> Told {
        let Some(known) = &backups.barman else { return Told::default() };
        let mut told = match self.output(&known.prefix, barman::list(&known.server)).await {
            Ok(output) => barman::read(&known.server, printed(&output)),
            Err(why) => return Told::problem(why),
        };
        let whole = told.backups.iter_mut().filter(|backup| backup.complete == Some(true));
        let asked = tokio::time::timeout(self.limit, async {
            for backup in whole.take(DETAILED) {
                let show = barman::show(&known.server, &backup.location);
                if let Some(show) = show
                    && let Ok(output) = self.output(&known.prefix, show).await
                {
                    barman::detail(&known.server, backup, printed(&output));
                }
            }
        });
        if asked.await.is_err() {
            let why =
                "barman: its show-backup is too slow; the ages that it did not tell are unknown";
            told.problems.push(why.to_owned());
        }
        told
    }

    async fn walg(&self, backups: &Backups) -> Told {
        let Some(known) = &backups.walg else { return Told::default() };
        match self.output(&known.prefix, walg::command()).await {
            Ok(output) => walg::read(printed(&output)),
            Err(why) => Told::problem(why),
        }
    }

    /// Runs a program; the error names it.
    pub(super) async fn output(
        &self,
        prefix: &[String],
        command: Vec<String>,
    ) -> Result<Output, String> {
        let name = command.first().cloned().unwrap_or_default();
        let argv: Vec<String> = prefix.iter().cloned().chain(command).collect();
        let bounds = Bounds { limit: self.limit, most: MOST };
        let output = command::output(&argv, self.cwd, &self.env, bounds).await;
        output.map_err(|why| format!("{name} cannot be asked: {why}"))
    }
}

pub(super) fn printed(output: &Output) -> Printed<'_> {
    Printed { out: &output.out, err: &output.err, code: output.status.code() }
}

/// Returns the snapshots of the provider that somebody has written down.
pub(super) fn written_down(backups: &Backups) -> impl Iterator<Item = Backup> {
    backups.managed.iter().map(managed)
}

fn managed(known: &Managed) -> Backup {
    let by = known.by.as_deref().unwrap_or("lockkeeper.toml");
    let name = Untrusted::from(known.name.as_str()).one_line();
    let mut backup = Backup::at(format!("managed:{name}"), Kind::Managed);
    backup.snapshot_started_at = Some(known.taken_at);
    backup.system_identifier.clone_from(&known.system_identifier);
    backup.scope = Some(Scope::Full);
    backup.judged = Some(Judged {
        by: Untrusted::from(by).one_line(),
        ok: None,
        at: Some(known.taken_at),
        what: "written down by hand: only the provider can tell what is in it".to_owned(),
    });
    backup
}

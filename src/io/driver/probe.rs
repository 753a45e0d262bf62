//! Reading the probes of a runbook, all of one step together.

use std::time::Duration;

use chrono::Utc;
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use super::{Inner, environment};
use crate::domain::backup::Inventory;
use crate::domain::counters::Surroundings;
use crate::domain::deploy::Deploy;
use crate::domain::evidence::{Builtin, Operand, Probe, Reading, Sense, Value, Word};
use crate::domain::identity::Identity;
use crate::domain::plan::Direction;
use crate::domain::quantity::Percent;
use crate::domain::secret;
use crate::domain::snapshot::Snapshot;
use crate::domain::window::Window;
use crate::io::act::Environment;
use crate::io::allowed::Allowed;
use crate::io::blocking::blocking;
use crate::io::driver::in_the_way;
use crate::io::driver::integrity::is_queried;
use crate::io::journal;
use crate::io::postgres::reader::Reader;
use crate::io::probe as outside;
use crate::io::site::Site;
use crate::session::facts::Migrations;
use crate::session::probe::{self, Backups, Known};
use crate::source::sql::question::only_reads;

/// The name that a probe's program bears on the server.
const PROBES: &str = "lockkeeper/probe";

/// Counting over large tables ends by this; what was not counted is unknown.
const LIMIT: Duration = Duration::from_secs(20);

/// What a rehearsal answers: whether it still holds depends on the version of the tool.
const REHEARSED: [Builtin; 4] =
    [Builtin::Rehearsed, Builtin::DownRehearsed, Builtin::PendingTakes, Builtin::FitsWindow];

/// What the built-in probes of one step are answered from.
#[derive(Default)]
struct Read {
    snapshot: Option<Snapshot>,
    /// Why there is no snapshot.
    unseen: Option<String>,
    slow: Option<Surroundings>,
    migrations: Option<Migrations>,
    pinned: Option<bool>,
    lease: Option<bool>,
    conflicting: Option<Vec<String>>,
    led_to: Option<Vec<String>>,
    deploy: Option<Deploy>,
    journal: Option<bool>,
    identity: Option<Identity>,
    inventory: Option<Inventory>,
    disk: Option<Value>,
}

impl Inner {
    /// Reads `probes`, each within its timeout; one that cannot be read is unknown.
    pub async fn probe(&self, probes: &[Probe]) -> Vec<Reading> {
        let builtins: Vec<Builtin> = probes.iter().filter_map(builtin).collect();
        let read = self.read_for(&builtins).await;
        let mut readings = Vec::new();
        for probe in probes {
            let value = match self.may_be_asked(probe).await {
                Ok(()) => self.answer(probe, &read).await,
                Err(why) => Value::unknown(why),
            };
            readings.push(Reading { value, at: Utc::now() });
        }
        readings
    }

    /// Checks that what would answer a probe's SQL is the target that is bound: nothing passes
    /// on the word of another one.
    async fn may_be_asked(&self, probe: &Probe) -> Result<(), String> {
        if self.is_sql(probe) { self.identity().await.map(drop) } else { Ok(()) }
    }

    async fn answer(&self, probe: &Probe, read: &Read) -> Value {
        let Sense::Builtin(builtin) = probe.sense else {
            return self.sense(probe, &self.reader).await;
        };
        let queried = self.queried(builtin, &self.reader, LIMIT).await;
        queried.unwrap_or_else(|| {
            probe::value(builtin, &read.known(&self.site.config().policy.windows))
        })
    }

    async fn read_for(&self, builtins: &[Builtin]) -> Read {
        let mut read = Read::default();
        if builtins.is_empty() {
            return read;
        }
        match self.activity().await {
            Ok((snapshot, slow)) => {
                read.snapshot = Some(snapshot);
                read.slow = slow;
            }
            Err(why) => read.unseen = Some(why),
        }
        let identity = self.identity().await;
        read.pinned = self.site.target.pin.is_some().then_some(identity.is_ok());
        if identity.is_ok() {
            read.migrations = self.migrations().await.ok().map(|(_, migrations)| migrations);
        }
        if let Some(migrations) = &mut read.migrations {
            if REHEARSED.iter().any(|builtin| builtins.contains(builtin)) {
                self.ask_version(migrations).await;
            }
            self.count_for(builtins, migrations).await;
        }
        if let Ok(identity) = &identity
            && builtins.contains(&Builtin::LeaseFree)
        {
            read.lease = self.lease_is_free(identity).await;
        }
        if builtins.contains(&Builtin::LockHoldersConflicting) {
            read.conflicting = self.conflicting(read.migrations.as_ref()).await;
        }
        if builtins.contains(&Builtin::DiskFree) {
            read.disk = self.disk().await;
        }
        read.led_to.clone_from(&self.led_to());
        let backups = [Builtin::BackupAge, Builtin::BackupLevel, Builtin::BackupSound];
        if backups.iter().any(|builtin| builtins.contains(builtin)) {
            read.inventory = self.inventory().await.ok();
        }
        if let Ok(identity) = &identity {
            read.deploy = self.deploy_of(identity);
        }
        read.identity = identity.ok();
        if builtins.contains(&Builtin::JournalWritable) {
            read.journal = Some(match self.walks() {
                Some(journal) => blocking(|| journal.check()).is_ok(),
                None => blocking(|| journal::takes_more(&self.site.paths.runs())),
            });
        }
        read
    }

    /// Counts the rows that `builtins` ask for: of what may run next, either way.
    async fn count_for(&self, builtins: &[Builtin], migrations: &mut Migrations) {
        let ways = [
            (Direction::Up, [Builtin::UpLoses, Builtin::UpRefused]),
            (Direction::Down, [Builtin::DownLoses, Builtin::DownRefused]),
        ];
        for (direction, asked) in ways {
            let next = migrations.next(direction).map(str::to_owned);
            if let Some(next) = next.filter(|_| asked.iter().any(|one| builtins.contains(one))) {
                self.counted(migrations, &next, direction).await;
            }
        }
    }

    /// Returns who holds what the next migration asks for.
    async fn conflicting(&self, migrations: Option<&Migrations>) -> Option<Vec<String>> {
        let migrations = migrations?;
        let Some(next) = migrations.project.next() else { return Some(Vec::new()) };
        if !next.up.is_understood() {
            return None;
        }
        let holders = self.holders(migrations, Direction::Up).await.ok()?;
        Some(in_the_way(migrations.hazards(&next.id, Direction::Up), &holders))
    }

    /// Reads a probe that is none of ours, through `reader` if it is SQL.
    pub(super) async fn sense(&self, probe: &Probe, reader: &Mutex<Reader>) -> Value {
        let probe = match self.meant(probe) {
            Ok(probe) => probe,
            Err(why) => return Value::unknown(why),
        };
        match &probe.sense {
            Sense::Builtin(builtin) => {
                let limit = probe.timeout.duration();
                if let Some(value) = self.queried(*builtin, reader, limit).await {
                    return value;
                }
                let read = Box::pin(self.read_for(&[*builtin])).await;
                probe::value(*builtin, &read.known(&self.site.config().policy.windows))
            }
            Sense::Configured(_) => Value::unknown("it names another probe of the configuration"),
            _ => sense(probe, &self.site, &self.allowed, reader).await,
        }
    }

    /// Returns the probe that is asked: the configuration's, where it is named there.
    fn meant<'a>(&'a self, probe: &'a Probe) -> Result<&'a Probe, String> {
        let Sense::Configured(name) = &probe.sense else { return Ok(probe) };
        let found = self.site.config().probes.get(name);
        found.ok_or_else(|| format!("the configuration has no probe {name}"))
    }

    /// Returns true if a probe is answered by a query of its own, over the one connection of
    /// whoever asks.
    pub(super) fn is_sql(&self, probe: &Probe) -> bool {
        let is_query = |probe: &Probe| match probe.sense {
            Sense::Sql { .. } => true,
            Sense::Builtin(builtin) => is_queried(builtin),
            _ => false,
        };
        self.meant(probe).is_ok_and(is_query)
    }

    /// Returns the share of the disk that is free, as the probe named `disk` says it.
    async fn disk(&self) -> Option<Value> {
        let probe = self.site.config().probes.get("disk")?;
        if matches!(probe.sense, Sense::Builtin(_) | Sense::Configured(_)) {
            // It would ask for what it is asked for, without end.
            let why = "the probe named disk has to measure it: by sql, command, http or file";
            return Some(Value::unknown(why));
        }
        let value = Box::pin(self.sense(probe, &self.reader)).await;
        let value = value.answered().unwrap_or(value);
        Some(match value {
            Value::Text(text) => match text.parse() {
                Ok(percent) => Value::Percent(percent),
                Err(why) => Value::unknown(why),
            },
            value => value.number().map_or(value, |free| Value::Percent(Percent::new(free))),
        })
    }
}

impl Read {
    fn backups(&self) -> Option<Backups<'_>> {
        Some(Backups {
            inventory: self.inventory.as_ref()?,
            identity: self.identity.as_ref()?,
            now: Utc::now(),
        })
    }

    fn known<'a>(&'a self, windows: &'a [Window]) -> Known<'a> {
        Known {
            snapshot: self.snapshot.as_ref(),
            unseen: self.unseen.as_deref(),
            slow: self.slow.as_ref(),
            migrations: self.migrations.as_ref(),
            pinned: self.pinned,
            journal: self.journal,
            lease: self.lease,
            conflicting: self.conflicting.as_deref(),
            led_to: self.led_to.as_deref(),
            backups: self.backups(),
            disk: self.disk.as_ref(),
            deploy: self.deploy.as_ref(),
            windows,
        }
    }
}

/// Reads a probe that is none of the program's own: by `reader` if it is SQL, as a program
/// only where the configuration's commands are `allowed`. What cannot be read is unknown.
pub async fn sense(probe: &Probe, site: &Site, allowed: &Allowed, reader: &Mutex<Reader>) -> Value {
    let limit = probe.timeout.duration();
    match &probe.sense {
        Sense::Sql { text, binds } => sense_sql(reader, text, binds, limit).await,
        Sense::File { path, measure } => {
            blocking(|| outside::file(&site.project.join(path), *measure))
        }
        Sense::Command(argv) => sense_command(argv, site, allowed, limit).await,
        Sense::Http(url) => sense_http(url.clone(), limit).await,
        Sense::Builtin(_) | Sense::Configured(_) => Value::unknown("the console measures it"),
    }
}

async fn sense_command(argv: &[Word], site: &Site, allowed: &Allowed, limit: Duration) -> Value {
    if let Err(refused) = site.loaded.commands_allowed(allowed) {
        return Value::unknown(refused.to_string());
    }
    let mut words = Vec::new();
    for word in argv {
        match word {
            Word::Text(text) => words.push(text.clone()),
            Word::Named(name) => return Value::unknown(format!("{name} has no known value")),
        }
    }
    let env = environment::variables(&site.target.spec, site.config(), PROBES, None);
    match outside::command::run(&words, &site.project, &env, limit).await {
        Value::Answer { status, text } => Value::Answer { status, text: masked(text, &env) },
        other => other,
    }
}

fn builtin(probe: &Probe) -> Option<Builtin> {
    match probe.sense {
        Sense::Builtin(builtin) => Some(builtin),
        _ => None,
    }
}

async fn sense_sql(reader: &Mutex<Reader>, sql: &str, binds: &[Operand], limit: Duration) -> Value {
    let mut values = Vec::new();
    for bind in binds {
        match bind {
            Operand::Literal(value) => values.push(value.clone()),
            Operand::Named(name) => return Value::unknown(format!("{name} has no known value")),
        }
    }
    let select = match only_reads(sql) {
        Ok(select) => select,
        Err(refused) => return Value::unknown(refused.to_string()),
    };
    match reader.lock().await.value(&select, &values, limit).await {
        Ok(Some(text)) => plain(text),
        Ok(None) => Value::unknown("it gave no value"),
        Err(error) => Value::unknown(error.to_string()),
    }
}

/// Returns the number that a text writes out in digits, whole or not, else the text.
fn plain(text: String) -> Value {
    if let Ok(number) = text.parse() {
        return Value::Int(number);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte));
    match text.parse() {
        Ok(number) if is_number => Value::Float(number),
        _ => Value::Text(text),
    }
}

/// Asks on a thread of its own: the request blocks.
async fn sense_http(url: String, limit: Duration) -> Value {
    let asked = tokio::task::spawn_blocking(move || outside::http::get(&url, limit)).await;
    asked.unwrap_or_else(|error| Value::unknown(error.to_string()))
}

/// Returns what a program printed, without the secrets that it was given.
fn masked(text: String, env: &Environment) -> String {
    let secrets = env.iter().filter_map(|(_, value)| value.secret());
    let known = secrets.map(ExposeSecret::expose_secret).filter(|known| !known.is_empty());
    secret::masked(&known.fold(text, |text, known| text.replace(known, secret::MASK)))
}

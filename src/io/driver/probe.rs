//! Reading the probes of a runbook, all of one step together.

use std::time::Duration;

use chrono::Utc;

use super::Inner;
use crate::domain::counters::Surroundings;
use crate::domain::deploy::Deploy;
use crate::domain::evidence::{Builtin, Probe, Reading, Sense, Value};
use crate::domain::plan::Direction;
use crate::domain::snapshot::Snapshot;
use crate::io::blocking::blocking;
use crate::io::driver::in_the_way;
use crate::session::facts::Migrations;
use crate::session::probe::{self, Known};
use crate::source::sql::question::only_reads;

/// What the built-in probes of one step are answered from.
#[derive(Default)]
struct Read {
    snapshot: Option<Snapshot>,
    slow: Option<Surroundings>,
    migrations: Option<Migrations>,
    pinned: Option<bool>,
    lease: Option<bool>,
    conflicting: Option<Vec<String>>,
    led_to: Option<Vec<String>>,
    deploy: Option<Deploy>,
    journal: Option<bool>,
}

impl Inner {
    /// Reads `probes`, each within its timeout; one that cannot be read is unknown.
    pub async fn probe(&self, probes: &[Probe]) -> Vec<Reading> {
        let builtins: Vec<Builtin> = probes.iter().filter_map(builtin).collect();
        let read = self.read_for(&builtins).await;
        let mut readings = Vec::new();
        for probe in probes {
            let value = match &probe.sense {
                Sense::Builtin(builtin) => probe::value(*builtin, &read.known()),
                _ => self.sense(probe).await,
            };
            readings.push(Reading { value, at: Utc::now() });
        }
        readings
    }

    async fn read_for(&self, builtins: &[Builtin]) -> Read {
        let mut read = Read::default();
        if builtins.is_empty() {
            return read;
        }
        if let Ok((snapshot, slow)) = self.activity().await {
            read.snapshot = Some(snapshot);
            read.slow = slow;
        }
        let identity = self.identity().await;
        read.pinned = self.site.target.pin.is_some().then_some(identity.is_ok());
        read.migrations = self.migrations().await.ok().map(|(_, migrations)| migrations);
        if let Ok(identity) = &identity
            && builtins.contains(&Builtin::LeaseFree)
        {
            read.lease = self.lease_is_free(identity).await;
        }
        if builtins.contains(&Builtin::LockHoldersConflicting) {
            read.conflicting = self.conflicting(read.migrations.as_ref()).await;
        }
        read.led_to.clone_from(&self.led_to());
        if let Ok(identity) = &identity {
            read.deploy = self.deploy_of(identity);
        }
        read.journal = self.walks().map(|journal| blocking(|| journal.check()).is_ok());
        read
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

    async fn sense(&self, probe: &Probe) -> Value {
        let limit = probe.timeout.duration();
        match &probe.sense {
            Sense::Sql { text, binds } if binds.is_empty() => self.sense_sql(text, limit).await,
            Sense::Sql { .. } => Value::unknown("this version cannot read a probe with binds"),
            Sense::File(path) => blocking(|| sense_file(&self.site.project.join(path))),
            Sense::Command(_) => Value::unknown("this version does not run commands as probes"),
            Sense::Http(_) => Value::unknown("this version does not ask HTTP endpoints"),
            _ => Value::unknown("this version cannot read it"),
        }
    }

    async fn sense_sql(&self, sql: &str, limit: Duration) -> Value {
        let select = match only_reads(sql) {
            Ok(select) => select,
            Err(refused) => return Value::unknown(refused.to_string()),
        };
        match self.reader.lock().await.value(&select, limit).await {
            Ok(Some(text)) => match text.parse() {
                Ok(number) => Value::Int(number),
                Err(_) => Value::Text(text),
            },
            Ok(None) => Value::unknown("it gave no value"),
            Err(error) => Value::unknown(error.to_string()),
        }
    }
}

impl Read {
    fn known(&self) -> Known<'_> {
        Known {
            snapshot: self.snapshot.as_ref(),
            slow: self.slow.as_ref(),
            migrations: self.migrations.as_ref(),
            pinned: self.pinned,
            journal: self.journal,
            lease: self.lease,
            conflicting: self.conflicting.as_deref(),
            led_to: self.led_to.as_deref(),
            deploy: self.deploy.as_ref(),
        }
    }
}

fn builtin(probe: &Probe) -> Option<Builtin> {
    match probe.sense {
        Sense::Builtin(builtin) => Some(builtin),
        _ => None,
    }
}

fn sense_file(path: &std::path::Path) -> Value {
    match std::fs::metadata(path) {
        Ok(file) => Value::Bool(file.is_file() && file.len() > 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Value::Bool(false),
        Err(error) => Value::unknown(format!("{}: {error}", path.display())),
    }
}

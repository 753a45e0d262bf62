//! The values that runbooks may write as `{policy.NAME}`.

use super::{Config, Escalation};
use crate::domain::evidence::Value;
use crate::domain::identity::{Class, Pin};

/// The names, those of `[policy]` first, then those of backups and triggers.
pub const POLICY_NAMES: [&str; 16] = [
    "forward_only",
    "rollback_within",
    "approvals",
    "lock_timeout",
    "attempts",
    "retry_pause",
    "statement_timeout",
    "windows",
    "backup_keep",
    "backup_max_age",
    "backup_level",
    "trigger_duration",
    "trigger_rows_lost",
    "trigger_health_failures",
    "trigger_slowdown",
    "trigger_auth_failures",
];

impl Config {
    /// Returns the pins of the targets of class production.
    #[must_use]
    pub fn production_pins(&self) -> Vec<Pin> {
        let production = self.targets.values().filter(|target| target.class == Class::Production);
        production.filter_map(|target| target.pin.clone()).collect()
    }

    /// Returns the value of `{policy.NAME}`; `None` if there is no such name.
    #[must_use]
    pub fn policy_value(&self, name: &str) -> Option<Value> {
        let (policy, backups, triggers) = (&self.policy, &self.backups, &self.triggers);
        Some(match name {
            "forward_only" => Value::Bool(policy.forward_only),
            "rollback_within" => Value::Period(policy.rollback_within),
            "approvals" => Value::Int(i64::from(policy.approvals)),
            "lock_timeout" => Value::Period(policy.lock_timeout),
            "attempts" => Value::Int(i64::from(policy.attempts)),
            "retry_pause" => Value::Period(policy.retry_pause),
            "statement_timeout" => Value::Period(policy.statement_timeout),
            // How many there are: a step asks whether it applies.
            "windows" => Value::Int(i64::try_from(policy.windows.len()).ok()?),
            "backup_keep" => Value::Int(i64::from(backups.keep)),
            "backup_max_age" => Value::Period(backups.max_age),
            "backup_level" => Value::Level(backups.required_level),
            "trigger_duration" => Value::Period(triggers.duration),
            "trigger_rows_lost" => Value::Int(i64::try_from(triggers.rows_lost).ok()?),
            "trigger_health_failures" => Value::Percent(triggers.health_failures),
            "trigger_slowdown" => Value::Percent(triggers.slowdown),
            "trigger_auth_failures" => Value::Percent(triggers.auth_failures),
            _ => return None,
        })
    }

    /// Returns whom to call, a line each: by level where there are levels, else everybody.
    #[must_use]
    pub fn people(&self) -> Vec<String> {
        if self.escalation.is_empty() {
            return self.contacts.keys().map(|name| self.person(name)).collect();
        }
        let line = |level: &Escalation| {
            let names: Vec<String> = level.contacts.iter().map(|name| self.person(name)).collect();
            let line = format!("{}: {}  {}", level.level, names.join(", "), level.when.join("; "));
            line.trim_end().to_owned()
        };
        self.escalation.iter().map(line).collect()
    }

    /// Returns who the contact of that name is and how they are reached, in a line.
    #[must_use]
    pub fn person(&self, name: &str) -> String {
        match self.contacts.get(name) {
            Some(contact) => format!("{} {}", contact.name, contact.reach),
            None => format!("{name} (not filled in)"),
        }
    }
}

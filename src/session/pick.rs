//! What a variable can be picked from: what is live.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::activity::{Backend, BackendKey};
use crate::domain::age;
use crate::domain::backup::Backup;
use crate::domain::runbook::From;
use crate::domain::untrusted::Untrusted;

use super::facts::Facts;

/// Something that can be picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The value that the variable gets.
    pub value: String,
    /// What is shown.
    pub label: String,
}

/// What can be picked, and what is to be said of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// In the order in which they are shown.
    pub all: Vec<Choice>,
    /// Why there is nothing to pick, where that is so.
    pub missing: Option<String>,
    /// A text may be typed instead.
    pub typed: bool,
}

/// Returns what a variable can be picked from; `None` if it is only typed.
#[must_use]
pub fn choices(from: &From, facts: &Facts) -> Option<Choices> {
    match from {
        From::Text | From::Number => None,
        From::Choice(choices) => Some(Choices {
            all: choices.iter().map(|one| plain(one)).collect(),
            missing: None,
            typed: false,
        }),
        From::Revision => Some(revisions(facts)),
        From::Table => Some(tables(facts)),
        From::Session => Some(sessions(facts)),
        From::Backup => Some(backups(facts)),
    }
}

fn plain(text: &str) -> Choice {
    Choice { value: text.to_owned(), label: text.to_owned() }
}

fn revisions(facts: &Facts) -> Choices {
    let Some(known) = facts.project.value() else {
        return unknown("the migrations are not known");
    };
    let mut all: Vec<Choice> = known
        .status
        .migrations
        .iter()
        .map(|entry| Choice {
            value: entry.id.clone(),
            label: format!("{}  {}", entry.id, Untrusted::from(entry.name.as_str()).one_line()),
        })
        .collect();
    // The newest is meant most often.
    all.reverse();
    Choices { all, missing: None, typed: true }
}

/// The tables that the migrations touch: the catalog is not read for this.
fn tables(facts: &Facts) -> Choices {
    let Some(known) = facts.project.value() else { return unknown("the tables are not known") };
    let hazards = known.status.migrations.iter().flat_map(|entry| &entry.hazards);
    let mut names: Vec<&str> =
        hazards.flat_map(|hazard| &hazard.locks).map(|held| held.relation.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    Choices { all: names.into_iter().map(plain).collect(), missing: None, typed: true }
}

fn sessions(facts: &Facts) -> Choices {
    let Some(snapshot) = facts.snapshot.value() else {
        return unknown("the sessions are not known");
    };
    let others = snapshot.backends.iter().filter(|backend| {
        !backend.ours && backend.backend_type == "client backend" && backend.backend_start.is_some()
    });
    let line = |backend: &Backend| {
        let state = backend.state.map_or("", |state| state.word());
        let user = backend.user.as_ref().map(Untrusted::one_line).unwrap_or_default();
        let application = backend.application.one_line();
        format!("{}  {user}  {application}  {state}", backend.pid)
    };
    let all = others.map(|b| Choice { value: session_text(b.key()), label: line(b) }).collect();
    Choices { all, missing: None, typed: false }
}

/// The backups, the one that one would restore first on top; none that is known to be bad.
fn backups(facts: &Facts) -> Choices {
    let Some(inventory) = facts.backups.value() else {
        return unknown("the backups are not known");
    };
    let line = |backup: &Backup| {
        let age = backup.age(facts.now).map_or("age unknown".to_owned(), age::rough);
        let level = backup.level().map_or("not proven".to_owned(), |level| level.to_string());
        let at = match &backup.revisions {
            None => "revision unknown".to_owned(),
            Some(ids) if ids.is_empty() => "no revision".to_owned(),
            Some(ids) => format!("at {}", ids.join(", ")),
        };
        let line = format!("{age} old  {level}  {at}  {}", backup.location);
        Untrusted::from(line).one_line()
    };
    let fit = inventory.backups.iter().filter(|backup| !backup.is_bad());
    let all = fit.map(|b| Choice { value: b.location.clone(), label: line(b) }).collect();
    Choices { all, missing: None, typed: true }
}

fn unknown(why: &str) -> Choices {
    Choices { all: Vec::new(), missing: Some(why.to_owned()), typed: true }
}

/// Returns a session as a variable's text: the pid and the moment at which it began, so that
/// a pid that was given anew is another session.
#[must_use]
pub fn session_text(key: BackendKey) -> String {
    let began = key.backend_start.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true));
    format!("{}@{}", key.pid, began.unwrap_or_default())
}

/// Returns the session that a variable's text names.
#[must_use]
pub fn session(text: &str) -> Option<BackendKey> {
    let (pid, began) = text.split_once('@')?;
    let began = DateTime::parse_from_rfc3339(began).ok()?.with_timezone(&Utc);
    Some(BackendKey { pid: pid.parse().ok()?, backend_start: Some(began) })
}

//! The second person: to what an approval is given, by whom, and how far that is proven.
//!
//! An approval is given to one plan. It is verified when the approver logged in to the
//! target with a database role of their own; nobody approves what they run themselves.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::journal::{Kind, Record};
use super::plan::{Plan, sha256_hex};

/// What an approval is given to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The step whose act it is; `None`: no act lies ahead.
    pub step: Option<String>,
    /// The hash of the act's plan; `None`: it could not be made.
    pub plan: Option<String>,
}

/// An approval that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The role in which it was given.
    pub role: String,
    /// Who gave it: a database role if it is verified, else a name.
    pub by: String,
    /// They logged in to the target with a database role of their own.
    #[serde(default)]
    pub verified: bool,
    /// To what.
    #[serde(default)]
    pub subject: Subject,
}

impl Approval {
    /// Returns who gave it and how far that is proven, for people.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} ({})", self.by, if self.verified { "verified" } else { "unverified" })
    }
}

/// What waits for a second person, as the run has recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// The role in which somebody approves.
    pub role: String,
    /// To what it is given.
    pub subject: Subject,
    /// How many people have to.
    pub needed: usize,
    /// What the step is called.
    #[serde(default)]
    pub title: String,
    /// The plan; `None`: it could not be made, or no act lies ahead.
    #[serde(default)]
    pub plan: Option<Box<Plan>>,
    /// Why there is no plan, or why it is asked for here.
    #[serde(default)]
    pub why: Option<String>,
    /// What was read last on the way here: name and value.
    #[serde(default)]
    pub evidence: Vec<(String, String)>,
}

/// Who runs what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executor {
    /// The database role that the run was opened with.
    pub role: String,
    /// The role that logged in for it: another one where the login sets a role; empty: it is not
    /// recorded.
    pub login: String,
    /// Everybody who has recorded in the run as its operator, as `user@host`, or by the name
    /// that it was handed over to.
    pub people: Vec<String>,
}

impl Executor {
    /// Returns true for every name and role of whoever runs this, or has run it before.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.is_role(name) || self.people.iter().any(|one| same_person(name, one))
    }

    /// Returns true for a role that the run uses.
    #[must_use]
    pub fn is_role(&self, name: &str) -> bool {
        same_person(name, &self.role) || same_person(name, &self.login)
    }

    /// Takes somebody who runs it from now on.
    pub fn joined_by(&mut self, name: &str) {
        if !self.people.iter().any(|known| known == name) {
            self.people.push(name.to_owned());
        }
    }
}

/// Returns true if both name the same person, as far as names can tell: in any case of letters,
/// and whatever machine stands behind an `@`. Names fall into classes by this: of those that it
/// takes for one person nobody counts twice, in whatever order they come.
#[must_use]
pub fn same_person(one: &str, other: &str) -> bool {
    person(one) == person(other)
}

/// Returns what a name says of the person, without the machine.
fn person(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let user = name.split('@').next().unwrap_or_default().trim();
    if user.is_empty() { name } else { user.to_owned() }
}

/// Returns of the approvals of each person the first.
pub fn each_once<'a>(given: impl Iterator<Item = &'a Approval>) -> Vec<&'a Approval> {
    given.fold(Vec::new(), |mut once, one| {
        if !once.iter().any(|known: &&Approval| same_person(&known.by, &one.by)) {
            once.push(one);
        }
        once
    })
}

/// Who approves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approver {
    /// `session_user` of their login to the run's target; `None`: they did not log in.
    pub login: Option<String>,
    /// The operating system's user, as `user@host`.
    pub account: String,
    /// The name that they gave.
    pub name: Option<String>,
}

/// Who it is, as far as that is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The name that is recorded.
    pub by: String,
    /// They logged in with a role of their own.
    pub verified: bool,
    /// Why it is not verified.
    pub why: Option<String>,
}

/// Why somebody cannot approve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The name is the executor's.
    #[error("{0} runs this: somebody else has to approve")]
    Own(String),
    /// Nothing tells them from the executor.
    #[error(
        "nothing tells you from {0}, who runs this: log in with a database role of your own \
         (--dsn or --target), or give a name (--as NAME), which stays unverified"
    )]
    Alike(String),
}

impl Approver {
    /// Returns who approves what `executor` runs.
    ///
    /// # Errors
    /// [`Refused`]: it is the executor, or cannot be told from them.
    pub fn judge(&self, executor: &Executor) -> Result<Known, Refused> {
        if let Some(login) = self.login.as_ref().filter(|login| !executor.is_role(login)) {
            if executor.is(login) {
                return Err(Refused::Own(login.clone()));
            }
            return Ok(Known { by: login.clone(), verified: true, why: None });
        }
        let why = match &self.login {
            Some(role) => format!("logged in as {role}, the role that the run uses"),
            None => "not logged in to the target".to_owned(),
        };
        let by = match self.name.as_ref().map(|name| name.trim()).filter(|name| !name.is_empty()) {
            Some(name) if executor.is(name) => {
                return Err(Refused::Own(name.to_owned()));
            }
            Some(name) => name.to_owned(),
            None if executor.is(&self.account) => {
                return Err(Refused::Alike(executor.people.first().cloned().unwrap_or_default()));
            }
            None => self.account.clone(),
        };
        Ok(Known { by, verified: false, why: Some(why) })
    }
}

/// What a run waits for, as its records say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The step at which it waits; empty: an act of no runbook.
    pub step: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What for.
    pub awaited: Awaited,
    /// Who has approved it already.
    pub given: Vec<Approval>,
}

impl Waiting {
    /// Returns what names exactly this: the plan's hash, or that of the step where there is
    /// no plan.
    #[must_use]
    pub fn token(&self, run: &str) -> String {
        let named = || sha256_hex(format!("{run}\n{}", self.step).as_bytes());
        self.awaited.subject.plan.clone().unwrap_or_else(named)
    }
}

/// Returns what the run of these records waits for a second person with, if it does: the last
/// that was asked for and is still waited for.
#[must_use]
pub fn waiting(records: &[Record]) -> Option<Waiting> {
    let asked = (0..records.len()).rev().filter(|at| records[*at].kind == Kind::Awaits);
    asked.into_iter().find_map(|at| waits(records, at))
}

/// Returns what was asked for at a record, if it is still waited for. An act of no runbook has
/// no step, and does not care where a walk beside it goes.
fn waits(records: &[Record], at: usize) -> Option<Waiting> {
    let (record, since) = (&records[at], &records[at + 1..]);
    let goes_on = |later: &Record| match later.kind {
        Kind::Closed => true,
        Kind::Step => record.step.is_some(),
        Kind::Ended | Kind::Override | Kind::Intent | Kind::Skip | Kind::Awaits => {
            later.step == record.step
        }
        _ => false,
    };
    if since.iter().any(goes_on) {
        return None;
    }
    let awaited: Awaited = serde_json::from_value(record.data.clone()).ok()?;
    let approved = records.iter().filter(|record| record.kind == Kind::Approved);
    let given = approved
        .filter_map(|record| serde_json::from_value::<Approval>(record.data.clone()).ok())
        .filter(|one| one.subject == awaited.subject && one.role == awaited.role);
    Some(Waiting {
        step: record.step.clone().unwrap_or_default(),
        since: record.at,
        given: given.collect(),
        awaited,
    })
}

/// Returns who has executed the run of these records.
#[must_use]
pub fn executor(records: &[Record]) -> Executor {
    let opened = |name: &Value| name.as_str().unwrap_or_default().to_owned();
    let (role, login) = records.first().map_or_else(Default::default, |first| {
        (opened(&first.data["target"]["role"]), opened(&first.data["login"]))
    });
    let mut executor = Executor { role, login, people: Vec::new() };
    let own = records.iter().filter(|record| record.is_of_executor());
    let handed = records.iter().filter_map(|record| record.data["handover"]["to"].as_str());
    for name in own.map(|record| record.operator.as_str()).chain(handed) {
        executor.joined_by(name);
    }
    executor
}

//! The second person: to what an approval is given, by whom, and how far that is proven.
//!
//! An approval is given to one plan. It is verified when the approver logged in to the
//! target with a database role of their own; nobody approves what they run themselves.

use serde::{Deserialize, Serialize};

use super::gate::same_person;
use super::plan::Plan;

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
    /// Everybody who has recorded in the run as its operator, as `user@host`, or by the name
    /// that it was handed over to.
    pub people: Vec<String>,
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
        let own = |name: &str| executor.people.iter().any(|one| same_person(name, one));
        if let Some(login) = self.login.as_ref().filter(|login| **login != executor.role) {
            if own(login) {
                return Err(Refused::Own(login.clone()));
            }
            return Ok(Known { by: login.clone(), verified: true, why: None });
        }
        let why = match &self.login {
            Some(role) => format!("logged in as {role}, the role that the run uses"),
            None => "not logged in to the target".to_owned(),
        };
        let by = match self.name.as_ref().map(|name| name.trim()).filter(|name| !name.is_empty()) {
            Some(name) if own(name) || name == executor.role => {
                return Err(Refused::Own(name.to_owned()));
            }
            Some(name) => name.to_owned(),
            None if own(&self.account) => {
                return Err(Refused::Alike(executor.people.first().cloned().unwrap_or_default()));
            }
            None => self.account.clone(),
        };
        Ok(Known { by, verified: false, why: Some(why) })
    }
}

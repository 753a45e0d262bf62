//! The safety checks before a migration: what was found, what was expected, and what that
//! comes to. Unknown is never ok.

use serde::Serialize;

use super::evidence::{Expect, Value, Verdict};

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is as expected.
    Pass,
    /// It is not.
    Fail,
    /// It cannot be told.
    Unknown,
    /// The configuration lets it be, for a reason.
    Waived,
}

impl State {
    /// Returns the word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Unknown => "CANNOT TELL",
            Self::Waived => "WAIVED",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The step's id in the runbook.
    pub id: String,
    /// What must be so.
    pub title: String,
    /// How it stands.
    pub state: State,
    /// What was found; `None`: unknown.
    pub value: Option<String>,
    /// What was expected.
    pub expected: String,
    /// Why it is asked, why it cannot be told, or why it is waived.
    pub why: Option<String>,
}

/// All checks, and what they come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checks {
    /// Always 1.
    pub schema: u32,
    /// Fail if any failed, else unknown if any is unknown.
    pub verdict: State,
    /// Each, in the order of the runbook.
    pub checks: Vec<Check>,
}

impl Check {
    /// Returns how a value stands to what is expected; `why` it is asked.
    #[must_use]
    pub fn sensed(
        id: &str,
        title: &str,
        value: &Value,
        expect: &Expect,
        why: Option<&str>,
    ) -> Self {
        let (state, why) = match (expect.test(value), value) {
            (Verdict::Pass, _) => (State::Pass, why.map(str::to_owned)),
            (Verdict::Fail, _) => (State::Fail, why.map(str::to_owned)),
            (Verdict::Unknown, Value::Unknown(cause)) => (State::Unknown, Some(cause.clone())),
            (Verdict::Unknown, _) => {
                (State::Unknown, Some("it cannot be compared with what is expected".to_owned()))
            }
        };
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            state,
            value: (!value.is_unknown()).then(|| value.to_string()),
            expected: expect.to_string(),
            why,
        }
    }

    /// Returns how something stands that only a person knows: as they said, or unknown.
    #[must_use]
    pub fn vouched(id: &str, title: &str, said: Option<&str>, expected: &str) -> Self {
        let why = format!("a person says that: --said {id}=…, or in the run");
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            state: if said.is_some() { State::Pass } else { State::Unknown },
            value: said.map(str::to_owned),
            expected: expected.to_owned(),
            why: Some(if said.is_some() { "as a person said".to_owned() } else { why }),
        }
    }

    /// Says that the configuration cannot let it be.
    #[must_use]
    pub fn firm(self) -> Self {
        let never = "never waived: identity, journal, a backup known bad";
        let why = match self.why {
            Some(why) => format!("{never}; {why}"),
            None => never.to_owned(),
        };
        Self { why: Some(why), ..self }
    }

    /// Lets it be, whatever was found.
    #[must_use]
    pub fn waived(self, reason: &str) -> Self {
        Self { state: State::Waived, why: Some(format!("waived: {reason}")), ..self }
    }
}

impl Checks {
    /// Returns what these come to.
    #[must_use]
    pub fn of(checks: Vec<Check>) -> Self {
        let any = |state: State| checks.iter().any(|check| check.state == state);
        let verdict = match (any(State::Fail), any(State::Unknown)) {
            (true, _) => State::Fail,
            (false, true) => State::Unknown,
            (false, false) => State::Pass,
        };
        Self { schema: 1, verdict, checks }
    }
}

//! What is expected of a value. No expression language: a table of conditions,
//! which must all hold.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::value::{Operand, Scope, Value};
use super::{Name, Verdict};

/// One condition on a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// It equals the operand.
    Equals(Operand),
    /// It is more than the operand.
    Above(Operand),
    /// It is the operand or more.
    Min(Operand),
    /// It is the operand or less.
    Max(Operand),
    /// There is nothing in it (or, if false, something).
    Empty(bool),
    /// The whole text has this form; `*` stands for any text.
    Matches(String),
    /// The HTTP status, or a program's exit status, is this one.
    Status(u16),
}

impl Condition {
    fn test(&self, value: &Value) -> Verdict {
        let holds = match self {
            Self::Equals(operand) => compare(value, operand).map(Ordering::is_eq),
            Self::Above(operand) => compare(value, operand).map(Ordering::is_gt),
            Self::Min(operand) => compare(value, operand).map(Ordering::is_ge),
            Self::Max(operand) => compare(value, operand).map(Ordering::is_le),
            Self::Empty(empty) => value.is_empty().map(|is| is == *empty),
            Self::Matches(form) => match value {
                Value::Text(text) => Some(matches(form, text)),
                Value::Answer { text, .. } => value.answered().map(|_| matches(form, text)),
                _ => None,
            },
            Self::Status(expected) => match value {
                Value::Answer { status, .. } => Some(status == expected),
                _ => None,
            },
        };
        match holds {
            Some(true) => Verdict::Pass,
            Some(false) => Verdict::Fail,
            None => Verdict::Unknown,
        }
    }

    fn resolved(&self, scope: &dyn Scope) -> Self {
        match self {
            Self::Equals(operand) => Self::Equals(operand.resolved(scope)),
            Self::Above(operand) => Self::Above(operand.resolved(scope)),
            Self::Min(operand) => Self::Min(operand.resolved(scope)),
            Self::Max(operand) => Self::Max(operand.resolved(scope)),
            other => other.clone(),
        }
    }

    fn name(&self) -> Option<&Name> {
        match self {
            Self::Equals(Operand::Named(name))
            | Self::Above(Operand::Named(name))
            | Self::Min(Operand::Named(name))
            | Self::Max(Operand::Named(name)) => Some(name),
            _ => None,
        }
    }
}

fn compare(value: &Value, operand: &Operand) -> Option<Ordering> {
    match operand {
        Operand::Literal(expected) => value.compare(expected),
        Operand::Named(_) => None,
    }
}

/// Returns true if all of `text` has the form, in which `*` stands for any text.
fn matches(form: &str, text: &str) -> bool {
    let Some((head, rest)) = form.split_once('*') else { return form == text };
    let Some(mut left) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(tail)
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(operand) => operand.fmt(f),
            Self::Above(operand) => write!(f, "more than {operand}"),
            Self::Min(operand) => write!(f, "at least {operand}"),
            Self::Max(operand) => write!(f, "at most {operand}"),
            Self::Empty(true) => f.write_str("none"),
            Self::Empty(false) => f.write_str("some"),
            Self::Matches(form) => write!(f, "like {form}"),
            Self::Status(status) => write!(f, "status {status}"),
        }
    }
}

/// Conditions that must all hold; there is at least one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct Expect(Vec<Condition>);

impl Expect {
    /// Returns what is expected; `None` if there is no condition.
    #[must_use]
    pub fn new(conditions: Vec<Condition>) -> Option<Self> {
        (!conditions.is_empty()).then_some(Self(conditions))
    }

    /// Returns the expectation of exactly this value.
    #[must_use]
    pub fn equals(value: Value) -> Self {
        Self(vec![Condition::Equals(Operand::Literal(value))])
    }

    /// Returns the expectation of this exit status or HTTP status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self(vec![Condition::Status(status)])
    }

    /// Returns the expectation of more than this value.
    #[must_use]
    pub fn above(value: Value) -> Self {
        Self(vec![Condition::Above(Operand::Literal(value))])
    }

    /// Returns the expectation of nothing: no name, no text, a count of 0.
    #[must_use]
    pub fn nothing() -> Self {
        Self(vec![Condition::Empty(true)])
    }

    /// Returns whether the value is as expected.
    ///
    /// Unknown if the value is, if it cannot be compared, or if a name still
    /// stands where a value belongs: see [`Expect::resolved`].
    #[must_use]
    pub fn test(&self, value: &Value) -> Verdict {
        if value.is_unknown() {
            return Verdict::Unknown;
        }
        self.0.iter().map(|one| one.test(value)).fold(Verdict::Pass, Verdict::and)
    }

    /// Returns the same with each name replaced by its value in `scope`, where it has one.
    #[must_use]
    pub fn resolved(&self, scope: &dyn Scope) -> Self {
        Self(self.0.iter().map(|one| one.resolved(scope)).collect())
    }

    /// Returns the conditions.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.0
    }

    /// Returns the names that the conditions hold.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(Condition::name)
    }
}

/// What is expected, in words: `at least 1 and at most 5`.
impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(" and "))
    }
}

/// The written form of [`Expect`].
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    #[serde(skip_serializing_if = "Option::is_none")]
    equals: Option<Operand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    above: Option<Operand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Operand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Operand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

impl TryFrom<Table> for Expect {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let conditions = [
            table.equals.map(Condition::Equals),
            table.above.map(Condition::Above),
            table.min.map(Condition::Min),
            table.max.map(Condition::Max),
            table.empty.map(Condition::Empty),
            table.matches.map(Condition::Matches),
            table.status.map(Condition::Status),
        ];
        let all = conditions.into_iter().flatten().collect();
        Self::new(all).ok_or_else(|| {
            "nothing is expected: write equals, above, min, max, empty, matches or status"
                .to_owned()
        })
    }
}

impl From<Expect> for Table {
    fn from(expect: Expect) -> Self {
        let mut table = Self::default();
        for condition in expect.0 {
            match condition {
                Condition::Equals(operand) => table.equals = Some(operand),
                Condition::Above(operand) => table.above = Some(operand),
                Condition::Min(operand) => table.min = Some(operand),
                Condition::Max(operand) => table.max = Some(operand),
                Condition::Empty(empty) => table.empty = Some(empty),
                Condition::Matches(form) => table.matches = Some(form),
                Condition::Status(status) => table.status = Some(status),
            }
        }
        table
    }
}

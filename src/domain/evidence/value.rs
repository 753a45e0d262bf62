//! Values that probes bring and files write, and how they compare.

use std::cmp::Ordering;
use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::domain::quantity::{Percent, Period};

/// How far a backup is proven; each level includes nothing of the one above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Header and table of contents can be read.
    L0,
    /// Unchanged since it was made (SHA-256 against our manifest).
    L1,
    /// Structurally complete.
    L2,
    /// Decodes in full; rows counted.
    L3,
    /// Loads into a scratch cluster.
    L4,
    /// Equal to its source: exact counts or content hash.
    L5,
    /// No physical fault found by `pg_amcheck`.
    L6,
}

impl Level {
    /// Every level, weakest first.
    pub const ALL: [Self; 7] =
        [Self::L0, Self::L1, Self::L2, Self::L3, Self::L4, Self::L5, Self::L6];

    /// Parses `L0` to `L6`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.to_string() == text)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A value, sensed or written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A count.
    Int(i64),
    /// A measure.
    Float(f64),
    /// A word or a text.
    Text(String),
    /// A length of time.
    Period(Period),
    /// A share.
    Percent(Percent),
    /// How far a backup is proven.
    Level(Level),
    /// Names, e.g. those of invalid indexes.
    List(Vec<String>),
    /// What a program or an HTTP endpoint answered.
    Answer {
        /// Exit status or HTTP status.
        status: u16,
        /// The first line.
        text: String,
    },
    /// Nothing is known, and why.
    Unknown(String),
}

impl Value {
    /// Returns the value of a probe that could not tell.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(why.into())
    }

    /// Returns true if nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Returns how this value stands to `other`; `None` if they cannot be compared.
    ///
    /// A written text is read as the other's kind: `"L3"` beside a level, `"5m"`
    /// beside a length of time. Lists are compared by their length. The text of an
    /// answer counts only if the answer was not an error.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Answer { .. }, _) => self.answered()?.compare(other),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Period(a), Self::Period(b)) => Some(a.cmp(b)),
            (Self::Level(a), Self::Level(b)) => Some(a.cmp(b)),
            (Self::Period(a), Self::Text(b)) => Some(a.cmp(&b.parse().ok()?)),
            (Self::Percent(a), Self::Text(b)) => a.partial_cmp(&b.parse().ok()?),
            (Self::Level(a), Self::Text(b)) => Some(a.cmp(&Level::parse(b)?)),
            (Self::Text(_), Self::Period(_) | Self::Percent(_) | Self::Level(_)) => {
                other.compare(self).map(Ordering::reverse)
            }
            (Self::List(a), Self::Int(b)) => Some(i64::try_from(a.len()).ok()?.cmp(b)),
            (Self::List(a), Self::List(b)) => (a == b).then_some(Ordering::Equal),
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    /// Returns the text of an answer as a value of its own: a number if it reads as
    /// one; `None` for any other value and for the answer of a failure.
    #[must_use]
    pub fn answered(&self) -> Option<Self> {
        let Self::Answer { status: 0 | 200..=399, text } = self else { return None };
        let number = text.parse().map(Self::Int).ok();
        let number = number.or_else(|| text.parse().map(Self::Float).ok());
        Some(number.unwrap_or_else(|| Self::Text(text.clone())))
    }

    /// Returns the value as a number, if it is one.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts far above 2^53 do not occur")]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(*n as f64),
            Self::Float(n) => Some(*n).filter(|n| !n.is_nan()),
            Self::Percent(p) => Some(p.value()),
            _ => None,
        }
    }

    /// Returns whether there is nothing in a list or text, or zero of a count.
    #[must_use]
    pub fn is_empty(&self) -> Option<bool> {
        match self {
            Self::Int(n) => Some(*n == 0),
            Self::Text(text) => Some(text.is_empty()),
            Self::List(names) => Some(names.is_empty()),
            Self::Answer { text, .. } => self.answered().map(|_| text.is_empty()),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(true) => f.write_str("yes"),
            Self::Bool(false) => f.write_str("no"),
            Self::Int(n) => n.fmt(f),
            Self::Float(n) => n.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Period(period) => period.fmt(f),
            Self::Percent(percent) => percent.fmt(f),
            Self::Level(level) => level.fmt(f),
            Self::List(names) if names.is_empty() => f.write_str("none"),
            Self::List(names) => f.write_str(&names.join(", ")),
            Self::Answer { status, text } if text.is_empty() => write!(f, "status {status}"),
            Self::Answer { status, text } => write!(f, "status {status}: {text}"),
            Self::Unknown(why) => write!(f, "cannot tell: {why}"),
        }
    }
}

/// A name that stands for a value: `{var.table}`, `{policy.lock_timeout}`, `{probe.rows}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A variable that an `ask` step sets.
    Var(String),
    /// A value of the configuration's `[policy]`.
    Policy(String),
    /// What a probe of the runbook has said last in this run.
    Probe(String),
}

impl Name {
    /// Returns the name in `text` if it is one as a whole; `Ok(None)` for other text.
    ///
    /// # Errors
    /// If a name stands inside other text, or is of an unknown family: values are
    /// never put into text that something parses.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let is_word = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        match inner.and_then(|inner| inner.split_once('.')) {
            Some(("var", name)) if is_word(name) => Ok(Some(Self::Var(name.to_owned()))),
            Some(("policy", name)) if is_word(name) => Ok(Some(Self::Policy(name.to_owned()))),
            Some(("probe", name)) if is_word(name) => Ok(Some(Self::Probe(name.to_owned()))),
            _ if ["{var.", "{policy.", "{probe."].iter().any(|name| text.contains(name)) => Err(
                format!("\"{text}\": a variable has to be the whole value, never a part of a text"),
            ),
            _ => Ok(None),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Var(name) => write!(f, "{{var.{name}}}"),
            Self::Policy(name) => write!(f, "{{policy.{name}}}"),
            Self::Probe(name) => write!(f, "{{probe.{name}}}"),
        }
    }
}

/// What the names of a runbook stand for at a moment of a run.
pub trait Scope {
    /// Returns the value of `name`, if it has one by now.
    fn value(&self, name: &Name) -> Option<Value>;
}

/// A value in a condition: written, or named.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// As written.
    Literal(Value),
    /// What the name stands for when the condition is tested.
    Named(Name),
}

impl Operand {
    /// Returns the operand with its name replaced by the value in `scope`, if it has one.
    #[must_use]
    pub fn resolved(&self, scope: &dyn Scope) -> Self {
        match self {
            Self::Named(name) => match scope.value(name) {
                Some(value) if !value.is_unknown() => Self::Literal(value),
                _ => self.clone(),
            },
            Self::Literal(_) => self.clone(),
        }
    }
}

impl Operand {
    /// Returns the name, if it is one.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Named(name) => Some(name),
            Self::Literal(_) => None,
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => value.fmt(f),
            Self::Named(name) => name.fmt(f),
        }
    }
}

struct OperandVisitor;

impl Visitor<'_> for OperandVisitor {
    type Value = Operand;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, or true or false")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Operand, E> {
        Ok(Operand::Literal(Value::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Operand, E> {
        Ok(Operand::Literal(Value::Int(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Operand, E> {
        Ok(Operand::Literal(Value::Float(value)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Operand, E> {
        let name = Name::parse(text).map_err(E::custom)?;
        Ok(name.map_or_else(|| Operand::Literal(Value::Text(text.to_owned())), Operand::Named))
    }
}

impl<'de> Deserialize<'de> for Operand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OperandVisitor)
    }
}

impl Serialize for Operand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Literal(Value::Bool(value)) => serializer.serialize_bool(*value),
            Self::Literal(Value::Int(value)) => serializer.serialize_i64(*value),
            Self::Literal(Value::Float(value)) => serializer.serialize_f64(*value),
            other => serializer.collect_str(other),
        }
    }
}

/// One element of an argument vector: a text, or a name that fills the whole element.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// Passed as it stands.
    Text(String),
    /// Replaced by the value.
    Named(Name),
}

impl Word {
    /// Returns the name, if it is one.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Named(name) => Some(name),
            Self::Text(_) => None,
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Named(name) => name.fmt(f),
        }
    }
}

impl TryFrom<String> for Word {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Ok(Name::parse(&text)?.map_or(Self::Text(text), Self::Named))
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

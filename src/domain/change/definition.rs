//! What one text defines and another text replaces: routines, views, triggers, rules, policies,
//! and the parts of a table.

use std::fmt;

use super::{Name, Type};

/// Something that is nothing but its definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub thing: Thing,
    /// Its name.
    pub name: Name,
    /// The types that a routine is called with; `None` where they are not written.
    pub arguments: Option<Vec<Type>>,
    /// The relation that it belongs to: of a trigger, a rule, a policy.
    pub on: Option<Name>,
}

/// What is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// `ROUTINE`: any of the three.
    Routine,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A trigger.
    Trigger,
    /// A rule.
    Rule,
    /// A policy.
    Policy,
    /// An index.
    Index,
    /// A constraint of a table.
    Constraint,
    /// The type of a column.
    ColumnType,
    /// The default of a column.
    ColumnDefault,
    /// That a column may not be NULL.
    NotNull,
    /// The comment on a table.
    TableComment,
    /// The comment on a column.
    ColumnComment,
}

/// A definition as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Of what.
    pub object: Object,
    /// `OR REPLACE`, `IF NOT EXISTS`: it may stand already.
    pub may_stand: bool,
    /// All that follows the name, without what means nothing: two definitions of one text are
    /// the same.
    pub text: String,
}

impl Thing {
    /// Returns true for what lies in one name space with functions (`pg_proc`).
    #[must_use]
    pub fn is_routine(self) -> bool {
        matches!(self, Self::Function | Self::Procedure | Self::Aggregate | Self::Routine)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Routine => "routine",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Index => "index",
            Self::Constraint => "constraint",
            Self::ColumnType => "the type of",
            Self::ColumnDefault => "the default of",
            Self::NotNull => "NOT NULL of",
            Self::TableComment | Self::ColumnComment => "the comment on",
        }
    }

    /// Returns true for what a column has.
    #[must_use]
    pub fn is_of_column(self) -> bool {
        matches!(self, Self::ColumnType | Self::ColumnDefault | Self::NotNull | Self::ColumnComment)
    }
}

impl Object {
    /// Returns true if both may mean the same: what is not written may be anything.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        let is_thing =
            self.thing == other.thing || (self.thing.is_routine() && other.thing.is_routine());
        let fits = |pair: (&Option<Vec<Type>>, &Option<Vec<Type>>)| match pair {
            (Some(own), Some(others)) => own == others,
            _ => true,
        };
        let is_on = match (&self.on, &other.on) {
            (Some(own), Some(other)) => own.may_be(other),
            _ => true,
        };
        is_thing
            && self.name.may_be(&other.name)
            && fits((&self.arguments, &other.arguments))
            && is_on
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(on) = self.on.as_ref().filter(|_| self.thing.is_of_column()) {
            return write!(f, "{} {on}.{}", self.thing.words(), self.name);
        }
        write!(f, "{} {}", self.thing.words(), self.name)?;
        if let Some(arguments) = &self.arguments {
            let kinds: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            write!(f, "({})", kinds.join(", "))?;
        }
        match &self.on {
            Some(on) => write!(f, " on {on}"),
            None => Ok(()),
        }
    }
}

//! Columns and constraints, as a migration writes them.

use super::{Name, Type};

/// A column being added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// `NOT NULL` or `PRIMARY KEY`.
    pub not_null: bool,
    /// Its default.
    pub default: Default,
    /// Whether its value is generated.
    pub generated: Option<Generated>,
    /// The constraints written on it, besides `NOT NULL`.
    pub constraints: Vec<Constraint>,
}

/// The default of a column, by what PostgreSQL must do with the rows that exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Default {
    /// None, or NULL.
    None,
    /// One value for all rows, stored once in the catalog (also `now()`).
    Stable,
    /// A value per row: the table is written anew. The expression.
    Volatile(String),
    /// A function whose volatility only the database knows. The expression.
    Unknown(String),
}

/// How a column's value is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// `AS IDENTITY`.
    Identity,
    /// `STORED`: computed when written.
    Stored,
    /// `VIRTUAL` (PostgreSQL 18): computed when read.
    Virtual,
}

/// A constraint being added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Its name, if given.
    pub name: Option<String>,
    /// What it demands.
    pub rule: Rule,
    /// `NOT VALID` or `NOT ENFORCED`: the rows that exist are not checked.
    pub not_valid: bool,
}

/// What a constraint demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `CHECK`, the expression as written.
    Check(String),
    /// `NOT NULL` as a constraint of a table (PostgreSQL 18): the column.
    NotNull(String),
    /// `UNIQUE` over these columns.
    Unique(Vec<String>),
    /// `PRIMARY KEY` over these columns.
    PrimaryKey(Vec<String>),
    /// `UNIQUE USING INDEX`: the index.
    UniqueUsing(Name),
    /// `PRIMARY KEY USING INDEX`: the index.
    PrimaryKeyUsing(Name),
    /// `FOREIGN KEY`: the columns, the referenced table, and the columns there; none: its
    /// primary key.
    ForeignKey(Vec<String>, Name, Vec<String>),
    /// `EXCLUDE`.
    Exclude,
}

impl Column {
    /// Returns true if adding the column gives each row a value of its own, so
    /// that the table is written anew; `None` if only the database can tell.
    #[must_use]
    pub fn rewrites(&self) -> Option<bool> {
        match (self.generated, &self.default) {
            (Some(Generated::Identity | Generated::Stored), _) | (_, Default::Volatile(_)) => {
                Some(true)
            }
            (None, _) if self.kind.is_serial() => Some(true),
            (None, Default::Unknown(_)) => None,
            (Some(Generated::Virtual), _) | (None, Default::None | Default::Stable) => Some(false),
        }
    }

    /// Returns true if rows that exist would get a value without the table being asked.
    #[must_use]
    pub fn has_value(&self) -> bool {
        self.default != Default::None || self.generated.is_some() || self.kind.is_serial()
    }
}

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
    /// The collation that it names; `None`: that of its type.
    pub collation: Option<String>,
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
    /// One value for all rows, stored once in the catalog (also `now()`). The expression.
    Stable(String),
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
    /// All that the rule does not tell, in one spelling: `on delete cascade`, `deferrable`.
    pub rest: String,
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

impl Default {
    /// Returns the expression, if there is one.
    #[must_use]
    pub fn expression(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Stable(text) | Self::Volatile(text) | Self::Unknown(text) => Some(text),
        }
    }
}

impl Constraint {
    /// Returns the name that it has on this table: where none is written, PostgreSQL's own,
    /// unless that cannot be told from the rule alone.
    ///
    /// <https://www.postgresql.org/docs/current/catalog-pg-constraint.html>; the form is that of
    /// `ChooseConstraintName`, as measured on 13 to 18.
    #[must_use]
    pub fn name_on(&self, table: &Name) -> Option<String> {
        let own = || match &self.rule {
            Rule::Unique(columns) => Some(format!("{}_{}_key", table.name, columns.join("_"))),
            Rule::PrimaryKey(_) => Some(format!("{}_pkey", table.name)),
            Rule::ForeignKey(columns, ..) => {
                Some(format!("{}_{}_fkey", table.name, columns.join("_")))
            }
            _ => None,
        };
        // What is longer is cut.
        self.name.clone().or_else(|| own().filter(|name| name.len() < 64))
    }
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
            (Some(Generated::Virtual), _) | (None, Default::None | Default::Stable(_)) => {
                Some(false)
            }
        }
    }

    /// Returns true if rows that exist would get a value without the table being asked.
    #[must_use]
    pub fn has_value(&self) -> bool {
        self.default != Default::None || self.generated.is_some() || self.kind.is_serial()
    }
}

//! Targets: the databases that a configuration names.

use std::fmt;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

use crate::domain::identity::{Class, Pin};

/// One database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct Target {
    /// How much care it asks for.
    pub class: Class,
    /// Where its address comes from.
    pub source: Source,
    /// What it must be; written by `doctor --pin`.
    pub pin: Option<Pin>,
    /// The database that our own connections use during a swap.
    pub maintenance_db: String,
    /// Its replicas.
    pub replicas: Vec<Dsn>,
    /// The administration console of its pooler, which is paused around a swap.
    pub pooler_admin: Option<Dsn>,
}

/// Where a target's address comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// From this environment variable, which may hold a password.
    Env(String),
    /// From the file itself.
    Dsn(Dsn),
}

/// A connection string without a password: a URL, or `key=value` pairs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Dsn(String);

impl Dsn {
    /// Wraps a connection string.
    ///
    /// # Errors
    /// If it holds a password, which belongs into `.pgpass`, the service file or an
    /// environment variable (libpq documentation, "The Password File").
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        if holds_password(&text) {
            return Err("a password does not belong into this file: put it into .pgpass or the \
                        service file, or name a variable with dsn_env"
                .to_owned());
        }
        Ok(Self(text))
    }

    /// Returns the connection string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Dsn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Returns true for `scheme://user:secret@…`, and for a `password` or `sslpassword`
/// parameter in either notation.
pub(super) fn holds_password(text: &str) -> bool {
    let in_authority = text.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        // The last `@`: a password may hold one that nobody escaped.
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    let in_authority = in_authority || password_with_slash(text);
    let lower = text.to_ascii_lowercase();
    let words = lower.split(|c: char| c.is_whitespace() || matches!(c, '?' | '&' | '='));
    let is_named = words.clone().any(|word| matches!(word, "password" | "sslpassword"));
    in_authority || (is_named && lower.contains('='))
}

/// Returns true if a `:` stands before the last `@` of a URL whose password holds a slash.
fn password_with_slash(text: &str) -> bool {
    text.split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'))
        .is_some_and(|(before, _)| before.contains(':'))
}

/// The written form of [`Target`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    class: Class,
    #[serde(skip_serializing_if = "Option::is_none")]
    dsn_env: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dsn: Option<Dsn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<Pin>,
    maintenance_db: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replicas: Vec<Dsn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pooler_admin: Option<Dsn>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            class: Class::default(),
            dsn_env: None,
            dsn: None,
            pin: None,
            maintenance_db: "postgres".to_owned(),
            replicas: Vec::new(),
            pooler_admin: None,
        }
    }
}

impl TryFrom<Table> for Target {
    type Error = &'static str;

    fn try_from(table: Table) -> Result<Self, Self::Error> {
        let source = match (table.dsn_env, table.dsn) {
            (Some(name), None) => Source::Env(name),
            (None, Some(dsn)) => Source::Dsn(dsn),
            (None, None) => return Err("the target has no address: write dsn_env or dsn"),
            (Some(_), Some(_)) => return Err("the target has two addresses: keep dsn_env or dsn"),
        };
        Ok(Self {
            class: table.class,
            source,
            pin: table.pin,
            maintenance_db: table.maintenance_db,
            replicas: table.replicas,
            pooler_admin: table.pooler_admin,
        })
    }
}

impl From<Target> for Table {
    fn from(target: Target) -> Self {
        let (dsn_env, dsn) = match target.source {
            Source::Env(name) => (Some(name), None),
            Source::Dsn(dsn) => (None, Some(dsn)),
        };
        Self {
            class: target.class,
            dsn_env,
            dsn,
            pin: target.pin,
            maintenance_db: target.maintenance_db,
            replicas: target.replicas,
            pooler_admin: target.pooler_admin,
        }
    }
}

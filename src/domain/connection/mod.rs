//! Where and how to connect: connection strings, `PG*` variables, service and
//! password files, read as libpq reads them and kept as plain values.
//!
//! Nothing here touches the world: the environment and the texts of files are
//! given as values, so that every rule is testable. Facts are from the libpq
//! chapter of the PostgreSQL documentation (connection strings, parameter key
//! words, environment variables, the password file, the connection service file).

pub mod conninfo;
pub mod dsn;
pub mod keyword;
mod options;
mod params;
pub mod passfile;
pub mod service;
mod spec;
pub mod tls;
mod uri;

use std::collections::BTreeMap;

pub use params::Params;
pub use passfile::Passfile;
pub use spec::{Local, Password, Place, Spec};

/// The environment variables of a process, as a value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Returns the variable's value; an empty one counts as unset, as in libpq.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns all variables.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl std::fmt::Debug for Environment {
    /// Shows the names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What makes a connection string, a service or a variable unusable.
///
/// No message repeats a value: any of them may be a piece of a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Neither a URL of PostgreSQL nor `keyword=value` pairs.
    #[error(
        "{0} is not a PostgreSQL connection string; \
         write postgresql://user@host:5432/database or host=… dbname=… user=…"
    )]
    NotADsn(String),
    /// A keyword that libpq does not know.
    #[error("{}", unknown(keyword, *suggestion))]
    UnknownKeyword {
        /// The keyword as written.
        keyword: String,
        /// The nearest one that exists.
        suggestion: Option<&'static str>,
    },
    /// A keyword that changes how safe or where the connection is, and that cannot be honoured.
    #[error("lockkeeper cannot honour {keyword}: {why}; remove it from the connection string")]
    Unsupported {
        /// The keyword.
        keyword: &'static str,
        /// Why not, and what to use instead.
        why: &'static str,
    },
    /// `keyword=value` pairs that do not parse.
    #[error(
        "the connection string breaks off after {after}: {what}; \
         a value with a space or a quote is written '…', with \\' and \\\\ inside"
    )]
    Conninfo {
        /// The last keyword that was read whole.
        after: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A part of a URL that does not parse.
    #[error(
        "the {part} in the connection URL does not parse: {what}; \
         inside a user name or password write @ as %40, : as %3A, / as %2F, % as %25"
    )]
    Uri {
        /// `password`, `host`, `port`…
        part: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// More than one host: an act needs exactly one server.
    #[error(
        "the connection names several hosts ({0}); lockkeeper must know the one server it acts on: \
         name the primary alone"
    )]
    SeveralHosts(String),
    /// A value out of its range.
    #[error("{keyword} must be {expected}")]
    Value {
        /// The keyword.
        keyword: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// A line of a service file that does not parse.
    #[error("line {line} of the service file: {what}")]
    Service {
        /// Counted from one.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

fn unknown(keyword: &str, suggestion: Option<&str>) -> String {
    let keyword = super::untrusted::Untrusted::new(keyword).one_line();
    match suggestion {
        Some(near) => format!("unknown connection keyword {keyword:?}; did you mean {near:?}?"),
        None => format!(
            "unknown connection keyword {keyword:?}; \
             the keywords are those of libpq (host, port, dbname, user, sslmode, …)"
        ),
    }
}

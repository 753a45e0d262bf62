//! Probes: ways to sense one value without changing anything.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::builtin::Builtin;
use super::expect::Expect;
use super::value::{Name, Operand, Scope, Value, Word};
use crate::domain::quantity::Period;

/// How a value is sensed.
#[derive(Clone, Debug, PartialEq)]
pub enum Sense {
    /// One value of one row, in a READ ONLY transaction; `$1`… are the binds.
    Sql {
        /// The statement.
        text: String,
        /// The values of `$1`, `$2`…
        binds: Vec<Operand>,
    },
    /// A program that changes nothing ([`Value::Answer`]); 0 is good.
    ///
    /// [`Value::Answer`]: super::Value::Answer
    Command(Vec<Word>),
    /// A GET request ([`Value::Answer`]); 200 is good.
    ///
    /// [`Value::Answer`]: super::Value::Answer
    Http(String),
    /// Something about a file, without opening it.
    File {
        /// Where it is; a relative path starts from the project.
        path: PathBuf,
        /// What about it.
        measure: Measure,
    },
    /// The configuration's probe of that name; unknown if it has none.
    Configured(String),
    /// A probe that the program brings along.
    Builtin(Builtin),
}

/// What is read of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Whether it is there and not empty (bool).
    #[default]
    Presence,
    /// The time since it was written (length of time; unknown if there is no such file).
    Age,
    /// Its bytes (count; unknown if there is no such file).
    Size,
    /// Its last lines, e.g. of a log (list; unknown if there is no such file).
    Tail,
}

/// A probe of a runbook or of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct Probe {
    /// How the value is sensed.
    pub sense: Sense,
    /// After so long the answer is "cannot tell".
    pub timeout: Period,
    /// What is expected of the value, if the user of the probe says nothing else.
    pub expect: Option<Expect>,
}

/// How long a probe may take if its file says nothing.
const TIMEOUT: Period = Period::from_secs(5);

impl Probe {
    /// Returns a probe that the program brings along, with the default timeout.
    #[must_use]
    pub fn builtin(builtin: Builtin) -> Self {
        Self { sense: Sense::Builtin(builtin), timeout: TIMEOUT, expect: None }
    }

    /// Returns what is expected: what the probe's own text says, else what is good for
    /// its kind; `None` where only a person can say, as for a query.
    #[must_use]
    pub fn expected(&self) -> Option<Expect> {
        let good = || match &self.sense {
            Sense::Command(_) => Some(Expect::status(0)),
            Sense::Http(_) => Some(Expect::status(200)),
            Sense::File { measure: Measure::Presence, .. } => {
                Some(Expect::equals(Value::Bool(true)))
            }
            // How old or how large it may be, only a person can say.
            Sense::File { .. } => None,
            Sense::Builtin(builtin) => builtin.good(),
            Sense::Sql { .. } | Sense::Configured(_) => None,
        };
        self.expect.clone().or_else(good)
    }

    /// Returns a short name for a probe that has none.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.sense {
            Sense::Sql { text, .. } => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Sense::Command(argv) => {
                argv.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
            Sense::Http(url) => url.clone(),
            Sense::File { path, measure: Measure::Presence } => path.display().to_string(),
            Sense::File { path, measure: Measure::Age } => format!("age of {}", path.display()),
            Sense::File { path, measure: Measure::Size } => format!("size of {}", path.display()),
            Sense::File { path, measure: Measure::Tail } => format!("end of {}", path.display()),
            Sense::Builtin(builtin) => builtin.name(),
            Sense::Configured(name) => name.clone(),
        }
    }

    /// Returns the names that the probe needs values for.
    #[must_use]
    pub fn names(&self) -> Vec<&Name> {
        let mut names: Vec<&Name> = match &self.sense {
            Sense::Sql { binds, .. } => binds.iter().filter_map(Operand::name).collect(),
            Sense::Command(argv) => argv.iter().filter_map(Word::name).collect(),
            _ => Vec::new(),
        };
        names.extend(self.expect.iter().flat_map(Expect::names));
        names
    }

    /// Returns the same with each name of its binds and arguments replaced by its value in
    /// `scope`, where it has one that is known: why a value is not known is no argument.
    #[must_use]
    pub fn resolved(&self, scope: &dyn Scope) -> Self {
        let word = |word: &Word| match word.name().and_then(|name| scope.value(name)) {
            Some(value) if !value.is_unknown() => Word::Text(value.to_string()),
            _ => word.clone(),
        };
        let sense = match &self.sense {
            Sense::Sql { text, binds } => Sense::Sql {
                text: text.clone(),
                binds: binds.iter().map(|bind| bind.resolved(scope)).collect(),
            },
            Sense::Command(argv) => Sense::Command(argv.iter().map(word).collect()),
            other => other.clone(),
        };
        Self { sense, ..self.clone() }
    }

    /// Returns true if it starts a program.
    #[must_use]
    pub fn is_command(&self) -> bool {
        matches!(self.sense, Sense::Command(_))
    }
}

/// The written form of [`Probe`].
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    binds: Vec<Operand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Vec<Word>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measure: Option<Measure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    builtin: Option<Builtin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configured: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<Period>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expect: Option<Expect>,
}

/// A probe with what is expected of it: what a check, a gate's rule or a `verify` asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The name that its readings carry: the probe's, or the builtin's.
    pub name: String,
    /// How the value is sensed.
    pub probe: Probe,
    /// What is expected of it.
    pub expect: Expect,
}

impl TryFrom<Table> for Probe {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        if table.sql.is_none() && !table.binds.is_empty() {
            return Err("`binds` belong to `sql`".to_owned());
        }
        if table.file.is_none() && table.measure.is_some() {
            return Err("`measure` (presence, age, size or tail) belongs to `file`".to_owned());
        }
        let measure = table.measure.unwrap_or_default();
        if table.command.as_ref().is_some_and(Vec::is_empty) {
            return Err("`command` names no program".to_owned());
        }
        let binds = table.binds;
        let senses = [
            table.sql.map(|text| Sense::Sql { text, binds }),
            table.command.map(Sense::Command),
            table.http.map(Sense::Http),
            table.file.map(|path| Sense::File { path, measure }),
            table.builtin.map(Sense::Builtin),
            table.configured.map(Sense::Configured),
        ];
        let mut senses = senses.into_iter().flatten();
        let (Some(sense), None) = (senses.next(), senses.next()) else {
            let all = "sql, command, http, file, builtin, configured";
            return Err(format!("a probe has exactly one of: {all}"));
        };
        let timeout = table.timeout.unwrap_or(TIMEOUT);
        Ok(Self { sense, timeout, expect: table.expect })
    }
}

impl From<Probe> for Table {
    fn from(probe: Probe) -> Self {
        let mut table = Self {
            timeout: Some(probe.timeout).filter(|timeout| *timeout != TIMEOUT),
            expect: probe.expect,
            ..Self::default()
        };
        match probe.sense {
            Sense::Sql { text, binds } => (table.sql, table.binds) = (Some(text), binds),
            Sense::Command(argv) => table.command = Some(argv),
            Sense::Http(url) => table.http = Some(url),
            Sense::File { path, measure } => {
                table.file = Some(path);
                table.measure = Some(measure).filter(|measure| *measure != Measure::Presence);
            }
            Sense::Builtin(builtin) => table.builtin = Some(builtin),
            Sense::Configured(name) => table.configured = Some(name),
        }
        table
    }
}

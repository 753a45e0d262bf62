//! A client program of PostgreSQL as our children run it: a file of this machine, or a name
//! that a prefix (`docker compose exec -T db`) runs elsewhere.
//!
//! Of our environment nothing reaches what a prefix runs unless the prefix gives it on, so
//! where to connect is said in a connection string. The password is in no argument: it stands
//! in `PGPASSWORD` of the prefix's own environment, and `-e PGPASSWORD` without a value makes
//! `docker exec` and `docker compose exec` (2.0.0 does not, see docker/compose#8746) give it on.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::act::Environment;
use super::cluster::clients;
use super::failpoint;
use crate::domain::untrusted::Untrusted;
use crate::session::making::Dumper;
use crate::session::options::{self, Given};

/// How long a program behind a prefix may take to tell its version.
const LIMIT: Duration = Duration::from_secs(30);

/// A client program, and the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its file, or behind a prefix its name there.
    pub program: PathBuf,
    prefix: Vec<String>,
    /// What stands in for the variables of the environment, by their names.
    there: Vec<(&'static str, String)>,
    /// The version that was planned with.
    version: Option<String>,
}

/// Options of a child that say how a program is reached; beside them `--prefix`, which may be
/// given several times.
pub const OPTIONS: [&str; 5] = ["--prefix", "--there-host", "--there-port", "--there-user", "--of"];

/// Variables of libpq and what they are called in a connection string. Paths to certificates
/// are not among them: what runs elsewhere has other files.
const WORDS: [(&str, &str); 6] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGUSER", "user"),
    ("PGAPPNAME", "application_name"),
    ("PGOPTIONS", "options"),
    ("PGSSLMODE", "sslmode"),
];

impl Tool {
    /// Returns the program, reached as a child's command line says.
    #[must_use]
    pub fn read(program: String, words: &[String], given: &Given<'_>) -> Self {
        let there =
            [("PGHOST", "--there-host"), ("PGPORT", "--there-port"), ("PGUSER", "--there-user")];
        let there = there.into_iter().filter_map(|(variable, option)| {
            given.get(option).map(|value| (variable, (*value).to_owned()))
        });
        Self {
            program: PathBuf::from(program),
            prefix: options::list(words, "--prefix"),
            there: there.collect(),
            version: given.get("--of").map(|version| (*version).to_owned()),
        }
    }

    /// Returns the program as it was found.
    #[must_use]
    pub fn of(found: &Dumper) -> Self {
        let client = found.through.as_ref();
        let there = client.map(|client| {
            let port = client.port.map(|port| port.to_string());
            [("PGHOST", client.host.clone()), ("PGPORT", port), ("PGUSER", client.user.clone())]
        });
        let there = there.into_iter().flatten();
        Self {
            program: PathBuf::from(&found.path),
            prefix: client.map(|client| client.prefix.clone()).unwrap_or_default(),
            there: there.filter_map(|(variable, value)| Some((variable, value?))).collect(),
            version: Some(found.version.clone()),
        }
    }

    /// Returns another program that is reached in the same way.
    #[must_use]
    pub fn beside(&self, program: PathBuf) -> Self {
        Self { program, version: None, ..self.clone() }
    }

    /// Returns true if it does not run as a file of this machine: it sees none of our files.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        !self.prefix.is_empty()
    }

    /// Returns the command without arguments. Its own words are read: a program of this machine
    /// says them in English, and one behind a prefix does where the prefix sets `LC_ALL=C` there.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = match self.prefix.split_first() {
            None => Command::new(&self.program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(&self.program);
                command
            }
        };
        command.env("LC_ALL", "C").env_remove(failpoint::VARIABLE).kill_on_drop(true);
        command
    }

    /// Returns the argument that leads it to `database`; none where the environment does.
    #[must_use]
    pub fn connection(&self, database: &str) -> Option<String> {
        self.connected(database, |variable| std::env::var(variable).ok())
    }

    /// Returns the same where the program is given this environment, not our own.
    #[must_use]
    pub fn connection_by(&self, database: &str, environment: &Environment) -> Option<String> {
        self.connected(database, |variable| {
            let found = environment.iter().find(|(name, _)| name == variable);
            found.map(|(_, value)| value.expose().to_owned())
        })
    }

    fn connected(
        &self,
        database: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        self.is_elsewhere().then(|| format!("--dbname={}", self.conninfo(database, variable)))
    }

    fn conninfo(&self, database: &str, set: impl Fn(&str) -> Option<String>) -> String {
        let moved = self.there.iter().any(|(variable, _)| *variable == "PGHOST");
        let value = |variable: &str| {
            let there = self.there.iter().find(|(name, _)| *name == variable);
            let ours = || set(variable).filter(|value| !value.is_empty());
            match there {
                Some((_, value)) => Some(value.clone()),
                // How our own way to the server is protected says nothing of another way.
                None if moved && variable == "PGSSLMODE" => None,
                None => ours(),
            }
        };
        let words = WORDS.iter().filter_map(|(variable, word)| Some((*word, value(variable)?)));
        let words = words.chain([("dbname", database.to_owned())]);
        let text = words.map(|(word, value)| format!("{word}={}", quoted(&value)));
        text.collect::<Vec<_>>().join(" ")
    }

    /// Returns the program's version, which has to be the planned one.
    ///
    /// # Errors
    /// A sentence: it tells none, or another one.
    pub async fn version(&self) -> Result<String, String> {
        let name = self.program.display();
        let version = match self.is_elsewhere() {
            false => clients::ask(&self.program).map(|found| found.version),
            true => Some(self.say_version().await?),
        };
        let version = version.ok_or_else(|| format!("{name} tells no version of PostgreSQL"))?;
        match &self.version {
            Some(planned) if *planned != version => {
                Err(format!("{name} is of version {version} now, and {planned} was confirmed"))
            }
            _ => Ok(version),
        }
    }

    async fn say_version(&self) -> Result<String, String> {
        let mut command = self.command();
        command.arg("--version").stdin(Stdio::null()).stderr(Stdio::piped());
        let first = self.prefix.join(" ");
        let output = timeout(LIMIT, command.stdout(Stdio::piped()).output()).await;
        let output = output
            .map_err(|_| format!("{first}: no answer within {} s", LIMIT.as_secs()))?
            .map_err(|error| format!("{first}: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        if let Some(found) = clients::told(&self.program, &text) {
            return Ok(found.version);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last = Untrusted::from(said.trim().lines().last().unwrap_or_default()).one_line();
        let (program, status) = (self.program.display(), output.status);
        Err(format!("{first} {program} tells no version ({status}): {last}"))
    }
}

/// Returns a value of a connection string (libpq, 34.1.1.1).
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

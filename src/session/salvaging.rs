//! The plan of saving what a migration destroys: which table or column, and where to.

use crate::domain::loss::Loss;
use crate::domain::plan::{Action, Command, Direction, Plan, Preview, Risk};
use crate::domain::untrusted::Untrusted;

use super::effect::Request;
use super::facts::Facts;
use super::options::{self, read, value};
use super::preview::{Ground, bare};

/// The hidden command that saves.
pub const PROGRAM: &str = "__salvage";

/// What the child does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The table, as SQL names it.
    pub table: String,
    /// The column, if only one is saved.
    pub column: Option<String>,
    /// The directory that the files go to.
    pub directory: String,
    /// The server that is meant.
    pub system: String,
    /// The database that is meant.
    pub oid: u32,
}

const OPTIONS: [&str; 5] = ["--table", "--column", "--directory", "--system", "--oid"];

impl Job {
    /// Returns the command line, the program's name first.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        let mut argv = vec!["lockkeeper".to_owned(), PROGRAM.to_owned()];
        let mut option = |name: &str, value: &str| argv.extend([name, value].map(str::to_owned));
        option("--table", &self.table);
        if let Some(column) = &self.column {
            option("--column", column);
        }
        option("--directory", &self.directory);
        option("--system", &self.system);
        option("--oid", &self.oid.to_string());
        argv
    }

    /// Returns the request for it.
    #[must_use]
    pub fn request(&self) -> Request {
        Request::Command { argv: self.argv(), risk: Risk::Safe }
    }

    /// Reads the command line behind the program's name.
    ///
    /// # Errors
    /// If a word is unknown, missing or not what it must be.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let given = read(words, &OPTIONS)?;
        Ok(Self {
            table: value(&given, "--table")?,
            column: given.get("--column").map(|column| (*column).to_owned()),
            directory: value(&given, "--directory")?,
            system: value(&given, "--system")?,
            oid: options::number(&given, "--oid")?,
        })
    }

    /// Returns the job that a command is, if it is one of these.
    #[must_use]
    pub fn of(argv: &[String]) -> Option<Self> {
        Self::parse(options::of(argv, PROGRAM)?).ok()
    }
}

/// Returns a request for everything that one way of a migration destroys, each with what it is.
#[must_use]
pub fn offers(facts: &Facts, id: &str, direction: Direction) -> Vec<(String, Request)> {
    let found = (facts.project.value(), facts.identity.value(), &facts.backup_directory);
    let (Some(known), Some(identity), Some(directory)) = found else { return Vec::new() };
    let offer = |loss: &Loss| {
        let place = loss.place.as_ref()?;
        let job = Job {
            table: place.table.quoted(),
            column: place.column.clone(),
            directory: directory.clone(),
            system: identity.system_identifier.clone(),
            oid: identity.database_oid,
        };
        Some((loss.what.clone(), job.request()))
    };
    known.losses(id, direction).filter_map(offer).collect()
}

/// Plans the salvage.
///
/// # Errors
/// Why there can be none.
pub(super) fn plan(job: &Job, ground: &Ground<'_>) -> Result<Plan, String> {
    options::meant(&job.system, job.oid, ground)?;
    let mut plan = bare(Action::Command, Risk::Safe, ground);
    plan.command =
        Some(Command { argv: job.argv(), env: ground.env.to_vec(), cwd: ground.cwd.to_owned() });
    let (table, directory) = (shown(&job.table), shown(&job.directory));
    let what = match &job.column {
        Some(column) => format!("{table}.{} with the key of its rows", shown(column)),
        None => format!("all rows of {table}"),
    };
    plan.preview = Preview {
        title: format!("salvage {what}"),
        touches: vec![
            format!(
                "{what}: read in one snapshot; ACCESS SHARE on the table, reads and writes go on"
            ),
            format!(
                "{directory}: a file of COPY's text, which only we may read, with its SHA-256 and \
                 counts beside it, and the SQL that brings it back"
            ),
        ],
        back: "none needed: nothing in the database changes".to_owned(),
        ..Preview::default()
    };
    Ok(plan)
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

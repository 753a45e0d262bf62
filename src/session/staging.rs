//! The plan of staging a table out of a backup: which table, which file, which program.

use crate::domain::plan::{Action, Command, Plan, Preview, Risk};
use crate::domain::tables::STAGE;
use crate::domain::untrusted::Untrusted;

use super::options::{self, read, value};
use super::preview::{Ground, bare};

/// The hidden command that stages.
pub const PROGRAM: &str = "__stage";

/// What the child does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The table, as SQL names it.
    pub table: String,
    /// The backup.
    pub file: String,
    /// Where scratch servers are registered.
    pub state: String,
    /// The server that is meant.
    pub system: String,
    /// The database that is meant.
    pub oid: u32,
}

const OPTIONS: [&str; 5] = ["--table", "--file", "--state", "--system", "--oid"];

impl Job {
    /// Returns the command line, the program's name first.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        let oid = self.oid.to_string();
        let values = [&self.table, &self.file, &self.state, &self.system, &oid];
        let mut argv = vec!["lockkeeper".to_owned(), PROGRAM.to_owned()];
        for (name, value) in OPTIONS.into_iter().zip(values) {
            argv.extend([name.to_owned(), value.clone()]);
        }
        argv
    }

    /// Reads the command line behind the program's name.
    ///
    /// # Errors
    /// If a word is unknown, missing or not what it must be.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let given = read(words, &OPTIONS)?;
        Ok(Self {
            table: value(&given, "--table")?,
            file: value(&given, "--file")?,
            state: value(&given, "--state")?,
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

/// Plans the staging of a table.
///
/// # Errors
/// Why there can be none.
pub(super) fn plan(job: &Job, ground: &Ground<'_>) -> Result<Plan, String> {
    if !ground.identity.primary {
        return Err("this server is a replica: connect to its primary".to_owned());
    }
    options::meant(&job.system, job.oid, ground)?;
    let mut plan = bare(Action::Command, Risk::Safe, ground);
    plan.command =
        Some(Command { argv: job.argv(), env: ground.env.to_vec(), cwd: ground.cwd.to_owned() });
    let (table, file) = (shown(&job.table), shown(&job.file));
    plan.preview = Preview {
        title: format!("stage {table} out of a backup"),
        touches: vec![
            format!("{file}: read to its end and proven to L3 first"),
            "a scratch server on this machine: all of the backup is loaded there, and it goes at \
             the end"
                .to_owned(),
            format!("{STAGE}: a new table like {table} with the rows that the backup holds"),
            format!("{table} itself: ACCESS SHARE for a moment; nothing in it changes"),
        ],
        back: format!("drop what is staged: lockkeeper restore-table drop {table}"),
        ..Preview::default()
    };
    Ok(plan)
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

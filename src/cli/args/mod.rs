//! The command line as clap reads it; `--help` is where most people learn it.
//!
//! Here the commands and what several of them share; the flags of each stand in the file of
//! its kind, or in the command's own.

mod backups;
mod changes;
mod migrations;
mod own;
mod runs;
mod texts;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use backups::{Backup, Backups, Restore, RestoreTable, Salvage, Scope, Tend, Tended, Verify};
pub use changes::{Mend, Migrating, Signal};
pub use migrations::{Lint, RecoveryDoc, Status};
pub use own::{Completions, Demo, Doctor, Job, Man, Schema};
pub use runs::{Journal, Rehearsing, Resume, Run, Runbook};
use texts::{APPROVING, CHANGING, RESTORING};

use super::{approve, check, follow, load, rehearse, report, watch};

/// The operator's console for PostgreSQL schema migrations.
///
/// It shows live what the database does, and walks you up (migrate) or down (roll back)
/// one confirmed step at a time. Nothing that changes anything runs before you have seen
/// the exact plan and said yes to it; every act is journaled before it starts.
///
/// Try it on a throwaway server: lockkeeper demo
#[derive(Parser, Debug)]
#[command(
    name = "lockkeeper",
    version,
    propagate_version = true,
    args_conflicts_with_subcommands = true
)]
#[command(
    after_help = "Target, in this order: --dsn; --target NAME of lockkeeper.toml; its only target; DATABASE_URL; PG*, service file and .pgpass as libpq reads them.\n\
Exit codes: 0 done, 1 failed or pending, 2 not run or cannot tell."
)]
pub struct Cli {
    /// What to do; the console if left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of the console, when no command is named.
    #[command(flatten)]
    pub console: Console,
}

/// The commands of `CLI.md` that this version has.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// The full-screen console on a target; starts watching, nothing armed
    Console(Console),
    /// A throwaway PostgreSQL with data, load, a real blocker and pending migrations, and the console on it
    Demo(Demo),
    /// One look: server, sessions, lock forest, progress, verdict
    Snapshot(Target),
    /// The migrations: applied, pending, how dangerous each is up and down
    Status(Status),
    /// The dangers of SQL files: locks, rewrites, scans, losses, safe forms
    #[command(
        after_help = "Exit codes: 0 nothing stops others for long or destroys anything, 1 something does, 2 cannot tell."
    )]
    Lint(Lint),
    /// The backups: how old, complete or not, at which revision
    Backups(Backups),
    /// Whether the database is fit for a migration now; changes nothing
    #[command(
        after_help = "The checks are the first section of the runbook migrate. [checks.waived] of lockkeeper.toml lets one be, with a reason: recent_backup = \"…\".\nExit codes: 0 every check passes or is waived, 1 one fails, 2 cannot tell."
    )]
    Check(check::Args),
    /// Prove a backup: exit 0 good, 1 bad, 2 cannot tell
    Verify(Verify),
    /// Apply the next pending migration
    #[command(after_help = CHANGING)]
    Up(Migrating),
    /// Take the last applied migration back
    #[command(after_help = CHANGING)]
    Down(Migrating),
    /// Cancel the statement of one backend (its transaction and locks stay if it is idle in transaction)
    #[command(after_help = CHANGING)]
    Cancel(Signal),
    /// End one session and roll its transaction back
    #[command(after_help = CHANGING)]
    Terminate(Signal),
    /// Mend what a failure has left: drop an invalid index, or clear the tool's own mark
    #[command(after_help = CHANGING)]
    Mend(Mend),
    /// Back the database up: one snapshot, dumped and counted, with a manifest
    #[command(after_help = CHANGING)]
    Backup(Backup),
    /// Restore a backup into a new database, and swap it in by its name: act by act
    #[command(after_help = RESTORING)]
    Restore(Restore),
    /// Walk a runbook, one confirmed step at a time
    Run(Run),
    /// The rollback tree: evidence first, then the ways back
    Rollback(Console),
    /// Take up an interrupted run: says what happened to its last act, and goes on
    Resume(Resume),
    /// A second person approves the plan that a run waits with
    #[command(after_help = APPROVING)]
    Approve(approve::Args),
    /// Somebody else's run, live and read-only
    #[command(
        after_help = "Exit codes: 0 the run completed, 1 it ended in another way, 2 it cannot be followed (any further)."
    )]
    Follow(follow::Args),
    /// The incident report of a run, from its journal, as Markdown
    #[command(
        after_help = "Exit codes: 0 written, 1 written from what is left of a damaged journal, 2 not written."
    )]
    Report(report::Args),
    /// The recovery document: what to do about each migration that cannot be taken back
    RecoveryDoc(RecoveryDoc),
    /// Take every pending migration up, down and up again on a copy: locks, times, what is lost, a verdict
    #[command(after_help = rehearse::EXIT_CODES)]
    Rehearse(rehearse::Args),
    /// A program of a rehearsal, which ends with it
    #[command(name = "__leash", hide = true)]
    Leash(Rest),
    /// What was recorded
    #[command(subcommand)]
    Journal(Journal),
    /// Runbooks: list them, allow one, check one
    #[command(subcommand)]
    Runbook(Runbook),
    /// Print the JSON Schema of a --json document
    Schema(Schema),
    /// What is found, what is missing, where things are: exit 1 if something does not work
    Doctor(Doctor),
    /// Print the completions of a shell
    Completions(Completions),
    /// Print the manual page, or write a page per command into a directory
    Man(Man),
    /// The process of an act's job
    #[command(name = "__act", hide = true)]
    Act(Job),
    /// One migration in sqlx format, as a job's program
    #[command(name = "__sqlx", hide = true)]
    Sqlx(Rest),
    /// An HTTP request of a runbook's step, as a job's program
    #[command(name = "__http", hide = true)]
    Http(Rest),
    /// The SQL of a runbook's step, as a job's program
    #[command(name = "__sql", hide = true)]
    Sql(Rest),
    /// Bring rows of one table back out of a backup: stage them, look at what differs, merge or replace
    #[command(subcommand)]
    RestoreTable(RestoreTable),
    /// Save a column or a table before a migration destroys it, with the SQL that brings it back
    #[command(after_help = CHANGING)]
    Salvage(Salvage),
    /// A salvage, as a job's program
    #[command(name = "__salvage", hide = true)]
    Save(Rest),
    /// Staging a table, as a job's program
    #[command(name = "__stage", hide = true)]
    Stage(Rest),
    /// Something done to backups, as a job's program
    #[command(name = "__tend", hide = true)]
    Tend(Rest),
    /// One backup, as a job's program
    #[command(name = "__backup", hide = true)]
    MakeBackup(Rest),
    /// One act of a restore, as a job's program
    #[command(name = "__restore", hide = true)]
    DoRestore(Rest),
    /// The load of the demo
    #[command(name = "__load", hide = true)]
    Load(load::Options),
    /// Removes a throwaway server when its owner is gone
    #[command(name = "__watch", hide = true)]
    Watch(watch::Options),
    /// Performs one plan, for the crash tests
    #[cfg(feature = "failpoints")]
    #[command(name = "__perform", hide = true)]
    Perform(Rest),
}

/// Which database, and how to answer.
#[derive(Args, Debug, Clone, Default)]
pub struct Target {
    /// A target of lockkeeper.toml
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// A connection string: a URL or libpq's key=value form
    #[arg(long, value_name = "DSN", conflicts_with = "target")]
    pub dsn: Option<String>,
    /// The configuration file; else lockkeeper.toml, looked for upwards from here
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the migration tool's project lies
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// Flags of a command that changes something.
#[derive(Args, Debug, Clone, Default)]
pub struct Changing {
    /// Which database.
    #[command(flatten)]
    pub target: Target,
    /// Print the plan and its hash; run nothing
    #[arg(long)]
    pub plan: bool,
    /// Run exactly the plan with this hash, or refuse
    #[arg(long, value_name = "HASH", conflicts_with = "plan")]
    pub confirm: Option<String>,
    /// Go on without the second person that policy asks for; the report shows why, in red
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub alone: Option<String>,
}

/// A reason that says nothing is none.
fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say why nobody approves: the report shows it in red".to_owned()),
        reason => Ok(reason.to_owned()),
    }
}

/// Flags of the console.
#[derive(Args, Debug, Clone, Default)]
pub struct Console {
    /// Which database.
    #[command(flatten)]
    pub target: Target,
    /// Numbered lines instead of the full screen (also where TERM=dumb)
    #[arg(long)]
    pub plain: bool,
}

/// Arguments that a hidden command reads by itself.
#[derive(Args, Debug, Clone)]
#[command(disable_help_flag = true)]
pub struct Rest {
    /// As given.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<OsString>,
}

//! The command line as clap reads it; `--help` is where most people learn it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{approve, check, demo, follow, load, rehearse, report, runbook, watch};
use crate::domain::verify::Level;

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

const CHANGING: &str = "Without a terminal: --plan --json prints the plan and its hash and runs nothing; \
--confirm HASH runs exactly that plan or refuses. No terminal and no hash: exit 2, nothing run.";

const APPROVING: &str = "Run it on the executor's machine and account, where the run's journal is, with a \
connection of your own: --dsn postgresql://YOU@HOST/DATABASE. The login must be to the database of the run; with a role that \
is not the run's it verifies you. The executor never approves: their role, their name and their account alone are refused. \
An approval is for one plan: for another one it does not count. Without a terminal: --plan --json shows what waits with its \
hash, and --confirm HASH approves exactly that. Exit codes: 0 recorded (or shown), 2 nothing recorded.";

const RESTORING: &str = "Three acts, each with a plan and a yes of its own: load (the backup is proven, a new database is \
made, loaded and counted against it), settle (privileges, limits and settings of the database), swap (both renames in one \
transaction; every session ends once). The live database is not touched before the swap, and stays beside it afterwards.\n\
Without a terminal: --plan --json prints the plan of the next act and its hash and runs nothing; --confirm HASH runs exactly \
that act. The same command again goes on with the next one; action.act is \"swap\" in the last. No terminal and no hash: exit \
2, nothing run.";

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

/// Flags of `status`.
#[derive(Args, Debug, Clone, Default)]
pub struct Status {
    /// Which database.
    #[command(flatten)]
    pub target: Target,
    /// Count the rows that would be lost, or would refuse it, of what is pending and of the last
    /// applied migration: read-only, at most a second each, never behind a lock
    #[arg(long)]
    pub count: bool,
}

/// Flags of `backups`.
#[derive(Args, Debug, Clone, Default)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Backups {
    /// What is done to them; they are listed if left out.
    #[command(subcommand)]
    pub tend: Option<Tend>,
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

/// `backups …`
#[derive(Subcommand, Debug, Clone)]
pub enum Tend {
    /// Remove what the rules of [backups] no longer keep, of this target's database
    Prune {
        /// How it is confirmed.
        #[command(flatten)]
        changing: Changing,
    },
    /// Keep a backup whatever the rules say
    Pin(Tended),
    /// Let the rules hold for a backup again
    Unpin(Tended),
    /// Write a manifest for a backup that was found: from then on a change of it is noticed
    Adopt(Tended),
}

/// Which backup, and how that is confirmed.
#[derive(Args, Debug, Clone)]
pub struct Tended {
    /// Where it lies, as the list shows it
    pub backup: PathBuf,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `verify`.
#[derive(Args, Debug, Clone)]
pub struct Verify {
    /// The backup: a file, or the directory that a dump in directory format is
    pub file: PathBuf,
    /// How far: L0 header and contents, L1 unchanged since it was made, L2 nothing is missing,
    /// L3 every row decodes, counted by table; in a scratch server on this machine: L4 it loads,
    /// L5 it holds as many rows as its source did, L6 `pg_amcheck` finds no fault in it
    #[arg(long, value_name = "LEVEL", default_value = "L3", value_parser = level)]
    pub level: Level,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

fn level(text: &str) -> Result<Level, String> {
    Level::parse(text).ok_or_else(|| "levels are L0 to L6".to_owned())
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

/// Flags of the demo.
#[derive(Args, Debug, Clone, Default)]
pub struct Demo {
    /// How it is opened.
    #[command(flatten)]
    pub options: demo::Options,
    /// Numbered lines instead of the full screen
    #[arg(long)]
    pub plain: bool,
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
}

/// Flags of `up` and `down`.
#[derive(Args, Debug, Clone, Default)]
pub struct Migrating {
    /// Go on to this revision, one migration after the other, each with a yes of its own;
    /// the beginning of its id is enough if no other one begins so
    #[arg(long, value_name = "REVISION")]
    pub to: Option<String>,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `backup`.
#[derive(Args, Debug, Clone)]
pub struct Backup {
    /// The directory that it goes to; else the first of [backups] directories
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// How much of the database
    #[arg(long, value_enum, default_value_t)]
    pub scope: Scope,
    /// Only this table, with its partitions; may be given several times. Data only: a restore
    /// needs a database that has all that it refers to
    #[arg(long, value_name = "TABLE", conflicts_with = "scope")]
    pub table: Vec<String>,
    /// This table once more as CSV beside the dump, of the same snapshot; may be given several times
    #[arg(long, value_name = "TABLE")]
    pub csv: Vec<String>,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `restore`.
#[derive(Args, Debug, Clone)]
pub struct Restore {
    /// The backup: a file or directory, its name in the list of backups, or newest
    #[arg(required_unless_present_any = ["undo", "drop"])]
    pub backup: Option<String>,
    /// Swap back to the database from before the last swap; what was written since stays behind
    #[arg(long, conflicts_with_all = ["backup", "drop"])]
    pub undo: bool,
    /// Drop the new database of a restore that came to no end
    #[arg(long, value_name = "DATABASE", conflicts_with = "backup")]
    pub drop: Option<String>,
    /// How much is free where the server keeps the database, if that cannot be told from here:
    /// 50GB
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub free: Option<u64>,
    /// Nobody reads on replicas any more, and a pooler is paused: you have seen to it
    #[arg(long)]
    pub drained: bool,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

fn bytes(text: &str) -> Result<u64, String> {
    let no = || format!("{text} is no size: 800MB, 50GB, 2TB");
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().map_err(|_| no())?;
    let power = match text[end..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "kb" => 1,
        "mb" => 2,
        "gb" => 3,
        "tb" => 4,
        _ => return Err(no()),
    };
    number.checked_mul(1024_u64.pow(power)).ok_or_else(no)
}

/// How much of the database a backup holds.
#[derive(ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// Schema and rows
    #[default]
    Full,
    /// The schema without rows
    Schema,
}

/// Flags of `salvage`.
#[derive(Args, Debug, Clone)]
pub struct Salvage {
    /// The table, as SQL names it
    pub table: String,
    /// Only this column, with the key of its rows
    #[arg(long, value_name = "COLUMN")]
    pub column: Option<String>,
    /// The directory that it goes to; else the first of [backups] directories
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// `restore-table …`
#[derive(Subcommand, Debug, Clone)]
pub enum RestoreTable {
    /// Load a backup into a scratch server and stage the rows of the table beside the live one
    #[command(after_help = CHANGING)]
    Stage {
        /// The table, as SQL names it
        table: String,
        /// The backup
        file: PathBuf,
        /// How it is confirmed.
        #[command(flatten)]
        changing: Changing,
    },
    /// Count how the live table differs from what is staged: missing, changed, only in live
    Diff {
        /// The table, as SQL names it
        table: String,
        /// Which database.
        #[command(flatten)]
        target: Target,
    },
    /// Merge what is staged into the live table, by the classes of difference that are named
    #[command(after_help = CHANGING)]
    Merge {
        /// The table, as SQL names it
        table: String,
        /// Insert rows that are only in the backup; some may have been rightly deleted
        #[arg(long)]
        missing: bool,
        /// Set rows that differ back to what the backup holds
        #[arg(long)]
        changed: bool,
        /// Delete rows that are only in the live table
        #[arg(long)]
        only_live: bool,
        /// How it is confirmed.
        #[command(flatten)]
        changing: Changing,
    },
    /// Put what is staged in the place of all rows; keys that refer to them are checked anew
    #[command(after_help = CHANGING)]
    Replace {
        /// The table, as SQL names it
        table: String,
        /// How it is confirmed.
        #[command(flatten)]
        changing: Changing,
    },
    /// Drop what is staged
    #[command(after_help = CHANGING)]
    Drop {
        /// The table, as SQL names it
        table: String,
        /// How it is confirmed.
        #[command(flatten)]
        changing: Changing,
    },
}

/// Flags of `lint`.
#[derive(Args, Debug, Clone)]
pub struct Lint {
    /// The SQL files, in the order in which they would run; - is the standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Whose schema, sizes and version the SQL is judged by: only with --dsn or --target.
    #[command(flatten)]
    pub target: Target,
}

/// Flags of `cancel` and `terminate`.
#[derive(Args, Debug, Clone)]
pub struct Signal {
    /// The backend's process id
    pub pid: i32,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `mend`.
#[derive(Args, Debug, Clone)]
pub struct Mend {
    /// The invalid index as SCHEMA.NAME, or `mark` for what a dead run left in the tool's own
    /// table; what is left, if that is one thing
    pub what: Option<String>,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `run`.
#[derive(Args, Debug, Clone)]
pub struct Run {
    /// The runbook's name, e.g. migrate
    #[arg(default_value = "migrate", conflicts_with = "file")]
    pub runbook: String,
    /// A runbook file
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How the console is shown.
    #[command(flatten)]
    pub console: Console,
}

/// Flags of `resume`.
#[derive(Args, Debug, Clone)]
pub struct Resume {
    /// The run; the newest interrupted one if left out
    pub run: Option<String>,
    /// How the console is shown.
    #[command(flatten)]
    pub console: Console,
}

/// Flags of `recovery-doc`.
#[derive(Args, Debug, Clone)]
pub struct RecoveryDoc {
    /// Whose migrations, and where they are applied.
    #[command(flatten)]
    pub target: Target,
    /// Write it to this file, in one step; else it is printed
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `journal …`
#[derive(Subcommand, Debug, Clone)]
pub enum Journal {
    /// The runs, newest first
    List {
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// The records of one run
    Show {
        /// The run; the newest if left out
        run: Option<String>,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Follow the chain of one run's records: exit 0 intact, 1 not
    Verify {
        /// The run, or a journal file; the newest run if left out
        run: Option<String>,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
}

/// `runbook …`
#[derive(Subcommand, Debug, Clone)]
pub enum Runbook {
    /// The runbooks that can be run from here
    List,
    /// Print a runbook as Markdown, for paper
    Show(runbook::show::Args),
    /// Read runbooks and say everything that is wrong with them
    Check(runbook::check::Args),
    /// Allow a runbook, or the commands of a lockkeeper.toml, with exactly its present content
    Allow {
        /// The file
        file: PathBuf,
    },
}

/// Flags of `schema`.
#[derive(Args, Debug, Clone)]
pub struct Schema {
    /// The document, e.g. snapshot; the list of names if left out
    pub name: Option<String>,
}

/// Flags of `doctor`.
#[derive(Args, Debug, Clone)]
pub struct Doctor {
    /// Which database; none has to be named.
    #[command(flatten)]
    pub target: Target,
    /// Write what answers now as the target's pin into lockkeeper.toml, after a yes
    #[arg(long, conflicts_with = "json")]
    pub pin: bool,
    /// Write a first pin without asking; another one is only replaced by typing the database's name
    #[arg(long, requires = "pin")]
    pub yes: bool,
}

/// Flags of `completions`.
#[derive(Args, Debug, Clone)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Flags of `man`.
#[derive(Args, Debug, Clone)]
pub struct Man {
    /// Where the pages are written; one page is printed if left out
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// The directory of a job.
#[derive(Args, Debug, Clone)]
pub struct Job {
    /// Where job.json lies.
    pub dir: PathBuf,
}

/// Arguments that a hidden command reads by itself.
#[derive(Args, Debug, Clone)]
#[command(disable_help_flag = true)]
pub struct Rest {
    /// As given.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<OsString>,
}

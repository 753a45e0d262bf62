//! The command line: one thin file per command.

pub mod act;
mod approve;
pub mod args;
mod backups;
pub mod begin;
mod change;
mod check;
mod confirm;
pub mod console;
pub mod demo;
mod doctor;
mod follow;
mod frozen;
pub mod journal;
pub mod json;
pub mod leading;
mod lines;
mod lint;
mod load;
mod pages;
#[cfg(feature = "failpoints")]
pub mod perform;
pub mod plain;
mod recovery;
mod rehearse;
mod report;
mod restore_table;
mod resume;
mod run;
mod runbook;
mod runs;
pub mod schema;
mod seat;
pub mod site;
mod snapshot;
mod status;
mod verify;
mod watch;
mod words;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use color_eyre::eyre::Result;

use crate::domain::plan::{Direction, Signal};
use crate::domain::untrusted::Untrusted;
use crate::io::{backup, leash, migrate, restore, salvage, sending, store, tables};
use args::{Cli, Command};
use change::Wish;

/// Runs the command line and returns the exit code of `CLI.md`'s table.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse_from(leading::moved(std::env::args_os()));
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("lockkeeper: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command.unwrap_or(Command::Console(cli.console)) {
        Command::Console(args) => interactive(&args),
        command => dispatch(command),
    }
}

fn interactive(args: &args::Console) -> Result<ExitCode> {
    if console::needs_lines(args.plain) { plain::run(args) } else { console::run(args) }
}

/// Runs a command. Never a part of what calls it: the console stays, and would keep the stack
/// that all commands together need.
#[inline(never)]
fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Console(args) => interactive(&args),
        Command::Snapshot(target) => snapshot::run(&target),
        Command::Status(flags) => status::run(&flags),
        Command::Lint(args) => lint::run(&args),
        Command::Backups(args) => match &args.tend {
            Some(tend) => change::tend(tend),
            None => backups::run(&args),
        },
        Command::Verify(args) => verify::run(&args),
        Command::Up(args) => change::migrate(&args, Direction::Up),
        Command::Down(args) => change::migrate(&args, Direction::Down),
        Command::Cancel(args) => {
            change::run(&args.changing, Wish::Signal(args.pid, Signal::Cancel))
        }
        Command::Terminate(args) => {
            change::run(&args.changing, Wish::Signal(args.pid, Signal::Terminate))
        }
        Command::RecoveryDoc(args) => recovery::run(&args),
        Command::Mend(args) => change::run(&args.changing, Wish::Mend(args.what)),
        Command::Backup(args) => change::run(&args.changing, Wish::backup(&args)?),
        Command::Restore(args) => change::run(&args.changing, Wish::restore(&args)?),
        Command::Run(args) => run::run(&args),
        Command::Rollback(console) => {
            let (runbook, rehearsing) = ("rollback".to_owned(), args::Rehearsing::default());
            run::run(&args::Run { runbook, file: None, rehearsing, console })
        }
        Command::Resume(args) => resume::run(&args),
        Command::Approve(args) => approve::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Follow(args) => follow::run(&args),
        Command::Runbook(args) => runbook::run(&args),
        Command::Demo(args) => Ok(demo::main(&args)),
        Command::Journal(args) => journal::run(&args),
        Command::Act(args) => act::run(&args),
        Command::Sqlx(args) => Ok(migrate::main(&args.args, migrate::from_environment)),
        Command::Sql(args) => Ok(migrate::statements::main(&args.args, migrate::from_environment)),
        Command::Rehearse(args) => rehearse::run(&args),
        Command::Leash(args) => Ok(leash::main(&args.args)),
        Command::RestoreTable(args) => restore_table::run(&args),
        Command::Salvage(args) => change::run(&args.changing, Wish::salvage(&args)?),
        Command::Save(args) => Ok(salvage::main(&args.args)),
        Command::Http(args) => Ok(sending::main(&args.args)),
        Command::Stage(args) => Ok(tables::main(&args.args)),
        Command::Tend(args) => Ok(store::tend(&args.args)),
        Command::MakeBackup(args) => Ok(backup::main(&args.args)),
        Command::DoRestore(args) => Ok(restore::main(&args.args)),
        Command::Load(args) => Ok(load::run(&args)),
        Command::Watch(args) => Ok(watch::run(&args)),
        #[cfg(feature = "failpoints")]
        Command::Perform(args) => perform::run(&args.args),
        Command::Schema(args) => schema::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => Ok(pages::completions(&args)),
        Command::Man(args) => pages::man(&args),
    }
}

/// Returns the runtime of a command that does one thing and ends.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Prints lines of the answer; a reader that went away is no error of ours.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", visible(text));
}

/// Tells the person lines; the terminal may be gone, and there is nobody else to tell.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", visible(text));
}

/// Asks the person; the answer follows on the same line.
fn prompt(text: &str) {
    let mut out = std::io::stderr();
    let _ = write!(out, "{}", visible(text)).and_then(|()| out.flush());
}

/// Makes visible what could deceive a terminal, wherever in a text it came from.
fn visible(text: &str) -> String {
    Untrusted::from(text).visible()
}

//! The command line: one thin file per command.

pub mod act;
pub mod args;
pub mod begin;
pub mod console;
pub mod demo;
pub mod journal;
mod load;
#[cfg(feature = "failpoints")]
pub mod perform;
pub mod schema;
pub mod site;
mod watch;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use color_eyre::eyre::{Result, eyre};

use crate::io::migrate;
use args::{Cli, Command};

/// Runs the command line and returns the exit code of `CLI.md`'s table.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            // The terminal may be gone; there is nobody else to tell.
            let _ = writeln!(std::io::stderr(), "lockkeeper: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command.unwrap_or(Command::Console(cli.console)) {
        Command::Console(args) => console::run(&args),
        Command::Demo(args) => Ok(demo::main(&args)),
        Command::Journal(args) => journal::run(&args),
        Command::Act(args) => act::run(&args),
        Command::Sqlx(args) => Ok(migrate::main(&args.args, migrate::from_environment)),
        Command::Load(args) => Ok(load::run(&args)),
        Command::Watch(args) => Ok(watch::run(&args)),
        #[cfg(feature = "failpoints")]
        Command::Perform(args) => perform::run(&args.args),
        Command::Schema(args) => schema::run(&args),
        _ => Err(eyre!("this command is not there yet")),
    }
}

/// Prints a line of the answer; a reader that went away is no error of ours.
fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

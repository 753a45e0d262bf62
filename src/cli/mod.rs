//! The command line: one thin file per command.

pub mod demo;
mod load;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::io::migrate;

/// The operator's console for `PostgreSQL` schema migrations.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Opens a throwaway server with data, load, a blocker and pending migrations
    Demo(demo::Options),
    #[command(name = "__load", hide = true)]
    Load(load::Options),
    /// The child that runs one migration of an sqlx project
    #[command(name = "__sqlx", hide = true, disable_help_flag = true)]
    Sqlx {
        /// The child reads its own command line.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        job: Vec<OsString>,
    },
    #[command(name = "__watch", hide = true)]
    Watch(watch::Options),
}

/// Runs the command line and returns the exit code of `CLI.md`'s table.
#[must_use]
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Demo(options) => demo::main(&options),
        Command::Load(options) => load::run(&options),
        Command::Sqlx { job } => migrate::main(&job, migrate::from_environment),
        Command::Watch(options) => watch::run(&options),
    }
}

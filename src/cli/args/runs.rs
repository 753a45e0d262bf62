//! Flags of the commands that walk runbooks, and read what was recorded.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Console;
use crate::cli::runbook;

/// Flags of `run`.
#[derive(Args, Debug, Clone)]
pub struct Run {
    /// The runbook's name, e.g. migrate
    #[arg(default_value = "migrate", conflicts_with = "file")]
    pub runbook: String,
    /// A runbook file
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Whether it is rehearsed.
    #[command(flatten)]
    pub rehearsing: Rehearsing,
    /// How the console is shown.
    #[command(flatten)]
    pub console: Console,
}

/// Flags of `run` that make it a rehearsal.
#[derive(Args, Debug, Clone, Default)]
pub struct Rehearsing {
    /// Walk it on a copy in a scratch server, with the same screens, gates and confirmations; acts that reach outside of the database are shown and recorded, not run
    #[arg(long)]
    pub rehearse: bool,
    /// What the copy is made of: `target` (a dump of it, made now), `newest` (the newest full backup that is known to be of the target), or the path of a backup
    #[arg(long, value_name = "WHAT", default_value = "target", requires = "rehearse")]
    pub from: String,
    /// Copy the definitions without a row
    #[arg(long, requires = "rehearse")]
    pub schema_only: bool,
    /// Leave the rows of these tables out (a pattern as `pg_dump` takes it; several times)
    #[arg(long, value_name = "PATTERN", requires = "rehearse")]
    pub exclude_table: Vec<String>,
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

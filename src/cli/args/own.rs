//! Flags of the commands about lockkeeper itself: its demo, its documents, what it finds.

use std::path::PathBuf;

use clap::Args;

use super::Target;
use crate::cli::demo;

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

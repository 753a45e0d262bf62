//! Flags of the commands that read migrations.

use std::path::PathBuf;

use clap::Args;

use super::Target;

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

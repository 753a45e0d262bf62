//! `runbook show`: a runbook as Markdown, to be printed and ticked with a pen.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use color_eyre::eyre::{Result, eyre};

use super::places;
use crate::cli::print;
use crate::domain::runbook::paper;
use crate::domain::untrusted::Untrusted;
use crate::io::{config, runbook};

/// Flags of `runbook show`.
#[derive(ClapArgs, Debug, Clone)]
pub struct Args {
    /// The runbook's name, e.g. rollback, or its file
    pub runbook: PathBuf,
}

/// Prints it.
///
/// # Errors
/// When there is no such runbook, or something is wrong in it.
pub fn run(args: &Args) -> Result<ExitCode> {
    let is_file = args.runbook.extension().is_some() || args.runbook.components().count() > 1;
    let loaded = if is_file {
        runbook::load(&args.runbook)?
    } else {
        let name = args.runbook.to_str().ok_or_else(|| eyre!("the name is no text"))?;
        runbook::find(name, &places()?)?
    };
    let config = config::load(None, &std::env::current_dir()?)?.config;
    let mut page = paper::page(&loaded.runbook, &config.commands);
    let from = match &loaded.origin {
        runbook::Origin::Embedded => Path::new("built in").display().to_string(),
        runbook::Origin::File(path) => path.display().to_string(),
    };
    write!(page, "\n---\n{from}, SHA-256 `{}`\n", loaded.hash)?;
    print(Untrusted::from(page.as_str()).visible().trim_end());
    Ok(ExitCode::SUCCESS)
}

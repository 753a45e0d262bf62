//! `backups`: what there is to restore, the one that one would restore first.

use std::process::ExitCode;

use chrono::Utc;
use color_eyre::eyre::Result;

use super::{args, json, print, site, words};
use crate::domain::backup::Document;
use crate::io::store::Store;

/// Prints the inventory: exit 0 also if it is empty.
///
/// # Errors
/// When the configuration is wrong.
pub fn run(flags: &args::Backups) -> Result<ExitCode> {
    let (loaded, project) = site::project(flags.config.as_deref(), flags.project.as_deref())?;
    let now = Utc::now();
    let inventory = Store::of(&loaded, &project).read(now);
    if flags.json {
        print(&json::document(&Document::of(&inventory.backups, &inventory.problems)));
    } else {
        print(&words::backups(&inventory, now).join("\n"));
    }
    Ok(ExitCode::SUCCESS)
}

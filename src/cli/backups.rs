//! `backups`: what there is to restore, the one that one would restore first.

use std::process::ExitCode;

use chrono::Utc;
use color_eyre::eyre::{Result, WrapErr as _};

use super::{args, json, print, site, words};
use crate::domain::backup::Document;
use crate::io::allowed::Allowed;
use crate::io::paths::Paths;
use crate::io::store::{Store, outside, own};

/// Prints the inventory: exit 0 also if it is empty.
///
/// # Errors
/// When the configuration is wrong.
pub fn run(flags: &args::Backups) -> Result<ExitCode> {
    let (loaded, project) = site::project(flags.config.as_deref(), flags.project.as_deref())?;
    let now = Utc::now();
    let mut store = Store::of(&loaded, &project);
    if outside::is_asked(&loaded.config.backups) {
        let state = Paths::of_user()?.state;
        let allowed = Allowed::in_state(&state);
        let runtime = super::runtime();
        let runtime = runtime.wrap_err("no runtime")?;
        let asked = outside::ask(&loaded, &project, &allowed, outside::LIMIT);
        let mut told = runtime.block_on(asked);
        own::recall(&state, &mut told);
        store.also(told);
    }
    let inventory = store.read(now);
    if flags.json {
        json::print(&Document::of(&inventory.backups, &inventory.problems));
    } else {
        print(&words::backups(&inventory, now).join("\n"));
    }
    Ok(ExitCode::SUCCESS)
}

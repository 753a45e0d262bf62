//! The project and the target of a run, as it was begun with: `resume` needs no flags.

use std::path::PathBuf;

use color_eyre::eyre::Result;
use serde_json::Value;

use crate::cli::args;
use crate::domain::journal::Reading;
use crate::io::journal;
use crate::io::paths::Paths;

/// Returns the flags with what was not given taken from the run that is meant: the named
/// one, else the newest that is not closed. A connection string is never recorded, so one
/// that was given by `--dsn` is given again.
///
/// # Errors
/// When the runs cannot be read.
pub fn found(given: &args::Resume) -> Result<args::Resume> {
    let runs = Paths::of_user()?.runs();
    let all = journal::list(&runs)?;
    let readings = all.iter().rev().filter_map(|run| {
        let meant = given.run.as_ref().is_none_or(|wanted| run.id.starts_with(wanted.as_str()));
        run.reading.as_ref().ok().filter(|_| meant)
    });
    let open = |reading: &&Reading| {
        reading.rehearsal().is_none() && (!reading.closed() || !reading.open().is_empty())
    };
    let site = readings.filter(open).find_map(site);
    let mut args = given.clone();
    if let Some(site) = site {
        complete(&mut args.console.target, &site);
    }
    Ok(args)
}

fn site(reading: &Reading) -> Option<Value> {
    let site = reading.records.first()?.data["facts"]["site"].clone();
    site.is_object().then_some(site)
}

/// Another target or project that was named is another one: nothing is mixed into it.
fn complete(flags: &mut args::Target, site: &Value) {
    let text = |key: &str| site[key].as_str().map(str::to_owned);
    let path = |key: &str| text(key).map(PathBuf::from).filter(|path| path.exists());
    if flags.config.is_none() && flags.project.is_none() {
        flags.config = path("config");
        flags.project = path("project");
    }
    if flags.dsn.is_none() && flags.target.is_none() {
        flags.target = text("target");
    }
}

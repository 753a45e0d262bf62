//! The project and the target of a run, as it was begun with: `resume` needs no flags.

use std::path::{Path, PathBuf};

use color_eyre::eyre::{Result, eyre};
use serde_json::Value;

use crate::cli::{args, say, site};
use crate::domain::identity::{Class, Identity};
use crate::domain::journal::Reading;
use crate::domain::untrusted::Untrusted;
use crate::io::driver::target;
use crate::io::journal::{self, Run};
use crate::io::paths::Paths;

/// The run that is meant, and how its target is reached.
pub struct Meant {
    /// The flags, with what was not given taken from the run.
    pub args: args::Resume,
    /// Where the run was; said where nobody answers.
    pub at: Option<At>,
}

/// Where a run was, as its first record says it.
pub struct At {
    run: String,
    target: Identity,
    class: Class,
}

impl At {
    fn of(run: &Run) -> Option<Self> {
        let records = &run.reading.as_ref().ok()?.records;
        let class = serde_json::from_value(records.first()?.data["class"].clone()).ok()?;
        Some(Self { run: run.id.clone(), target: target(records)?, class })
    }

    /// Returns true if it was a throwaway server, of which not even the directory is left: the
    /// demo's, or one of a rehearsal.
    fn is_gone(&self) -> bool {
        let place = Path::new(&self.target.host);
        self.class == Class::Scratch && place.is_absolute() && !place.exists()
    }

    /// Returns what has become of a server that is gone, and what there is to do.
    fn gone(&self) -> String {
        format!(
            "the run {run} was on a throwaway server, as the demo starts one, in {place}: it is \
             gone, and every row with it. Nothing of the run can go on, and nothing needs to: \
             `lockkeeper journal show {run}` shows what was done, `lockkeeper demo` begins anew",
            run = self.run,
            place = shown(&self.target.host),
        )
    }

    /// Returns where it was, and what to pass where nobody answers there.
    pub fn hint(&self) -> String {
        if self.is_gone() {
            return self.gone();
        }
        let Identity { database, host, port, role, system_identifier, .. } = &self.target;
        format!(
            "the run {run} was on {database} @ {host}:{port} as {role}, of the server {system}; \
             `lockkeeper resume {run} --dsn \"{dsn}\"` connects there (a password is taken from \
             PGPASSWORD or ~/.pgpass; another host may be named, if the same server answers on it)",
            run = self.run,
            database = shown(database),
            host = shown(host),
            role = shown(role),
            system = shown(system_identifier),
            dsn = shown(&self.dsn()),
        )
    }

    /// Returns how libpq is told of that place; it holds no secret.
    fn dsn(&self) -> String {
        let Identity { database, host, port, role, .. } = &self.target;
        let quoted = |text: &str| match text {
            "" => "''".to_owned(),
            text if text.contains([' ', '\'', '\\']) => {
                format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
            }
            text => text.to_owned(),
        };
        let [host, database, role] = [host, database, role].map(|text| quoted(text));
        format!("host={host} port={port} dbname={database} user={role}")
    }
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

/// Returns the run that is meant, the named one, else the newest that is not closed and whose
/// server may still be there, with the flags that were not given as the run was begun with. A
/// connection string is never recorded: where one was given, the place that answered is.
///
/// # Errors
/// When the runs cannot be read, or the run's throwaway server is gone.
pub fn found(given: &args::Resume) -> Result<Meant> {
    let runs = Paths::of_user()?.runs();
    let all = journal::list(&runs)?;
    let meant = |run: &&Run| match &given.run {
        Some(wanted) => run.id.starts_with(wanted.as_str()),
        None => true,
    };
    let open = |run: &&Run| {
        let open = |reading: &Reading| {
            reading.rehearsal().is_none() && (!reading.closed() || !reading.open().is_empty())
        };
        run.reading.as_ref().is_ok_and(open)
    };
    let fitting: Vec<&Run> = all.iter().rev().filter(meant).filter(open).collect();
    let newest = fitting.first().copied();
    let (gone, there): (Vec<&Run>, Vec<&Run>) =
        fitting.into_iter().partition(|run| At::of(run).is_some_and(|at| at.is_gone()));
    let mut args = given.clone();
    if is_named(&args.console.target) {
        if let Some(site) = shared(&there) {
            complete(&mut args.console.target, &site);
        }
        let at = given.run.as_ref().and_then(|_| At::of(newest?));
        return Ok(Meant { args, at });
    }
    let at = there.first().and_then(|run| At::of(run));
    match (there.first(), gone.first().and_then(|run| At::of(run))) {
        (None, Some(gone)) => return Err(eyre!("{}", gone.gone())),
        (Some(_), Some(_)) => {
            let names: Vec<&str> = gone.iter().map(|run| run.id.as_str()).collect();
            let names = names.join(", ");
            say(&format!("passed over, since their throwaway servers are gone: {names}"));
        }
        _ => {}
    }
    if let Some(site) = there.first().and_then(|run| begun_with(run)) {
        complete(&mut args.console.target, &site);
    }
    if let Some(at) = at.as_ref().filter(|_| !is_led(&args.console.target)) {
        args.console.target.dsn = Some(at.dsn());
    }
    Ok(Meant { args, at })
}

fn is_named(flags: &args::Target) -> bool {
    flags.dsn.is_some() || flags.target.is_some()
}

/// Returns true if a file, a flag or the environment says which database is meant: libpq's
/// defaults alone do not. A file that is wrong is told of where it is opened.
fn is_led(flags: &args::Target) -> bool {
    let by_file = || {
        let loaded = site::project(flags.config.as_deref(), flags.project.as_deref());
        loaded.map_or(true, |(loaded, _)| !loaded.config.targets.is_empty())
    };
    is_named(flags) || site::is_named(flags) || by_file()
}

fn begun_with(run: &Run) -> Option<Value> {
    let site = run.reading.as_ref().ok()?.records.first()?.data["facts"]["site"].clone();
    site.is_object().then_some(site)
}

/// Returns what all of the runs were begun with. Which of them is of the database that was
/// named is not known before it answers: where they differ, none tells the project of another.
fn shared(runs: &[&Run]) -> Option<Value> {
    let sites: Option<Vec<Value>> = runs.iter().map(|run| begun_with(run)).collect();
    let sites = sites?;
    let (first, others) = sites.split_first()?;
    let same = |other: &Value| ["config", "project"].iter().all(|key| other[key] == first[key]);
    others.iter().all(same).then(|| first.clone())
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

//! What a loop works on: the target, the project with its tool, and where things are kept.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::config;
use super::paths::Paths;
use super::postgres::Target;
use super::tree::Disk;
use crate::domain::change::Name;
use crate::domain::config::{Config, Tool as Wanted};
use crate::domain::connection::{Place, Spec};
use crate::domain::plan::Action;
use crate::domain::rehearsal::Mark;
use crate::session::facts;
use crate::tools::{self, Detected, Entry, Tool, Tree, Unreadable};

/// A database, its migrations, and our own directories.
#[derive(Debug)]
pub struct Site {
    /// The database.
    pub target: Target,
    /// The configuration that was loaded.
    pub loaded: config::Loaded,
    /// Where the project lies.
    pub project: PathBuf,
    /// Our directories.
    pub paths: Paths,
    /// This very program, which runs the jobs: [`super::act::this_program`].
    pub program: PathBuf,
    /// What holds where the target is only a copy, on which a runbook is rehearsed.
    pub rehearsal: Option<Box<Rehearsal>>,
}

/// What holds on a copy that a runbook is rehearsed on.
#[derive(Debug)]
pub struct Rehearsal {
    /// What marks the run.
    pub mark: Mark,
    /// The directory that goes with the copy.
    pub directory: PathBuf,
    /// The steps whose acts may reach outside of the copy.
    pub may: BTreeSet<String>,
    /// How the real target is reached, where no act may be seen; `None`: it does not answer.
    pub forbidden: Option<Spec>,
}

impl Rehearsal {
    /// Returns true if an act reaches outside of the copy, and is therefore shown and recorded,
    /// and not run: programs and requests of a runbook, and backups that do not go with the copy.
    #[must_use]
    pub fn keeps_back(&self, action: &Action, step: Option<&str>) -> bool {
        if step.is_some_and(|step| self.may.contains(step)) {
            return false;
        }
        let is_outside = |place: &str| !Path::new(place).starts_with(&self.directory);
        match action {
            Action::Command | Action::Http { .. } | Action::Rehearse { .. } => true,
            Action::Backup { location, .. } => is_outside(location),
            Action::VerifyBackup { file, .. } => is_outside(file),
            Action::Tend { backups, .. } => backups.iter().any(|one| is_outside(one)),
            Action::Signal { .. }
            | Action::Migrate { .. }
            | Action::Sql { .. }
            | Action::Restore { .. } => false,
        }
    }
}

/// The migrations' tool and where its files are.
#[derive(Clone, Debug)]
pub struct Found {
    /// The tool's name.
    pub tool: &'static str,
    /// Where its migrations are, and how it was recognised.
    pub detected: Detected,
}

impl Site {
    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// Returns the project's files.
    #[must_use]
    pub fn tree(&self) -> Disk {
        Disk::new(&self.project)
    }

    /// Returns the directory that new backups go to: `to`, else the first of the
    /// configuration, whose relative paths start from its file.
    #[must_use]
    pub fn backups(&self, to: Option<&str>) -> PathBuf {
        let base = self.loaded.directory().unwrap_or(&self.project);
        let first = self.config().backups.directories.first();
        let directory = match to {
            Some(to) => PathBuf::from(to),
            None => first.cloned().unwrap_or_else(|| PathBuf::from("backups")),
        };
        let directory = base.join(directory);
        std::path::absolute(&directory).unwrap_or(directory)
    }

    /// Returns the tool that the configuration names or the directory shows.
    ///
    /// # Errors
    /// A sentence that says what was looked for and what to do.
    pub fn tool(&self) -> Result<(&'static dyn Tool, Detected), String> {
        tool(self.config(), &self.project)
    }

    /// Returns what is known at `now`, before anything answered, with the triggers of the
    /// configuration armed.
    #[must_use]
    pub fn facts(&self, now: DateTime<Utc>) -> facts::Facts {
        let mut facts = facts::Facts::new(self.described(), now);
        facts.backup_directory = Some(self.backups(None).display().to_string());
        facts.arm(self.config().triggers.armed(), self.config().probes.keys().cloned());
        facts
    }

    /// Returns how the target is named before anybody answers.
    #[must_use]
    pub fn described(&self) -> facts::Target {
        let Spec { place, port, user, database, notes, .. } = &self.target.spec;
        let place = match place {
            Place::Socket(dir) => dir.clone(),
            Place::Host(host) => format!("{host}:{port}"),
        };
        let source = format!("{} (from {})", self.target.spec.describe(), self.target.source);
        facts::Target {
            class: self.target.class,
            rehearsal: self.rehearsal.is_some(),
            database: database.clone(),
            place,
            role: user.clone(),
            notes: std::iter::once(source).chain(notes.iter().cloned()).collect(),
            policy: self.config().policy.clone(),
            contacts: self.config().people(),
        }
    }
}

/// Files that are looked through for a tool, and what may not be looked into: a directory
/// that is closed to us is not an empty one.
struct Refusals<'a> {
    tree: &'a Disk,
    first: RefCell<Option<Unreadable>>,
}

impl Refusals<'_> {
    fn note<T>(&self, read: Result<T, Unreadable>) -> Result<T, Unreadable> {
        if let Err(unreadable) = &read
            && !unreadable.missing
        {
            self.first.borrow_mut().get_or_insert_with(|| unreadable.clone());
        }
        read
    }

    /// Returns what could not be read, or `otherwise` if nothing was refused.
    fn or(&self, otherwise: String) -> String {
        match &*self.first.borrow() {
            Some(unreadable) => {
                format!("{unreadable}; let this user read it, or name another place with --project")
            }
            None => otherwise,
        }
    }
}

impl Tree for Refusals<'_> {
    fn list(&self, directory: &str) -> Result<Vec<Entry>, Unreadable> {
        self.note(self.tree.list(directory))
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        self.note(self.tree.read(path))
    }
}

/// Returns the tool that the configuration names or the directory shows, with the version table
/// that the configuration names.
///
/// # Errors
/// A sentence that says what was looked for and what to do.
pub fn tool(config: &Config, project: &Path) -> Result<(&'static dyn Tool, Detected), String> {
    let (tool, detected) = recognised(config, project)?;
    let (table, schema) = (&config.project.version_table, &config.project.version_table_schema);
    let told = tool.version_table(&Disk::new(project));
    let is_named = table.is_some() || schema.is_some();
    let table =
        Name { name: table.clone().unwrap_or(told.name), schema: schema.clone().or(told.schema) };
    // In a backup of this project as well.
    tools::pg_dump::know_version_table(tool.name(), &table.name);
    if !is_named {
        return Ok((tool, detected));
    }
    Ok((tools::named(tool, table), detected))
}

/// Takes notice of the version table's name, by which the revision in a backup is found; where
/// no tool is recognised the usual names are all that is known.
pub fn know_version_table(config: &Config, project: &Path) {
    drop(tool(config, project));
}

fn recognised(config: &Config, project: &Path) -> Result<(&'static dyn Tool, Detected), String> {
    let disk = Disk::new(project);
    let tree = Refusals { tree: &disk, first: RefCell::default() };
    let here = project.display();
    let Some(wanted) = config.project.tool else {
        let found = tools::detect(&tree);
        if let Some(why) = tools::ambiguous(&found) {
            return Err(why);
        }
        return found.into_iter().next().ok_or_else(|| {
            tree.or(format!("no migration tool's files below {here}; name the place with --project or [project] directory"))
        });
    };
    if wanted == Wanted::Command {
        let commands = config.project.command.clone().unwrap_or_default();
        return Ok(tools::command::tool(&commands, &tree));
    }
    let name = serde_json::to_value(wanted).ok();
    let name = name.as_ref().and_then(|name| name.as_str()).unwrap_or_default();
    // In the file it is golang_migrate, its own name is golang-migrate.
    let tool = tools::by_name(name)
        .or_else(|| tools::by_name(&name.replace('_', "-")))
        .ok_or_else(|| format!("this version cannot read the migrations of {name} yet"))?;
    let detected = tool
        .detect(&tree)
        .ok_or_else(|| tree.or(format!("no migrations of {name} below {here}")))?;
    Ok((tool, detected))
}

//! What a loop works on: the target, the project with its tool, and where things are kept.

use std::path::PathBuf;

use super::config;
use super::paths::Paths;
use super::postgres::Target;
use super::tree::Disk;
use crate::domain::config::Config;
use crate::domain::connection::{Place, Spec};
use crate::session::facts;
use crate::tools::{self, Detected, Tool};

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

    /// Returns the tool that the configuration names or the directory shows.
    ///
    /// # Errors
    /// A sentence that says what was looked for and what to do.
    pub fn tool(&self) -> Result<(&'static dyn Tool, Detected), String> {
        let tree = self.tree();
        let here = self.project.display();
        let Some(wanted) = self.config().project.tool else {
            return tools::detect(&tree).into_iter().next().ok_or_else(|| {
                format!("no migration tool's files below {here}; name the place with --project or [project] directory")
            });
        };
        let name = serde_json::to_value(wanted).ok();
        let name = name.as_ref().and_then(|name| name.as_str()).unwrap_or_default();
        let tool = tools::by_name(name)
            .ok_or_else(|| format!("this version cannot read the migrations of {name} yet"))?;
        let detected =
            tool.detect(&tree).ok_or_else(|| format!("no migrations of {name} below {here}"))?;
        Ok((tool, detected))
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
            database: database.clone(),
            place,
            role: user.clone(),
            notes: std::iter::once(source).chain(notes.iter().cloned()).collect(),
            policy: self.config().policy.clone(),
            contacts: self.config().people(),
        }
    }
}

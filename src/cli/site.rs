//! From flags and files to what is worked on.

use std::env;
use std::path::{Path, PathBuf};

use color_eyre::eyre::{Result, WrapErr as _, eyre};

use super::{args, say};
use crate::domain::config::Config;
use crate::io::act::this_program;
use crate::io::config::{self, Loaded};
use crate::io::document::Refused;
use crate::io::driver::environment;
use crate::io::journal::Secrets;
use crate::io::paths::Paths;
use crate::io::postgres::target::{self, Request, Target};
use crate::io::site::Site;

/// Opens what the flags name: configuration, target, project. Connects to nothing.
///
/// # Errors
/// When a file is wrong (path, line, key and suggestion), or no target is named.
pub fn open(flags: &args::Target) -> Result<Site> {
    let (loaded, project) = project(flags.config.as_deref(), flags.project.as_deref())?;
    let profile = profile(flags, &loaded.config)?;
    let request = Request { dsn: flags.dsn.as_deref(), profile };
    let target = target::resolve(request, &target::environment())?;
    let program = this_program().wrap_err("this program's own file is gone")?;
    Ok(Site { target, project, paths: Paths::of_user()?, loaded, program, rehearsal: None })
}

/// Opens what the flags name for the secrets that are masked in what acts have printed. `None`:
/// it cannot be opened, which is said.
#[must_use]
pub fn masking(flags: &args::Target) -> Option<Site> {
    let opened = open(flags);
    if let Err(why) = &opened {
        say(&format!(
            "in what acts have printed, only what looks like a secret is masked, since those of \
             the target are not known: {why:#}"
        ));
    }
    opened.ok()
}

/// Returns what must not be printed: what this user's acts on the site are given.
#[must_use]
pub fn secrets(site: &Site) -> Secrets {
    environment::secrets(&site.target.spec, site.config()).into_iter().collect()
}

/// What `doctor` works on: parts of a site, each of which may be wrong or missing.
#[derive(Debug)]
pub struct Loose {
    /// The configuration, or what is wrong with it.
    pub loaded: Result<Loaded, Refused>,
    /// The target, if one is named; or why it cannot be made out.
    pub target: Result<Option<Target>, String>,
    /// Where the project lies.
    pub project: PathBuf,
    /// Our own directories.
    pub paths: Paths,
}

/// Opens what the flags name, as far as that is possible. Connects to nothing.
///
/// # Errors
/// When there is no working or home directory.
pub fn loose(flags: &args::Target) -> Result<Loose> {
    let here = env::current_dir().wrap_err("the working directory is gone")?;
    let from = flags.project.as_deref().map_or(here.clone(), |dir| here.join(dir));
    let loaded = config::load(flags.config.as_deref(), &from);
    let defaults = Loaded::default();
    let known = loaded.as_ref().unwrap_or(&defaults);
    let target = match profile(flags, &known.config) {
        Ok(None) if !is_named(flags) => Ok(None),
        Ok(profile) => {
            let request = Request { dsn: flags.dsn.as_deref(), profile };
            target::resolve(request, &target::environment())
                .map(Some)
                .map_err(|error| error.to_string())
        }
        Err(why) => Err(why.to_string()),
    };
    let project = directory(flags.project.as_deref(), known, &here);
    Ok(Loose { target, project, paths: Paths::of_user()?, loaded })
}

/// Returns true if flags or environment name a database: libpq's defaults alone do not.
pub(super) fn is_named(flags: &args::Target) -> bool {
    let names = ["DATABASE_URL", "PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE"];
    flags.dsn.is_some() || names.iter().any(|name| env::var_os(name).is_some())
}

/// Returns the profile that is meant: the named one, or the only one when neither a
/// connection string nor the environment says otherwise.
fn profile<'a>(
    flags: &'a args::Target,
    config: &'a Config,
) -> Result<Option<(&'a str, &'a crate::domain::config::Target)>> {
    let targets = &config.targets;
    if let Some(name) = &flags.target {
        let found = targets.get_key_value(name.as_str());
        let names = targets.keys().cloned().collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { "none".to_owned() } else { names };
        return found
            .map(|(name, target)| Some((name.as_str(), target)))
            .ok_or_else(|| eyre!("there is no target {name}; lockkeeper.toml has: {names}"));
    }
    let is_open = flags.dsn.is_none() && env::var_os("DATABASE_URL").is_none();
    let only = targets.iter().next().filter(|_| is_open && targets.len() == 1);
    Ok(only.map(|(name, target)| (name.as_str(), target)))
}

/// Returns the configuration, and where the migration tool lives: `project`, else the
/// configuration's directory.
///
/// # Errors
/// When the file is wrong.
pub fn project(config: Option<&Path>, project: Option<&Path>) -> Result<(Loaded, PathBuf)> {
    let here = env::current_dir().wrap_err("the working directory is gone")?;
    let from = project.map_or(here.clone(), |dir| here.join(dir));
    let loaded = config::load(config, &from)?;
    let project = directory(project, &loaded, &here);
    Ok((loaded, project))
}

/// Returns the project's directory, without the `.` of one that is named so: it is shown.
fn directory(project: Option<&Path>, loaded: &Loaded, here: &Path) -> PathBuf {
    let base = loaded.directory().unwrap_or(here);
    let project = match project {
        Some(dir) => here.join(dir),
        None => base.join(&loaded.config.project.directory),
    };
    project.components().collect()
}

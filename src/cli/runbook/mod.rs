//! `runbook list`, `show`, `check` and `allow`.

pub mod check;
pub mod show;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use color_eyre::eyre::{Result, WrapErr as _};

use super::args::Runbook;
use super::print;
use crate::domain::plan::sha256_hex;
use crate::io::allowed::Allowed;
use crate::io::config;
use crate::io::document::Refused;
use crate::io::paths::Paths;
use crate::io::runbook::{self, Loaded, Origin, Places};

/// Runs `runbook …`.
///
/// # Errors
/// When a file cannot be read, or is not what it should be.
pub fn run(args: &Runbook) -> Result<ExitCode> {
    match args {
        Runbook::List => list(),
        Runbook::Show(args) => show::run(args),
        Runbook::Check(args) => check::run(args),
        Runbook::Allow { file } => allow(file),
    }
}

/// Returns where runbooks are looked for from here.
fn places() -> Result<Places> {
    let here = env::current_dir().wrap_err("the working directory is gone")?;
    let configuration = config::find(&here);
    let beside = configuration.as_deref().and_then(Path::parent);
    Ok(Places::new(beside, Some(&Paths::of_user()?.config)))
}

fn list() -> Result<ExitCode> {
    let (paths, places) = (Paths::of_user()?, places()?);
    let allowed = Allowed::in_state(&paths.state);
    for name in runbook::names(&places) {
        match runbook::find(&name, &places) {
            Ok(loaded) => print(&line(&loaded, &allowed)),
            Err(refused) => print(&format!("{name}: {refused}")),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(loaded: &Loaded, allowed: &Allowed) -> String {
    let Loaded { runbook, origin, .. } = loaded;
    let place = match origin {
        Origin::Embedded => "built in".to_owned(),
        Origin::File(path) if loaded.is_trusted(allowed) => format!("{}, allowed", path.display()),
        Origin::File(path) => {
            format!("{0}, NOT ALLOWED: lockkeeper runbook allow {0}", path.display())
        }
    };
    format!("{}: {} ({place})", runbook.id, runbook.title)
}

fn allow(file: &Path) -> Result<ExitCode> {
    let hash = match read(file)? {
        Read::Runbook(loaded) => loaded.hash,
        Read::Configuration(hash) => hash,
    };
    let path = std::path::absolute(file)?;
    Allowed::in_state(&Paths::of_user()?.state)
        .allow(&path, &hash)
        .wrap_err("it was not allowed")?;
    print(&format!("allowed, until its content changes:\n{}\nsha256 {hash}", path.display()));
    Ok(ExitCode::SUCCESS)
}

enum Read {
    Runbook(Box<Loaded>),
    /// With the SHA-256 of its text.
    Configuration(String),
}

/// Reads a runbook, or the file that is named as the configuration is.
fn read(file: &Path) -> Result<Read, Refused> {
    if file.file_name().is_none_or(|name| name != config::NAME) {
        return runbook::load(file).map(|loaded| Read::Runbook(Box::new(loaded)));
    }
    let loaded = config::load(Some(file), file)?;
    let unread = || sha256_hex(b"");
    Ok(Read::Configuration(loaded.file.map_or_else(unread, |source| source.hash)))
}

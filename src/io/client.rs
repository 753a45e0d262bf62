//! PostgreSQL's client programs that a backup or a restore runs: files of this machine, or what
//! the configured prefix runs.

use std::path::Path;
use std::time::Duration;

use crate::domain::config::Client;
use crate::domain::plan::Digest;
use crate::domain::untrusted::Untrusted;
use crate::io::allowed::Allowed;
use crate::io::blocking::blocking;
use crate::io::cluster::clients;
use crate::io::probe::command::{self, Bounds};
use crate::io::site::Site;
use crate::session::making::Dumper;

/// How long a program behind a prefix may take to tell its version: a container may be slow.
const ASKING: Duration = Duration::from_secs(20);

/// Returns a program for a server of that major version: where `[backups.client]` names a
/// prefix, what that runs, once it has told its version through it.
///
/// # Errors
/// Why there is none that fits, and what to do, in a sentence.
pub async fn find(
    site: &Site,
    allowed: &Allowed,
    name: &'static str,
    major: u32,
) -> Result<Dumper, String> {
    match &site.config().backups.client {
        None => blocking(|| here(name, major)),
        Some(client) => behind(site, allowed, client, (name, major)).await,
    }
}

fn here(name: &'static str, major: u32) -> Result<Dumper, String> {
    let found = clients::find(name, major).map_err(|unfit| unfit.to_string())?;
    let path = found.path.to_str().ok_or_else(|| {
        let path = Untrusted::from(found.path.to_string_lossy().as_ref()).one_line();
        format!("the path of {path} is not UTF-8")
    })?;
    let bytes = std::fs::read(&found.path).map_err(|error| format!("{path}: {error}"))?;
    Ok(Dumper {
        path: path.to_owned(),
        through: None,
        digest: Some(Digest::of(path, &bytes)),
        warning: found.warning(),
        major: found.major,
        version: found.version,
    })
}

async fn behind(
    site: &Site,
    allowed: &Allowed,
    client: &Client,
    (name, major): (&str, u32),
) -> Result<Dumper, String> {
    site.loaded.commands_allowed(allowed).map_err(|refused| refused.to_string())?;
    let ask = [name, "--version"].map(str::to_owned);
    let argv: Vec<String> = client.prefix.iter().cloned().chain(ask).collect();
    let shown = Untrusted::from(argv.join(" ")).one_line();
    let bounds = Bounds { limit: ASKING, most: 4 << 10 };
    let output = command::output(&argv, &site.project, &Vec::new(), bounds).await;
    let output = output.map_err(|why| format!("{shown}: {why}"))?;
    let text = String::from_utf8_lossy(&output.out).into_owned();
    let Some(found) = clients::told(Path::new(name), &text) else {
        let said = String::from_utf8_lossy(&output.err);
        let last = Untrusted::from(said.trim().lines().last().unwrap_or_default()).one_line();
        return Err(format!("{shown} tells no version ({}): {last}", output.status));
    };
    if found.major < major {
        return Err(format!(
            "{shown} is of version {}, and refuses a server of version {major}: use a container of \
             that version in [backups.client]",
            found.version
        ));
    }
    Ok(Dumper {
        path: name.to_owned(),
        through: Some(client.clone()),
        digest: None,
        warning: found.warning(),
        major: found.major,
        version: found.version,
    })
}

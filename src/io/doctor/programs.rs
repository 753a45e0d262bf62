//! PostgreSQL's programs: where they are, and whether they are new enough.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::evidence::Value;
use crate::domain::finding::{Finding, Version};
use crate::io::allowed::Allowed;
use crate::io::cluster::clients::{self, Unfit};
use crate::io::cluster::{Install, Packages, Programs, is_root};
use crate::io::probe::command;
use crate::io::site::Site;

/// How long a program may take to tell its version.
const LIMIT: Duration = Duration::from_secs(5);

/// Returns what is found of the server's and the client's programs; `server` is the target's
/// version, if it told one. What `site` runs behind a prefix is asked through it.
pub async fn programs(
    site: Option<&Site>,
    allowed: &Allowed,
    server: Option<Version>,
) -> Vec<Finding> {
    let mut findings = vec![server_programs().await];
    findings.push(client("psql", server).await);
    let prefixed = site.filter(|site| site.config().backups.client.is_some());
    if let (Some(site), Some(server)) = (prefixed, server) {
        for name in ["pg_dump", "pg_restore"] {
            findings.push(behind(site, allowed, name, server.major).await);
        }
        return findings;
    }
    findings.push(match server {
        Some(server) => dumper(server.major).await,
        None => client("pg_dump", None).await,
    });
    findings.push(client("pg_restore", server).await);
    findings
}

/// Returns what the configured prefix runs for a server of that version.
async fn behind(site: &Site, allowed: &Allowed, name: &'static str, major: u32) -> Finding {
    match crate::io::client::find(site, allowed, name, major).await {
        Err(why) => Finding::fail(name, String::new(), why),
        Ok(found) => {
            let through = found.through.map(|client| client.prefix.join(" ")).unwrap_or_default();
            let told = format!("{}, {through} {name}", found.version);
            match found.warning {
                Some(why) => Finding::warn(name, told, format!("{why}: use a newer container")),
                None => Finding::ok(name, told),
            }
        }
    }
}

/// Returns what `backup` would run for a server of that version, by its own rules: the one
/// of the server's version wherever it is, and never Debian's wrapper.
async fn dumper(major: u32) -> Finding {
    let id = "pg_dump";
    let asked = tokio::task::spawn_blocking(move || clients::find("pg_dump", major));
    let Ok(Ok(found)) = tokio::time::timeout(LIMIT, asked).await else {
        return Finding::warn(id, "cannot tell", "its programs do not tell their version");
    };
    match found {
        Err(unfit) => {
            let finding = Finding::fail(id, String::new(), unfit.to_string());
            if matches!(unfit, Unfit::Missing { .. }) { finding.missing() } else { finding }
        }
        Ok(client) => {
            let told = format!("{}, {}", client.version, client.path.display());
            match client.warning() {
                Some(why) => Finding::warn(id, told, format!("{why}: {}", upgrade(client.major))),
                None => Finding::ok(id, told),
            }
        }
    }
}

async fn server_programs() -> Finding {
    let id = "server_programs";
    match Programs::find() {
        Ok(found) => {
            let version = version(&found.path("postgres")).await;
            let version = version.map_or_else(|| "version unknown".to_owned(), |v| v.to_string());
            Finding::ok(id, format!("{version} in {}", found.directory().display()))
        }
        Err(missing) => {
            let advice = match &missing.install {
                Some(install) => format!("for the demo and for rehearsals: {install}"),
                None => missing.to_string(),
            };
            Finding::warn(id, "", advice).missing()
        }
    }
}

async fn client(name: &str, server: Option<Version>) -> Finding {
    let Some(path) = on_path(name) else {
        let advice = install(server.map(|server| server.major));
        // Without psql nothing of ours fails.
        let found = if name == "psql" { Finding::warn } else { Finding::fail };
        return found(name.to_owned(), String::new(), advice).missing();
    };
    let place = path.display();
    let Some(version) = version(&path).await else {
        let advice = format!("run `{place} --version` and see why it says nothing");
        return Finding::fail(name, format!("{place}: version unknown"), advice);
    };
    let told = format!("{version}, {place}");
    match server {
        Some(server) if version.major < server.major => {
            let advice = format!(
                "it is older than the server ({server}) and refuses to work with it: {}",
                install(Some(server.major))
            );
            let found = if name == "psql" { Finding::warn } else { Finding::fail };
            found(name.to_owned(), told, advice)
        }
        _ => match version.unpatched() {
            Some(patched) if name != "psql" => {
                let advice = format!(
                    "before {patched} a hostile server or dump runs code of its own here \
                     (CVE-2025-8714, CVE-2025-8715): {}",
                    upgrade(version.major)
                );
                Finding::warn(name, told, advice)
            }
            _ => Finding::ok(name, told),
        },
    }
}

fn install(major: Option<u32>) -> String {
    let command = Packages::here().map(|here| Install::client(here, is_root(), major).to_string());
    command
        .unwrap_or_else(|| "install PostgreSQL's client programs, and put them on the PATH".into())
}

fn upgrade(major: u32) -> String {
    let command = Packages::here().map(|here| Install::upgrade(here, is_root(), major).to_string());
    command.unwrap_or_else(|| format!("install the newest release of PostgreSQL {major}"))
}

/// Returns the version that a program tells of itself.
async fn version(path: &Path) -> Option<Version> {
    let argv = [path.display().to_string(), "--version".to_owned()];
    match command::run(&argv, Path::new("/"), &Vec::new(), LIMIT).await {
        Value::Answer { status: 0, text } => Version::parse(&text),
        _ => None,
    }
}

/// Returns the full path of the program that a bare name stands for.
#[must_use]
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_program = |file: &PathBuf| {
        file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
    };
    env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(is_program)
}

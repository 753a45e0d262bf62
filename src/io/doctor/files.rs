//! Our files: configuration, runbooks, the journal's directory, the migrations' tool.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::programs::on_path;
use crate::domain::config::Config;
use crate::domain::finding::Finding;
use crate::domain::health::{Health, Role};
use crate::io::allowed::Allowed;
use crate::io::config::{self, Loaded};
use crate::io::document::Refused;
use crate::io::paths::Paths;
use crate::io::runbook::{self, Origin, Places};
use crate::io::site;

/// With less than this, in bytes, a long run may not be recorded to its end.
const TIGHT: u64 = 200 << 20;
/// With less than this nothing can be recorded.
const FULL: u64 = 5 << 20;

/// Returns where the configuration comes from, each problem in it, and whether its commands
/// may run.
#[must_use]
pub fn configuration(
    loaded: &Result<Loaded, Refused>,
    named: bool,
    allowed: &Allowed,
) -> Vec<Finding> {
    let id = "configuration";
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(Refused::Wrong(problems)) => {
            let advice = "correct it; until then nothing works by this file";
            return problems.iter().map(|p| Finding::fail(id, p.to_string(), advice)).collect();
        }
        Err(refused) => return vec![Finding::fail(id, refused.to_string(), "correct --config")],
    };
    let Some(file) = &loaded.file else {
        let told = format!("no {} above the working directory: the defaults serve", config::NAME);
        return vec![Finding::ok(id, told)];
    };
    let how = if named { "named by --config" } else { "found upwards from the working directory" };
    let mut findings = vec![Finding::ok(id, format!("{}, {how}", file.path.display()))];
    if loaded.config.names_commands() {
        findings.push(match loaded.commands_allowed(allowed) {
            Ok(()) => Finding::ok("commands", "allowed with its present content"),
            Err(refused) => Finding::warn(
                "commands",
                "not allowed: none of its commands runs, and no act",
                refused.to_string(),
            ),
        });
    }
    findings
}

/// Returns the contacts and links that nobody has filled in.
#[must_use]
pub fn placeholders(config: &Config) -> Finding {
    let open: Vec<String> = config.placeholders().iter().map(ToString::to_string).collect();
    if open.is_empty() {
        let told = match config.contacts.len() {
            0 => "none are named".to_owned(),
            count => format!("{count}, filled in"),
        };
        return Finding::ok("contacts", told);
    }
    let advice = "fill them in: at three in the morning nobody looks for a number";
    Finding::warn("contacts", format!("not filled in: {}", open.join(", ")), advice)
}

/// Returns the triggers that have nothing to measure.
#[must_use]
pub fn triggers(config: &Config) -> Finding {
    let health = Health::of(config.probes.keys().cloned());
    let missing = [(Role::Health, "health_failures"), (Role::Auth, "auth_failures")]
        .into_iter()
        .filter(|(role, _)| !health.has(*role));
    let missing: Vec<&str> = missing.map(|(_, name)| name).collect();
    if missing.is_empty() {
        return Finding::ok("triggers", "each has something to measure");
    }
    let advice = "write [probes.health] and [probes.auth] into lockkeeper.toml; until then \
                  these triggers say unknown";
    Finding::warn("triggers", format!("without a probe: {}", missing.join(", ")), advice)
}

/// Returns each runbook that can be found, and whether it may be walked.
#[must_use]
pub fn runbooks(places: &Places, allowed: &Allowed) -> Vec<Finding> {
    let one = |name: &String| {
        let id = format!("runbook.{name}");
        match runbook::find(name, places) {
            Err(refused) => Finding::fail(id, refused.to_string(), "correct it"),
            Ok(loaded) => match &loaded.origin {
                Origin::Embedded => Finding::ok(id, "built in"),
                Origin::File(path) if loaded.is_trusted(allowed) => {
                    Finding::ok(id, format!("{}, allowed", path.display()))
                }
                Origin::File(path) => Finding::warn(
                    id,
                    format!("{}, not allowed with its present content", path.display()),
                    format!("read it, then lockkeeper runbook allow {}", path.display()),
                ),
            },
        }
    };
    runbook::names(places).iter().map(one).collect()
}

/// Returns where the journal is kept, and whether it can be written.
#[must_use]
pub fn state(paths: &Paths) -> Vec<Finding> {
    let directory = &paths.state;
    let id = "state_directory";
    let place = directory.display();
    // What is not there yet is made below the nearest directory that is.
    let Some(there) = directory.ancestors().find(|path| path.exists()) else {
        return vec![Finding::fail(id, place.to_string(), "set XDG_STATE_HOME")];
    };
    if access(there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let told = format!("{} cannot be written", there.display());
        let advice = "without a journal nothing runs: give it to this user, or set XDG_STATE_HOME";
        return vec![Finding::fail(id, told, advice)];
    }
    let kept = if there == directory { mode(directory) } else { None };
    let directory_finding = match kept {
        Some(mode) if mode & 0o077 != 0 => Finding::warn(
            id,
            format!("{place}, mode {mode:04o}: others can read it"),
            format!("chmod 0700 {place}"),
        ),
        Some(mode) => Finding::ok(id, format!("{place}, mode {mode:04o}")),
        None => Finding::ok(id, format!("{place}, made when it is needed")),
    };
    let runs = fs::read_dir(paths.runs()).map_or(0, Iterator::count);
    let journal = Finding::ok("journal", format!("{}: {runs} runs", paths.runs().display()));
    vec![directory_finding, space(there), journal]
}

fn mode(path: &Path) -> Option<u32> {
    let found = fs::metadata(path).ok()?;
    let own = found.uid() == rustix::process::geteuid().as_raw();
    own.then(|| found.permissions().mode() & 0o7777)
}

fn space(path: &Path) -> Finding {
    let id = "state_space";
    let Ok(found) = statvfs(path) else {
        return Finding::warn(id, "unknown", "see how much space is left there");
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let told = format!("{} MB free in {}", free >> 20, path.display());
    match free {
        0..FULL => Finding::fail(id, told, "make room: without a journal nothing runs"),
        FULL..TIGHT => Finding::warn(id, told, "make room: a long run writes a long journal"),
        _ => Finding::ok(id, told),
    }
}

/// Returns which migration tool was found, and whether the program before it is there.
#[must_use]
pub fn tool(config: &Config, project: &Path) -> Vec<Finding> {
    let named = config.project.tool.is_some();
    let mut findings = vec![match site::tool(config, project) {
        Ok((tool, detected)) => {
            let place = tidy(&project.join(&detected.directory));
            let how = if named { ", as [project] tool says" } else { "" };
            Finding::ok("tool", format!("{} in {place}{how}", tool.name()))
        }
        Err(why) if named => Finding::fail("tool", why, "correct [project] in lockkeeper.toml"),
        Err(_) => Finding::warn(
            "tool",
            format!("no migrations below {}", tidy(project)),
            "name the place with --project or [project] directory",
        ),
    }];
    let commands = config.project.command.iter();
    let commands = commands.flat_map(|c| [&c.up, &c.up_one, &c.down_one, &c.down_to, &c.current]);
    let argvs = [&config.project.prefix].into_iter().chain(commands);
    let mut programs: Vec<&String> = argvs.filter_map(|argv| argv.first()).collect();
    programs.sort_unstable();
    programs.dedup();
    findings.extend(programs.into_iter().map(|name| program(name, project)));
    findings
}

/// Returns a path without the `.` that the configuration's default leaves in it.
fn tidy(path: &Path) -> String {
    path.components().collect::<std::path::PathBuf>().display().to_string()
}

fn program(name: &str, project: &Path) -> Finding {
    let id = "tool_program";
    let found = match name.contains('/') {
        true => Some(project.join(name)).filter(|path| path.is_file()),
        false => on_path(name),
    };
    match found {
        Some(path) => Finding::ok(id, path.display().to_string()),
        None => Finding::fail(
            id,
            format!("{name} is not there"),
            format!("install {name}, or put it on the PATH: the migrations are run through it"),
        ),
    }
}

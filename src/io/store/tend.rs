//! The hidden child that does something to backups: each is looked at again right before, and
//! if one is no longer what was confirmed, nothing is done to any.
//!
//! What it does goes to stdout line by line, what went wrong last to stderr. Exit codes: 0
//! done, 1 failed while at it, 2 nothing was begun.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::Utc;

use super::kept::sum;
use super::proof::TOOL;
use super::{disk, look, manifest};
use crate::domain::backup::manifest::{
    Evidence, Maker, Manifest, SCHEMA, Source, beside as beside_of,
};
use crate::domain::backup::{Backup, Scope, Tending};
use crate::domain::quantity::size;
use crate::domain::untrusted::Untrusted;
use crate::io::backup::beside;
use crate::io::backup::file::write_manifest;
use crate::io::child::{Failed, say};
use crate::io::{failpoint, host};
use crate::session::tending::unproven;
use crate::tools::pg_dump::{Depth, Found};

/// One backup that was confirmed, as it was then.
struct Chosen {
    path: PathBuf,
    stamp: String,
}

/// Runs the child's command line: what is done, then each place with its stamp.
#[must_use]
pub fn main(args: &[OsString]) -> ExitCode {
    let done = parse(args).map_err(Failed::NotRun).and_then(|(tending, chosen)| {
        chosen.iter().try_for_each(|one| unchanged(one).map_err(Failed::NotRun))?;
        tend(tending, &chosen)
    });
    done.map_or_else(|failed| failed.end(), |()| ExitCode::SUCCESS)
}

fn parse(args: &[OsString]) -> Result<(Tending, Vec<Chosen>), String> {
    let (first, rest) = args.split_first().ok_or("what is to be done is missing")?;
    let tending = first.to_str().and_then(Tending::parse);
    let tending = tending.ok_or("what is to be done is not known")?;
    let chosen: Option<Vec<Chosen>> = rest
        .chunks(2)
        .map(|pair| match pair {
            [path, stamp] => Some(Chosen { path: path.into(), stamp: stamp.to_str()?.to_owned() }),
            _ => None,
        })
        .collect();
    match chosen {
        Some(chosen) if !chosen.is_empty() => Ok((tending, chosen)),
        _ => Err("a backup's place or its stamp is missing".to_owned()),
    }
}

fn tend(tending: Tending, chosen: &[Chosen]) -> Result<(), Failed> {
    let each: &dyn Fn(&Path) -> Result<String, String> = match tending {
        Tending::Prune => {
            let may = chosen.iter().try_for_each(|one| may_go(&one.path));
            may.map_err(Failed::NotRun)?;
            &remove
        }
        Tending::Pin => &|path| pin(path, true),
        Tending::Unpin => &|path| pin(path, false),
        Tending::Adopt => &adopt,
    };
    for (at, one) in chosen.iter().enumerate() {
        failpoint::hit("tend.before_one");
        // Between the first look and this one others were removed.
        let done = unchanged(one).and_then(|()| each(&one.path));
        match done {
            Ok(line) => say(&line),
            Err(why) if at == 0 && tending != Tending::Prune => return Err(Failed::NotRun(why)),
            Err(why) => return Err(Failed::Running(format!("{why}; {at} were done before it"))),
        }
    }
    Ok(())
}

/// Checks that a backup is what it was when it was confirmed.
fn unchanged(one: &Chosen) -> Result<(), String> {
    let shown = shown(&one.path);
    match disk::stamp(&one.path) {
        Ok(stamp) if stamp.text() == one.stamp => Ok(()),
        Ok(_) => Err(format!("{shown} has changed since it was confirmed: nothing was done to it")),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}

/// Checks once more what its manifest says: somebody may have pinned it meanwhile.
fn may_go(path: &Path) -> Result<(), String> {
    match manifest::beside(path)? {
        Some(manifest) if manifest.pinned => Err(format!("{} is pinned", shown(path))),
        Some(_) => Ok(()),
        None => Err(format!("{} has no manifest any more", shown(path))),
    }
}

/// Removes the backup before its manifest: left alone, that says that its backup is gone.
fn remove(path: &Path) -> Result<String, String> {
    may_go(path)?;
    let bytes = disk::stamp(path).map(|stamp| stamp.size).unwrap_or_default();
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => remove_directory(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    failpoint::hit("tend.between");
    if removed.is_ok()
        && let Some(name) = path.file_name()
    {
        beside::remove(&path.with_file_name(beside_of(&name.to_string_lossy())));
    }
    let removed = removed.and_then(|()| manifest::remove(path)).and_then(|()| synced(path));
    removed.map_err(|error| format!("{}: {error}", shown(path)))?;
    Ok(format!("removed {}, {}", shown(path), size(bytes)))
}

/// Removes the files of a dump in directory format; what else is in there keeps it.
fn remove_directory(path: &Path) -> io::Result<()> {
    for name in disk::files(path)? {
        fs::remove_file(path.join(name))?;
    }
    fs::remove_dir(path)
}

fn synced(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

fn pin(path: &Path, pinned: bool) -> Result<String, String> {
    if !manifest::change(path, |manifest| manifest.pinned = pinned)? {
        return Err(format!("{} has no manifest any more", shown(path)));
    }
    let word = if pinned { "pinned" } else { "no longer pinned" };
    Ok(format!("{} is {word}", shown(path)))
}

fn adopt(path: &Path) -> Result<String, String> {
    let shown = shown(path);
    if manifest::beside(path)?.is_some() {
        return Err(format!("{shown} has its manifest already"));
    }
    let before = disk::stamp(path).map_err(|error| format!("{shown}: {error}"))?;
    say(&format!("{shown}: reading {}", size(before.size)));
    let sum = sum(path).map_err(|error| format!("{shown}: {error}"))?;
    let found = look(path, Depth::Whole, &mut |_| {}).map_err(|why| format!("{shown}: {why}"))?;
    let found = found.filter(|found| !found.kind.is_physical());
    let found = found.ok_or_else(|| format!("{shown} is no dump"))?;
    if found.structure.complete() != Some(true) {
        return Err(format!("{shown} is not adopted: {}", found.structure.words()));
    }
    if disk::stamp(path).ok() != Some(before) {
        return Err(format!("{shown} has changed while it was read"));
    }
    let (directory, name) = path
        .parent()
        .zip(path.file_name().and_then(|name| name.to_str()))
        .ok_or_else(|| format!("{shown}: its name is not UTF-8"))?;
    let adopted = manifest_of(name, &found, sum, before.size);
    write_manifest(directory, name, &adopted).map_err(|error| format!("{shown}: {error}"))?;
    Ok(format!("{shown} is adopted: a change of it is noticed from now on"))
}

/// Returns the manifest of what was found; what its file does not tell stays empty.
fn manifest_of(name: &str, found: &Found, sha256: String, size: u64) -> Manifest {
    let now = Utc::now();
    let text = |text: &Option<Untrusted>| text.as_ref().map_or("", Untrusted::raw).to_owned();
    let findings = [found.head_finding(), found.structure_finding()];
    let evidence = findings.into_iter().filter_map(|finding| {
        let (level, ok, what) = (finding.level, finding.ok?, finding.what);
        Some(Evidence { level, at: now, ok, tool: TOOL.to_owned(), what })
    });
    let seen = Backup { scope: found.scope, ..Backup::at(name, found.kind) };
    Manifest {
        schema: SCHEMA,
        id: name.to_owned(),
        kind: found.kind,
        sha256,
        size,
        scope: found.scope.unwrap_or(Scope::Tables),
        snapshot_started_at: None,
        finished_at: now,
        source: Source {
            system_identifier: None,
            database: text(&found.database),
            host: String::new(),
            server_version: text(&found.server_version),
        },
        revisions: found.revisions.clone(),
        rows: std::collections::BTreeMap::new(),
        contents: std::collections::BTreeMap::new(),
        beside: Vec::new(),
        tool_version: text(&found.tool_version),
        made_by: Maker { operator: host::operator().to_owned(), run: None },
        unproven: unproven(&seen),
        pinned: false,
        verified: evidence.collect(),
        rest: serde_json::Map::new(),
    }
}

fn shown(path: &Path) -> String {
    Untrusted::from(path.display().to_string()).one_line()
}

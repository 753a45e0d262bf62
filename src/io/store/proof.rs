//! Proving one backup, level by level.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::kept::{self, Kept};
use super::{base, manifest, no_backup};
use crate::domain::backup::content::Contents;
use crate::domain::backup::manifest::{Evidence, Side};
use crate::domain::backup::{Kind, Manifest, object};
use crate::domain::evidence::Level;
use crate::domain::untrusted::Untrusted;
use crate::domain::verify::{Beside, Finding, Report};
use crate::tools::pg_dump::{Depth, Found, Progress, Rows};

/// What proves.
pub(super) const TOOL: &str = concat!("lockkeeper ", env!("CARGO_PKG_VERSION"));

/// Why nothing was proven at all.
#[derive(Debug, thiserror::Error)]
pub enum Limit {
    /// The level needs a server to load the backup into.
    #[error("cannot tell: {0} needs a scratch server, and this reads only files")]
    Level(Level),
    /// It is not a backup, or cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

/// The highest level that is proven without a server.
pub const HIGHEST: Level = Level::L3;

/// Proves the backup at `path` up to `asked`, and writes what came of it into its manifest,
/// if it has one. Returns the proof, and what was read. How far decoding is goes to `tell`.
///
/// # Errors
/// If the level is above L3, or there is nothing that could be proven.
pub fn verify(
    path: &Path,
    asked: Level,
    now: DateTime<Utc>,
    tell: &mut dyn FnMut(Progress),
) -> Result<(Report, Found), Limit> {
    if asked > HIGHEST {
        return Err(Limit::Level(asked));
    }
    let file = path.display().to_string();
    let shown = Untrusted::from(file.as_str()).one_line();
    let unreadable = |why: String| Limit::Unreadable(format!("{shown}: {why}"));
    let kept = kept::at(path).map_err(unreadable)?;
    let kept = kept.as_ref();
    let begun = Instant::now();
    let found = kept.look(Depth::Head, &mut |_| {}).map_err(unreadable)?;
    let mut found = found.ok_or_else(|| unreadable(no_backup(path).to_owned()))?;
    let mut findings = vec![found.head_finding().took(begun.elapsed())];
    if found.kind == Kind::Base {
        let report = judged(path, kept, findings, now).map_err(unreadable)?;
        return Ok((report, found));
    }
    let manifest = kept.manifest();
    let mut sides = Vec::new();
    if asked >= Level::L1 {
        let begun = Instant::now();
        findings.push(unchanged(kept, manifest.as_ref()).took(begun.elapsed()));
        let told = manifest.iter().flatten().flat_map(|manifest| &manifest.beside);
        sides = told.map(|told| beside(kept, told)).collect();
    }
    if asked >= Level::L2 {
        let begun = Instant::now();
        let depth = if asked == Level::L2 { Depth::Whole } else { Depth::Rows };
        let whole = kept.look(depth, tell).map_err(unreadable)?;
        found = whole.ok_or_else(|| unreadable("it changed meanwhile".into()))?;
        let told = manifest.as_ref().ok().and_then(Option::as_ref);
        findings.extend(read_through(&mut found, asked, told, begun.elapsed()));
    }
    let mut report = Report::of(file, asked, findings);
    report.beside = sides;
    report.notes.extend(cannot_prove(&found, manifest.as_ref()));
    report.rows = rows(&found, manifest.as_ref());
    if let Ok(Some(_)) = manifest
        && let Err(why) = kept.append(evidence(&report.findings, now))
    {
        report.notes.push(why);
    }
    Ok((report, found))
}

/// Returns the proof of a base backup: its levels are not those of a dump, its own program
/// judges it where its files can be read.
fn judged(
    path: &Path,
    kept: &dyn Kept,
    mut findings: Vec<Finding>,
    now: DateTime<Utc>,
) -> Result<Report, String> {
    let begun = Instant::now();
    let whole = kept.look(Depth::Whole, &mut |_| {})?.ok_or("it changed meanwhile")?;
    let structure = whole.structure_finding();
    let is_broken = structure.ok == Some(false);
    findings.push(structure.took(begun.elapsed()));
    let is_here = !path.to_str().is_some_and(object::is_elsewhere);
    let proven = (is_here && !is_broken).then(|| base::prove(path, &whole, now));
    let mut report = Report::of(path.display().to_string(), Level::L2, findings);
    if let Some((judged, unkept)) = proven {
        report.ok = judged.ok;
        report.judged = Some(judged);
        report.notes.extend(unkept);
    } else if !is_broken {
        report.ok = None;
        report.notes.push(object::FETCH.to_owned());
    }
    Ok(report)
}

/// Returns the findings of one reading: L3 decodes what L2 walks over, in the same pass, so
/// that the time is told once, of the highest.
fn read_through(
    found: &mut Found,
    asked: Level,
    manifest: Option<&Manifest>,
    took: Duration,
) -> Vec<Finding> {
    if asked < Level::L3 {
        return vec![found.structure_finding().took(took)];
    }
    if let (Some(decoded), Some(manifest)) = (&mut found.decoded, manifest) {
        decoded.compare(&manifest.rows);
    }
    vec![found.structure_finding(), found.decoded_finding().took(took)]
}

/// Returns the rows that were counted in the backup, else those that its manifest tells.
fn rows(found: &Found, manifest: Result<&Option<Manifest>, &String>) -> Rows {
    match (&found.decoded, manifest) {
        (Some(decoded), _) => decoded.rows.clone(),
        (None, Ok(Some(manifest))) => manifest.rows.clone(),
        (None, _) => Rows::new(),
    }
}

/// Returns what a decoded backup leaves open.
fn cannot_prove(found: &Found, manifest: Result<&Option<Manifest>, &String>) -> Option<String> {
    let decoded = found.decoded.as_ref()?;
    let has_sum = decoded.is_summed || matches!(manifest, Ok(Some(_)));
    let is_good = decoded.outcome.complete() == Some(true);
    (is_good && !has_sum).then(|| {
        "not proven: that no byte inside of a row has changed. Nothing in it sums its rows, and \
         it has no manifest with its SHA-256"
            .to_owned()
    })
}

/// Writes what was found into the manifest of the backup, if it has one.
///
/// # Errors
/// A sentence, if it cannot be written; then the old one is still whole.
pub fn record(path: &Path, findings: &[Finding], at: DateTime<Utc>) -> Result<(), String> {
    manifest::append(path, evidence(findings, at))
}

/// Returns what goes into a manifest of what was tried.
fn evidence(findings: &[Finding], at: DateTime<Utc>) -> Vec<Evidence> {
    let tried = findings.iter().filter_map(|finding| Some((finding, finding.ok?)));
    let evidence = tried.map(|(finding, ok)| Evidence {
        level: finding.level,
        at,
        ok,
        tool: finding.tool.clone().unwrap_or_else(|| TOOL.to_owned()),
        what: finding.what.clone(),
    });
    evidence.collect()
}

/// Returns the rows that the manifest of the backup counts; `None`: it has no manifest.
///
/// # Errors
/// A sentence, if there is one that cannot be used.
pub fn rows_told(path: &Path) -> Result<Option<(Rows, Contents)>, String> {
    Ok(manifest::beside(path)?.map(|manifest| (manifest.rows, manifest.contents)))
}

/// Compares the bytes with the manifest's sum.
fn unchanged(kept: &dyn Kept, manifest: Result<&Option<Manifest>, &String>) -> Finding {
    let manifest = match manifest {
        Ok(Some(manifest)) => manifest,
        Ok(None) => {
            let why = "does not apply: it has no manifest that tells what it was";
            return Finding::does_not_apply(Level::L1, why);
        }
        Err(why) => return Finding::unknown(Level::L1, why.clone()),
    };
    match kept.sum() {
        Ok(sum) if sum.eq_ignore_ascii_case(&manifest.sha256) => {
            Finding::tried(Level::L1, true, "its SHA-256 is that of the manifest")
        }
        Ok(_) => {
            let why = "its SHA-256 is not that of the manifest: changed since it was made";
            Finding::tried(Level::L1, false, why)
        }
        Err(error) => Finding::unknown(Level::L1, format!("it cannot be read: {error}")),
    }
}

/// Compares a file beside the backup with what the manifest sums of it.
fn beside(kept: &dyn Kept, told: &Side) -> Beside {
    // A name out of a manifest never leads out of the directory.
    let is_plain = !told.name.contains(['/', '\\']) && ![".", ".."].contains(&told.name.as_str());
    let (ok, what) = match is_plain.then(|| kept.side(&told.name)) {
        None => (Some(false), "its name leads elsewhere: the manifest is not ours".to_owned()),
        Some(Ok(sum)) if sum.eq_ignore_ascii_case(&told.sha256) => {
            (Some(true), "its SHA-256 is that of the manifest".to_owned())
        }
        Some(Ok(_)) => (Some(false), "changed since it was made: do not use it".to_owned()),
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            (Some(false), "it is gone".to_owned())
        }
        Some(Err(error)) => (None, format!("it cannot be read: {error}")),
    };
    Beside { name: Untrusted::from(told.name.as_str()).one_line(), ok, what }
}

//! What is proven of a backup as soon as it is made.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use chrono::Utc;

use super::file::sha256;
use super::say;
use crate::domain::backup::manifest::Evidence;
use crate::domain::verify::{Finding, Level};
use crate::tools::pg_dump::{self, Depth, Progress, Rows};

/// What proves.
const TOOL: &str = concat!("lockkeeper ", env!("CARGO_PKG_VERSION"));

/// How often it is printed how far decoding is.
const TOLD: Duration = Duration::from_secs(1);

/// What was found of a finished file.
pub(super) struct Looked {
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// What was passed.
    pub evidence: Vec<Evidence>,
    /// What is wrong with it, if something is.
    pub wrong: Option<String>,
}

/// Reads the file twice: for its hash, and block by block to its end; at L3 it is decoded,
/// and has to hold the `rows` that were counted beside `pg_dump`.
pub(super) fn look(mut file: File, level: Level, rows: &Rows) -> io::Result<Looked> {
    let (sha256, size) = sha256(&mut file)?;
    let mut findings = vec![Finding::tried(Level::L1, true, "this is its SHA-256 as it was made")];
    let depth = if level < Level::L3 { Depth::Whole } else { Depth::Rows };
    match pg_dump::file(&mut file, size, depth, &mut progress())? {
        Some(mut found) => {
            findings.extend([found.head_finding(), found.structure_finding()]);
            if let Some(decoded) = &mut found.decoded {
                decoded.compare(rows);
                findings.push(found.decoded_finding());
            }
        }
        None => findings.push(Finding::tried(Level::L0, false, "it is no archive")),
    }
    findings.sort_by_key(|finding| finding.level);
    let wrong = findings.iter().find(|finding| finding.ok == Some(false));
    let wrong = wrong.map(|finding| format!("what pg_dump wrote: {}", finding.what));
    Ok(Looked { sha256, size, wrong, evidence: findings.into_iter().filter_map(passed).collect() })
}

/// Returns what prints how far decoding is: its begin, and what has come after a second each.
fn progress() -> impl FnMut(Progress) {
    let mut told: Option<Instant> = None;
    move |progress| {
        if told.is_none_or(|told| told.elapsed() >= TOLD) {
            told = Some(Instant::now());
            say(&progress.words());
        }
    }
}

fn passed(finding: Finding) -> Option<Evidence> {
    let ok = finding.ok?;
    Some(Evidence {
        level: finding.level,
        at: Utc::now(),
        ok,
        tool: TOOL.to_owned(),
        what: finding.what,
    })
}

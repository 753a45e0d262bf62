//! The restore drill: what a backup proves by being loaded into a scratch server (L4), compared
//! with what was counted when it was made (L5), and checked page by page (L6).
//!
//! Nothing of it touches the target. The server is private, without fsync, and goes with this
//! process however that ends ([`cluster`]); what a crash of the machine leaves is removed by the
//! next drill. What keeps the drill from being held is "cannot tell", never "bad".

mod load;
mod scratch;
mod sql;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::cluster;
use super::store::{self, Limit};
use crate::domain::backup::content::{self, Compared, Contents};
use crate::domain::backup::{Kind, Scope, object};
use crate::domain::untrusted::Untrusted;
use crate::domain::verify::{Finding, Level, Report, estimate};
use crate::tools::pg_dump::{Found, Rows, difference};

use load::Load;
use scratch::Scratch;

/// Where a drill is held.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where scratch servers are registered, for the next sweep.
    pub state: PathBuf,
    /// This program, which watches over the server.
    pub program: PathBuf,
}

/// More differences than this are counted, not listed.
const DIFFERENCES: usize = 3;
/// A load takes no longer than so many times its estimate, nor than [`LEAST`] if that is more.
const PATIENCE: u32 = 30;
const LEAST: Duration = Duration::from_mins(15);

/// Proves the backup at `path` up to `asked`: L0 to L3 without a server, the others by a drill,
/// and writes what came of it into its manifest, if it has one. What is done goes to `tell`.
///
/// # Errors
/// If there is nothing that could be proven.
pub fn verify(
    path: &Path,
    asked: Level,
    now: DateTime<Utc>,
    place: &Place,
    tell: &mut dyn FnMut(&str),
) -> Result<(Report, Found), Limit> {
    let first = asked.min(store::HIGHEST);
    let (report, found) = store::verify(path, first, now, &mut |at| tell(&at.words()))?;
    if found.kind.is_physical() {
        return Ok((report, found));
    }
    if asked <= store::HIGHEST || report.ok == Some(false) {
        return Ok((report.asked(asked), found));
    }
    let is_elsewhere = path.to_str().is_some_and(object::is_elsewhere);
    let held = if is_elsewhere {
        vec![Finding::unknown(Level::L4, object::FETCH)]
    } else if report.ok == Some(true) {
        match std::path::absolute(path) {
            Ok(path) => hold(&path, asked, &found, place, tell),
            Err(error) => vec![Finding::unknown(Level::L4, error.to_string())],
        }
    } else {
        vec![Finding::unknown(Level::L4, "what does not decode in full here is not loaded")]
    };
    let file = report.file.clone();
    let written = if is_elsewhere { Ok(()) } else { store::record(path, &held, Utc::now()) };
    let findings = report.findings.into_iter().chain(held).collect();
    let mut whole = Report::of(file, asked, findings);
    whole.rows = report.rows;
    whole.beside = report.beside;
    whole.notes = report.notes;
    whole.notes.extend(written.err());
    Ok((whole, found))
}

/// How one level is proven of what was loaded.
type Held = fn(&Path, &Scratch, &mut dyn FnMut(&str)) -> Finding;

/// Holds the drill, and returns the levels that were tried.
fn hold(
    path: &Path,
    asked: Level,
    found: &Found,
    place: &Place,
    tell: &mut dyn FnMut(&str),
) -> Vec<Finding> {
    let begun = Instant::now();
    let scratch = match fit(found).and_then(|()| Scratch::make(path, found, &[], place, tell)) {
        Ok(scratch) => scratch,
        Err(why) => return vec![Finding::unknown(Level::L4, why).took(begun.elapsed())],
    };
    let loaded = match loader(path, found, &scratch).run(&scratch, tell) {
        Ok(holds) => Finding::tried(Level::L4, true, format!("it loads in full; {holds} hold")),
        Err(load::Failed::CannotTell(why)) => Finding::unknown(Level::L4, why),
        Err(load::Failed::Bad(why)) => Finding::tried(Level::L4, false, why),
    };
    let mut findings = vec![loaded.by(scratch.tool()).took(begun.elapsed())];
    if findings[0].ok == Some(true) {
        for (level, held) in [(Level::L5, equal as Held), (Level::L6, sound)] {
            let begun = Instant::now();
            if level <= asked {
                findings.push(held(path, &scratch, tell).took(begun.elapsed()));
            }
        }
    }
    tell("removing the scratch server");
    if let Err(error) = scratch.end() {
        let what = format!("{}; but the scratch server is left: {error}", findings[0].what);
        findings[0].what = Untrusted::from(what).one_line();
    }
    findings
}

/// Returns why a backup cannot be loaded into an empty database at all.
fn fit(found: &Found) -> Result<(), String> {
    match (found.kind, found.scope) {
        (Kind::Tar, _) => Err("pg_restore reads a damaged tar archive for ever, so none is \
                               loaded: keep backups as -Fc"
            .to_owned()),
        (_, Some(Scope::Data)) => {
            Err("it holds rows without their tables: nothing that they could be loaded into".into())
        }
        _ => Ok(()),
    }
}

/// Compares the rows that were loaded with those that its manifest counts (L5).
fn equal(path: &Path, scratch: &Scratch, tell: &mut dyn FnMut(&str)) -> Finding {
    tell("counting the rows of each table");
    let told = match store::rows_told(path) {
        Ok(Some(told)) if told.0.values().any(Option::is_some) => told,
        Ok(Some(_)) => {
            return Finding::does_not_apply(Level::L5, "its manifest counts no rows");
        }
        Ok(None) => {
            let why = "does not apply: it has no manifest that tells what its source held";
            return Finding::does_not_apply(Level::L5, why);
        }
        Err(why) => return Finding::unknown(Level::L5, why),
    };
    let (told, contents) = told;
    let rows = match sql::rows(scratch) {
        Ok(rows) => compared(&rows, &told),
        Err(why) => Finding::unknown(Level::L5, why),
    };
    let found = match rows.ok {
        Some(true) if contents.is_empty() => Finding {
            what: format!("{}; what is in them was not summed ([backups] contents)", rows.what),
            ..rows
        },
        Some(true) => {
            tell("summing the contents of each table");
            alike(rows, sql::contents(scratch), &contents)
        }
        _ => rows,
    };
    found.by(scratch.tool())
}

/// Adds to what the rows' counts came to whether the contents are those of the source.
fn alike(rows: Finding, loaded: Result<Contents, String>, told: &Contents) -> Finding {
    let compared = match loaded {
        Ok(loaded) => content::compare(&loaded, told),
        Err(why) => return Finding::unknown(Level::L5, format!("{}; {why}", rows.what)),
    };
    let all = told.len();
    match compared {
        Compared { other, .. } if !other.is_empty() => {
            let named: Vec<String> =
                other.iter().take(DIFFERENCES).map(|name| scratch::shown(name)).collect();
            let more = other.len() - named.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let what = format!(
                "as many rows as its source held, but other contents in {}{more}",
                named.join(", ")
            );
            Finding::tried(Level::L5, false, what)
        }
        Compared { same, unknown: 0, .. } => {
            let what =
                format!("{}, and the same contents in the {same} that were summed", rows.what);
            Finding { what, ..rows }
        }
        Compared { unknown, .. } => {
            let what = format!(
                "{}; the contents of {unknown} of {all} cannot be compared: summed in another \
                 encoding or version",
                rows.what
            );
            Finding { what, ..rows }
        }
    }
}

fn compared(loaded: &Rows, told: &Rows) -> Finding {
    let counted = told.iter().filter_map(|(table, rows)| Some((table, (*rows)?)));
    let differs: Vec<String> =
        counted.clone().filter_map(|(table, rows)| difference(loaded, table, rows)).collect();
    if differs.is_empty() {
        let (tables, rows) =
            counted.fold((0, 0), |(tables, all), (_, rows)| (tables + 1, all + rows));
        let what = format!("{rows} rows in {tables} tables, in each as many as its source held");
        return Finding::tried(Level::L5, true, what);
    }
    let more = differs.len().saturating_sub(DIFFERENCES);
    let named = differs[..differs.len() - more].join("; ");
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Finding::tried(Level::L5, false, format!("not what its source held: {named}{more}"))
}

/// Looks at every page and index of what was loaded (L6).
fn sound(_: &Path, scratch: &Scratch, tell: &mut dyn FnMut(&str)) -> Finding {
    tell("pg_amcheck reads every page and index");
    match scratch.amcheck() {
        Ok(Ok(what)) => Finding::tried(Level::L6, true, what),
        Ok(Err(what)) => Finding::tried(Level::L6, false, what),
        Err(why) => Finding::unknown(Level::L6, why),
    }
    .by(scratch.tool())
}

/// A scratch server with something loaded into it, which goes with this value.
#[derive(Debug)]
pub struct Loaded(Scratch);

impl Loaded {
    /// Returns how the database is reached, as its superuser.
    #[must_use]
    pub fn dsn(&self) -> String {
        self.0.dsn()
    }

    /// Returns the server's own directory: its socket lies in it, its `log`, and whatever has
    /// to go with it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.0.directory()
    }

    /// Returns the server's version, e.g. `15.20`.
    #[must_use]
    pub fn version(&self) -> &str {
        self.0.version()
    }

    /// Loads the archive at `path` into the database, which is made anew.
    ///
    /// # Errors
    /// Why it does not load, in a sentence.
    pub fn fill(&self, path: &Path, tell: &mut dyn FnMut(&str)) -> Result<(), String> {
        let limit = (estimate(Level::L4, self.0.bytes) * PATIENCE).max(LEAST);
        let load = Load { path, kind: Kind::Custom, tables: None, limit };
        load.run(&self.0, tell).map(drop).map_err(load::Failed::why)
    }

    /// Makes a role that can do nothing; one that is there already stays.
    ///
    /// # Errors
    /// As the server says.
    pub fn role(&self, name: &str) -> Result<(), String> {
        match self.0.role(name) {
            Err(why) if !why.contains("already exists") => Err(why),
            _ => Ok(()),
        }
    }

    /// Stops and removes the server.
    ///
    /// # Errors
    /// When it runs on.
    pub fn end(self) -> Result<(), String> {
        self.0.end().map_err(|error| error.to_string())
    }
}

/// The name of the database that is loaded.
pub const LOADED: &str = scratch::DATABASE;

/// Makes an empty scratch server of this major version, with these settings beside a drill's
/// own, where there is room for a database of so many bytes.
///
/// # Errors
/// Why there is none, in a sentence.
pub fn empty(
    major: u32,
    bytes: u64,
    settings: &[(&str, &str)],
    place: &Place,
    tell: &mut dyn FnMut(&str),
) -> Result<Loaded, String> {
    Scratch::of_major(major, bytes, settings, place, tell).map(Loaded)
}

/// Proves the backup at `path` to L3 and loads it, into a server with these settings beside a
/// drill's own.
///
/// # Errors
/// Why it is not loaded, in a sentence.
pub fn load(
    path: &Path,
    settings: &[(&str, &str)],
    place: &Place,
    tell: &mut dyn FnMut(&str),
) -> Result<Loaded, String> {
    let highest = store::HIGHEST;
    let proved = store::verify(path, highest, Utc::now(), &mut |at| tell(&at.words()));
    let (report, found) = proved.map_err(|limit| limit.to_string())?;
    if report.ok != Some(true) {
        let what = report.findings.iter().rev().find(|finding| finding.ok != Some(true));
        let what = what.map_or("it is not proven", |finding| finding.what.as_str());
        return Err(format!("only what passes {highest} is loaded: {what}"));
    }
    fit(&found)?;
    let path = std::path::absolute(path).map_err(|error| error.to_string())?;
    let scratch = Scratch::make(&path, &found, settings, place, tell)?;
    let loaded = loader(&path, &found, &scratch).run(&scratch, tell);
    loaded.map(|_| Loaded(scratch)).map_err(load::Failed::why)
}

fn loader<'a>(path: &'a Path, found: &Found, scratch: &Scratch) -> Load<'a> {
    let limit = (estimate(Level::L4, scratch.bytes) * PATIENCE).max(LEAST);
    Load { path, kind: found.kind, tables: found.tables, limit }
}

/// Removes what drills that were killed have left.
fn sweep(state: &Path) {
    cluster::sweep(state, &|system| cluster::has_open_intent(state, system));
}

//! pgBackRest's catalog: `info --output=json` (2.45; the format is told in its reference,
//! "Command Reference, Info Command"). It ends with 0 whatever is wrong: the status tells.

use serde::Deserialize;

use super::catalog::{Printed, Told, moment, shown};
use crate::domain::backup::{Backup, Judged, Kind, Scope};
use crate::domain::untrusted::Untrusted;

const PROGRAM: &str = "pgbackrest";

/// Returns the command that prints the catalog of a stanza; it only reads.
#[must_use]
pub fn command(stanza: &str) -> Vec<String> {
    let stanza = format!("--stanza={stanza}");
    [PROGRAM, &stanza, "--output=json", "info"].map(str::to_owned).to_vec()
}

#[derive(Deserialize)]
struct Stanza {
    name: String,
    status: Status,
    #[serde(default)]
    backup: Vec<Entry>,
    #[serde(default)]
    db: Vec<Cluster>,
}

#[derive(Deserialize)]
struct Status {
    code: i64,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Cluster {
    id: u64,
    #[serde(rename = "repo-key", default)]
    repo: u64,
    #[serde(rename = "system-id")]
    system: Option<u64>,
    version: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    label: String,
    #[serde(rename = "type")]
    kind: String,
    timestamp: Times,
    #[serde(default)]
    reference: Option<Vec<String>>,
    /// A page checksum failed while it was made; older versions do not tell.
    error: Option<bool>,
    database: Option<Of>,
    info: Option<Sizes>,
    backrest: Option<Maker>,
    #[serde(default)]
    annotation: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Times {
    start: i64,
    stop: i64,
}

#[derive(Deserialize)]
struct Of {
    id: u64,
    #[serde(rename = "repo-key", default)]
    repo: u64,
}

#[derive(Deserialize)]
struct Sizes {
    repository: Option<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    size: Option<u64>,
    delta: Option<u64>,
}

#[derive(Deserialize)]
struct Maker {
    version: String,
}

/// Reads the catalog of a stanza.
#[must_use]
pub fn read(stanza: &str, printed: Printed<'_>) -> Told {
    let parsed = printed.json(PROGRAM).and_then(|value| {
        serde_json::from_value::<Vec<Stanza>>(value).map_err(|error| {
            format!("{PROGRAM}: its catalog is of a form that is not known: {error}")
        })
    });
    let stanzas = match parsed {
        Ok(stanzas) => stanzas,
        Err(why) => return Told::problem(why),
    };
    let Some(found) = stanzas.into_iter().find(|found| found.name == stanza) else {
        return Told::problem(format!("{PROGRAM} knows no stanza {stanza}"));
    };
    let mut told = Told::default();
    if found.status.code != 0 {
        let why = shown(&found.status.message);
        told.problems.push(format!("{PROGRAM}, stanza {stanza}: {why}"));
    }
    told.backups = found.backup.iter().map(|entry| backup(stanza, entry, &found)).collect();
    told
}

fn backup(stanza: &str, entry: &Entry, all: &Stanza) -> Backup {
    let of = entry.database.as_ref();
    let cluster = of.and_then(|of| all.db.iter().find(|db| db.id == of.id && db.repo == of.repo));
    let repo = of.map(|of| of.repo).filter(|repo| *repo > 1);
    let repo = repo.map(|repo| format!("@{repo}")).unwrap_or_default();
    let stored = entry.info.as_ref().and_then(|info| info.repository.as_ref());
    let version = entry.backrest.as_ref().map(|maker| shown(&maker.version));
    let mut backup = Backup {
        system_identifier: cluster.and_then(|db| db.system).map(|id| id.to_string()),
        server_version: cluster.and_then(|db| db.version.as_deref()).map(Untrusted::from),
        created_at: moment(entry.timestamp.stop),
        // What a full one weighs is all of it, what another adds is its own.
        size: stored
            .and_then(|stored| if entry.kind == "full" { stored.size } else { stored.delta }),
        tool_version: version.clone().map(Untrusted::new),
        scope: Some(Scope::Full),
        snapshot_started_at: moment(entry.timestamp.start),
        // A catalog lists only what was finished.
        complete: Some(true),
        revisions: annotated(entry),
        ..Backup::at(format!("{PROGRAM}:{stanza}{repo}/{}", shown(&entry.label)), Kind::Pgbackrest)
    };
    let (ok, what) = judged(entry, all);
    if ok == Some(false) {
        backup.problems.push(what.clone());
    }
    let by = version.map_or_else(|| PROGRAM.to_owned(), |version| format!("{PROGRAM} {version}"));
    backup.judged = Some(Judged { by, ok, at: moment(entry.timestamp.stop), what });
    backup
}

/// A backup is no better than those that it rests on.
fn judged(entry: &Entry, all: &Stanza) -> (Option<bool>, String) {
    let kind = shown(&entry.kind);
    if entry.error == Some(true) {
        return (Some(false), format!("{kind}: page checksums failed while it was made"));
    }
    for label in entry.reference.iter().flatten() {
        let base = all.backup.iter().find(|base| base.label == *label);
        let label = shown(label);
        match base.map(|base| base.error) {
            None => return (Some(false), format!("{kind}: it rests on {label}, which is gone")),
            Some(Some(true)) => {
                return (
                    Some(false),
                    format!("{kind}: it rests on {label}, whose pages are damaged"),
                );
            }
            Some(_) => {}
        }
    }
    let seen = match entry.error {
        Some(_) => "no page checksum failed while it was made",
        None => "this version does not tell of page checksums",
    };
    (None, format!("{kind}: {seen}; `pgbackrest verify` proves the repository"))
}

/// A revision that whoever made the backup has written beside it; nobody can look inside.
fn annotated(entry: &Entry) -> Option<Vec<String>> {
    let names = ["migration", "revision"];
    let noted = names.into_iter().find_map(|name| entry.annotation.get(name)?.as_str());
    noted.map(|noted| vec![noted.to_owned()])
}

/// Returns the command that proves what the repository of the backup at this location holds:
/// it reads all of it. Without `--verbose` it prints nothing where all is well, nor where it
/// could not look (2.45).
#[must_use]
pub fn verify(stanza: &str, location: &str) -> Option<Vec<String>> {
    let rest = location.strip_prefix(&format!("{PROGRAM}:{stanza}"))?;
    let (repo, _) = rest.split_once('/')?;
    let mut words = vec![PROGRAM.to_owned(), format!("--stanza={stanza}")];
    if let Some(repo) = repo.strip_prefix('@') {
        repo.parse::<u64>().ok()?;
        words.push(format!("--repo={repo}"));
    }
    words.extend(["--output=text", "--verbose", "verify"].map(str::to_owned));
    Some(words)
}

/// Returns what `verify` found of the backup at this location. It ends with 0 whatever it
/// finds: only the lines tell. A segment of WAL that is gone altogether it does not notice.
#[must_use]
pub fn verified(location: &str, printed: Printed<'_>) -> (Option<bool>, String) {
    let text = String::from_utf8_lossy(printed.out);
    let label = location.rsplit('/').next().unwrap_or_default();
    let mut lines = text.lines();
    let own = lines.find_map(|line| {
        line.trim_start().strip_prefix("backup: ")?.strip_prefix(label)?.strip_prefix(", status: ")
    });
    let faults = lines.next().map(str::trim).filter(|line| line.contains("invalid"));
    let is_whole = text.lines().any(|line| line == "status: ok");
    match own.map(|rest| rest.split_once(", ").unwrap_or((rest, ""))) {
        // Its own files are whole, and no other line of the repository complains of WAL.
        Some(("valid", checked)) if is_whole || wal_is_whole(&text) => {
            let what = "every file has its sum, and the WAL that is there too";
            (Some(true), format!("{what} ({}); a gap in the WAL it does not see", shown(checked)))
        }
        Some(("valid", _)) => {
            (None, "its files have their sums, but WAL in the archive is not whole".to_owned())
        }
        Some((state, checked)) => {
            let faults = faults.map(|line| format!("; {}", shown(line))).unwrap_or_default();
            (Some(false), format!("{}: {}{faults}", shown(state), shown(checked)))
        }
        None => {
            let first = text.lines().find(|line| line.starts_with("  ")).map(str::trim);
            let said = first.map(shown).or_else(|| printed.last_line());
            let said = said.unwrap_or_else(|| "it said nothing".to_owned());
            (None, format!("`{PROGRAM} verify` told nothing of it: {said}"))
        }
    }
}

/// Returns true if every line of counts below an archive is without fault.
fn wal_is_whole(text: &str) -> bool {
    let mut lines = text.lines().peekable();
    let mut seen = false;
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("archiveId: ") {
            seen = true;
            let counts = lines.peek().copied().unwrap_or_default();
            let sound = |part: &str| part.rsplit(": ").next() == Some("0");
            if !counts.trim().split(", ").all(sound) {
                return false;
            }
        }
    }
    seen
}

//! The plan of what is done to backups that are there: which of them, and why these.

use chrono::{DateTime, Utc};

use crate::domain::age;
use crate::domain::backup::{Backup, Inventory, Retention, Tending, object, retention};
use crate::domain::plan::{Action, Command, Plan, Preview, Risk};
use crate::domain::quantity::size;
use crate::domain::untrusted::Untrusted;

use super::preview::{Ground, bare};

/// More than these are not removed under one yes.
const MOST: usize = 200;

/// Plans `tending` of the backup at `place`, or of all that may go.
///
/// # Errors
/// Why it cannot be done, or that there is nothing to do.
pub fn plan(tending: Tending, place: Option<&str>, ground: &Ground<'_>) -> Result<Plan, String> {
    let known = ground.backups.ok_or("the backups were not read")?;
    let now = known.read_at.ok_or("the backups were not read")?;
    let (chosen, more) = match (tending, place) {
        (Tending::Prune, _) => {
            let mut all = retention::pruned(known, ground.identity, now)?;
            let more = all.len().saturating_sub(MOST);
            all.truncate(MOST);
            (all, more)
        }
        (_, Some(place)) => (vec![one(tending, place, known)?], 0),
        (_, None) => return Err("no backup is named".to_owned()),
    };
    if chosen.is_empty() {
        return Err("nothing is pruned: the rules of retention keep every backup".to_owned());
    }
    let places = chosen.iter().map(|backup| backup.location.clone()).collect();
    let risk = if tending == Tending::Prune { Risk::Destructive } else { Risk::Safe };
    let mut plan = bare(Action::Tend { tending, backups: places }, risk, ground);
    plan.command = Some(Command {
        argv: argv(tending, &chosen)?,
        env: Vec::new(),
        cwd: ground.cwd.to_owned(),
    });
    plan.preview = match tending {
        Tending::Prune => prune(&chosen, more, known, now),
        Tending::Adopt => adopt(chosen[0]),
        Tending::Pin | Tending::Unpin => pin(tending, chosen[0]),
    };
    Ok(plan)
}

fn one<'a>(tending: Tending, place: &str, known: &'a Inventory) -> Result<&'a Backup, String> {
    let shown = Untrusted::from(place).one_line();
    let not_found = || format!("{shown} is not among the backups that the configuration names");
    let backup = known.at(place).ok_or_else(not_found)?;
    if backup.kind.is_physical() {
        let kind = backup.kind.word();
        return Err(format!("{shown} is of kind {kind}: its own program keeps it"));
    }
    if !backup.is_here() {
        return Err(format!("{shown}: {}", object::FETCH));
    }
    let is_pinned = backup.retention == Retention::Pinned;
    match tending {
        Tending::Adopt if backup.registered => Err(format!("{shown} has its manifest already")),
        Tending::Adopt if backup.complete != Some(true) => Err(format!(
            "{shown} is not known to be complete, and is not adopted: {}",
            backup.problems.first().map_or("verify it first", String::as_str)
        )),
        Tending::Pin | Tending::Unpin if !backup.registered => Err(format!(
            "{shown} has no manifest to note it in, and is never pruned: adopt it first"
        )),
        Tending::Pin if is_pinned => Err(format!("{shown} is pinned already")),
        Tending::Unpin if !is_pinned => Err(format!("{shown} is not pinned")),
        _ => Ok(backup),
    }
}

/// Each place is followed by what tells that it is still the same.
fn argv(tending: Tending, chosen: &[&Backup]) -> Result<Vec<String>, String> {
    let mut argv: Vec<String> =
        ["lockkeeper", "__tend", tending.word()].map(str::to_owned).to_vec();
    for backup in chosen {
        let stamp =
            backup.stamp.clone().ok_or("what was read of a backup does not name its file")?;
        argv.extend([backup.location.clone(), stamp]);
    }
    Ok(argv)
}

fn line(backup: &Backup, now: DateTime<Utc>) -> String {
    let old = backup.age(now).map_or_else(|| "age unknown".to_owned(), age::rough);
    let bytes = backup.size.map(size).unwrap_or_default();
    let scope = backup.scope.map_or("", crate::domain::backup::Scope::word);
    let level = match backup.level() {
        Some(level) => format!("proven to {level}"),
        None if backup.is_bad() => "bad".to_owned(),
        None => "not proven".to_owned(),
    };
    format!("{}: {old} old, {scope}, {bytes}, {level}", place(backup))
}

fn place(backup: &Backup) -> String {
    Untrusted::from(backup.location.as_str()).one_line()
}

fn prune(chosen: &[&Backup], more: usize, known: &Inventory, now: DateTime<Utc>) -> Preview {
    let bytes: u64 = chosen.iter().filter_map(|backup| backup.size).sum();
    let count = chosen.len();
    let plural = if count == 1 { "" } else { "s" };
    let stays = known.backups.len() - count;
    let mut touches: Vec<String> = chosen.iter().map(|backup| line(backup, now)).collect();
    touches.push("each with its manifest; nothing in the database".to_owned());
    let mut told = vec![
        format!("enough newer ones of the same database and scope have passed {}", known.required),
        format!("{stays} others stay: newer, pinned, of unknown age, of an open run, or not ours"),
    ];
    if more > 0 {
        told.push(format!("{more} more may go, under a second yes"));
    }
    Preview {
        rehearsal: false,
        title: format!("remove {count} backup{plural}, {}", size(bytes)),
        sql: Vec::new(),
        touches,
        now: told,
        takes: Some("a second".to_owned()),
        stall: None,
        counts: Vec::new(),
        untimely: None,
        back: "none: what is removed is gone".to_owned(),
    }
}

fn adopt(backup: &Backup) -> Preview {
    let bytes = backup.size.map(size).unwrap_or_default();
    let mut now = unproven(backup);
    now.insert(0, "what nobody will be able to prove of it:".to_owned());
    Preview {
        rehearsal: false,
        title: "adopt a backup".to_owned(),
        sql: Vec::new(),
        touches: vec![
            format!("{}, {bytes}: read through twice, not changed", place(backup)),
            "a manifest is written beside it: its SHA-256 as it is now, and what it proves"
                .to_owned(),
            "nothing in the database".to_owned(),
        ],
        now,
        takes: Some("a second or two per 100 MB".to_owned()),
        stall: None,
        counts: Vec::new(),
        untimely: None,
        back: "remove the manifest".to_owned(),
    }
}

/// Returns what an adopted backup leaves open for good.
#[must_use]
pub fn unproven(backup: &Backup) -> Vec<String> {
    let mut lines = vec![
        "whether it changed before it was adopted".to_owned(),
        "how old it is: its clock has no zone, so no gate takes it for recent".to_owned(),
        "of which cluster it is: a dump does not tell, and another may have that database"
            .to_owned(),
        "whether its rows were those of its source: nobody counted them in its snapshot".to_owned(),
    ];
    if backup.is_full() {
        lines.push("whether tables were left out: -t, -n and -T leave no trace in it".to_owned());
    }
    lines
}

fn pin(tending: Tending, backup: &Backup) -> Preview {
    let (title, what, back) = match tending {
        Tending::Pin => {
            ("pin a backup", "it stays whatever the rules of retention say", "unpin it")
        }
        _ => ("unpin a backup", "the rules of retention hold for it again", "pin it"),
    };
    Preview {
        rehearsal: false,
        title: title.to_owned(),
        sql: Vec::new(),
        touches: vec![
            format!("{}: {what}", place(backup)),
            "its manifest; nothing in the database".to_owned(),
        ],
        now: Vec::new(),
        takes: None,
        stall: None,
        counts: Vec::new(),
        untimely: None,
        back: back.to_owned(),
    }
}

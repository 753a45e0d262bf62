//! "You were here, so long ago, and this has changed since."

use chrono::{DateTime, Utc};
use color_eyre::eyre::{Result, eyre};

use crate::cli::seat::Seat;
use crate::cli::{say, words};
use crate::domain::age;
use crate::domain::evidence::{Builtin, Probe};
use crate::domain::journal::{Kind, Record};
use crate::domain::restore::swapped_with;
use crate::domain::tables::STAGE;
use crate::domain::untrusted::Untrusted;
use crate::io::driver::Interrupted;
use crate::session::staging;

/// Tells where the run stands since it was `left`, and what is other than it was. Returns
/// what was told.
///
/// # Errors
/// When the run cannot be read.
pub async fn tell(
    seat: &mut Seat,
    run: &str,
    interrupted: &Interrupted,
    left: Option<DateTime<Utc>>,
) -> Result<Vec<String>> {
    let records = interrupted.records().map_err(|why| eyre!(why))?;
    let mut story = vec![here(run, &records, left)];
    story.extend(told(&records));
    story.push(changed(last_revision(&records), interrupted.revision().await));
    story.extend(restored(interrupted, &records).await);
    story.extend(staged(interrupted, &records).await);
    say(&story.join("\n"));
    // The watching has begun with the seat, so this comes or fails soon.
    while seat.facts.snapshot.value().is_none() && seat.facts.snapshot.error().is_none() {
        seat.next().await;
    }
    for line in moved(seat, &records).await {
        let line = format!("changed since: {line}");
        say(&line);
        story.push(line);
    }
    say(&words::stands(&seat.facts).unwrap_or_else(|| {
        let why = seat.facts.snapshot.error().unwrap_or("not read");
        format!("who waits cannot be told: {why}")
    }));
    Ok(story)
}

/// At most so many lines of the story stand on the screen.
const MOST: usize = 6;

/// Returns what of the story the console shows until the first key: where the run was left,
/// then what was told last.
#[must_use]
pub fn hint(mut story: Vec<String>) -> Vec<String> {
    let over = story.len().saturating_sub(MOST);
    if over > 0 {
        let left_out = format!("… {} lines more, in the Journal", over + 1);
        story.splice(1..=over + 1, [left_out]);
    }
    let shown = |line: String| Untrusted::from(line.as_str()).one_line();
    story.into_iter().map(shown).collect()
}

fn here(run: &str, records: &[Record], left: Option<DateTime<Utc>>) -> String {
    let (Some(first), Some(left)) = (records.first(), left) else {
        return format!("the run {run} has no records");
    };
    let title = first.data["facts"]["title"].as_str().unwrap_or("a run");
    let reached = records.iter().rev().find(|record| record.kind == Kind::Step);
    let step = reached.map_or_else(String::new, |record| {
        let id = record.step.as_deref().unwrap_or_default();
        format!(", step {id}: {}", record.data["title"].as_str().unwrap_or_default())
    });
    let ago = age::rough(Utc::now() - left);
    format!("You were here {ago} ago: {title}{step} (run {run}, by {})", first.operator)
}

/// Returns the handover and the notes of the run, the newest last.
fn told(records: &[Record]) -> Vec<String> {
    let lines = records.iter().filter_map(|record| {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let at = record.at.format("%H:%M");
        let handover = &record.data["handover"];
        match record.kind {
            // What the program has written to try the journal is nobody's note.
            Kind::Note if record.data["check"].as_bool() == Some(true) => None,
            Kind::Note => {
                Some(format!("note, {at}, {}: {}", record.operator, text(&record.data["text"])))
            }
            Kind::Lease if handover.is_object() => Some(format!(
                "HANDED OVER at {at} by {} to {}: {}",
                text(&handover["from"]),
                text(&handover["to"]),
                text(&handover["note"])
            )),
            _ => None,
        }
    });
    lines.collect()
}

/// Returns what was read last for each probe, in the order of the records.
fn last_readings(records: &[Record]) -> Vec<(String, String)> {
    let mut last: Vec<(String, String)> = Vec::new();
    for record in records.iter().filter(|record| record.kind == Kind::Probe) {
        let text = |key: &str| record.data[key].as_str().map(str::to_owned);
        let (Some(probe), Some(value)) = (text("probe"), text("value")) else { continue };
        last.retain(|(known, _)| *known != probe);
        last.push((probe, value));
    }
    last
}

/// Reads again what the run had read by the program's own probes, and returns what is other.
async fn moved(seat: &Seat, records: &[Record]) -> Vec<String> {
    let known: Vec<(String, String, Builtin)> = last_readings(records)
        .into_iter()
        .filter_map(|(name, value)| Some((name.clone(), value, Builtin::parse(&name)?)))
        .filter(|(.., builtin)| !OF_OUR_OWN.contains(builtin))
        .collect();
    let probes: Vec<Probe> = known.iter().map(|(.., builtin)| Probe::builtin(*builtin)).collect();
    let now = seat.driver().read(&probes).await;
    let both = known.iter().zip(now);
    let others = both.filter(|((_, was, _), is)| *was != is.value.to_string());
    others.map(|((name, was, _), is)| format!("{name}: was {was}, is {}", is.value)).collect()
}

/// What differs by our own being away, and what always moves.
const OF_OUR_OWN: [Builtin; 5] = [
    Builtin::LeaseFree,
    Builtin::JournalWritable,
    Builtin::DeployAge,
    Builtin::DatabaseSize,
    Builtin::ActiveSessions,
];

/// Returns where the run knew the database to be last.
fn last_revision(records: &[Record]) -> Option<Vec<String>> {
    records.iter().rev().find_map(|record| {
        let known = match record.kind {
            Kind::Outcome | Kind::Resolved => &record.data["revision_after"],
            Kind::Intent => &record.data["plan"]["revision_before"],
            _ => return None,
        };
        serde_json::from_value::<Vec<String>>(known.clone()).ok()
    })
}

/// Returns, of a run with a restore in it, which database has the name now, and what is left
/// over of the other one.
async fn restored(interrupted: &Interrupted, records: &[Record]) -> Vec<String> {
    if !records.iter().any(|record| record.data["plan"]["action"]["kind"] == "restore") {
        return Vec::new();
    }
    // Now, and not with the seat's first look, which may have fallen into the swap.
    let standing = match interrupted.standing().await {
        Ok(standing) => standing,
        Err(why) => return vec![format!("what the restore has left cannot be told: {why}")],
    };
    let world = &standing.world;
    let is_new = swapped_with(records).contains(&world.oid);
    let which = if is_new { "NEW, by the swap of this run" } else { "OLD: nothing is swapped" };
    let name = Untrusted::from(world.name.as_str()).one_line();
    let mut lines = vec![format!("the database {name} is the {which} (OID {})", world.oid)];
    for loading in world.under_way() {
        let name = Untrusted::from(loading.name.as_str()).one_line();
        lines.push(format!("{name} is being loaded by a restore at this moment"));
    }
    for left in world.left_over() {
        let left = Untrusted::from(left.name.as_str()).one_line();
        lines.push(format!(
            "{left} is left over; lockkeeper restore with the same backup goes on with it, or \
             drops it where it is not whole; lockkeeper restore --drop {left} drops it in any case"
        ));
    }
    if let Some((old, _)) = world.old() {
        let old = Untrusted::from(old.name.as_str()).one_line();
        lines.push(format!("the one from before is {old}; lockkeeper restore --undo swaps back"));
    }
    lines
}

/// Returns, of a run that has staged a table, what lies staged now.
async fn staged(interrupted: &Interrupted, records: &[Record]) -> Vec<String> {
    let is_staging = |record: &Record| {
        let argv = record.data.pointer("/plan/command/argv/1");
        argv.and_then(serde_json::Value::as_str) == Some(staging::PROGRAM)
    };
    if !records.iter().any(is_staging) {
        return Vec::new();
    }
    match interrupted.staged().await {
        Ok(tables) if tables.is_empty() => vec!["nothing is staged".to_owned()],
        Ok(tables) => {
            let line = |table: &String| {
                let table = Untrusted::from(table.as_str()).one_line();
                format!(
                    "{STAGE}.{table} is staged: lockkeeper restore-table diff, or drop, by the \
                     name of its table"
                )
            };
            tables.iter().map(line).collect()
        }
        Err(why) => vec![format!("what is staged cannot be told: {why}")],
    }
}

fn changed(before: Option<Vec<String>>, now: Option<Vec<String>>) -> String {
    let at = |ids: &[String]| match ids {
        [] => "nothing applied".to_owned(),
        ids => ids.join(", "),
    };
    match (before, now) {
        (_, None) => "where the database is now cannot be told".to_owned(),
        (None, Some(now)) => format!("the database is at {}", at(&now)),
        (Some(before), Some(now)) if before == now => {
            format!("the database is where the run knew it to be: at {}", at(&now))
        }
        (Some(before), Some(now)) => {
            format!(
                "CHANGED since: the run knew the database at {}, it is at {}",
                at(&before),
                at(&now)
            )
        }
    }
}

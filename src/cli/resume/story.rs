//! "You were here, so long ago, and this has changed since."

use chrono::{DateTime, Utc};
use color_eyre::eyre::{Result, eyre};

use crate::cli::seat::Seat;
use crate::cli::{say, words};
use crate::domain::age;
use crate::domain::journal::{Kind, Record};
use crate::io::driver::Interrupted;

/// Tells where the run stands since it was `left`, and what is other than it was.
///
/// # Errors
/// When the run cannot be read.
pub async fn tell(
    seat: &mut Seat,
    run: &str,
    interrupted: &Interrupted,
    left: Option<DateTime<Utc>>,
) -> Result<()> {
    let records = interrupted.records().map_err(|why| eyre!(why))?;
    say(&here(run, &records, left));
    say(&changed(last_revision(&records), interrupted.revision().await));
    // The watching has begun with the seat, so this comes or fails soon.
    while seat.facts.snapshot.value().is_none() && seat.facts.snapshot.error().is_none() {
        seat.next().await;
    }
    match (&seat.facts.verdict, seat.facts.snapshot.error()) {
        (Some(verdict), _) => say(&words::verdict(verdict)),
        (None, error) => say(&format!("who waits cannot be told: {}", error.unwrap_or("not read"))),
    }
    Ok(())
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

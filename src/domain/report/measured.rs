//! Downtime and data loss: only what the journal holds, each piece with what it is measured
//! by. What nobody measured is said to be so.

use chrono::{DateTime, Utc};

use super::Measured;
use super::acts::Attempt;
use crate::domain::age;
use crate::domain::journal::{Kind, Record};
use crate::domain::outcome::Ending;
use crate::domain::plan::Action;
use crate::domain::restore::Act;

/// A reading of a count.
struct Count {
    at: DateTime<Utc>,
    value: i64,
}

fn counts(records: &[Record], probe: &str) -> Vec<Count> {
    let read = records.iter().filter(|record| {
        record.kind == Kind::Probe && record.data["probe"].as_str() == Some(probe)
    });
    let count = |record: &Record| {
        let value = record.data["value"].as_str()?.parse().ok()?;
        Some(Count { at: record.at, value })
    };
    read.filter_map(count).collect()
}

/// Returns how long others were kept out, as far as that was measured.
pub(super) fn downtime(records: &[Record], attempts: &[Attempt<'_>]) -> Measured {
    let mut measured = Measured::default();
    measured.pieces.extend(swaps(attempts));
    measured.pieces.extend(blocked(records));
    measured.pieces.extend(acts(attempts));
    measured.is_measured = !measured.pieces.is_empty();
    measured.limits.push(if measured.is_measured {
        "These are the pieces that were measured, not the time in which the application was out \
         of service: no probe of the application is journaled."
            .to_owned()
    } else {
        "Not measured: no act ran, and no reading of waiting sessions is journaled.".to_owned()
    });
    measured
}

/// A swap ends every session: for the application that is the outage of a restore.
fn swaps(attempts: &[Attempt<'_>]) -> Vec<String> {
    let swap = |attempt: &&Attempt<'_>| {
        let action = attempt.plan.as_ref().map(|plan| &plan.action);
        matches!(action, Some(Action::Restore { act: Act::Swap, .. }))
    };
    let all = attempts.iter().filter(swap);
    all.filter_map(|attempt| {
        let took = attempt.took_s()?;
        Some(format!(
            "swap at {}: the act took {took:.1} s, within which every session was ended once",
            attempt.intent.at.format("%H:%M:%S UTC")
        ))
    })
    .collect()
}

/// Sessions that waited for a lock, by the readings of `blocked_sessions`: from each reading
/// above 0 to the next one.
fn blocked(records: &[Record]) -> Option<String> {
    let counts = counts(records, "blocked_sessions");
    let most = counts.iter().map(|count| count.value).max()?;
    let pairs = counts.windows(2).filter(|pair| pair[0].value > 0);
    // The sum of none would be -0.
    let waited = pairs.map(|pair| age::seconds(pair[0].at, pair[1].at)).fold(0.0, |a, b| a + b);
    let open = counts.last().is_some_and(|last| last.value > 0);
    let open = if open { "; they still waited at the last one" } else { "" };
    Some(format!(
        "sessions that waited for a lock: at most {most}, over {waited:.1} s by {} readings{open}",
        counts.len()
    ))
}

/// What changed the database may have kept others out for as long as it ran, and no longer.
fn acts(attempts: &[Attempt<'_>]) -> Option<String> {
    let changes = |attempt: &&Attempt<'_>| {
        let action = attempt.plan.as_ref().map(|plan| &plan.action);
        matches!(action, Some(Action::Migrate { .. } | Action::Sql { .. }))
    };
    let all: Vec<&Attempt<'_>> = attempts.iter().filter(changes).collect();
    let took: Vec<f64> = all.iter().filter_map(|attempt| attempt.took_s()).collect();
    if took.is_empty() {
        return None;
    }
    let (sum, longest) = (took.iter().sum::<f64>(), took.iter().copied().fold(0.0, f64::max));
    let rest = all.len() - took.len();
    let rest = if rest > 0 { format!("; of {rest} more it is not known") } else { String::new() };
    Some(format!(
        "migrations and SQL ran for {sum:.1} s in {} attempts, the longest {longest:.1} s: at \
         most so long each held its locks{rest}",
        took.len()
    ))
}

/// Returns what was lost, as far as that was counted.
pub(super) fn data_loss(records: &[Record], attempts: &[Attempt<'_>]) -> Measured {
    let mut measured = Measured::default();
    let last = |probe: &str| counts(records, probe).pop();
    if let Some(count) = last("rows_lost_since_baseline") {
        measured.pieces.push(format!(
            "rows fewer than before the run, by estimate of the server's statistics: {}",
            count.value
        ));
    }
    let before = attempts.iter().filter(|attempt| loses(attempt)).map(|attempt| attempt.intent.at);
    if let Some(written) = before
        .min()
        .and_then(|at| counts(records, "written_since").into_iter().rfind(|count| count.at <= at))
    {
        measured.pieces.push(format!(
            "rows written with the new schema, counted right before it was taken back: {}",
            written.value
        ));
    }
    if let Some(orphans) = last("orphan_rows") {
        measured
            .pieces
            .push(format!("rows whose foreign key points to nothing: {}", orphans.value));
    }
    for attempt in attempts.iter().filter(|attempt| loses(attempt)) {
        let plan = attempt.plan.as_ref();
        let foretold = plan.map(|plan| plan.preview.back.clone()).unwrap_or_default();
        let title = attempt.action().title;
        if !foretold.is_empty() {
            measured.limits.push(format!("{title}: its plan said of the way back: {foretold}"));
        }
    }
    measured.is_measured = !measured.pieces.is_empty();
    if !measured.is_measured {
        measured.limits.push("Not counted in this run.".to_owned());
    }
    measured
}

/// Returns true for an act that was done and could lose something.
fn loses(attempt: &Attempt<'_>) -> bool {
    let risky =
        attempt.plan.as_ref().is_some_and(|plan| plan.risk > crate::domain::plan::Risk::Safe);
    risky && attempt.outcome.as_ref().is_some_and(|outcome| outcome.ending == Ending::Done)
}

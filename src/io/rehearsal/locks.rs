//! Looks from a second session at who holds what, while a migration runs: the only way to see
//! the locks of CONCURRENTLY, which no event trigger tells, and of DML.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::log::is_book;
use crate::domain::locks::Mode;
use crate::domain::rehearsal::Lock;

const LOCKS: &str = include_str!("../../../assets/sql/rehearsal/locks.sql");

/// How long to wait between two looks: short statements are seen by the triggers.
const PAUSE: Duration = Duration::from_millis(4);
/// The same on a server that others use.
const PAUSE_AMONG_OTHERS: Duration = Duration::from_millis(20);
/// So many different ones are kept of a run.
const MOST: usize = 100_000;

/// A lock that was seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// When, in seconds since 1970 by the server's clock.
    pub at: f64,
    /// Who held it.
    pub pid: i32,
    /// The relation with its schema.
    pub relation: String,
    /// The mode.
    pub mode: Mode,
}

/// Looks until it is told to stop, and returns what was seen, and the connection. On a server
/// that others use, only what sessions of this `application` hold is looked at.
pub(super) async fn watch(
    mut connection: PgConnection,
    application: Option<String>,
    mut stop: oneshot::Receiver<()>,
) -> (Vec<Sample>, PgConnection) {
    let (mut samples, mut last) = (Vec::new(), HashSet::new());
    let pause = if application.is_some() { PAUSE_AMONG_OTHERS } else { PAUSE };
    loop {
        // What cannot be read is not seen; the triggers tell most of it.
        let seen = look(&mut connection, application.as_deref()).await.unwrap_or_default();
        // A lock that lasts is kept at each hundredth of a second: a statement is found by it.
        let key = |sample: &Sample| {
            let moment = format!("{:.2}", sample.at);
            (sample.pid, sample.relation.clone(), sample.mode, moment)
        };
        for sample in seen {
            if samples.len() < MOST && last.insert(key(&sample)) {
                samples.push(sample);
            }
        }
        tokio::select! {
            _ = &mut stop => return (samples, connection),
            () = sleep(pause) => {}
        }
    }
}

/// Returns the strongest lock on each relation that was seen, but for the tool's `books`.
pub(super) fn strongest(samples: &[Sample], books: &str) -> Vec<Lock> {
    let mut seen: BTreeMap<&str, Mode> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| !is_book(&sample.relation, books)) {
        let mode = seen.entry(&sample.relation).or_insert(sample.mode);
        *mode = (*mode).max(sample.mode);
    }
    let lock = |(relation, mode): (&str, Mode)| Lock { relation: relation.to_owned(), mode };
    seen.into_iter().map(lock).collect()
}

async fn look(
    connection: &mut PgConnection,
    application: Option<&str>,
) -> Result<Vec<Sample>, sqlx::Error> {
    let rows = sqlx::query(LOCKS).bind(application).fetch_all(connection).await?;
    let mut samples = Vec::new();
    for row in rows {
        let mode: String = row.try_get(3)?;
        if let Some(mode) = Mode::parse(&mode) {
            let (at, pid, relation) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            samples.push(Sample { at, pid, relation, mode });
        }
    }
    Ok(samples)
}

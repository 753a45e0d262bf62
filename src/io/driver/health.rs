//! The configured probes, sampled in the background, and never where a key or the monitor waits
//! for them: those that are SQL one at a time, over one connection of their own, the others some
//! at a time. What one of them waits for another is no part of its time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Inner;
use crate::domain::evidence::Probe;
use crate::domain::health::Sample;
use crate::domain::quantity::Period;
use crate::session::news::News;

/// How far the samples of a probe are apart.
const PACE: Duration = Duration::from_secs(5);
/// No sample may take longer, whatever the probe's own timeout is: its place is wanted.
const LIMIT: Period = Period::from_secs(10);
/// At most so many probes that are no SQL are asked at a time.
const AT_ONCE: usize = 4;

/// Where a probe waits for its turn, before its clock starts.
struct Rooms {
    /// They share one connection: who waits for it is not slow.
    sql: Semaphore,
    others: Semaphore,
}

/// Begins to sample every probe of the configuration.
pub(super) fn begin(inner: &Arc<Inner>, background: &mut JoinSet<()>) {
    let rooms = Rooms { sql: Semaphore::new(1), others: Semaphore::new(AT_ONCE) };
    let rooms = Arc::new(rooms);
    for (name, probe) in inner.site.config().probes.clone() {
        let probe = Probe { timeout: probe.timeout.min(LIMIT), ..probe };
        let (inner, rooms) = (inner.clone(), rooms.clone());
        background.spawn(async move { inner.sample_again_and_again(&name, &probe, &rooms).await });
    }
}

impl Inner {
    async fn sample_again_and_again(&self, name: &str, probe: &Probe, rooms: &Rooms) {
        let room = if self.is_sql(probe) { &rooms.sql } else { &rooms.others };
        loop {
            let Ok(place) = room.acquire().await else { return };
            let began = Instant::now();
            let value = self.sense(probe, &self.sampler).await;
            let took = began.elapsed();
            drop(place);
            let took_ms = took.as_secs_f64() * 1000.0;
            let sample = Sample::new(probe, value, took_ms, Utc::now());
            self.tell(News::Health { name: name.to_owned(), sample });
            // What answers slowly is left alone for as long as it took: half the time at least.
            tokio::time::sleep(PACE.saturating_sub(took).max(took)).await;
        }
    }
}

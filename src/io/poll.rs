//! The monitor's loop: it connects first, looks at its own pace, keeps the last data when
//! the server is gone, and comes back by itself.

mod audience;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use self::audience::Audience;
use super::bound::Bound;
use super::postgres::connect::{Purpose, connect};
use super::postgres::identity::identity;
use super::postgres::monitor::Monitor;
use super::postgres::target::Target;
use super::postgres::{is_lost, query_error};
use crate::domain::backoff;
use crate::domain::counters::Surroundings;
use crate::domain::identity::Identity;
use crate::domain::snapshot::Snapshot;
use crate::session::news::News;

/// The client's limit for one question; the server's own `statement_timeout` is 2 s.
const LIMIT: Duration = Duration::from_secs(3);
/// How often the slow facts are read.
const SLOW: Duration = Duration::from_secs(10);

/// What is so at this moment; without the slow facts where the server refused them.
pub type Answer = Result<(Snapshot, Option<Surroundings>), String>;

/// Somebody who wants to know what is so at this moment, not at the last refresh.
pub type Question = oneshot::Sender<Answer>;

/// Watches `target` until nobody hears the news, or nobody can ask any more.
pub async fn watch(
    target: Target,
    pace: Duration,
    bound: Bound,
    news: mpsc::UnboundedSender<News>,
    questions: mpsc::UnboundedReceiver<Question>,
) {
    let audience = Audience::new(news, questions);
    let mut watch = Watch { target, pace, bound, audience, monitor: None, failures: 0 };
    loop {
        let Err(ended) = watch.turn().await;
        if watch.pause(ended).await.is_err() {
            return;
        }
    }
}

/// Why it is not looked any more.
enum Ended {
    /// The connection is gone, or there was none.
    Lost(String),
    /// The server refused to answer, and the connection is as good as before: a new one
    /// would only cost more, or hang where this one does not.
    Refused(String),
    /// Nobody hears or asks any more.
    Left,
}

/// The loop's state.
struct Watch {
    target: Target,
    pace: Duration,
    bound: Bound,
    audience: Audience,
    monitor: Option<Monitor>,
    /// Failures since the server last told all that was asked.
    failures: u32,
}

impl Watch {
    /// Connects if there is no connection, and looks until something fails.
    async fn turn(&mut self) -> Result<Infallible, Ended> {
        let mut monitor = match self.monitor.take() {
            Some(monitor) => monitor,
            None => self.open().await?,
        };
        let ended = self.look(&mut monitor).await;
        if matches!(ended, Err(Ended::Refused(_))) {
            self.monitor = Some(monitor);
        }
        ended
    }

    async fn open(&mut self) -> Result<Monitor, Ended> {
        let opened = self.audience.meanwhile(open(&self.target)).await?;
        let (monitor, who) = opened.map_err(Ended::Lost)?;
        self.audience.tell(News::Mismatch(self.mismatch(&who)));
        self.audience.tell(News::Identity(Ok(who)));
        Ok(monitor)
    }

    /// Returns why what answers must not be acted on: it is not the pinned target, or not
    /// the one that answered first.
    fn mismatch(&self, who: &Identity) -> Option<String> {
        // What is not the pinned target is never bound.
        let checked = self.target.check(who).and_then(|()| self.bound.check(who));
        checked.err().map(|refused| refused.to_string())
    }

    async fn look(&mut self, monitor: &mut Monitor) -> Result<Infallible, Ended> {
        let mut slow_read: Option<Instant> = None;
        loop {
            let began = Instant::now();
            let snapshot = asked(monitor.refresh()).await?;
            let wanted = self.audience.has_asked().then(|| snapshot.clone());
            self.audience.show(snapshot);
            if wanted.is_some() || slow_read.is_none_or(|at| at.elapsed() >= SLOW) {
                let slow = self.slow(monitor).await?;
                self.audience.answer(wanted.as_ref(), slow.as_ref());
                slow_read = Some(Instant::now());
            }
            self.failures = 0;
            self.audience.listen(self.pace.saturating_sub(began.elapsed())).await?;
        }
    }

    /// Reads the slow facts; where the server refuses them, the look goes on without.
    async fn slow(&self, monitor: &mut Monitor) -> Result<Option<Surroundings>, Ended> {
        let (told, slow) = match asked(monitor.slow()).await {
            Ok(slow) => (Ok(Box::new(slow.clone())), Some(slow)),
            Err(Ended::Refused(why)) => (Err(why), None),
            Err(ended) => return Err(ended),
        };
        self.audience.tell(News::Slow(told));
        Ok(slow)
    }

    /// Says what happened, and waits longer after each failure.
    async fn pause(&mut self, ended: Ended) -> Result<(), Ended> {
        match ended {
            Ended::Lost(why) => {
                self.audience.tell(News::Identity(Err(why.clone())));
                self.audience.refuse(why);
            }
            Ended::Refused(why) => self.audience.refuse(why),
            Ended::Left => return Err(Ended::Left),
        }
        let delay = delay(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.audience.meanwhile(sleep(delay)).await
    }
}

async fn open(target: &Target) -> Result<(Monitor, Identity), String> {
    let mut connection = connect(&target.spec, Purpose::Monitor)
        .await
        .map_err(|error| format!("{}. {}", error.what(), error.advice()))?;
    let who = timeout(LIMIT, identity(&mut connection, &target.spec)).await;
    let who = who.map_err(|_| no_answer())?.map_err(|error| error.to_string())?;
    let opened = timeout(LIMIT, Monitor::new(connection, who.clone())).await;
    let monitor = opened.map_err(|_| no_answer())?.map_err(|error| query_error(&error))?;
    Ok((monitor, who))
}

/// Waits for the server's answer, but not longer than [`LIMIT`].
async fn asked<T>(question: impl Future<Output = sqlx::Result<T>>) -> Result<T, Ended> {
    match timeout(LIMIT, question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if is_lost(&error) => Err(Ended::Lost(query_error(&error))),
        Ok(Err(error)) => Err(Ended::Refused(query_error(&error))),
        Err(_) => Err(Ended::Lost(no_answer())),
    }
}

fn no_answer() -> String {
    format!("the server did not answer within {} s", LIMIT.as_secs())
}

/// Returns the wait before the next attempt after so many failures, which differs between
/// consoles.
pub(super) fn delay(failures: u32) -> Duration {
    let unit = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    backoff::delay(failures, unit)
}

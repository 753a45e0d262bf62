//! The monitor's loop: it connects first, looks at its own pace, keeps the last data when
//! the server is gone, and comes back by itself.

use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::postgres::connect::{Purpose, connect};
use super::postgres::identity::identity;
use super::postgres::monitor::Monitor;
use super::postgres::query_error;
use super::postgres::target::Target;
use crate::domain::backoff;
use crate::domain::counters::Surroundings;
use crate::domain::identity::{Identity, check_pin};
use crate::domain::snapshot::Snapshot;
use crate::session::news::News;

/// The client's limit for one refresh; the server's own `statement_timeout` is 2 s.
const LIMIT: Duration = Duration::from_secs(3);
/// How often the slow facts are read.
const SLOW: Duration = Duration::from_secs(10);

/// Somebody who wants to know what is so at this moment, not at the last refresh.
pub type Question = oneshot::Sender<Result<(Snapshot, Surroundings), String>>;

/// Watches `target` until the inbox of the news is gone.
pub async fn watch(
    target: Target,
    pace: Duration,
    news: mpsc::UnboundedSender<News>,
    mut questions: mpsc::UnboundedReceiver<Question>,
) {
    let mut bound: Option<Identity> = None;
    let mut attempt = 0;
    while !news.is_closed() {
        match open(&target).await {
            Ok((monitor, who)) => {
                attempt = 0;
                let mismatch = mismatch(&target, bound.as_ref(), &who);
                bound.get_or_insert_with(|| who.clone());
                tell(&news, News::Mismatch(mismatch));
                tell(&news, News::Identity(Ok(who)));
                let why = look(monitor, pace, &news, &mut questions).await;
                tell(&news, News::Snapshot(Err(why)));
            }
            Err(why) => {
                tell(&news, News::Identity(Err(why.clone())));
                tell(&news, News::Snapshot(Err(why.clone())));
                refuse(&mut questions, &why);
            }
        }
        sleep(backoff::delay(attempt, random_unit())).await;
        attempt = attempt.saturating_add(1);
    }
}

async fn open(target: &Target) -> Result<(Monitor, Identity), String> {
    let mut connection = connect(&target.spec, Purpose::Monitor)
        .await
        .map_err(|error| format!("{}. {}", error.what(), error.advice()))?;
    let asked = timeout(LIMIT, identity(&mut connection, &target.spec)).await;
    let who = asked.map_err(|_| no_answer())?.map_err(|error| error.to_string())?;
    let opened = timeout(LIMIT, Monitor::new(connection, who.clone())).await;
    let monitor = opened.map_err(|_| no_answer())?.map_err(|error| query_error(&error))?;
    Ok((monitor, who))
}

/// Returns why what answers must not be acted on: it is not the pinned target, or not the
/// one that answered first.
fn mismatch(target: &Target, bound: Option<&Identity>, who: &Identity) -> Option<String> {
    if let Some(pin) = &target.pin
        && let Err(refused) = check_pin(pin, who, target.spec.proved_name())
    {
        return Some(refused.to_string());
    }
    let first = bound?;
    let same = first.system_identifier == who.system_identifier
        && first.database == who.database
        && first.database_oid == who.database_oid;
    (!same).then(|| {
        format!(
            "another server answers than before (system {} database {} was system {} database {}): \
             nothing is run; leave and start again if that is intended",
            who.system_identifier, who.database, first.system_identifier, first.database
        )
    })
}

/// Refreshes until something fails, and returns why.
async fn look(
    mut monitor: Monitor,
    pace: Duration,
    news: &mpsc::UnboundedSender<News>,
    questions: &mut mpsc::UnboundedReceiver<Question>,
) -> String {
    let mut slow_read: Option<Instant> = None;
    let mut slow = Surroundings::default();
    loop {
        let began = Instant::now();
        let snapshot = match timeout(LIMIT, monitor.refresh()).await {
            Ok(Ok(snapshot)) => snapshot,
            Ok(Err(error)) => return query_error(&error),
            Err(_) => return no_answer(),
        };
        tell(news, News::Snapshot(Ok(Box::new(snapshot))));
        if slow_read.is_none_or(|at| at.elapsed() >= SLOW) {
            match read_slow(&mut monitor, news).await {
                Ok(read) => slow = read,
                Err(Lost(why)) => return why,
            }
            slow_read = Some(Instant::now());
        }
        let rest = pace.saturating_sub(began.elapsed());
        let question = tokio::select! {
            () = sleep(rest) => None,
            question = questions.recv() => question,
            () = news.closed() => return String::new(),
        };
        if let Some(question) = question
            && let Err(Lost(why)) = answer(question, &mut monitor, &mut slow, news).await
        {
            return why;
        }
    }
}

/// The connection is gone, and why.
struct Lost(String);

async fn read_slow(
    monitor: &mut Monitor,
    news: &mpsc::UnboundedSender<News>,
) -> Result<Surroundings, Lost> {
    match timeout(LIMIT, monitor.slow()).await {
        Ok(Ok(slow)) => {
            tell(news, News::Slow(Ok(Box::new(slow.clone()))));
            Ok(slow)
        }
        // A refused question costs the slow facts, a broken connection ends the look.
        Ok(Err(error @ sqlx::Error::Database(_))) => {
            tell(news, News::Slow(Err(query_error(&error))));
            Ok(Surroundings::default())
        }
        Ok(Err(error)) => Err(Lost(query_error(&error))),
        Err(_) => Err(Lost(no_answer())),
    }
}

/// Reads everything now for one who asked.
async fn answer(
    question: Question,
    monitor: &mut Monitor,
    slow: &mut Surroundings,
    news: &mpsc::UnboundedSender<News>,
) -> Result<(), Lost> {
    let read = match timeout(LIMIT, monitor.refresh()).await {
        Ok(Ok(snapshot)) => read_slow(monitor, news).await.map(|read| (snapshot, read)),
        Ok(Err(error)) => Err(Lost(query_error(&error))),
        Err(_) => Err(Lost(no_answer())),
    };
    match read {
        Ok((snapshot, read)) => {
            slow.clone_from(&read);
            tell(news, News::Snapshot(Ok(Box::new(snapshot.clone()))));
            drop(question.send(Ok((snapshot, read))));
            Ok(())
        }
        Err(Lost(why)) => {
            drop(question.send(Err(why.clone())));
            Err(Lost(why))
        }
    }
}

fn refuse(questions: &mut mpsc::UnboundedReceiver<Question>, why: &str) {
    while let Ok(question) = questions.try_recv() {
        drop(question.send(Err(why.to_owned())));
    }
}

fn no_answer() -> String {
    format!("the server did not answer within {} s", LIMIT.as_secs())
}

fn tell(news: &mpsc::UnboundedSender<News>, item: News) {
    // Nobody listens any more when the console is leaving.
    drop(news.send(item));
}

/// Returns a number from 0 to 1 that differs between consoles.
fn random_unit() -> f64 {
    f64::from(Utc::now().timestamp_subsec_nanos() % 1_000_003) / 1_000_003.0
}

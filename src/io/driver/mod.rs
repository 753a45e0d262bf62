//! Executes the machine's effects, and tells what came of them: the same for the console,
//! the line mode and the headless commands.

mod act;
mod after;
mod backups;
mod before;
mod deploy;
pub mod environment;
mod frozen;
mod hand;
mod health;
mod integrity;
mod lease;
mod making;
mod printed;
mod probe;
mod read;
mod recheck;
mod record;
mod rehearsed;
mod rehearsing;
mod restore;
mod resume;
mod schema;
mod signal;
mod tables;
mod waits;
mod worsened;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::allowed::Allowed;
use super::bound::Bound;
use super::journal::Journal;
use super::lost::History;
use super::perform::Act;
use super::poll::{self, Question};
use super::postgres::reader::Reader;
use super::postgres::{Control, Lease};
use super::site::Site;
use super::store::Store;
use crate::domain::activity::BackendKey;
use crate::domain::evidence::{Probe, Reading};
use crate::domain::journal::{Entry, Kind};
use crate::domain::plan::{Action, Confirmed, Direction};
use crate::session::effect::{Effect, Event, How};
use crate::session::news::News;

pub use probe::sense;
pub use read::in_the_way;
pub use resume::{Interrupted, is_of, target};

/// How often the connections that are kept for later are asked for a sign of life.
const WARM: Duration = Duration::from_secs(5);

/// How long the last records may take when the operator leaves.
const LEAVING: Duration = Duration::from_secs(10);

/// What all tasks share.
struct Inner {
    site: Site,
    allowed: Allowed,
    news: mpsc::UnboundedSender<News>,
    questions: mpsc::UnboundedSender<Question>,
    /// Who answered first, to the monitor or to us: everything that runs is bound to it.
    bound: Bound,
    reader: tokio::sync::Mutex<Reader>,
    /// For the probes that are sampled: no plan waits behind them.
    sampler: tokio::sync::Mutex<Reader>,
    control: tokio::sync::Mutex<Option<Control>>,
    lease: tokio::sync::Mutex<Option<Lease>>,
    runs: Mutex<Runs>,
    /// The journal of each act, for all its attempts and all that is recorded of it.
    journals: tokio::sync::Mutex<HashMap<String, Journal>>,
    /// The acts that were taken up and have not ended, with how they were asked to stop.
    acting: Mutex<Acting>,
    /// The revisions that the last migration was to lead to.
    led_to: Mutex<Option<Vec<String>>>,
    /// What git knows of files that are missing.
    history: Mutex<History>,
    /// The plan that more would be lost by than was shown, until it is shown again.
    worsened: Mutex<Option<worsened::Worsened>>,
    /// Where backups are; one reading at a time.
    store: Arc<Mutex<Store>>,
    /// The last migration that was applied, with what was counted by then.
    noted: Mutex<deploy::Noted>,
}

/// How each act is asked to stop; a signal is not.
type Acting = HashMap<String, Option<watch::Sender<Option<How>>>>;

/// The journals that are open.
#[derive(Default)]
struct Runs {
    /// The run of the runbook that is walked.
    walk: Option<Journal>,
    /// The run of the acts that panels and commands asked for.
    own: Option<Journal>,
    /// What was told of which run: records up to this one, and the journal's bytes then.
    told: Option<(String, u64, u64)>,
    /// The file of the walk's runbook.
    frozen: Option<frozen::Frozen>,
}

/// Executes effects. Dropping it ends no act.
pub struct Driver {
    inner: Arc<Inner>,
    orders: mpsc::UnboundedSender<Order>,
    worker: tokio::task::JoinHandle<()>,
    /// The monitor and what keeps connections warm: they end with the driver.
    background: JoinSet<()>,
}

/// What has to happen in the order in which it was asked for.
enum Order {
    Open(Value),
    Reopen(String),
    Record(Entry),
    Await(Entry),
    /// An act of a step: its intent stands behind everything that led to it.
    Perform(Act, Box<Confirmed>, watch::Receiver<Option<How>>),
    Close(Entry),
    Release,
}

impl Driver {
    /// Starts watching the site's target; everything is told through `news`.
    #[must_use]
    pub fn start(site: Site, news: mpsc::UnboundedSender<News>) -> Self {
        let (questions, asked) = mpsc::unbounded_channel();
        let pace = site.config().ui.refresh.duration();
        let bound = Bound::default();
        let mut background = JoinSet::new();
        let (told, target) = (news.clone(), site.target.clone());
        background.spawn(poll::watch(target, pace, bound.clone(), told, asked));
        let inner = Arc::new(Inner {
            allowed: Allowed::in_state(&site.paths.state),
            reader: tokio::sync::Mutex::new(Reader::new(site.target.spec.clone())),
            sampler: tokio::sync::Mutex::new(Reader::new(site.target.spec.clone())),
            control: tokio::sync::Mutex::default(),
            lease: tokio::sync::Mutex::default(),
            bound,
            runs: Mutex::default(),
            journals: tokio::sync::Mutex::default(),
            acting: Mutex::default(),
            led_to: Mutex::default(),
            history: Mutex::default(),
            worsened: Mutex::default(),
            store: Arc::new(Mutex::new(Store::of(&site.loaded, &site.project))),
            noted: Mutex::default(),
            site,
            news,
            questions,
        });
        let (orders, inbox) = mpsc::unbounded_channel();
        let worker = tokio::spawn(work(inner.clone(), inbox));
        let warmed = inner.clone();
        background.spawn(async move { warmed.warm().await });
        let stored = inner.clone();
        background.spawn(async move { stored.watch_backups().await });
        let asked = inner.clone();
        background.spawn(async move { asked.watch_outside().await });
        let followed = inner.clone();
        background.spawn(async move { followed.watch_walks_journal().await });
        health::begin(&inner, &mut background);
        let driver = Self { inner, orders, worker, background };
        driver.refresh();
        driver
    }

    /// Returns what is worked on.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.inner.site
    }

    /// Begins to execute an effect; what comes of it is told.
    pub fn effect(&self, effect: Effect) {
        match effect {
            Effect::Preview(ticket, request) | Effect::Sketch(ticket, request) => {
                self.spawn(move |inner| async move {
                    let previewed = inner.shown(&request).await;
                    inner.tell(News::Event(Event::Previewed(ticket, previewed)));
                });
            }
            Effect::Perform { act, step, confirmed } => {
                // Before anything else happens: from here on a stop reaches it.
                let asked = self.inner.take_up(&act, &confirmed);
                let act = Act { id: act, step };
                if act.step.is_some() {
                    self.order(Order::Perform(act, Box::new(confirmed), asked));
                } else {
                    self.spawn(|inner| async move { inner.perform(act, confirmed, asked).await });
                }
            }
            Effect::Stop(how) => self.inner.stop(how),
            Effect::Open(facts) => self.order(Order::Open(facts)),
            Effect::Reopen(run) => self.order(Order::Reopen(run)),
            Effect::Record(entry) => self.order(Order::Record(entry)),
            Effect::Await(entry) => self.order(Order::Await(entry)),
            Effect::Close(entry) => self.order(Order::Close(entry)),
            Effect::Release => self.order(Order::Release),
            Effect::Probe(ticket, probes) => self.spawn(move |inner| async move {
                let readings = inner.probe(&probes).await;
                inner.tell(News::Probed { ticket, probes, readings });
            }),
            Effect::Refresh => self.refresh(),
            // What is said is the loop's to show.
            Effect::Say(..) => {}
        }
    }

    /// Reads probes now, outside of any step.
    pub async fn read(&self, probes: &[Probe]) -> Vec<Reading> {
        self.inner.probe(probes).await
    }

    /// Reads the migrations and the backups anew.
    pub fn refresh(&self) {
        self.spawn(|inner| async move { inner.refresh().await });
        self.spawn(|inner| async move { inner.refresh_backups().await });
        self.spawn(|inner| async move { inner.refresh_restore().await });
    }

    /// Proves the backup at a location to L3: a read, which is told when it is done.
    pub fn verify(&self, location: String) {
        self.spawn(|inner| async move { inner.verify(location).await });
    }

    /// Reads everything about a backend.
    pub fn backend(&self, key: BackendKey) {
        self.spawn(move |inner| async move {
            let read = inner.reader.lock().await.backend(key).await;
            inner.tell(News::Backend(read.map_err(|error| error.to_string())));
        });
    }

    /// Counts the rows that one way of a migration would lose, or be refused by.
    pub fn count(&self, id: String, direction: Direction) {
        self.spawn(move |inner| async move {
            match inner.migrations().await {
                Ok((_, mut migrations)) => {
                    let counted = inner.counted(&mut migrations, &id, direction).await;
                    inner.tell(News::Counted(id, counted));
                }
                Err(why) => inner.tell(News::Project(Err(why))),
            }
        });
    }

    /// Leaves: what is recorded is recorded, the lease is given back, no connection stays,
    /// nothing that runs ends.
    pub async fn close(self) {
        let Self { inner, orders, worker, mut background } = self;
        drop(orders);
        // What is left to do is written to a file, or is a run that nobody waits for now.
        drop(tokio::time::timeout(LEAVING, worker).await);
        if inner.site.rehearsal.is_some() {
            // Nothing of it goes on: its copy goes, and what runs there with it.
            inner.close(Entry::new(Kind::Closed, serde_json::json!({ "end": "left" })));
        }
        inner.close_own_run();
        background.shutdown().await;
        inner.disconnect().await;
    }

    fn order(&self, order: Order) {
        // The worker lives as long as this sender.
        drop(self.orders.send(order));
    }

    fn spawn<F>(&self, task: impl FnOnce(Arc<Inner>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(task(self.inner.clone()));
    }
}

/// Carries the orders out one after the other. What was recorded is told once nothing more
/// waits to be: a walk passes many steps at once, and each telling reads the journal.
async fn work(inner: Arc<Inner>, mut inbox: mpsc::UnboundedReceiver<Order>) {
    let mut untold: Option<Journal> = None;
    while let Some(order) = next(&inner, &mut inbox, &mut untold).await {
        match order {
            Order::Open(facts) => inner.open(facts).await,
            Order::Reopen(run) => inner.reopen(&run).await,
            Order::Record(entry) => {
                if let Some(journal) = inner.record(entry).await
                    && let Some(other) = untold.replace(journal.clone())
                    && other.run() != journal.run()
                {
                    inner.publish(&other);
                }
            }
            Order::Perform(act, confirmed, asked) => {
                let inner = inner.clone();
                tokio::spawn(async move { inner.perform(act, *confirmed, asked).await });
            }
            Order::Await(entry) => inner.await_second(entry).await,
            Order::Close(entry) => inner.close(entry),
            Order::Release => inner.release().await,
        }
    }
}

/// Returns the next order; before any other than to record, and before it waits for one, tells
/// what is not told yet.
async fn next(
    inner: &Inner,
    inbox: &mut mpsc::UnboundedReceiver<Order>,
    untold: &mut Option<Journal>,
) -> Option<Order> {
    let waiting = inbox.try_recv().ok();
    if !matches!(waiting, Some(Order::Record(_)))
        && let Some(journal) = untold.take()
    {
        inner.publish(&journal);
    }
    match waiting {
        Some(order) => Some(order),
        None => inbox.recv().await,
    }
}

impl Inner {
    fn tell(&self, news: News) {
        // Nobody listens any more when the loop is leaving.
        drop(self.news.send(news));
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the control connection beside the monitor's, and keeps it and the lease warm.
    async fn warm(&self) {
        let mut failures = 0;
        loop {
            let warmed = self.control().await.map(drop);
            let pause = if warmed.is_ok() { WARM } else { poll::delay(failures) };
            failures = if warmed.is_ok() { 0 } else { failures.saturating_add(1) };
            tokio::time::sleep(pause).await;
            self.look_after_lease().await;
        }
    }

    /// Gives every connection back, but for one that a question still uses: it ends with
    /// the answer.
    async fn disconnect(&self) {
        if let Some(lease) = self.lease.lock().await.take() {
            drop(lease.release().await);
        }
        for reader in [&self.reader, &self.sampler] {
            if let Ok(mut reader) = reader.try_lock() {
                reader.close().await;
            }
        }
        if let Ok(mut control) = self.control.try_lock()
            && let Some(mut control) = control.take()
        {
            control.close().await;
        }
    }

    async fn refresh(&self) {
        // Who answers first: the last rehearsal and the last deploy are looked for by it.
        let identity = self.identity().await;
        match self.migrations().await {
            Ok((_, migrations)) => {
                if let Some(here) = self.bound.get() {
                    drop(self.deploy_of(&here));
                }
                self.tell(News::Project(Ok(Box::new(migrations))));
            }
            Err(why) => self.tell(News::Project(Err(why))),
        }
        if let Ok(identity) = identity {
            let found = self.client_program("pg_dump", identity.major()).await;
            self.tell(News::Dumper(found.map(|dumper| dumper.version)));
        }
    }

    fn led_to(&self) -> MutexGuard<'_, Option<Vec<String>>> {
        self.led_to.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acting(&self) -> MutexGuard<'_, Acting> {
        self.acting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_up(&self, act: &str, confirmed: &Confirmed) -> watch::Receiver<Option<How>> {
        let (stop, asked) = watch::channel(None);
        let is_signal = matches!(confirmed.plan().action, Action::Signal { .. });
        self.acting().insert(act.to_owned(), (!is_signal).then_some(stop));
        asked
    }

    fn set_down(&self, act: &str) {
        self.acting().remove(act);
    }

    /// Asks the job that was taken up to stop, harder if it was asked before.
    fn stop(&self, how: How) {
        for asked in self.acting().values().flatten() {
            asked.send_modify(|before| {
                let harder = *before == Some(How::Kill) || how == How::Kill;
                *before = Some(if harder { How::Kill } else { How::Cancel });
            });
        }
    }
}

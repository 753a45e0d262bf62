//! A loop without a screen: the session's machine over the real driver.

use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use lockkeeper::domain::evidence::Reading;
use lockkeeper::domain::outcome::Outcome;
use lockkeeper::domain::plan::{Answer, Need, Plan};
use lockkeeper::io::config::Loaded;
use lockkeeper::io::driver::Driver;
use lockkeeper::io::paths::Paths;
use lockkeeper::io::postgres::target::{self, Request as Named};
use lockkeeper::io::site::Site;
use lockkeeper::session::effect::{Effect, Event, Request, Ticket};
use lockkeeper::session::facts::Facts;
use lockkeeper::session::machine::{Begin, Session};
use lockkeeper::session::news::News;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::server::LOCKKEEPER;
use super::until::LONG;

/// The loop.
pub struct Drive {
    pub session: Session,
    pub facts: Facts,
    pub driver: Driver,
    inbox: mpsc::UnboundedReceiver<News>,
    /// What was said, newest last.
    pub said: Vec<String>,
    /// How acts ended, newest last.
    pub outcomes: Vec<Outcome>,
}

/// Returns a site on `dsn` with the project in `project` and its state below `state`.
pub fn site(dsn: &str, project: &Path, state: &Path) -> Site {
    let request = Named { dsn: Some(dsn), ..Named::default() };
    let target = target::resolve(request, &target::environment()).expect("the DSN can be read");
    let state = state.to_owned();
    Site {
        target,
        loaded: Loaded::default(),
        project: project.to_owned(),
        paths: Paths {
            config: state.join("config"),
            cache: state.join("cache"),
            runtime: state.join("run"),
            state,
        },
        program: LOCKKEEPER.into(),
        rehearsal: None,
    }
}

impl Drive {
    /// Starts the loop on `site`.
    pub fn start(site: Site) -> Self {
        let (news, inbox) = mpsc::unbounded_channel();
        let facts = site.facts(Utc::now());
        let driver = Driver::start(site, news);
        let (said, outcomes) = (Vec::new(), Vec::new());
        Self { session: Session::default(), facts, driver, inbox, said, outcomes }
    }

    /// Gives the machine an event.
    pub fn event(&mut self, event: Event) {
        if let Event::Performed { outcome, .. } = &event {
            self.outcomes.push(outcome.clone());
        }
        let effects = self.session.update(event);
        self.effects(effects);
    }

    /// Begins a walk.
    pub fn begin(&mut self, begin: Begin) {
        let effects = self.session.walk_begins(begin);
        self.effects(effects);
    }

    fn effects(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Say(_, text) => self.said.push(text),
                other => self.driver.effect(other),
            }
        }
    }

    /// Takes what comes until `holds`.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        let coming = async {
            while !holds(self) {
                tokio::select! {
                    Some(news) = self.inbox.recv() => {
                        if let Some(event) = self.facts.hear(news, Utc::now()) {
                            self.event(event);
                        }
                    }
                    _ = tick.tick() => self.event(Event::Ticked(Utc::now())),
                }
            }
        };
        let came = timeout(LONG, coming).await;
        assert!(came.is_ok(), "it never came to be: {what}; said: {:#?}", self.said);
    }

    /// Waits for the readings of the probes that were asked for under `ticket`.
    pub async fn probed(&mut self, ticket: Ticket) -> Vec<Reading> {
        let came = timeout(LONG, async {
            loop {
                let news = self.inbox.recv().await.expect("the driver lives");
                match self.facts.hear(news, Utc::now()) {
                    Some(Event::Probed(of, readings)) if of == ticket => return readings,
                    Some(event) => self.event(event),
                    None => {}
                }
            }
        });
        came.await.expect("they are read")
    }

    /// Asks for an act and returns its plan.
    pub async fn plan(&mut self, request: Request) -> Plan {
        self.event(Event::Asked(request));
        self.until("the plan is shown", |d| d.session.pending().is_some()).await;
        self.session.pending().expect("it is shown").plan().clone()
    }

    /// Asks for what cannot be planned, and waits until these words are said of it: an offer
    /// may be said meanwhile.
    pub async fn refuses(&mut self, request: Request, words: &str) {
        let before = self.said.len();
        self.event(Event::Asked(request));
        let said = |d: &Self| d.said[before..].iter().any(|said| said.contains(words));
        self.until(&format!("{words:?} is said"), said).await;
        assert!(self.session.pending().is_none(), "nothing is shown to be confirmed");
    }

    /// Answers the shown plan as it has to be answered.
    pub fn yes(&mut self) {
        let pending = self.session.pending().expect("a plan is shown");
        let hash = pending.hash().clone();
        let answer = match pending.need() {
            Need::Typed(token) => Answer::Typed(hash, token),
            Need::Key | Need::Nothing => Answer::Key(hash),
        };
        self.event(Event::Answered(answer));
    }

    /// Answers the shown plan as it has to be answered, and waits for the end of its act.
    pub async fn confirm(&mut self) -> Outcome {
        let before = self.outcomes.len();
        self.yes();
        self.until("the act has ended", |d| {
            d.outcomes.len() > before && d.session.acting().is_empty()
        })
        .await;
        self.outcomes.last().expect("it has ended").clone()
    }
}

//! A seat at the machine without a screen: session, facts and driver, for the line mode and
//! for the commands that do one thing.

use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::domain::outcome::Outcome;
use crate::domain::untrusted::Untrusted;
use crate::io::driver::Driver;
use crate::io::site::Site;
use crate::session::effect::{Effect, Event, Tone};
use crate::session::facts::Facts;
use crate::session::machine::{Begin, Session};
use crate::session::news::News;

/// Something that was heard at the seat.
#[derive(Debug)]
pub enum Heard {
    /// The machine says something.
    Said(Tone, String),
    /// The running act printed a line.
    Printed(Untrusted),
    /// An attempt of an act ended.
    Ended(Outcome),
    /// The run was handed over, and nobody has it now.
    Released(String),
}

/// The seat.
pub struct Seat {
    /// What is known of the outside.
    pub facts: Facts,
    /// The machine.
    pub session: Session,
    driver: Driver,
    inbox: mpsc::UnboundedReceiver<News>,
    tick: Interval,
}

impl Seat {
    /// Takes a seat at a site; its target is watched from now on.
    #[must_use]
    pub fn take(site: Site) -> Self {
        let (news, inbox) = mpsc::unbounded_channel();
        let facts = site.facts(Utc::now());
        let mut session = Session::default();
        // Without a time there is no next attempt.
        session.update(Event::Ticked(Utc::now()));
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { facts, session, driver: Driver::start(site, news), inbox, tick }
    }

    /// Returns the driver.
    #[must_use]
    pub fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Returns what is worked on.
    #[must_use]
    pub fn site(&self) -> &Site {
        self.driver.site()
    }

    /// Tells the machine something, and lets happen what it wants.
    pub fn tell(&mut self, event: Event) -> Vec<Heard> {
        let effects = self.session.update(event);
        self.execute(effects)
    }

    /// Begins to walk a runbook, or goes on with a run.
    pub fn begin(&mut self, begin: Begin) -> Vec<Heard> {
        let effects = self.session.walk_begins(begin);
        self.execute(effects)
    }

    fn execute(&mut self, effects: Vec<Effect>) -> Vec<Heard> {
        let mut heard = Vec::new();
        for effect in effects {
            match effect {
                Effect::Say(tone, text) => heard.push(Heard::Said(tone, text)),
                other => self.driver.effect(other),
            }
        }
        heard
    }

    /// Waits for the next news, or a second. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Vec<Heard> {
        tokio::select! {
            biased;
            Some(news) = self.inbox.recv() => self.hear(news),
            _ = self.tick.tick() => {
                self.facts.now = Utc::now();
                self.tell(Event::Ticked(Utc::now()))
            }
        }
    }

    fn hear(&mut self, news: News) -> Vec<Heard> {
        let mut heard = Vec::new();
        if let News::Released(run) = &news {
            heard.push(Heard::Released(run.clone()));
        }
        if let News::Output { lines, .. } = &news {
            heard.extend(lines.iter().cloned().map(Heard::Printed));
        }
        if let Some(event) = self.facts.hear(news, Utc::now()) {
            if let Event::Performed { outcome, .. } = &event {
                heard.push(Heard::Ended(outcome.clone()));
            }
            heard.extend(self.tell(event));
        }
        heard
    }

    /// Returns the journal of the run that was recorded last, if there is one.
    #[must_use]
    pub fn journal(&self) -> Option<PathBuf> {
        let run = &self.facts.records.last()?.run;
        Some(crate::io::journal::path(&self.site().paths.runs(), run))
    }

    /// Leaves: what runs goes on. All that is known is given back at once: whoever waits for this
    /// holds the driver alone.
    pub fn leave(self) -> impl Future<Output = ()> {
        let driver = self.driver;
        async move { driver.close().await }
    }
}

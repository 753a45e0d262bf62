//! Screen state over the session and the facts: one owner, told by plain values, telling
//! what it wants as plain values.

pub mod confirm;
pub mod following;
pub mod header;
pub mod keys;
pub mod overlay;
mod update;
mod view;

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Instant;

use chrono::{DateTime, Utc};
use crossterm::event::KeyEvent;

use crate::domain::activity::BackendKey;
use crate::domain::plan::Direction;
use crate::domain::report::Part;
use crate::domain::snapshot::Snapshot;
use crate::panels::activity::Activity;
use crate::panels::backups::Backups;
use crate::panels::journal::Journal;
use crate::panels::locks::Locks;
use crate::panels::migrations::Migrations;
use crate::panels::rollback::Rollback;
use crate::panels::runbook::Runbook;
use crate::panels::watch::Watch;
use crate::panels::{Command, Id, Panel, Scene, Wanted, way_back};
use crate::session::effect::{Effect, Request};
use crate::session::facts::Facts;
use crate::session::machine::Session;
use crate::session::news::News;
use crate::ui::bindings::{Binding, Group, Key};
use crate::ui::theme::Theme;
use crate::ui::widgets::message::Message;

use overlay::Overlay;
use overlay::keyboard::Keyboard;

/// Something that happened to the screen or outside of it.
#[derive(Debug)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// A bracketed paste.
    Paste(String),
    /// The outside told something, at this time of our clock.
    News(News, DateTime<Utc>),
    /// Time passed.
    Tick(DateTime<Utc>),
    /// Begin to walk this runbook: it was found, read and allowed.
    Begin(Box<crate::session::machine::Begin>),
    /// Say something.
    Say(Message),
}

/// What the screen wants done.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// An effect of the session.
    Effect(Effect),
    /// Find the runbook of that name.
    Begin(String),
    /// Follow this run: it was handed over.
    Follow(String),
    /// Write the report of this run, with what a person told.
    Report(String, Vec<(Part, String)>),
    /// Read everything about this backend.
    Backend(BackendKey),
    /// Prove the backup at this location.
    Verify(String),
    /// Count the rows that one way of a migration would lose or be refused by.
    Count(String, Direction),
    /// Read everything anew.
    Refresh,
    /// Leave.
    Quit,
}

/// The panels' own states.
#[derive(Debug, Default)]
struct Panels {
    watch: Watch,
    activity: Activity,
    locks: Locks,
    migrations: Migrations,
    backups: Backups,
    runbook: Runbook,
    rollback: Rollback,
    journal: Journal,
}

impl Panels {
    fn get(&self, id: Id) -> &dyn Panel {
        match id {
            Id::Watch => &self.watch,
            Id::Activity => &self.activity,
            Id::Locks => &self.locks,
            Id::Migrations => &self.migrations,
            Id::Backups => &self.backups,
            Id::Runbook => &self.runbook,
            Id::Rollback => &self.rollback,
            Id::Journal => &self.journal,
        }
    }

    fn get_mut(&mut self, id: Id) -> &mut dyn Panel {
        match id {
            Id::Watch => &mut self.watch,
            Id::Activity => &mut self.activity,
            Id::Locks => &mut self.locks,
            Id::Migrations => &mut self.migrations,
            Id::Backups => &mut self.backups,
            Id::Runbook => &mut self.runbook,
            Id::Rollback => &mut self.rollback,
            Id::Journal => &mut self.journal,
        }
    }
}

/// The console's state.
#[derive(Debug)]
pub struct App {
    /// What is known of the outside.
    pub facts: Facts,
    /// The run.
    pub session: Session,
    panels: Panels,
    focused: Id,
    filters: HashMap<Id, String>,
    overlay: Option<Overlay<Command>>,
    wanted: Option<Wanted>,
    /// What was told for the report so far.
    told: Vec<(Part, String)>,
    /// The backup of which it is being picked how far it is proven.
    proving: Option<String>,
    /// What can be picked to be planned, by its label.
    offered: Vec<(String, Request)>,
    keyboard: Keyboard,
    opener: Option<Key>,
    held: Option<Box<Snapshot>>,
    frozen: bool,
    message: Option<Message>,
    leaving: bool,
    following: Option<following::Following>,
    looking: Option<BackendKey>,
    hint: Vec<String>,
    theme: Theme,
    /// True if the server goes with the console.
    throwaway: bool,
    /// True if the screen was too small for the panels when it was last painted.
    small: Cell<bool>,
}

impl App {
    /// Returns the console on `facts`, with `hint` lines shown until the first key.
    #[must_use]
    pub fn new(facts: Facts, theme: Theme, hint: Vec<String>) -> Self {
        Self {
            facts,
            session: Session::default(),
            panels: Panels::default(),
            focused: Id::Watch,
            filters: HashMap::new(),
            overlay: None,
            wanted: None,
            told: Vec::new(),
            proving: None,
            offered: Vec::new(),
            keyboard: Keyboard::default(),
            opener: None,
            held: None,
            frozen: false,
            message: None,
            leaving: false,
            following: None,
            looking: None,
            hint,
            theme,
            throwaway: false,
            small: Cell::new(false),
        }
    }

    /// Says on leaving that the server, and what runs there, goes with the console.
    #[must_use]
    pub fn throwaway(self, throwaway: bool) -> Self {
        Self { throwaway, ..self }
    }

    /// Returns the id of the run that is left open when the console is left now.
    #[must_use]
    pub fn open_run(&self) -> Option<&str> {
        let is_open = self.session.is_busy() && !self.throwaway && self.following.is_none();
        self.session.run().filter(|_| is_open)
    }

    /// Returns the focused panel.
    #[must_use]
    pub fn focused(&self) -> Id {
        self.focused
    }

    /// Returns what the message line says.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }

    /// Returns what lies over the panels.
    #[must_use]
    pub fn overlay(&self) -> Option<&Overlay<Command>> {
        self.overlay.as_ref()
    }

    /// Returns true while the data is held still.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Returns when the screen looks different without any event.
    #[must_use]
    pub fn wakes_at(&self, now: Instant) -> Option<Instant> {
        self.overlay.as_ref().and_then(|overlay| overlay.wakes_at(now))
    }

    fn scene(&self) -> Scene<'_> {
        let filter = self.filters.get(&self.focused).map_or("", String::as_str);
        Scene { facts: &self.facts, session: &self.session, filter }
    }

    /// Returns the focused panel's own keys.
    fn own(&self) -> Vec<Binding<Command>> {
        self.only_looking(self.panels.get(self.focused).bindings(&self.scene()))
    }

    /// Returns every key that means something now, by groups.
    fn groups(&self) -> Vec<Group<Command>> {
        let own = Group { title: self.focused.title(), bindings: self.own() };
        let mut everywhere = keys::everywhere();
        everywhere.bindings.push(way_back::binding(&self.session));
        everywhere.bindings.push(keys::kill(&self.session));
        everywhere.bindings = self.only_looking(everywhere.bindings);
        vec![own, keys::movement(), everywhere]
    }
}

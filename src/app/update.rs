//! What inputs do to the screen.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use crate::domain::report::Part;
use crate::domain::verify::Level;
use crate::panels::{Ask, Command, Id, Scene, Wanted, way_back};
use crate::session::effect::{Effect, Event, How, Request, Tone as Told};
use crate::session::news::News;
use crate::session::pick::{Choice, Choices};
use crate::ui::bindings::{Key, Press, press};
use crate::ui::theme::Tone;
use crate::ui::widgets::message::Message;

use super::following::Following;
use super::overlay::filter::Filter;
use super::overlay::help::Help;
use super::overlay::palette::Palette;
use super::overlay::pick::Pick;
use super::overlay::reason::Reason;
use super::overlay::{Outcome, Overlay};
use super::{App, Input, Output, confirm, keys};

impl App {
    /// Takes one input that arrived at `at`, and returns what has to be done, in this order.
    pub fn update(&mut self, input: Input, at: Instant) -> Vec<Output> {
        let outputs = match input {
            Input::Key(key) => self.key(&key, at),
            Input::Paste(text) => self.paste(&text, at),
            Input::News(news, now) => self.news(news, now),
            Input::Tick(now) => {
                self.facts.now = now;
                self.event(Event::Ticked(now))
            }
            Input::Begin(begin) => {
                let is_tree = begin.book.id == "rollback";
                self.focused = if is_tree { Id::Rollback } else { Id::Runbook };
                let effects = self.session.walk_begins(*begin);
                self.effects(effects)
            }
            Input::Say(message) => {
                self.message = Some(message);
                Vec::new()
            }
        };
        self.follow_second(at);
        self.follow_pending(at);
        outputs
    }

    fn event(&mut self, event: Event) -> Vec<Output> {
        let effects = self.session.update(event);
        self.effects(effects)
    }

    /// Keeps what is only said on the screen, and passes the rest on.
    fn effects(&mut self, effects: Vec<Effect>) -> Vec<Output> {
        let mut outputs = Vec::new();
        for effect in effects {
            match effect {
                Effect::Say(tone, text) => self.say(tone, text),
                // A run that is only followed is moved by nobody here.
                _ if self.following.is_some() => {}
                other => outputs.push(Output::Effect(other)),
            }
        }
        outputs
    }

    fn say(&mut self, tone: Told, text: impl Into<String>) {
        let tone = match tone {
            Told::Good => Tone::Ok,
            Told::Plain => Tone::Plain,
            Told::Bad => Tone::Warn,
            Told::Offer => {
                let text = format!("{}. {}", text.into(), way_back::words(&self.session));
                self.message = Some(Message::new(Tone::Alarm, text));
                return;
            }
        };
        self.message = Some(Message::new(tone, text));
    }

    fn news(&mut self, news: News, now: chrono::DateTime<chrono::Utc>) -> Vec<Output> {
        if let (News::Snapshot(Ok(_)), true) = (&news, self.frozen) {
            let News::Snapshot(Ok(snapshot)) = news else { return Vec::new() };
            self.facts.now = now;
            self.held = Some(snapshot);
            return Vec::new();
        }
        let news = match news {
            News::Followed(followed) => {
                self.facts.now = now;
                self.followed(*followed);
                return Vec::new();
            }
            news => news,
        };
        let released = match &news {
            News::Released(run) => Some(Output::Follow(run.clone())),
            _ => None,
        };
        let is_backend = matches!(news, News::Backend(_));
        // What could not be read while nobody answered can be read now.
        let is_back = matches!(news, News::Identity(Ok(_))) && self.facts.project.error().is_some();
        let event = self.facts.hear(news, now);
        if is_backend {
            self.show_backend();
        }
        let mut outputs = event.map_or_else(Vec::new, |event| self.event(event));
        outputs.extend(is_back.then_some(Output::Refresh));
        outputs.extend(released);
        outputs
    }

    fn key(&mut self, key: &KeyEvent, at: Instant) -> Vec<Output> {
        let unseen = self.small.get() && !leaves(key, self.overlay.is_some());
        let outputs = match &mut self.overlay {
            _ if unseen => Vec::new(),
            Some(overlay) => {
                let outcome = overlay.on_key(key, at);
                self.outcome(outcome)
            }
            None if key.kind == KeyEventKind::Release => Vec::new(),
            None => self.bound(key),
        };
        self.keyboard.note(key, at);
        outputs
    }

    fn paste(&mut self, text: &str, at: Instant) -> Vec<Output> {
        self.keyboard.disturb(at);
        let Some(overlay) = &mut self.overlay else {
            self.say(Told::Plain, "pasted text is not taken as keys");
            return Vec::new();
        };
        let outcome = overlay.on_paste(text, at);
        self.outcome(outcome)
    }

    fn bound(&mut self, event: &KeyEvent) -> Vec<Output> {
        self.message = None;
        self.hint.clear();
        let key = Key::from(event);
        let groups = self.groups();
        match press(groups.iter().flat_map(|group| &group.bindings), event) {
            Press::Command(command) => self.command(&command, Some(key)),
            Press::Off(label, reason) => {
                self.say(Told::Plain, format!("{label}: {reason}"));
                Vec::new()
            }
            Press::Unbound => {
                if let Some(command) = keys::moves(key).or_else(|| keys::alias(key)) {
                    return self.command(&command, Some(key));
                }
                self.say(Told::Plain, format!("{key} does nothing here; ? lists the keys"));
                Vec::new()
            }
        }
    }

    fn outcome(&mut self, outcome: Outcome<Command>) -> Vec<Output> {
        match outcome {
            Outcome::Open => Vec::new(),
            Outcome::Closed => self.closed(),
            Outcome::Run(command) => {
                self.overlay = None;
                self.command(&command, None)
            }
            Outcome::Filtered { text, open } => {
                self.filters.insert(self.focused, text);
                if !open {
                    self.overlay = None;
                }
                Vec::new()
            }
            Outcome::Entered(text) => self.entered(text),
            Outcome::Confirmed(answer) => {
                self.overlay = None;
                self.event(Event::Answered(answer))
            }
        }
    }

    fn closed(&mut self) -> Vec<Output> {
        let wanted = self.wanted.take();
        let waited = wanted == Some(Wanted::Alone);
        if matches!(wanted, Some(Wanted::Report(_))) {
            self.say(Told::Plain, "left: no report is written; w asks anew");
        }
        self.told.clear();
        self.proving = None;
        self.offered.clear();
        self.looking = None;
        match self.overlay.take() {
            Some(Overlay::Confirm(_)) => self.event(Event::Dismissed),
            Some(Overlay::Reason(_)) if waited => self.event(Event::Dismissed),
            _ => Vec::new(),
        }
    }

    fn entered(&mut self, text: String) -> Vec<Output> {
        self.overlay = None;
        if let Some(location) = self.proving.take() {
            return self.prove(location, &text);
        }
        let mut offered = std::mem::take(&mut self.offered).into_iter();
        if let Some((_, request)) = offered.find(|(label, _)| *label == text) {
            return self.event(Event::Asked(request));
        }
        let Some(wanted) = self.wanted.take() else { return Vec::new() };
        if let Wanted::Report(part) = wanted {
            return self.told(part, text);
        }
        let event = wanted.entered(text, &self.facts);
        self.event(event)
    }

    /// Takes what was told of one part of the report, and asks for the next one.
    fn told(&mut self, part: Part, text: String) -> Vec<Output> {
        if text != "-" {
            self.told.push((part, text));
        }
        if let Some(next) = part.next() {
            return self.asked(Ask::Text(Wanted::Report(next)));
        }
        let told = std::mem::take(&mut self.told);
        let run = self.facts.records.last().map(|record| record.run.clone());
        run.map(|run| Output::Report(run, told)).into_iter().collect()
    }

    /// Proves a backup: what only reads it begins at once, a drill is planned as an act.
    fn prove(&mut self, location: String, level: &str) -> Vec<Output> {
        match Level::parse(level) {
            Some(level) if level > Level::L3 => {
                self.event(Event::Asked(Request::VerifyBackup { backup: location, level }))
            }
            Some(_) => vec![Output::Verify(location)],
            None => Vec::new(),
        }
    }

    /// Runs a command; `opener` is the key that gave it.
    fn command(&mut self, command: &Command, opener: Option<Key>) -> Vec<Output> {
        if *command != Command::Quit {
            self.leaving = false;
        }
        if let Some(why) = self.refused_here(command) {
            self.say(Told::Plain, why);
            return Vec::new();
        }
        match command {
            Command::Quit => return self.quit(),
            Command::Help => self.overlay = Some(Overlay::Help(Help::new(self.groups()))),
            Command::Palette => self.overlay = Some(Overlay::Palette(Palette::new(self.groups()))),
            Command::Filter => {
                let text = self.scene().filter.to_owned();
                self.overlay = Some(Overlay::Filter(Filter::new(&text)));
            }
            Command::Freeze => self.freeze(),
            Command::Refresh => return vec![Output::Refresh],
            Command::KillAct => return self.event(Event::StopAsked(How::Kill)),
            Command::Begin(name) => return vec![Output::Begin(name.clone())],
            Command::Panel(id) => self.focused = *id,
            Command::NextPanel => self.focused = self.beside(1),
            Command::PreviousPanel => self.focused = self.beside(Id::ALL.len() - 1),
            Command::Back => {
                self.filters.remove(&self.focused);
            }
            _ => {
                self.opener = opener;
                return self.panel_command(command);
            }
        }
        Vec::new()
    }

    fn panel_command(&mut self, command: &Command) -> Vec<Output> {
        let filter = self.filters.get(&self.focused).map_or("", String::as_str);
        let scene = Scene { facts: &self.facts, session: &self.session, filter };
        let ask = self.panels.get_mut(self.focused).on(command, &scene);
        self.asked(ask)
    }

    fn asked(&mut self, ask: Ask) -> Vec<Output> {
        let only_looks =
            matches!(ask, Ask::Nothing | Ask::Show(..) | Ask::Backend(_) | Ask::Say(_));
        if let Some(why) = self.following().filter(|_| !only_looks).map(Following::why) {
            self.say(Told::Plain, why);
            return Vec::new();
        }
        match ask {
            Ask::Nothing => Vec::new(),
            Ask::Plan(request) => self.event(Event::Asked(request)),
            Ask::Stop(how) => self.event(Event::StopAsked(how)),
            Ask::Move(step) => self.event(Event::Moved(step)),
            Ask::Text(wanted) => {
                self.overlay = Some(Overlay::Reason(Reason::new(wanted.question())));
                self.wanted = Some(wanted);
                Vec::new()
            }
            Ask::Pick(wanted, choices) => {
                self.overlay = Some(Overlay::Pick(Pick::new(wanted.question(), choices)));
                self.wanted = Some(wanted);
                Vec::new()
            }
            Ask::Begin(name) => vec![Output::Begin(name)],
            Ask::Show(id, backend) => {
                self.focused = id;
                if let Some(backend) = backend {
                    self.panels.get_mut(id).select(backend);
                }
                Vec::new()
            }
            Ask::Backend(backend) => {
                self.looking = Some(backend);
                vec![Output::Backend(backend)]
            }
            Ask::Prove(location, levels) => {
                let question = "How far is it proven? Times are estimates by its size";
                self.overlay = Some(Overlay::Pick(Pick::new(question, levels)));
                self.proving = Some(location);
                Vec::new()
            }
            Ask::Which(question, offered) => {
                let choice = |label: &String| Choice { value: label.clone(), label: label.clone() };
                let all = offered.iter().map(|(label, _)| choice(label)).collect();
                let choices = Choices { all, missing: None, typed: false };
                self.overlay = Some(Overlay::Pick(Pick::new(question, choices)));
                self.offered = offered;
                Vec::new()
            }
            Ask::Count(id, direction) => {
                self.say(Told::Plain, "counting, at most a second for each question".to_owned());
                vec![Output::Count(id, direction)]
            }
            Ask::Say(text) => {
                self.say(Told::Plain, text);
                Vec::new()
            }
        }
    }

    fn quit(&mut self) -> Vec<Output> {
        if self.session.is_busy() && !self.leaving && self.following.is_none() {
            self.leaving = true;
            let text = match self.session.job() {
                _ if self.throwaway => {
                    "the server ends with the console, and what runs there with it; q again leaves"
                }
                Some(_) => {
                    "an act is running: it goes on without the console, and resume finds it; q again leaves"
                }
                None => "a run is open: resume takes it up again; q again leaves",
            };
            self.say(Told::Bad, text);
            return Vec::new();
        }
        vec![Output::Quit]
    }

    fn freeze(&mut self) {
        self.frozen = !self.frozen;
        if let (false, Some(snapshot)) = (self.frozen, self.held.take()) {
            let now = self.facts.now;
            self.facts.snapshot_arrived(*snapshot, now);
        }
    }

    fn beside(&self, steps: usize) -> Id {
        let at = Id::ALL.iter().position(|id| *id == self.focused).unwrap_or(0);
        Id::ALL[(at + steps) % Id::ALL.len()]
    }

    fn show_backend(&mut self) {
        let read = self.facts.backend.value().filter(|d| Some(d.backend) == self.looking);
        if let (Some(detail), None) = (read, &self.overlay) {
            self.overlay = Some(Overlay::Detail(confirm::backend(detail, &self.facts)));
        } else if let (Some(error), None) = (self.facts.backend.error(), &self.overlay) {
            let text = format!("its details cannot be read: {error}");
            self.say(Told::Bad, text);
        }
    }

    /// Asks for the way out while an act waits for a second person, and no longer.
    fn follow_second(&mut self, now: Instant) {
        let waits = self.session.second().is_some();
        let asks = self.wanted == Some(Wanted::Alone);
        if waits && self.overlay.is_none() {
            let keyboard = self.keyboard.clone();
            let field = Reason::by_itself(Wanted::Alone.question(), keyboard, now);
            self.overlay = Some(Overlay::Reason(field));
            self.wanted = Some(Wanted::Alone);
        } else if !waits && asks {
            self.overlay = None;
            self.wanted = None;
        }
    }

    /// Opens, renews or closes the confirmation so that it always shows the session's
    /// pending plan, and nothing else is ever confirmed.
    fn follow_pending(&mut self, now: Instant) {
        let content = self.session.pending().map(confirm::content);
        match (content, &mut self.overlay) {
            (Some(content), None) => {
                let opener = self.opener.take();
                let dialog = super::overlay::confirm::Dialog::open(
                    content,
                    opener,
                    self.keyboard.clone(),
                    now,
                );
                self.overlay = Some(Overlay::Confirm(dialog));
            }
            (Some(content), Some(Overlay::Confirm(dialog))) if *dialog.content() != content => {
                dialog.update(content, now);
            }
            (None, Some(Overlay::Confirm(_))) => self.overlay = None,
            _ => {}
        }
    }
}

/// Returns true for the keys that work where nothing can be read: out of what is `open`, or
/// out of the console.
fn leaves(event: &KeyEvent, open: bool) -> bool {
    let key = Key::from(event);
    let quit = !open && key == Key::char('q');
    quit || (open && key == Key::code(KeyCode::Esc)) || key == Key::ctrl('c')
}

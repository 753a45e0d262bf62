//! The console as a hand drives it: keys with their times, and what they lead to.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use lockkeeper::app::overlay::Overlay;
use lockkeeper::app::{App, Input, Output};
use lockkeeper::domain::deploy::Deploy;
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Confirmed, Direction, Hash, Plan, Risk};
use lockkeeper::domain::rehearsal::{Leg, Told};
use lockkeeper::panels::Id;
use lockkeeper::session::effect::{Effect, Event, Previewed, Ticket};
use lockkeeper::session::facts::Feed;
use lockkeeper::session::news::News;
use lockkeeper::ui::theme::Theme;
use proptest::prelude::*;
use ratatui::buffer::Buffer;

use crate::session::migration;
use crate::support::facts::{World, identity, migrations, now, surroundings};
use crate::support::{rehearsed, screen};

fn safe() -> Plan {
    migration(6, Direction::Up, Risk::Safe)
}

fn destructive() -> Plan {
    migration(7, Direction::Up, Risk::Destructive)
}

/// A console and its screen, painted after each input as the loop does.
struct Console {
    app: App,
    now: Instant,
    size: (u16, u16),
    asked: Option<Ticket>,
    /// The plan whose dialog was painted last, to its end.
    painted: Option<Hash>,
    performed: Vec<Confirmed>,
    acts: Vec<String>,
}

impl Console {
    fn new() -> Self {
        let mut facts = World::quiet().facts();
        facts.project.arrived(migrations(1), now());
        let app = App::new(facts, Theme::default(), Vec::new());
        let mut console = Self {
            app,
            now: Instant::now(),
            size: (80, 24),
            asked: None,
            painted: None,
            performed: Vec::new(),
            acts: Vec::new(),
        };
        console.input(0, Input::Tick(now()));
        console.key(1_000, KeyCode::Char(Id::Migrations.digit()));
        console
    }

    /// Takes an input `gap` milliseconds after the last one.
    fn input(&mut self, gap: u64, input: Input) -> Vec<Output> {
        self.now += Duration::from_millis(gap);
        let shown = self.painted.clone();
        let mut rest = Vec::new();
        for output in self.app.update(input, self.now) {
            match output {
                Output::Effect(Effect::Perform { act, confirmed, .. }) => {
                    let first = confirmed.attempt() == 1;
                    assert!(!first || Some(confirmed.hash()) == shown.as_ref(), "never shown");
                    self.performed.push(confirmed);
                    self.acts.push(act);
                }
                Output::Effect(Effect::Preview(ticket, _)) => self.asked = Some(ticket),
                other => rest.push(other),
            }
        }
        self.paint();
        rest
    }

    fn paint(&mut self) -> Buffer {
        let mut buf = screen::blank(self.size.0, self.size.1);
        let area = buf.area;
        self.app.view(self.now, area, &mut buf);
        self.painted = match self.app.overlay() {
            Some(Overlay::Confirm(dialog)) => Some(dialog.content().hash.clone()),
            _ => None,
        };
        buf
    }

    fn text(&mut self) -> String {
        screen::text(&self.paint())
    }

    fn key(&mut self, gap: u64, code: KeyCode) -> Vec<Output> {
        self.input(gap, Input::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    fn char(&mut self, gap: u64, c: char) {
        self.key(gap, KeyCode::Char(c));
    }

    fn repeat(&mut self, gap: u64, c: char) {
        let event = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        self.input(gap, Input::Key(KeyEvent { kind: KeyEventKind::Repeat, ..event }));
    }

    fn typed(&mut self, text: &str) {
        for (at, c) in text.chars().enumerate() {
            self.char(if at == 0 { 2_500 } else { 140 }, c);
        }
    }

    /// Presses `u`; the plan comes back after `gap` milliseconds.
    fn open(&mut self, plan: Plan) {
        self.char(1_000, 'u');
        self.plan(30, plan);
    }

    fn plan(&mut self, gap: u64, plan: Plan) {
        let Some(ticket) = self.asked.take() else { return };
        let previewed = Previewed::Plan(Box::new(plan));
        let news = News::Event(Event::Previewed(ticket, previewed));
        self.input(gap, Input::News(news, now()));
    }

    fn end(&mut self, gap: u64, ending: Ending) {
        let (Some(act), Some(confirmed)) = (self.acts.pop(), self.performed.pop()) else { return };
        let outcome = Outcome::new(ending, "");
        let event = Event::Performed { act, outcome, confirmed: Some(confirmed) };
        self.input(gap, Input::News(News::Event(event), now()));
    }

    fn is_asking(&self) -> bool {
        matches!(self.app.overlay(), Some(Overlay::Confirm(_)))
    }
}

#[test]
fn the_plan_is_shown_and_a_deliberate_yes_performs_it() {
    let mut console = Console::new();
    console.open(safe());
    let shown = console.text();
    assert!(shown.contains("On PRODUCTION: up 6"), "{shown}");
    assert!(console.performed.is_empty());
    console.char(2_500, 'y');
    assert_eq!(console.performed.len(), 1);
    assert_eq!(console.performed[0].plan(), &safe());
    assert!(!console.is_asking());
}

#[test]
fn keys_typed_ahead_confirm_nothing() {
    let mut console = Console::new();
    console.char(1_000, 'u');
    console.char(80, 'y');
    console.char(80, 'y');
    console.plan(40, safe());
    console.char(20, 'y');
    console.char(90, 'y');
    assert!(console.performed.is_empty());
    assert!(console.is_asking());
}

#[test]
fn a_pasted_name_is_not_typed() {
    let mut console = Console::new();
    console.open(destructive());
    console.input(2_500, Input::Paste("shop\n".into()));
    console.key(2_500, KeyCode::Enter);
    assert!(console.performed.is_empty());
    assert!(console.is_asking());
}

#[test]
fn a_held_key_confirms_nothing() {
    let mut console = Console::new();
    console.open(safe());
    console.char(100, 'y');
    for _ in 0..100 {
        console.repeat(33, 'y');
    }
    for _ in 0..100 {
        console.char(33, 'y');
    }
    assert!(console.performed.is_empty());
}

#[test]
fn enter_leaves_a_key_dialog_as_it_is() {
    let mut console = Console::new();
    console.open(safe());
    console.key(3_000, KeyCode::Enter);
    assert!(console.performed.is_empty());
    assert!(console.is_asking());
}

#[test]
fn a_wrong_name_runs_nothing_and_the_right_one_does() {
    let mut console = Console::new();
    console.open(destructive());
    console.typed("Shop");
    console.key(500, KeyCode::Enter);
    assert!(console.performed.is_empty());
    assert!(console.text().contains("capitals count"), "{}", console.text());
    (0..4).for_each(|_| drop(console.key(150, KeyCode::Backspace)));
    console.typed("shop");
    console.key(500, KeyCode::Enter);
    assert_eq!(console.performed.len(), 1);
    assert_eq!(console.performed[0].plan(), &destructive());
}

#[test]
fn esc_leaves_and_nothing_was_run() {
    let mut console = Console::new();
    console.open(safe());
    console.key(200, KeyCode::Esc);
    assert!(!console.is_asking());
    assert_eq!(console.app.message().expect("it says so").text, "left: nothing was run");
    console.char(3_000, 'y');
    assert!(console.performed.is_empty());
}

#[test]
fn a_plan_that_comes_back_over_another_page_waits_until_that_is_left() {
    let mut console = Console::new();
    console.char(1_000, 'u');
    console.char(600, '?');
    console.plan(30, safe());
    console.char(3_000, 'y');
    assert!(console.performed.is_empty());
    console.key(600, KeyCode::Esc);
    assert!(console.is_asking(), "now it is shown");
    console.char(2_500, 'y');
    assert_eq!(console.performed.len(), 1);
}

#[test]
fn on_a_screen_too_small_to_read_the_plan_nothing_is_confirmed() {
    let mut console = Console::new();
    console.size = (40, 8);
    console.open(safe());
    console.char(3_000, 'y');
    assert!(console.performed.is_empty());
}

#[test]
fn a_key_that_was_typed_before_the_screen_became_large_enough_is_not_taken() {
    let mut console = Console::new();
    console.open(safe());
    for gap in [5, 400] {
        console.size = (40, 8);
        console.input(3_000, Input::Tick(now()));
        console.size = (80, 24);
        console.input(3_000, Input::Tick(now()));
        console.char(gap, 'y');
        assert!(console.performed.is_empty(), "{gap} ms after it could be read");
    }
    assert!(console.text().contains("too early: read it first"));
    console.char(2_500, 'y');
    assert_eq!(console.performed.len(), 1);
}

#[test]
fn up_is_off_while_a_migration_runs_and_c_asks_it_to_stop() {
    let mut console = Console::new();
    console.open(safe());
    console.char(2_500, 'y');
    console.char(2_500, 'u');
    assert!(console.app.message().expect("it says why").text.contains("is running"));
    let outputs = console.key(2_500, KeyCode::Char('c'));
    assert!(outputs.iter().any(|one| matches!(one, Output::Effect(Effect::Stop(_)))));
}

#[test]
fn q_asks_a_second_time_while_an_act_runs() {
    let mut console = Console::new();
    console.open(safe());
    console.char(2_500, 'y');
    assert!(!console.key(2_500, KeyCode::Char('q')).contains(&Output::Quit));
    assert!(console.app.message().expect("it says why").text.contains("goes on without"));
    assert!(console.key(2_500, KeyCode::Char('q')).contains(&Output::Quit));
}

#[test]
fn a_failed_migration_names_the_key_of_the_way_back() {
    let mut console = Console::new();
    console.open(safe());
    console.char(2_500, 'y');
    console.end(100, Ending::Partial);
    let said = &console.app.message().expect("it says so").text;
    assert!(said.contains("do not run it again"), "{said}");
    assert!(said.ends_with("R opens the rollback tree"), "{said}");
    assert_eq!(console.app.header().next, Some(("R".into(), "roll back".into())));
    assert!(console.text().lines().last().expect("a footer").contains("R roll back"));
    let outputs = console.key(2_500, KeyCode::Char('R'));
    assert!(outputs.contains(&Output::Begin("rollback".into())), "{outputs:?}");
    console.open(safe());
    console.char(2_500, 'y');
    assert!(!console.text().contains("R roll back"), "it is tried again");
    console.end(100, Ending::RolledBack);
    let said = &console.app.message().expect("it says so").text;
    assert!(said.contains("nothing of it was kept. R opens"), "{said}");
    assert_ne!(console.app.header().next, Some(("R".into(), "roll back".into())));
}

#[test]
fn the_clock_of_the_way_back_runs_in_the_header_and_goes_first_where_it_is_narrow() {
    let mut console = Console::new();
    console.size = (200, 50);
    assert_eq!(console.app.header().window, None, "the last one was long ago");
    let facts = &mut console.app.facts;
    facts.now = facts.deployed_at().expect("the tool tells") + TimeDelta::seconds(108);
    let last = facts.project.value().and_then(|known| known.project.last());
    let last = last.expect("one is applied").id.clone();
    let mut slow = surroundings();
    slow.written.insert("public.expenses".to_owned(), 1_000);
    let touches = ["expenses".to_owned()];
    facts.deploy = Some(Deploy::new(&last, &identity(), facts.now, &slow.written, &touches));
    facts.slow.arrived(slow.clone(), now());
    let shown = console.text();
    assert!(shown.contains("policy window 3:12 · written since: 0"), "{shown}");
    slow.written.insert("public.expenses".to_owned(), 1_041);
    console.app.facts.slow.arrived(slow, now());
    assert!(console.text().contains("written since: 41"), "{}", console.text());
    console.app.facts.slow = Feed::default();
    assert!(console.text().contains("written since: ?"), "{}", console.text());
    console.size = (60, 15);
    assert!(!console.text().contains("written since"), "{}", console.text());
    console.app.facts.now += TimeDelta::seconds(300);
    assert_eq!(console.app.header().window, None, "it is none of this run, and over");
}

#[derive(Clone, Debug)]
enum Hand {
    Press(KeyCode),
    Repeat(char),
    Paste,
    Plan(bool),
    End(bool),
    Small(bool),
}

fn hand() -> impl Strategy<Value = (u64, Hand)> {
    let gap = prop::sample::select(vec![0, 20, 33, 140, 499, 501, 700, 2_100, 2_600]);
    let keys = "uuuuyyyyDdc?/:5shopAnpr14q".chars().map(KeyCode::Char);
    let keys = keys.chain([KeyCode::Enter, KeyCode::Enter, KeyCode::Esc, KeyCode::Down]);
    let what = prop_oneof![
        14 => prop::sample::select(keys.collect::<Vec<_>>()).prop_map(Hand::Press),
        2 => prop::sample::select(vec!['y', 'u', 's']).prop_map(Hand::Repeat),
        1 => Just(Hand::Paste),
        5 => any::<bool>().prop_map(Hand::Plan),
        2 => any::<bool>().prop_map(Hand::End),
        1 => prop::bool::weighted(0.3).prop_map(Hand::Small),
    ];
    (gap, what)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_a_hand_does_an_act_follows_its_painted_dialog(script in prop::collection::vec(hand(), 1..60)) {
        let mut console = Console::new();
        for (gap, what) in script {
            // The check itself stands in `Console::input`.
            match what {
                Hand::Press(code) => drop(console.key(gap, code)),
                Hand::Repeat(c) => console.repeat(gap, c),
                Hand::Paste => drop(console.input(gap, Input::Paste("y\nshop\n".into()))),
                Hand::Plan(grave) => console.plan(gap, if grave { destructive() } else { safe() }),
                Hand::End(done) => {
                    console.end(gap, if done { Ending::Done } else { Ending::LockTimeout });
                }
                Hand::Small(small) => console.size = if small { (50, 10) } else { (80, 24) },
            }
        }
    }
}

#[test]
fn a_rehearsal_asks_what_is_copied_shows_its_plan_and_is_seen_while_it_runs() {
    let mut console = Console::new();
    console.char(1_000, 'r');
    assert!(console.asked.is_none(), "nothing is planned before it is said what is copied");
    let shown = console.text();
    assert!(shown.contains("What is the copy made of?"), "{shown}");
    console.key(500, KeyCode::Down);
    console.key(500, KeyCode::Enter);
    assert!(console.asked.is_some(), "the first is picked");
    console.plan(30, rehearsed::plan());
    assert!(console.is_asking() && console.performed.is_empty());
    console.char(2_500, 'y');
    assert_eq!(console.performed.len(), 1);
    let act = console.acts[0].clone();
    let line = Told::Leg { at: 1, of: 3, leg: Leg::Down, id: "6".into() }.to_string();
    let lines = vec![line.as_str().into()];
    console.input(10, Input::News(News::Output { act, lines, dropped: 0 }, now()));
    let shown = console.text();
    assert!(shown.contains("1 of 3, 6: down; c ends it"), "{shown}");
    console.char(1_000, '1');
    assert!(!console.text().contains("c ends it"), "another panel is seen meanwhile");
    console.char(1_000, '4');
    console.end(10, Ending::Done);
    let shown = console.text();
    assert!(!shown.contains("c ends it"), "{shown}");
}

/// A plan that policy wants a second person for, asked for and not there yet.
fn awaited() -> (Console, Plan) {
    let mut console = Console::new();
    console.char(1_000, 'u');
    (console, Plan { approvals: 1, ..destructive() })
}

/// Returns the reason that was recorded for going on alone.
fn alone(outputs: &[Output]) -> Option<&str> {
    outputs.iter().find_map(|output| match output {
        Output::Effect(Effect::Record(entry)) => entry.data["reason"].as_str(),
        _ => None,
    })
}

#[test]
fn what_was_typed_before_the_field_for_a_reason_opened_is_no_reason() {
    let (mut console, plan) = awaited();
    for c in "jk".chars() {
        console.char(40, c);
    }
    console.plan(10, plan);
    assert!(console.text().contains("A second person approves it"), "{}", console.text());
    for c in "mind it".chars() {
        console.char(40, c);
    }
    assert_eq!(alone(&console.key(40, KeyCode::Enter)), None);
    assert_eq!(alone(&console.input(5, Input::Paste("mind it\r".into()))), None);
    assert_eq!(alone(&console.key(600, KeyCode::Enter)), None, "nothing of it was taken");
    assert!(console.text().contains("it is recorded: say something"), "{}", console.text());
    assert!(console.performed.is_empty());
}

#[test]
fn a_key_that_is_held_while_the_field_for_a_reason_opens_types_nothing() {
    let (mut console, plan) = awaited();
    console.char(600, 'j');
    console.plan(10, plan);
    for _ in 0..60 {
        console.char(35, 'j');
    }
    assert_eq!(alone(&console.key(35, KeyCode::Enter)), None);
    assert!(console.text().contains("too early: read it first"), "{}", console.text());
}

#[test]
fn a_reason_that_is_typed_after_the_field_was_read_is_taken_and_esc_leaves_at_any_time() {
    let (mut console, plan) = awaited();
    console.plan(30, plan.clone());
    console.typed("nobody answers");
    assert_eq!(alone(&console.key(140, KeyCode::Enter)), Some("nobody answers"));

    let (mut console, _) = awaited();
    console.plan(30, plan);
    assert_eq!(alone(&console.key(5, KeyCode::Esc)), Some("left before it was approved: up 7"));
    assert!(console.text().contains("left: nothing was run"), "{}", console.text());
}

//! Random hands: whatever is pressed, held, released and pasted, a yes was given
//! deliberately to the plan on the screen, and once.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use lockkeeper::app::overlay::confirm::{Content, Need, Reply};
use lockkeeper::domain::plan::{Answer, Hash};
use proptest::prelude::*;

use super::{Driven, char, content, ms, press};

#[derive(Clone, Debug)]
enum Act {
    Key(KeyCode, KeyEventKind),
    Paste,
    NewPlan,
}

/// Gaps around every threshold.
fn gap() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => prop::sample::select(vec![0, 1, 5, 29, 30, 31]),
        3 => prop::sample::select(vec![33, 120, 250, 499, 500, 501]),
        2 => prop::sample::select(vec![660, 1_000, 1_999, 2_000, 2_500]),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let codes = "yyyshopu".chars().map(KeyCode::Char).chain([KeyCode::Enter, KeyCode::Backspace]);
    let code = prop::sample::select(codes.collect::<Vec<_>>());
    let kind = prop_oneof![
        6 => Just(KeyEventKind::Press),
        1 => Just(KeyEventKind::Repeat),
        2 => Just(KeyEventKind::Release),
    ];
    prop_oneof![
        20 => (code, kind).prop_map(|(code, kind)| Act::Key(code, kind)),
        1 => Just(Act::Paste),
        1 => Just(Act::NewPlan),
    ]
}

fn script() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let random = prop::collection::vec((gap(), act()), 0..40);
    // A typed word in a row, or random keys would hardly ever come near one.
    let word = prop::collection::vec(gap(), 5).prop_map(|gaps| {
        let codes = "shop".chars().map(KeyCode::Char).chain([KeyCode::Enter]);
        let acts = codes.map(|code| Act::Key(code, KeyEventKind::Press));
        gaps.into_iter().zip(acts).collect::<Vec<_>>()
    });
    prop::collection::vec(prop_oneof![random, word], 1..4).prop_map(|parts| parts.concat())
}

/// What happened, for judging a yes without the dialog's own state.
struct Log {
    events: Vec<(Instant, Act)>,
    /// When the plan on the screen appeared.
    shown: Instant,
    hash: String,
}

impl Log {
    /// The last thing that came before event `at` and was no release.
    fn before(&self, at: usize) -> Option<(usize, Instant, KeyCode)> {
        let earlier = self.events[..at].iter().enumerate().rev();
        earlier.into_iter().find_map(|(index, (time, act))| match act {
            Act::Key(code, kind) if *kind != KeyEventKind::Release => Some((index, *time, *code)),
            Act::Paste => Some((index, *time, KeyCode::Null)),
            _ => None,
        })
    }

    /// Whether the key at `at` is a press after a silence or a release.
    fn deliberate(&self, at: usize) -> bool {
        let (time, Act::Key(code, KeyEventKind::Press)) = &self.events[at] else { return false };
        let Some((index, earlier, last)) = self.before(at) else { return true };
        let gap = *time - earlier;
        let released = self.events[index..at]
            .iter()
            .any(|(_, act)| matches!(act, Act::Key(code, KeyEventKind::Release) if *code == last));
        let silence = if last == *code { ms(2_000) } else { ms(500) };
        gap >= silence || (released && gap >= ms(30))
    }

    fn armed(&self, at: usize) -> bool {
        self.events[at].0 >= self.shown + ms(500)
    }

    /// Whether the events that end at `at` hold the word typed after the plan
    /// was shown, its first letter deliberate, and a pressed Enter of its own.
    fn typed(&self, at: usize) -> bool {
        let (time, Act::Key(KeyCode::Enter, KeyEventKind::Press)) = &self.events[at] else {
            return false;
        };
        let own = self.before(at).is_none_or(|(_, earlier, _)| *time - earlier >= ms(30));
        let pressed = |from: usize, c: char| {
            (from..at).find(|index| {
                let (_, act) = &self.events[*index];
                matches!(act, Act::Key(KeyCode::Char(key), KeyEventKind::Press) if *key == c)
                    && self.armed(*index)
            })
        };
        let starts = (0..at).filter(|index| {
            matches!(self.events[*index].1, Act::Key(KeyCode::Char('s'), KeyEventKind::Press))
        });
        let word =
            |start: usize| "hop".chars().try_fold(start, |from, c| pressed(from + 1, c)).is_some();
        own && starts
            .into_iter()
            .any(|start| self.armed(start) && self.deliberate(start) && word(start))
    }
}

/// Runs `script` and returns its yeses, each judged, and the dialog after it.
fn run(need: &Need, script: &[(u64, Act)]) -> (Vec<bool>, Driven) {
    let mut driven = Driven::open(need.clone());
    let opener = Act::Key(KeyCode::Char('u'), KeyEventKind::Press);
    let mut log = Log {
        events: vec![(driven.opened, opener)],
        shown: driven.opened,
        hash: super::HASH.into(),
    };
    let mut yeses = Vec::new();
    for (gap, act) in script {
        let at = driven.wait(*gap);
        log.events.push((at, act.clone()));
        let reply = step(&mut driven, &mut log, act, at, need);
        if let Reply::Yes(answer) = reply {
            yeses.push(is_right(&log, &answer));
        }
    }
    (yeses, driven)
}

fn step(driven: &mut Driven, log: &mut Log, act: &Act, at: Instant, need: &Need) -> Reply {
    match act {
        Act::Key(code, kind) => driven.dialog.on_key(&KeyEvent { kind: *kind, ..press(*code) }, at),
        Act::Paste => {
            driven.dialog.on_paste(at);
            Reply::Open
        }
        Act::NewPlan => {
            log.hash = format!("{}0", log.hash);
            log.shown = at;
            let hash = Hash::new(log.hash.clone());
            driven.dialog.update(Content { hash, ..content(need.clone()) }, at);
            driven.paint();
            Reply::Open
        }
    }
}

fn is_right(log: &Log, answer: &Answer) -> bool {
    let last = log.events.len() - 1;
    match answer {
        Answer::Key(hash) => {
            let key = matches!(log.events[last].1, Act::Key(KeyCode::Char('y'), _));
            key && hash.as_str() == log.hash && log.armed(last) && log.deliberate(last)
        }
        Answer::Typed(hash, token) => {
            token == "shop" && hash.as_str() == log.hash && log.typed(last)
        }
        Answer::Script(_) => false,
    }
}

/// Gives the dialog what it needs, as a careful person would.
fn give(driven: &mut Driven, need: &Need) -> Reply {
    match need {
        Need::Key(c) => driven.key(2_500, char(*c)),
        Need::Typed(token) => {
            let clear = KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL);
            driven.key(2_500, clear);
            driven.type_text(token);
            driven.key(200, press(KeyCode::Enter))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn every_yes_was_deliberate_and_given_once(
        script in script(),
        need in prop::sample::select(vec![Need::Key('y'), Need::Typed("shop".into())]),
    ) {
        let (yeses, mut driven) = run(&need, &script);
        prop_assert!(yeses.len() <= 1, "confirmed {} times", yeses.len());
        prop_assert!(yeses.iter().all(|right| *right));
        let confirmed = matches!(give(&mut driven, &need), Reply::Yes(_));
        prop_assert_eq!(confirmed, yeses.is_empty(), "a careful yes is heard, unless it was given");
    }
}

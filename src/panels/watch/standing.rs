//! How things stand: the verdict, or why there is none.

use super::super::Scene;
use super::block::{Block, Row, said};
use crate::domain::age;
use crate::domain::untrusted::Untrusted;
use crate::domain::verdict::{Level, Verdict};
use crate::ui::theme::Tone;

/// Returns the verdict with its word and symbol.
pub(super) fn block(scene: &Scene<'_>) -> Block {
    match &scene.facts.verdict {
        Some(verdict) => judged(verdict, scene),
        None => unknown(scene),
    }
}

fn judged(verdict: &Verdict, scene: &Scene<'_>) -> Block {
    let (word, tone) = match verdict.level {
        Level::Ok => ("OK", Tone::Ok),
        Level::Warn => ("LOOK", Tone::Warn),
        Level::Alarm => ("ALARM", Tone::Alarm),
    };
    match scene.facts.stale() {
        None => block_of(label(word, tone), vec![(verdict.text.clone(), Tone::Strong)]),
        Some(age) => {
            let then = format!("{} ago {word}: {}", age::clock(age), verdict.text);
            let now = "how things stand now cannot be told".to_owned();
            let lines = vec![(then, Tone::Strong), (now, Tone::Warn)];
            block_of(label("STALE", Tone::Warn), lines)
        }
    }
}

fn block_of(label: (String, Tone), lines: Vec<(String, Tone)>) -> Block {
    Block { label, lines: lines.into_iter().map(Row::Wrapped).collect(), rank: 0, close: false }
}

/// A calm skeleton until the first answer.
fn unknown(scene: &Scene<'_>) -> Block {
    let target = &scene.facts.target;
    let shown = |text: &str| Untrusted::from(text).one_line();
    let (database, place, role) =
        (shown(&target.database), shown(&target.place), shown(&target.role));
    let wanted = format!("{database} @ {place} as {role}");
    let errors = [scene.facts.identity.error(), scene.facts.snapshot.error()];
    let Some(error) = errors.into_iter().flatten().next() else {
        let lines = vec![said(format!("connecting to {wanted}…"), Tone::Plain)];
        return Block { label: (String::new(), Tone::Dim), lines, rank: 0, close: false };
    };
    let lines = vec![
        Row::Wrapped((shown(error), Tone::Warn)),
        said(format!("trying again by itself: {wanted}"), Tone::Dim),
    ];
    Block { label: label("NO DATA", Tone::Warn), lines, rank: 0, close: false }
}

fn label(word: &str, tone: Tone) -> (String, Tone) {
    (format!("{} {word}", tone.symbol()), tone)
}

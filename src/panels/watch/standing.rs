//! How things stand: the verdict, or why there is none.

use super::super::{Scene, who};
use super::block::{Block, Row, said};
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
    let mut lines = vec![Row::Wrapped((verdict.text.clone(), Tone::Strong))];
    if let Some(age) = who::staleness(scene.facts) {
        let doubt = format!("{age}: how things stand now cannot be told");
        lines.push(said(doubt, Tone::Warn));
    }
    Block { label: label(word, tone), lines, rank: 0, close: false }
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

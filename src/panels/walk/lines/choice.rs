//! What can be answered: one below the other where there is room, else folded into few rows.

use super::Page;
use crate::panels::walk::answers::{self, Answer};
use crate::session::walk::{Phase, Walk};
use crate::ui::text;
use crate::ui::theme::Tone;
use crate::ui::widgets::pairs::Pair;

const SUGGESTION: &str = "suggestion";

/// Returns what the evidence speaks for, in plain type, and the answers, none preselected;
/// nothing while no question stands.
pub(super) fn of(walk: &Walk) -> (Option<Pair>, Vec<Answer>) {
    if *walk.phase() != Phase::Deciding {
        return (None, Vec::new());
    }
    let all = answers::of(walk);
    let named = all.iter().find(|one| walk.suggestion() == Some(one.id.as_str()));
    let text = named.map_or_else(
        || "none: the evidence speaks for no answer".to_owned(),
        |one| format!("{} ({})", one.label, one.key),
    );
    (Some(Pair::new(SUGGESTION, text)), all)
}

/// Returns each answer with where it leads.
pub(super) fn long(answers: &[Answer]) -> Vec<Pair> {
    let line = |one: &Answer| Pair::new(one.key.to_string(), format!("{} → {}", one.label, one.to));
    answers.iter().map(line).collect()
}

/// Returns the suggestion and the answers of a page in as few rows as `width` cells allow.
#[must_use]
pub fn brief(page: &Page, width: usize) -> Vec<Pair> {
    let room = width.saturating_sub(text::width(SUGGESTION) + 2);
    let mut rows: Vec<String> = Vec::new();
    for one in &page.answers {
        let item = format!("{} {}", one.key, one.label);
        match rows.last_mut().filter(|row| text::width(row) + 3 + text::width(&item) <= room) {
            Some(row) => *row = format!("{row}   {item}"),
            None => rows.push(item),
        }
    }
    let answers = Pair::new("answers", rows.join("\n")).tone(Tone::Strong);
    page.suggestion.iter().cloned().chain([answers]).collect()
}

//! Confirming a plan by a typed line: the same words and the same needs as the dialog.

use crate::app::confirm::rows;
use crate::domain::plan::{Answer, Need, Plan};
use crate::domain::untrusted::Untrusted;
use crate::session::confirm::Pending;
use crate::session::machine::Second;

/// The line that confirms what can lose nothing.
const YES: &str = "y";

/// What a typed line says to the plan that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing runs.
    Leave,
    /// It is not what was asked for; the plan is still shown.
    Again(String),
    /// Run exactly this plan.
    Yes(Answer),
}

/// Returns the plan in lines, as the dialog shows it.
#[must_use]
pub fn lines(plan: &Plan) -> Vec<String> {
    let title = Untrusted::from(plan.preview.title.as_str()).one_line();
    let mut lines = vec![format!("On {}: {title}", plan.place())];
    for row in rows(plan) {
        for (at, line) in row.value.lines().enumerate() {
            let label = if at == 0 { row.label.as_str() } else { "" };
            lines.push(format!("  {label:<8} {line}").trim_end().to_owned());
        }
    }
    lines.push(format!("  {:<8} {}", "plan", plan.hash()));
    lines
}

/// Returns what waits for a second person, in lines.
#[must_use]
pub fn waits(second: &Second) -> Vec<String> {
    let mut lines = lines(second.plan());
    let (needed, given) = second.count();
    lines.push(format!(
        "  {:<8} policy asks for {needed} more than you, {given} approved: `lockkeeper approve` in \
         their terminal; alone: say why, the report shows it in red",
        "waits"
    ));
    lines
}

/// Returns what has to be typed.
#[must_use]
pub fn question(pending: &Pending) -> String {
    match pending.need() {
        Need::Nothing | Need::Key => {
            format!("Type {YES} to run it; anything else leaves, and runs nothing: ")
        }
        Need::Typed(token) => {
            format!("Type {} to run it; an empty line leaves, and runs nothing: ", shown(&token))
        }
    }
}

/// Returns what `text` says to the plan that is shown. Enter alone never confirms.
#[must_use]
pub fn reply(pending: &Pending, text: &str) -> Reply {
    let hash = pending.hash().clone();
    match pending.need() {
        Need::Nothing | Need::Key if text == YES => Reply::Yes(Answer::Key(hash)),
        Need::Nothing | Need::Key => Reply::Leave,
        Need::Typed(_) if text.is_empty() => Reply::Leave,
        Need::Typed(token) if text == token => Reply::Yes(Answer::Typed(hash, token)),
        Need::Typed(token) => Reply::Again(format!(
            "\"{}\" is not \"{}\"{}: nothing was run",
            shown(text),
            shown(&token),
            why(text, &token)
        )),
    }
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

fn why(typed: &str, token: &str) -> &'static str {
    if typed.trim() == token {
        " (spaces count)"
    } else if typed.to_lowercase() == token.to_lowercase() {
        " (capitals count)"
    } else {
        ""
    }
}

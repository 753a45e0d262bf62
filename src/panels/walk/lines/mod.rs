//! What is said of the step: why, what it does, what was read, what is possible now.

mod act;
mod evidence;
mod now;
mod weighed;
mod what;

use crate::domain::evidence::{Claim, Expect};
use crate::domain::runbook::Kind;
use crate::domain::untrusted::Untrusted;
use crate::panels::Scene;
use crate::session::walk::{End, Phase, Walk};
use crate::ui::theme::Tone;
use crate::ui::widgets::pairs::Pair;

/// Returns what can be begun, and how it goes.
#[must_use]
pub fn nothing() -> Vec<Pair> {
    vec![
        Pair::new("", "No runbook is being walked.").tone(Tone::Strong),
        Pair::new(
            "m",
            "begins migrate: it looks whether the database is fit for a migration, runs the pending ones one at a time, then looks whether all is well.",
        ),
        Pair::new(
            "",
            "What a probe can tell ticks itself (◉); what only a person can tell is vouched for (☑). What cannot be told stops, and never passes.",
        ),
        Pair::new(
            "",
            "Each act shows its plan first and waits for your yes. Pause, stop after a step, cancel and abandon each have their own key.",
        ),
        Pair::new(
            "",
            "Everything is recorded; after a crash, lockkeeper resume goes on where it was.",
        )
        .tone(Tone::Dim),
    ]
}

/// Returns the answers given so far, and the question that stands: `half done? no ▸ data
/// damaged? no ▸ way down safe?`; `None` before the first question.
#[must_use]
pub fn path(walk: &Walk) -> Option<String> {
    let title = |id: &str| {
        let id = id.rsplit('/').next().unwrap_or(id);
        walk.book().step(id).map_or_else(|| id.to_owned(), |step| step.title.clone())
    };
    let answered = walk.path().iter().map(|one| format!("{} {}", title(&one.step), one.answer));
    let mut parts: Vec<String> = answered.collect();
    let asks = matches!(walk.current().kind, Kind::Decide(_)) && walk.end().is_none();
    if parts.is_empty() && !asks {
        return None;
    }
    if walk.end().is_none() {
        parts.push(walk.current().title.clone());
    }
    Some(shown(&parts.join(" ▸ ")))
}

/// Returns everything about the current step, or about the end.
#[must_use]
pub fn of(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    if let Some(end) = walk.end() {
        return ended(end, scene);
    }
    if let Phase::Undo(why) = walk.phase() {
        return act::undo(walk, why.as_deref());
    }
    let about = about(walk, scene);
    let mut now = now::phase(walk, scene);
    now.extend(now::offers(walk));
    let is_urgent = walk.failure().is_some()
        || matches!(walk.phase(), Phase::Denied { .. } | Phase::Acting | Phase::Watching);
    // What went wrong, and how long it is watched, must be seen on the smallest screen.
    let (first, second) = if is_urgent { (now, about) } else { (about, now) };
    first.into_iter().chain(second).chain(what::replaced(walk)).collect()
}

/// Returns what the step is, and what was read for it.
fn about(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let step = walk.current();
    let mut lines = Vec::new();
    if let Some(handed) = walk.handed().filter(|_| walk.is_paused()) {
        let note = shown(&format!("{} to {}: {}", handed.from, handed.to, handed.note));
        lines.push(Pair::new("handed over", note).tone(Tone::Accent));
    }
    lines.extend(act::due(walk));
    lines.extend(step.why.as_ref().map(|why| Pair::new("why", why.clone())));
    lines.extend(named(walk));
    lines.extend(what::what(walk, scene));
    match &step.kind {
        Kind::Decide(decide) => lines.extend(evidence::decision(decide, walk, scene)),
        _ => lines.extend(evidence::evidence(walk, scene)),
    }
    lines
}

/// Returns the people and the pages that the step names.
fn named(walk: &Walk) -> Vec<Pair> {
    let people = walk.people().into_iter().map(|line| Pair::new("call", shown(&line)));
    let links = walk.links().into_iter().map(|line| Pair::new("link", shown(&line)));
    people.chain(links).collect()
}

fn ended(end: &End, scene: &Scene<'_>) -> Vec<Pair> {
    let (text, tone) = match end {
        End::Completed => {
            ("✓ completed: every step that applies passed or was skipped".to_owned(), Tone::Ok)
        }
        End::Abandoned { reason } => (format!("▲ abandoned: {}", shown(reason)), Tone::Warn),
        End::Escalated { question } => {
            (format!("▲ escalated: nobody could tell: {}", shown(question)), Tone::Warn)
        }
    };
    let run = scene.session.run().unwrap_or("unknown");
    let mut lines = vec![Pair::new("end", text).tone(tone)];
    if *end != End::Completed {
        lines.extend(call(&scene.facts.target.contacts));
    }
    lines.extend([
        Pair::new(
            "journal",
            format!(
                "run {run}; the panel Journal shows it, lockkeeper journal show {run} prints it"
            ),
        ),
        Pair::new("m", "begins migrate anew"),
    ]);
    lines
}

/// Returns whom to call.
fn call(contacts: &[String]) -> Vec<Pair> {
    if contacts.is_empty() {
        let text = "nobody is named: fill in [contacts] of lockkeeper.toml";
        return vec![Pair::new("call", text).tone(Tone::Warn)];
    }
    contacts.iter().map(|line| Pair::new("call", shown(line)).tone(Tone::Strong)).collect()
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

fn expected(claim: &Claim, walk: &Walk) -> Expect {
    claim.expect.resolved(walk)
}

fn section(walk: &Walk, id: &str) -> String {
    walk.book().section(id).map_or_else(|| id.to_owned(), |section| section.title.clone())
}

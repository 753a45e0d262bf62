//! What is said of the step: why, what it does, what was read, what is possible now.

mod act;
mod choice;
mod evidence;
mod now;
mod weighed;
mod what;

pub use choice::brief;

use crate::domain::evidence::{Claim, Expect};
use crate::domain::runbook::{Decide, Kind};
use crate::domain::untrusted::Untrusted;
use crate::panels::Scene;
use crate::panels::walk::answers::Answer;
use crate::session::walk::{End, Phase, Walk};
use crate::ui::theme::{Tone, symbol};
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

/// Returns what was read for the question that stands, label by label, in words that also the
/// line mode prints.
#[must_use]
pub fn weighed(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    weighed::found(walk, scene)
}

/// Stands between two questions of the way.
pub const STEP: &str = " ▸ ";

/// Returns the answers given so far, and the question that stands: `half done? no ▸ data
/// damaged? no ▸ way down safe?`; `None` before the first question.
#[must_use]
pub fn path(walk: &Walk) -> Option<String> {
    let title = |name: &str| walk.titled(name).unwrap_or(name).to_owned();
    let answered = walk.path().iter().map(|one| format!("{} {}", title(&one.step), one.answer));
    let mut parts: Vec<String> = answered.collect();
    let asks = matches!(walk.current().kind, Kind::Decide(_)) && walk.end().is_none();
    if parts.is_empty() && !asks {
        return None;
    }
    if walk.end().is_none() {
        parts.push(walk.current().title.clone());
    }
    Some(shown(&parts.join(STEP)))
}

/// Everything about a step, in the order in which it is read.
#[derive(Debug, Default)]
pub struct Page {
    /// What the step is, what was read, and where it stands.
    pub weighed: Vec<Pair>,
    /// What the evidence speaks for, while a question stands.
    pub suggestion: Option<Pair>,
    /// What can be answered.
    pub answers: Vec<Answer>,
    /// What can be read at leisure.
    pub rest: Vec<Pair>,
}

impl Page {
    /// Returns all of it, each answer with where it leads.
    #[must_use]
    pub fn whole(&self) -> Vec<Pair> {
        let mut all = self.weighed.clone();
        all.extend(self.suggestion.clone());
        all.extend(choice::long(&self.answers));
        all.extend(self.rest.iter().cloned());
        all
    }
}

/// Returns everything about the current step, or about the end.
#[must_use]
pub fn of(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    page(walk, scene).whole()
}

/// Returns everything about the current step, or about the end, part by part.
#[must_use]
pub fn page(walk: &Walk, scene: &Scene<'_>) -> Page {
    let only = |weighed| Page { weighed, ..Page::default() };
    if let Some(end) = walk.end() {
        return only(ended(end, walk, scene));
    }
    if let Some(end) = walk.ending() {
        return only(act::undo(walk, end, scene));
    }
    if let Kind::Decide(decide) = &walk.current().kind {
        return question(decide, walk, scene);
    }
    let about = about(walk, scene);
    let mut now = now::phase(walk, scene);
    now.extend(now::offers(walk));
    let is_urgent = walk.failure().is_some()
        || matches!(walk.phase(), Phase::Denied { .. } | Phase::Acting | Phase::Watching);
    // What went wrong, and how long it is watched, must be seen on the smallest screen.
    let (first, second) = if is_urgent { (now, about) } else { (about, now) };
    only(first.into_iter().chain(second).chain(what::replaced(walk)).collect())
}

/// Returns a question: the evidence, the suggestion, the answers; then why it is asked.
fn question(decide: &Decide, walk: &Walk, scene: &Scene<'_>) -> Page {
    let mut weighed = before(walk);
    weighed.extend(evidence::decision(decide, walk, scene));
    weighed.extend(now::phase(walk, scene));
    weighed.extend(now::offers(walk));
    let (suggestion, answers) = choice::of(walk);
    let why = walk.current().why.as_ref().map(|why| Pair::new("why", why.clone()));
    let rest = why.into_iter().chain(named(walk)).chain(what::replaced(walk)).collect();
    Page { weighed, suggestion, answers, rest }
}

/// Returns what stands above every step: who handed the run over, and what is due.
fn before(walk: &Walk) -> Vec<Pair> {
    let mut lines = Vec::new();
    if let Some(handed) = walk.handed().filter(|_| walk.is_paused()) {
        let note = shown(&format!("{} to {}: {}", handed.from, handed.to, handed.note));
        lines.push(Pair::new("handed over", note).tone(Tone::Accent));
    }
    lines.extend(act::due(walk));
    lines
}

/// Returns what the step is, and what was read for it.
fn about(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let step = walk.current();
    let mut lines = before(walk);
    lines.extend(step.why.as_ref().map(|why| Pair::new("why", why.clone())));
    lines.extend(named(walk));
    lines.extend(what::what(walk, scene));
    lines.extend(evidence::evidence(walk, scene));
    lines
}

/// Returns the people and the pages that the step names.
fn named(walk: &Walk) -> Vec<Pair> {
    let people = walk.people().into_iter().map(|line| Pair::new("call", shown(&line)));
    let links = walk.links().into_iter().map(|line| Pair::new("link", shown(&line)));
    people.chain(links).collect()
}

fn ended(end: &End, walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
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
    lines.extend(walk.left_open().map(|left| {
        let label = format!("{} not undone", symbol::WARN);
        Pair::new(label, shown(left)).tone(Tone::Warn)
    }));
    if *end != End::Completed {
        lines.extend(call(&scene.facts.target.contacts));
    }
    lines.extend([
        Pair::new(
            "journal",
            format!(
                "run {run}; the panel Journal (8) shows it and writes its report (w), lockkeeper journal show {run} prints it"
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

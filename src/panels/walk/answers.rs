//! The answers of a question, in the order in which keys, footer and page name them.

use crate::domain::runbook::{Goto, Kind};
use crate::domain::untrusted::Untrusted;
use crate::session::walk::{CANNOT_TELL, Walk};

/// One answer that can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The key that gives it.
    pub key: char,
    /// What it is called in the runbook.
    pub id: String,
    /// What it is called for people.
    pub label: String,
    /// Where it leads.
    pub to: String,
}

/// Returns what can be answered to the current step: what the evidence speaks for, then that
/// nobody can tell, then the rest in the runbook's order. What is cut off on a small screen is
/// never one of the first two. Nothing if the step asks no question.
#[must_use]
pub fn of(walk: &Walk) -> Vec<Answer> {
    let Kind::Decide(decide) = &walk.current().kind else { return Vec::new() };
    let one = |key, id: &str, label: &str, to: String| Answer {
        key,
        id: id.to_owned(),
        label: label.to_owned(),
        to,
    };
    let whom = walk.whom_to_call().first();
    let whom = whom
        .map_or_else(|| "a person".to_owned(), |first| Untrusted::from(first.as_str()).one_line());
    let unknown = one('u', CANNOT_TELL, "cannot tell", format!("{whom}: the run ends here"));
    let answers = &decide.answers;
    let given = answers.iter().map(|it| one(it.key, &it.id, &it.label, goto(&it.goto, walk)));
    let mut all: Vec<Answer> = std::iter::once(unknown).chain(given).collect();
    let suggested = walk.suggestion();
    all.sort_by_key(|answer| suggested != Some(answer.id.as_str()));
    all
}

fn goto(goto: &Goto, walk: &Walk) -> String {
    match goto {
        Goto::Section(id) => {
            walk.book().section(id).map_or_else(|| id.clone(), |section| section.title.clone())
        }
        Goto::Next => "the next step".to_owned(),
        Goto::End => "the end".to_owned(),
        Goto::Escalate => "a person".to_owned(),
    }
}

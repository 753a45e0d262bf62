//! What an act has opened and somebody has to close again, e.g. a maintenance mode: due from
//! the moment the act is done, and named until it is undone or refused with a reason.

use serde_json::{Value, json};

use crate::domain::journal::Kind as Recorded;
use crate::domain::outcome::Outcome;
use crate::domain::plan::{Plan, Risk};
use crate::domain::runbook::{Act, Action, Kind};
use crate::session::effect::{Request, Tone};
use crate::session::preview::NO_WAY_BACK;

use super::enter::request;
use super::moves::bad;
use super::{End, Phase, Walk, Want};

/// How the record of an undoing says that it was refused.
const REFUSED: &str = "refused";

/// The undoing of an act that was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// The name of the act's step in the records.
    pub step: String,
    /// The step's title.
    pub title: String,
    /// What brings the former state back.
    pub action: Action,
}

impl Walk {
    /// Returns what is to be undone still, the last first.
    pub fn due(&self) -> impl Iterator<Item = &Due> {
        self.due.iter().rev()
    }

    /// Returns what was left as it is, each with its reason.
    pub fn left_open(&self) -> impl Iterator<Item = &str> {
        self.left_open.iter().map(String::as_str)
    }

    /// Says in a plan what the runbook undoes its act with, or that it undoes one itself: SQL
    /// and commands do not say that of themselves.
    pub(in crate::session) fn tells_way_back(&self, plan: &mut Plan) {
        let Some(act) = self.act() else { return };
        self.tells_way_back_of(&self.here(), act, plan);
    }

    /// The same for the act of a step that lies ahead.
    pub(super) fn tells_way_back_of(&self, step: &str, act: &Act, plan: &mut Plan) {
        let undone = match &act.action {
            _ if self.ending.is_some() => self.due.last(),
            Action::UndoOf(step) => self.undoing(step),
            _ => None,
        };
        let words = match (undone, &act.undo) {
            (Some(due), _) => format!("none is needed: it undoes {}", due.title),
            (None, Some(undo)) => match request(step, undo, Risk::Safe, self) {
                Ok(request) => format!("{}; due until it is done", words(&request)),
                Err(why) => format!("unknown: {why}"),
            },
            (None, None) => return,
        };
        plan.preview.back = plan.preview.back.replace(NO_WAY_BACK, &words);
    }

    /// Returns how the run ends once nothing is due any more; `None`: it does not end yet.
    #[must_use]
    pub fn ending(&self) -> Option<&End> {
        self.ending.as_ref()
    }

    /// Notes that the current step's act is done: its undoing is due from now on.
    pub(super) fn opens(&mut self) {
        let Some(act) = self.act() else { return };
        if let Action::UndoOf(step) = &act.action {
            let step = self.qualified(step);
            self.due.retain(|due| due.step != step);
        } else if let Some(action) = act.undo.clone() {
            let (step, title) = (self.here(), self.current().title.clone());
            self.due.retain(|due| due.step != step);
            self.due.push(Due { step, title, action });
        }
    }

    /// Returns what undoes the act of that step of the runbook that is walked now, if it is due.
    #[must_use]
    pub fn undoing(&self, step: &str) -> Option<&Due> {
        let step = self.qualified(step);
        self.due.iter().find(|due| due.step == step)
    }

    /// Returns false for a step that undoes what was never done.
    pub(super) fn is_due(&self) -> bool {
        match &self.current().kind {
            Kind::Act(act) => match &act.action {
                Action::UndoOf(step) => self.undoing(step).is_some(),
                _ => true,
            },
            _ => true,
        }
    }

    /// Holds the end of the run back until nothing is due.
    pub(super) fn ends_later(&mut self, end: End) -> Vec<Want> {
        let text = "the run ends when what it has opened is undone, or refused with a reason";
        let mut wants = vec![
            self.record(Recorded::Note, json!({ "text": text, "ending": end })),
            Want::Say(Tone::Bad, text.to_owned()),
        ];
        self.ending = Some(end);
        (self.paused, self.stop_after) = (false, false);
        wants.extend(self.wait(Phase::Undo(None)));
        wants
    }

    /// Plans what is due last.
    pub(super) fn plan_undo(&mut self) -> Vec<Want> {
        let Some(due) = self.due.last() else { return self.all_undone() };
        let risk = due.action.least_risk().max(Risk::Safe);
        match request(&due.step, &due.action, risk, self) {
            Ok(request) => {
                let step = due.step.clone();
                self.phase = Phase::Acting;
                vec![Want::Preview { step, request }]
            }
            Err(why) => self.wait(Phase::Undo(Some(why))),
        }
    }

    /// Leaves undone what is due last, for a reason.
    pub(super) fn refuse_undo(&mut self, reason: &str) -> Vec<Want> {
        if reason.trim().is_empty() {
            return vec![bad("say why it is not undone: the report needs it")];
        }
        let Some(due) = self.due.pop() else { return self.all_undone() };
        let left = format!("{}: {}", due.title, reason.trim());
        let mut wants = vec![Self::undo_record(&due, &format!("not undone: {left}"), REFUSED)];
        self.left_open.push(left);
        wants.extend(self.all_undone());
        wants
    }

    /// The plan of an undoing was left, or cannot be made.
    pub(super) fn undo_stays(&mut self, why: Option<String>) -> Vec<Want> {
        self.wait(Phase::Undo(why))
    }

    /// An undoing has ended.
    pub(super) fn undo_performed(&mut self, outcome: &Outcome) -> Vec<Want> {
        if !outcome.ending.goes_on() {
            let why = format!("{}: {}", outcome.ending.word(), outcome.message.one_line());
            return self.wait(Phase::Undo(Some(why)));
        }
        self.is_undone("undone")
    }

    /// There is nothing left to undo of what is due last.
    pub(super) fn is_undone(&mut self, how: &str) -> Vec<Want> {
        let Some(due) = self.due.pop() else { return self.all_undone() };
        let text = format!("{how}: {}", due.title);
        let mut wants = vec![Self::undo_record(&due, &text, "done")];
        wants.extend(self.all_undone());
        wants
    }

    /// Ends the run if nothing is due any more.
    fn all_undone(&mut self) -> Vec<Want> {
        if !self.due.is_empty() {
            return self.wait(Phase::Undo(None));
        }
        match self.ending.take() {
            Some(end) => self.finish(end),
            None => Vec::new(),
        }
    }

    fn undo_record(due: &Due, text: &str, undo: &str) -> Want {
        let data = json!({ "text": text, "undo": undo });
        Want::Record(
            crate::domain::journal::Entry::new(Recorded::Note, data).at_step(due.step.clone()),
        )
    }

    /// Takes from a record what was due after it.
    pub(super) fn recall_due(&mut self, step: &str, data: &Value) {
        if let Ok(end) = serde_json::from_value::<End>(data["ending"].clone()) {
            self.ending = Some(end);
        }
        if data["undo"].is_string() {
            self.due.retain(|due| due.step != step);
        }
        if data["undo"] == REFUSED {
            let text = data["text"].as_str().unwrap_or_default();
            self.left_open.push(text.trim_start_matches("not undone: ").to_owned());
        }
    }

    /// Takes that an act of a step was done: what undoes it is due.
    pub(super) fn recall_opened(&mut self, name: &str) {
        let (book, id) = name.split_once('/').unwrap_or(("", name));
        let books = std::iter::once(&self.book).chain(self.library.values());
        let mut books = books.filter(|one| book.is_empty() || one.id == book);
        let Some(step) = books.find_map(|one| one.step(id)) else { return };
        let Kind::Act(act) = &step.kind else { return };
        if let Action::UndoOf(opened) = &act.action {
            let opened = name
                .rsplit_once('/')
                .map_or_else(|| opened.clone(), |(book, _)| format!("{book}/{opened}"));
            self.due.retain(|due| due.step != opened);
        } else if let Some(action) = act.undo.clone() {
            self.due.retain(|due| due.step != name);
            let due = Due { step: name.to_owned(), title: step.title.clone(), action };
            self.due.push(due);
        }
    }
}

/// Returns what a request runs, in short.
fn words(request: &Request) -> String {
    match request {
        Request::Command { argv, .. } => argv.join(" "),
        Request::Sql { text, .. } | Request::Bound { text, .. } => text.trim().to_owned(),
        Request::Http { job, .. } => format!("{} {}", job.method, job.url),
        _ => "the runbook's own act".to_owned(),
    }
}

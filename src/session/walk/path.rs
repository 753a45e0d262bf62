//! The way through the sections.
//!
//! The main line is the sections in the order of the file. A section that an answer or a
//! scenario leads to is a branch: it is entered only that way, and its end is the run's end.

use crate::domain::evidence::Verdict;
use crate::domain::runbook::{Goto, Runbook};

use super::{End, Status, Walk, Want};

/// Returns the index of the section where a run begins.
pub(super) fn entry(book: &Runbook) -> usize {
    book.sections.iter().position(|section| section.id == book.entry).unwrap_or(0)
}

impl Walk {
    /// Notes what became of the current step and goes where `goto` leads.
    pub(super) fn take(&mut self, status: Status, goto: Goto) -> Vec<Want> {
        let mut wants = self.close_step(status);
        wants.extend(self.lead(goto));
        wants
    }

    /// Goes where `goto` leads.
    pub(super) fn lead(&mut self, goto: Goto) -> Vec<Want> {
        match goto {
            Goto::Next => self.advance(),
            Goto::End => self.runbook_ends(),
            Goto::Escalate => {
                let question = self.question();
                self.finish(End::Escalated { question })
            }
            Goto::Section(id) => self.jump(&id),
        }
    }

    /// Notes what became of the current step and goes to the next one.
    pub(super) fn leave(&mut self, status: Status) -> Vec<Want> {
        self.take(status, Goto::Next)
    }

    fn close_step(&mut self, status: Status) -> Vec<Want> {
        let want = self.record_status(&status);
        self.ended(self.here(), status);
        if self.stop_after {
            self.stop_after = false;
            self.paused = true;
        }
        vec![want]
    }

    pub(super) fn ended(&mut self, step: String, status: Status) {
        *self.rounds.entry(step.clone()).or_default() += 1;
        self.statuses.insert(step, status);
    }

    /// Goes to the beginning of a section.
    pub(super) fn jump(&mut self, id: &str) -> Vec<Want> {
        match self.book.sections.iter().position(|section| section.id == id) {
            Some(at) => {
                self.section = at;
                self.step = 0;
                self.enter()
            }
            None => vec![super::moves::bad(format!("the runbook has no section {id}"))],
        }
    }

    /// Goes behind the current step.
    pub(super) fn advance(&mut self) -> Vec<Want> {
        if self.step + 1 < self.section().steps.len() {
            self.step += 1;
            return self.enter();
        }
        match self.next_section() {
            Some(at) => {
                self.section = at;
                self.step = 0;
                self.enter()
            }
            None => self.comes_back(),
        }
    }

    fn next_section(&self) -> Option<usize> {
        if self.book.is_branch(&self.section().id) {
            return None;
        }
        (self.section + 1..self.book.sections.len())
            .find(|at| !self.book.is_branch(&self.book.sections[*at].id))
    }

    /// Takes the current step if it applies here, else the one after it.
    pub(super) fn enter(&mut self) -> Vec<Want> {
        let mut wants = Vec::new();
        if self.applies() {
            wants.push(self.record_step());
            self.entered = self.now;
            self.done.clear();
            self.attempts = 0;
            wants.extend(self.enter_step());
            return wants;
        }
        wants.extend(self.close_step(Status::NotHere));
        wants.extend(self.advance());
        wants
    }

    /// What cannot be told is shown: only a definite "no" passes a step over.
    fn applies(&self) -> bool {
        let section = self.section().when.holds(self);
        section.and(self.current().when.holds(self)) != Verdict::Fail && self.is_due()
    }

    /// Ends the walk, once nothing that it has opened is due. Nothing happens after this.
    pub(super) fn finish(&mut self, end: End) -> Vec<Want> {
        if !self.due.is_empty() {
            return self.ends_later(end);
        }
        let want = Self::record_end(&end);
        self.end = Some(end);
        vec![want]
    }
}

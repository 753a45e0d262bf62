//! Calls: another section, or another runbook, and back to the step behind the call.

use crate::domain::runbook::{Runbook, Target};

use super::{End, Means, Phase, Walk, Want, path};

/// Where a call came from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frame {
    section: usize,
    step: usize,
    /// The runbook that called, if it is another than the one that is walked now.
    book: Option<Box<Runbook>>,
}

impl Walk {
    /// Returns the names of the runbooks that called, the first one first, and of the one
    /// that is walked now.
    #[must_use]
    pub fn called(&self) -> Vec<&str> {
        let callers = self.callers.iter().filter_map(|frame| frame.book.as_deref());
        callers.map(|book| book.id.as_str()).chain([self.book.id.as_str()]).collect()
    }

    /// Returns the title of the step of that name in the records, of whichever of the run's
    /// runbooks it is; `None`: none of them has it.
    #[must_use]
    pub fn titled(&self, name: &str) -> Option<&str> {
        let (book, id) = name.rsplit_once('/').unwrap_or(("", name));
        let callers = self.callers.iter().filter_map(|frame| frame.book.as_deref());
        let root = callers.clone().next().unwrap_or(&self.book);
        let mut books = callers.chain([&self.book]).chain(self.library.values());
        let within = match book {
            "" => Some(root),
            book => books.find(|one| one.id == book),
        };
        within.and_then(|book| book.step(id)).map(|step| step.title.as_str())
    }

    fn is_called(&self) -> bool {
        self.callers.iter().any(|frame| frame.book.is_some())
    }

    /// Returns the name that a step has in the records of the run: of a runbook that was
    /// called, with the runbook's name before it.
    pub(super) fn qualified(&self, step: &str) -> String {
        if self.is_called() { format!("{}/{step}", self.book.id) } else { step.to_owned() }
    }

    /// Returns the current step's name in the records.
    #[must_use]
    pub fn here(&self) -> String {
        self.qualified(&self.current().id)
    }

    /// Returns the names of the steps that have called, the first one first.
    pub(super) fn calls(&self) -> Vec<String> {
        let mut book = self.callers.iter().find_map(|frame| frame.book.as_deref());
        let mut names = Vec::new();
        for (at, frame) in self.callers.iter().enumerate() {
            let within = book.unwrap_or(&self.book);
            let id = &within.sections[frame.section].steps[frame.step].id;
            let is_root = !self.callers[..at].iter().any(|before| before.book.is_some());
            names.push(if is_root { id.clone() } else { format!("{}/{id}", within.id) });
            if frame.book.is_some() {
                let mut later = self.callers[at + 1..].iter();
                book = later.find_map(|frame| frame.book.as_deref());
            }
        }
        names
    }

    /// Goes to what the current step calls, and takes its first step.
    pub(super) fn call(&mut self, target: &Target) -> Vec<Want> {
        match self.descend(target) {
            Ok(()) => self.enter(),
            Err(why) => {
                self.phase = Phase::Refused(why);
                Vec::new()
            }
        }
    }

    /// Stands at the beginning of what is called.
    pub(super) fn descend(&mut self, target: &Target) -> Result<(), String> {
        let (section, step) = (self.section, self.step);
        match target {
            Target::Section(id) => {
                let at = self.book.sections.iter().position(|section| section.id == *id);
                let at = at.ok_or_else(|| format!("the runbook has no section {id}"))?;
                let same = self.callers.iter().rev().take_while(|frame| frame.book.is_none());
                if at == section || same.into_iter().any(|frame| frame.section == at) {
                    return Err(format!("the section {id} would call itself"));
                }
                self.callers.push(Frame { section, step, book: None });
                (self.section, self.step) = (at, 0);
            }
            Target::Runbook { name, section: part } => {
                if self.called().contains(&name.as_str()) {
                    return Err(format!("the runbook {name} would call itself"));
                }
                let called = self.library.get(name).cloned();
                let called = called.ok_or_else(|| {
                    format!("the runbook {name} was not there, or not allowed, when the run began")
                })?;
                let at = match part {
                    None => path::entry(&called),
                    Some(id) => called
                        .sections
                        .iter()
                        .position(|section| section.id == *id)
                        .ok_or_else(|| format!("the runbook {name} has no section {id}"))?,
                };
                let caller = std::mem::replace(&mut self.book, called);
                self.callers.push(Frame { section, step, book: Some(Box::new(caller)) });
                (self.section, self.step) = (at, 0);
            }
        }
        Ok(())
    }

    /// The way is over: back behind the call that led here, or to the end of the run.
    pub(super) fn comes_back(&mut self) -> Vec<Want> {
        let Some(frame) = self.callers.pop() else { return self.finish(End::Completed) };
        let came_from = match frame.book {
            Some(caller) => std::mem::replace(&mut self.book, *caller).title,
            None => self.section().title.clone(),
        };
        (self.section, self.step) = (frame.section, frame.step);
        self.pass(Means::Vouched, format!("back from: {came_from}"))
    }

    /// The runbook is over: what it has called in itself is over with it.
    pub(super) fn runbook_ends(&mut self) -> Vec<Want> {
        while self.callers.last().is_some_and(|frame| frame.book.is_none()) {
            self.callers.pop();
        }
        self.comes_back()
    }
}

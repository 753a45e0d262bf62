//! What is looked at and saved before a migration, and mended after one that failed.

use chrono::{DateTime, Utc};

use super::{Desk, Question};
use crate::cli::words;
use crate::domain::loss::Loss;
use crate::domain::plan::Direction;
use crate::domain::rehearsal::Material;
use crate::session::effect::{Event, Request};
use crate::session::facts::Migrations;
use crate::session::{mending, salvaging};

const WAYS: [Direction; 2] = [Direction::Up, Direction::Down];

/// A way of a migration whose rows are being counted.
pub(super) struct Counting {
    id: String,
    direction: Direction,
    since: DateTime<Utc>,
}

impl Counting {
    /// Returns what was counted, once all of it was.
    fn told(&self, known: &Migrations) -> Option<Vec<String>> {
        let Some(entry) = known.entry(&self.id) else { return Some(Vec::new()) };
        let own = |loss: &&Loss| loss.direction == self.direction;
        let mut all = entry.losses.iter().chain(&entry.obstacles).filter(own);
        let is_new = |loss: &Loss| loss.counted_at.is_some_and(|at| at >= self.since);
        all.all(is_new).then(|| words::counts(entry, self.direction))
    }
}

impl Desk {
    /// Returns the migrations that may run next, each with its way; says why there are none.
    fn next(&mut self) -> Vec<(String, Direction)> {
        let project = &self.seat.facts.project;
        let Some(known) = project.value() else {
            let why = project.error().unwrap_or("they were not read yet");
            self.print(&format!("the migrations are not known: {why}"));
            return Vec::new();
        };
        let next = |direction| Some((known.next(direction)?.to_owned(), direction));
        WAYS.into_iter().filter_map(next).collect()
    }

    /// Counts what may run next; it is printed when it comes.
    pub(super) fn count(&mut self) {
        for (id, direction) in self.next() {
            self.seat.driver().count(id.clone(), direction);
            self.counting.push(Counting { id, direction, since: Utc::now() });
        }
    }

    /// Tells what was counted, each way once it is there.
    pub(super) fn tell_counts(&mut self) {
        let project = &self.seat.facts.project;
        let (Some(known), false) = (project.value(), self.counting.is_empty()) else { return };
        let mut lines = Vec::new();
        if let Some(why) = project.error() {
            lines.push(format!("it cannot be counted: {why}"));
            self.counting.clear();
        }
        self.counting.retain(|one| match one.told(known) {
            Some(told) => {
                lines.extend(told);
                false
            }
            None => true,
        });
        self.print_all(&lines);
    }

    /// Asks what of that which the next migrations destroy is to be saved.
    pub(super) fn ask_salvage(&mut self) {
        let next = self.next();
        let facts = &self.seat.facts;
        let offers = |(id, direction): (String, Direction)| {
            let of = salvaging::offers(facts, &id, direction).into_iter();
            of.map(move |(what, request)| (format!("{} {id}: {what}", direction.word()), request))
        };
        let offered: Vec<(String, Request)> = next.into_iter().flat_map(offers).collect();
        self.offer(offered, "neither the next one up nor the last one down destroys anything");
    }

    /// Asks what of that which failures have left is to be mended.
    pub(super) fn ask_mend(&mut self) {
        let offer = |(what, is): (_, String)| {
            (format!("{is}: {}", mending::deed(&what)), Request::Mend(what))
        };
        let offered = mending::left(&self.seat.facts).into_iter().map(offer).collect();
        self.offer(offered, "no invalid index and no mark of a tool is left");
    }

    /// Asks what the copy is made of that all that is pending is rehearsed on.
    pub(super) fn ask_rehearsal(&mut self) {
        let offer = |of: Material| (of.words().to_owned(), Request::Rehearse(of));
        self.offer(Material::ALL.map(offer).to_vec(), "");
    }

    fn offer(&mut self, offered: Vec<(String, Request)>, none: &str) {
        if offered.is_empty() {
            return self.print(none);
        }
        let numbered =
            |(at, (label, _)): (usize, &(String, Request))| format!("{}  {label}", at + 1);
        let lines: Vec<String> = offered.iter().enumerate().map(numbered).collect();
        self.print_all(&lines);
        self.question = Some(Question::Which(offered));
    }

    /// Asks for the plan of what has that number.
    pub(super) fn ask_for(&mut self, offered: &[(String, Request)], text: &str) {
        let number: Option<usize> = text.parse().ok();
        let at = number.and_then(|number| number.checked_sub(1));
        match at.and_then(|at| offered.get(at)) {
            Some((_, request)) => self.event(Event::Asked(request.clone())),
            None => self.print(&format!("{text} is none of the numbers")),
        }
    }
}

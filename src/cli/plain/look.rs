//! Looking: sessions, locks, migrations, journal.

use chrono::TimeDelta;

use super::{Desk, Question};
use crate::cli::{journal, words};
use crate::domain::age;
use crate::domain::untrusted::Untrusted;
use crate::panels::{Scene, rollback, way_back};
use crate::session::facts::Lease;

/// Returns that what is printed is `age` old, and proves nothing of now.
fn doubt(what: &str, age: TimeDelta) -> String {
    format!("STALE: {what} {} old; how things stand now cannot be told", age::clock(age))
}

impl Desk {
    /// Prints what was chosen to be looked at.
    pub(super) fn look(&mut self, text: &str) {
        let lines = match text {
            "1" => self.of_snapshot(words::sessions),
            "2" => self.of_snapshot(words::locks),
            "3" => {
                self.awaiting = true;
                self.tell_migrations();
                return;
            }
            "4" => self.journal(),
            "5" => {
                self.question = Some(Question::Session);
                return;
            }
            "6" => self.everything(),
            "7" => self.output(),
            "8" => self.backups(),
            "9" => self.way_back(),
            _ => return,
        };
        self.print_all(&lines);
    }

    fn of_snapshot(
        &self,
        words: impl Fn(&crate::domain::snapshot::Snapshot) -> Vec<String>,
    ) -> Vec<String> {
        match (self.seat.facts.snapshot.value(), self.seat.facts.snapshot.error()) {
            (Some(snapshot), _) => {
                let doubt = self.seat.facts.stale().map(|age| doubt("this is", age));
                doubt.into_iter().chain(words(snapshot)).collect()
            }
            (None, why) => vec![format!("not read: {}", why.unwrap_or("nobody has answered yet"))],
        }
    }

    /// Prints the migrations that were asked for, once they, or why there are none, are there.
    pub(super) fn tell_migrations(&mut self) {
        let project = &self.seat.facts.project;
        if !self.awaiting || (project.value().is_none() && project.error().is_none()) {
            return;
        }
        let mut lines: Vec<String> =
            project.error().map(|why| format!("they cannot be read: {why}")).into_iter().collect();
        let age = project.age(self.seat.facts.now).filter(|_| project.error().is_some());
        lines.extend(age.map(|age| doubt("what follows is", age)));
        lines
            .extend(project.value().into_iter().flat_map(|known| words::migrations(&known.status)));
        self.awaiting = false;
        self.print_all(&lines);
    }

    fn journal(&self) -> Vec<String> {
        let records = &self.seat.facts.records;
        if records.is_empty() {
            return vec!["nothing was recorded in this session".to_owned()];
        }
        let mut lines: Vec<String> = records
            .iter()
            .map(|record| journal::line_of_record(record).trim_end().to_owned())
            .collect();
        lines.extend(self.seat.journal().map(|path| format!("in {}", path.display())));
        lines
    }

    fn backups(&self) -> Vec<String> {
        let facts = &self.seat.facts;
        match (facts.backups.value(), facts.backups.error()) {
            (Some(inventory), None) => words::backups(inventory, facts.now),
            (value, Some(why)) => {
                let mut lines = vec![format!("they cannot be read: {why}")];
                lines.extend(facts.backups.age(facts.now).map(|age| doubt("what follows is", age)));
                lines.extend(value.into_iter().flat_map(|known| words::backups(known, facts.now)));
                lines
            }
            (None, None) => vec!["they were not looked for yet".to_owned()],
        }
    }

    /// Returns what the panel Rollback says while nothing is walked.
    fn way_back(&self) -> Vec<String> {
        let scene = Scene { facts: &self.seat.facts, session: &self.seat.session, filter: "" };
        let pairs = rollback::standing(&scene).into_iter();
        let mut lines: Vec<String> =
            pairs.map(|pair| format!("{}: {}", pair.label, pair.value)).collect();
        lines.push(way_back::words(&self.seat.session));
        lines
    }

    fn output(&self) -> Vec<String> {
        let output = &self.seat.facts.output;
        if output.lines.is_empty() {
            return vec!["no act has printed anything in this session".to_owned()];
        }
        output.lines.iter().map(Untrusted::visible).collect()
    }

    fn everything(&self) -> Vec<String> {
        let facts = &self.seat.facts;
        let mut lines = self.standing();
        lines.extend(facts.target.notes.iter().cloned());
        lines.push(match &facts.lease {
            Lease::Watching => "watching; nothing is armed".to_owned(),
            Lease::Held => "we are the one writer of this target".to_owned(),
            Lease::Refused(why) => format!("not the writer: {why}"),
        });
        if let Some(point) = facts.history.back() {
            let tps = point.tps.map_or_else(|| "unknown".to_owned(), |tps| format!("{tps:.0}"));
            lines.push(format!("{tps} transactions per second, {} sessions wait", point.blocked));
        }
        lines.extend(words::vitals(facts));
        if let Some(snapshot) = facts.snapshot.value() {
            lines.extend(words::progress(snapshot));
            lines.extend(snapshot.limits.iter().map(|limit| format!("note: {limit}")));
        }
        lines.extend(facts.slow.value().map(words::surroundings).unwrap_or_default());
        lines
    }

    /// Asks for everything about one session; it is printed when it comes.
    pub(super) fn look_at(&mut self, text: &str) {
        if let Some(key) = self.backend(text) {
            self.looking = Some(key);
            self.seat.driver().backend(key);
        }
    }
}

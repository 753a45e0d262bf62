//! What comes by itself: steps that ended, and a session that was asked for.

use super::{Desk, Stood, menu};
use crate::cli::words;
use crate::domain::journal::{Kind, Record};
use crate::session::facts::Proof;
use crate::session::walk::{End, Phase, Walk};

impl Desk {
    /// Tells that the server is not read any more, is read again, or stands otherwise: whoever
    /// has no screen would see it at the next menu only. The first standing is in the menu.
    pub(super) fn tell_standing(&mut self) {
        let facts = &self.seat.facts;
        let stands = match (facts.snapshot.error(), &facts.verdict) {
            (Some(_), _) => Stood::Unread,
            (None, Some(verdict)) => Stood::At(verdict.level),
            (None, None) => return,
        };
        let stood = self.stood.replace(stands);
        if stood.is_none_or(|stood| stood == stands) {
            return;
        }
        let line = match facts.snapshot.error() {
            Some(error) => Some(format!("NO DATA: {error}; it is tried again by itself")),
            None => words::stands(facts),
        };
        self.print_all(&line.into_iter().collect::<Vec<_>>());
    }

    /// Tells what became of steps since the last time.
    pub(super) fn tell_records(&mut self) {
        let Some(last) = self.seat.facts.records.last() else { return };
        let (run, seq) = (last.run.clone(), last.seq);
        let since = if self.told.0 == run { self.told.1 } else { 0 };
        let news = self.seat.facts.records.iter().filter(|record| record.seq > since);
        let lines: Vec<String> = news.filter_map(line).collect();
        self.told = (run, seq);
        self.print_all(&lines);
    }

    /// Tells what a live view has read since the last time.
    pub(super) fn tell_watch(&mut self) {
        let Some(walk) = self.seat.session.walk().filter(|walk| *walk.phase() == Phase::Watching)
        else {
            return;
        };
        let read = walk.evidence().iter().map(|one| one.reading.at).max();
        if read.is_none() || read == self.watched {
            return;
        }
        let found = walk.evidence().iter();
        let found: Vec<String> =
            found.map(|one| format!("{}: {}", one.label, one.reading.value)).collect();
        let mut lines = menu::watching(walk, self.seat.facts.now);
        lines.push(format!("found: {}", found.join(" · ")));
        self.watched = read;
        self.print_all(&lines);
    }

    /// Tells once how the walk ended.
    pub(super) fn tell_end(&mut self) {
        let end = self.seat.session.walk().and_then(Walk::end);
        let text = match end {
            Some(_) if self.over => return,
            None => {
                self.over = false;
                return;
            }
            Some(end) => menu::ended(end),
        };
        let mut lines = vec![format!("THE RUN IS OVER: {text}")];
        let walk = self.seat.session.walk();
        let left = walk.into_iter().flat_map(Walk::left_open);
        lines.extend(left.map(|left| format!("LEFT OPEN, not undone: {left}")));
        if end != Some(&End::Completed) {
            let contacts = &self.seat.facts.target.contacts;
            lines.extend(contacts.iter().map(|line| format!("call: {line}")));
        }
        self.over = true;
        self.print_all(&lines);
    }

    /// Tells what the proof that was asked for came to, once it is there.
    pub(super) fn tell_proof(&mut self) {
        let Some(location) = &self.proving else { return };
        let lines = match self.seat.facts.proofs.get(location) {
            Some(Proof::Done(report)) => words::proof(report),
            Some(Proof::Failed(why)) => vec![format!("nothing could be proven: {why}")],
            Some(Proof::Running(_)) | None => return,
        };
        self.proving = None;
        self.print_all(&lines);
    }

    /// Tells everything about the session that was asked for, once it is there.
    pub(super) fn tell_session(&mut self) {
        let Some(key) = self.looking else { return };
        let facts = &self.seat.facts;
        let mut lines =
            match (facts.backend.value().filter(|d| d.backend == key), facts.backend.error()) {
                (Some(detail), _) => {
                    let mut lines = detail.locks.clone();
                    lines.extend(detail.query.visible().lines().map(str::to_owned));
                    lines
                }
                (None, Some(why)) => vec![format!("its details cannot be read: {why}")],
                (None, None) => return,
            };
        let snapshot = facts.snapshot.value();
        let backend = snapshot.and_then(|s| Some(words::session(s.backend(key.pid)?, s)));
        lines.insert(0, backend.unwrap_or_else(|| format!("pid {} has ended since", key.pid)));
        self.looking = None;
        self.print_all(&lines);
    }
}

/// Returns the end of a step, or of the run, in words.
fn line(record: &Record) -> Option<String> {
    let text = |key: &str| record.data[key].as_str().unwrap_or_default().to_owned();
    let step = record.step.clone().unwrap_or_default();
    match record.kind {
        Kind::Opened => Some(format!("recorded as run {}", record.run)),
        Kind::Ended => Some(match text("status").as_str() {
            "passed" => format!("passed: {step} ({}): {}", text("means"), text("value")),
            "skipped" => format!("skipped: {step}: {}", text("reason")),
            "failed" => format!("failed: {step}: {}", text("why")),
            _ => format!("not here: {step}"),
        }),
        _ => None,
    }
}

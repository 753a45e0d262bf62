//! What is asked at this moment.

use std::io::{self, Write as _};
use std::time::Instant;

use super::{Desk, Question, menu, moves, visible};
use crate::cli::confirm;
use crate::panels::{Scene, Wanted};
use crate::session::walk::Phase;

/// Something that is asked, or waited for.
pub(super) struct Due {
    /// The same as long as the same is asked.
    key: String,
    /// What is printed before it.
    lines: Vec<String>,
    /// The question; the answer follows on its line.
    prompt: String,
    /// Nothing is asked: something is under way.
    busy: bool,
}

impl Due {
    fn asks(key: String, lines: Vec<String>, prompt: impl Into<String>) -> Self {
        Self { key, lines, prompt: prompt.into(), busy: false }
    }

    fn waits(lines: Vec<String>) -> Self {
        Self { key: lines.join("\n"), lines, prompt: String::new(), busy: true }
    }
}

impl Desk {
    /// Asks what is to be asked now, unless that is on the screen already. Returns true
    /// while something is under way instead.
    pub(super) fn ask(&mut self) -> bool {
        let due = self.due();
        let is_new = self.asked.as_deref() != Some(due.key.as_str());
        if is_new {
            self.print_all(&due.lines);
            self.asked = Some(due.key);
            self.shown_at = Instant::now();
            let session = &self.seat.session;
            if session.pending().is_some() || session.second().is_some() {
                self.lines.discard();
            }
        }
        if (is_new || self.below) && !due.busy {
            let mut out = io::stdout().lock();
            // A reader that went away is seen at the end of the input.
            let _ = write!(out, "{}", visible(&due.prompt)).and_then(|()| out.flush());
            self.below = false;
        }
        due.busy
    }

    fn due(&self) -> Due {
        let session = &self.seat.session;
        if let Some(pending) = session.pending() {
            let key = format!("plan {}", pending.hash());
            return Due::asks(key, confirm::lines(pending.plan()), confirm::question(pending));
        }
        if let Some(second) = session.second() {
            let key = format!("second {} {:?}", second.plan().hash(), second.count());
            let wanted = menu::text(&Wanted::Alone);
            return Due::asks(key, confirm::waits(second), wanted);
        }
        if let Some(question) = &self.question {
            return asks(question);
        }
        let facts = &self.seat.facts;
        if facts.snapshot.value().is_none() && facts.snapshot.error().is_none() {
            return Due::waits(vec!["connecting…".to_owned()]);
        }
        if self.beginning {
            return Due::waits(vec!["the run is being opened…".to_owned()]);
        }
        if session.is_planning() {
            return Due::waits(vec!["planning…".to_owned()]);
        }
        if let Some(acting) = session.acting().first() {
            return Due::waits(menu::running(acting));
        }
        match session.walk().filter(|walk| walk.end().is_none()) {
            Some(walk) if matches!(walk.phase(), Phase::Probing(_) | Phase::Acting) => {
                Due::waits(vec!["reading…".to_owned()])
            }
            Some(walk) if walk.is_sketching() && !walk.is_paused() => {
                Due::waits(vec!["planning what a second person is to approve…".to_owned()])
            }
            Some(walk) if *walk.phase() == Phase::Watching && walk.offers().is_empty() => {
                let mut lines =
                    vec![format!("watching: {}; 2 ends it with a reason", walk.current().title)];
                lines.extend(walk.current().why.clone());
                Due::waits(lines)
            }
            Some(walk) => {
                let moves = moves::lines(walk, self.seat.facts.target.rehearsal);
                let waits = walk.awaited().map(|one| (&one.subject, walk.approvals().len()));
                let key = format!(
                    "{}\n{}\n{:?}\n{waits:?}",
                    walk.current().id,
                    moves.join("\n"),
                    walk.phase()
                );
                let mut lines = self.standing();
                let scene = Scene { facts, session, filter: "" };
                lines.extend(menu::step(walk, &scene));
                if *walk.phase() == Phase::Deciding {
                    lines.extend(session.fell().map(|said| format!("last act: {said}")));
                }
                lines.extend(moves);
                Due::asks(key, lines, "number> ")
            }
            None => {
                let menu = menu::main();
                let mut lines = self.standing();
                lines.extend(menu);
                Due::asks("menu".to_owned(), lines, "number> ")
            }
        }
    }
}

/// Returns how a question within a menu is put.
fn asks(question: &Question) -> Due {
    let key = format!("{question:?}");
    match question {
        Question::Look => Due::asks(key, menu::look(), "number> "),
        Question::Session => Due::asks(key, Vec::new(), "pid of the session (empty leaves)> "),
        Question::Pid => {
            Due::asks(key, Vec::new(), "pid of the session to cancel or end (empty leaves)> ")
        }
        Question::Kind(backend) => Due::asks(key, menu::signal(*backend), "number> "),
        Question::Book(names) => {
            let lines = vec![format!("runbooks: {}", names.join(", "))];
            Due::asks(key, lines, "name of the runbook (empty leaves)> ")
        }
        Question::Backup(_) => {
            Due::asks(key, Vec::new(), "number of the backup to prove (empty leaves)> ")
        }
        Question::Which(_) => Due::asks(key, Vec::new(), "number (empty leaves)> "),
        Question::Text(wanted) => Due::asks(key, Vec::new(), menu::text(wanted)),
        Question::Pick(wanted, choices) => Due::asks(key, menu::pick(choices), menu::text(wanted)),
    }
}

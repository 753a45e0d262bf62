//! What a typed line does.

use super::moves::{self, Choice};
use super::{Desk, Question, menu};
use crate::cli::lines::Line;
use crate::cli::{begin, confirm, report};
use crate::domain::activity::{Backend, BackendKey};
use crate::domain::backup::Scope;
use crate::domain::plan::{Direction, Risk, Signal};
use crate::domain::report::Part;
use crate::panels::walk::moves::moved;
use crate::panels::{Ask, Command, Wanted};
use crate::session::effect::{Event, Goal, How, Request, Tone};
use crate::session::pick::Choices;

impl Desk {
    /// Takes a line for what is asked now. Returns true to leave.
    pub(super) fn take(&mut self, line: &Line) -> bool {
        let left_before = std::mem::take(&mut self.leaving);
        self.echo(&line.text);
        if self.seat.session.pending().is_some() {
            self.confirm(line);
            return false;
        }
        if self.seat.session.second().is_some() {
            self.alone(line);
            return false;
        }
        // Whatever follows is asked anew.
        self.asked = None;
        match self.question.take() {
            Some(question) => {
                self.answer(&question, line.text.trim());
                false
            }
            None => self.choose(line.text.trim(), left_before),
        }
    }

    /// Shows a script's line where a terminal would have shown it.
    fn echo(&mut self, text: &str) {
        if !self.lines.is_terminal() {
            self.below = true;
            self.print(text);
        }
    }

    fn confirm(&mut self, line: &Line) {
        let Some(pending) = self.seat.session.pending() else { return };
        if self.lines.is_terminal() && line.at < self.shown_at {
            self.print("that was typed before the plan was shown: not taken");
            return;
        }
        match confirm::reply(pending, &line.text) {
            confirm::Reply::Leave => self.event(Event::Dismissed),
            confirm::Reply::Again(why) => self.print(&why),
            confirm::Reply::Yes(answer) => self.event(Event::Answered(answer)),
        }
    }

    /// Takes what is said to an act that waits for a second person: why it goes on without, or
    /// nothing, which leaves it.
    fn alone(&mut self, line: &Line) {
        if self.lines.is_terminal() && line.at < self.shown_at {
            self.print("that was typed before the plan was shown: not taken");
            return;
        }
        match line.text.trim() {
            "" => self.event(Event::Dismissed),
            reason => self.event(Event::Alone(reason.to_owned())),
        }
    }

    fn choose(&mut self, text: &str, left_before: bool) -> bool {
        let session = &self.seat.session;
        let runs = session.job().is_some();
        if let (true, "0") = (runs, text) {
            return self.leave(left_before);
        }
        if let Some(walk) = session.walk().filter(|walk| walk.end().is_none()) {
            return match moves::parse(walk, text) {
                Some(Choice::Leave) => true,
                Some(choice) => self.walk(choice),
                None => self.unknown(text),
            };
        }
        match text {
            "0" => return true,
            "1" => self.question = Some(Question::Look),
            "2" => self.question = Some(Question::Pid),
            "3" => self.migrate(Direction::Up, Risk::Safe),
            "4" => self.migrate(Direction::Down, Risk::Lossy),
            "5" => self.ask_book(),
            "6" => self.question = Some(Question::Text(Wanted::Note)),
            "7" => self.stop(How::Cancel),
            "8" => self.stop(How::Kill),
            "9" => self.event(Event::Asked(Request::Backup { scope: Scope::Full, to: None })),
            "v" => self.ask_proof(),
            "r" => self.ask_report(),
            "n" => self.count(),
            "s" => self.ask_salvage(),
            "m" => self.ask_mend(),
            "h" => self.ask_rehearsal(),
            "R" => self.begin("rollback"),
            "P" => self.question = Some(Question::Text(Wanted::Aside)),
            _ => return self.unknown(text),
        }
        false
    }

    /// Asks which runbook is to be walked.
    fn ask_book(&mut self) {
        let names = crate::io::runbook::names(&begin::places(self.seat.site()));
        self.question = Some(Question::Book(names));
    }

    /// Asks which backup is to be proven.
    fn ask_proof(&mut self) {
        let facts = &self.seat.facts;
        let Some(inventory) = facts.backups.value() else {
            let why = facts.backups.error().unwrap_or("they were not looked for yet");
            return self.print(&format!("the backups are not known: {why}"));
        };
        let lines = menu::backups(inventory, facts.now);
        let locations: Vec<String> =
            inventory.backups.iter().map(|backup| backup.location.clone()).collect();
        self.print_all(&lines);
        if !locations.is_empty() {
            self.question = Some(Question::Backup(locations));
        }
    }

    /// Begins to prove the backup of that number; what is found is printed when it is known.
    fn prove(&mut self, locations: &[String], text: &str) {
        let number: Option<usize> = text.parse().ok();
        let at = number.and_then(|number| number.checked_sub(1));
        let Some(location) = at.and_then(|at| locations.get(at)) else {
            return self.print(&format!("{text} is none of the numbers"));
        };
        self.seat.facts.proofs.remove(location);
        self.proving = Some(location.clone());
        self.print(&format!("reading {location}…"));
        self.seat.driver().verify(location.clone());
    }

    fn unknown(&mut self, text: &str) -> bool {
        if !text.is_empty() {
            self.print(&format!("{text} is none of the numbers"));
        }
        false
    }

    fn leave(&mut self, left_before: bool) -> bool {
        if !left_before {
            self.leaving = true;
            self.print("an act is running: it goes on without you, and lockkeeper resume finds it; 0 again leaves");
        }
        left_before
    }

    fn walk(&mut self, choice: Choice) -> bool {
        match choice {
            Choice::Step(command) => self.step(&command),
            Choice::Move(step) => self.event(Event::Moved(step)),
            Choice::Stop(how) => self.stop(how),
            Choice::Look => self.question = Some(Question::Look),
            Choice::Signal => self.question = Some(Question::Pid),
            Choice::Leave => return true,
        }
        false
    }

    fn migrate(&mut self, direction: Direction, risk: Risk) {
        self.event(Event::Asked(Request::Migrate { direction, goal: Goal::One, risk }));
    }

    fn answer(&mut self, question: &Question, text: &str) {
        if text.is_empty() {
            if matches!(question, Question::Text(Wanted::Report(_))) {
                self.print("left: no report is written; r asks anew");
            }
            return;
        }
        match question {
            Question::Look => self.look(text),
            Question::Session => self.look_at(text),
            Question::Pid => self.question = self.backend(text).map(Question::Kind),
            Question::Kind(backend) => self.signal_to(*backend, text),
            Question::Book(_) => self.begin(text),
            Question::Backup(locations) => self.prove(locations, text),
            Question::Text(Wanted::Report(part)) => self.report(*part, text),
            Question::Which(offered) => self.ask_for(offered, text),
            Question::Text(wanted) => self.entered(wanted, text),
            Question::Pick(wanted, choices) => self.pick(wanted, choices, text),
        }
    }

    fn ask_report(&mut self) {
        if self.seat.facts.records.is_empty() {
            return self
                .print("nothing is recorded yet; lockkeeper report RUN reports an older run");
        }
        self.reported.clear();
        self.question = Some(Question::Text(Wanted::Report(Part::Reason)));
    }

    /// Takes what was told of one part of the report; after the last one it is written.
    fn report(&mut self, part: Part, text: &str) {
        if text != "-" {
            self.reported.push((part, text.to_owned()));
        }
        if let Some(next) = part.next() {
            self.question = Some(Question::Text(Wanted::Report(next)));
            return;
        }
        let told = std::mem::take(&mut self.reported);
        let run = self.seat.facts.records.last().map(|record| record.run.clone());
        let Some(run) = run else { return };
        match report::of_console(self.seat.site(), &run, &told) {
            Ok(text) => self.say(Tone::Good, &text),
            Err(error) => self.say(Tone::Bad, &format!("{error:#}")),
        }
    }

    /// Does what the command's key does: moves, or asks for what the move needs, picked by its
    /// number from what is live, or typed.
    fn step(&mut self, command: &Command) {
        let Some(walk) = self.seat.session.walk() else { return };
        match moved(command, walk, &self.seat.facts) {
            Ask::Move(step) => self.event(Event::Moved(step)),
            Ask::Text(wanted) => self.question = Some(Question::Text(wanted)),
            Ask::Pick(wanted, choices) => self.question = Some(Question::Pick(wanted, choices)),
            _ => {}
        }
    }

    fn pick(&mut self, wanted: &Wanted, choices: &Choices, text: &str) {
        let number: Option<usize> = text.parse().ok();
        let at = number.and_then(|number| number.checked_sub(1));
        let value = match at.and_then(|at| choices.all.get(at)) {
            Some(choice) => choice.value.clone(),
            None if choices.typed => text.to_owned(),
            None => return self.print(&format!("{text} is none of the numbers")),
        };
        self.entered(wanted, &value);
    }

    fn entered(&mut self, wanted: &Wanted, text: &str) {
        let event = wanted.clone().entered(text.to_owned(), &self.seat.facts);
        self.event(event);
    }

    fn signal_to(&mut self, backend: BackendKey, text: &str) {
        let signal = match text {
            "1" => Signal::Cancel,
            "2" => Signal::Terminate,
            _ => return,
        };
        self.event(Event::Asked(Request::Signal { backend, signal }));
    }

    fn begin(&mut self, name: &str) {
        match begin::runbook(self.seat.site(), name, None) {
            Ok(begin) => {
                self.beginning = true;
                let heard = self.seat.begin(begin);
                self.hear(heard);
            }
            Err(why) => self.say(Tone::Bad, &why),
        }
    }

    /// Returns the session of a typed pid, as it was seen last.
    pub(super) fn backend(&mut self, text: &str) -> Option<BackendKey> {
        let snapshot = self.seat.facts.snapshot.value();
        let pid: Option<i32> = text.parse().ok();
        let found = pid.and_then(|pid| snapshot?.backend(pid)).map(Backend::key);
        if found.is_none() {
            self.print(&format!("no session has the pid {text}"));
        }
        found
    }
}

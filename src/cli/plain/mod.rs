//! The line mode: the same machine and the same driver behind numbered lines, for terminals
//! without a screen, for screen readers, and for a bad link.

mod answer;
mod before;
mod due;
mod look;
mod menu;
pub mod moves;
mod told;

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use color_eyre::eyre::{Result, WrapErr as _};

use super::lines::{Line, Lines};
use super::seat::{Heard, Seat};
use super::{args, console, follow, site, visible, words};
use crate::domain::activity::BackendKey;
use crate::domain::rehearsal::place;
use crate::domain::report::Part;
use crate::domain::verdict::Level;
use crate::io::site::Site;
use crate::io::terminal::{Signal, Signals};
use crate::panels::{Wanted, way_back};
use crate::session::effect::{Event, How, Request, Tone};
use crate::session::pick::Choices;
use crate::session::walk::{End, Phase};

/// Runs the line mode on what the flags name.
///
/// # Errors
/// When a file is wrong, or no target is named.
pub fn run(flags: &args::Console) -> Result<ExitCode> {
    let site = site::open(&flags.target)?;
    let runtime = console::runtime()?;
    let code = runtime.block_on(on(site, console::Start::default(), Lines::stdin()));
    // A connection that does not answer is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

/// Runs the line mode on a site until the operator leaves or the input ends.
///
/// # Errors
/// When signals cannot be handled.
pub async fn on(site: Site, start: console::Start, lines: Lines) -> Result<ExitCode> {
    let mut signals = Signals::listen().wrap_err("signals cannot be handled")?;
    let walks = start.runbook.is_some();
    let mut desk = Box::new(Desk::new(Seat::take(site), lines));
    desk.print_all(&start.hint);
    if let Some(begin) = start.runbook {
        desk.beginning = true;
        // What an earlier session has recorded is not told again.
        let last = begin.again.as_ref().and_then(|again| again.records.last());
        desk.told = last.map(|record| (record.run.clone(), record.seq)).unwrap_or_default();
        let heard = desk.seat.begin(*begin);
        desk.hear(heard);
    }
    let left = desk.turn(&mut signals).await;
    if let Left::HandedOver(run) = &left {
        let site = desk.seat.site();
        let run = follow::beside(crate::io::journal::path(&site.paths.runs(), run), Some(site));
        desk.seat.leave().await;
        return follow::in_lines(run, false).await;
    }
    let code = match left {
        Left::Signal(code) => ExitCode::from(code),
        Left::Itself if walks => desk.code_of_walk(),
        Left::Itself | Left::HandedOver(_) => ExitCode::SUCCESS,
    };
    desk.seat.leave().await;
    Ok(code)
}

/// How the line mode was left.
enum Left {
    Itself,
    /// The run of that name is another console's.
    HandedOver(String),
    Signal(u8),
}

/// A question within a menu.
#[derive(Clone, Debug, PartialEq)]
enum Question {
    /// What to look at.
    Look,
    /// Which session to look at in full.
    Session,
    /// Which session to signal.
    Pid,
    /// Which signal.
    Kind(BackendKey),
    /// Which runbook, of those with these names.
    Book(Vec<String>),
    /// Which backup is to be proven, by its number among these.
    Backup(Vec<String>),
    /// Which of these, by its number.
    Which(Vec<(String, Request)>),
    /// A text.
    Text(Wanted),
    /// A value, by its number in a list.
    Pick(Wanted, Choices),
}

/// How things stand with the server, in as many steps as are worth a line of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stood {
    Unread,
    At(Level),
}

/// So many lines of a script are held; it writes on once they are taken.
const HELD: usize = 1024;

/// The operator's desk.
struct Desk {
    seat: Seat,
    lines: Lines,
    question: Option<Question>,
    /// Lines that a script sent while nothing was asked.
    held: VecDeque<Line>,
    /// The input has ended.
    ended: bool,
    /// A run is being opened.
    beginning: bool,
    /// The operator was told that leaving leaves something behind.
    leaving: bool,
    looking: Option<BackendKey>,
    /// The migrations were asked for before they were read.
    awaiting: bool,
    /// The readings of a live view up to this time were told.
    watched: Option<DateTime<Utc>>,
    /// What was asked last, and whether something was printed below it.
    asked: Option<String>,
    below: bool,
    shown_at: Instant,
    /// Records up to this one were told.
    told: (String, u64),
    /// How things stood when it was told last; `None`: nothing was heard of them.
    stood: Option<Stood>,
    /// The end of the walk was told.
    over: bool,
    /// The backup whose proof was asked for.
    proving: Option<String>,
    /// The run that was handed over.
    released: Option<String>,
    /// What was told for the report so far.
    reported: Vec<(Part, String)>,
    /// The ways of migrations whose rows are being counted, and since when.
    counting: Vec<before::Counting>,
}

impl Desk {
    fn new(seat: Seat, lines: Lines) -> Self {
        Self {
            seat,
            lines,
            question: None,
            held: VecDeque::new(),
            ended: false,
            beginning: false,
            leaving: false,
            looking: None,
            awaiting: false,
            watched: None,
            asked: None,
            below: false,
            shown_at: Instant::now(),
            told: Default::default(),
            stood: None,
            over: false,
            proving: None,
            released: None,
            reported: Vec::new(),
            counting: Vec::new(),
        }
    }

    async fn turn(&mut self, signals: &mut Signals) -> Left {
        loop {
            if let Some(run) = self.released.take() {
                return Left::HandedOver(run);
            }
            let busy = self.ask();
            let is_urgent = self.held.front().is_some_and(|line| self.is_urgent(line));
            if (!busy || is_urgent)
                && let Some(line) = self.held.pop_front()
            {
                if self.take(&line) {
                    return Left::Itself;
                }
                continue;
            }
            if self.ended && !busy {
                self.print("the input has ended: nothing more is run");
                return Left::Itself;
            }
            tokio::select! {
                biased;
                signal = signals.next() => {
                    if let Some(left) = self.signal(signal) {
                        return left;
                    }
                }
                line = self.lines.next(), if !self.ended && self.held.len() < HELD => {
                    if self.line(line, busy) {
                        return Left::Itself;
                    }
                }
                heard = self.seat.next() => self.hear(heard),
            }
        }
    }

    /// Takes a line that arrived, or the end of the input. Returns true to leave.
    fn line(&mut self, line: Option<Line>, busy: bool) -> bool {
        let terminal = self.lines.is_terminal();
        let Some(line) = line else {
            self.ended = true;
            // A script waits for the end of what it has confirmed; a person has left.
            return terminal;
        };
        // The terminal has shown it, with its end.
        self.below |= terminal;
        let is_next = self.held.is_empty();
        if !busy || terminal || (is_next && self.is_urgent(&line)) {
            return self.take(&line);
        }
        self.held.push_back(line);
        false
    }

    /// Returns true for the line that ends what is under way, if nothing is asked that it could
    /// answer instead: a script's next one is not held back to the end of a live view, or of the
    /// act that it stops.
    fn is_urgent(&self, line: &Line) -> bool {
        let session = &self.seat.session;
        let watches = || session.walk().is_some_and(|walk| *walk.phase() == Phase::Watching);
        self.question.is_none()
            && match line.text.trim() {
                "2" => watches(),
                "7" | "8" => session.job().is_some(),
                _ => false,
            }
    }

    fn hear(&mut self, heard: Vec<Heard>) {
        for one in heard {
            match one {
                Heard::Said(tone, text) => {
                    self.beginning = false;
                    self.say(tone, &text);
                }
                Heard::Printed(line) => self.print(&format!("| {}", line.visible())),
                Heard::Released(run) => self.released = Some(run),
                Heard::Ended(_) => {}
            }
        }
        self.beginning &= self.seat.session.walk().is_none_or(|walk| walk.end().is_some());
        self.tell_standing();
        self.tell_records();
        self.tell_watch();
        self.tell_session();
        self.tell_migrations();
        self.tell_proof();
        self.tell_counts();
        self.tell_end();
    }

    /// Leaves on what ends a program; Ctrl-C first says what would be left behind.
    fn signal(&mut self, signal: Signal) -> Option<Left> {
        let code = signal.exit_code()?;
        if signal == Signal::Interrupt && self.seat.session.job().is_some() && !self.leaving {
            self.leaving = true;
            self.print("an act is running: 7 cancels it; Ctrl-C again leaves, and it goes on");
            return None;
        }
        Some(Left::Signal(code))
    }

    fn stop(&mut self, how: How) {
        self.event(Event::StopAsked(how));
    }

    fn event(&mut self, event: Event) {
        let heard = self.seat.tell(event);
        self.hear(heard);
    }

    fn code_of_walk(&self) -> ExitCode {
        match self.seat.session.walk() {
            Some(walk) if walk.end() == Some(&End::Completed) => ExitCode::SUCCESS,
            Some(_) => ExitCode::FAILURE,
            None => ExitCode::from(2),
        }
    }

    fn say(&mut self, tone: Tone, text: &str) {
        let mark = match tone {
            Tone::Good => "OK: ",
            Tone::Plain => "",
            Tone::Bad | Tone::Offer => "NOTE: ",
        };
        let text = match tone {
            Tone::Offer => &format!("{text}. {}", way_back::words(&self.seat.session)),
            _ => text,
        };
        self.print(&format!("{mark}{text}"));
    }

    /// Prints lines; a reader that went away is seen at the end of the input.
    fn print(&mut self, text: &str) {
        let mut out = io::stdout().lock();
        if self.asked.is_some() && !self.below {
            let _ = writeln!(out);
        }
        self.below = true;
        let _ = writeln!(out, "{}", visible(text)).and_then(|()| out.flush());
    }

    fn print_all(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            self.print(&lines.join("\n"));
        }
    }

    /// Returns the head of every menu: where we are and how it stands there.
    fn standing(&self) -> Vec<String> {
        let facts = &self.seat.facts;
        let mut lines = Vec::new();
        let place = place(facts.target.class, facts.target.rehearsal);
        match facts.identity.value() {
            Some(identity) => lines.push(words::head(identity, &place)),
            None => lines.push(format!("{place} {}", facts.target.database)),
        }
        lines.extend(facts.mismatch.iter().map(|why| format!("NOT THE TARGET: {why}")));
        lines.extend(words::stands(facts));
        lines.extend(words::health(facts));
        lines.extend(facts.offer().map(|(_, why)| {
            let way_back = way_back::words(&self.seat.session);
            format!("OFFERED: {why}. {way_back}; P puts it aside")
        }));
        lines.extend(facts.snapshot.error().map(|error| format!("NO DATA: {error}")));
        lines
    }
}

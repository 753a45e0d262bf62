//! `up`, `down`, `backup`, `cancel` and `terminate`: one act, confirmed on the terminal or by its
//! hash, run by the same machine as the console's.

mod document;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr as _, eyre};

use super::lines::Lines;
use super::seat::{Heard, Seat};
use super::{args, confirm, json, print, prompt, say, site};
use crate::domain::activity::BackendKey;
use crate::domain::backup::Scope;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Answer, Direction, Hash, Plan, Risk, Signal};
use crate::io::terminal::{Signal as Stopped, Signals};
use crate::session::effect::{Event, Goal, How, Request};

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The next migration on the way to a goal.
    Migrate(Direction, Goal),
    /// This signal to the backend of this pid.
    Signal(i32, Signal),
    /// A backup, into this directory.
    Backup(Scope, Option<String>),
}

impl Wish {
    /// Returns the wish for a backup; its directory is meant from here, not from the
    /// configuration's place.
    ///
    /// # Errors
    /// If the directory cannot be named.
    pub fn backup(args: &args::Backup) -> Result<Self> {
        let scope = match args.scope {
            args::Scope::Full => Scope::Full,
            args::Scope::Schema => Scope::Schema,
        };
        let Some(to) = &args.to else { return Ok(Self::Backup(scope, None)) };
        let to = std::path::absolute(to).wrap_err("--to cannot be read")?;
        let to = to.to_str().ok_or_else(|| eyre!("--to: its path is not UTF-8"))?;
        Ok(Self::Backup(scope, Some(to.to_owned())))
    }
}

/// How the plan is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Means {
    /// Not at all: it is only shown.
    Show,
    /// By the hash of the plan that was looked at before.
    Hash(Hash),
    /// By a person at a terminal.
    Ask,
}

/// Migrates one, or on to a revision.
///
/// # Errors
/// As [`run`].
pub fn migrate(flags: &args::Migrating, direction: Direction) -> Result<ExitCode> {
    let goal = flags.to.clone().map_or(Goal::One, Goal::Revision);
    run(&flags.changing, Wish::Migrate(direction, goal))
}

/// Plans what is wanted, has it confirmed, and runs it.
///
/// # Errors
/// When nothing could be planned, and so nothing was run.
pub fn run(flags: &args::Changing, wish: Wish) -> Result<ExitCode> {
    let means = means(flags)?;
    let site = site::open(&flags.target)?;
    let runtime = super::console::runtime()?;
    let code = runtime.block_on(async {
        let mut seat = Seat::take(site);
        let code = act(&mut seat, wish, &means, flags.target.json).await;
        seat.leave().await;
        code
    });
    // A connection that does not answer is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

fn means(flags: &args::Changing) -> Result<Means> {
    match &flags.confirm {
        _ if flags.plan => Ok(Means::Show),
        Some(hash) => Ok(Means::Hash(Hash::new(hash.trim()))),
        None if io::stdin().is_terminal() && io::stderr().is_terminal() => Ok(Means::Ask),
        None => Err(eyre!(
            "nobody can be asked without a terminal, so nothing was run: --plan shows the plan \
             with its hash, and --confirm HASH runs exactly that plan"
        )),
    }
}

async fn act(seat: &mut Seat, wish: Wish, means: &Means, json: bool) -> Result<ExitCode> {
    let request = request(seat, wish).await?;
    let mut plan = plan(seat, request).await?;
    loop {
        let answer = match means {
            Means::Show => return Ok(show(&plan, json)),
            Means::Hash(hash) => Some(Answer::Script(hash.clone())),
            Means::Ask => ask(seat, &plan).await,
        };
        let Some(answer) = answer else {
            let left = Outcome::new(Ending::NotRun, "left: nothing was run");
            return Ok(tell(seat, &plan, &left, json));
        };
        let outcome = perform(seat, answer).await?;
        let code = tell(seat, &plan, &outcome, json);
        // A hash confirms one plan; a person is asked for each.
        match means {
            Means::Ask if outcome.ending == Ending::Done => match next(seat).await {
                Some(next) => plan = next,
                None => return Ok(code),
            },
            _ => return Ok(code),
        }
    }
}

/// Returns the plan of the next act on the way, if there is one.
async fn next(seat: &mut Seat) -> Option<Plan> {
    while seat.session.is_planning() {
        seat.next().await;
    }
    seat.session.pending().map(|pending| pending.plan().clone())
}

/// Returns the request; a signal's needs to know when the backend began.
async fn request(seat: &mut Seat, wish: Wish) -> Result<Request> {
    match wish {
        Wish::Migrate(direction, goal) => {
            let risk = match direction {
                Direction::Up => Risk::Safe,
                Direction::Down => Risk::Lossy,
            };
            Ok(Request::Migrate { direction, goal, risk })
        }
        Wish::Signal(pid, signal) => {
            let backend = backend(seat, pid).await?;
            Ok(Request::Signal { backend, signal })
        }
        Wish::Backup(scope, to) => Ok(Request::Backup { scope, to }),
    }
}

async fn backend(seat: &mut Seat, pid: i32) -> Result<BackendKey> {
    loop {
        if let Some(snapshot) = seat.facts.snapshot.value() {
            let found = snapshot.backend(pid).map(crate::domain::activity::Backend::key);
            return found.ok_or_else(|| {
                eyre!("no session has the pid {pid}: nothing was signalled; `lockkeeper snapshot` lists them")
            });
        }
        if let Some(error) = seat.facts.snapshot.error() {
            return Err(eyre!("the sessions cannot be read: {error}"));
        }
        seat.next().await;
    }
}

/// Lets the request be planned.
async fn plan(seat: &mut Seat, request: Request) -> Result<Plan> {
    let mut heard = seat.tell(Event::Asked(request));
    loop {
        if let Some(pending) = seat.session.pending() {
            return Ok(pending.plan().clone());
        }
        if !seat.session.is_planning() {
            return Err(eyre!("{}; nothing was run", said(&heard)));
        }
        heard.extend(seat.next().await);
    }
}

/// Returns what was said last.
fn said(heard: &[Heard]) -> String {
    let last = heard.iter().rev().find_map(|heard| match heard {
        Heard::Said(_, text) => Some(text.clone()),
        _ => None,
    });
    last.unwrap_or_else(|| "it cannot be planned".to_owned())
}

fn show(plan: &Plan, json: bool) -> ExitCode {
    if json {
        print(&json::document(&document::plan(plan)));
    } else {
        print(&confirm::lines(plan).join("\n"));
    }
    ExitCode::SUCCESS
}

/// Shows the plan and takes what a person types; `None`: they left.
async fn ask(seat: &mut Seat, plan: &Plan) -> Option<Answer> {
    say(&confirm::lines(plan).join("\n"));
    let mut lines = Lines::stdin();
    lines.discard();
    loop {
        let pending = seat.session.pending()?;
        prompt(&confirm::question(pending));
        let line = lines.next().await?;
        match confirm::reply(seat.session.pending()?, &line.text) {
            confirm::Reply::Leave => return None,
            confirm::Reply::Again(why) => say(&why),
            confirm::Reply::Yes(answer) => return Some(answer),
        }
    }
}

/// Answers the plan and follows the act to its end.
async fn perform(seat: &mut Seat, answer: Answer) -> Result<Outcome> {
    let mut signals = Signals::listen().wrap_err("signals cannot be handled")?;
    let mut heard = seat.tell(Event::Answered(answer));
    if seat.session.acting().is_empty() {
        return Ok(Outcome::new(Ending::NotRun, said(&heard)));
    }
    let mut last = None;
    loop {
        for one in heard {
            match one {
                Heard::Printed(line) => say(&line.visible()),
                Heard::Ended(outcome) => last = Some(outcome),
                Heard::Said(..) if seat.session.acting().is_empty() => {}
                Heard::Said(_, text) => say(&text),
            }
        }
        if seat.session.acting().is_empty() {
            let unseen = || Outcome::new(Ending::Unknown, "its end was not seen");
            return Ok(last.unwrap_or_else(unseen));
        }
        heard = tokio::select! {
            biased;
            signal = signals.next() => match interrupted(seat, signal) {
                Some(heard) => heard,
                None => return Ok(Outcome::new(Ending::Unknown, "left; it goes on, and lockkeeper resume finds it")),
            },
            heard = seat.next() => heard,
        };
    }
}

/// The first Ctrl-C cancels the statement; every other end leaves it running.
fn interrupted(seat: &mut Seat, signal: Stopped) -> Option<Vec<Heard>> {
    let stops = seat.session.job().is_some_and(|job| job.stop.is_none());
    match signal {
        Stopped::Interrupt if stops => {
            say("cancelling its statement; Ctrl-C again leaves it running");
            Some(seat.tell(Event::StopAsked(How::Cancel)))
        }
        Stopped::Suspend | Stopped::Continue => Some(Vec::new()),
        _ => None,
    }
}

/// Says how it ended and where that is recorded.
fn tell(seat: &Seat, plan: &Plan, outcome: &Outcome, json: bool) -> ExitCode {
    let journal = seat.journal();
    if json {
        print(&json::document(&document::outcome(plan, outcome, journal.as_deref())));
    }
    let message = outcome.message.visible();
    let message = if message.is_empty() { message } else { format!(". {message}") };
    say(&format!("{}: {}{message}", plan.preview.title, outcome.ending.word()));
    if let Some(journal) = journal {
        say(&format!("recorded in {}", journal.display()));
    }
    match outcome.ending {
        Ending::Done => ExitCode::SUCCESS,
        Ending::NotRun => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

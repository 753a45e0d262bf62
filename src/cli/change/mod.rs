//! `up`, `down`, `backup`, `cancel` and `terminate`: one act, confirmed on the terminal or by its
//! hash, run by the same machine as the console's.

pub(super) mod document;
mod second;

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr as _, eyre};

use super::lines::Lines;
use super::seat::{Heard, Seat};
use super::{args, confirm, json, print, prompt, say, site};
use crate::domain::activity::BackendKey;
use crate::domain::backup::{Scope, Tending};
use crate::domain::identity::Identity;
use crate::domain::mend::Mend;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Answer, Direction, Hash, Plan, Risk, Signal};
use crate::domain::restore::{Goal, Order, Stated};
use crate::domain::scenario::Scenario;
use crate::io::terminal::{Signal as Stopped, Signals};
use crate::session::effect::{self, Event, How, Request, Tone};
use crate::session::making::Parts;
use crate::session::salvaging;
use crate::session::staging;
use second::{Asking, ended};

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The next migration on the way to a goal.
    Migrate(Direction, effect::Goal),
    /// This signal to the backend of this pid.
    Signal(i32, Signal),
    /// Mending the invalid index of this name, or the tool's `mark`.
    Mend(Option<String>),
    /// A backup.
    Backup(Parts),
    /// This, done to the backup that lies there, or to all.
    Tend(Tending, Option<String>),
    /// Saving this table, or only this column of it, into this directory.
    Salvage(String, Option<String>, Option<String>),
    /// Staging this table out of this backup.
    Stage(String, String),
    /// This SQL, of which so much is known.
    Sql(String, Risk),
    /// The next act of a restore.
    Restore(Order),
}

impl Wish {
    /// Returns the wish for a backup; its directory is meant from here, not from the
    /// configuration's place.
    ///
    /// # Errors
    /// If the directory cannot be named.
    pub fn backup(args: &args::Backup) -> Result<Self> {
        let scope = match args.scope {
            _ if !args.table.is_empty() => Scope::Tables,
            args::Scope::Full => Scope::Full,
            args::Scope::Schema => Scope::Schema,
        };
        let (tables, csv) = (args.table.clone(), args.csv.clone());
        Ok(Self::Backup(Parts { scope, to: absolute(args.to.as_deref())?, tables, csv }))
    }

    /// Returns the wish for a salvage; its directory is meant from here, too.
    ///
    /// # Errors
    /// If the directory cannot be named.
    pub fn salvage(args: &args::Salvage) -> Result<Self> {
        let to = absolute(args.to.as_deref())?;
        Ok(Self::Salvage(args.table.clone(), args.column.clone(), to))
    }

    /// Returns the wish for a restore; a path is meant from here.
    ///
    /// # Errors
    /// If the path cannot be named.
    pub fn restore(args: &args::Restore) -> Result<Self> {
        let goal = match (&args.backup, &args.drop) {
            (Some(backup), _) if Path::new(backup).exists() => {
                let path = std::path::absolute(backup).wrap_err("the backup's path")?;
                let path = path.to_str().ok_or_else(|| eyre!("the backup's path is not UTF-8"))?;
                Goal::Backup(path.to_owned())
            }
            (Some(named), _) => Goal::Backup(named.clone()),
            (None, Some(database)) => Goal::Drop(database.clone()),
            (None, None) => Goal::Undo,
        };
        let stated = Stated { free: args.free, drained: args.drained };
        Ok(Self::Restore(Order { goal, stated, name: None }))
    }
}

fn absolute(to: Option<&Path>) -> Result<Option<String>> {
    let Some(to) = to else { return Ok(None) };
    let to = std::path::absolute(to).wrap_err("--to cannot be read")?;
    let to = to.to_str().ok_or_else(|| eyre!("--to: its path is not UTF-8"))?;
    Ok(Some(to.to_owned()))
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
    let goal = flags.to.clone().map_or(effect::Goal::One, effect::Goal::Revision);
    run(&flags.changing, Wish::Migrate(direction, goal))
}

/// Does something to backups that are there.
///
/// # Errors
/// As [`run`].
pub fn tend(tend: &args::Tend) -> Result<ExitCode> {
    let (tending, tended) = match tend {
        args::Tend::Prune { changing } => {
            return run(changing, Wish::Tend(Tending::Prune, None));
        }
        args::Tend::Pin(tended) => (Tending::Pin, tended),
        args::Tend::Unpin(tended) => (Tending::Unpin, tended),
        args::Tend::Adopt(tended) => (Tending::Adopt, tended),
    };
    let place = std::path::absolute(&tended.backup).wrap_err("the backup cannot be named")?;
    let place = place.components().collect::<std::path::PathBuf>();
    let place = place.to_str().ok_or_else(|| eyre!("the backup's path is not UTF-8"))?;
    run(&tended.changing, Wish::Tend(tending, Some(place.to_owned())))
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
        let code = act(&mut seat, wish, &means, (flags.target.json, flags.alone.clone())).await;
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

async fn act(
    seat: &mut Seat,
    wish: Wish,
    means: &Means,
    (json, alone): (bool, Option<String>),
) -> Result<ExitCode> {
    let request = request(seat, wish).await?;
    let lines = (*means == Means::Ask).then(Lines::stdin);
    let signals = Signals::listen().wrap_err("signals cannot be handled")?;
    let asking = &mut Asking { lines, alone, signals };
    if *means == Means::Show {
        seat.session.only_plans();
    }
    let Some(mut plan) = plan(seat, request, asking).await? else {
        say("left: nothing was run");
        return Ok(ExitCode::from(2));
    };
    loop {
        let answer = match means {
            Means::Show => return Ok(show(&plan, json)),
            Means::Hash(hash) => Some(Answer::Script(hash.clone())),
            Means::Ask => ask(seat, &plan, asking).await,
        };
        let Some(answer) = answer else {
            let left = Outcome::new(Ending::NotRun, "left: nothing was run");
            return Ok(tell(seat, &plan, &left, json));
        };
        let outcome = perform(seat, answer, &mut asking.signals).await?;
        let code = tell(seat, &plan, &outcome, json);
        // A hash confirms one plan; a person is asked for each.
        match means {
            Means::Ask if goes_on(&outcome) => match next(seat, asking).await {
                Ok(Some(next)) => plan = next,
                Ok(None) => return Ok(code),
                // What was done is done; what was wanted is not.
                Err(why) => {
                    say(&format!("{why}; nothing more was run"));
                    return Ok(ExitCode::from(2));
                }
            },
            _ => return Ok(code),
        }
    }
}

/// Returns true if a next act may be shown: after one that was done, or the same again if more
/// would be lost by it than was shown.
fn goes_on(outcome: &Outcome) -> bool {
    outcome.ending == Ending::Done || outcome.scenario == Some(Scenario::Worsened)
}

/// Returns the plan of the next act on the way, if there is one; or why there is none, though
/// the goal is not reached.
async fn next(seat: &mut Seat, asking: &mut Asking) -> Result<Option<Plan>, String> {
    let mut bad = None;
    while seat.session.is_planning() || seat.session.second().is_some() {
        let heard = if seat.session.second().is_some() {
            second::wait(seat, asking).await.ok_or("left")?
        } else {
            tokio::select! {
                biased;
                () = ended(&mut asking.signals) => return Err("left".to_owned()),
                heard = seat.next() => heard,
            }
        };
        bad = bad.or(heard.into_iter().find_map(|one| match one {
            Heard::Said(Tone::Bad, text) => Some(text),
            _ => None,
        }));
    }
    match (seat.session.pending(), bad) {
        (Some(pending), _) => Ok(Some(pending.plan().clone())),
        (None, Some(why)) => Err(why),
        (None, None) => Ok(None),
    }
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
        Wish::Restore(order) => Ok(Request::Restore(order)),
        Wish::Mend(what) => left(seat, what.as_deref()).await.map(Request::Mend),
        Wish::Backup(parts) => Ok(Request::BackupOf(parts)),
        Wish::Tend(tending, backup) => Ok(Request::Tend { tending, backup }),
        Wish::Salvage(table, column, to) => {
            let identity = identity(seat).await?;
            let job = salvaging::Job {
                table,
                column,
                directory: seat.site().backups(to.as_deref()).display().to_string(),
                system: identity.system_identifier,
                oid: identity.database_oid,
            };
            Ok(job.request())
        }
        Wish::Stage(table, file) => {
            let identity = identity(seat).await?;
            let job = staging::Job {
                table,
                file,
                state: seat.site().paths.state.display().to_string(),
                system: identity.system_identifier,
                oid: identity.database_oid,
            };
            Ok(Request::Command { argv: job.argv(), risk: Risk::Safe })
        }
        Wish::Sql(text, risk) => Ok(Request::Sql { text, risk }),
    }
}

async fn identity(seat: &mut Seat) -> Result<Identity> {
    loop {
        if let Some(identity) = seat.facts.identity.value() {
            return Ok(identity.clone());
        }
        if let Some(error) = seat.facts.identity.error().or(seat.facts.snapshot.error()) {
            return Err(eyre!("who answers cannot be told: {error}"));
        }
        seat.next().await;
    }
}

/// The name of a tool's mark, where an index could be named.
const MARK: &str = "mark";

/// Returns what is to be mended, by its name or because there is nothing else.
async fn left(seat: &mut Seat, what: Option<&str>) -> Result<Mend> {
    if what == Some(MARK) {
        return Ok(Mend::Mark);
    }
    let slow = loop {
        if let Some(slow) = seat.facts.slow.value() {
            break slow;
        }
        if let Some(error) = seat.facts.slow.error().or(seat.facts.snapshot.error()) {
            return Err(eyre!("the indexes cannot be read: {error}"));
        }
        seat.next().await;
    };
    let invalid = &slow.invalid_indexes;
    let names = || invalid.iter().map(|one| one.name.one_line()).collect::<Vec<_>>().join(", ");
    let named = |name: &str| invalid.iter().find(|one| one.name.raw() == name);
    match (what, invalid.as_slice()) {
        (Some(name), _) => named(name).map(|one| Mend::Index { oid: one.oid }).ok_or_else(|| {
            let known = if invalid.is_empty() { "none is".to_owned() } else { names() };
            eyre!("no invalid index is called {name}: {known}; nothing was run")
        }),
        (None, [one]) => Ok(Mend::Index { oid: one.oid }),
        (None, []) => Ok(Mend::Mark),
        (None, _) => Err(eyre!("several indexes are invalid, name one: {}", names())),
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

/// Lets the request be planned, and a second person approve it where policy asks for one;
/// `None`: whoever asked left meanwhile.
async fn plan(seat: &mut Seat, request: Request, asking: &mut Asking) -> Result<Option<Plan>> {
    let mut heard = seat.tell(Event::Asked(request));
    loop {
        if let Some(pending) = seat.session.pending() {
            return Ok(Some(pending.plan().clone()));
        }
        if seat.session.second().is_some() {
            match second::wait(seat, asking).await {
                Some(more) => heard.extend(more),
                None => return Ok(None),
            }
            continue;
        }
        if !seat.session.is_planning() {
            return Err(eyre!("{}; nothing was run", said(&heard)));
        }
        tokio::select! {
            biased;
            () = ended(&mut asking.signals) => return Ok(None),
            more = seat.next() => heard.extend(more),
        }
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
        json::print(&document::plan(plan));
    } else {
        print(&confirm::lines(plan).join("\n"));
    }
    ExitCode::SUCCESS
}

/// Shows the plan and takes what a person types; `None`: they left.
async fn ask(seat: &mut Seat, plan: &Plan, asking: &mut Asking) -> Option<Answer> {
    let Asking { lines, signals, .. } = asking;
    let lines = lines.as_mut()?;
    say(&confirm::lines(plan).join("\n"));
    lines.discard();
    loop {
        let pending = seat.session.pending()?;
        prompt(&confirm::question(pending));
        let line = tokio::select! {
            biased;
            () = ended(signals) => return None,
            line = lines.next() => line?,
        };
        match confirm::reply(seat.session.pending()?, &line.text) {
            confirm::Reply::Leave => return None,
            confirm::Reply::Again(why) => say(&why),
            confirm::Reply::Yes(answer) => return Some(answer),
        }
    }
}

/// Answers the plan and follows the act to its end.
async fn perform(seat: &mut Seat, answer: Answer, signals: &mut Signals) -> Result<Outcome> {
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
                // A single act walks no run that could be handed over.
                Heard::Released(_) => {}
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
        json::print(&document::outcome(plan, outcome, journal.as_deref()));
    }
    let message = outcome.message.visible();
    let message = if message.is_empty() { message } else { format!(". {message}") };
    say(&format!("{}: {}{message}", plan.preview.title, outcome.ending.word()));
    if let Some(next) = outcome.next().filter(|_| plan.action.is_compared()) {
        say(&next);
    }
    if let Some(journal) = journal {
        say(&format!("recorded in {}", journal.display()));
    }
    match outcome.ending {
        Ending::Done => ExitCode::SUCCESS,
        Ending::NotRun => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

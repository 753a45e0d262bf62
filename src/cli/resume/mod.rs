//! `resume`: an interrupted run is taken up. First what became of its acts is found out, and
//! nothing is run again for it; then its walk goes on, with everything read anew.

mod acts;
mod again;
mod choice;
mod story;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::{Result, eyre};
use serde_json::{Value, json};

use super::lines::Lines;
use super::seat::Seat;
use super::{args, begin, console, frozen, plain, say, site};
use crate::domain::journal::{Entry, Kind, Record};
use crate::io::driver::Interrupted;
use crate::session::machine::{Again, Begin};
use acts::Settled;
use again::At;

/// Resolves what is open of a run, and goes on with its walk where somebody can be asked.
/// Without a terminal it only says what is so: exit 0 if nothing is open, 1 if something is
/// unknown.
///
/// # Errors
/// When that cannot be told.
pub fn run(args: &args::Resume) -> Result<ExitCode> {
    let runtime = console::runtime()?;
    let code = runtime.block_on(take_up(args));
    // A reader of the terminal may still wait for a key.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

/// How the person is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Screen,
    Lines,
    Nobody,
}

fn reach(plain: bool) -> Reach {
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    match (console::needs_lines(plain), terminal) {
        (true, _) => Reach::Lines,
        (false, true) => Reach::Screen,
        (false, false) => Reach::Nobody,
    }
}

async fn take_up(args: &args::Resume) -> Result<ExitCode> {
    let reach = reach(args.console.plain);
    let again::Meant { args, at } = &again::found(args)?;
    let site = site::open(&args.console.target)?;
    let mut seat = Seat::take(site);
    let mut lines = (reach != Reach::Nobody).then(Lines::stdin);
    let found = settle(&mut seat, (args.run.as_deref(), at.as_ref()), lines.as_mut()).await;
    let next = found.and_then(|found| found.map(|found| next(&seat, found)).transpose());
    seat.leave().await;
    match next? {
        None => Ok(ExitCode::SUCCESS),
        Some(Next::Over(code)) => Ok(code),
        Some(Next::Walk(..)) if reach == Reach::Nobody => {
            say("its walk goes on at a terminal: lockkeeper resume, or with --plain");
            Ok(ExitCode::SUCCESS)
        }
        Some(Next::Walk(begin, story)) => Box::pin(go_on(args, reach, lines, (begin, story))).await,
    }
}

async fn go_on(
    args: &args::Resume,
    reach: Reach,
    lines: Option<Lines>,
    (begin, story): (Box<Begin>, Vec<String>),
) -> Result<ExitCode> {
    let site = site::open(&args.console.target)?;
    let start = console::Start { runbook: Some(begin), ..console::Start::default() };
    match lines {
        // There it stands above the first question already.
        Some(lines) if reach == Reach::Lines => plain::on(site, start, lines).await,
        _ => console::on(site, console::Start { hint: story::hint(story), ..start }).await,
    }
}

/// A run whose acts were looked after.
struct Found {
    run: String,
    interrupted: Interrupted,
    settled: Settled,
    story: Vec<String>,
}

async fn settle(
    seat: &mut Seat,
    (wanted, at): (Option<&str>, Option<&At>),
    lines: Option<&mut Lines>,
) -> Result<Option<Found>> {
    let identity = seat.driver().identity().await.map_err(|why| {
        let hint = at.map(|at| format!(". {}", at.hint())).unwrap_or_default();
        eyre!("what became of the run cannot be told: {why}; nothing was done{hint}")
    })?;
    let Some(run) = choice::choose(&seat.site().paths.runs(), wanted, &identity)? else {
        return Ok(None);
    };
    let interrupted = seat.driver().take_up(&run).await.map_err(|why| eyre!(why))?;
    let left = interrupted.records().map_err(|why| eyre!(why))?.last().map(|record| record.at);
    let settled = acts::settle(&interrupted, lines).await?;
    let story = story::tell(seat, &run, &interrupted, left).await?;
    Ok(Some(Found { run, interrupted, settled, story }))
}

/// What follows.
enum Next {
    Over(ExitCode),
    Walk(Box<Begin>, Vec<String>),
}

fn next(seat: &Seat, found: Found) -> Result<Next> {
    let Found { run, interrupted, settled, story } = found;
    if settled != Settled::All {
        say("nothing goes on before that is known; look at the database, then lockkeeper resume");
        return Ok(Next::Over(ExitCode::FAILURE));
    }
    let records = interrupted.records().map_err(|why| eyre!(why))?;
    if records.iter().any(|record| record.kind == Kind::Closed) {
        say("the run is over: nothing of it goes on");
        return Ok(Next::Over(ExitCode::SUCCESS));
    }
    if let Some(end) = ended(&records) {
        interrupted.append(Entry::new(Kind::Closed, end)).map_err(|why| eyre!(why))?;
        say("the run was over before its last act was: it is closed, and nothing of it goes on");
        return Ok(Next::Over(ExitCode::SUCCESS));
    }
    let Some(begin) = again(seat, &run, records)? else {
        let over = Entry::new(Kind::Closed, json!({ "end": "resolved" }));
        interrupted.append(over).map_err(|why| eyre!(why))?;
        say("it walked no runbook: the run is closed");
        return Ok(Next::Over(ExitCode::SUCCESS));
    };
    Ok(Next::Walk(Box::new(begin), story))
}

/// Returns how the run was ended while its last act still ran, if it was.
fn ended(records: &[Record]) -> Option<Value> {
    let stopped = records.iter().filter(|record| record.kind == Kind::Stop);
    let mut ends = stopped.filter(|record| record.data["how"] == "end");
    ends.next().map(|record| record.data["end"].clone())
}

/// Returns the walk of a run, from the runbook's text as it was frozen; `None` if it walked
/// none.
fn again(seat: &Seat, run: &str, records: Vec<Record>) -> Result<Option<Begin>> {
    let facts = records.first().map(|record| record.data["facts"].clone()).unwrap_or_default();
    let Some(frozen::Frozen { book, called }) = frozen::books(run, &facts)? else {
        return Ok(None);
    };
    let place = begin::place(seat.site());
    let again = Some(Again { run: run.to_owned(), records });
    Ok(Some(Begin { book, called, place, facts, again }))
}

//! `follow`: somebody else's run, live and read-only, on the full screen or line by line.

mod output;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chrono::Utc;
use color_eyre::eyre::{Result, WrapErr as _, eyre};
use serde_json::json;
use tokio::sync::mpsc;

use self::output::{Output, Told as Heard};
use super::journal::line_of_record;
use super::{args, console, frozen, json as written, print, runs, say, site};
use crate::domain::age;
use crate::domain::identity::Identity;
use crate::domain::journal::{Kind, Record};
use crate::io::act::Printed;
use crate::io::journal::{Follower, Seen, Stands};
use crate::io::paths::Paths;
use crate::io::postgres::reader::Reader;
use crate::io::site::Site;
use crate::io::terminal::Signals;
use crate::session::news::{Followed, News, Stand};
use crate::session::walk::{Place, Walk};

/// Flags of `follow`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// The run, by the beginning of its name, or a journal file; the newest open one if left out
    pub run: Option<String>,
    /// How it is shown; with --json one JSON document a line, one for each record.
    #[command(flatten)]
    pub console: args::Console,
}

/// How often the journal is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// After so long without a record the line mode says how old the last one is.
const SILENCE: Duration = Duration::from_mins(1);

/// The exit code of a journal that cannot be followed any further.
const BROKEN: u8 = 2;

/// Follows a run to its end: exit 0 completed, 1 over in another way, 2 cannot be followed.
///
/// # Errors
/// When there is no such run, or its journal cannot be read.
pub fn run(args: &Args) -> Result<ExitCode> {
    let flags = &args.console;
    let lines = flags.target.json || console::needs_lines(flags.plain);
    if lines {
        let site = site::masking(&flags.target);
        let file = journal_of(args, site.as_ref())?;
        let runtime = console::runtime()?;
        return runtime.block_on(in_lines(beside(file, site.as_ref()), flags.target.json));
    }
    let site = site::open(&flags.target)?;
    let file = journal_of(args, Some(&site))?;
    if let Some(why) = crate::io::journal::read(&file)?.fault {
        return Err(eyre!("{}: {why}", file.display()));
    }
    let runtime = console::runtime()?;
    let start = console::Start { follows: Some(file), ..console::Start::default() };
    let code = runtime.block_on(console::on(site, start));
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

/// Returns the journal that is meant; the database is asked only where no run is named.
fn journal_of(args: &Args, site: Option<&Site>) -> Result<PathBuf> {
    let runs = Paths::of_user()?.runs();
    let here = match (&args.run, site) {
        (None, Some(site)) => here(site),
        _ => None,
    };
    runs::open(&runs, args.run.as_deref(), here.as_ref())
}

/// Returns who answers; that nobody does is said, and any open run is meant then.
fn here(site: &Site) -> Option<Identity> {
    let runtime = super::runtime().ok()?;
    let mut reader = Reader::new(site.target.spec.clone());
    match runtime.block_on(reader.identity()) {
        Ok(identity) => Some(identity),
        Err(error) => {
            say(&format!("the database is not asked which runs are its own: {error}"));
            None
        }
    }
}

/// Prints records as they come, until the run is over or whoever follows leaves.
///
/// # Errors
/// When signals cannot be handled.
pub async fn in_lines((file, mut output): (PathBuf, Output), json: bool) -> Result<ExitCode> {
    let mut signals = Signals::listen().wrap_err("signals cannot be handled")?;
    let mut follower = Follower::of(&file);
    let mut told = Told::default();
    loop {
        if let Some(printed) = output.look() {
            told.printed(&printed, json);
        }
        match follower.look() {
            Ok(Some(seen)) => {
                if let Some(code) = told.tell(&file, &seen, &mut output, json) {
                    return Ok(ExitCode::from(code));
                }
            }
            Ok(None) => told.silence(json),
            Err(error) => {
                say(&format!("the run cannot be followed any further: {error}"));
                return Ok(ExitCode::from(BROKEN));
            }
        }
        tokio::select! {
            biased;
            signal = signals.next() => {
                if let Some(code) = signal.exit_code() {
                    return Ok(ExitCode::from(code));
                }
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// What the line mode has said.
#[derive(Default)]
struct Told {
    records: Vec<Record>,
    quiet: Duration,
    torn: bool,
}

impl Told {
    /// Tells what is new; returns the exit code at the end.
    fn tell(&mut self, file: &Path, seen: &Seen, output: &mut Output, json: bool) -> Option<u8> {
        self.quiet = Duration::ZERO;
        let is_first = self.records.is_empty();
        self.records.extend(seen.records.iter().cloned());
        if is_first {
            tell_line(json, &head(file, &self.records));
        }
        output.among(&seen.records, |told| match told {
            Heard::Printed(printed) => self.printed(&printed, json),
            Heard::Record(record) => print_record(record, json),
        });
        if seen.stands == Stands::Torn && !self.torn {
            let torn = "the last record is not finished: it is being written, or its writer died";
            tell_line(json, torn);
        }
        self.torn = seen.stands == Stands::Torn;
        let (code, end) = self.end(&seen.stands)?;
        if json {
            print_line(&written::line(&json!({ "schema": 1, "end": end, "code": code })));
        }
        if code == BROKEN {
            say(&format!("the run cannot be followed any further: {end}"));
        } else {
            tell_line(json, &format!("the run is over: {end}"));
        }
        Some(code)
    }

    /// Prints what the running act has printed, each line marked as none of ours.
    fn printed(&mut self, printed: &Printed, json: bool) {
        self.quiet = Duration::ZERO;
        let Printed { act, batch } = printed;
        if batch.dropped > 0 && !json {
            print_line(&format!("      | ({} bytes are only in the act's file)", batch.dropped));
        }
        for line in &batch.lines {
            if json {
                let output = json!({ "act": act, "line": line.visible() });
                print_line(&written::line(&json!({ "schema": 1, "output": output })));
            } else {
                print_line(&format!("      | {}", line.visible()));
            }
        }
    }

    fn end(&self, stands: &Stands) -> Option<(u8, String)> {
        match stands {
            Stands::Open | Stands::Torn => None,
            Stands::Closed => {
                let end = ending(&self.records);
                Some((u8::from(end != "completed"), end))
            }
            Stands::Newer(version) => Some((
                BROKEN,
                format!(
                    "the next record is of version {version}, newer than this lockkeeper knows: \
                     follow it with the newer one"
                ),
            )),
            Stands::Damaged(fault) => Some((BROKEN, format!("its journal is damaged: {fault}"))),
        }
    }

    fn silence(&mut self, json: bool) {
        self.quiet += LOOK;
        if self.quiet >= SILENCE && !json {
            self.quiet = Duration::ZERO;
            tell_line(json, &age_of(&self.records));
        }
    }
}

fn print_record(record: &Record, json: bool) {
    let line = if json {
        written::line(&json!({ "schema": 1, "record": record }))
    } else {
        line_of_record(record).trim_end().to_owned()
    };
    print_line(&line);
}

/// Prints a line among the records; beside documents it is a diagnostic.
fn tell_line(json: bool, line: &str) {
    if json { say(line) } else { print_line(line) }
}

/// Prints a line; a reader that went away ends it all the same with the run.
fn print_line(line: &str) {
    print(line);
    let _ = std::io::stdout().flush();
}

fn head(file: &Path, records: &[Record]) -> String {
    let opened = records.first().map(|record| record.data.clone()).unwrap_or_default();
    let title = opened["facts"]["title"].as_str().unwrap_or("a run");
    let database = opened["target"]["database"].as_str().unwrap_or("?");
    let who = executor(records);
    let run = runs::name(file, records);
    format!("following {run}: {title}, on {database}, executed by {who}; {}", age_of(records))
}

/// Returns who executes: whoever recorded as its executor last.
fn executor(records: &[Record]) -> String {
    let last = records.iter().rev().find(|record| record.is_of_executor());
    last.map_or_else(|| "nobody yet".to_owned(), |record| record.operator.clone())
}

fn age_of(records: &[Record]) -> String {
    match records.last() {
        Some(last) => format!("the last record is {} old", age::clock(Utc::now() - last.at)),
        None => "nothing is recorded yet".to_owned(),
    }
}

/// Returns how the run ended, in words.
fn ending(records: &[Record]) -> String {
    let last = records.iter().rev().find(|record| record.kind == Kind::Closed);
    let Some(data) = last.map(|record| &record.data) else { return "not known how".to_owned() };
    let why = data["reason"].as_str().or(data["question"].as_str());
    let end = data["end"].as_str().unwrap_or("closed").to_owned();
    why.map_or(end.clone(), |why| format!("{end}: {why}"))
}

/// Returns the journal of a run with what its acts print; what `site` gives its tools is masked.
#[must_use]
pub fn beside(file: PathBuf, site: Option<&Site>) -> (PathBuf, Output) {
    let output = Output::of(&file, site);
    (file, output)
}

/// Tells a console what is recorded in a run, and what its act under way prints, until nobody hears it or nothing more can be
/// read.
pub async fn tell(
    (file, mut output): (PathBuf, Output),
    place: Place,
    news: mpsc::UnboundedSender<News>,
) {
    let mut follower = Follower::of(&file);
    let mut all: Vec<Record> = Vec::new();
    let mut books = None;
    let print = |printed: Printed| {
        let Printed { act, batch } = printed;
        // Nobody hears it: that is found out below.
        let _ = news.send(News::Output { act, lines: batch.lines, dropped: batch.dropped });
    };
    loop {
        output.look().into_iter().for_each(print);
        let followed = match follower.look() {
            Ok(None) => {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            Ok(Some(seen)) => {
                output.among(&seen.records, |told| match told {
                    Heard::Printed(printed) => print(printed),
                    Heard::Record(record) => all.push(record.clone()),
                });
                let run = runs::name(&file, &all);
                if books.is_none() {
                    let facts = all.first().map(|record| record.data["facts"].clone());
                    books = facts.map(|facts| frozen::books(&run, &facts).ok().flatten());
                }
                let walk = books.clone().flatten().and_then(|books| {
                    Walk::followed(books.book, books.called, place.clone(), &all).ok()
                });
                let stand = stand(&seen.stands, &all);
                Followed { run, records: seen.records, walk: walk.map(Box::new), stand }
            }
            Err(error) => Followed {
                run: runs::name(&file, &all),
                records: Vec::new(),
                walk: None,
                stand: Stand::Broken(error.to_string()),
            },
        };
        let is_broken = matches!(followed.stand, Stand::Broken(_));
        if news.send(News::Followed(Box::new(followed))).is_err() || is_broken {
            return;
        }
    }
}

fn stand(stands: &Stands, records: &[Record]) -> Stand {
    match stands {
        Stands::Open => Stand::Open,
        Stands::Torn => Stand::Torn,
        Stands::Closed => Stand::Over(ending(records)),
        Stands::Newer(version) => Stand::Broken(format!(
            "its next record is of version {version}: use the newer lockkeeper"
        )),
        Stands::Damaged(fault) => Stand::Broken(fault.clone()),
    }
}

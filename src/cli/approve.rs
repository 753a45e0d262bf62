//! `approve`: a second person looks at the plan that waits, and says yes to exactly that one.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::Utc;
use color_eyre::eyre::{Result, eyre};
use serde_json::{Value, json};

use super::change::document;
use super::lines::answered;
use super::{args, confirm, json as written, print, runs, say, site};
use crate::domain::age;
use crate::domain::approval::{self, Approval, Approver, Executor, Known, Waiting, same_person};
use crate::domain::identity::Identity;
use crate::domain::journal::{Entry, Kind, Record};
use crate::domain::plan::Need;
use crate::domain::untrusted::Untrusted;
use crate::io::driver::target;
use crate::io::host;
use crate::io::journal::{self, Journal};
use crate::io::paths::Paths;
use crate::io::postgres::login::{Login, login};

/// Flags of `approve`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// The run, by the beginning of its name; the newest open one that waits if left out
    pub run: Option<String>,
    /// Who logs in: with a role of your own, which is not the one that the run uses, the
    /// approval is verified.
    #[command(flatten)]
    pub target: args::Target,
    /// Your name, where you have no database role of your own: it is recorded as unverified
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// Show what waits and its hash; approve nothing
    #[arg(long)]
    pub plan: bool,
    /// Approve exactly the plan with this hash, or refuse
    #[arg(long, value_name = "HASH", conflicts_with = "plan")]
    pub confirm: Option<String>,
}

/// What a person types where there is no database's name to be typed.
const WORD: &str = "approve";

/// Approves what a run waits for: exit 0 recorded (or shown), 2 nothing recorded.
///
/// # Errors
/// When nothing waits, or whoever asks may not approve it: nothing is recorded then.
pub fn run(args: &Args) -> Result<ExitCode> {
    let file = meant(args)?;
    let records = sound(&file)?;
    let run = runs::name(&file, &records);
    let waiting = waiting(&run, &records)?;
    let who = who(args, &records)?;
    let (known, login) = match who {
        Ok(who) => who,
        // What waits may be looked at by anybody.
        Err(why) if args.plan => {
            show(args, &run, &records, &waiting, None);
            say(&why);
            return Ok(ExitCode::SUCCESS);
        }
        Err(why) => return Err(eyre!("{why}; nothing is recorded")),
    };
    if args.plan {
        show(args, &run, &records, &waiting, Some(&known));
        return Ok(ExitCode::SUCCESS);
    }
    if !args.target.json {
        show(args, &run, &records, &waiting, Some(&known));
    } else if args.confirm.is_none() {
        // Standard output is the document's; a yes is asked for what was shown.
        say(&lines(&run, &records, &waiting, Some(&known)).join("\n"));
    }
    if !says_yes(args, &run, &waiting)? {
        say("left: nothing is approved");
        return Ok(ExitCode::from(2));
    }
    let approval = record(&file, &run, &waiting, &known, &login)?;
    told(args, &run, &waiting, &approval, &known);
    Ok(ExitCode::SUCCESS)
}

/// Returns the journal that is meant: the named run's, else that of the newest one that waits.
fn meant(args: &Args) -> Result<PathBuf> {
    let runs = Paths::of_user()?.runs();
    if args.run.is_some() {
        return runs::open(&runs, args.run.as_deref(), None);
    }
    let all = journal::list(&runs)?;
    let waits = |run: &&journal::Run| {
        run.reading.as_ref().is_ok_and(|r| approval::waiting(&r.records).is_some())
    };
    let mut waiting: Vec<&journal::Run> = all.iter().filter(waits).collect();
    let newest = waiting.pop().ok_or_else(|| {
        eyre!("no run of this account waits for an approval ({} was looked at)", runs.display())
    })?;
    if !waiting.is_empty() {
        let others: Vec<&str> = waiting.iter().map(|run| run.id.as_str()).collect();
        say(&format!("also waiting: {}; name one to take it instead", others.join(", ")));
    }
    Ok(newest.file.clone())
}

/// Returns the records of an intact journal: on another one nobody approves anything.
fn sound(file: &Path) -> Result<Vec<Record>> {
    let reading = journal::read(file)?;
    match reading.fault {
        Some(fault) => Err(eyre!("{}: {fault}; nothing is recorded", file.display())),
        None => Ok(reading.records),
    }
}

fn waiting(run: &str, records: &[Record]) -> Result<Waiting> {
    approval::waiting(records)
        .ok_or_else(|| eyre!("the run {run} waits for no approval; nothing is recorded"))
}

/// The approver, with what the server said of their login or why they have none.
type Who = (Known, Result<Login, String>);

/// Returns who approves; `Err` within: somebody who may not.
fn who(args: &Args, records: &[Record]) -> Result<Result<Who, String>> {
    let executor = approval::executor(records);
    let login = log_in(args);
    if let (Ok(login), Some(opened)) = (&login, target(records)) {
        is_same(login, &opened)?;
    }
    let approver = Approver {
        login: login.as_ref().ok().map(|login| login.role.clone()),
        account: host::operator().to_owned(),
        name: args.name.clone(),
    };
    Ok(approver
        .judge(&executor)
        .map(|known| (known, login.clone()))
        .map_err(|refused| refusal(&refused, &login, &executor)))
}

fn refusal(
    refused: &approval::Refused,
    login: &Result<Login, String>,
    executor: &Executor,
) -> String {
    match login {
        Ok(login) if executor.is_role(&login.role) => {
            format!("{refused} (the login was as {}, the role that the run uses)", login.role)
        }
        Ok(_) => refused.to_string(),
        Err(why) => format!("{refused} (not logged in: {why})"),
    }
}

fn log_in(args: &Args) -> Result<Login, String> {
    let site = site::open(&args.target).map_err(|error| format!("{error:#}"))?;
    let runtime = super::runtime();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(login(&site.target.spec))
}

/// A login elsewhere proves nothing here, and the one who did it looks at another database.
fn is_same(login: &Login, opened: &Identity) -> Result<()> {
    let same =
        login.system_identifier == opened.system_identifier && login.database == opened.database;
    if same {
        return Ok(());
    }
    Err(eyre!(
        "you are logged in to {} of the cluster {}, and the run is on {} of {}: nothing is recorded",
        Untrusted::from(login.database.as_str()).one_line(),
        login.system_identifier,
        Untrusted::from(opened.database.as_str()).one_line(),
        opened.system_identifier
    ))
}

fn show(args: &Args, run: &str, records: &[Record], waiting: &Waiting, known: Option<&Known>) {
    if args.target.json {
        print(&written::document(&document_of(run, waiting, known, None)));
    } else {
        print(&lines(run, records, waiting, known).join("\n"));
    }
}

/// Returns what waits, for people.
fn lines(run: &str, records: &[Record], waiting: &Waiting, known: Option<&Known>) -> Vec<String> {
    let awaited = &waiting.awaited;
    let one = |text: &str| Untrusted::from(text).one_line();
    let executor = approval::executor(records);
    let mut lines = vec![
        format!(
            "{} waits for {} of {} in the role {}, since {}",
            one(&awaited.title),
            awaited.needed.saturating_sub(waiting.given.len()),
            awaited.needed,
            one(&awaited.role),
            age::rough(Utc::now() - waiting.since)
        ),
        format!(
            "  run      {run}, {}, executed by {} as role {}",
            match one(&waiting.step) {
                step if step.is_empty() => "an act of no runbook".to_owned(),
                step => format!("step {step}"),
            },
            one(&executor.people.join(", ")),
            one(&executor.role)
        ),
    ];
    lines
        .extend(waiting.given.iter().map(|given| format!("  approved by {}", one(&given.words()))));
    lines.extend(awaited.why.iter().map(|why| format!("  why      {}", one(why))));
    let evidence = awaited.evidence.iter();
    lines.extend(evidence.map(|(name, value)| format!("  found    {}: {}", one(name), one(value))));
    match &awaited.plan {
        Some(plan) => lines.extend(confirm::lines(plan)),
        None => lines.push("  there is no plan: the step itself is what you approve".to_owned()),
    }
    lines.push(format!("  approve  {}", waiting.token(run)));
    lines.extend(known.map(|known| match &known.why {
        None => format!("You approve as {}: VERIFIED by the login.", one(&known.by)),
        Some(why) => format!("You approve as {}: UNVERIFIED, {}.", one(&known.by), one(why)),
    }));
    lines
}

/// Asks for the yes: a hash of a script, or what a person types. Enter alone never is one.
fn says_yes(args: &Args, run: &str, waiting: &Waiting) -> Result<bool> {
    if let Some(hash) = &args.confirm {
        if hash.trim() == waiting.token(run) {
            return Ok(true);
        }
        return Err(eyre!("another plan waits than the one with this hash; nothing is recorded"));
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(eyre!(
            "nobody can be asked without a terminal, so nothing is recorded: --plan shows what \
             waits with its hash, and --confirm HASH approves exactly that"
        ));
    }
    let token = match waiting.awaited.plan.as_ref().map(|plan| plan.need()) {
        Some(Need::Typed(token)) => token,
        _ => WORD.to_owned(),
    };
    let shown = Untrusted::from(token.as_str()).one_line();
    let question =
        format!("Type {shown} to approve it; anything else leaves, and approves nothing: ");
    Ok(answered(super::runtime()?, &question).is_some_and(|text| text == token))
}

/// Appends the approval, if exactly this still waits.
fn record(
    file: &Path,
    run: &str,
    waiting: &Waiting,
    known: &Known,
    login: &Result<Login, String>,
) -> Result<Approval> {
    let runs = file.parent().and_then(Path::parent);
    let runs = runs.ok_or_else(|| eyre!("{} lies in no directory of runs", file.display()))?;
    let now = self::waiting(run, &sound(file)?)?;
    if now.awaited.subject != waiting.awaited.subject {
        return Err(eyre!("the plan has changed meanwhile; look again; nothing is recorded"));
    }
    let counts = |given: &&Approval| given.verified || !known.verified;
    if now.given.iter().filter(counts).any(|given| same_person(&given.by, &known.by)) {
        return Err(eyre!("{} has approved this already", known.by));
    }
    let approval = Approval {
        role: waiting.awaited.role.clone(),
        by: known.by.clone(),
        verified: known.verified,
        subject: waiting.awaited.subject.clone(),
    };
    let mut data = serde_json::to_value(&approval).expect("it holds nothing that JSON lacks");
    data["login"] = match login {
        Ok(login) => json!(login),
        Err(why) => json!({ "none": why }),
    };
    data["why"] = json!(known.why);
    let entry = Entry::new(Kind::Approved, data);
    let entry = match waiting.step.as_str() {
        "" => entry,
        step => entry.at_step(step.to_owned()),
    };
    let entry = Entry { plan: waiting.awaited.subject.plan.clone(), ..entry };
    Journal::open(runs, run)?.append(entry)?;
    Ok(approval)
}

fn told(args: &Args, run: &str, waiting: &Waiting, approval: &Approval, known: &Known) {
    if args.target.json {
        print(&written::document(&document_of(run, waiting, Some(known), Some(approval))));
        return;
    }
    let who = Untrusted::from(approval.words()).one_line();
    say(&format!(
        "recorded: approved by {who}; the run goes on once its console has made the plan anew \
         and found it the same"
    ));
}

fn document_of(
    run: &str,
    waiting: &Waiting,
    known: Option<&Known>,
    recorded: Option<&Approval>,
) -> Value {
    let awaited = &waiting.awaited;
    let given = |one: &Approval| json!({ "by": one.by, "verified": one.verified });
    json!({
        "schema": 1,
        "run": run,
        "step": waiting.step,
        "title": awaited.title,
        "since": waiting.since,
        "role": awaited.role,
        "needed": awaited.needed,
        "given": waiting.given.iter().chain(recorded).map(given).collect::<Vec<_>>(),
        "why": awaited.why,
        "evidence": awaited.evidence.iter()
            .map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
        "hash": waiting.token(run),
        "plan": awaited.plan.as_ref().map(|plan| document::plan(plan)),
        "by": known.map(|known| &known.by),
        "verified": known.map(|known| known.verified),
        "unverified_why": known.and_then(|known| known.why.as_ref()),
        "recorded": recorded.is_some(),
    })
}

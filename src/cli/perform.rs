//! `__perform PLANFILE RUNSDIR`: performs one plan, for the crash tests alone.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::{Result, eyre};
use tokio::sync::watch;

use crate::domain::journal::{Entry, Kind};
use crate::domain::plan::{Answer, Confirmed, Plan};
use crate::domain::resolve::{self, After};
use crate::io::act::{Stop, Value, this_program};
use crate::io::journal::{Journal, new_run};
use crate::io::perform::{Act, Finished, Setting, in_child, perform};

/// Performs the plan as the act `1` of a new run, and prints its ending.
///
/// # Errors
/// When the plan cannot be read, or the journal not be created.
pub fn run(args: &[std::ffi::OsString]) -> Result<ExitCode> {
    let [plan, runs] = args else { return Err(eyre!("usage: __perform PLANFILE RUNSDIR")) };
    let plan: Plan = serde_json::from_slice(&std::fs::read(plan)?)?;
    let answer = Answer::Script(plan.hash());
    let confirmed = plan.confirm(&answer)?;
    let journal = Journal::create(Path::new(runs), &new_run()?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(act(&journal, confirmed))
}

async fn act(journal: &Journal, confirmed: Confirmed) -> Result<ExitCode> {
    let act = Act { id: "1".to_owned(), step: None };
    let setting = setting(&confirmed)?;
    let (_keep, stop) = watch::channel(Stop::No);
    let run = async |confirmed: &Confirmed| {
        in_child(journal, &act, confirmed, &setting, |_| {}, stop, classify).await
    };
    let performed = perform(journal, &act, confirmed, async |_| Ok(()), run).await;
    println!("{}", performed.outcome.ending.word());
    println!("{}", performed.outcome.message.visible());
    if let Some(error) = performed.unrecorded {
        println!("not recorded: {error}");
    }
    if let Err(error) = journal.append(Entry::new(Kind::Closed, serde_json::Value::Null)) {
        println!("not closed: {error}");
    }
    Ok(ExitCode::SUCCESS)
}

fn setting(confirmed: &Confirmed) -> Result<Setting> {
    let names = confirmed.plan().command.iter().flat_map(|command| command.env.clone());
    let secret = |name: String| {
        let value = std::env::var(&name).unwrap_or_default();
        (name, Value::Secret(value.into()))
    };
    Ok(Setting {
        env: names.map(secret).collect(),
        grace: Duration::from_millis(200),
        lockkeeper: this_program()?,
    })
}

async fn classify(finished: Finished) -> crate::domain::outcome::Outcome {
    let message = finished.output.last().cloned().unwrap_or_default();
    resolve::classify(&finished.exit, &After { message, ..After::default() })
}

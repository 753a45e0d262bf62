//! `run`: the console, or the line mode, with a runbook begun; on the target, or rehearsed on a
//! copy of it.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::{Result, eyre};

use super::lines::Lines;
use super::{args, begin, console, plain, rehearse, say, site};
use crate::domain::runbook::{Kind, Runbook, Step};
use crate::io::rehearsal::Stage;
use crate::io::site::Site;
use crate::session::machine::Begin;

/// Walks a runbook.
///
/// # Errors
/// When the runbook cannot be walked, and so nothing was begun.
pub fn run(args: &args::Run) -> Result<ExitCode> {
    let site = site::open(&args.console.target)?;
    let begin = begun(&site, args)?;
    let runtime = console::runtime()?;
    let code = if args.rehearsing.rehearse {
        runtime.block_on(Box::pin(rehearsed(args, site, &begin)))
    } else {
        runtime.block_on(Box::pin(walked(args, site, begin)))
    };
    // A reader of the terminal may still wait for a key.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

fn begun(site: &Site, args: &args::Run) -> Result<Begin> {
    begin::runbook(site, &args.runbook, args.file.as_deref()).map_err(|why| eyre!(why))
}

async fn walked(args: &args::Run, site: Site, begin: Begin) -> Result<ExitCode> {
    let throwaway = site.rehearsal.is_some();
    let runbook = Some(Box::new(begin));
    let start = console::Start { throwaway, runbook, ..console::Start::default() };
    if console::needs_lines(args.console.plain) {
        plain::on(site, start, Lines::stdin()).await
    } else {
        console::on(site, start).await
    }
}

/// Walks it on a copy, which goes with the walk.
async fn rehearsed(args: &args::Run, site: Site, begin: &Begin) -> Result<ExitCode> {
    let flags = &args.rehearsing;
    let made = rehearse::made_of(&site, &flags.from, flags.schema_only, &flags.exclude_table);
    let order = made.await?;
    rehearse::notice(&order);
    let set = Stage::set(site, &order, may(begin), &mut |text| say(text)).await;
    let (stage, site) = set.map_err(|why| eyre!("it cannot be rehearsed: {why}"))?;
    let code = match begun(&site, args) {
        Ok(begin) => Box::pin(walked(args, site, begin)).await,
        Err(why) => Err(why),
    };
    say("removing the copy");
    let struck = stage.strike().await.map_err(|why| eyre!("the copy is left: {why}"));
    code.and_then(|code| struck.map(|()| code))
}

/// Returns the steps whose acts may reach outside of the copy, by their names in the records: of
/// a runbook that is called, with its own name before them.
fn may(begin: &Begin) -> BTreeSet<String> {
    let named = |book: &Runbook, prefix: &str| -> Vec<String> {
        let may = |step: &&Step| matches!(&step.kind, Kind::Act(act) if act.rehearse);
        book.steps().filter(may).map(|step| format!("{prefix}{}", step.id)).collect()
    };
    let called = begin.called.values().flat_map(|book| named(book, &format!("{}/", book.id)));
    named(&begin.book, "").into_iter().chain(called).collect()
}

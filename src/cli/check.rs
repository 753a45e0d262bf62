//! `check`: whether a database is fit for a migration now, by the first section of the
//! runbook migrate. It changes nothing.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::{Result, eyre};

use super::seat::Seat;
use super::{args, begin, console, json, print, site};
use crate::domain::check::{Checks, State};
use crate::domain::evidence::Probe;
use crate::io::site::Site;
use crate::session::checks::{self, Given, Item, Known};

/// Flags of `check`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Which database.
    #[command(flatten)]
    pub target: args::Target,
    /// What a person knows, e.g. `--said team_told="#ops 14:02"`; may be given several times
    #[arg(long, value_name = "CHECK=VALUE", value_parser = said)]
    pub said: Vec<(String, String)>,
}

fn said(text: &str) -> Result<(String, String), String> {
    let (id, value) = text.split_once('=').ok_or("write CHECK=VALUE")?;
    if value.trim().is_empty() {
        return Err("say a value, not only that it was done".to_owned());
    }
    Ok((id.trim().to_owned(), value.trim().to_owned()))
}

/// The runbook whose first section the checks are.
const RUNBOOK: &str = "migrate";

/// Prints the checks: exit 0 all pass, 1 one fails, 2 cannot tell.
///
/// # Errors
/// When there is no target, the runbook cannot be read, or an unknown check is named.
pub fn run(args: &Args) -> Result<ExitCode> {
    let site = site::open(&args.target)?;
    let begin = begin::runbook(&site, RUNBOOK, None).map_err(|why| eyre!(why))?;
    let items = checks::items(&begin.book, &begin.place);
    let given = given(args, &site, &items)?;
    let runtime = console::runtime()?;
    let found = runtime.block_on(look(site, &items, &given));
    // A connection that does not answer is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(200));
    if args.target.json {
        print(&json::document(&found));
    } else {
        print(&words(&found).join("\n"));
    }
    Ok(ExitCode::from(match found.verdict {
        State::Pass | State::Waived => 0,
        State::Fail => 1,
        State::Unknown => 2,
    }))
}

/// Returns what is known without a probe; a name that no check has is a mistake worth saying.
fn given(args: &Args, site: &Site, items: &[Item]) -> Result<Given> {
    let said: BTreeMap<String, String> = args.said.iter().cloned().collect();
    let waived = site.config().checks.waived.clone();
    let known = |id: &String| items.iter().any(|item| item.id == *id);
    let vouched = |id: &String| {
        items.iter().any(|item| item.id == *id && matches!(item.known, Known::Vouched(_)))
    };
    if let Some(id) = said.keys().find(|id| !vouched(id)) {
        let can: Vec<&str> = items
            .iter()
            .filter(|item| matches!(item.known, Known::Vouched(_)))
            .map(|item| item.id.as_str())
            .collect();
        return Err(eyre!("nobody says {id}; what a person says here: {}", can.join(", ")));
    }
    if let Some(id) = waived.keys().find(|id| !known(id)) {
        super::say(&format!("[checks.waived] names {id}, which is not asked here"));
    }
    Ok(Given { said, waived })
}

async fn look(site: Site, items: &[Item], given: &Given) -> Checks {
    let probes: Vec<Probe> = items
        .iter()
        .filter_map(|item| match &item.known {
            Known::Sensed(probe, _) => Some(probe.clone()),
            Known::Vouched(_) => None,
        })
        .collect();
    let seat = Seat::take(site);
    let readings = seat.driver().read(&probes).await;
    seat.leave().await;
    Checks::of(checks::judge(items, readings, given))
}

fn words(found: &Checks) -> Vec<String> {
    let mut lines = Vec::new();
    for check in &found.checks {
        let value = check.value.as_deref().unwrap_or("cannot tell");
        lines.push(format!(
            "{:<12} {}: {value} (expected: {})",
            check.state.word(),
            check.title,
            check.expected.lines().next().unwrap_or_default()
        ));
        let shown = !matches!(check.state, State::Pass);
        lines.extend(check.why.iter().filter(|_| shown).map(|why| format!("{:<12} {why}", "")));
    }
    lines.push(match found.verdict {
        State::Pass | State::Waived => "FIT: every check passes or is waived".to_owned(),
        State::Fail => "NOT FIT: a check fails".to_owned(),
        State::Unknown => "CANNOT TELL: what is unknown is not good".to_owned(),
    });
    lines
}

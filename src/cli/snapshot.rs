//! `snapshot`: one look at the server.

use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr as _, eyre};
use tokio::time::timeout;

use super::{args, json, print, site, words};
use crate::domain::identity::Class;
use crate::domain::snapshot::{Snapshot, document::Document};
use crate::domain::verdict::verdict;
use crate::io::postgres::identity::identity;
use crate::io::postgres::monitor::Monitor;
use crate::io::postgres::target::Target;
use crate::io::postgres::{Purpose, connect, query_error};

/// How long the server may take; its own limit for a statement is 2 s.
const LIMIT: Duration = Duration::from_secs(5);

/// Prints one look; under an alarm too it exits with 0.
///
/// # Errors
/// When the server cannot be looked at.
pub fn run(flags: &args::Target) -> Result<ExitCode> {
    let site = site::open(flags)?;
    let runtime = super::runtime()?;
    let snapshot = runtime.block_on(look(&site.target))?;
    if flags.json {
        json::print(&Document::new(&snapshot, 0.0));
    } else {
        print(&lines(&snapshot, site.target.class).join("\n"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn look(target: &Target) -> Result<Snapshot> {
    let mut connection = connect(&target.spec, Purpose::Monitor).await?;
    let asked = timeout(LIMIT, identity(&mut connection, &target.spec)).await;
    let server = asked.wrap_err("the server does not say who it is")??;
    target.check(&server)?;
    let looked = timeout(LIMIT, async {
        let mut monitor = Monitor::new(connection, server).await?;
        monitor.refresh().await
    });
    let looked = looked.await.wrap_err("the server did not answer in time")?;
    looked.map_err(|error| eyre!("{} refused: {}", target.spec.describe(), query_error(&error)))
}

fn lines(snapshot: &Snapshot, class: Class) -> Vec<String> {
    let mut lines =
        vec![words::head(&snapshot.server, class.word()), words::verdict(&verdict(snapshot))];
    lines.extend(snapshot.limits.iter().map(|limit| format!("note: {limit}")));
    lines.push("Locks".to_owned());
    lines.extend(words::locks(snapshot));
    let progress = words::progress(snapshot);
    if !progress.is_empty() {
        lines.push("Progress".to_owned());
        lines.extend(progress);
    }
    lines.push("Sessions".to_owned());
    lines.extend(words::sessions(snapshot));
    lines
}

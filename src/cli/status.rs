//! `status`: the migrations, where the database is, and how dangerous each way is.

use std::process::ExitCode;

use color_eyre::eyre::{Result, eyre};

use super::{args, json, print, say, site, words};
use crate::domain::graph::State;
use crate::domain::hazard::Catalog;
use crate::domain::loss::Loss;
use crate::domain::plan::Direction;
use crate::domain::rehearsal::Standing;
use crate::io::lost;
use crate::io::postgres::reader::{Error, Reader};
use crate::io::rehearsal;
use crate::io::site::Site;
use crate::tools::status::Status;
use crate::tools::{Project, Rows, Tool, VersionQuery};

/// Prints the status: exit 0 if the database is up to date, 1 if something is pending, wrong
/// or not known.
///
/// # Errors
/// When there are no migrations to be read.
pub fn run(flags: &args::Status) -> Result<ExitCode> {
    let site = site::open(&flags.target)?;
    let status = status(&site, flags.count)?;
    if flags.target.json {
        json::print(&status);
    } else {
        print(&words::migrations(&status).join("\n"));
    }
    Ok(ExitCode::from(u8::from(!status.is_up_to_date())))
}

fn status(site: &Site, counting: bool) -> Result<Status> {
    let (tool, detected) = site.tool().map_err(|why| eyre!(why))?;
    let tree = site.tree();
    let query = tool.version_query(&tree);
    let runtime = super::runtime()?;
    let read = runtime.block_on(read(site, &query));
    let (rows, catalog) = read.unwrap_or_else(|error| {
        say(&format!("the database is left out: {error}"));
        (Rows::Unknown, Catalog::default())
    });
    let mut project = tool.load(&tree, &detected.directory, &rows);
    lost::History::default().hint(&site.project, &mut project);
    let mut status = Status::of(&project, &catalog);
    if project.connected {
        let rehearsed = runtime.block_on(rehearsed(site, tool, (&project, &catalog)));
        if let Some(rehearsed) = &rehearsed {
            status.estimate(rehearsed);
        }
    }
    if counting && project.connected {
        let last = project.last().map(|migration| migration.id.clone());
        runtime.block_on(count(site, &mut status, last.as_deref()));
    }
    Ok(status)
}

/// Counts what may come next: up of what is pending, down of the last that was applied.
async fn count(site: &Site, status: &mut Status, last: Option<&str>) {
    let mut reader = Reader::new(site.target.spec.clone());
    for entry in &mut status.migrations {
        let direction = match entry.state {
            Some(State::Pending) => Direction::Up,
            _ if Some(entry.id.as_str()) == last => Direction::Down,
            _ => continue,
        };
        let mut counted: Vec<Loss> = entry.countable(direction).map(|loss| loss.clone()).collect();
        reader.count(&mut counted).await;
        entry.learn(&counted);
    }
    reader.close().await;
}

/// Returns what the last rehearsal of the target says, if there was one.
async fn rehearsed(site: &Site, tool: &dyn Tool, known: (&Project, &Catalog)) -> Option<Standing> {
    let mut reader = Reader::new(site.target.spec.clone());
    let identity = reader.identity().await.ok()?;
    let evidence = rehearsal::read(&site.paths.state, &identity)?;
    let standing = rehearsal::standing(site, &mut reader, &identity, tool, known, evidence).await;
    reader.close().await;
    Some(standing)
}

async fn read(site: &Site, query: &VersionQuery) -> Result<(Rows, Catalog), Error> {
    let mut reader = Reader::new(site.target.spec.clone());
    let version = reader.identity().await?.version_num;
    let rows = reader.version_rows(query).await?;
    Ok((rows, reader.catalog(version).await?))
}

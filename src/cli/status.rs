//! `status`: the migrations, where the database is, and how dangerous each way is.

use std::mem::ManuallyDrop;
use std::process::ExitCode;

use color_eyre::eyre::{Result, eyre};

use super::{args, json, print, say, site, words};
use crate::domain::graph::State;
use crate::domain::hazard::Catalog;
use crate::domain::identity::Identity;
use crate::domain::loss::Loss;
use crate::domain::plan::Direction;
use crate::io::lost;
use crate::io::postgres::reader::{Error, Reader};
use crate::io::rehearsal;
use crate::io::site::Site;
use crate::tools::status::Status;
use crate::tools::{Rows, Tool, VersionQuery};

/// Prints the status: exit 0 if the database is up to date, 1 if something is pending, wrong
/// or not known.
///
/// # Errors
/// When there are no migrations to be read.
pub fn run(flags: &args::Status) -> Result<ExitCode> {
    let site = site::open(&flags.target)?;
    // Hundreds of migrations end with the process, and are not given back one by one.
    let status = ManuallyDrop::new(status(&site, flags.count)?);
    if flags.target.json {
        json::print(&*status);
    } else {
        print(&words::migrations(&status).join("\n"));
    }
    Ok(ExitCode::from(u8::from(!status.is_up_to_date())))
}

fn status(site: &Site, counting: bool) -> Result<Status> {
    let (tool, detected) = site.tool().map_err(|why| eyre!(why))?;
    super::runtime()?.block_on(async {
        let mut reader = Reader::new(site.target.spec.clone());
        let status = read(site, (tool, &detected.directory), counting, &mut reader).await;
        reader.close().await;
        Ok(status)
    })
}

/// Reads the project, and of the database what there is: over one connection.
async fn read(
    site: &Site,
    (tool, directory): (&dyn Tool, &str),
    counting: bool,
    reader: &mut Reader,
) -> Status {
    let tree = site.tree();
    let known = ask(site, &tool.version_query(&tree), reader).await;
    let (identity, rows, catalog) = match known {
        Ok((identity, rows, catalog)) => (Some(identity), rows, catalog),
        Err(error) => {
            say(&format!("the database is left out: {error}"));
            (None, Rows::Unknown, Catalog::default())
        }
    };
    let mut project = ManuallyDrop::new(tool.load(&tree, directory, &rows));
    lost::History::default().hint(&site.project, &mut project);
    let mut status = Status::of(&project, &catalog);
    let Some(identity) = identity.filter(|_| project.connected) else { return status };
    if let Some(evidence) = rehearsal::read(&site.paths.state, &identity) {
        let known = (&*project, &catalog);
        let rehearsed = rehearsal::standing(site, reader, &identity, tool, known, evidence).await;
        status.estimate(&rehearsed);
    }
    if counting {
        count(reader, &mut status, project.last().map(|last| last.id.as_str())).await;
    }
    status
}

/// Asks the target who it is, what was applied, and what there is.
///
/// # Errors
/// Why that is not known: it does not tell, or another one answers than the pinned one.
pub(super) async fn ask(
    site: &Site,
    query: &VersionQuery,
    reader: &mut Reader,
) -> Result<(Identity, Rows, Catalog), String> {
    let told = |error: Error| error.to_string();
    let identity = reader.identity().await.map_err(told)?;
    site.target.check(&identity).map_err(|refused| refused.to_string())?;
    let rows = reader.version_rows(query).await.map_err(told)?;
    let catalog = reader.catalog(identity.version_num).await.map_err(told)?;
    Ok((identity, rows, catalog))
}

/// Counts what may come next: up of what is pending, down of the last that was applied.
async fn count(reader: &mut Reader, status: &mut Status, last: Option<&str>) {
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
}

//! `recovery-doc`: the document for the day on which a migration cannot be taken back.

use std::process::ExitCode;

use chrono::Utc;
use color_eyre::eyre::{Result, WrapErr as _, eyre};

use super::{args, json, print, say, site, status};
use crate::domain::hazard::Catalog;
use crate::io::output;
use crate::io::postgres::reader::Reader;
use crate::io::site::Site;
use crate::io::store::Store;
use crate::session::recovery::{Document, Ground, markdown};
use crate::tools::Rows;
use crate::tools::status::Status;

/// Writes the document: exit 0 also if it has to say that there is no way back.
///
/// # Errors
/// When there are no migrations to be read, or the file cannot be written.
pub fn run(flags: &args::RecoveryDoc) -> Result<ExitCode> {
    let site = site::open(&flags.target)?;
    let document = document(&site)?;
    let text = if flags.target.json { json::document(&document) } else { markdown(&document) };
    match &flags.output {
        Some(path) => {
            output::replace(path, text.trim_end())
                .wrap_err_with(|| format!("{} cannot be written", path.display()))?;
            say(&format!("written: {}", path.display()));
        }
        None => print(text.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

fn document(site: &Site) -> Result<Document> {
    let (tool, detected) = site.tool().map_err(|why| eyre!(why))?;
    let tree = site.tree();
    let query = tool.version_query(&tree);
    let runtime = super::runtime()?;
    let known = runtime.block_on(async {
        let mut reader = Reader::new(site.target.spec.clone());
        let known = status::ask(site, &query, &mut reader).await;
        reader.close().await;
        known
    });
    let (identity, rows, catalog) = match known {
        Ok((identity, rows, catalog)) => (Some(identity), rows, catalog),
        Err(why) => {
            say(&format!("the database is left out: {why}"));
            (None, Rows::Unknown, Catalog::default())
        }
    };
    let project = tool.load(&tree, &detected.directory, &rows);
    let status = Status::of(&project, &catalog);
    let now = Utc::now();
    let inventory = Store::of(&site.loaded, &site.project).read(now);
    inventory.problems.iter().for_each(|problem| say(&format!("backups: {problem}")));
    Ok(Document::of(&Ground {
        project: &project,
        status: &status,
        inventory: &inventory,
        identity: identity.as_ref(),
        config: site.config(),
        now,
    }))
}

//! `restore-table`: stages a table out of a backup, counts what differs, and merges or replaces
//! by acts of SQL that are confirmed as every other.

use std::process::ExitCode;

use color_eyre::eyre::{Result, WrapErr as _, eyre};
use serde_json::json;

use super::change::{self, Wish};
use super::{args, json as document, print, say, site};
use crate::domain::plan::Risk;
use crate::domain::tables::{Classes, Difference, Shape};
use crate::io::tables;

/// What is known of a table before something is done with it.
struct Known {
    shape: Shape,
    /// How it differs from what is staged, or why that cannot be told.
    difference: Result<Difference, String>,
}

/// Runs one of the commands.
///
/// # Errors
/// When nothing could be planned, and so nothing was run.
pub fn run(command: &args::RestoreTable) -> Result<ExitCode> {
    match command {
        args::RestoreTable::Stage { table, file, changing } => {
            let file = std::path::absolute(file).wrap_err("the backup's path cannot be read")?;
            let file = file.to_str().ok_or_else(|| eyre!("the backup's path is not UTF-8"))?;
            change::run(changing, Wish::Stage(table.clone(), file.to_owned()))
        }
        args::RestoreTable::Diff { table, target } => diff(table, target),
        args::RestoreTable::Merge { table, missing, changed, only_live, changing } => {
            let classes = Classes { missing: *missing, changed: *changed, only_live: *only_live };
            let known = look(table, &changing.target)?;
            caution(&known);
            let sql = known.shape.merge(classes).map_err(|why| eyre!("{why}"))?;
            // What was there is gone afterwards.
            let risk = if classes.destroys() { Risk::Destructive } else { Risk::Lossy };
            change::run(changing, Wish::Sql(sql, risk))
        }
        args::RestoreTable::Replace { table, changing } => {
            let known = look(table, &changing.target)?;
            caution(&known);
            let sql = known.shape.replace().map_err(|why| eyre!("{why}"))?;
            change::run(changing, Wish::Sql(sql, Risk::Destructive))
        }
        args::RestoreTable::Drop { table, changing } => {
            let sql = unstage(table, &changing.target)?;
            change::run(changing, Wish::Sql(sql, Risk::Safe))
        }
    }
}

/// Prints how the table differs: exit 0 nothing, 1 something does, 2 cannot tell.
fn diff(table: &str, target: &args::Target) -> Result<ExitCode> {
    let known = look(table, target)?;
    let Known { shape, difference } = &known;
    let counted = difference.as_ref().ok();
    if target.json {
        print(&document::document(&json!({
            "schema": 1,
            "table": shape.live(),
            "staged": !shape.staged.is_empty(),
            "missing": counted.map(|d| d.missing),
            "changed": counted.map(|d| d.changed),
            "only_live": counted.map(|d| d.only_live),
            "why": difference.as_ref().err(),
            "cautions": shape.cautions(),
        })));
    } else {
        shape.cautions().iter().for_each(|caution| print(caution));
        print(&words(difference));
    }
    Ok(match difference {
        Ok(none) if *none == Difference::default() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(_) => ExitCode::from(2),
    })
}

fn words(difference: &Result<Difference, String>) -> String {
    match difference {
        Ok(difference) => difference.to_string(),
        Err(why) => format!("cannot tell how it differs: {why}"),
    }
}

/// Says what to know before the plan is looked at.
fn caution(known: &Known) {
    known.shape.cautions().iter().for_each(|caution| say(caution));
    say(&words(&known.difference));
}

/// Looks at the table, and compares it with what is staged of it.
fn look(table: &str, target: &args::Target) -> Result<Known> {
    let site = site::open(target)?;
    super::runtime()?.block_on(async {
        let found = tables::find(&site.target, table).await;
        let (mut connection, shape) = found.map_err(|why| eyre!(why))?;
        let difference = tables::compare(&mut connection, &shape).await;
        Ok(Known { shape, difference })
    })
}

/// Returns the SQL that drops what is staged of the table: its rows are nobody's concern.
fn unstage(table: &str, target: &args::Target) -> Result<String> {
    let site = site::open(target)?;
    super::runtime()?.block_on(async {
        let found = tables::find(&site.target, table).await;
        let (mut connection, shape) = found.map_err(|why| eyre!(why))?;
        if shape.staged.is_empty() {
            return Err(eyre!("nothing of {table} is staged"));
        }
        let staged = tables::staged(&mut connection).await?;
        Ok(shape.unstage(staged.len() == 1))
    })
}

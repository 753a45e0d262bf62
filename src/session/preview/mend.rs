//! The plan of mending what a failure has left.

use crate::domain::mend::{Invalid, Mend};
use crate::domain::plan::{Action, Plan, Risk};
use crate::tools::mark;

use super::{Ground, sql};

/// Plans it on what is there now: what is there no more, or in use, cannot be mended.
pub(super) fn plan(what: &Mend, ground: &Ground<'_>) -> Result<Plan, String> {
    let mut plan = match what {
        Mend::Index { oid } => index(*oid, ground)?,
        Mend::Mark => clear(ground)?,
    };
    if let Action::Sql { mends, .. } = &mut plan.action {
        *mends = Some(what.clone());
    }
    Ok(plan)
}

fn index(oid: i64, ground: &Ground<'_>) -> Result<Plan, String> {
    let gone = "that index is there no more, or valid now: nothing is to be done";
    let found = ground.invalid.iter().find(|one| one.oid == oid).ok_or(gone)?;
    let mut plan = sql::plan(&found.drop_sql()?, &[], Risk::Safe, ground)?;
    let Invalid { name, table, .. } = found;
    plan.preview.title = format!("drop the invalid index {}", name.quoted());
    plan.preview.now.insert(
        0,
        format!("no query uses it, and every write to {} may still maintain it", table.quoted()),
    );
    "build it again, by the migration that failed or CREATE INDEX CONCURRENTLY"
        .clone_into(&mut plan.preview.back);
    Ok(plan)
}

fn clear(ground: &Ground<'_>) -> Result<Plan, String> {
    let ways = ground.project.map_err(|why| format!("the migrations cannot be read: {why}"))?;
    let project = &ways.migrations.project;
    let table = ways.tool.version_query(ways.tree).table;
    let none = || format!("{} has left no mark that can be cleared", project.tool);
    let found = mark::of(project, &table).ok_or_else(none)?;
    let mut plan = sql::plan(&found.sql, &[], Risk::Lossy, ground)?;
    plan.preview.title = format!("clear the mark: {}", found.says);
    plan.preview.now = vec![
        found.means,
        "it only changes the row as it is shown, and nothing while another session may be such \
         a run"
            .to_owned(),
    ];
    "none: the tool's own record of the failure is gone".clone_into(&mut plan.preview.back);
    Ok(plan)
}

//! The plan of SQL that a step holds.

use super::stall;
use super::{Ground, bare, milliseconds, takes, touch};
use crate::domain::hazard::{self, Catalog, Hazard, Transactions};
use crate::domain::loss::{self, Loss};
use crate::domain::plan::{Action, Bind, Command, Direction, Plan, Preview, Risk, Timeouts};
use crate::source;
use crate::tools::{Script, sql};

/// Returns what each statement does to the others, as far as that is known without the
/// schema.
#[must_use]
pub fn hazards(script: &Script, version: Option<u32>) -> Vec<Hazard> {
    let mut catalog = Catalog { version_num: version, ..Catalog::default() };
    hazard::classify(&script.statements, &mut catalog, script.transactions)
}

pub(super) fn plan(
    text: &str,
    binds: &[Bind],
    declared: Risk,
    ground: &Ground<'_>,
) -> Result<Plan, String> {
    let script = sql::script(text);
    refuse(text, &script, ground)?;
    fits(text, binds)?;
    let losses = loss::of(&script.statements, Direction::Up, &Catalog::default());
    let risk = declared.max(risk(&script, &losses));
    let action = Action::Sql { text: text.to_owned(), mends: None, binds: binds.to_vec() };
    let mut plan = bare(action, risk, ground);
    plan.command = Some(Command {
        env: ground.env.to_vec(),
        cwd: ground.cwd.to_owned(),
        ..sql::command(text, binds)
    });
    plan.timeouts = Timeouts {
        lock_ms: script.waiting().is_none().then(|| milliseconds(ground.policy.lock_timeout)),
        statement_ms: Some(milliseconds(ground.policy.statement_timeout)),
        cancel_ms: None,
        pause_ms: script.waiting().is_none().then(|| milliseconds(ground.policy.retry_pause)),
    };
    // What fails by a lock timeout and was rolled back as a whole may be tried again.
    let again = plan.timeouts.lock_ms.is_some() && script.transactions == Transactions::One;
    plan.attempts = if again { ground.policy.attempts } else { 1 };
    plan.preview = preview(&script, &losses, ground);
    plan.preview.sql.extend(binds.iter().enumerate().map(|(at, bind)| bound(at + 1, bind)));
    plan.preview.stall = stall::worst(&plan, &hazards(&script, Some(ground.identity.version_num)));
    Ok(plan)
}

/// Refuses values that do not fit the text, or that no argument of a program can hold.
fn fits(text: &str, binds: &[Bind]) -> Result<(), String> {
    if binds.is_empty() {
        return Ok(());
    }
    source::sql::fits(text, binds.len())?;
    let long = |bind: &&Bind| bind.value.len() > sql::LONGEST || bind.value.contains('\0');
    match binds.iter().position(|bind| long(&bind)) {
        Some(at) => Err(format!("the value of ${} is too long, or holds a zero byte", at + 1)),
        None => Ok(()),
    }
}

/// Returns a value as the plan shows it.
fn bound(at: usize, bind: &Bind) -> String {
    let name = bind.name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
    format!("${at} = '{}'{name}", bind.value)
}

fn refuse(text: &str, script: &Script, ground: &Ground<'_>) -> Result<(), String> {
    if !ground.identity.primary {
        return Err("this server is a replica: SQL runs on the primary; connect there".to_owned());
    }
    if script.statements.is_empty() {
        return Err("the step's SQL holds no statement".to_owned());
    }
    if text.len() > sql::LONGEST {
        let longest = sql::LONGEST / 1000;
        return Err(format!("the step's SQL is longer than {longest} kB: make steps of its parts"));
    }
    Ok(())
}

/// What is not understood is never called safe; nothing is called a mere look, since nobody
/// can tell what a function does.
fn risk(script: &Script, losses: &[Loss]) -> Risk {
    match (losses.is_empty(), script.is_understood()) {
        (false, _) => Risk::Destructive,
        (true, true) => Risk::Safe,
        (true, false) => Risk::Lossy,
    }
}

fn preview(script: &Script, losses: &[Loss], ground: &Ground<'_>) -> Preview {
    let hazards = hazards(script, Some(ground.identity.version_num));
    let mut now = (ground.holders)(&hazards);
    if !script.is_understood() {
        now.push("not all of what it does is understood: more may happen than is shown".to_owned());
    }
    let kinds: Vec<&str> = script.statements.iter().map(|one| one.kind.as_str()).collect();
    let lost: Vec<&str> = losses.iter().map(|loss| loss.what.as_str()).collect();
    let lost = match lost.is_empty() {
        true => String::new(),
        false => format!("LOSES {}; ", lost.join(", ")),
    };
    Preview {
        rehearsal: false,
        title: format!("SQL: {}", kinds.join("; ")),
        sql: script.statements.iter().map(|statement| statement.sql.clone()).collect(),
        touches: hazards.iter().map(touch).collect(),
        now,
        takes: takes(&hazards),
        stall: None,
        counts: Vec::new(),
        untimely: None,
        back: format!("{lost}{}", super::NO_WAY_BACK),
    }
}

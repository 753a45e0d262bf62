//! What is known after a job beside its exit: what its last lines say, what its script may have
//! left, and where the database is.

use super::Inner;
use super::schema::Before;
use crate::domain::change::{Change, Statement};
use crate::domain::fingerprint::{self, Compared};
use crate::domain::hazard::Transactions;
use crate::domain::plan::{Action, Direction, Plan};
use crate::domain::resolve::{self, After};
use crate::domain::untrusted::Untrusted;
use crate::io::child::{NOT_RUN, UNHEARD};
use crate::session::facts::Migrations;
use crate::session::staging;
use crate::tools::{self, Failure, FailureKind, Script};

impl Inner {
    /// Reads what is known beside a job's exit: what its last lines say, and where the
    /// database is.
    pub(super) async fn after(
        &self,
        plan: &Plan,
        said: &[Untrusted],
        code: Option<i32>,
        before: Option<&Before>,
    ) -> After {
        let schema = self.compared(before).await;
        let after = match &plan.action {
            Action::Migrate { after, .. } => after,
            Action::Sql { text, .. } => return After { schema, ..after_sql(text, said, code) },
            _ => {
                let message = said.last().cloned().unwrap_or_default();
                let failure = match plan.action {
                    Action::Http { .. } => unanswered(code),
                    _ if stages(plan) && code == Some(i32::from(UNHEARD)) => {
                        Some(resolve::Failure::Unanswered)
                    }
                    _ => None,
                };
                return After { failure, message, ..After::default() };
            }
        };
        let output = said.iter().map(Untrusted::raw).collect::<Vec<_>>().join("\n");
        let read = self.migrations().await;
        let revision = match &read {
            Ok((_, known)) => known.project.revision(),
            // The version table may be readable where the schema is not.
            Err(_) => self.revision().await,
        };
        let failure = read.as_ref().ok().map(|(tool, _)| tool.explain(&output, code));
        let script = read.as_ref().ok().and_then(|(_, known)| script(plan, known));
        let shape = script.map_or(Transactions::Unknown, |script| script.transactions);
        let ran = failure.as_ref().is_some_and(|failure| !had_not_begun(failure.kind));
        // What is compared needs no list of what to look for.
        let blind = schema == Compared::Unknown;
        let stays = script.filter(|_| code != Some(0) && ran && blind).and_then(may_stay);
        let said = |failure: Failure| match &stays {
            Some(stays) => format!("{}\n{stays}", failure.line),
            None => failure.line,
        };
        After {
            failure: failure.as_ref().and_then(|failure| kind(failure, shape)),
            scenario: failure.as_ref().and_then(|failure| failure.kind.scenario()),
            rows: script.is_none_or(may_move_rows),
            alters: script.is_some_and(alters),
            schema,
            before: plan.revision_before.clone(),
            expected: Some(after.clone()),
            revision,
            message: failure
                .filter(|_| code != Some(0))
                .map(|failure| Untrusted::new(said(failure)))
                .unwrap_or_default(),
        }
    }
}

/// Returns true if the plan's program is ours that stages a table.
fn stages(plan: &Plan) -> bool {
    plan.command.as_ref().is_some_and(|command| staging::Job::of(&command.argv).is_some())
}

/// Returns what an exit code of the program that sends a request says: one that was ended in
/// the middle may have sent it.
fn unanswered(code: Option<i32>) -> Option<resolve::Failure> {
    match code {
        Some(0 | 1) => None,
        Some(code) if code == i32::from(NOT_RUN) => Some(resolve::Failure::NotSent),
        _ => Some(resolve::Failure::Unanswered),
    }
}

/// What became of SQL is known from its words alone: it has no revision.
fn after_sql(text: &str, said: &[Untrusted], code: Option<i32>) -> After {
    let output = said.iter().map(Untrusted::raw).collect::<Vec<_>>().join("\n");
    let failure = tools::sql::explain(&output, code);
    let script = tools::sql::script(text);
    After {
        failure: kind(&failure, script.transactions),
        scenario: failure.kind.scenario(),
        rows: may_move_rows(&script),
        alters: alters(&script),
        message: Untrusted::new(failure.line),
        ..After::default()
    }
}

/// Returns true if all that the plan's migration does is one transaction, the row of its
/// version included.
pub(super) fn is_whole(plan: &Plan, known: &Migrations) -> bool {
    script(plan, known).is_some_and(|script| script.transactions == Transactions::One)
}

/// Returns the script that the plan runs.
pub(super) fn script<'a>(plan: &Plan, known: &'a Migrations) -> Option<&'a Script> {
    let Action::Migrate { direction, migration, .. } = &plan.action else { return None };
    let migration = known.project.migration(migration)?;
    match direction {
        Direction::Up => Some(&migration.up),
        Direction::Down => migration.down.as_ref(),
    }
}

/// Returns true if a failure of the script may leave something that a fingerprint does not
/// tell: rows that it committed on its way.
fn may_move_rows(script: &Script) -> bool {
    let tells = |statement: &Statement| statement.changes.iter().all(fingerprint::tells);
    !script.is_understood() || !script.statements.iter().all(tells)
}

/// Returns true if all of the script is known, and some of it shows in a fingerprint.
fn alters(script: &Script) -> bool {
    let alters = |statement: &Statement| statement.changes.iter().any(fingerprint::alters);
    script.is_understood() && script.statements.iter().any(alters)
}

/// Returns what to look for when a script that commits on its way has failed.
fn may_stay(script: &Script) -> Option<String> {
    let why = match script.transactions {
        Transactions::One => return None,
        Transactions::Unknown => "in which transactions it ran is not known",
        Transactions::None | Transactions::Mixed => "it commits on its way",
    };
    let does = |statement: &&Statement| !statement.changes.iter().all(Change::is_read);
    let lines: Vec<String> = script
        .statements
        .iter()
        .filter(does)
        .map(|statement| format!("line {} {}", statement.line, statement.kind))
        .collect();
    Some(format!(
        "{why}, and its version is the one from before: before anything runs again, look whether \
         these are there: {}",
        lines.join("; ")
    ))
}

/// Returns what a failure left behind, where its words and the transaction tell.
fn kind(failure: &Failure, shape: Transactions) -> Option<resolve::Failure> {
    let whole = shape == Transactions::One;
    match failure.kind {
        kind if had_not_begun(kind) => Some(resolve::Failure::RolledBack),
        FailureKind::LockTimeout if whole => Some(resolve::Failure::LockTimeout),
        FailureKind::Other => None,
        _ if whole => Some(resolve::Failure::RolledBack),
        // What stands before the commit stays, whatever failed after it.
        _ if shape == Transactions::Mixed => Some(resolve::Failure::Partial),
        _ => None,
    }
}

/// Returns true for a failure before anything ran.
fn had_not_begun(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Moved
            | FailureKind::Connection
            | FailureKind::MissingFile
            | FailureKind::Changed
            | FailureKind::Dirty
    )
}

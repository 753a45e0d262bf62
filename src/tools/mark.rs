//! The mark that a dead run has left in a tool's own books, and the SQL that clears it: by the
//! row as it was shown, while nobody else changes the schema, or not at all.

use crate::domain::graph::{State, Trouble};

use super::{Project, literal};

/// A mark that can be cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What it says, in words.
    pub says: String,
    /// What clearing it means.
    pub means: String,
    /// The statement that clears it.
    pub sql: String,
}

/// Returns the mark of a project whose tool refuses to run; `None` if there is none that can
/// be cleared. `table` is the tool's version table.
#[must_use]
pub fn of(project: &Project, table: &str) -> Option<Mark> {
    let dirty = project.graph.nodes.iter().find(|node| node.state == State::Dirty);
    let lock = project.problems.iter().find(|problem| problem.kind == Trouble::Locked);
    let dirty = dirty.map(|node| node.id.as_str());
    match project.tool {
        "golang_migrate" | "golang-migrate" => {
            let version = version(dirty?)?;
            Some(mark(
                table,
                format!("golang-migrate marked version {version} dirty"),
                format!(
                    "{version} counts as applied then: complete by hand what it began; if you \
                     took it back instead, `migrate force` the version before it"
                ),
                &format!("UPDATE {table} SET dirty = false WHERE version = {version} AND dirty"),
            ))
        }
        "sqlx" => {
            let version = version(dirty?)?;
            Some(mark(
                table,
                format!("sqlx recorded that {version} did not succeed"),
                format!("{version} counts as not run then: take back by hand what it began"),
                &format!("DELETE FROM {table} WHERE version = {version} AND NOT success"),
            ))
        }
        "prisma" => {
            // What would end the block that it stands in is no folder's name.
            let id = dirty.filter(|id| !id.contains('$'))?;
            Some(mark(
                table,
                format!("Prisma recorded that {id} failed"),
                format!("{id} counts as rolled back then: take back by hand what it began"),
                &format!(
                    "UPDATE {table} SET rolled_back_at = now() WHERE migration_name = {} AND \
                     finished_at IS NULL AND rolled_back_at IS NULL",
                    literal(id)
                ),
            ))
        }
        "knex" => {
            let lock = &lock?.id;
            Some(mark(
                lock,
                format!("Knex left {lock} held"),
                "Knex runs again then: only if no run of it is alive anywhere".to_owned(),
                &format!("UPDATE {lock} SET is_locked = 0 WHERE is_locked = 1"),
            ))
        }
        "liquibase" => {
            let lock = &lock?.id;
            Some(mark(
                lock,
                "Liquibase left its lock held".to_owned(),
                "Liquibase runs again then: only if no run of it is alive anywhere".to_owned(),
                &format!(
                    "UPDATE {lock} SET locked = false, lockgranted = NULL, lockedby = NULL \
                     WHERE locked"
                ),
            ))
        }
        _ => None,
    }
}

fn version(id: &str) -> Option<i64> {
    id.parse().ok()
}

/// Wraps the statement in its guard: exactly one row, and no other client with a lock that a
/// run of a migration would hold.
fn mark(table: &str, says: String, means: String, statement: &str) -> Mark {
    let relation = literal(table);
    let sql = format!(
        "DO $lockkeeper$
DECLARE touched bigint; other int;
BEGIN
  SELECT l.pid INTO other FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
    WHERE l.granted AND l.pid <> pg_backend_pid()
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND coalesce(a.backend_type, 'client backend') = 'client backend'
      AND a.application_name NOT LIKE 'lockkeeper/%'
      AND (l.locktype = 'advisory'
           OR l.locktype = 'relation' AND l.mode ~ '^(Share|ShareUpdateExclusive|ShareRowExclusive|Exclusive|AccessExclusive)Lock$'
           OR l.relation = to_regclass({relation}) AND l.mode = 'RowExclusiveLock')
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'pid % may be a run of the tool: nothing was changed', other;
  END IF;
  {statement};
  GET DIAGNOSTICS touched = ROW_COUNT;
  IF touched <> 1 THEN
    RAISE EXCEPTION 'the row is no longer as it was shown (% rows fit): nothing was changed', touched;
  END IF;
END $lockkeeper$"
    );
    Mark { says, means, sql }
}

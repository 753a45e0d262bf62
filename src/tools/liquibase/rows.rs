//! The rows of `databasechangelog`, and its lock.

use super::changelog::Root;
use super::{Changeset, linear};
use crate::domain::change::Name;
use crate::domain::graph::{Graph, Problem, State, Trouble};
use crate::tools::linear::Record;
use crate::tools::{Rows, VersionQuery, literal};

/// What the lock's row is called among the others.
const LOCK: &str = "lock";

/// The lock's table is read through XML, so that the query holds also where it is missing.
pub(super) fn query(root: &Root) -> VersionQuery {
    let name = |given: &Option<String>, usual: &str| Name {
        schema: root.schema.clone(),
        name: given.clone().unwrap_or_else(|| usual.to_owned()),
    };
    let table = name(&root.table, "databasechangelog");
    let lock = name(&root.lock, "databasechangeloglock").quoted();
    let by = literal(&format!(
        "SELECT concat(lockedby, ' since ', lockgranted) AS held FROM {lock} WHERE locked"
    ));
    let time = linear::time_of("dateexecuted", false);
    let rows = format!(
        "SELECT kind, id, author, filename, at, exectype FROM (\
         SELECT 'row' AS kind, orderexecuted, id::text, author::text, filename::text, \
         {time} AS at, exectype::text FROM {} UNION ALL SELECT '{LOCK}', 0, \
         CASE WHEN to_regclass({}) IS NULL THEN NULL \
         ELSE (xpath('//held/text()', query_to_xml({by}, true, false, '')))[1]::text END, \
         NULL, NULL, NULL, NULL) AS all_rows ORDER BY orderexecuted, at",
        table.quoted(),
        literal(&lock)
    );
    VersionQuery { rows, ..VersionQuery::of(&table, "", "") }
}

/// What the database has, in the order in which it ran.
#[derive(Default)]
pub(super) struct Held {
    pub records: Vec<Record>,
    /// Those whose changelog is not read.
    unread: Vec<String>,
}

impl Held {
    pub(super) fn of(
        rows: &Rows,
        sets: &[Changeset],
        ids: &[String],
        unread: &[String],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut held = Self::default();
        let Rows::Read(rows) = rows else { return held };
        for row in rows {
            match (linear::column(row, 0), linear::column(row, 1)) {
                (Some(LOCK), None) => {}
                (Some(LOCK), Some(by)) => problems.push(locked(by)),
                (Some(_), Some(id)) => held.take(row, id, sets, ids, unread),
                _ => {
                    let detail = format!("a row of databasechangelog cannot be read: {row:?}");
                    problems.push(Problem::new(Trouble::Dirty, "databasechangelog", detail));
                }
            }
        }
        held
    }

    fn take(
        &mut self,
        row: &[Option<String>],
        id: &str,
        sets: &[Changeset],
        ids: &[String],
        unread: &[String],
    ) {
        let author = linear::column(row, 2).unwrap_or_default();
        let file = plain(linear::column(row, 3).unwrap_or_default());
        let same =
            |set: &Changeset| set.id == id && set.author == author && plain(&set.file) == file;
        let known = sets.iter().position(same).map(|at| ids[at].clone());
        let is_unread = unread.iter().any(|path| plain(path) == file);
        let id = known.unwrap_or_else(|| format!("{file}::{id}::{author}"));
        if is_unread {
            self.unread.push(id.clone());
        }
        self.records.push(Record {
            id,
            name: String::new(),
            applied_at: linear::time(row, 4),
            dirty: linear::column(row, 5) == Some("FAILED"),
        });
    }

    /// What stands in a changelog that is not read is no orphan.
    pub(super) fn settle(&self, graph: &mut Graph) {
        for node in graph.nodes.iter_mut().filter(|node| self.unread.contains(&node.id)) {
            node.state = State::Applied;
        }
    }
}

/// Versions differ in what they write before a path.
fn plain(path: &str) -> &str {
    let path = path.strip_prefix("classpath:").unwrap_or(path);
    path.trim_start_matches("./").trim_start_matches('/')
}

fn locked(by: &str) -> Problem {
    let detail = format!(
        "held by {by}: another run is under way, or one has died; Liquibase waits for it, then fails (Could not acquire change log lock); look at the activity, and when nobody runs one, `liquibase releaseLocks`"
    );
    Problem::new(Trouble::Locked, "databasechangeloglock", detail)
}

//! The rows of `databasechangelog`, and its lock.

use super::changelog::Root;
use super::checksum::Compared;
use super::{Changeset, linear};
use crate::domain::change::Name;
use crate::domain::graph::{Graph, Problem, State, Trouble};
use crate::tools::linear::Record;
use crate::tools::{Rows, VersionQuery, literal};

/// What the lock's row is called among the others.
const LOCK: &str = "lock";

/// Returns the table of the changesets.
pub(super) fn table(root: &Root) -> Name {
    let name = root.table.clone().unwrap_or_else(|| "databasechangelog".to_owned());
    Name { schema: root.schema.clone(), name }
}

/// The lock's table lies beside; it is read through XML, so that the query holds also where it
/// is missing.
pub(super) fn query(table: &Name, root: &Root) -> VersionQuery {
    let lock = root.lock.as_deref().unwrap_or("databasechangeloglock");
    let lock = table.renamed(lock).quoted();
    let by = literal(&format!(
        "SELECT concat(lockedby, ' since ', lockgranted) AS held FROM {lock} WHERE locked"
    ));
    let time = linear::time_of("dateexecuted", false);
    let rows = format!(
        "SELECT kind, id, author, filename, at, exectype, md5sum FROM (\
         SELECT 'row' AS kind, orderexecuted, id::text, author::text, filename::text, \
         {time} AS at, exectype::text, md5sum::text FROM {} UNION ALL SELECT '{LOCK}', 0, \
         CASE WHEN to_regclass({}) IS NULL THEN NULL \
         ELSE (xpath('//held/text()', query_to_xml({by}, true, false, '')))[1]::text END, \
         {}, NULL, NULL, NULL, NULL) AS all_rows ORDER BY orderexecuted, at",
        table.quoted(),
        literal(&lock),
        literal(&lock)
    );
    VersionQuery { rows, ..VersionQuery::of(table, "", "") }
}

/// What the database has, in the order in which it ran.
#[derive(Default)]
pub(super) struct Held {
    pub records: Vec<Record>,
    /// Those whose changelog is not read.
    unread: Vec<String>,
    /// Those of which it cannot be told whether they were changed.
    untold: Vec<String>,
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
                (Some(LOCK), Some(by)) => problems.push(locked(by, linear::column(row, 2))),
                (Some(_), Some(id)) => held.take(row, id, &Known { sets, ids, unread }, problems),
                _ => {
                    let detail = format!("a row of databasechangelog cannot be read: {row:?}");
                    problems.push(Problem::new(Trouble::Dirty, "databasechangelog", detail));
                }
            }
        }
        problems.extend(held.uncompared());
        held
    }

    fn take(
        &mut self,
        row: &[Option<String>],
        id: &str,
        Known { sets, ids, unread }: &Known,
        problems: &mut Vec<Problem>,
    ) {
        let author = linear::column(row, 2).unwrap_or_default();
        let file = plain(linear::column(row, 3).unwrap_or_default());
        let same =
            |set: &Changeset| set.id == id && set.author == author && plain(&set.file) == file;
        let known = sets.iter().position(same);
        if let Some(at) = known {
            let stored = linear::column(row, 6);
            match sets[at].sum.as_ref().zip(stored).map(|(sum, stored)| sum.compare(stored)) {
                Some(Compared::Same) => {}
                Some(Compared::Changed) if sets[at].reruns => {}
                Some(Compared::Changed) => problems.push(changed(&sets[at], &ids[at])),
                Some(Compared::Untold) | None => self.untold.push(ids[at].clone()),
            }
        }
        let known = known.map(|at| ids[at].clone());
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

    fn uncompared(&self) -> Option<Problem> {
        const SHOWN: usize = 5;
        let count = self.untold.len();
        let shown: Vec<&str> = self.untold.iter().take(SHOWN).map(String::as_str).collect();
        let more = if count > SHOWN { ", …" } else { "" };
        let detail = format!(
            "whether {count} of the changesets that have run were changed since ({}{more}) cannot be told: only checksums of formatted SQL without properties, of the versions 8 and 9, are compared; Liquibase compares all before it runs anything",
            shown.join(", ")
        );
        (count > 0).then(|| Problem::new(Trouble::Uncompared, "databasechangelog", detail))
    }

    /// What stands in a changelog that is not read is no orphan.
    pub(super) fn settle(&self, graph: &mut Graph) {
        for node in graph.nodes.iter_mut().filter(|node| self.unread.contains(&node.id)) {
            node.state = State::Applied;
        }
    }
}

/// The changesets of the files.
struct Known<'a> {
    sets: &'a [Changeset],
    ids: &'a [String],
    unread: &'a [String],
}

fn changed(set: &Changeset, id: &str) -> Problem {
    let detail = format!(
        "{}:{}: it was changed after it ran: Liquibase refuses to run anything (Validation Failed: 1 changesets check sum); bring its text back, e.g. from version control, and change the schema by a changeset of its own",
        set.path, set.line
    );
    Problem::new(Trouble::Checksum, id, detail)
}

/// Versions differ in what they write before a path.
fn plain(path: &str) -> &str {
    let path = path.strip_prefix("classpath:").unwrap_or(path);
    path.trim_start_matches("./").trim_start_matches('/')
}

/// `lock` is the lock's table as it was read.
fn locked(by: &str, lock: Option<&str>) -> Problem {
    let detail = format!(
        "held by {by}: another run is under way, or one has died; Liquibase waits for it, then fails (Could not acquire change log lock); look at the activity, and when nobody runs one, `liquibase releaseLocks`"
    );
    Problem::new(Trouble::Locked, lock.unwrap_or("databasechangeloglock"), detail)
}

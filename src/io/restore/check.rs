//! Whether the new database holds what the backup holds, before anybody uses it.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row as _};

use super::job::Load;
use super::prove::Proven;
use super::server::{self, execute, words};
use super::{Job, say};
use crate::domain::backup::content::{self, Compared, Contents};
use crate::domain::untrusted::Untrusted;
use crate::io::revision;

const TABLES: &str = include_str!("../../../assets/sql/dumped_tables.sql");
/// What is not valid, and whether that is wrong. A dump has no invalid index, but it writes a key
/// that is NOT VALID and an index ON ONLY a partitioned table as they are (`pg_dump`,
/// `getIndexes`, `dumpConstraint`).
const INVALID: &str = "
    SELECT i.indexrelid::regclass::text, c.relkind = 'i'
      FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
     WHERE NOT i.indisvalid
     UNION ALL
    SELECT k.conname::text || ' on ' || k.conrelid::regclass::text, false
      FROM pg_catalog.pg_constraint k
     WHERE k.contype = 'f' AND NOT k.convalidated
     ORDER BY 1";
/// So many differences are told one by one.
const MOST: usize = 6;

/// Analyses the new database, and holds its rows, and where its manifest tells them its contents,
/// against the backup.
pub(super) async fn check(job: &Job, load: &Load, proven: &Proven) -> Result<(), String> {
    let mut connection = server::connect(Some(&job.new)).await?;
    let refused = |error: sqlx::Error| words(&error);
    execute(&mut connection, "SET statement_timeout = 0").await.map_err(refused)?;
    say("ANALYZE");
    execute(&mut connection, "ANALYZE").await.map_err(refused)?;
    let found = count(&mut connection).await.map_err(refused)?;
    let mut wrong = differences(proven, &found);
    if wrong.is_empty() && !proven.contents.is_empty() {
        wrong.extend(other_contents(&mut connection, proven).await.map_err(refused)?);
    }
    wrong.extend(invalid(&mut connection).await.map_err(refused)?);
    wrong.extend(revision(load, proven, &mut connection).await);
    if wrong.is_empty() {
        let rows: u64 = found.values().sum();
        say(&format!("counted: {rows} rows in {} tables, as in the backup", found.len()));
        return Ok(());
    }
    let more = wrong.len().saturating_sub(MOST);
    wrong.truncate(MOST);
    let more = if more > 0 { format!("; {more} more") } else { String::new() };
    let text = format!("the new database is not what the backup holds: {}{more}", wrong.join("; "));
    Err(Untrusted::new(text).one_line())
}

/// Returns the indexes that ought to be valid; says what is not valid in the backup either.
async fn invalid(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let found = sqlx::query_as::<_, (String, bool)>(INVALID).fetch_all(connection).await?;
    let (wrong, as_dumped): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, wrong)| *wrong);
    for (name, _) in as_dumped {
        let name = Untrusted::new(name).one_line();
        say(&format!("{name} is not valid, as the backup has it"));
    }
    Ok(wrong.into_iter().map(|(name, _)| format!("{name} is not valid")).collect())
}

async fn count(connection: &mut PgConnection) -> sqlx::Result<BTreeMap<String, u64>> {
    let tables = sqlx::query(TABLES).fetch_all(&mut *connection).await?;
    let mut counts = BTreeMap::new();
    for table in &tables {
        let (schema, name, quoted): (String, String, String) =
            (table.try_get(0)?, table.try_get(1)?, table.try_get(2)?);
        let sql = format!("SELECT count(*)::int8 FROM ONLY {quoted}");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
        counts.insert(format!("{schema}.{name}"), u64::try_from(rows).unwrap_or_default());
    }
    Ok(counts)
}

fn differences(proven: &Proven, found: &BTreeMap<String, u64>) -> Vec<String> {
    let missing = |(table, rows): (&String, &Option<u64>)| match (found.get(table), rows) {
        (None, _) => Some(format!("{table} is missing")),
        (Some(found), Some(rows)) if found != rows => {
            Some(format!("{table} has {found} rows, not {rows}"))
        }
        _ => None,
    };
    let mut wrong: Vec<String> = proven.rows.iter().filter_map(missing).collect();
    // A manifest names every table; what is only decoded may have none for an empty one.
    if proven.backup.registered && !proven.rows.is_empty() {
        let extra = found.keys().filter(|table| !proven.rows.contains_key(*table));
        wrong.extend(extra.map(|table| format!("{table} is not in the backup")));
    }
    wrong
}

/// Returns the tables whose contents are not those of the backup; says how many are, and how many
/// cannot be compared.
async fn other_contents(
    connection: &mut PgConnection,
    proven: &Proven,
) -> sqlx::Result<Vec<String>> {
    say("summing the contents of each table");
    let tables = sqlx::query(TABLES).fetch_all(&mut *connection).await?;
    let mut loaded = Contents::new();
    for table in &tables {
        let (schema, name): (String, String) = (table.try_get(0)?, table.try_get(1)?);
        let (quoted, columns): (String, String) = (table.try_get(2)?, table.try_get(4)?);
        let name = format!("{schema}.{name}");
        if !proven.contents.contains_key(&name) {
            continue;
        }
        let sql = format!("SELECT ({})::text FROM ONLY {quoted}", content::sum(&columns));
        execute(connection, &format!("BEGIN READ ONLY{}", settings())).await?;
        // What cannot be summed cannot be compared; a connection that is lost is told by the next.
        let sum: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await.ok();
        execute(connection, "ROLLBACK").await?;
        loaded.extend(sum.map(|sum| (name, sum)));
    }
    let Compared { same, other, unknown } = content::compare(&loaded, &proven.contents);
    if unknown > 0 {
        say(&format!("the contents of {unknown} tables cannot be compared: of another version"));
    }
    say(&format!("{same} of {} tables hold the same contents", proven.contents.len()));
    Ok(other.iter().map(|table| format!("{table} holds other contents")).collect())
}

fn settings() -> String {
    content::SETTINGS.map(|(name, value)| format!("; SET LOCAL {name} = '{value}'")).concat()
}

/// Returns what is wrong with the revision; one that is not known on either side is not
/// compared, and that is said.
async fn revision(load: &Load, proven: &Proven, connection: &mut PgConnection) -> Option<String> {
    let found = match load.tool.as_deref() {
        Some(tool) => revision::current(tool, connection).await,
        None => None,
    };
    let (Some(expected), Some(mut found)) = (proven.backup.revisions.clone(), found) else {
        say("the revision is not compared: it is not known");
        return None;
    };
    let mut expected = expected;
    expected.sort_unstable();
    found.sort_unstable();
    let words = |ids: &[String]| if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
    if expected == found {
        say(&format!("at revision {}", Untrusted::new(words(&found)).one_line()));
        return None;
    }
    Some(format!("it is at revision {}, not {}", words(&found), words(&expected)))
}

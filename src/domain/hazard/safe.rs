//! Forms of a statement that reach the same with weaker locks.
//!
//! A form that the connected server or this structure would refuse is not given.

use crate::domain::change::written;
use crate::domain::change::{Constraint, Name, Rule, quote};

use super::catalog::Catalog;
use super::effect::says;

/// Returns true if the table is known to be partitioned: there most safe forms fail.
fn is_partitioned(table: &Name, catalog: &Catalog) -> bool {
    catalog.find(table).is_some_and(|relation| relation.partitioned)
}

/// `CREATE INDEX` with `CONCURRENTLY`; a partitioned parent refuses it.
pub(super) fn index(sql: &str, table: &Name, only: bool, catalog: &Catalog) -> Option<String> {
    if only {
        return None;
    }
    if is_partitioned(table, catalog) {
        return Some(format!(
            "CREATE INDEX … ON ONLY {0}; then, per partition, CREATE INDEX CONCURRENTLY and \
             ALTER INDEX … ATTACH PARTITION",
            table.quoted()
        ));
    }
    after_word(sql, "index", "CONCURRENTLY")
}

/// Inserts `insert` after the first occurrence of a word.
pub(super) fn after_word(sql: &str, word: &str, insert: &str) -> Option<String> {
    let lower = sql.to_ascii_lowercase();
    let is_boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    let end = lower
        .match_indices(word)
        .map(|(at, _)| (at, at + word.len()))
        .find(|(at, end)| {
            is_boundary(lower[..*at].chars().next_back())
                && is_boundary(lower[*end..].chars().next())
        })?
        .1;
    Some(format!("{} {insert}{}", &sql[..end], &sql[end..]))
}

/// A constraint in two steps: first unchecked, then checked under a weak lock.
pub(super) fn constraint(
    table: &Name,
    constraint: &Constraint,
    sql: &str,
    catalog: &Catalog,
) -> Option<String> {
    let name = constraint.name.clone();
    match &constraint.rule {
        Rule::Check(_) | Rule::ForeignKey(..) => {
            let is_key = matches!(constraint.rule, Rule::ForeignKey(..));
            let refused = is_key
                && is_partitioned(table, catalog)
                && catalog.version_num.is_none_or(|version| version < 180_000);
            if refused || !is_single(sql) {
                return None;
            }
            let name = name.map_or_else(|| String::from("…"), |name| quote(&name));
            let table = table.quoted();
            Some(format!("{sql} NOT VALID; then ALTER TABLE {table} VALIDATE CONSTRAINT {name}"))
        }
        Rule::Unique(_) | Rule::PrimaryKey(_) if has_options(sql) => None,
        Rule::Unique(columns) => by_index(table, name.as_deref(), columns, "UNIQUE", catalog),
        Rule::PrimaryKey(columns) => {
            by_index(table, name.as_deref(), columns, "PRIMARY KEY", catalog)
        }
        _ => None,
    }
}

/// Returns true for `ALTER TABLE … ADD` without another action: only such a statement can be
/// repeated with words added at its end.
fn is_single(sql: &str) -> bool {
    let outside = written::outside(sql).to_lowercase();
    let adds = outside.split_whitespace().filter(|word| *word == "add");
    adds.count() == 1 && !outside.contains(',')
}

/// Returns true if the key is more than its columns: an index that is made of these alone would
/// be another one, or could not become the constraint's.
fn has_options(sql: &str) -> bool {
    let options = [
        "nulls not distinct",
        "include",
        "deferrable",
        "initially",
        "without overlaps",
        "with",
        "tablespace",
    ];
    options.into_iter().any(|option| says(sql, option))
}

/// A unique index built aside and then made the constraint's; not on a partitioned table.
fn by_index(
    table: &Name,
    name: Option<&str>,
    columns: &[String],
    word: &str,
    catalog: &Catalog,
) -> Option<String> {
    if is_partitioned(table, catalog) || columns.is_empty() {
        return None;
    }
    let ending =
        if word == "UNIQUE" { format!("{}_key", columns.join("_")) } else { "pkey".into() };
    let name = quote(&name.map_or_else(|| format!("{}_{ending}", table.name), str::to_owned));
    let table = table.quoted();
    let columns = columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ");
    Some(format!(
        "CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns}); then ALTER TABLE {table} \
         ADD CONSTRAINT {name} {word} USING INDEX {name}"
    ))
}

/// `SET NOT NULL` over a proof that was made under a weak lock.
pub(super) fn not_null(table: &Name, column: &str) -> String {
    let proof = quote(&format!("{}_{column}_not_null", table.name));
    let (table, column) = (table.quoted(), quote(column));
    format!(
        "ALTER TABLE {table} ADD CONSTRAINT {proof} CHECK ({column} IS NOT NULL) NOT VALID; then, \
         in another transaction, ALTER TABLE {table} VALIDATE CONSTRAINT {proof}; then ALTER TABLE \
         {table} ALTER COLUMN {column} SET NOT NULL; then DROP CONSTRAINT {proof}"
    )
}

/// A column that gets its values in batches instead of in one rewrite.
pub(super) fn volatile_column(table: &Name, column: &str, kind: &str) -> String {
    let (table, column) = (table.quoted(), quote(column));
    format!(
        "ALTER TABLE {table} ADD COLUMN {column} {kind}; then ALTER COLUMN {column} SET DEFAULT …; \
         then fill the old rows in batches"
    )
}

/// A new column beside the old one.
pub(super) fn retype(table: &Name, column: &str, kind: &str) -> String {
    format!(
        "add a new column of {kind} beside {}.{}, keep both written by a trigger, copy in \
         batches, then swap the names",
        table.quoted(),
        quote(column)
    )
}

/// `DETACH PARTITION … CONCURRENTLY`: PostgreSQL 14 and later, without a default partition.
pub(super) fn detach(sql: &str, table: &Name, catalog: &Catalog) -> Option<String> {
    let has_default = catalog.find(table).is_some_and(|r| r.default_partition.is_some());
    let is_known = catalog.version_num.is_some_and(|version| version >= 140_000);
    // One that was begun concurrently is only brought to its end.
    (is_known && !has_default && !says(sql, "finalize")).then(|| format!("{sql} CONCURRENTLY"))
}

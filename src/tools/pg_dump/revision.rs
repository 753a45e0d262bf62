//! The revision inside of a backup: what the version tables of the known tools hold.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use super::Found;
use super::copy;
use super::toc::Versions;

/// No version table is larger than this (1 MiB).
const LARGEST: u64 = 1 << 20;

/// A version table as it was read, or why it could not be.
pub(super) struct Held<'a> {
    pub versions: &'a Versions,
    pub rows: Result<Vec<u8>, String>,
}

/// Which rows name a revision.
#[derive(Clone, Copy)]
enum Counts {
    /// Every row.
    Always,
    /// Those with this value in this column.
    Is(&'static str, &'static str),
    /// Those with any value in this column.
    Set(&'static str),
}

/// What of the rows that count names where the database is.
#[derive(Clone, Copy)]
enum Names {
    /// Every row does.
    All,
    /// The last by this column; rows lie in a table in no order.
    Last(&'static str),
    /// The last by `id` of each value of this column.
    LastOfEach(&'static str),
}

/// A tool's version table: its name, the column with the revision, and what counts.
struct Table(&'static str, &'static str, Counts, Names);

/// The version tables by their usual names; [`know`] adds others.
const TABLES: &[Table] = &[
    Table("alembic_version", "version_num", Counts::Always, Names::All),
    Table("_sqlx_migrations", "version", Counts::Is("success", "t"), Names::Last("version")),
    Table("SequelizeMeta", "name", Counts::Always, Names::Last("name")),
    Table("knex_migrations", "name", Counts::Always, Names::Last("id")),
    Table("pgmigrations", "name", Counts::Always, Names::Last("id")),
    Table("schema_migrations", "version", Counts::Always, Names::Last("version")),
    Table("goose_db_version", "version_id", Counts::Is("is_applied", "t"), Names::Last("id")),
    Table(
        "flyway_schema_history",
        "version",
        Counts::Is("success", "t"),
        Names::Last("installed_rank"),
    ),
    Table("databasechangelog", "id", Counts::Always, Names::Last("orderexecuted")),
    Table(
        "_prisma_migrations",
        "migration_name",
        Counts::Set("finished_at"),
        Names::Last("migration_name"),
    ),
    Table("django_migrations", "name", Counts::Always, Names::LastOfEach("app")),
];

/// Returns true for the version table of a known tool.
pub(super) fn is_version_table(name: &str) -> bool {
    find(name).is_some()
}

fn find(name: &str) -> Option<&'static Table> {
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let told = told.iter().find(|(own, _)| own == name).map(|(_, table)| *table);
    told.or_else(|| TABLES.iter().find(|table| table.0 == name))
}

/// The tables of other names that were told so far: a configuration does not change while we
/// run.
static TOLD: Mutex<Vec<(String, &'static Table)>> = Mutex::new(Vec::new());

/// Takes it that a table of this name is the version table of a tool; nothing where it is the
/// usual one, or the tool keeps none that is known.
pub(super) fn know(tool: &str, name: &str) {
    let usual = match tool {
        "alembic" => "alembic_version",
        "sqlx" => "_sqlx_migrations",
        "sequelize" => "SequelizeMeta",
        "knex" => "knex_migrations",
        "node-pg-migrate" => "pgmigrations",
        "dbmate" | "golang-migrate" => "schema_migrations",
        "goose" => "goose_db_version",
        "flyway" => "flyway_schema_history",
        "liquibase" => "databasechangelog",
        "prisma" => "_prisma_migrations",
        "django" => "django_migrations",
        _ => return,
    };
    let Some(table) = TABLES.iter().find(|table| table.0 == usual) else { return };
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if name != usual && !told.iter().any(|(own, _)| own == name) {
        told.push((name.to_owned(), table));
    }
}

/// Reads the rows of a version table.
pub(super) fn bounded(from: impl Read) -> Result<Vec<u8>, String> {
    let mut rows = Vec::new();
    from.take(LARGEST + 1).read_to_end(&mut rows).map_err(|error| error.to_string())?;
    if rows.len() as u64 > LARGEST {
        return Err("it is larger than 1 MiB".to_owned());
    }
    Ok(rows)
}

/// Puts what the version tables hold into `found`; one that cannot be read makes the
/// revision unknown, and so do two.
pub(super) fn fill(found: &mut Found, held: Vec<Held<'_>>) {
    let mut all = Vec::new();
    for Held { versions, rows } in held {
        let table = versions.table.as_str();
        match rows.and_then(|rows| revisions(table, &versions.copy, &rows)) {
            Ok(revisions) => all.push(revisions),
            Err(why) => {
                found.notes.push(format!("the revision in {table} cannot be read: {why}"));
                return;
            }
        }
    }
    if all.len() > 1 {
        found.notes.push("it holds several version tables: which one counts is not known".into());
        return;
    }
    found.revisions = all.pop();
}

/// Returns the revisions that the COPY rows of a version table name.
pub(super) fn revisions(table: &str, statement: &str, rows: &[u8]) -> Result<Vec<String>, String> {
    let Table(_, revision, counts, names) = find(table).ok_or("it is of no known tool")?;
    let text = std::str::from_utf8(rows).map_err(|_| "it is not UTF-8")?;
    let columns = copy::columns(statement).ok_or("its rows are not those of COPY")?;
    let column = |name: &str| {
        let at = columns.iter().position(|column| column == name);
        at.ok_or_else(|| format!("it has no column {name}, as that tool's has"))
    };
    let revision = column(revision)?;
    let counted = match counts {
        Counts::Always => None,
        Counts::Is(name, _) | Counts::Set(name) => Some(column(name)?),
    };
    let (order, each) = match names {
        Names::All => (revision, None),
        Names::Last(by) => (column(by)?, None),
        Names::LastOfEach(of) => (column("id")?, Some(column(of)?)),
    };
    let mut rows = copy::rows(text).ok_or("its rows do not end")?;
    rows.sort_by_cached_key(|row| place(field(row, order)));
    let mut named: Vec<(&str, &str)> = Vec::new();
    for row in &rows {
        let Some(id) = field(row, revision) else { continue };
        let value = counted.and_then(|at| field(row, at));
        // goose before 3 kept a row for every way down: the later row counts.
        named.retain(|(_, known)| each.is_some() || *known != id);
        let does_count = match counts {
            Counts::Always => true,
            Counts::Is(_, yes) => value == Some(yes),
            Counts::Set(_) => value.is_some(),
        };
        if does_count {
            named.push((each.and_then(|at| field(row, at)).unwrap_or_default(), id));
        }
    }
    Ok(chosen(*names, &named))
}

fn field(row: &[Option<String>], at: usize) -> Option<&str> {
    row.get(at).and_then(Option::as_deref)
}

/// Numbers are ordered as numbers, all else as text.
fn place(text: Option<&str>) -> (i128, String) {
    let text = text.unwrap_or_default();
    text.parse().map_or_else(|_| (0, text.to_owned()), |number| (number, String::new()))
}

fn chosen(names: Names, named: &[(&str, &str)]) -> Vec<String> {
    match names {
        Names::All => named.iter().map(|(_, id)| (*id).to_owned()).collect(),
        Names::Last(_) => named.last().map(|(_, id)| (*id).to_owned()).into_iter().collect(),
        Names::LastOfEach(_) => {
            let last: BTreeMap<&str, &str> = named.iter().copied().collect();
            last.into_iter().map(|(of, name)| format!("{of}.{name}")).collect()
        }
    }
}

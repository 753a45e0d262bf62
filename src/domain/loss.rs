//! What a migration destroys, in each direction, and the read-only question that
//! counts it before it is gone.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::change::{Alter, Change, Data, Name, Retype, Rule, Statement, Verb, quote};
use super::hazard::{Catalog, Relation};
use super::plan::Direction;
use super::recount::Count;

/// Something that is gone, or may not fit, afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The way on which it is lost.
    pub direction: Direction,
    /// What: `column users.preferences`.
    pub what: String,
    /// A query for a READ ONLY transaction whose single `bigint` counts the rows
    /// that are lost; `None` if no query can tell.
    pub probe: Option<String>,
    /// The answer of the probe; `None` until it ran, and where it could not tell.
    pub rows: Option<u64>,
    /// True if there are more: counting them all would have taken too long.
    pub more: bool,
    /// When the probe ran.
    pub counted_at: Option<DateTime<Utc>>,
    /// Why the probe could not tell.
    pub unknown: Option<String>,
    /// The line of the statement that loses it.
    pub line: usize,
    /// Where the lost rows or values lie, if that is one table.
    #[serde(skip)]
    pub place: Option<Place>,
}

/// A table, or a column of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: Name,
    /// The column; `None`: whole rows.
    pub column: Option<String>,
    /// True if the table itself is gone afterwards.
    pub gone: bool,
}

/// How many rows are counted where counting all takes too long.
pub const MOST: u64 = 10_000;

impl Loss {
    fn uncounted(direction: Direction, what: String, probe: Option<String>, line: usize) -> Self {
        let (rows, more, counted_at, unknown) = (None, false, None, None);
        let place = None;
        Self { direction, what, probe, rows, more, counted_at, unknown, line, place }
    }

    /// Returns the probe that stops counting at one more than [`MOST`].
    #[must_use]
    pub fn bounded(&self) -> Option<String> {
        let rows = self.probe.as_ref()?.strip_prefix(COUNT)?;
        Some(format!("{COUNT}(SELECT 1 FROM {rows} LIMIT {}) AS part", MOST + 1))
    }

    /// Returns true if both speak of the same rows.
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        (self.direction, self.line, &self.what, &self.probe)
            == (other.direction, other.line, &other.what, &other.probe)
    }

    /// Returns what the probe said, for the plan that it is shown with; `None` before it ran.
    #[must_use]
    pub fn count(&self) -> Option<Count> {
        self.counted_at?;
        let (what, line) = (self.what.clone(), self.line);
        Some(Count { what, line, rows: self.rows, more: self.more, covers: self.rows })
    }

    /// Returns what the probe said, in words; `None` before it ran.
    #[must_use]
    pub fn counted(&self) -> Option<String> {
        match (self.rows, &self.unknown) {
            (Some(1), _) if !self.more => Some("1 row".to_owned()),
            (Some(rows), _) if self.more => Some(format!("more than {} rows", grouped(rows))),
            (Some(rows), _) => Some(format!("{} rows", grouped(rows))),
            (None, Some(why)) => Some(format!("cannot tell: {why}")),
            (None, None) => None,
        }
    }
}

/// Returns a number with a comma at every third digit.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let chunks = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    chunks.collect::<Vec<_>>().join(",")
}

/// Returns what the statements lose when they are run in this direction.
///
/// What they created themselves before is not a loss, nor is a change of type that
/// `catalog`, the schema before them, shows to be a widening.
#[must_use]
pub fn of<'a>(
    statements: &'a [Statement],
    direction: Direction,
    catalog: impl Into<Ahead<'a>>,
) -> Vec<Loss> {
    let mut created: Vec<&Name> = Vec::new();
    let mut catalog = catalog.into();
    let mut losses = Vec::new();
    for statement in statements {
        for change in &statement.changes {
            if let Change::CreateTable(table) = change {
                created.push(&table.name);
            }
            let is_wider = widens(change, &mut catalog);
            catalog.advance(change);
            if let Some((what, probe)) = lost(change, &created).filter(|_| !is_wider) {
                let loss = Loss::uncounted(direction, what, probe, statement.line);
                losses.push(Loss { place: place(change), ..loss });
            }
        }
    }
    losses
}

/// A schema that is moved on only when it is asked: most changes ask nothing of it.
pub struct Ahead<'a> {
    catalog: Cow<'a, Catalog>,
    passed: Vec<&'a Change>,
}

impl<'a> From<&'a Catalog> for Ahead<'a> {
    fn from(catalog: &'a Catalog) -> Self {
        Self { catalog: Cow::Borrowed(catalog), passed: Vec::new() }
    }
}

impl<'a> Ahead<'a> {
    /// Returns the schema that the statements make of `catalog`.
    #[must_use]
    pub fn after(catalog: &'a Catalog, statements: &'a [Statement]) -> Self {
        let passed = statements.iter().flat_map(|statement| &statement.changes);
        Self { passed: passed.collect(), ..Self::from(catalog) }
    }

    fn advance(&mut self, change: &'a Change) {
        self.passed.push(change);
    }

    /// Returns the schema after all changes so far.
    fn now(&mut self) -> &Catalog {
        for change in self.passed.drain(..) {
            self.catalog.to_mut().advance(change);
        }
        &self.catalog
    }
}

/// Returns true for a change of type that takes every value of the known old type.
fn widens(change: &Change, catalog: &mut Ahead) -> bool {
    let Change::Alter(table, Alter::Type(retype)) = change else { return false };
    let old = catalog.now().find(table).and_then(|relation| relation.column(&retype.column));
    old.is_some_and(|old| old.kind.fits(&retype.to))
}

/// Returns where the rows or values lie that a change destroys.
fn place(change: &Change) -> Option<Place> {
    let (table, column) = match change {
        Change::DropTable(table) | Change::Truncate(table) => (table, None),
        Change::Alter(table, Alter::DropColumn(column)) => (table, Some(column.clone())),
        Change::Alter(table, Alter::Type(retype)) => (table, Some(retype.column.clone())),
        Change::Data(data) => (&data.table, None),
        _ => return None,
    };
    let gone = matches!(change, Change::DropTable(_));
    Some(Place { table: table.clone(), column, gone })
}

fn lost(change: &Change, created: &[&Name]) -> Option<(String, Option<String>)> {
    match change {
        Change::DropTable(table) | Change::Truncate(table) if !created.contains(&table) => {
            Some((format!("table {table}"), Some(count(table, None))))
        }
        Change::DropSequence(name) => Some((format!("sequence {name}"), None)),
        Change::DropObject(what) => Some((what.to_lowercase(), None)),
        Change::Alter(table, action) if !created.contains(&table) => altered(table, action),
        Change::Data(data) if !created.contains(&&data.table) => rows(data),
        _ => None,
    }
}

fn altered(table: &Name, action: &Alter) -> Option<(String, Option<String>)> {
    match action {
        Alter::DropColumn(column) => {
            let filled = format!("{} IS NOT NULL", quote(column));
            Some((format!("column {table}.{column}"), Some(count(table, Some(&filled)))))
        }
        Alter::Type(retype) => misfits(table, retype),
        _ => None,
    }
}

/// The rows whose value does not fit the new type.
fn misfits(table: &Name, retype: &Retype) -> Option<(String, Option<String>)> {
    let column = quote(&retype.column);
    let first = retype.to.modifiers.first();
    let condition = match (retype.to.name.as_str(), first) {
        (_, _) if retype.to.array => None,
        ("character varying" | "character", Some(most)) => {
            Some(format!("length({column}::text) > {most}"))
        }
        ("smallint", _) => Some(format!("{column} NOT BETWEEN -32768 AND 32767")),
        ("integer", _) => Some(format!("{column} NOT BETWEEN -2147483648 AND 2147483647")),
        ("bigint", _) => {
            Some(format!("{column}::numeric NOT BETWEEN {} AND {}", i64::MIN, i64::MAX))
        }
        ("numeric", Some(precision)) => {
            let scale = retype.to.modifiers.get(1).copied().unwrap_or(0);
            let whole = precision - scale;
            Some(format!(
                "abs({column}::numeric) >= power(10::numeric, {whole}) OR {column}::numeric <> \
                 round({column}::numeric, {scale})"
            ))
        }
        ("date", _) => Some(format!("{column}::timestamp <> {column}::date")),
        // These take every value of the types that are commonly widened to them.
        ("text" | "numeric" | "character varying" | "jsonb" | "double precision", None) => {
            return None;
        }
        _ => None,
    };
    let what = format!("values of {table}.{} that do not fit {}", retype.column, retype.to);
    Some((what, condition.map(|condition| count(table, Some(&condition)))))
}

fn rows(data: &Data) -> Option<(String, Option<String>)> {
    let probe = is_repeatable(data).then(|| count(&data.table, data.filter.as_deref()));
    match data.verb {
        Verb::Delete => Some((format!("rows of {}", data.table), probe)),
        Verb::Update => {
            let columns = data.columns.join(", ");
            Some((format!("earlier values of {}.{columns}", data.table), probe))
        }
        Verb::Merge => Some((format!("earlier values of {}", data.table), None)),
        // ON CONFLICT DO UPDATE: which rows it meets is known only then.
        Verb::Insert if !data.columns.is_empty() => {
            let columns = data.columns.join(", ");
            Some((format!("earlier values of {}.{columns}", data.table), None))
        }
        Verb::Insert => None,
    }
}

/// Returns true if the condition may be repeated in a probe: it calls nothing,
/// since a function could do anything.
fn is_repeatable(data: &Data) -> bool {
    data.filter.as_ref().is_none_or(|filter| !filter.contains(['(', ';', '$']))
}

/// How every probe begins.
const COUNT: &str = "SELECT count(*)::bigint FROM ";

fn count(table: &Name, condition: Option<&str>) -> String {
    match condition {
        Some(condition) => format!("{COUNT}{} WHERE {condition}", table.quoted()),
        None => format!("{COUNT}{}", table.quoted()),
    }
}

/// Returns the rows that would refuse the statements when they are run in this direction:
/// NULLs, duplicates, values that a check forbids. Nothing is lost by them; the migration fails.
///
/// A table that the statements make themselves has no such rows, and what `catalog` proves is
/// not asked.
#[must_use]
pub fn obstacles<'a>(
    statements: &'a [Statement],
    direction: Direction,
    catalog: impl Into<Ahead<'a>>,
) -> Vec<Loss> {
    let mut catalog = catalog.into();
    let mut created: Vec<&Name> = Vec::new();
    let mut obstacles = Vec::new();
    for statement in statements {
        for change in &statement.changes {
            if let Change::CreateTable(table) = change {
                created.push(&table.name);
            }
            let found = match change {
                Change::Alter(table, action) if !created.contains(&table) => {
                    refusing(table, action, &mut catalog)
                }
                Change::CreateIndex(index) if index.unique && !index.partial => {
                    twice(&index.table, &index.columns).into_iter().collect()
                }
                _ => Vec::new(),
            };
            catalog.advance(change);
            obstacles.extend(
                found
                    .into_iter()
                    .map(|(what, probe)| Loss::uncounted(direction, what, probe, statement.line)),
            );
        }
    }
    obstacles
}

type Counted = (String, Option<String>);

fn refusing(table: &Name, action: &Alter, catalog: &mut Ahead) -> Vec<Counted> {
    let constraint = match action {
        Alter::ValidateConstraint(name) => return unproven(table, name, catalog.now()),
        Alter::SetNotNull(column) => {
            return missing(table, column, catalog.now()).into_iter().collect();
        }
        Alter::AddColumn(column) if column.not_null && !column.has_value() => {
            let what = format!("rows of {table}, which would have no value in {}", column.name);
            return vec![(what, Some(count(table, None)))];
        }
        Alter::AddConstraint(constraint) if !constraint.not_valid => constraint,
        _ => return Vec::new(),
    };
    match &constraint.rule {
        Rule::Check(expression) => {
            let what = format!("rows of {table} that break CHECK ({expression})");
            vec![(what, Some(count(table, Some(&format!("NOT ({expression})")))))]
        }
        Rule::NotNull(column) => missing(table, column, catalog.now()).into_iter().collect(),
        Rule::Unique(columns) => twice(table, columns).into_iter().collect(),
        Rule::PrimaryKey(columns) => {
            let catalog = catalog.now();
            let nulls = columns.iter().filter_map(|column| missing(table, column, catalog));
            nulls.chain(twice(table, columns)).collect()
        }
        Rule::ForeignKey(columns, parent, referenced) => {
            vec![orphans(table, columns, parent, referenced, catalog.now())]
        }
        _ => Vec::new(),
    }
}

fn missing(table: &Name, column: &str, catalog: &Catalog) -> Option<Counted> {
    let known = catalog.find(table);
    let is_proven = known.is_some_and(|relation| {
        relation.proves_not_null(column) || relation.column(column).is_some_and(|c| c.not_null)
    });
    let condition = format!("{} IS NULL", quote(column));
    (!is_proven)
        .then(|| (format!("NULLs in {table}.{column}"), Some(count(table, Some(&condition)))))
}

/// Values that stand more than once; NULLs are never equal.
fn twice(table: &Name, columns: &[String]) -> Option<Counted> {
    let quoted: Vec<String> = columns.iter().map(|column| quote(column)).collect();
    let filled: Vec<String> = quoted.iter().map(|column| format!("{column} IS NOT NULL")).collect();
    let list = quoted.join(", ");
    let probe = format!(
        "{COUNT}(SELECT 1 FROM {} WHERE {} GROUP BY {list} HAVING count(*) > 1) AS twice",
        table.quoted(),
        filled.join(" AND ")
    );
    let what = format!("values of {table}.({}) that stand more than once", columns.join(", "));
    (!columns.is_empty()).then_some((what, Some(probe)))
}

/// Rows without a parent. A key with a NULL in it refers to nothing (MATCH SIMPLE); to a table
/// that the migration makes itself, nobody can tell yet what will be in it.
fn orphans(
    table: &Name,
    columns: &[String],
    parent: &Name,
    referenced: &[String],
    catalog: &Catalog,
) -> Counted {
    let what = format!("rows of {table}.({}) without a row in {parent}", columns.join(", "));
    let known = catalog.find(parent);
    let key = match (referenced, known) {
        ([], Some(relation)) => relation.primary_key.as_slice(),
        (written, _) => written,
    };
    let is_made = known.is_some_and(|relation| relation.fresh);
    let is_named_anew = has_new_name(table, columns, catalog) || has_new_name(parent, key, catalog);
    if is_made || is_named_anew || columns.is_empty() || key.len() != columns.len() {
        return (what, None);
    }
    let own = || columns.iter().map(|column| format!("child.{}", quote(column)));
    let filled: Vec<String> = own().map(|column| format!("{column} IS NOT NULL")).collect();
    let pairs = key.iter().map(|column| format!("parent.{}", quote(column))).zip(own());
    let pairs: Vec<String> = pairs.map(|(theirs, own)| format!("{theirs} = {own}")).collect();
    let probe = format!(
        "{COUNT}{} AS child WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS parent WHERE {})",
        table.quoted(),
        filled.join(" AND "),
        parent.quoted(),
        pairs.join(" AND ")
    );
    (what, Some(probe))
}

/// Returns true if statements before this one gave a column its name: the probe runs before them.
fn has_new_name(table: &Name, columns: &[String], catalog: &Catalog) -> bool {
    let is_new = |relation: &Relation| columns.iter().any(|c| relation.renamed.contains(c));
    catalog.find(table).is_some_and(is_new)
}

/// The rows that would refuse what was added `NOT VALID`, where it is a foreign key: the text of
/// a check is not read.
fn unproven(table: &Name, constraint: &str, catalog: &Catalog) -> Vec<Counted> {
    let known = catalog.find(table);
    let keys = known.into_iter().flat_map(|relation| &relation.foreign_keys);
    keys.filter(|key| key.name == constraint && !key.valid)
        .map(|key| orphans(table, &key.columns, &key.references, &key.referenced, catalog))
        .collect()
}

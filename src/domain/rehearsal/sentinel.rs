//! Rows that are written on a copy to see what becomes of them: made from the schema alone, with
//! types, constraints and foreign keys respected.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::change::Name;

/// A column as the catalog tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its number in the table.
    pub number: i16,
    /// The name of its type, of a domain's base type, of an array's elements.
    pub kind: String,
    /// The type as `CAST` takes it.
    pub cast: String,
    /// It is an array.
    pub array: bool,
    /// It is a range or a multirange.
    pub range: bool,
    /// The labels of an enum.
    pub labels: Vec<String>,
    /// How many characters or bits it takes at most.
    pub length: Option<u32>,
    /// The digits of a `numeric`: all, and those after the point.
    pub digits: Option<(u32, u32)>,
    /// It takes no NULL.
    pub not_null: bool,
    /// It has a default.
    pub defaulted: bool,
    /// Its default counts: a serial, or an identity.
    pub counted: bool,
    /// Only the server writes it.
    pub generated: bool,
    /// It is part of a unique key.
    pub unique: bool,
    /// The literals that the checks on it name, as SQL.
    pub literals: Vec<String>,
}

/// A foreign key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// The columns that point.
    pub columns: Vec<String>,
    /// The table that they point to.
    pub to: u32,
    /// The columns that they point to.
    pub referenced: Vec<String>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: Name,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The numbers of the primary key's columns.
    pub key: Vec<i16>,
    /// Its foreign keys.
    pub foreign: Vec<Foreign>,
    /// The columns that each check names; under no name those of a partition's bound.
    pub checks: BTreeMap<String, Vec<String>>,
    /// The columns that are not what they were before the way up: they are written to the full.
    pub wide: Vec<String>,
    /// It is a partition: rows come to it through its parent, too.
    pub is_partition: bool,
}

/// Returns the order in which to write, so that what is pointed to comes first where that is
/// possible.
#[must_use]
pub fn order(tables: &[Table]) -> Vec<usize> {
    // What is not there is not waited for.
    let mut unwritten: BTreeSet<u32> = tables.iter().map(|table| table.oid).collect();
    let mut left: Vec<usize> = (0..tables.len()).collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        let is_ready = |at: &usize| {
            let Table { oid, foreign, .. } = &tables[*at];
            foreign.iter().all(|key| key.to == *oid || !unwritten.contains(&key.to))
        };
        // In a ring somebody has to be first.
        let next = left.remove(left.iter().position(is_ready).unwrap_or(0));
        unwritten.remove(&tables[next].oid);
        order.push(next);
    }
    order
}

/// The choice of a value for each column of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picks {
    /// Makes values that have to be unique another one each time.
    pub number: u32,
    /// Which of the candidates is taken, by column; the first if none is named.
    at: BTreeMap<String, usize>,
}

impl Picks {
    /// Returns the first choice with this number.
    #[must_use]
    pub fn numbered(number: u32) -> Self {
        Self { number, at: BTreeMap::new() }
    }

    /// Takes the next candidates for the columns of a check that refused the row; false if all
    /// were tried.
    pub fn next(&mut self, table: &Table, columns: &[String]) -> bool {
        for name in columns {
            let Some(column) = table.columns.iter().find(|column| column.name == *name) else {
                continue;
            };
            let all = candidates(column, self.number, table.wide.contains(name)).len();
            let at = self.at.entry(name.clone()).or_default();
            if *at + 1 < all {
                *at += 1;
                return true;
            }
            *at = 0;
        }
        false
    }

    fn of(&self, table: &Table, column: &Column) -> Option<String> {
        let all = candidates(column, self.number, table.wide.contains(&column.name));
        let at = self.at.get(&column.name).copied().unwrap_or(0);
        all.into_iter().nth(at)
    }
}

/// Returns the statement that writes one row, and returns its values by the numbers of their
/// columns. `parent` is how a row of the table with this oid is found, if one is known.
///
/// # Errors
/// Why there can be none.
pub fn insert(
    table: &Table,
    picks: &Picks,
    parent: &dyn Fn(u32) -> Option<String>,
) -> Result<String, String> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in table.columns.iter().filter(|column| !column.generated && !column.counted) {
        let value = match points(table, column, parent) {
            Some(value) => value,
            None => match picks.of(table, column) {
                Some(value) => value,
                None if column.not_null => {
                    return Err(format!("no value can be made of the type {}", column.cast));
                }
                None => continue,
            },
        };
        names.push(quoted(&column.name));
        values.push(value);
    }
    Ok(statement(table, &names, &format!("VALUES ({})", values.join(", "))))
}

/// Returns the statement that writes a row like one that is there, other only where it has to be
/// unique.
#[must_use]
pub fn copy(
    table: &Table,
    picks: &Picks,
    parent: &dyn Fn(u32) -> Option<String>,
) -> Option<String> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in table.columns.iter().filter(|column| !column.generated && !column.counted) {
        let own = quoted(&column.name);
        let value = match column.unique {
            true => points(table, column, parent).or_else(|| picks.of(table, column))?,
            false => own.clone(),
        };
        names.push(own);
        values.push(value);
    }
    let select = format!("SELECT {} FROM {} LIMIT 1", values.join(", "), table.name.quoted());
    Some(statement(table, &names, &select))
}

fn statement(table: &Table, names: &[String], source: &str) -> String {
    let into = table.name.quoted();
    let returned = texts(table.columns.iter().map(|column| (column.number, column.name.as_str())));
    let source = match names {
        [] => "DEFAULT VALUES".to_owned(),
        names => format!("({}) {source}", names.join(", ")),
    };
    format!("INSERT INTO {into} {source} RETURNING tableoid::int8, ctid::text, ({returned})::text")
}

/// Returns an expression that gives all columns as texts, by their numbers.
#[must_use]
pub fn texts<'a>(columns: impl Iterator<Item = (i16, &'a str)>) -> String {
    let pairs: Vec<String> =
        columns.map(|(number, name)| format!("'{number}', {}::text", quoted(name))).collect();
    // A function takes 100 arguments at most: "FUNC_MAX_ARGS" of PostgreSQL.
    let parts: Vec<String> =
        pairs.chunks(40).map(|chunk| format!("jsonb_build_object({})", chunk.join(", "))).collect();
    if parts.is_empty() { "'{}'::jsonb".to_owned() } else { parts.join(" || ") }
}

fn points(
    table: &Table,
    column: &Column,
    parent: &dyn Fn(u32) -> Option<String>,
) -> Option<String> {
    let foreign = table.foreign.iter().find(|f| f.columns.contains(&column.name))?;
    let at = foreign.columns.iter().position(|name| *name == column.name)?;
    if foreign.to == table.oid && !column.not_null {
        return Some("NULL".to_owned());
    }
    let from = parent(foreign.to)?;
    Some(format!("(SELECT {} FROM {from} LIMIT 1)", quoted(foreign.referenced.get(at)?)))
}

/// Returns the values to try for a column, as SQL, the most telling first; none if nobody knows
/// how to make one.
#[must_use]
pub fn candidates(column: &Column, number: u32, wide: bool) -> Vec<String> {
    let cast = |text: String| format!("CAST('{}' AS {})", text.replace('\'', "''"), column.cast);
    let mut all: Vec<String> = if column.array {
        vec![cast("{}".to_owned())]
    } else if column.range {
        vec![cast("empty".to_owned())]
    } else if column.labels.is_empty() {
        of_kind(column, number, wide).into_iter().map(cast).collect()
    } else {
        // The last one is the one that came with the migration.
        column.labels.iter().rev().cloned().map(cast).collect()
    };
    let literal = |text: &String| format!("CAST({text} AS {})", column.cast);
    all.extend(column.literals.iter().map(literal));
    if column.defaulted {
        all.push("DEFAULT".to_owned());
    }
    if !column.not_null {
        all.push("NULL".to_owned());
    }
    all
}

fn of_kind(column: &Column, number: u32, wide: bool) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match column.kind.as_str() {
        "bool" => vec!["true".to_owned(), "false".to_owned()],
        "int2" => vec![(32_000 + number % 700).to_string(), "1".to_owned(), "0".to_owned()],
        "int4" => {
            vec![(1_900_000_000 + number).to_string(), (number + 1).to_string(), "0".to_owned()]
        }
        "int8" if wide => vec![(9_000_000_000_000_000_000_u64 + u64::from(number)).to_string()],
        "int8" => {
            vec![(1_900_000_000 + number).to_string(), (number + 1).to_string(), "0".to_owned()]
        }
        "oid" => vec![(1_900_000_000 + number).to_string()],
        "numeric" => numeric(column, number, wide),
        "float4" | "float8" => vec![format!("{number}.5"), "0.5".to_owned()],
        "money" => vec![format!("{number}.25")],
        "text" | "varchar" | "bpchar" | "citext" | "name" => texts_of(column, number, wide),
        "char" => one("x"),
        "date" => vec![format!("{}-01-02", 2020 + number % 70)],
        "timestamp" | "timestamptz" => {
            vec![format!("2020-01-02 03:04:05.{:06}", number % 1_000_000)]
        }
        "time" | "timetz" => vec![format!("03:04:05.{:06}", number % 1_000_000)],
        "interval" => vec![format!("{number} seconds")],
        "uuid" => vec![format!("6c6f636b-6b65-4070-8000-{number:012x}")],
        "json" | "jsonb" => vec![format!("{{\"lockkeeper\": {number}}}"), "[]".to_owned()],
        "bytea" => vec![format!("\\x6c6b{number:08x}")],
        "inet" => vec![address(number)],
        "cidr" => vec![format!("{}/32", address(number))],
        "macaddr" => vec![format!("02:6c:{}", bytes(number))],
        "macaddr8" => vec![format!("02:6c:6b:65:{}", bytes(number))],
        "xml" => one("<lockkeeper/>"),
        "bit" | "varbit" => vec!["1".repeat(column.length.unwrap_or(1) as usize)],
        "tsvector" | "tsquery" => one("lockkeeper"),
        "point" => vec![format!("({number},1)")],
        "box" => one("((0,0),(1,1))"),
        "circle" => one("<(0,0),1>"),
        "lseg" => one("((0,0),(1,1))"),
        "path" | "polygon" => one("((0,0),(1,1),(1,0))"),
        "line" => one("{1,-1,0}"),
        "hstore" => one("lockkeeper=>1"),
        "ltree" => vec![format!("lockkeeper.r{number}")],
        _ => Vec::new(),
    }
}

fn numeric(column: &Column, number: u32, wide: bool) -> Vec<String> {
    let Some((all, after)) = column.digits else {
        return vec![format!("{number}.25"), "1".to_owned(), "0".to_owned()];
    };
    let before = all.saturating_sub(after);
    let nines = |digits: u32| "9".repeat(digits as usize);
    let full = match (before, after) {
        (0, _) => format!("0.{}", nines(after)),
        (_, 0) => nines(before),
        _ => format!("{}.{}", nines(before), nines(after)),
    };
    let limit = 10_u64.saturating_pow(before.min(9));
    let small = (u64::from(number) % limit).to_string();
    if wide { vec![full, small] } else { vec![small, "1".to_owned(), "0".to_owned()] }
}

fn texts_of(column: &Column, number: u32, wide: bool) -> Vec<String> {
    let longest = column.length.map_or(300, |length| length as usize);
    let cut = |text: String| text.chars().take(longest).collect::<String>();
    // What differs stands first: it has to survive being cut.
    let short = cut(format!("{number} lockkeeper"));
    let long = cut(format!("{number} lockkeeper {}", "x".repeat(longest)));
    let others = [
        cut(format!("lockkeeper-{number}@example.com")),
        cut(format!("https://example.com/{number}")),
        cut(number.to_string()),
        cut(format!("A{number}")),
        String::new(),
    ];
    let first = if wide { vec![long, short] } else { vec![short] };
    first.into_iter().chain(others).collect()
}

fn address(number: u32) -> String {
    let [_, a, b, c] = number.to_be_bytes();
    format!("10.{a}.{b}.{c}")
}

fn bytes(number: u32) -> String {
    let [a, b, c, d] = number.to_be_bytes();
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What was written, or is there now: texts by the numbers of their columns.
pub type Values = BTreeMap<i16, Option<String>>;

/// Returns the columns of `before` whose values are not in `after` any more, by their numbers.
/// A number that is written in another way is the same number.
#[must_use]
pub fn vanished(before: &Values, after: &Values) -> Vec<i16> {
    let is_gone = |(number, value): (&i16, &Option<String>)| {
        let is = after.get(number);
        let same = match (value, is) {
            // Nothing was written there.
            (None, _) => true,
            (Some(value), Some(Some(is))) => equal(value, is),
            _ => false,
        };
        (!same).then_some(*number)
    };
    before.iter().filter_map(is_gone).collect()
}

fn equal(a: &str, b: &str) -> bool {
    a == b || (plain(a).is_some() && plain(a) == plain(b)) || a.trim_end() == b.trim_end()
}

/// Returns a decimal number without the zeros that say nothing.
fn plain(text: &str) -> Option<&str> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    if text.is_empty() || !text.chars().all(is_number) {
        return None;
    }
    match text.contains('.') {
        true => Some(text.trim_end_matches('0').trim_end_matches('.')),
        false => Some(text),
    }
}

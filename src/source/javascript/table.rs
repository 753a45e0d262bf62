//! Tables, indexes and constraints as SQL, whichever library described them.

use crate::domain::change::{Name, quote};

use super::column::Column;

/// Returns `CREATE TABLE` with what has to stand before it.
pub(super) fn create(
    table: &Name,
    exists: &str,
    columns: &[Column],
    rules: &[String],
) -> Vec<String> {
    let mut all: Vec<String> = columns.iter().flat_map(|column| column.before.clone()).collect();
    let keys: Vec<String> =
        columns.iter().filter(|column| column.primary).map(|column| quote(&column.name)).collect();
    let several = keys.len() > 1;
    let mut parts: Vec<String> = columns
        .iter()
        .map(|column| Column { primary: column.primary && !several, ..column.clone() }.sql())
        .collect();
    parts.extend(several.then(|| format!("PRIMARY KEY ({})", keys.join(", "))));
    parts.extend(rules.iter().cloned());
    all.push(format!("CREATE TABLE {exists}{} ({})", table.quoted(), parts.join(", ")));
    all
}

/// Returns `ADD COLUMN` with what has to stand before it.
pub(super) fn add_column(table: &Name, exists: &str, column: &Column) -> Vec<String> {
    let mut all = column.before.clone();
    all.push(format!("ALTER TABLE {} ADD COLUMN {exists}{}", table.quoted(), column.sql()));
    all
}

/// Returns an action of `ALTER TABLE`.
pub(super) fn alter(table: &Name, action: &str) -> String {
    format!("ALTER TABLE {} {action}", table.quoted())
}

/// An index.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub name: Option<String>,
    /// As they stand in SQL.
    pub columns: Vec<String>,
    pub unique: bool,
    pub concurrently: bool,
    pub if_not_exists: bool,
    pub method: Option<String>,
    pub filter: Option<String>,
}

impl Index {
    /// Returns `CREATE INDEX`.
    pub(super) fn create(&self, table: &Name) -> String {
        let word = |on: bool, word: &str| if on { word.to_owned() } else { String::new() };
        format!(
            "CREATE {}INDEX {}{}{}ON {}{} ({}){}",
            word(self.unique, "UNIQUE "),
            word(self.concurrently, "CONCURRENTLY "),
            word(self.if_not_exists, "IF NOT EXISTS "),
            self.name.as_ref().map(|name| quote(name) + " ").unwrap_or_default(),
            table.quoted(),
            self.method.as_ref().map(|method| format!(" USING {method}")).unwrap_or_default(),
            self.columns.join(", "),
            self.filter.as_ref().map(|filter| format!(" WHERE {filter}")).unwrap_or_default(),
        )
    }

    /// Returns `DROP INDEX`.
    pub(super) fn drop(&self, table: &Name, exists: &str) -> Option<String> {
        let name = Name { schema: table.schema.clone(), name: self.name.clone()? };
        let concurrently = if self.concurrently { "CONCURRENTLY " } else { "" };
        Some(format!("DROP INDEX {concurrently}{exists}{}", name.quoted()))
    }
}

/// Returns the names quoted, with commas between.
pub(super) fn list(names: &[String]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}

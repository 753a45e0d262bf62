//! Saving what a migration is about to destroy: one column with the key that finds its rows
//! again, or a whole table, and the SQL that brings it back.

use super::change::quote;
use super::tables::{Column, Shape, advance};
use super::untrusted::Untrusted;

/// What is saved, out of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvage {
    /// The table, as SQL names it.
    pub table: String,
    /// The column, if only one is saved.
    pub column: Option<String>,
    /// The columns of the file, in their order.
    pub columns: Vec<String>,
    /// Those of them that tell rows apart; empty: a table without a key.
    pub key: Vec<String>,
    /// The sequences of the table's columns.
    sequences: Vec<(String, String)>,
}

impl Salvage {
    /// Returns what has to be saved of a table, or of one of its columns.
    ///
    /// # Errors
    /// Why it could not be brought back.
    pub fn of(shape: &Shape, column: Option<&str>) -> Result<Self, String> {
        let table = shape.live();
        let written = |name: &str| shape.columns.iter().find(|c| c.name == name);
        let columns = match column {
            None => {
                let all = shape.columns.iter().filter(|column| !column.generated);
                all.map(|column| column.name.clone()).collect()
            }
            Some(name) => match written(name) {
                None => return Err(format!("{table} has no column {name}")),
                Some(Column { generated: true, .. }) => {
                    let why = "is generated: it is computed again from the other columns";
                    return Err(format!("{table}.{name} {why}"));
                }
                Some(_) if shape.key.is_empty() => {
                    return Err(format!(
                        "{table} has no primary key and no unique index over columns that are \
                         never null: of one column alone nobody could tell which row a value \
                         belongs to; save the whole table (without --column)"
                    ));
                }
                Some(_) => {
                    let key = shape.key.iter().filter(|key| *key != name).cloned();
                    key.chain([name.to_owned()]).collect()
                }
            },
        };
        Ok(Self {
            table,
            column: column.map(str::to_owned),
            columns,
            key: shape.key.clone(),
            sequences: shape.sequences.clone(),
        })
    }

    fn listed(&self) -> String {
        self.columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ")
    }

    /// Returns the statement that writes the file: `COPY`'s text format.
    #[must_use]
    pub fn copy(&self) -> String {
        format!("COPY (SELECT {} FROM {}) TO STDOUT", self.listed(), self.table)
    }

    /// Returns the script for psql that brings it back out of `file`, once the migration's way up
    /// has made the column or the table again. Rows of a table that are there already stay.
    #[must_use]
    pub fn way_back(&self, file: &str) -> String {
        let (table, columns) = (&self.table, self.listed());
        let shown = |text: &str| Untrusted::from(text).one_line();
        let of = self.column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
        let (what, script) = (shown(&format!("{table}{of}")), shown(&format!("{file}.sql")));
        let file = file.replace('\'', "''");
        // The file is in our own encoding and styles, whatever the server's are.
        let head = format!(
            "-- Brings back {what}, once a migration has made it again:\n\
             -- psql -X -f {script}\n\
             \\set ON_ERROR_STOP on\nBEGIN;\n\
             SET LOCAL client_encoding TO 'UTF8';\nSET LOCAL intervalstyle TO 'postgres';\n\
             CREATE TEMPORARY TABLE salvaged ON COMMIT DROP AS\n  \
             SELECT {columns} FROM {table} WITH NO DATA;\n\
             \\copy salvaged ({columns}) FROM '{file}'\n"
        );
        let body = match &self.column {
            Some(column) => self.set(&quote(column)),
            None => format!(
                "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE\n  \
                 SELECT {columns} FROM salvaged\n  ON CONFLICT DO NOTHING;\n{}",
                advance(&self.sequences, table)
            ),
        };
        format!("{head}{body}COMMIT;\n")
    }

    /// All that differ: a column that is made again may have a default in every row.
    fn set(&self, column: &str) -> String {
        let pair = |key: &String| format!("t.{0} = s.{0}", quote(key));
        let on = self.key.iter().map(pair).collect::<Vec<_>>().join(" AND ");
        format!(
            "-- Values that were written since are set back, too.\n\
             UPDATE {} t SET {column} = s.{column}\n  FROM salvaged s WHERE {on} AND \
             ROW(s.{column})::record *<> ROW(t.{column})::record;\n",
            self.table
        )
    }
}

//! Bringing rows of one table back: what differs between the live table and what was staged out
//! of a backup, and the SQL that merges it or replaces the table, each in one transaction.
//!
//! Never CASCADE: it would empty what refers to the table. Never `session_replication_role`:
//! it leaves orphans under a key that says it is valid. Rows are compared with `*<>`, since
//! `IS DISTINCT FROM` has no answer for json (PostgreSQL, "Row and Array Comparisons").

use std::fmt::{self, Write as _};

use super::change::{Name, quote};

/// The schema that staged tables lie in.
pub const STAGE: &str = "restore_stage";

/// A table of the target, as its catalog tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// The columns of its primary key, else of a unique index over columns that are never null.
    pub key: Vec<String>,
    /// Its triggers that a merge would fire, as they are defined.
    pub triggers: Vec<String>,
    /// Its row security: whether it is on, and how many policies.
    pub policies: Option<i64>,
    /// Foreign keys of other tables, and its own, that refer to it.
    pub inbound: Vec<Inbound>,
    /// Sequences of its columns: the sequence as SQL names it, and the column.
    pub sequences: Vec<(String, String)>,
    /// The columns of the staged table that hold what the backup held; empty: nothing is staged.
    pub staged: Vec<String>,
    /// The backup that they were staged out of, if the staged table says so.
    pub staged_from: Option<String>,
}

/// A column of the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `GENERATED ALWAYS AS (…) STORED`: nobody writes it.
    pub generated: bool,
    /// `GENERATED ALWAYS AS IDENTITY`: no UPDATE writes it.
    pub identity_always: bool,
}

/// A foreign key that refers to the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Of which table, quoted for SQL.
    pub table: String,
    /// Its name.
    pub name: String,
    /// What ADD CONSTRAINT takes (`pg_get_constraintdef`).
    pub definition: String,
}

/// What a merge brings over; the operator chooses each, for a row may be missing because it was
/// rightly deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    /// Inserts rows that are only in the backup.
    pub missing: bool,
    /// Sets rows that differ back to what the backup holds.
    pub changed: bool,
    /// Deletes rows that are only in the live table.
    pub only_live: bool,
}

impl Classes {
    /// Returns true if something that is there goes.
    #[must_use]
    pub fn destroys(self) -> bool {
        self.changed || self.only_live
    }

    /// Returns the words for them, as a runbook writes them.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let all =
            [(self.missing, "missing"), (self.changed, "changed"), (self.only_live, "only_live")];
        all.into_iter().filter_map(|(is_chosen, word)| is_chosen.then_some(word)).collect()
    }
}

impl Difference {
    /// Returns how many rows of the chosen classes differ.
    #[must_use]
    pub fn of(self, classes: Classes) -> i64 {
        let all = [
            (classes.missing, self.missing),
            (classes.changed, self.changed),
            (classes.only_live, self.only_live),
        ];
        all.into_iter().filter_map(|(is_chosen, rows)| is_chosen.then_some(rows)).sum()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { missing, changed, only_live } = self;
        write!(
            f,
            "{missing} rows are missing (only in the backup), {changed} changed, {only_live} only \
             in the live table"
        )
    }
}

/// Returns the statement that removes the staged tables of these names.
#[must_use]
pub fn unstaging(shapes: &[&Shape], alone: bool) -> String {
    let tables: Vec<String> = shapes.iter().map(|shape| shape.stage()).collect();
    let schema = if alone { format!("\nDROP SCHEMA {STAGE};") } else { String::new() };
    format!("{UNSTAGES}{};{schema}\n", tables.join(", "))
}

/// Returns true for the SQL of [`unstaging`].
#[must_use]
pub fn unstages(sql: &str) -> bool {
    sql.strip_prefix(UNSTAGES).is_some_and(|rest| rest.starts_with(&format!("{STAGE}.")))
}

const UNSTAGES: &str = "DROP TABLE ";

/// How many rows differ, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Only in the backup.
    pub missing: i64,
    /// In both, with other values.
    pub changed: i64,
    /// Only in the live table.
    pub only_live: i64,
}

impl Shape {
    /// Returns the live table as SQL names it.
    #[must_use]
    pub fn live(&self) -> String {
        Name::within(self.schema.as_str(), self.name.as_str()).quoted()
    }

    /// Returns the staged table as SQL names it.
    #[must_use]
    pub fn stage(&self) -> String {
        format!("{STAGE}.{}", quote(&self.name))
    }

    /// Returns the columns that both revisions have and that can be written.
    #[must_use]
    pub fn common(&self) -> Vec<&Column> {
        let is_common = |c: &&Column| !c.generated && self.staged.contains(&c.name);
        self.columns.iter().filter(is_common).collect()
    }

    /// Returns the key, if rows can be told apart by it on both sides.
    ///
    /// # Errors
    /// Why they cannot.
    pub fn told_apart_by(&self) -> Result<&[String], String> {
        let live = self.live();
        if self.staged.is_empty() {
            return Err(format!("nothing of {live} is staged: stage it out of a backup first"));
        }
        if self.key.is_empty() {
            return Err(format!(
                "{live} has no primary key and no unique index over columns that are never null: \
                 its rows cannot be told apart, so they are not merged; replace it as a whole"
            ));
        }
        match self.key.iter().find(|column| !self.staged.contains(column)) {
            None => Ok(&self.key),
            Some(column) => Err(format!(
                "the backup has no column {column} in {live}, which its key needs: replace it as \
                 a whole, or merge by hand"
            )),
        }
    }

    /// Returns the columns that a merge compares and sets: those outside of the key.
    fn values(&self, key: &[String]) -> Vec<String> {
        let value = |c: &&&Column| !key.contains(&c.name);
        self.common().iter().filter(value).map(|column| quote(&column.name)).collect()
    }

    /// Returns a query that counts the differences: missing, changed, only live.
    ///
    /// # Errors
    /// Why rows cannot be told apart.
    pub fn difference(&self) -> Result<String, String> {
        let key = self.told_apart_by()?;
        let first = quote(&key[0]);
        let differs = differs(&self.values(key));
        Ok(format!(
            "SELECT count(*) FILTER (WHERE l.{first} IS NULL),\n       \
             count(*) FILTER (WHERE l.{first} IS NOT NULL AND s.{first} IS NOT NULL AND {differs}),\n       \
             count(*) FILTER (WHERE s.{first} IS NULL)\n  \
             FROM {} s FULL JOIN {} l ON {}",
            self.stage(),
            self.live(),
            on(key)
        ))
    }

    /// Returns the statements of a merge, for one transaction.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn merge(&self, classes: Classes) -> Result<String, String> {
        let key = self.told_apart_by()?;
        if classes == Classes::default() {
            return Err("nothing is chosen: missing, changed, only-live, or several".to_owned());
        }
        let (live, stage, on) = (self.live(), self.stage(), on(key));
        // Writers wait, readers go on: what was compared is what is merged.
        let mut sql = format!("LOCK TABLE {live} IN SHARE ROW EXCLUSIVE MODE;\n");
        if classes.only_live {
            let _ = writeln!(
                sql,
                "DELETE FROM {live} l WHERE NOT EXISTS (SELECT FROM {stage} s WHERE {on});"
            );
        }
        if classes.changed {
            self.update(&mut sql, key, &on)?;
        }
        if classes.missing {
            let columns = listed(&self.common());
            let _ = writeln!(
                sql,
                "INSERT INTO {live} ({columns}) OVERRIDING SYSTEM VALUE\n  SELECT {columns} FROM \
                 {stage} s WHERE NOT EXISTS (SELECT FROM {live} l WHERE {on});"
            );
            sql += &advance(&self.sequences, &live);
        }
        Ok(sql)
    }

    fn update(&self, sql: &mut String, key: &[String], on: &str) -> Result<(), String> {
        let (live, stage) = (self.live(), self.stage());
        let fixed = self.common().into_iter().find(|c| c.identity_always && !key.contains(&c.name));
        if let Some(column) = fixed {
            return Err(format!(
                "{live}.{} is GENERATED ALWAYS AS IDENTITY outside of the key: no UPDATE sets it; \
                 replace the table as a whole",
                column.name
            ));
        }
        let values = self.values(key);
        if !values.is_empty() {
            let set: Vec<String> = values.iter().map(|c| format!("{c} = s.{c}")).collect();
            let (set, differs) = (set.join(", "), differs(&values));
            let _ = writeln!(
                sql,
                "UPDATE {live} l SET {set}\n  FROM {stage} s WHERE {on} AND {differs};"
            );
        }
        Ok(())
    }

    /// Returns the statements that put the staged rows in the place of all, for one transaction:
    /// adding the keys again checks every row that refers to them, and takes all back if one
    /// does not hold.
    ///
    /// # Errors
    /// If nothing is staged.
    pub fn replace(&self) -> Result<String, String> {
        let (live, stage) = (self.live(), self.stage());
        if self.staged.is_empty() {
            return Err(format!("nothing of {live} is staged: stage it out of a backup first"));
        }
        let mut sql = format!("LOCK TABLE {live} IN ACCESS EXCLUSIVE MODE;\n");
        for key in &self.inbound {
            let _ =
                writeln!(sql, "ALTER TABLE {} DROP CONSTRAINT {};", key.table, quote(&key.name));
        }
        let columns = listed(&self.common());
        let _ = writeln!(sql, "TRUNCATE TABLE {live};");
        let _ = writeln!(
            sql,
            "INSERT INTO {live} ({columns}) OVERRIDING SYSTEM VALUE\n  SELECT {columns} FROM {stage};"
        );
        for Inbound { table, name, definition } in &self.inbound {
            let _ =
                writeln!(sql, "ALTER TABLE {table} ADD CONSTRAINT {} {definition};", quote(name));
        }
        sql += &advance(&self.sequences, &live);
        Ok(sql)
    }

    /// Returns the statements that remove what was staged; `alone`: nothing else is.
    #[must_use]
    pub fn unstage(&self, alone: bool) -> String {
        unstaging(&[self], alone)
    }

    /// Returns what to know before rows are written, in sentences.
    #[must_use]
    pub fn cautions(&self) -> Vec<String> {
        let mut cautions: Vec<String> =
            self.triggers.iter().map(|trigger| format!("fires for each row: {trigger}")).collect();
        if let Some(policies) = self.policies {
            cautions.push(format!(
                "row security is on, with {policies} policies: a role that it holds for compares \
                 and writes only the rows that it may see"
            ));
        }
        let left: Vec<&str> = self
            .columns
            .iter()
            .filter(|column| !column.generated && !self.staged.contains(&column.name))
            .map(|column| column.name.as_str())
            .collect();
        if !left.is_empty() && !self.staged.is_empty() {
            let left = left.join(", ");
            cautions.push(format!("the backup has no {left}: rows that come back get the default"));
        }
        cautions
    }
}

/// Returns the statements that set the sequences of `table` behind its highest values. None goes
/// back: a value that was given once is not given again.
pub(super) fn advance(sequences: &[(String, String)], table: &str) -> String {
    let one = |(sequence, column): &(String, String)| {
        format!(
            "SELECT pg_catalog.setval('{}', m) FROM (SELECT max({}) AS m FROM {table}) t, \
             {sequence} q WHERE m > q.last_value;\n",
            sequence.replace('\'', "''"),
            quote(column)
        )
    };
    sequences.iter().map(one).collect()
}

fn on(key: &[String]) -> String {
    let pair = |column: &String| format!("l.{0} = s.{0}", quote(column));
    key.iter().map(pair).collect::<Vec<_>>().join(" AND ")
}

fn listed(columns: &[&Column]) -> String {
    columns.iter().map(|column| quote(&column.name)).collect::<Vec<_>>().join(", ")
}

fn differs(values: &[String]) -> String {
    if values.is_empty() {
        return "false".to_owned();
    }
    let of =
        |table: &str| values.iter().map(|c| format!("{table}.{c}")).collect::<Vec<_>>().join(", ");
    // As records: two bare rows would be compared column by column, and no column has `*<>`.
    format!("ROW({})::record *<> ROW({})::record", of("s"), of("l"))
}

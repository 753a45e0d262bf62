//! `op.…` and `batch_op.…`: each as the SQL that Alembic makes of it for PostgreSQL.

use crate::source::syntax::Node;

use crate::domain::change::{Alter, Change, DropIndex, Name, Statement, quote};
use crate::source::python::{Args, Literal, children, line};
use crate::source::sql;

use super::body::Body;
use super::{column, constraint, table};

/// SQL, or why it cannot be told before it runs.
pub(super) type Sql = Result<Vec<Written>, String>;

/// A statement as SQL.
pub(super) struct Written {
    pub sql: String,
    /// What it is and does, where the call tells as much as its SQL would: reading hundreds of
    /// those again takes longer than all the rest.
    pub known: Option<(String, Change)>,
}

impl From<String> for Written {
    fn from(sql: String) -> Self {
        Self { sql, known: None }
    }
}

/// A call of an operation.
pub(super) struct Operation<'b, 't> {
    pub body: &'b mut Body<'t>,
    pub args: Args<'t>,
    /// The table of the batch in which it stands.
    pub batch: Option<Name>,
}

/// Adds what an operation does.
pub(super) fn compile<'t>(body: &mut Body<'t>, call: Node<'t>, name: &str, batch: Option<Name>) {
    let args = Args::of(call, body.module.text());
    let unpacked = args.unpacked;
    let mut operation = Operation { body, args, batch };
    let written = operation.write(name);
    match written {
        Ok(statements) => {
            if unpacked {
                body.is_partial();
            }
            for mut statement in read(statements) {
                statement.line = line(call);
                body.add(statement);
            }
        }
        Err(why) => body.unknown(call, why),
    }
}

/// Returns the statements of an operation; their lines are not known here.
fn read(all: Vec<Written>) -> Vec<Statement> {
    let mut statements = Vec::with_capacity(all.len());
    for Written { sql, known } in all {
        match known {
            Some((kind, change)) => {
                statements.push(Statement { line: 1, sql, kind, changes: vec![change] });
            }
            None => statements.extend(sql::compile(&sql).statements),
        }
    }
    statements
}

impl Operation<'_, '_> {
    fn write(&mut self, name: &str) -> Sql {
        match name {
            "create_table" => table::create(self),
            "drop_table" => self.drop_table(),
            "rename_table" => self.rename_table(),
            "create_table_comment" | "drop_table_comment" => self.comment(name),
            "add_column" => self.add_column(),
            "drop_column" => self.drop_column(),
            "alter_column" => column::alter(self),
            "create_index" => table::create_index(self),
            "drop_index" => self.drop_index(),
            "create_unique_constraint" => constraint::keyed(self, "UNIQUE"),
            "create_primary_key" => constraint::keyed(self, "PRIMARY KEY"),
            "create_check_constraint" => constraint::check(self),
            "create_foreign_key" => constraint::foreign(self),
            "create_exclude_constraint" => constraint::exclude(self),
            "drop_constraint" => constraint::drop(self),
            "bulk_insert" => self.bulk_insert(),
            "f" | "get_bind" | "get_context" => Ok(Vec::new()),
            other => Err(format!("{other}() is no operation that is known")),
        }
    }

    fn drop_table(&mut self) -> Sql {
        let table = self.table("table_name")?;
        let exists = self.exists("if_exists", "IF EXISTS ")?;
        let head = format!("DROP TABLE {exists}");
        let sql = format!("{head}{}", table.quoted());
        let known = Some((head.trim_end().to_owned(), Change::DropTable(table)));
        Ok(vec![Written { sql, known }])
    }

    fn rename_table(&mut self) -> Sql {
        let old = self.text("old_table_name")?;
        let new = self.text("new_table_name")?;
        let table = self.within(old)?;
        let sql = quote(&new);
        Ok(vec![altered(&table, "RENAME TO ", &sql, Some(Alter::Rename(new)))])
    }

    fn comment(&mut self, name: &str) -> Sql {
        let table = self.table("table_name")?;
        let comment = self.args.take("comment").and_then(|node| self.body.scope.string(node));
        let text = match comment.filter(|_| name.starts_with("create")) {
            Some(text) => literal(&text),
            None => "NULL".to_owned(),
        };
        Ok(vec![format!("COMMENT ON TABLE {} IS {text}", table.quoted()).into()])
    }

    fn add_column(&mut self) -> Sql {
        let table = self.table("table_name")?;
        let node = self.args.take("column").ok_or("it names no column")?;
        let added = column::read(self.body, node)?;
        let exists = self.exists("if_not_exists", "IF NOT EXISTS ")?;
        let known = added.change().map(Alter::AddColumn);
        let mut all = vec![altered(&table, &format!("ADD COLUMN {exists}"), &added.sql(), known)];
        all.extend(added.beside(&table, true).into_iter().map(Written::from));
        Ok(all)
    }

    fn drop_column(&mut self) -> Sql {
        let table = self.table("table_name")?;
        let column = self.text("column_name")?;
        let exists = self.exists("if_exists", "IF EXISTS ")?;
        let (head, sql) = (format!("DROP COLUMN {exists}"), quote(&column));
        Ok(vec![altered(&table, &head, &sql, Some(Alter::DropColumn(column)))])
    }

    fn drop_index(&mut self) -> Sql {
        let name = self.text("index_name")?;
        let concurrently = self.flag("postgresql_concurrently")?;
        let exists = self.exists("if_exists", "IF EXISTS ")?;
        let schema = match &self.batch {
            Some(table) => table.schema.clone(),
            None => self.schema("schema")?,
        };
        let word = if concurrently { "CONCURRENTLY " } else { "" };
        let (head, name) = (format!("DROP INDEX {word}{exists}"), Name { schema, name });
        let sql = format!("{head}{}", name.quoted());
        let if_exists = !exists.is_empty();
        let change = Change::DropIndex(DropIndex { name, concurrently, cascade: false, if_exists });
        Ok(vec![Written { sql, known: Some((head.trim_end().to_owned(), change)) }])
    }

    fn bulk_insert(&mut self) -> Sql {
        let node = self.args.take("table").ok_or("it names no table")?;
        let table = table::named(self.body, node).ok_or("its table is named elsewhere")?;
        let rows = self.args.take("rows").and_then(|node| self.body.scope.resolve(node));
        let count = rows
            .filter(|rows| rows.kind() == "list")
            .map(|rows| children(rows).filter(|child| child.kind() != "comment").count());
        let count = count.map_or_else(|| "some".to_owned(), |count| count.to_string());
        let table = table.quoted();
        Ok(vec![format!("INSERT INTO {table} DEFAULT VALUES /* {count} rows */").into()])
    }

    /// Returns the table of the operation: that of its batch, or the next argument's.
    pub(super) fn table(&mut self, argument: &str) -> Result<Name, String> {
        if let Some(table) = self.batch.clone() {
            return Ok(table);
        }
        let name = self.text(argument)?;
        self.within(name)
    }

    /// Returns a name in the schema that the operation names.
    pub(super) fn within(&mut self, name: String) -> Result<Name, String> {
        Ok(Name { schema: self.schema("schema")?, name })
    }

    /// Returns the next argument, which has to be a text.
    pub(super) fn text(&mut self, name: &str) -> Result<String, String> {
        let node = self.args.take(name).ok_or_else(|| format!("it has no {name}"))?;
        let text = self.body.scope.string(node);
        text.ok_or_else(|| format!("its {} is put together when it runs", name.replace('_', " ")))
    }

    /// Returns the next argument, a text or `None`.
    pub(super) fn text_or_none(&mut self, name: &str) -> Result<Option<String>, String> {
        let Some(node) = self.args.take(name) else { return Ok(None) };
        if self.body.scope.literal(node) == Some(Literal::None) {
            return Ok(None);
        }
        let text = self.body.scope.string(node);
        let why = || format!("its {} is put together when it runs", name.replace('_', " "));
        text.map(Some).ok_or_else(why)
    }

    /// Returns the next argument, a list of names; an expression stands as it is.
    pub(super) fn names(&mut self, name: &str) -> Result<Vec<String>, String> {
        let node = self.args.take(name).ok_or_else(|| format!("it has no {name}"))?;
        list(self.body, node).ok_or_else(|| "its columns are listed when it runs".to_owned())
    }

    /// Returns a schema that is given by name.
    pub(super) fn schema(&self, name: &str) -> Result<Option<String>, String> {
        let Some(node) = self.args.named(name) else { return Ok(None) };
        match self.body.scope.literal(node) {
            Some(Literal::None) => Ok(None),
            Some(Literal::Str(text)) => Ok(Some(text)),
            _ => Err("its schema is named when it runs".to_owned()),
        }
    }

    /// Returns a switch that is given by name; false if it is not given.
    pub(super) fn flag(&self, name: &str) -> Result<bool, String> {
        let Some(node) = self.args.named(name) else { return Ok(false) };
        match self.body.scope.literal(node) {
            Some(Literal::Bool(on)) => Ok(on),
            Some(Literal::None) => Ok(false),
            _ => Err(format!("{name} is decided when it runs")),
        }
    }

    pub(super) fn exists(&self, name: &str, word: &'static str) -> Result<&'static str, String> {
        Ok(if self.flag(name)? { word } else { "" })
    }
}

/// Returns an `ALTER TABLE` of one action, which begins with the words of `head`.
pub(super) fn altered(table: &Name, head: &str, rest: &str, known: Option<Alter>) -> Written {
    let known = known.map(|alter| {
        (format!("ALTER TABLE … {}", head.trim_end()), Change::Alter(table.clone(), alter))
    });
    Written { sql: format!("ALTER TABLE {} {head}{rest}", table.quoted()), known }
}

/// Returns the columns of a list: names quoted, `text("…")` as it is.
pub(super) fn list<'t>(body: &Body<'t>, node: Node<'t>) -> Option<Vec<String>> {
    let node = body.scope.resolve(node)?;
    if !matches!(node.kind(), "list" | "tuple") {
        return None;
    }
    let items = children(node).filter(|item| item.kind() != "comment");
    items
        .map(|item| {
            let text = body.scope.string(item)?;
            let item = body.scope.resolve(item)?;
            Some(if item.kind() == "call" { text } else { quote(&text) })
        })
        .collect()
}

/// Returns a text as a literal of SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

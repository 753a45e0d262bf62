//! `create_table`, `create_index`.

use crate::source::syntax::Node;

use crate::domain::change::{Change, Column, Constraint, Index, Name, Table, quote};
use crate::source::python::{Args, path};

use super::body::Body;
use super::operation::{Operation, Sql, Written, list};
use super::{column, constraint};

/// `create_table`.
pub(super) fn create(op: &mut Operation<'_, '_>) -> Sql {
    let table = op.table("table_name")?;
    let exists = op.exists("if_not_exists", "IF NOT EXISTS ")?;
    let (mut parts, mut before, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    let mut known = Some(empty(&table, !exists.is_empty()));
    for node in op.args.rest() {
        let Some(node) = op.body.scope.resolve(node) else {
            op.body.is_partial();
            continue;
        };
        if let Some(rule) = constraint::inside(op.body, node) {
            let (sql, rule) = rule?;
            parts.push(sql);
            known = known.zip(rule).map(|(table, rule)| with_rule(table, rule));
        } else if let Some(index) = index_inside(op.body, node, &table) {
            beside.push(index);
        } else {
            let read = column::read(op.body, node)?;
            parts.push(read.whole());
            known = known.zip(read.whole_change()).map(|(table, column)| with(table, column));
            before.extend(read.creates.clone());
            beside.extend(read.beside(&table, false));
        }
    }
    let head = format!("CREATE TABLE {exists}");
    let sql = format!("{head}{} (\n  {}\n)", table.quoted(), parts.join(",\n  "));
    let known = known.filter(|_| !parts.is_empty());
    let known = known.map(|table| (head.trim_end().to_owned(), Change::CreateTable(table)));
    let mut all: Vec<Written> = before.into_iter().map(Written::from).collect();
    all.push(Written { sql, known });
    all.extend(beside.into_iter().map(Written::from));
    Ok(all)
}

fn empty(name: &Name, if_not_exists: bool) -> Table {
    Table {
        name: name.clone(),
        columns: Vec::new(),
        constraints: Vec::new(),
        partition_of: None,
        partitioned: false,
        default_partition: false,
        unlogged: false,
        filled: false,
        if_not_exists,
    }
}

fn with(mut table: Table, column: Column) -> Table {
    table.columns.push(column);
    table
}

fn with_rule(mut table: Table, rule: Constraint) -> Table {
    table.constraints.push(rule);
    table
}

fn index_inside<'t>(body: &Body<'t>, call: Node<'t>, table: &Name) -> Option<String> {
    let function = call.child_by_field_name("function").filter(|_| call.kind() == "call")?;
    if path(function, body.module.text()).rsplit('.').next()? != "Index" {
        return None;
    }
    let mut args = Args::of(call, body.module.text());
    let name = args.take("name").and_then(|node| body.scope.string(node))?;
    let columns = args.rest().into_iter().map(|node| Some(quote(&body.scope.string(node)?)));
    let columns = columns.collect::<Option<Vec<_>>>()?.join(", ");
    Some(format!("CREATE INDEX {} ON {} ({columns})", quote(&name), table.quoted()))
}

/// `create_index`.
pub(super) fn create_index(op: &mut Operation<'_, '_>) -> Sql {
    let name = op.text_or_none("index_name")?;
    let table = op.table("table_name")?;
    let given = op.names("columns")?;
    let unique = op.args.named("unique").is_some() && op.flag("unique")?;
    let concurrently = op.flag("postgresql_concurrently")?;
    let if_not_exists = op.flag("if_not_exists")?;
    let text = |name: &str| {
        let node = op.args.named(name);
        let node = node.filter(|node| node.kind() != "none");
        node.map(|node| {
            op.body.scope.string(node).ok_or_else(|| format!("{name} is put together when it runs"))
        })
        .transpose()
    };
    let using = text("postgresql_using")?.map(|m| format!("USING {m} ")).unwrap_or_default();
    let filter = text("postgresql_where")?.map(|f| format!(" WHERE {f}")).unwrap_or_default();
    let include = op.args.named("postgresql_include").and_then(|node| list(op.body, node));
    let include = include.map(|c| format!(" INCLUDE ({})", c.join(", "))).unwrap_or_default();
    let head = head(unique, concurrently, if_not_exists);
    let named = name.as_ref().map(|name| format!("{} ", quote(name))).unwrap_or_default();
    let (quoted, columns) = (table.quoted(), given.join(", "));
    let sql = format!("{head} {named}ON {quoted} {using}({columns}){include}{filter}");
    // Bare names are columns; anything else of an index has to be read as SQL.
    let plain = [&using, &include, &filter].into_iter().all(String::is_empty)
        && given.iter().all(|column| is_bare(column));
    let known = name.filter(|_| plain).map(|name| {
        let index = Index {
            name: Some(Name::new(name)),
            table,
            unique,
            concurrently,
            if_not_exists,
            only: false,
            partial: false,
            text: given.join(" , "),
            columns: given,
        };
        (head, Change::CreateIndex(index))
    });
    Ok(vec![Written { sql, known }])
}

/// Returns the words with which the creation of an index begins.
fn head(unique: bool, concurrently: bool, if_not_exists: bool) -> String {
    let words = [
        (true, "CREATE"),
        (unique, "UNIQUE"),
        (true, "INDEX"),
        (concurrently, "CONCURRENTLY"),
        (if_not_exists, "IF NOT EXISTS"),
    ];
    let said: Vec<&str> = words.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
    said.join(" ")
}

/// Returns true for a name that is no expression and needs no quotes.
pub(super) fn is_bare(column: &str) -> bool {
    !column.is_empty() && quote(column) == column
}

/// Returns the table that a node describes: `sa.table("name", …)`, `sa.Table`, or the answer
/// of `op.create_table`.
pub(super) fn named<'t>(body: &Body<'t>, node: Node<'t>) -> Option<Name> {
    let call = body.scope.resolve(node).filter(|node| node.kind() == "call")?;
    let path = path(call.child_by_field_name("function")?, body.module.text());
    if !matches!(path.rsplit('.').next()?, "table" | "Table" | "create_table") {
        return None;
    }
    let mut args = Args::of(call, body.module.text());
    let name = body.scope.string(args.take("name")?)?;
    let schema = match args.named("schema") {
        Some(node) => Some(body.scope.string(node)?),
        None => None,
    };
    Some(Name { schema, name })
}

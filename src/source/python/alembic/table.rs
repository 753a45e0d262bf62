//! `create_table`, `create_index`.

use tree_sitter::Node;

use crate::domain::change::{Name, quote};
use crate::source::python::{Args, path};

use super::body::Body;
use super::operation::{Operation, Sql, list};
use super::{column, constraint};

/// `create_table`.
pub(super) fn create(op: &mut Operation<'_, '_>) -> Sql {
    let table = op.table("table_name")?;
    let exists = op.exists("if_not_exists", "IF NOT EXISTS ")?;
    let (mut parts, mut before, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for node in op.args.rest() {
        let Some(node) = op.body.scope.resolve(node) else {
            op.body.is_partial();
            continue;
        };
        if let Some(rule) = constraint::inside(op.body, node) {
            parts.push(rule?);
        } else if let Some(index) = index_inside(op.body, node, &table) {
            beside.push(index);
        } else {
            let read = column::read(op.body, node)?;
            parts.push(read.whole());
            before.extend(read.creates.clone());
            beside.extend(read.beside(&table, false));
        }
    }
    before.push(format!("CREATE TABLE {exists}{} (\n  {}\n)", table.quoted(), parts.join(",\n  ")));
    before.extend(beside);
    Ok(before)
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
    let columns = op.names("columns")?.join(", ");
    let unique =
        if op.args.named("unique").is_some() && op.flag("unique")? { "UNIQUE " } else { "" };
    let concurrently = op.exists("postgresql_concurrently", "CONCURRENTLY ")?;
    let exists = op.exists("if_not_exists", "IF NOT EXISTS ")?;
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
    let name = name.map(|name| format!("{} ", quote(&name))).unwrap_or_default();
    Ok(vec![format!(
        "CREATE {unique}INDEX {concurrently}{exists}{name}ON {} {using}({columns}){include}{filter}",
        table.quoted()
    )])
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

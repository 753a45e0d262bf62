//! Constraints, as operations and inside of a table.

use crate::source::syntax::Node;

use crate::domain::change::{Alter, Change, Constraint, DropConstraint, Name, Rule, quote};
use crate::source::python::{Args, Literal, path};

use super::body::Body;
use super::operation::{Operation, Sql, Written, altered, list};
use super::table::is_bare;

/// `create_unique_constraint`, `create_primary_key`.
pub(super) fn keyed(op: &mut Operation<'_, '_>, word: &str) -> Sql {
    let name = op.text_or_none("constraint_name")?;
    let table = op.table("table_name")?;
    let columns = op.names("columns")?;
    let sql = format!("{word} ({})", columns.join(", "));
    let rule = if word == "UNIQUE" { Rule::Unique } else { Rule::PrimaryKey };
    let rule = are_bare(&columns).then(|| rule(columns));
    Ok(vec![add(&table, name, word, &sql, rule)])
}

/// `create_check_constraint`.
pub(super) fn check(op: &mut Operation<'_, '_>) -> Sql {
    let name = op.text_or_none("constraint_name")?;
    let table = op.table("table_name")?;
    let condition = op.text("condition")?;
    let not_valid = if op.flag("postgresql_not_valid")? { " NOT VALID" } else { "" };
    let sql = format!("CHECK ({condition}){not_valid}");
    Ok(vec![add(&table, name, "CHECK", &sql, None)])
}

/// `create_foreign_key`.
pub(super) fn foreign(op: &mut Operation<'_, '_>) -> Sql {
    let name = op.text_or_none("constraint_name")?;
    let table = match op.batch.clone() {
        Some(table) => table,
        None => Name { name: op.text("source_table")?, schema: op.schema("source_schema")? },
    };
    let other = Name { name: op.text("referent_table")?, schema: op.schema("referent_schema")? };
    let (own, theirs) = (op.names("local_cols")?, op.names("remote_cols")?);
    let not_valid = if op.flag("postgresql_not_valid")? { " NOT VALID" } else { "" };
    let sql = format!(
        "FOREIGN KEY ({}) REFERENCES {} ({}){not_valid}",
        own.join(", "),
        other.quoted(),
        theirs.join(", ")
    );
    let is_plain = not_valid.is_empty() && are_bare(&own) && are_bare(&theirs);
    let rule = is_plain.then_some(Rule::ForeignKey(own, other, theirs));
    Ok(vec![add(&table, name, "FOREIGN KEY", &sql, rule)])
}

/// `create_exclude_constraint`: what it excludes is not read.
pub(super) fn exclude(op: &mut Operation<'_, '_>) -> Sql {
    let name = op.text_or_none("constraint_name")?;
    let table = op.table("table_name")?;
    op.body.is_partial();
    Ok(vec![add(&table, name, "EXCLUDE", "EXCLUDE USING gist (ctid WITH =)", None)])
}

/// `drop_constraint`.
pub(super) fn drop(op: &mut Operation<'_, '_>) -> Sql {
    let name = op.text_or_none("constraint_name")?.ok_or(
        "its constraint has no name: Alembic refuses to drop it, unless a naming convention of the project's metadata gives it one",
    )?;
    let table = op.table("table_name")?;
    let exists = op.exists("if_exists", "IF EXISTS ")?;
    let (head, sql) = (format!("DROP CONSTRAINT {exists}"), quote(&name));
    let dropped = DropConstraint { name, cascade: false, if_exists: !exists.is_empty() };
    Ok(vec![altered(&table, &head, &sql, Some(Alter::DropConstraint(dropped)))])
}

/// Returns an `ADD` of what begins with `word`, with the rule where nothing of it has to be
/// read as SQL.
fn add(table: &Name, name: Option<String>, word: &str, sql: &str, rule: Option<Rule>) -> Written {
    let named = name.as_ref().map(|name| format!("CONSTRAINT {} ", quote(name)));
    let sql = format!("ALTER TABLE {} ADD {}{sql}", table.quoted(), named.unwrap_or_default());
    let known = rule.map(|rule| {
        let word = if name.is_some() { "CONSTRAINT" } else { word };
        let constraint = Constraint { name, rule, not_valid: false, rest: String::new() };
        let change = Change::Alter(table.clone(), Alter::AddConstraint(constraint));
        (format!("ALTER TABLE … ADD {word}"), change)
    });
    Written { sql, known }
}

/// Returns true if all are columns: there are some, and none is an expression or quoted.
fn are_bare(columns: &[String]) -> bool {
    !columns.is_empty() && columns.iter().all(|column| is_bare(column))
}

/// A constraint inside of a table: as SQL, and as what it is where nothing of it has to be read
/// as SQL.
type Inside = (String, Option<Constraint>);

/// Reads a constraint that stands inside of `create_table`; `None` if it is none.
pub(super) fn inside<'t>(body: &Body<'t>, call: Node<'t>) -> Option<Result<Inside, String>> {
    let function = call.child_by_field_name("function").filter(|_| call.kind() == "call")?;
    let path = path(function, body.module.text());
    let mut args = Args::of(call, body.module.text());
    let dynamic = || "one of its constraints is put together when it runs".to_owned();
    let (word, rule): (_, fn(Vec<String>) -> Rule) = match path.rsplit('.').next()? {
        "PrimaryKeyConstraint" => ("PRIMARY KEY", Rule::PrimaryKey),
        "UniqueConstraint" => ("UNIQUE", Rule::Unique),
        "ForeignKeyConstraint" => {
            return Some(references(body, &mut args).ok_or_else(dynamic));
        }
        "CheckConstraint" => {
            let condition = args.take("sqltext").and_then(|node| body.scope.string(node));
            let rule = condition.map(|text| format!("{}CHECK ({text})", named(body, &args)));
            return Some(rule.map(|sql| (sql, None)).ok_or_else(dynamic));
        }
        "ExcludeConstraint" => {
            return Some(Ok(("EXCLUDE USING gist (ctid WITH =)".to_owned(), None)));
        }
        _ => return None,
    };
    let columns: Option<Vec<String>> =
        args.rest().into_iter().map(|node| body.scope.string(node)).collect();
    Some(columns.ok_or_else(dynamic).map(|columns| {
        let quoted: Vec<String> = columns.iter().map(|column| quote(column)).collect();
        let sql = format!("{}{word} ({})", named(body, &args), quoted.join(", "));
        (sql, are_bare(&columns).then(|| constraint(body, &args, rule(columns))))
    }))
}

fn references<'t>(body: &Body<'t>, args: &mut Args<'t>) -> Option<Inside> {
    let own = list(body, args.take("columns")?)?;
    let Literal::List(theirs) = body.scope.literal(args.take("refcolumns")?)? else { return None };
    let theirs: Option<Vec<(Name, String)>> = theirs
        .iter()
        .map(|item| match item {
            Literal::Str(text) => target(text),
            _ => None,
        })
        .collect();
    let theirs = theirs?;
    let (table, _) = theirs.first()?.clone();
    let columns: Vec<String> = theirs.into_iter().map(|(_, column)| column).collect();
    let quoted: Vec<String> = columns.iter().map(|column| quote(column)).collect();
    let sql = format!(
        "{}FOREIGN KEY ({}) REFERENCES {} ({})",
        named(body, args),
        own.join(", "),
        table.quoted(),
        quoted.join(", ")
    );
    let is_plain = are_bare(&own) && are_bare(&columns);
    Some((sql, is_plain.then(|| constraint(body, args, Rule::ForeignKey(own, table, columns)))))
}

fn constraint<'t>(body: &Body<'t>, args: &Args<'t>, rule: Rule) -> Constraint {
    let name = args.named("name").and_then(|node| body.scope.string(node));
    Constraint { name, rule, not_valid: false, rest: String::new() }
}

/// Reads `table.column` and `schema.table.column`.
pub(super) fn target(text: &str) -> Option<(Name, String)> {
    let (table, column) = text.rsplit_once('.')?;
    let name = match table.rsplit_once('.') {
        Some((schema, name)) => Name::within(schema, name),
        None => Name::new(table),
    };
    Some((name, column.to_owned()))
}

fn named<'t>(body: &Body<'t>, args: &Args<'t>) -> String {
    let name = args.named("name").and_then(|node| body.scope.string(node));
    name.map(|name| format!("CONSTRAINT {} ", quote(&name))).unwrap_or_default()
}

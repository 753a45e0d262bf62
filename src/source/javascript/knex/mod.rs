//! `knex.schema.…`: each as the SQL that Knex 3 makes of it for PostgreSQL
//! (<https://knexjs.org/guide/schema-builder.html>).

mod builder;
mod kind;
mod rule;

use crate::source::syntax::Node;

use crate::domain::change::{Name, quote};

use super::body::{Body, Role, Sql};
use super::chain::{Chain, Step};
use super::column;
use super::table::{self, alter};
use builder::Builder;

/// Adds what a chain that begins with Knex does.
pub(super) fn call<'t>(body: &mut Body<'t>, node: Node<'t>, chain: &Chain<'t>) {
    let Some(first) = chain.steps.first() else { return };
    match (first.name.as_str(), &first.args) {
        ("schema", None) => schema(body, node, &chain.steps[1..]),
        ("raw", Some(args)) => body.sends_text(node, args.first(), true),
        ("transaction", Some(args)) => {
            let walked = args.first().is_some_and(|one| body.callback(*one, Some(Role::Knex)));
            if !walked {
                body.unknown(node, "what runs in it is made when it runs".to_owned());
            }
        }
        ("commit" | "rollback" | "fn" | "ref" | "destroy", _) => {}
        ("select" | "from" | "count", Some(_)) => body.reads(node),
        ("", Some(args)) => {
            let written = rows(body, args, &chain.steps[1..]);
            match written {
                Ok(statements) if statements.is_empty() => body.reads(node),
                written => body.sends(node, written, true),
            }
        }
        _ => body.unknown(node, format!("{}() is nothing that is known", chain.path())),
    }
}

/// `knex('users').where(…).update(…)`.
fn rows<'t>(body: &Body<'t>, args: &[Node<'t>], steps: &[Step<'t>]) -> Sql {
    let why = || "which rows it changes is told when it runs".to_owned();
    let table = args.first().and_then(|arg| body.scope.string(*arg));
    let table = named(&table.ok_or_else(why)?, None).quoted();
    let mut terms: Vec<String> = Vec::new();
    let mut verb = None;
    for step in steps {
        let args = step.args.as_deref().unwrap_or_default();
        let text = |at: usize| args.get(at).and_then(|arg| body.scope.string(*arg));
        match step.name.as_str() {
            "insert" => return Ok(vec![format!("INSERT INTO {table} DEFAULT VALUES")]),
            "update" => {
                let set = column::assignments(body, args.first().copied()).ok_or_else(why)?;
                verb = Some(format!("UPDATE {table} SET {set}"));
            }
            "del" | "delete" => verb = Some(format!("DELETE FROM {table}")),
            "whereNull" => terms.push(format!("{} IS NULL", quote(&text(0).ok_or_else(why)?))),
            "whereNotNull" => {
                terms.push(format!("{} IS NOT NULL", quote(&text(0).ok_or_else(why)?)));
            }
            "where" | "andWhere" if args.len() == 1 => {
                let filter = column::condition(body, args.first().copied()).ok_or_else(why)?;
                terms.extend(filter.strip_prefix(" WHERE ").map(str::to_owned));
            }
            "where" | "andWhere" if args.len() == 2 => {
                let value = column::expression(body, args[1]).ok_or_else(why)?;
                terms.push(format!("{} = {value}", quote(&text(0).ok_or_else(why)?)));
            }
            "where" | "andWhere" if args.len() == 3 => {
                let operator = text(1)
                    .filter(|o| ["=", "<", ">", "<=", ">=", "<>", "!="].contains(&o.as_str()));
                let value = column::expression(body, args[2]).ok_or_else(why)?;
                let operator = operator.ok_or_else(why)?;
                terms.push(format!("{} {operator} {value}", quote(&text(0).ok_or_else(why)?)));
            }
            "select" | "first" | "pluck" | "count" | "transacting" | "orderBy" | "limit"
            | "columnInfo" | "returning" => {}
            _ => return Err(why()),
        }
    }
    let filter =
        if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) };
    Ok(verb.map(|verb| verb + &filter).into_iter().collect())
}

/// The steps of a schema builder, which run one after the other.
fn schema<'t>(body: &mut Body<'t>, node: Node<'t>, steps: &[Step<'t>]) {
    let mut within: Option<String> = None;
    for step in steps {
        let Some(args) = &step.args else { continue };
        let text = |at: usize| {
            let text = args.get(at).and_then(|arg| body.scope.string(*arg));
            text.ok_or_else(|| "what it names is put together when it runs".to_owned())
        };
        let table = |at: usize| text(at).map(|name| named(&name, within.as_deref()));
        let written = match step.name.as_str() {
            "withSchema" => match text(0) {
                Ok(schema) => {
                    within = Some(schema);
                    continue;
                }
                Err(why) => Err(why),
            },
            "hasTable" | "hasColumn" => {
                body.reads(node);
                continue;
            }
            "transacting" | "on" | "queryContext" | "timeout" => continue,
            "raw" => {
                body.sends_text(node, args.first(), true);
                continue;
            }
            "createTable" => table(0).and_then(|t| create(body, &t, args.get(1), "")),
            "createTableIfNotExists" => {
                table(0).and_then(|t| create(body, &t, args.get(1), "IF NOT EXISTS "))
            }
            "alterTable" | "table" => table(0).and_then(|t| change(body, &t, args.get(1))),
            "dropTable" => table(0).map(|t| vec![format!("DROP TABLE {}", t.quoted())]),
            "dropTableIfExists" => {
                table(0).map(|t| vec![format!("DROP TABLE IF EXISTS {}", t.quoted())])
            }
            "renameTable" => table(0)
                .and_then(|old| Ok(vec![alter(&old, &format!("RENAME TO {}", quote(&text(1)?)))])),
            "createSchema" => text(0).map(|s| vec![format!("CREATE SCHEMA {}", quote(&s))]),
            "createSchemaIfNotExists" => {
                text(0).map(|s| vec![format!("CREATE SCHEMA IF NOT EXISTS {}", quote(&s))])
            }
            "dropSchema" => text(0).map(|s| vec![format!("DROP SCHEMA {}", quote(&s))]),
            "dropSchemaIfExists" => {
                text(0).map(|s| vec![format!("DROP SCHEMA IF EXISTS {}", quote(&s))])
            }
            "dropView" | "dropViewIfExists" => {
                table(0).map(|t| vec![format!("DROP VIEW {}", t.quoted())])
            }
            other => Err(format!("{other}() is no operation that is known")),
        };
        body.sends(node, written, true);
    }
}

/// Reads `users` or `app.users`.
fn named(text: &str, within: Option<&str>) -> Name {
    match text.split_once('.') {
        Some((schema, name)) => Name::within(schema, name),
        None => Name { schema: within.map(str::to_owned), name: text.to_owned() },
    }
}

fn create<'t>(body: &mut Body<'t>, table: &Name, callback: Option<&Node<'t>>, exists: &str) -> Sql {
    let mut built = Builder::of(body, table, callback)?;
    let rules = std::mem::take(&mut built.rules);
    let mut all = table::create(table, exists, &built.columns, &rules);
    all.extend(built.after);
    Ok(all)
}

fn change<'t>(body: &mut Body<'t>, table: &Name, callback: Option<&Node<'t>>) -> Sql {
    let built = Builder::of(body, table, callback)?;
    let mut all: Vec<String> =
        built.columns.iter().flat_map(|column| table::add_column(table, "", column)).collect();
    all.extend(built.rules.iter().map(|rule| alter(table, &format!("ADD {rule}"))));
    all.extend(built.after);
    Ok(all)
}

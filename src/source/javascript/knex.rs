//! `knex.schema.…`: each as the SQL that Knex 3 makes of it for PostgreSQL
//! (<https://knexjs.org/guide/schema-builder.html>).

use tree_sitter::Node;

use crate::domain::change::{Name, quote};

use super::body::{Body, Role, Sql};
use super::chain::{Chain, Step};
use super::column::{self, Column};
use super::export::is_function;
use super::scope::Value;
use super::table::{self, Index, alter, list};
use super::{Module, children};

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

/// What the callback of a table says.
struct Builder<'a> {
    table: &'a Name,
    columns: Vec<Column>,
    /// Constraints of the table.
    rules: Vec<String>,
    /// What runs beside it.
    after: Vec<String>,
}

impl<'a> Builder<'a> {
    fn of<'t>(
        body: &mut Body<'t>,
        table: &'a Name,
        callback: Option<&Node<'t>>,
    ) -> Result<Self, String> {
        let why = || "its columns are listed when it runs".to_owned();
        let function = callback.and_then(|node| body.scope.resolve(*node));
        let function = function.filter(|node| is_function(*node)).ok_or_else(why)?;
        let inner = function.child_by_field_name("body").ok_or_else(why)?;
        let name = parameter(body.module, function).unwrap_or("this");
        let calls: Vec<Node<'t>> = match inner.kind() {
            "statement_block" => children(inner).collect(),
            _ => vec![inner],
        };
        let mut built = Self { table, columns: Vec::new(), rules: Vec::new(), after: Vec::new() };
        for call in calls {
            let call = match call.kind() {
                "expression_statement" | "return_statement" => call.named_child(0).unwrap_or(call),
                _ => call,
            };
            let chain = Chain::of(body.module, call);
            if chain.root != Some(name) {
                return Err("a part of it is decided when it runs".to_owned());
            }
            built.chain(body, &chain)?;
        }
        Ok(built)
    }

    fn chain<'t>(&mut self, body: &Body<'t>, chain: &Chain<'t>) -> Result<(), String> {
        let Some((first, rest)) = chain.steps.split_first() else { return Ok(()) };
        let args = first.args.as_deref().unwrap_or_default();
        if self.of_table(body, first, args, rest)? {
            return Ok(());
        }
        let Some(mut column) = typed(body, &first.name, args)? else {
            return Err(format!("{}() is nothing that is known of a table", first.name));
        };
        let altered = rest.iter().any(|step| step.name == "alter");
        self.modify(body, &mut column, rest)?;
        if altered {
            self.alter(&column);
        } else {
            self.columns.push(column);
        }
        Ok(())
    }

    /// Takes what is said of the table; false if it is a column.
    fn of_table<'t>(
        &mut self,
        body: &Body<'t>,
        step: &Step<'t>,
        args: &[Node<'t>],
        rest: &[Step<'t>],
    ) -> Result<bool, String> {
        let why = || "what it names is listed when it runs".to_owned();
        let names =
            |at: usize| args.get(at).and_then(|arg| body.scope.strings(*arg)).ok_or_else(why);
        // Without a name, the last argument may be an object with one.
        let given = |at: usize| match args.get(at) {
            None => Ok(None),
            Some(arg) => match (body.scope.value(*arg), body.scope.fields(*arg)) {
                (Value::Str(name), _) => Ok(Some(name)),
                (Value::Null, _) => Ok(None),
                (_, Some(fields)) => {
                    let field = fields.iter().find(|(key, _)| key == "indexName");
                    field.map(|(_, value)| body.scope.string(*value).ok_or_else(why)).transpose()
                }
                _ => Err(why()),
            },
        };
        let table = self.table;
        let own = |names: &[String], suffix: &str| {
            format!("{}_{}_{suffix}", table.name, names.join("_")).to_lowercase()
        };
        let drop_rule = |name: String| alter(table, &format!("DROP CONSTRAINT {}", quote(&name)));
        match step.name.as_str() {
            "dropColumn" | "dropColumns" => {
                let all: Option<Vec<Vec<String>>> =
                    args.iter().map(|arg| body.scope.strings(*arg)).collect();
                for name in all.ok_or_else(why)?.concat() {
                    self.after.push(alter(table, &format!("DROP COLUMN {}", quote(&name))));
                }
            }
            "renameColumn" => {
                let (old, new) = (names(0)?.concat(), names(1)?.concat());
                let action = format!("RENAME COLUMN {} TO {}", quote(&old), quote(&new));
                self.after.push(alter(table, &action));
            }
            "index" => {
                let columns = names(0)?;
                let name = given(1)?.unwrap_or_else(|| own(&columns, "index"));
                let columns = columns.iter().map(|column| quote(column)).collect();
                let index = Index { name: Some(name), columns, ..Index::default() };
                if args.len() > 2 {
                    return Err("how its index is built is told when it runs".to_owned());
                }
                self.after.push(index.create(table));
            }
            "unique" => {
                let columns = names(0)?;
                let name = given(1)?.unwrap_or_else(|| own(&columns, "unique"));
                self.rules.push(format!("CONSTRAINT {} UNIQUE ({})", quote(&name), list(&columns)));
            }
            "primary" => {
                let name = given(1)?.unwrap_or_else(|| format!("{}_pkey", table.name));
                let columns = list(&names(0)?);
                self.rules.push(format!("CONSTRAINT {} PRIMARY KEY ({columns})", quote(&name)));
            }
            "foreign" => {
                let columns = names(0)?;
                let name = given(1)?.unwrap_or_else(|| own(&columns, "foreign"));
                let to = references(body, rest)?.ok_or_else(why)?;
                let columns = list(&columns);
                self.rules.push(format!(
                    "CONSTRAINT {} FOREIGN KEY ({columns}) REFERENCES {to}",
                    quote(&name)
                ));
            }
            "dropIndex" => {
                let name = match given(1)? {
                    Some(name) => name,
                    None => own(&names(0)?, "index"),
                };
                let index = Index { name: Some(name), ..Index::default() };
                self.after.extend(index.drop(table, ""));
            }
            "dropUnique" | "dropForeign" => {
                let suffix = if step.name == "dropUnique" { "unique" } else { "foreign" };
                let name = match given(1)? {
                    Some(name) => name,
                    None => own(&names(0)?, suffix),
                };
                self.after.push(drop_rule(name));
            }
            "dropPrimary" => {
                let name = given(0)?.unwrap_or_else(|| format!("{}_pkey", table.name));
                self.after.push(drop_rule(name));
            }
            "setNullable" | "dropNullable" => {
                let word = if step.name == "setNullable" { "DROP" } else { "SET" };
                let column = quote(&names(0)?.concat());
                self.after.push(alter(table, &format!("ALTER COLUMN {column} {word} NOT NULL")));
            }
            "timestamps" => self.timestamps(body, args)?,
            "dropTimestamps" => {
                for name in ["created_at", "updated_at"] {
                    self.after.push(alter(table, &format!("DROP COLUMN {name}")));
                }
            }
            "comment" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn timestamps<'t>(&mut self, body: &Body<'t>, args: &[Node<'t>]) -> Result<(), String> {
        let flag = |at: usize| match args.get(at).map(|arg| body.scope.value(*arg)) {
            None => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(_) => Err("how its times are kept is told when it runs".to_owned()),
        };
        // Without `useTimestamps` both are of the same type on PostgreSQL.
        flag(0)?;
        let now = flag(1)?;
        for name in ["created_at", "updated_at"] {
            self.columns.push(Column {
                name: name.to_owned(),
                kind: "timestamptz".to_owned(),
                not_null: now.then_some(true),
                default: now.then(|| "CURRENT_TIMESTAMP".to_owned()),
                ..Column::default()
            });
        }
        Ok(())
    }

    fn modify<'t>(
        &mut self,
        body: &Body<'t>,
        column: &mut Column,
        steps: &[Step<'t>],
    ) -> Result<(), String> {
        for step in steps {
            let args = step.args.as_deref().unwrap_or_default();
            match step.name.as_str() {
                "notNullable" => column.not_null = Some(true),
                "nullable" => {
                    let refused =
                        args.first().map(|arg| body.scope.value(*arg)) == Some(Value::Bool(false));
                    column.not_null = Some(refused);
                }
                "defaultTo" => {
                    let text = args.first().and_then(|arg| column::expression(body, *arg));
                    column.default = Some(text.ok_or("its default is put together when it runs")?);
                }
                "primary" => column.primary = true,
                "unique" => {
                    let name = format!("{}_{}_unique", self.table.name, column.name).to_lowercase();
                    let columns = quote(&column.name);
                    self.rules.push(format!("CONSTRAINT {} UNIQUE ({columns})", quote(&name)));
                }
                "index" => {
                    let own =
                        || format!("{}_{}_index", self.table.name, column.name).to_lowercase();
                    let given = args.first().and_then(|arg| body.scope.string(*arg));
                    let index = Index {
                        name: Some(given.unwrap_or_else(own)),
                        columns: vec![quote(&column.name)],
                        ..Index::default()
                    };
                    self.after.push(index.create(self.table));
                }
                "references" | "inTable" | "onDelete" | "onUpdate" | "unsigned" | "comment"
                | "after" | "first" | "alter" | "withKeyName" => {}
                other => return Err(format!("{other}() is nothing that is known of a column")),
            }
        }
        column.references = references(body, steps)?;
        Ok(())
    }

    /// `.alter()` sets the default, NULL and the type anew, also where they are not given.
    fn alter(&mut self, column: &Column) {
        let (table, name) = (self.table, quote(&column.name));
        let mut say = |action: String| self.after.push(alter(table, &action));
        say(format!("ALTER COLUMN {name} DROP DEFAULT"));
        say(format!("ALTER COLUMN {name} DROP NOT NULL"));
        say(format!("ALTER COLUMN {name} TYPE {0} USING ({name}::{0})", column.kind));
        if let Some(default) = &column.default {
            say(format!("ALTER COLUMN {name} SET DEFAULT {default}"));
        }
        if column.not_null == Some(true) {
            say(format!("ALTER COLUMN {name} SET NOT NULL"));
        }
    }
}

/// Reads `.references('id').inTable('users').onDelete(…)`, also `references('users.id')`.
fn references<'t>(body: &Body<'t>, steps: &[Step<'t>]) -> Result<Option<String>, String> {
    let text = |name: &str| {
        let step = steps.iter().find(|step| step.name == name)?;
        let arg = step.args.as_deref().unwrap_or_default().first()?;
        Some(body.scope.strings(*arg))
    };
    let Some(columns) = text("references") else { return Ok(None) };
    let why = || "what it references is told when it runs".to_owned();
    let mut columns = columns.ok_or_else(why)?;
    let table = if let Some(table) = text("inTable") {
        table.ok_or_else(why)?.concat()
    } else {
        let whole = columns.concat();
        let (table, column) = whole.rsplit_once('.').ok_or_else(why)?;
        columns = vec![column.to_owned()];
        table.to_owned()
    };
    let action = |name: &str| text(name).flatten().map(|words| words.concat());
    let actions = column::actions(action("onDelete"), action("onUpdate"));
    Ok(Some(format!("{} ({}){actions}", named(&table, None).quoted(), list(&columns))))
}

/// Reads a column by the method that names its type; `None`: it is none.
fn typed<'t>(body: &Body<'t>, method: &str, args: &[Node<'t>]) -> Result<Option<Column>, String> {
    let number = |at: usize| match args.get(at).map(|arg| body.scope.value(*arg)) {
        Some(Value::Number(digits)) => Some(digits),
        _ => None,
    };
    let text = |at: usize| args.get(at).and_then(|arg| body.scope.string(*arg));
    let mut column = Column::default();
    column.kind = match method {
        "increments" | "bigIncrements" => {
            column.primary = true;
            column.not_null = Some(true);
            if method == "increments" { "serial" } else { "bigserial" }.to_owned()
        }
        "string" | "varchar" => format!("varchar({})", number(1).unwrap_or("255".into())),
        "decimal" => {
            let precision = number(1).unwrap_or("8".into());
            format!("decimal({precision}, {})", number(2).unwrap_or("2".into()))
        }
        "specificType" => text(1).ok_or("its type is told when it runs")?,
        "timestamp" | "datetime" | "dateTime" => time(body, args)?,
        "enu" | "enum" => {
            let labels = args.get(1).and_then(|arg| body.scope.strings(*arg));
            let labels = labels.filter(|_| args.len() == 2);
            let labels = labels.ok_or("its labels are listed when it runs")?;
            let labels: Vec<String> = labels.iter().map(|l| column::literal(l)).collect();
            let name = quote(&text(0).unwrap_or_default());
            column.check = Some(format!("{name} IN ({})", labels.join(", ")));
            "text".to_owned()
        }
        other => match plainly(other) {
            Some(kind) => kind.to_owned(),
            None => return Ok(None),
        },
    };
    let own =
        if method == "increments" || method == "bigIncrements" { Some("id".into()) } else { None };
    let name = if args.is_empty() { own } else { text(0) };
    column.name = name.ok_or("a column is named when it runs")?;
    Ok(Some(column))
}

fn time<'t>(body: &Body<'t>, args: &[Node<'t>]) -> Result<String, String> {
    let Some(options) = args.get(1) else { return Ok("timestamptz".to_owned()) };
    let field = |name: &str| body.scope.field(*options, name).map(|node| body.scope.value(node));
    let zone = match field("useTz") {
        Some(Value::Bool(false)) => "timestamp",
        None | Some(Value::Bool(true)) => "timestamptz",
        Some(_) => return Err("its type is told when it runs".to_owned()),
    };
    match (body.scope.fields(*options), field("precision")) {
        (None, _) => Err("its type is told when it runs".to_owned()),
        (Some(_), Some(Value::Number(digits))) => Ok(format!("{zone}({digits})")),
        (Some(_), _) => Ok(zone.to_owned()),
    }
}

fn plainly(method: &str) -> Option<&'static str> {
    Some(match method {
        "integer" | "int" | "mediumint" => "integer",
        "bigInteger" | "bigint" => "bigint",
        "smallint" | "tinyint" => "smallint",
        "text" => "text",
        "float" => "real",
        "double" => "double precision",
        "boolean" | "bool" => "boolean",
        "date" => "date",
        "time" => "time",
        "binary" => "bytea",
        "uuid" => "uuid",
        "json" => "json",
        "jsonb" => "jsonb",
        _ => return None,
    })
}

fn parameter<'t>(module: &'t Module, function: Node<'t>) -> Option<&'t str> {
    let only = function.child_by_field_name("parameter").or_else(|| {
        let first = function.child_by_field_name("parameters")?.named_child(0)?;
        Some(first.child_by_field_name("pattern").unwrap_or(first))
    })?;
    Some(module.of(only))
}

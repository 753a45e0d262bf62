//! `pgm.…`: each as the SQL that node-pg-migrate 9 makes of it
//! (<https://salsita.github.io/node-pg-migrate/migrations/>), or its inverse.

use tree_sitter::Node;

use crate::domain::change::{Name, quote};

use super::body::{Body, Sql};
use super::chain::Chain;
use super::children;
use super::column::{self, Column};
use super::scope::Value;
use super::table::{self, Index, alter, list};

/// Adds what a call of the builder does; where a way down is inferred, what undoes it.
pub(super) fn call<'t>(body: &mut Body<'t>, node: Node<'t>, chain: &Chain<'t>) {
    // `pgm.db.query(…)` runs at once, in the same transaction.
    let is_db = chain.steps.first().is_some_and(|step| step.name == "db");
    let steps = &chain.steps[usize::from(is_db)..];
    let [step] = steps else {
        body.unknown(node, format!("{}() is nothing that is known", chain.path()));
        return;
    };
    let Some(args) = &step.args else { return };
    match step.name.as_str() {
        "noTransaction" => body.no_transaction = true,
        "func" => {}
        "sql" | "query" | "select" if is_db => body.sends_text(node, args.first(), true),
        "sql" if !body.inverse => {
            if args.get(1).is_some() {
                body.is_partial();
            }
            body.sends_text(node, args.first(), true);
        }
        name => {
            let inverse = body.inverse;
            let operation = Operation { body, args };
            let written = if inverse { operation.undo(name) } else { operation.write(name) };
            match written {
                Ok(statements) if inverse && statements.is_empty() => {
                    body.refuses(node, &format!("no inverse of {name}()"));
                }
                written => body.sends(node, written, true),
            }
        }
    }
}

struct Operation<'b, 't> {
    body: &'b mut Body<'t>,
    args: &'b [Node<'t>],
}

impl<'t> Operation<'_, 't> {
    fn write(self, name: &str) -> Sql {
        match name {
            "createTable" => self.create_table(),
            "dropTable" => {
                let (exists, cascade) = self.dropping(1)?;
                Ok(vec![format!("DROP TABLE {exists}{}{cascade}", self.table(0)?.quoted())])
            }
            "renameTable" => {
                let (old, new) = (self.table(0)?, self.table(1)?);
                Ok(vec![alter(&old, &format!("RENAME TO {}", quote(&new.name)))])
            }
            "addColumns" | "addColumn" => self.add_columns(),
            "dropColumns" | "dropColumn" => {
                let table = self.table(0)?;
                let (exists, cascade) = self.dropping(2)?;
                let names = self.names(1)?;
                let drop = |name: &String| format!("DROP COLUMN {exists}{}{cascade}", quote(name));
                let actions: Vec<String> = names.iter().map(drop).collect();
                Ok(vec![alter(&table, &actions.join(", "))])
            }
            "alterColumn" => self.alter_column(),
            "renameColumn" | "renameConstraint" => {
                let what = if name == "renameColumn" { "COLUMN" } else { "CONSTRAINT" };
                let (table, old, new) = (self.table(0)?, self.text(1)?, self.text(2)?);
                let action = format!("RENAME {what} {} TO {}", quote(&old), quote(&new));
                Ok(vec![alter(&table, &action)])
            }
            "addConstraint" | "createConstraint" => self.add_constraint(),
            "dropConstraint" => {
                let (exists, cascade) = self.dropping(2)?;
                let action = format!("DROP CONSTRAINT {exists}{}{cascade}", quote(&self.text(1)?));
                Ok(vec![alter(&self.table(0)?, &action)])
            }
            "createIndex" | "addIndex" => {
                let table = self.table(0)?;
                Ok(vec![self.index(&table)?.create(&table)])
            }
            "dropIndex" => {
                let table = self.table(0)?;
                let (exists, _) = self.dropping(2)?;
                Ok(self.index(&table)?.drop(&table, exists).into_iter().collect())
            }
            "createExtension" | "addExtension" => {
                let exists = if self.flag(1, "ifNotExists")? { "IF NOT EXISTS " } else { "" };
                Ok(self
                    .names(0)?
                    .iter()
                    .map(|n| format!("CREATE EXTENSION {exists}{}", quote(n)))
                    .collect())
            }
            "dropExtension" => {
                let (exists, cascade) = self.dropping(1)?;
                Ok(self
                    .names(0)?
                    .iter()
                    .map(|n| format!("DROP EXTENSION {exists}{}{cascade}", quote(n)))
                    .collect())
            }
            "createSchema" => {
                let exists = if self.flag(1, "ifNotExists")? { "IF NOT EXISTS " } else { "" };
                Ok(vec![format!("CREATE SCHEMA {exists}{}", quote(&self.text(0)?))])
            }
            "dropSchema" => {
                let (exists, cascade) = self.dropping(1)?;
                Ok(vec![format!("DROP SCHEMA {exists}{}{cascade}", quote(&self.text(0)?))])
            }
            "createType" | "addType" => {
                let labels = self.body.scope.strings(self.argument(1)?);
                let labels = labels.ok_or("what it consists of is told when it runs")?;
                let labels: Vec<String> = labels.iter().map(|l| column::literal(l)).collect();
                let name = self.table(0)?.quoted();
                Ok(vec![format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", "))])
            }
            "dropType" => {
                let (exists, cascade) = self.dropping(1)?;
                Ok(vec![format!("DROP TYPE {exists}{}{cascade}", self.table(0)?.quoted())])
            }
            "addTypeValue" => {
                let label = column::literal(&self.text(1)?);
                let name = self.table(0)?.quoted();
                Ok(vec![format!("ALTER TYPE {name} ADD VALUE {label}")])
            }
            other => Err(format!("{other}() is no operation that is known")),
        }
    }

    /// Returns what the tool itself infers; nothing: it would refuse.
    fn undo(self, name: &str) -> Sql {
        match name {
            "createTable" => Ok(vec![format!("DROP TABLE {}", self.table(0)?.quoted())]),
            "renameTable" => {
                let (old, new) = (self.table(0)?, self.table(1)?);
                Ok(vec![alter(&new, &format!("RENAME TO {}", quote(&old.name)))])
            }
            "addColumns" | "addColumn" => {
                let names = self.body.scope.fields(self.argument(1)?);
                let names = names.ok_or("its columns are listed when it runs")?;
                let drop = |(name, _): &(String, Node<'t>)| format!("DROP COLUMN {}", quote(name));
                let actions: Vec<String> = names.iter().map(drop).collect();
                Ok(vec![alter(&self.table(0)?, &actions.join(", "))])
            }
            "renameColumn" | "renameConstraint" => {
                let what = if name == "renameColumn" { "COLUMN" } else { "CONSTRAINT" };
                let (table, old, new) = (self.table(0)?, self.text(1)?, self.text(2)?);
                let action = format!("RENAME {what} {} TO {}", quote(&new), quote(&old));
                Ok(vec![alter(&table, &action)])
            }
            "addConstraint" | "createConstraint" => {
                let action = format!("DROP CONSTRAINT {}", quote(&self.text(1)?));
                Ok(vec![alter(&self.table(0)?, &action)])
            }
            "createIndex" | "addIndex" => {
                let table = self.table(0)?;
                Ok(self.index(&table)?.drop(&table, "").into_iter().collect())
            }
            "createExtension" | "addExtension" => {
                Ok(self.names(0)?.iter().map(|n| format!("DROP EXTENSION {}", quote(n))).collect())
            }
            "createSchema" => Ok(vec![format!("DROP SCHEMA {}", quote(&self.text(0)?))]),
            "createType" | "addType" => Ok(vec![format!("DROP TYPE {}", self.table(0)?.quoted())]),
            // The tool has no inverse of these: "Impossible to automatically infer down migration".
            "sql" | "dropTable" | "dropColumns" | "dropColumn" | "alterColumn"
            | "dropConstraint" | "dropIndex" | "dropExtension" | "dropSchema" | "dropType"
            | "addTypeValue" => Ok(Vec::new()),
            other => Err(format!("what undoes {other}() is told when it runs")),
        }
    }

    fn create_table(self) -> Sql {
        let table = self.table(0)?;
        let columns = self.columns(1)?;
        let exists = if self.flag(2, "ifNotExists")? { "IF NOT EXISTS " } else { "" };
        let mut rules = Vec::new();
        if let Some(given) = self.option(2, "constraints") {
            rules = self.rules(given)?;
        }
        Ok(table::create(&table, exists, &columns, &rules))
    }

    fn add_columns(self) -> Sql {
        let table = self.table(0)?;
        let exists = if self.flag(2, "ifNotExists")? { "IF NOT EXISTS " } else { "" };
        let columns = self.columns(1)?;
        Ok(columns.iter().flat_map(|c| table::add_column(&table, exists, c)).collect())
    }

    fn alter_column(self) -> Sql {
        let (table, name, options) = (self.table(0)?, quote(&self.text(1)?), self.argument(2)?);
        let fields =
            self.body.scope.fields(options).ok_or("what it alters is told when it runs")?;
        let mut actions = Vec::new();
        for (field, value) in fields {
            let known = self.body.scope.value(value);
            let is_on = known == Value::Bool(true);
            actions.push(match field.as_str() {
                "default" if known == Value::Null => format!("ALTER {name} DROP DEFAULT"),
                "default" => {
                    let text = column::expression(self.body, value);
                    let text = text.ok_or("its default is put together when it runs")?;
                    format!("ALTER {name} SET DEFAULT {text}")
                }
                "type" => {
                    let kind =
                        self.body.scope.string(value).ok_or("its type is told when it runs")?;
                    let using = match self.option(2, "using") {
                        Some(using) => {
                            let text = self.body.scope.string(using);
                            format!(" USING {}", text.ok_or("USING is told when it runs")?)
                        }
                        None => String::new(),
                    };
                    format!("ALTER {name} SET DATA TYPE {}{using}", adapted(&kind))
                }
                "notNull" if is_on => format!("ALTER {name} SET NOT NULL"),
                "notNull" | "allowNull" if matches!(known, Value::Bool(_) | Value::Null) => {
                    format!("ALTER {name} DROP NOT NULL")
                }
                "using" | "collation" | "comment" => continue,
                other => return Err(format!("{other} of a column is told when it runs")),
            });
        }
        Ok(vec![alter(&table, &actions.join(", "))])
    }

    fn add_constraint(self) -> Sql {
        let (table, name, node) = (self.table(0)?, quote(&self.text(1)?), self.argument(2)?);
        if let Some(text) = self.body.scope.string(node) {
            return Ok(vec![alter(&table, &format!("ADD CONSTRAINT {name} {text}"))]);
        }
        let add = |rule: &String| alter(&table, &format!("ADD CONSTRAINT {name} {rule}"));
        Ok(self.rules(node)?.iter().map(add).collect())
    }

    /// Reads `{ unique, primaryKey, check, foreignKeys }`.
    fn rules(&self, node: Node<'t>) -> Result<Vec<String>, String> {
        let scope = &self.body.scope;
        let why = || "what it demands is told when it runs".to_owned();
        let mut rules = Vec::new();
        for (field, value) in scope.fields(node).ok_or_else(why)? {
            let names = || scope.strings(value).map(|names| list(&names)).ok_or_else(why);
            rules.push(match field.as_str() {
                "unique" => format!("UNIQUE ({})", names()?),
                "primaryKey" => format!("PRIMARY KEY ({})", names()?),
                "check" => format!("CHECK ({})", scope.string(value).ok_or_else(why)?),
                "foreignKeys" => {
                    let only = match scope.resolve(value) {
                        Some(list) if list.kind() == "array" => match list.named_child_count() {
                            1 => list.named_child(0),
                            _ => None,
                        },
                        other => other,
                    };
                    let key = only.ok_or_else(why)?;
                    let columns = scope.field(key, "columns").and_then(|c| scope.strings(c));
                    let to = scope.field(key, "references").ok_or_else(why)?;
                    let to = self.referenced(to)?;
                    let text = |name: &str| scope.field(key, name).and_then(|n| scope.string(n));
                    let actions = column::actions(text("onDelete"), text("onUpdate"));
                    let columns = list(&columns.ok_or_else(why)?);
                    format!("FOREIGN KEY ({columns}) REFERENCES {to}{actions}")
                }
                _ => return Err(why()),
            });
        }
        Ok(rules)
    }

    fn columns(&self, at: usize) -> Result<Vec<Column>, String> {
        let node = self.argument(at)?;
        let why = || "its columns are listed when it runs".to_owned();
        let fields = self.body.scope.fields(node).ok_or_else(why)?;
        if self.body.scope.has_spread(node) {
            return Err(why());
        }
        fields.into_iter().map(|(name, node)| self.column(name, node)).collect()
    }

    fn column(&self, name: String, node: Node<'t>) -> Result<Column, String> {
        let scope = &self.body.scope;
        let mut column = Column { name, ..Column::default() };
        if let Some(kind) = scope.string(node) {
            typed(&mut column, &kind);
            return Ok(column);
        }
        let why = || "a column is described when it runs".to_owned();
        let fields = scope.fields(node).filter(|_| !scope.has_spread(node)).ok_or_else(why)?;
        let mut actions = (None, None);
        for (field, value) in fields {
            let is_on = || match scope.value(value) {
                Value::Bool(on) => Ok(on),
                Value::Null => Ok(false),
                _ => Err(format!("{field} is decided when it runs")),
            };
            match field.as_str() {
                "type" => typed(&mut column, &scope.string(value).ok_or_else(why)?),
                "notNull" => column.not_null = Some(is_on()?),
                "unique" => column.unique = is_on()?,
                "primaryKey" => column.primary = is_on()?,
                "check" => column.check = Some(scope.string(value).ok_or_else(why)?),
                "default" => {
                    let text = column::expression(self.body, value);
                    column.default = Some(text.ok_or("its default is put together when it runs")?);
                }
                "references" => column.references = Some(self.referenced(value)?),
                "onDelete" => actions.0 = scope.string(value),
                "onUpdate" => actions.1 = scope.string(value),
                "comment" | "referencesConstraintName" | "collation" => {}
                other => return Err(format!("{other} of a column is told when it runs")),
            }
        }
        let actions = column::actions(actions.0, actions.1);
        column.references = column.references.map(|to| to + &actions);
        Ok(column)
    }

    /// Reads a table's name, `"users"(id)` or `users(id)`.
    fn referenced(&self, node: Node<'t>) -> Result<String, String> {
        match self.body.scope.string(node) {
            Some(text) if text.contains(['"', '(']) => Ok(text),
            _ => Ok(self.name(node)?.quoted()),
        }
    }

    fn index(&self, table: &Name) -> Result<Index, String> {
        let names = self.names(1)?;
        let unique = self.flag(2, "unique")?;
        let word = if unique { "_unique" } else { "" };
        let own = || format!("{}_{}{word}_index", table.name, names.join("_"));
        let is_plain = |name: &String| name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let columns = names.iter().map(|name| match is_plain(name) {
            true => quote(name),
            false => format!("({name})"),
        });
        Ok(Index {
            columns: columns.collect(),
            name: Some(self.text_option(2, "name")?.unwrap_or_else(own)),
            unique,
            concurrently: self.flag(2, "concurrently")?,
            if_not_exists: self.flag(2, "ifNotExists")?,
            method: self.text_option(2, "method")?,
            filter: self.text_option(2, "where")?,
        })
    }

    fn dropping(&self, at: usize) -> Result<(&'static str, &'static str), String> {
        let exists = if self.flag(at, "ifExists")? { "IF EXISTS " } else { "" };
        Ok((exists, if self.flag(at, "cascade")? { " CASCADE" } else { "" }))
    }

    fn argument(&self, at: usize) -> Result<Node<'t>, String> {
        self.args.get(at).copied().ok_or_else(|| "it is given too little".to_owned())
    }

    fn text(&self, at: usize) -> Result<String, String> {
        let text = self.body.scope.string(self.argument(at)?);
        text.ok_or_else(|| "what it names is put together when it runs".to_owned())
    }

    /// Reads a string, a list of them, or the keys of an object.
    fn names(&self, at: usize) -> Result<Vec<String>, String> {
        let node = self.argument(at)?;
        let scope = &self.body.scope;
        let item = |item: Node<'t>| {
            scope.string(item).or_else(|| scope.string(scope.field(item, "name")?))
        };
        let listed = match scope.resolve(node) {
            Some(list) if list.kind() == "array" => children(list).map(item).collect(),
            Some(object) if object.kind() == "object" => {
                scope.fields(object).map(|all| all.into_iter().map(|(name, _)| name).collect())
            }
            _ => scope.string(node).map(|one| vec![one]),
        };
        listed.ok_or_else(|| "what it names is listed when it runs".to_owned())
    }

    fn table(&self, at: usize) -> Result<Name, String> {
        self.name(self.argument(at)?)
    }

    fn name(&self, node: Node<'t>) -> Result<Name, String> {
        let scope = &self.body.scope;
        if let Some(name) = scope.string(node) {
            return Ok(Name::new(name));
        }
        let why = || "its table is named when it runs".to_owned();
        let part = |name: &str| scope.field(node, name).map(|node| scope.string(node));
        let schema = part("schema").map(|schema| schema.ok_or_else(why)).transpose()?;
        Ok(Name { schema, name: part("name").flatten().ok_or_else(why)? })
    }

    fn option(&self, at: usize, name: &str) -> Option<Node<'t>> {
        self.args.get(at).and_then(|options| self.body.scope.field(*options, name))
    }

    fn text_option(&self, at: usize, name: &str) -> Result<Option<String>, String> {
        let Some(node) = self.option(at, name) else { return Ok(None) };
        let text = self.body.scope.string(node);
        text.map(Some).ok_or_else(|| format!("{name} is put together when it runs"))
    }

    fn flag(&self, at: usize, name: &str) -> Result<bool, String> {
        match self.option(at, name).map(|node| self.body.scope.value(node)) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(_) => Err(format!("{name} is decided when it runs")),
        }
    }
}

/// Gives a column its type; `id` is the one shorthand that is built in.
fn typed(column: &mut Column, kind: &str) {
    if kind == "id" {
        column.primary = true;
        "serial".clone_into(&mut column.kind);
    } else {
        adapted(kind).clone_into(&mut column.kind);
    }
}

/// <https://salsita.github.io/node-pg-migrate/migrations/columns#type-adapters>
fn adapted(kind: &str) -> &str {
    match kind {
        "int" => "integer",
        "string" => "text",
        "float" => "real",
        "double" => "double precision",
        "datetime" => "timestamp",
        "bool" => "boolean",
        other => other,
    }
}

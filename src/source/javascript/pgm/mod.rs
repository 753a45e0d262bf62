//! `pgm.…`: each as the SQL that node-pg-migrate 9 makes of it
//! (<https://salsita.github.io/node-pg-migrate/migrations/>), or its inverse.

mod column;
mod undo;

use crate::source::syntax::Node;

use crate::domain::change::{Name, quote};

use super::body::{Body, Sql};
use super::chain::Chain;
use super::children;
use super::column::{self as columns};
use super::given::Given;
use super::scope::{Scope, Value};
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

impl<'t> Given<'t> for Operation<'_, 't> {
    fn scope(&self) -> &Scope<'t> {
        &self.body.scope
    }

    fn args(&self) -> &[Node<'t>] {
        self.args
    }
}

impl<'t> Operation<'_, 't> {
    fn write(self, name: &str) -> Sql {
        match name {
            "createTable" => self.create_table(),
            "dropTable" => self.drop_named(1, "TABLE"),
            "dropType" => self.drop_named(1, "TYPE"),
            "renameTable" => {
                let (old, new) = (self.table(0)?, self.table(1)?);
                Ok(vec![alter(&old, &format!("RENAME TO {}", quote(&new.name)))])
            }
            "addColumns" | "addColumn" => self.add_columns(),
            "dropColumns" | "dropColumn" => self.drop_columns(),
            "alterColumn" => self.alter_column(),
            "renameColumn" | "renameConstraint" => self.rename_within(name),
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
            "createExtension" | "addExtension" => self.extensions("CREATE", self.creating(1)?, ""),
            "dropExtension" => {
                let (exists, cascade) = self.dropping(1)?;
                self.extensions("DROP", exists, cascade)
            }
            "createSchema" => {
                let exists = self.creating(1)?;
                Ok(vec![format!("CREATE SCHEMA {exists}{}", quote(&self.text(0)?))])
            }
            "dropSchema" => {
                let (exists, cascade) = self.dropping(1)?;
                Ok(vec![format!("DROP SCHEMA {exists}{}{cascade}", quote(&self.text(0)?))])
            }
            "createType" | "addType" => self.create_type(),
            "addTypeValue" => {
                let label = columns::literal(&self.text(1)?);
                let name = self.table(0)?.quoted();
                Ok(vec![format!("ALTER TYPE {name} ADD VALUE {label}")])
            }
            other => Err(format!("{other}() is no operation that is known")),
        }
    }

    fn drop_named(&self, options: usize, what: &str) -> Sql {
        let (exists, cascade) = self.dropping(options)?;
        Ok(vec![format!("DROP {what} {exists}{}{cascade}", self.table(0)?.quoted())])
    }

    fn drop_columns(&self) -> Sql {
        let (table, names) = (self.table(0)?, self.names(1)?);
        let (exists, cascade) = self.dropping(2)?;
        let drop = |name: &String| format!("DROP COLUMN {exists}{}{cascade}", quote(name));
        let actions: Vec<String> = names.iter().map(drop).collect();
        Ok(vec![alter(&table, &actions.join(", "))])
    }

    fn rename_within(&self, name: &str) -> Sql {
        let what = if name == "renameColumn" { "COLUMN" } else { "CONSTRAINT" };
        let (table, old, new) = (self.table(0)?, self.text(1)?, self.text(2)?);
        Ok(vec![alter(&table, &format!("RENAME {what} {} TO {}", quote(&old), quote(&new)))])
    }

    fn extensions(&self, verb: &str, exists: &str, cascade: &str) -> Sql {
        let one = |name: &String| format!("{verb} EXTENSION {exists}{}{cascade}", quote(name));
        Ok(self.names(0)?.iter().map(one).collect())
    }

    fn create_type(&self) -> Sql {
        let labels = self.body.scope.strings(self.argument(1)?);
        let labels = labels.ok_or("what it consists of is told when it runs")?;
        let labels: Vec<String> = labels.iter().map(|label| columns::literal(label)).collect();
        let name = self.table(0)?.quoted();
        Ok(vec![format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", "))])
    }

    fn create_table(self) -> Sql {
        let table = self.table(0)?;
        let columns = self.columns(1)?;
        let exists = self.creating(2)?;
        let mut rules = Vec::new();
        if let Some(given) = self.option(2, "constraints") {
            rules = self.rules(given)?;
        }
        Ok(table::create(&table, exists, &columns, &rules))
    }

    fn add_columns(self) -> Sql {
        let table = self.table(0)?;
        let exists = self.creating(2)?;
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
                    let text = columns::expression(self.body, value);
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
                    format!("ALTER {name} SET DATA TYPE {}{using}", column::adapted(&kind))
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
                        Some(list) if list.kind() == "array" => {
                            list.named_child(0).filter(|_| list.named_child(1).is_none())
                        }
                        other => other,
                    };
                    let key = only.ok_or_else(why)?;
                    let columns = scope.field(key, "columns").and_then(|c| scope.strings(c));
                    let to = scope.field(key, "references").ok_or_else(why)?;
                    let to = self.referenced(to)?;
                    let text = |name: &str| scope.field(key, name).and_then(|n| scope.string(n));
                    let actions = columns::actions(text("onDelete"), text("onUpdate"));
                    let columns = list(&columns.ok_or_else(why)?);
                    format!("FOREIGN KEY ({columns}) REFERENCES {to}{actions}")
                }
                _ => return Err(why()),
            });
        }
        Ok(rules)
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

    fn creating(&self, at: usize) -> Result<&'static str, String> {
        Ok(if self.flag(at, "ifNotExists")? { "IF NOT EXISTS " } else { "" })
    }

    fn dropping(&self, at: usize) -> Result<(&'static str, &'static str), String> {
        let exists = if self.flag(at, "ifExists")? { "IF EXISTS " } else { "" };
        Ok((exists, if self.flag(at, "cascade")? { " CASCADE" } else { "" }))
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
}

//! Operations as the SQL of their two ways.

use std::collections::HashMap;

use tree_sitter::Node;

use crate::domain::change::{Change, Statement, quote};
use crate::source::python::{Args, Literal, Module, Scope, children, line, path};
use crate::source::sql;

use super::Ways;
use super::field::{self, Field, Known};
use super::state::{Model, State};

/// The way through the operations of a migration.
pub(super) struct Walk<'t, 's> {
    pub module: &'t Module,
    pub scope: Scope<'t>,
    pub app: &'s str,
    pub state: &'s mut State,
    /// False among `state_operations`.
    pub on_database: bool,
}

/// What an operation does, in each way.
#[derive(Default)]
struct Both {
    up: Vec<Piece>,
    down: Vec<Piece>,
}

/// A part of a way.
enum Piece {
    Sql(String),
    Raises,
    Unknown(String),
}

impl Both {
    fn of(up: Vec<String>, down: Vec<String>) -> Self {
        let pieces = |all: Vec<String>| all.into_iter().map(Piece::Sql).collect();
        Self { up: pieces(up), down: pieces(down) }
    }

    fn unknown(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { up: vec![Piece::Unknown(why.clone())], down: vec![Piece::Unknown(why)] }
    }

    fn turned(self) -> Self {
        Self { up: self.down, down: self.up }
    }
}

impl<'t> Walk<'t, '_> {
    /// Compiles a list of operations; going down they are undone from the last to the first.
    pub(super) fn all(&mut self, list: Node<'t>) -> Ways {
        let mut ways = Ways::default();
        let mut downs = Vec::new();
        for node in children(list).filter(|node| node.kind() != "comment") {
            let (up, down) = self.one(node);
            ways.up.extend(up);
            downs.push(down);
        }
        ways.down = downs.into_iter().rev().flatten().collect();
        ways
    }

    fn one(&mut self, node: Node<'t>) -> (Vec<Statement>, Vec<Statement>) {
        let call = self.scope.resolve(node).filter(|node| node.kind() == "call");
        let function = call.and_then(|call| call.child_by_field_name("function"));
        let (Some(call), Some(function)) = (call, function) else {
            let why = Both::unknown("it is no call that could be read");
            return self.stated(node, "operation", why);
        };
        let path = path(function, self.module.text());
        let name = path.rsplit('.').next().unwrap_or_default().to_owned();
        if name == "SeparateDatabaseAndState" {
            return self.separate(call);
        }
        let both = self.both(&name, call).unwrap_or_else(|| {
            Both::unknown(format!("{name} cannot be told without running Django"))
        });
        self.stated(call, &name, both)
    }

    /// Returns the statements of both ways, on the line of the operation.
    fn stated(&self, node: Node<'t>, name: &str, both: Both) -> (Vec<Statement>, Vec<Statement>) {
        if !self.on_database {
            return Default::default();
        }
        let at = line(node);
        let alone = |change: Change| Statement {
            line: at,
            sql: self.module.of(node).to_owned(),
            kind: name.to_owned(),
            changes: vec![change],
        };
        let compiled = |piece: Piece| match piece {
            Piece::Sql(text) => {
                let found = sql::compile(&text).statements.into_iter();
                found.map(|statement| Statement { line: at, ..statement }).collect()
            }
            Piece::Raises => vec![alone(Change::Raise(false))],
            Piece::Unknown(why) => vec![alone(Change::Unknown(why))],
        };
        let way = |pieces: Vec<Piece>| pieces.into_iter().flat_map(compiled).collect();
        (way(both.up), way(both.down))
    }

    /// What it does to the database, and what Django is told that it does.
    fn separate(&mut self, call: Node<'t>) -> (Vec<Statement>, Vec<Statement>) {
        let args = Args::of(call, self.module.text());
        let mut ways = Ways::default();
        let before = self.state.clone();
        let mut args = args;
        let database = args.take("database_operations").and_then(|list| self.scope.resolve(list));
        let told = args.take("state_operations").and_then(|list| self.scope.resolve(list));
        if let Some(list) = database {
            ways = self.all(list);
        }
        *self.state = before;
        if let Some(list) = told {
            let on_database = std::mem::replace(&mut self.on_database, false);
            self.all(list);
            self.on_database = on_database;
        }
        (ways.up, ways.down)
    }

    fn both(&mut self, name: &str, call: Node<'t>) -> Option<Both> {
        let mut args = Args::of(call, self.module.text());
        match name {
            "RunSQL" => Some(self.run_sql(&mut args)),
            "RunPython" => Some(self.run_python(&mut args)),
            "CreateModel" => self.create_model(&mut args),
            "DeleteModel" => {
                let model = self.text(args.take("name"))?;
                let known = self.state.take(self.app, &model)?;
                let create = Self::created(&known);
                let drop = format!("DROP TABLE {} CASCADE", quote(&known.table));
                Some(Both::of(vec![drop], create?))
            }
            "AlterModelOptions" | "AlterModelManagers" | "AlterModelTableComment" => {
                Some(Both::default())
            }
            "RenameModel" | "AlterModelTable" => self.rename_model(name, &mut args),
            "AddField" => self.add_field(&mut args),
            "RemoveField" => self.remove_field(&mut args),
            "AlterField" => self.alter_field(&mut args),
            "RenameField" => self.rename_field(&mut args),
            "AddIndex" | "AddIndexConcurrently" => self.add_index(&mut args, name),
            "RemoveIndex" | "RemoveIndexConcurrently" => self.remove_named(&mut args, name),
            "AddConstraint" => self.add_constraint(&mut args),
            "RemoveConstraint" => self.remove_named(&mut args, name),
            _ => None,
        }
    }

    fn text(&self, node: Option<Node<'t>>) -> Option<String> {
        self.scope.string(node?)
    }

    fn run_sql(&self, args: &mut Args<'t>) -> Both {
        let up = args.take("sql").map(|node| self.sent(node));
        let down = args.take("reverse_sql").map(|node| self.sent(node));
        let raises = || vec![Piece::Raises];
        Both { up: up.unwrap_or_default(), down: down.unwrap_or_else(raises) }
    }

    fn sent(&self, node: Node<'t>) -> Vec<Piece> {
        if self.module.of(node).ends_with("RunSQL.noop") {
            return Vec::new();
        }
        let text = self.scope.string(node).or_else(|| {
            let Some(Literal::List(items)) = self.scope.literal(node) else { return None };
            let one = |item: &Literal| match item {
                Literal::Str(text) => Some(text.clone()),
                _ => None,
            };
            items.iter().map(one).collect::<Option<Vec<_>>>().map(|all| all.join(";\n"))
        });
        vec![match text {
            Some(text) => Piece::Sql(text),
            None => Piece::Unknown("its SQL is put together when it runs".into()),
        }]
    }

    fn run_python(&self, args: &mut Args<'t>) -> Both {
        let mut way = |name: &str| args.take(name).map(|node| self.module.of(node));
        let (code, back) = (way("code"), way("reverse_code"));
        let runs = |code: Option<&str>| match code {
            Some(code) if code.ends_with("RunPython.noop") => Vec::new(),
            Some(code) => {
                vec![Piece::Unknown(format!("{code} is Python: what it changes is not read"))]
            }
            None => vec![Piece::Raises],
        };
        Both { up: runs(code), down: runs(back.filter(|back| *back != "None")) }
    }

    fn create_model(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let name = self.text(args.take("name"))?;
        let list = args.take("fields").and_then(|node| self.scope.resolve(node))?;
        let options = args.take("options");
        let mut model = Model {
            table: self
                .option(options, "db_table")
                .unwrap_or_else(|| format!("{}_{}", self.app, name.to_lowercase())),
            fields: Vec::new(),
            named: HashMap::new(),
        };
        let mut more = false;
        for pair in children(list).filter(|node| node.kind() == "tuple") {
            let named = pair.named_child(0).and_then(|node| self.scope.string(node))?;
            match self.field(pair.named_child(1)?, &named) {
                Known::Column(field) => model.fields.push((named, Some(field))),
                Known::Table => more = true,
                Known::Unknown => model.fields.push((named, None)),
            }
        }
        let unmanaged = options.is_some_and(|node| {
            let text = self.module.of(node).replace([' ', '"', '\''], "");
            text.contains("managed:False") || text.contains("proxy:True")
        });
        let constrained = options.is_some_and(|node| {
            let text = self.module.of(node);
            ["indexes", "constraints", "unique_together"].iter().any(|word| text.contains(word))
        });
        let create = Self::created(&model);
        let drop = format!("DROP TABLE {} CASCADE", quote(&model.table));
        self.state.put(self.app, &name, model);
        if unmanaged {
            return Some(Both::default());
        }
        let mut both = match create {
            Some(create) => Both::of(create, vec![drop]),
            None => Both {
                up: vec![Piece::Unknown("one of its fields is of a type of its own".into())],
                down: vec![Piece::Sql(drop)],
            },
        };
        if more || constrained {
            both.up.push(Piece::Unknown(
                "it makes tables, indexes or constraints that are not read here".into(),
            ));
        }
        Some(both)
    }

    /// Returns a string among the options of a model.
    fn option(&self, options: Option<Node<'t>>, name: &str) -> Option<String> {
        let pairs = children(options?).filter(|node| node.kind() == "pair");
        let mut values = pairs.filter(|pair| {
            let key = pair.child_by_field_name("key").and_then(|key| self.scope.string(key));
            key.as_deref() == Some(name)
        });
        self.text(values.next()?.child_by_field_name("value"))
    }

    fn field(&self, node: Node<'t>, name: &str) -> Known {
        field::read(&self.scope, self.module.text(), node, name, self.app, self.state)
    }

    fn created(model: &Model) -> Option<Vec<String>> {
        let fields: Option<Vec<&Field>> = model.fields.iter().map(|(_, f)| f.as_ref()).collect();
        let fields = fields?;
        let columns: Vec<String> = fields.iter().map(|field| field.sql(false)).collect();
        let mut all =
            vec![format!("CREATE TABLE {} ({})", quote(&model.table), columns.join(", "))];
        all.extend(fields.iter().flat_map(|field| field.beside(&model.table)));
        Some(all)
    }

    fn rename_model(&mut self, name: &str, args: &mut Args<'t>) -> Option<Both> {
        let (first, second) =
            if name == "RenameModel" { ("old_name", "new_name") } else { ("name", "table") };
        let old = self.text(args.take(first))?;
        let new = self.text(args.take(second))?;
        let mut model = self.state.take(self.app, &old)?;
        let before = model.table.clone();
        let usual = format!("{}_{}", self.app, old.to_lowercase());
        let kept = if name == "RenameModel" {
            if before == usual {
                model.table = format!("{}_{}", self.app, new.to_lowercase());
            }
            new
        } else {
            model.table = new;
            old
        };
        let after = model.table.clone();
        self.state.put(self.app, &kept, model);
        let rename = |from: &str, to: &str| {
            vec![format!("ALTER TABLE {} RENAME TO {}", quote(from), quote(to))]
        };
        Some(if before == after {
            Both::default()
        } else {
            Both::of(rename(&before, &after), rename(&after, &before))
        })
    }

    /// Returns the model's and the field's name.
    fn names(&self, args: &mut Args<'t>) -> Option<(String, String)> {
        Some((self.text(args.take("model_name"))?, self.text(args.take("name"))?))
    }

    fn add_field(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let (model, name) = self.names(args)?;
        let known = self.field(args.take("field")?, &name);
        let table = self.state.table(self.app, &model);
        let fields = self.state.model_mut(self.app, &model).map(|model| &mut model.fields);
        match known {
            Known::Table => Some(Both::unknown("a table for a many-to-many field")),
            Known::Unknown => {
                fields?.push((name, None));
                Some(Both::unknown("a field of a type of its own"))
            }
            Known::Column(field) => {
                let both = added(&field, &table);
                if let Some(fields) = fields {
                    fields.push((name, Some(field)));
                }
                Some(both)
            }
        }
    }

    fn remove_field(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let (model, name) = self.names(args)?;
        let model = self.state.model_mut(self.app, &model)?;
        let at = model.fields.iter().position(|(own, _)| *own == name)?;
        let (_, field) = model.fields.remove(at);
        Some(match field {
            Some(field) => added(&field, &model.table).turned(),
            None => Both::unknown("a field of a type of its own"),
        })
    }

    fn alter_field(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let (model, name) = self.names(args)?;
        let known = self.field(args.take("field")?, &name);
        let model = self.state.model_mut(self.app, &model)?;
        let table = model.table.clone();
        let own = model.fields.iter_mut().find(|(own, _)| *own == name)?;
        let Known::Column(new) = known else {
            own.1 = None;
            return None;
        };
        let old = own.1.replace(new.clone())?;
        let mut both = Both::of(old.towards(&new, &table), new.towards(&old, &table));
        let hidden = |why: Option<&'static str>| why.map(|why| Piece::Unknown(why.to_owned()));
        both.up.extend(hidden(old.obscure(&new)));
        both.down.extend(hidden(new.obscure(&old)));
        Some(both)
    }

    fn rename_field(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let model = self.text(args.take("model_name"))?;
        let (old, new) = (self.text(args.take("old_name"))?, self.text(args.take("new_name"))?);
        let model = self.state.model_mut(self.app, &model)?;
        let field = model.fields.iter_mut().find(|(own, _)| *own == old)?;
        field.0.clone_from(&new);
        let column = field.1.as_mut()?;
        let suffix = if column.references.is_some() { "_id" } else { "" };
        let (from, to) = (column.column.clone(), format!("{new}{suffix}"));
        if from != format!("{old}{suffix}") {
            // A column that was named by hand stays.
            return Some(Both::default());
        }
        column.column.clone_from(&to);
        let rename = |from: &str, to: &str| {
            let table = quote(&model.table);
            vec![format!("ALTER TABLE {table} RENAME COLUMN {} TO {}", quote(from), quote(to))]
        };
        Some(Both::of(rename(&from, &to), rename(&to, &from)))
    }

    fn add_index(&mut self, args: &mut Args<'t>, operation: &str) -> Option<Both> {
        let concurrently = if operation.ends_with("Concurrently") { "CONCURRENTLY " } else { "" };
        let name = self.text(args.take("model_name"))?;
        let index = args.take("index").and_then(|node| self.scope.resolve(node))?;
        let given = Args::of(index, self.module.text());
        let named = self.text(given.named("name"))?;
        let fields = self.scope.literal(given.named("fields")?)?.strings()?;
        if ["condition", "opclasses", "include"].iter().any(|word| given.named(word).is_some()) {
            return None;
        }
        let model = self.state.model_mut(self.app, &name)?;
        let columns: Vec<String> = fields
            .iter()
            .map(|field| match field.strip_prefix('-') {
                Some(field) => format!("{} DESC", quote(&model.column(field))),
                None => quote(&model.column(field)),
            })
            .collect();
        let made = |word: &str| {
            let (index, table) = (quote(&named), quote(&model.table));
            format!("CREATE INDEX {word}{index} ON {table} ({})", columns.join(", "))
        };
        let (plain, up) = (made(""), made(concurrently));
        let drop = format!("DROP INDEX {concurrently}IF EXISTS {}", quote(&named));
        model.named.insert(named, plain);
        Some(Both::of(vec![up], vec![drop]))
    }

    fn add_constraint(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let name = self.text(args.take("model_name"))?;
        let constraint = args.take("constraint").and_then(|node| self.scope.resolve(node))?;
        let function = constraint.child_by_field_name("function")?;
        let given = Args::of(constraint, self.module.text());
        let named = self.text(given.named("name"))?;
        let unique = path(function, self.module.text()).ends_with("UniqueConstraint");
        let plain = ["condition", "include", "expressions", "deferrable", "opclasses"]
            .iter()
            .all(|word| given.named(word).is_none());
        let fields = given.named("fields").and_then(|node| self.scope.literal(node)?.strings());
        let model = self.state.model_mut(self.app, &name)?;
        let table = quote(&model.table);
        let drop = format!("ALTER TABLE {table} DROP CONSTRAINT {}", quote(&named));
        let Some(fields) = fields.filter(|_| unique && plain) else {
            let why = format!("{named}: what it demands is put together when it runs");
            return Some(Both { up: vec![Piece::Unknown(why)], down: vec![Piece::Sql(drop)] });
        };
        let columns: Vec<String> = fields.iter().map(|field| quote(&model.column(field))).collect();
        let add = format!(
            "ALTER TABLE {table} ADD CONSTRAINT {} UNIQUE ({})",
            quote(&named),
            columns.join(", ")
        );
        model.named.insert(named, add.clone());
        Some(Both::of(vec![add], vec![drop]))
    }

    /// Removes an index or a constraint that an operation before has made.
    fn remove_named(&mut self, args: &mut Args<'t>, operation: &str) -> Option<Both> {
        let (model, name) = self.names(args)?;
        let model = self.state.model_mut(self.app, &model)?;
        let concurrently = operation.ends_with("Concurrently");
        let word = if concurrently { "CONCURRENTLY " } else { "" };
        let drop = if operation == "RemoveConstraint" {
            format!("ALTER TABLE {} DROP CONSTRAINT {}", quote(&model.table), quote(&name))
        } else {
            format!("DROP INDEX {word}IF EXISTS {}", quote(&name))
        };
        let made = model.named.remove(&name).map(|made| {
            if concurrently {
                made.replacen("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1)
            } else {
                made
            }
        });
        let down = match made {
            Some(made) => Piece::Sql(made),
            None => Piece::Unknown(format!("how {name} was made is not read here")),
        };
        Some(Both { up: vec![Piece::Sql(drop)], down: vec![down] })
    }
}

/// A default stands in the table only while the column is added.
fn added(field: &Field, table: &str) -> Both {
    let (quoted, column) = (quote(table), quote(&field.column));
    let mut up = vec![format!("ALTER TABLE {quoted} ADD COLUMN {}", field.sql(true))];
    if field.default.is_some() && !field.kept_default {
        up.push(format!("ALTER TABLE {quoted} ALTER COLUMN {column} DROP DEFAULT"));
    }
    up.extend(field.beside(table));
    Both::of(up, vec![format!("ALTER TABLE {quoted} DROP COLUMN {column} CASCADE")])
}

//! Operations as the SQL of their two ways.

mod column;
mod model;
mod named;

use crate::source::syntax::Node;

use crate::domain::change::{Change, Statement, quote};
use crate::source::python::{Args, Literal, Module, Scope, children, line, path};
use crate::source::sql;

use super::Ways;
use super::state::State;

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

    /// Returns the model's and the field's name.
    fn names(&self, args: &mut Args<'t>) -> Option<(String, String)> {
        Some((self.text(args.take("model_name"))?, self.text(args.take("name"))?))
    }
}

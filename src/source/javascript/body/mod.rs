//! Walks the body of `up` or `down`.

mod call;
mod walk;

use std::collections::HashMap;

use crate::source::syntax::Node;

use crate::domain::change::{Change, Statement};
use crate::domain::hazard::Transactions;
use crate::source::{sql, syntax};

use super::chain::Step;
use super::scope::Scope;
use super::{Dialect, Idle, Module, Way, children, line};

/// SQL, or why it cannot be told before it runs.
pub(super) type Sql = Result<Vec<String>, String>;

/// What a name of the function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// `QueryInterface`, umzug's context, or an instance of Sequelize.
    Interface,
    /// `Sequelize` or `DataTypes`: they build values and do nothing.
    Types,
    /// A transaction of Sequelize.
    Transaction,
    /// Knex, or a transaction of it.
    Knex,
    /// node-pg-migrate's builder.
    Pgm,
}

/// What is known on the way through a body.
pub(super) struct Body<'t> {
    pub module: &'t Module,
    pub scope: Scope<'t>,
    /// True if what is walked is the way up, to be turned around.
    pub inverse: bool,
    /// True if `noTransaction()` is called.
    pub no_transaction: bool,
    dialect: Dialect,
    roles: HashMap<String, Role>,
    /// Statements, and whether each is sent within a transaction.
    out: Vec<(Statement, bool)>,
    complete: bool,
    idle: Option<Idle>,
    begun: usize,
    conditional: bool,
    /// True if code that nobody has read may end a transaction.
    obscure: bool,
    depth: u32,
}

impl<'t> Body<'t> {
    pub(super) fn new(module: &'t Module, function: Option<Node<'t>>, dialect: Dialect) -> Self {
        let roles = ["Sequelize", "DataTypes"].map(|name| (name.to_owned(), Role::Types));
        Self {
            module,
            scope: Scope::of(module, function),
            inverse: false,
            no_transaction: false,
            dialect,
            roles: HashMap::from(roles),
            out: Vec::new(),
            complete: true,
            idle: None,
            begun: 0,
            conditional: false,
            obscure: false,
            depth: 0,
        }
    }

    /// Returns what was found; `at` is the line of the function.
    pub(super) fn finish(self, at: usize) -> Way {
        let idle = self.idle.unwrap_or(Idle { line: at, logs: false });
        Way {
            idle: self.out.is_empty().then_some(idle),
            transactions: self.transactions(),
            complete: self.complete,
            statements: self.out.into_iter().map(|(statement, _)| statement).collect(),
            line: at,
        }
    }

    fn transactions(&self) -> Transactions {
        let splits = |(s, _): &(Statement, bool)| s.changes.iter().any(Change::splits_transaction);
        let inside = self.out.iter().filter(|(_, inside)| *inside).count();
        match self.dialect {
            _ if self.out.iter().any(splits) => Transactions::Mixed,
            _ if self.obscure => Transactions::Unknown,
            Dialect::Knex | Dialect::Pgm if self.no_transaction => Transactions::None,
            Dialect::Knex | Dialect::Pgm => Transactions::One,
            Dialect::Sequelize if inside == 0 => Transactions::None,
            Dialect::Sequelize if inside == self.out.len() && self.begun == 1 => Transactions::One,
            Dialect::Sequelize => Transactions::Mixed,
        }
    }

    /// Walks the function that is exported.
    pub(super) fn function(&mut self, function: Node<'t>) {
        let first = match self.dialect {
            Dialect::Sequelize => Role::Interface,
            Dialect::Knex => Role::Knex,
            Dialect::Pgm => Role::Pgm,
        };
        for (at, parameter) in parameters(function).into_iter().enumerate() {
            match at {
                0 => self.bind(parameter, first),
                _ if self.dialect == Dialect::Sequelize => self.bind(parameter, Role::Types),
                _ => {}
            }
        }
        self.body(function);
    }

    /// Gives the names of a parameter or of a declaration their role.
    fn bind(&mut self, pattern: Node<'t>, role: Role) {
        let name = self.module.of(pattern).to_owned();
        match pattern.kind() {
            "identifier" => {
                self.roles.insert(name, role);
            }
            "shorthand_property_identifier_pattern" => {
                let role = if is_types(&name) { Role::Types } else { role };
                self.roles.insert(name, role);
            }
            "object_pattern" => {
                for field in children(pattern) {
                    let key = field.child_by_field_name("key").map(|key| self.module.of(key));
                    let role = if key.is_some_and(is_types) { Role::Types } else { role };
                    let known = key.is_none_or(|key| PARTS.contains(&key) || role == Role::Types);
                    let shorthand = self.module.of(field);
                    let is_known = match field.kind() {
                        "pair_pattern" => known,
                        _ => {
                            PARTS.contains(&shorthand) || is_types(shorthand) || role == Role::Types
                        }
                    };
                    if is_known {
                        let inner = field.child_by_field_name("value").unwrap_or(field);
                        self.bind(inner, role);
                    }
                }
            }
            _ => {}
        }
    }

    /// Notes that a transaction is begun.
    pub(super) fn begins(&mut self) {
        self.begun += 1;
    }

    fn raises(&mut self, node: Node<'t>) {
        let conditional = self.conditional;
        self.push(node, "throw", vec![Change::Raise(conditional)]);
    }

    /// Adds SQL that a call sends, or that it cannot be told.
    pub(super) fn sends(&mut self, call: Node<'t>, written: Sql, inside: bool) {
        match written {
            Ok(statements) => {
                for mut statement in sql::compile(&statements.join(";\n")).statements {
                    statement.line = line(call);
                    self.out.push((statement, inside));
                }
            }
            Err(why) => self.unknown(call, why),
        }
    }

    /// Adds SQL that stands in the file as text.
    pub(super) fn sends_text(&mut self, call: Node<'t>, text: Option<&Node<'t>>, inside: bool) {
        let node = text.and_then(|node| self.scope.resolve(*node));
        let sql = node.and_then(|node| self.scope.string(node));
        let (Some(node), Some(sql)) = (node, sql) else {
            self.unknown(call, "its SQL is put together when it runs".to_owned());
            return;
        };
        for mut statement in sql::compile(&sql).statements {
            statement.line += line(node) - 1;
            self.out.push((statement, inside));
        }
    }

    /// Adds something that only reads.
    pub(super) fn reads(&mut self, call: Node<'t>) {
        self.push(call, "a look", vec![Change::Read]);
    }

    /// Adds an error that ends the migration.
    pub(super) fn refuses(&mut self, call: Node<'t>, kind: &str) {
        self.push(call, kind, vec![Change::Raise(false)]);
    }

    /// Notes that not all of it could be read.
    pub(super) fn is_partial(&mut self) {
        self.complete = false;
    }

    /// Adds what nobody can tell.
    pub(super) fn unknown(&mut self, node: Node<'t>, why: String) {
        self.complete = false;
        let kind = self.head(node);
        self.push(node, &kind, vec![Change::Unknown(why)]);
    }

    fn push(&mut self, node: Node<'t>, kind: &str, changes: Vec<Change>) {
        let sql = self.module.of(node).to_owned();
        self.out.push((Statement { line: line(node), sql, kind: kind.to_owned(), changes }, false));
    }

    /// Returns the first line of a node, as written.
    fn head(&self, node: Node<'t>) -> String {
        syntax::head(self.module.of(node))
    }
}

/// What an object of parameters holds that is, or leads to, the interface.
const PARTS: &[&str] = &["context", "queryInterface", "sequelize"];

fn is_types(name: &str) -> bool {
    matches!(name, "Sequelize" | "DataTypes")
}

/// Returns true for a step that leads from one form of the interface to another.
pub(super) fn is_passage(step: &Step<'_>) -> bool {
    match step.args {
        None => PARTS.contains(&step.name.as_str()),
        Some(_) => step.name == "getQueryInterface",
    }
}

/// Returns the patterns of a function's parameters.
fn parameters(function: Node<'_>) -> Vec<Node<'_>> {
    if let Some(only) = function.child_by_field_name("parameter") {
        return vec![only];
    }
    let list = function.child_by_field_name("parameters");
    let all = list.map(|list| children(list).collect::<Vec<_>>()).unwrap_or_default();
    all.into_iter().map(|one| one.child_by_field_name("pattern").unwrap_or(one)).collect()
}

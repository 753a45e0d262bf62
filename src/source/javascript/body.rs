//! Walks the body of `up` or `down`.

use std::collections::HashMap;

use tree_sitter::Node;

use crate::domain::change::{Change, Statement};
use crate::domain::hazard::Transactions;
use crate::source::sql;

use super::chain::{Chain, Step};
use super::export::is_function;
use super::scope::{Scope, unwrapped};
use super::{Dialect, Idle, Module, Way, children, knex, line, pgm, sequelize};

/// How deep functions of the same file are followed.
const DEPTH: u32 = 4;

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

    /// Walks the body of a function whose parameters are bound.
    pub(super) fn body(&mut self, function: Node<'t>) {
        let Some(body) = function.child_by_field_name("body") else { return };
        match body.kind() {
            "statement_block" => {
                self.block(body);
            }
            _ => self.expression(body),
        }
    }

    /// Walks a callback; `role` is that of its first parameter, if it has one.
    pub(super) fn callback(&mut self, callback: Node<'t>, role: Option<Role>) -> bool {
        let Some(function) = self.scope.resolve(callback).filter(|node| is_function(*node)) else {
            return false;
        };
        if let (Some(first), Some(role)) = (parameters(function).first(), role) {
            self.bind(*first, role);
        }
        self.body(function);
        true
    }

    fn block(&mut self, block: Node<'t>) -> bool {
        children(block).any(|statement| self.statement(statement))
    }

    /// Walks one statement; returns true if it leaves the function.
    fn statement(&mut self, node: Node<'t>) -> bool {
        match node.kind() {
            "statement_block" => return self.block(node),
            "throw_statement" => {
                self.raises(node);
                return true;
            }
            "return_statement" => {
                children(node).for_each(|value| self.expression(value));
                return true;
            }
            "expression_statement" => children(node).for_each(|inner| self.expression(inner)),
            "lexical_declaration" | "variable_declaration" => {
                children(node).for_each(|one| self.declare(one));
            }
            "if_statement" | "switch_statement" => {
                self.dynamic(node, "it runs only under a condition");
            }
            "for_statement" | "for_in_statement" | "while_statement" | "do_statement" => {
                self.dynamic(node, "a loop: what it does depends on what it finds");
            }
            "try_statement" => return self.attempt(node),
            _ => {}
        }
        false
    }

    fn declare(&mut self, one: Node<'t>) {
        let value = one.child_by_field_name("value");
        let (Some(name), Some(value)) = (one.child_by_field_name("name"), value) else { return };
        let chain = Chain::of(self.module, value);
        let role = chain.root.and_then(|root| self.roles.get(root)).copied();
        let last = chain.steps.last().map(|step| step.name.as_str());
        match (role, last) {
            (Some(Role::Interface), Some("transaction")) => {
                self.begun += 1;
                self.bind(name, Role::Transaction);
            }
            (Some(Role::Interface), _) if chain.steps.iter().all(is_passage) => {
                self.bind(name, Role::Interface);
            }
            (Some(Role::Knex), Some("transaction")) => self.bind(name, Role::Knex),
            (Some(Role::Types), _) => self.bind(name, Role::Types),
            _ => self.expression(value),
        }
    }

    /// `try` whose `catch` only rolls back and throws again does what its block does.
    fn attempt(&mut self, node: Node<'t>) -> bool {
        let handler = node.child_by_field_name("handler");
        let block = handler.and_then(|handler| handler.child_by_field_name("body"));
        let again = block.is_none_or(|block| {
            children(block).last().is_some_and(|last| last.kind() == "throw_statement")
                && children(block).all(|statement| {
                    let text = self.module.of(statement);
                    statement.kind() == "throw_statement"
                        || text.contains(".rollback(")
                        || text.contains("console.")
                })
        });
        match node.child_by_field_name("body") {
            Some(body) if again => {
                let leaves = self.block(body);
                if let Some(last) = node.child_by_field_name("finalizer") {
                    last.child_by_field_name("body").map(|body| self.block(body));
                }
                leaves
            }
            _ => {
                self.dynamic(node, "an error in it may be passed over or handled otherwise");
                false
            }
        }
    }

    /// Handles every call in an expression.
    pub(super) fn expression(&mut self, node: Node<'t>) {
        let node = unwrapped(node);
        match node.kind() {
            "call_expression" => self.call(node),
            "assignment_expression" => {
                if let Some(right) = node.child_by_field_name("right") {
                    self.expression(right);
                }
            }
            "ternary_expression" => self.dynamic(node, "it runs only under a condition"),
            "binary_expression" if has_call(node) => {
                self.dynamic(node, "it runs only under a condition");
            }
            "new_expression" | "class" => {}
            _ if is_function(node) => {}
            _ => children(node).for_each(|child| self.expression(child)),
        }
    }

    fn call(&mut self, node: Node<'t>) {
        let mut chain = Chain::of(self.module, node);
        let is_promise = |step: &Step| {
            matches!(step.name.as_str(), "then" | "catch" | "finally") && step.args.is_some()
        };
        let from = chain.steps.iter().position(is_promise).unwrap_or(chain.steps.len());
        let after = chain.steps.split_off(from);
        self.begin(node, &chain);
        for step in after {
            let Some(callback) = step.args.and_then(|args| args.first().copied()) else { continue };
            if step.name == "catch" {
                self.dynamic(callback, "an error is handled there, and may be passed over");
                self.complete = false;
            } else if !self.callback(callback, None) {
                self.unknown(node, format!("what follows in {}() is made when it runs", step.name));
            }
        }
    }

    /// Handles a chain up to its `then`.
    fn begin(&mut self, node: Node<'t>, chain: &Chain<'t>) {
        let role = chain.root.and_then(|root| self.roles.get(root)).copied();
        match (role, chain.root) {
            (Some(Role::Interface), _) => sequelize::call(self, node, chain),
            (Some(Role::Knex), _) => knex::call(self, node, chain),
            (Some(Role::Pgm), _) => pgm::call(self, node, chain),
            // They build values, and end what was begun.
            (Some(Role::Types | Role::Transaction), _) => {}
            (None, Some("Promise")) => self.promise(node, chain),
            (None, Some("console" | "logger" | "log")) => {
                if self.idle.is_none_or(|idle| !idle.logs) {
                    self.idle = Some(Idle { line: line(node), logs: true });
                }
            }
            (None, Some(root)) if HARMLESS.contains(&root) => {}
            (None, root) => {
                let followed =
                    chain.steps.len() == 1 && root.is_some_and(|_| self.own_function(chain));
                if !followed {
                    self.obscure = true;
                    let path = chain.path();
                    self.unknown(node, format!("it calls {path}(), which can do anything"));
                }
            }
        }
    }

    fn promise(&mut self, node: Node<'t>, chain: &Chain<'t>) {
        let step = chain.steps.first();
        let args = step.and_then(|step| step.args.clone()).unwrap_or_default();
        match step.map(|step| step.name.as_str()) {
            Some("reject") => self.raises(node),
            Some("all" | "allSettled") => {
                let list = args.first().and_then(|list| self.scope.resolve(*list));
                match list.filter(|list| list.kind() == "array") {
                    Some(list) => children(list).for_each(|one| self.expression(one)),
                    None => self.unknown(node, "what it waits for is made when it runs".into()),
                }
            }
            _ => args.into_iter().for_each(|one| self.expression(one)),
        }
    }

    /// Follows a call of a function of the same file that is given only what is known.
    fn own_function(&mut self, chain: &Chain<'t>) -> bool {
        let Some(args) = chain.steps[0].args.as_ref().filter(|_| chain.steps[0].name.is_empty())
        else {
            return false;
        };
        let function = self.scope.resolve(chain.start).filter(|node| is_function(*node));
        let Some(function) = function.filter(|_| self.depth < DEPTH) else { return false };
        let roles: Option<Vec<Role>> =
            args.iter().map(|arg| self.roles.get(self.module.of(*arg)).copied()).collect();
        let Some(roles) = roles else { return false };
        self.depth += 1;
        let inner = Scope::of(self.module, Some(function));
        let outer = std::mem::replace(&mut self.scope, inner);
        let names = self.roles.clone();
        for (parameter, role) in parameters(function).into_iter().zip(roles) {
            self.bind(parameter, role);
        }
        self.body(function);
        self.roles = names;
        self.scope = outer;
        self.depth -= 1;
        true
    }

    /// Notes that a transaction is begun.
    pub(super) fn begins(&mut self) {
        self.begun += 1;
    }

    /// Walks what may or may not run: a statement says so, before those that are in it.
    fn dynamic(&mut self, node: Node<'t>, why: &str) {
        let (from, before) = (self.out.len(), std::mem::replace(&mut self.conditional, true));
        self.inside(node);
        self.conditional = before;
        let raises =
            |(s, _): &(Statement, bool)| matches!(s.changes.as_slice(), [Change::Raise(_)]);
        let inside = &self.out[from..];
        let leaves = self.module.of(node).contains("return");
        if (inside.is_empty() && !leaves) || (!inside.is_empty() && inside.iter().all(raises)) {
            return;
        }
        let kind = self.head(node);
        let changes = vec![Change::Unknown(why.to_owned())];
        let marker = Statement { line: line(node), sql: kind.clone(), kind, changes };
        self.out.insert(from, (marker, false));
        self.complete = false;
    }

    fn inside(&mut self, node: Node<'t>) {
        for child in children(node) {
            match child.kind() {
                _ if is_function(child) => self.body(child),
                "else_clause" | "switch_body" | "switch_case" | "switch_default"
                | "catch_clause" | "finally_clause" => self.inside(child),
                kind if kind.ends_with("_statement") || kind.ends_with("_declaration") => {
                    self.statement(child);
                }
                "statement_block" => {
                    self.block(child);
                }
                _ => self.expression(child),
            }
        }
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
        let head = self.module.of(node).lines().next().unwrap_or_default().trim();
        head.trim_end_matches(['(', '{', ' ']).chars().take(80).collect()
    }
}

/// What an object of parameters holds that is, or leads to, the interface.
const PARTS: &[&str] = &["context", "queryInterface", "sequelize"];

/// Names of the language and of modules that reach no database.
const HARMLESS: &[&str] =
    &["Array", "Date", "JSON", "Math", "Number", "Object", "String", "path", "require"];

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

fn has_call(node: Node<'_>) -> bool {
    node.kind() == "call_expression" || children(node).any(has_call)
}

//! Walks the body of `upgrade` or `downgrade`.

use std::collections::HashSet;

use crate::source::syntax::Node;

use crate::domain::change::{Change, Name, Statement};
use crate::domain::hazard::Transactions;
use crate::source::python::{Args, Module, Scope, assigned, calls, children, line, path};
use crate::source::sql;
use crate::source::syntax;

use super::known::{BUILT_IN, METHODS, first, is_logging, is_postgresql, last};
use super::{Idle, Way, column, execute, operation};

/// How deep functions of the same file are followed.
const DEPTH: u32 = 4;

/// What is known on the way through a body.
pub(super) struct Body<'t> {
    pub module: &'t Module,
    pub scope: Scope<'t>,
    /// Statements, and whether each stands in an `autocommit_block`.
    out: Vec<(Statement, bool)>,
    complete: bool,
    online: Vec<usize>,
    idle: Option<Idle>,
    /// The names under which `alembic.op` is known.
    ops: HashSet<String>,
    /// The names that come from SQLAlchemy: they build values and do nothing.
    builders: HashSet<String>,
    /// The batches that are open: the variable and its table.
    batches: Vec<(String, Name)>,
    autocommit: bool,
    conditional: bool,
    /// True if code that nobody has read may end a transaction.
    obscure: bool,
    depth: u32,
}

impl<'t> Body<'t> {
    pub(super) fn new(module: &'t Module, function: Node<'t>) -> Self {
        let mut body = Self {
            module,
            scope: Scope::of(module, Some(function)),
            out: Vec::new(),
            complete: true,
            online: Vec::new(),
            idle: None,
            ops: HashSet::from(["op".to_owned()]),
            builders: HashSet::from(["sa".to_owned(), "sqlalchemy".to_owned()]),
            batches: Vec::new(),
            autocommit: false,
            conditional: false,
            obscure: false,
            depth: 0,
        };
        for statement in children(module.root()) {
            body.import(statement);
        }
        body
    }

    /// Returns what was found; `at` is the line of the function.
    pub(super) fn finish(self, at: usize) -> Way {
        let effective =
            |(statement, _): &&(Statement, bool)| !statement.changes.iter().all(Change::is_read);
        let alone = self.out.iter().filter(|(_, autocommit)| *autocommit).count();
        let splits = |(s, _): &(Statement, bool)| s.changes.iter().any(Change::splits_transaction);
        let transactions = match () {
            () if self.obscure => Transactions::Unknown,
            () if self.out.iter().any(splits) => Transactions::Mixed,
            () if alone == 0 => Transactions::One,
            () if alone == self.out.iter().filter(effective).count() => Transactions::None,
            () => Transactions::Mixed,
        };
        let nothing = Idle { line: at, what: "nothing" };
        Way {
            idle: self.out.is_empty().then(|| self.idle.unwrap_or(nothing)),
            complete: self.complete && self.online.is_empty(),
            statements: self.out.into_iter().map(|(statement, _)| statement).collect(),
            online: self.online,
            transactions,
        }
    }

    fn import(&mut self, statement: Node<'t>) {
        let text = self.module.text();
        if !statement.kind().starts_with("import") {
            return;
        }
        let from = statement.child_by_field_name("module_name").map(|node| self.module.of(node));
        for child in children(statement) {
            let (name, known) = match child.kind() {
                "aliased_import" => {
                    let name = child.child_by_field_name("name");
                    let alias = child.child_by_field_name("alias");
                    (name.map(|n| &text[n.byte_range()]), alias.map(|n| &text[n.byte_range()]))
                }
                "dotted_name" => (Some(self.module.of(child)), Some(self.module.of(child))),
                _ => continue,
            };
            let (Some(name), Some(known)) = (name, known) else { continue };
            match from {
                Some("alembic") if name == "op" => {
                    self.ops.insert(known.to_owned());
                }
                Some(from) if from.starts_with("sqlalchemy") && known != from => {
                    self.builders.insert(known.to_owned());
                }
                None if name.starts_with("sqlalchemy") => {
                    self.builders.insert(known.to_owned());
                }
                _ => {}
            }
        }
    }

    /// Walks a block; returns true if nothing that follows it can be reached.
    pub(super) fn block(&mut self, block: Node<'t>) -> bool {
        children(block).any(|statement| self.statement(statement))
    }

    /// Walks one statement; returns true if it leaves the function.
    fn statement(&mut self, node: Node<'t>) -> bool {
        match node.kind() {
            "pass_statement" => self.is_idle(node, "pass"),
            "raise_statement" => {
                self.push(node, "raise", vec![Change::Raise(self.conditional)]);
                return true;
            }
            "return_statement" => {
                self.expression(node);
                return true;
            }
            "expression_statement" => self.simple(node),
            "if_statement" => return self.branches(node),
            "with_statement" => return self.with(node),
            "for_statement" => self.dynamic(node, "a loop: what it does depends on what it finds"),
            "while_statement" => self.dynamic(node, "a loop: how often it runs is not known"),
            "try_statement" => {
                self.dynamic(node, "an error in it may be passed over or handled otherwise");
            }
            "match_statement" => self.dynamic(node, "a choice that is made when it runs"),
            "import_statement" | "import_from_statement" => self.import(node),
            "assert_statement" => {
                self.expression(node);
                self.push(node, "assert", vec![Change::Raise(true)]);
            }
            _ => {}
        }
        false
    }

    fn simple(&mut self, node: Node<'t>) {
        let Some(inner) = node.named_child(0) else { return };
        match inner.kind() {
            "string" | "concatenated_string" => self.is_idle(node, "a text"),
            "ellipsis" => self.is_idle(node, "..."),
            _ => self.expression(node),
        }
    }

    /// Handles every call in an expression; those that nobody knows may do anything.
    fn expression(&mut self, node: Node<'t>) {
        let mut unknown = None;
        for call in calls(node) {
            let Some(function) = call.child_by_field_name("function") else { continue };
            let path = path(function, self.module.text());
            if !self.call(call, &path) && !self.is_harmless(&path) {
                unknown = unknown.or(Some((call, path)));
            }
        }
        let binds_only = assigned(node, self.module.text()).is_some();
        let Some((call, path)) = unknown else { return };
        let name = path.rsplit('.').next().unwrap_or_default();
        let verb = if binds_only { "takes the answer of" } else { "calls" };
        self.obscure = true;
        self.unknown(call, format!("it {verb} {name}(), which can do anything"));
    }

    /// Takes a call whose meaning is known; returns false if it is not.
    fn call(&mut self, call: Node<'t>, path: &str) -> bool {
        let (root, last) = (first(path), last(path));
        if self.ops.contains(root) && path.split('.').count() == 2 {
            return self.op(call, last);
        }
        if let Some((_, table)) = self.batches.iter().rev().find(|(name, _)| name == root)
            && path.split('.').count() == 2
        {
            let table = table.clone();
            operation::compile(self, call, last, Some(table));
            return true;
        }
        match last {
            "is_offline_mode" => self.is_online(call),
            "execute" | "exec_driver_sql" | "scalar" if path.contains('.') => {
                if path != "op.execute" {
                    self.is_online(call);
                }
                execute::compile(self, call);
            }
            "commit" | "rollback" | "begin" | "flush" if path.contains('.') => {
                self.obscure = true;
                self.complete = false;
            }
            _ if is_logging(path) => self.is_idle(call, "a message"),
            "create" | "drop" if self.enumeration(call, last) => {}
            _ => return self.own_function(call, path),
        }
        true
    }

    fn op(&mut self, call: Node<'t>, name: &str) -> bool {
        match name {
            "get_bind" => self.is_online(call),
            "execute" => execute::compile(self, call),
            "get_context" | "f" | "inline_literal" | "batch_alter_table" => {}
            _ => operation::compile(self, call, name, None),
        }
        true
    }

    /// Takes `Enum(…).create(bind)` and `.drop(bind)`; returns false if it is of something else.
    fn enumeration(&mut self, call: Node<'t>, verb: &str) -> bool {
        let function = call.child_by_field_name("function");
        let object = function.and_then(|function| function.child_by_field_name("object"));
        let made = object.and_then(|object| self.scope.resolve(object));
        let Some(sql) = made.and_then(|made| column::of_enum(self, made, verb)) else {
            return false;
        };
        for statement in sql::compile(&sql).statements {
            self.add(Statement { line: line(call), ..statement });
        }
        true
    }

    /// Follows a call of a function of the same file that takes no arguments.
    fn own_function(&mut self, call: Node<'t>, path: &str) -> bool {
        let is_of_file = !path.contains('.');
        let Some(function) = is_of_file.then(|| self.module.function(path)).flatten() else {
            return false;
        };
        if !Args::of(call, self.module.text()).rest().is_empty() {
            return false;
        }
        let Some(body) = function.child_by_field_name("body") else { return false };
        if self.depth == DEPTH {
            return false;
        }
        self.depth += 1;
        let outer = std::mem::replace(&mut self.scope, Scope::of(self.module, Some(function)));
        self.block(body);
        self.scope = outer;
        self.depth -= 1;
        true
    }

    fn branches(&mut self, node: Node<'t>) -> bool {
        let condition = node.child_by_field_name("condition");
        let consequence = node.child_by_field_name("consequence");
        let others: Vec<Node<'t>> = children(node)
            .filter(|child| matches!(child.kind(), "elif_clause" | "else_clause"))
            .collect();
        if let (Some(condition), Some(consequence)) = (condition, consequence) {
            let text = self.module.of(condition).to_owned();
            // Here it is always PostgreSQL.
            match is_postgresql(&text) {
                Some(holds) => {
                    self.bind_of(condition);
                    return match (holds, others.as_slice()) {
                        (true, _) => self.block(consequence),
                        (false, [other]) if other.kind() == "else_clause" => {
                            other.child_by_field_name("body").is_some_and(|body| self.block(body))
                        }
                        (false, []) => false,
                        (false, _) => {
                            self.dynamic(node, "a choice that is made when it runs");
                            false
                        }
                    };
                }
                None => self.expression(condition),
            }
        }
        self.dynamic(node, "it runs only under a condition");
        false
    }

    fn bind_of(&mut self, condition: Node<'t>) {
        if self.module.of(condition).contains("get_bind") {
            self.is_online(condition);
        }
    }

    /// Walks what may or may not run: a statement says so, before those that are in it.
    fn dynamic(&mut self, node: Node<'t>, why: &str) {
        let (from, before) = (self.out.len(), std::mem::replace(&mut self.conditional, true));
        let mut leaves = false;
        for child in descend(node) {
            leaves |= self.block(child);
        }
        self.conditional = before;
        let inside = &self.out[from..];
        let raises =
            |(s, _): &(Statement, bool)| matches!(s.changes.as_slice(), [Change::Raise(_)]);
        let only_raises = !inside.is_empty() && inside.iter().all(raises);
        if only_raises || (inside.is_empty() && !leaves) {
            return;
        }
        let autocommit = self.autocommit;
        let marker = self.marker(node, why);
        self.out.insert(from, (marker, autocommit));
        self.complete = false;
    }

    fn with(&mut self, node: Node<'t>) -> bool {
        let (batches, autocommit) = (self.batches.len(), self.autocommit);
        for item in clauses(node) {
            let (value, alias) = self.item(item);
            let Some(value) = value else { continue };
            let called = value.child_by_field_name("function").filter(|_| value.kind() == "call");
            let path = called.map(|f| path(f, self.module.text())).unwrap_or_default();
            match last(&path) {
                "autocommit_block" => self.autocommit = true,
                "batch_alter_table" => self.batch(value, alias),
                "begin_transaction" | "no_autoflush" => {}
                _ => self.expression(value),
            }
        }
        let body = node.child_by_field_name("body");
        let leaves = body.is_some_and(|body| self.block(body));
        self.batches.truncate(batches);
        self.autocommit = autocommit;
        leaves
    }

    /// Returns the value and the name of `value as name`.
    fn item(&self, item: Node<'t>) -> (Option<Node<'t>>, Option<String>) {
        let Some(value) = item.child_by_field_name("value") else { return (None, None) };
        if value.kind() != "as_pattern" {
            return (Some(value), None);
        }
        let alias = value.child_by_field_name("alias").map(|node| self.module.of(node).to_owned());
        (value.named_child(0), alias)
    }

    fn batch(&mut self, call: Node<'t>, alias: Option<String>) {
        let mut args = Args::of(call, self.module.text());
        let table = args.take("table_name").and_then(|node| self.scope.string(node));
        let schema = args.take("schema").map(|node| self.scope.literal(node));
        let alias = alias.unwrap_or_default();
        match (table, schema) {
            (Some(table), None) => self.batches.push((alias, Name::new(table))),
            (Some(table), Some(Some(schema))) => {
                let schema = schema.strings().and_then(|all| all.into_iter().next());
                self.batches.push((alias, Name { schema, name: table }));
            }
            _ => {
                self.unknown(call, "its table is named when it runs".to_owned());
                self.batches.push((alias, Name::new("?")));
            }
        }
    }

    fn is_harmless(&self, path: &str) -> bool {
        let (root, last) = (first(path), last(path));
        let is_method = path.contains('.');
        self.builders.contains(root)
            || root.starts_with("op")
            || (!is_method && BUILT_IN.contains(&root))
            || (is_method && METHODS.contains(&last))
            || last == "Session"
            || last == "sessionmaker"
    }

    fn is_idle(&mut self, node: Node<'t>, what: &'static str) {
        // What is said of a body is its strongest: a message is more than a `pass`.
        if self.idle.is_none_or(|idle| idle.what == "a text" || what == "a message") {
            self.idle = Some(Idle { line: line(node), what });
        }
    }

    fn is_online(&mut self, node: Node<'t>) {
        self.online.push(line(node));
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

    /// Adds a statement of the source.
    fn push(&mut self, node: Node<'t>, kind: &str, changes: Vec<Change>) {
        let sql = self.module.of(node).to_owned();
        self.add(Statement { line: line(node), sql, kind: kind.to_owned(), changes });
    }

    /// Adds a statement.
    pub(super) fn add(&mut self, statement: Statement) {
        self.out.push((statement, self.autocommit));
    }

    fn marker(&self, node: Node<'t>, why: &str) -> Statement {
        let kind = self.head(node);
        let changes = vec![Change::Unknown(why.to_owned())];
        Statement { line: line(node), sql: kind.clone(), kind, changes }
    }

    /// Returns the first line of a node, as written.
    fn head(&self, node: Node<'t>) -> String {
        syntax::head(self.module.of(node))
    }
}

/// Returns the blocks of a compound statement.
fn descend(node: Node<'_>) -> Vec<Node<'_>> {
    let mut blocks = Vec::new();
    for child in children(node) {
        match child.kind() {
            "block" => blocks.push(child),
            "elif_clause"
            | "else_clause"
            | "except_clause"
            | "finally_clause"
            | "case_clause"
            | "except_group_clause" => blocks.extend(descend(child)),
            _ => {}
        }
    }
    blocks
}

fn clauses(node: Node<'_>) -> Vec<Node<'_>> {
    let clause = children(node).find(|child| child.kind() == "with_clause");
    clause.map(|c| children(c).filter(|i| i.kind() == "with_item").collect()).unwrap_or_default()
}

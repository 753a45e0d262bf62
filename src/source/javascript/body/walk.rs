//! Statements and expressions, in the order in which they run.

use crate::source::syntax::{Node, below};

use crate::domain::change::{Change, Statement};

use super::super::chain::Chain;
use super::super::export::is_function;
use super::super::scope::unwrapped;
use super::super::{children, line};
use super::call::DEPTH;
use super::{Body, Role, is_passage, parameters};

impl<'t> Body<'t> {
    /// Walks the body of a function whose parameters are bound.
    pub(in crate::source::javascript) fn body(&mut self, function: Node<'t>) {
        let Some(body) = function.child_by_field_name("body") else { return };
        match body.kind() {
            "statement_block" => {
                self.block(body);
            }
            _ => self.expression(body),
        }
    }

    /// Walks a callback; `role` is that of its first parameter, if it has one.
    pub(in crate::source::javascript) fn callback(
        &mut self,
        callback: Node<'t>,
        role: Option<Role>,
    ) -> bool {
        let Some(function) = self.scope.resolve(callback).filter(|node| is_function(*node)) else {
            return false;
        };
        // One that is written out here cannot be handed on by itself.
        let named = u32::from(unwrapped(callback).kind() == "identifier");
        if named == 1 && self.depth == DEPTH {
            return false;
        }
        if let (Some(first), Some(role)) = (parameters(function).first(), role) {
            self.bind(*first, role);
        }
        self.depth += named;
        self.body(function);
        self.depth -= named;
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
    pub(in crate::source::javascript) fn expression(&mut self, node: Node<'t>) {
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
            // Without a call nothing in it runs.
            "binary_expression" | "new_expression" | "class" => {}
            _ if is_function(node) => {}
            _ => children(node).for_each(|child| self.expression(child)),
        }
    }

    /// Walks what may or may not run: a statement says so, before those that are in it.
    pub(super) fn dynamic(&mut self, node: Node<'t>, why: &str) {
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
}

fn has_call(node: Node<'_>) -> bool {
    below(node, |_| false).any(|node| node.kind() == "call_expression")
}

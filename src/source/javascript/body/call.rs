//! Calls: to whom each is handed.

use crate::source::syntax::Node;

use super::super::chain::{Chain, Step};
use super::super::export::is_function;
use super::super::scope::Scope;
use super::super::{Idle, children, knex, line, pgm, sequelize};
use super::{Body, Role, parameters};

/// How deep functions of the same file are followed.
pub(super) const DEPTH: u32 = 4;

/// Names of the language and of modules that reach no database.
const HARMLESS: &[&str] =
    &["Array", "Date", "JSON", "Math", "Number", "Object", "String", "path", "require"];

impl<'t> Body<'t> {
    pub(super) fn call(&mut self, node: Node<'t>) {
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
}

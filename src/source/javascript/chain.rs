//! `a.b(…).c(…)`: what a chain of calls begins with, and its steps.

use crate::source::syntax::Node;

use super::scope::unwrapped;
use super::{Module, children};

/// One step of a chain: a property, or a call if it has arguments.
#[derive(Clone, Debug)]
pub(super) struct Step<'t> {
    pub name: String,
    pub args: Option<Vec<Node<'t>>>,
}

/// A chain.
#[derive(Clone, Debug)]
pub(super) struct Chain<'t> {
    /// The name that it begins with; `None`: an expression.
    pub root: Option<&'t str>,
    /// What it begins with.
    pub start: Node<'t>,
    /// A call of the name itself, `knex('users')`, is a step without name.
    pub steps: Vec<Step<'t>>,
}

impl<'t> Chain<'t> {
    /// Reads a chain; a node that is none is one without steps.
    pub(super) fn of(module: &'t Module, node: Node<'t>) -> Self {
        let mut steps = Vec::new();
        let mut node = unwrapped(node);
        loop {
            match node.kind() {
                "call_expression" => {
                    let (Some(function), Some(args)) = (
                        node.child_by_field_name("function"),
                        node.child_by_field_name("arguments"),
                    ) else {
                        break;
                    };
                    let function = unwrapped(function);
                    let args = match args.kind() {
                        "arguments" => children(args).collect(),
                        _ => vec![args],
                    };
                    let args = Some(args);
                    let Some((object, name)) = member(module, function) else {
                        steps.push(Step { name: String::new(), args });
                        node = function;
                        continue;
                    };
                    steps.push(Step { name, args });
                    node = object;
                }
                _ => match member(module, node) {
                    Some((object, name)) => {
                        steps.push(Step { name, args: None });
                        node = object;
                    }
                    None => break,
                },
            }
        }
        steps.reverse();
        let root = matches!(node.kind(), "identifier" | "this").then(|| module.of(node));
        Self { root, start: node, steps }
    }

    /// Returns the words of the chain: `console.log`.
    pub(super) fn path(&self) -> String {
        let words = self.steps.iter().map(|step| step.name.as_str()).filter(|w| !w.is_empty());
        std::iter::once(self.root.unwrap_or("…")).chain(words).collect::<Vec<_>>().join(".")
    }
}

fn member<'t>(module: &'t Module, node: Node<'t>) -> Option<(Node<'t>, String)> {
    let object = unwrapped(node.child_by_field_name("object")?);
    match node.kind() {
        "member_expression" => {
            let name = module.of(node.child_by_field_name("property")?);
            Some((object, name.to_owned()))
        }
        _ => None,
    }
}

//! What names stand for, where one assignment tells.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::source::syntax::{Node, below};

use super::{Args, Literal, Module, assigned, children, literal, path};

/// How deep names and calls are followed.
const DEPTH: u32 = 8;

/// The names of a file, and of one function in it.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'t> {
    module: &'t Module,
    function: Option<Node<'t>>,
    text: &'t str,
    /// Collected when a name is met: most files of migrations name nothing.
    names: OnceCell<HashMap<&'t str, Option<Node<'t>>>>,
}

impl<'t> Scope<'t> {
    /// Returns the names at the top of a file and in a function of it.
    pub(crate) fn of(module: &'t Module, function: Option<Node<'t>>) -> Self {
        Self { module, function, text: module.text(), names: OnceCell::new() }
    }

    /// Returns what a name is given; `None` if that is not one expression.
    fn given(&self, name: &str) -> Option<Node<'t>> {
        *self.names.get_or_init(|| names(self.module, self.function)).get(name)?
    }

    /// Returns what a name stands for; any other node stands for itself.
    pub(crate) fn resolve(&self, node: Node<'t>) -> Option<Node<'t>> {
        let mut node = node;
        for _ in 0..DEPTH {
            match node.kind() {
                "identifier" => node = self.given(&self.text[node.byte_range()])?,
                "parenthesized_expression" => node = node.named_child(0)?,
                _ => return Some(node),
            }
        }
        None
    }

    /// Returns the literal that a node is, or stands for.
    pub(crate) fn literal(&self, node: Node<'t>) -> Option<Literal> {
        self.literal_within(node, DEPTH)
    }

    fn literal_within(&self, node: Node<'t>, depth: u32) -> Option<Literal> {
        let node = self.resolve(node).filter(|_| depth > 0)?;
        if let Some(found) = literal(node, self.text) {
            return Some(found);
        }
        match node.kind() {
            "list" | "tuple" | "set" => {
                let items = children(node).filter(|child| child.kind() != "comment");
                let items = items.map(|item| self.literal_within(item, depth - 1));
                Some(Literal::List(items.collect::<Option<_>>()?))
            }
            "call" | "binary_operator" => self.string_within(node, depth).map(Literal::Str),
            _ => None,
        }
    }

    /// Returns the string that a node is: also of `op.f("…")`, `text("…")`, `"…" + "…"`.
    pub(crate) fn string(&self, node: Node<'t>) -> Option<String> {
        self.string_within(node, DEPTH)
    }

    fn string_within(&self, node: Node<'t>, depth: u32) -> Option<String> {
        let node = self.resolve(node).filter(|_| depth > 0)?;
        if let Some(found) = literal(node, self.text) {
            return match found {
                Literal::Str(text) => Some(text),
                _ => None,
            };
        }
        match node.kind() {
            "binary_operator" => {
                let operator = node.child_by_field_name("operator")?;
                if operator.kind() != "+" {
                    return None;
                }
                let left = self.string_within(node.child_by_field_name("left")?, depth - 1)?;
                let right = self.string_within(node.child_by_field_name("right")?, depth - 1)?;
                Some(left + &right)
            }
            "call" => self.wrapped(node, depth),
            _ => None,
        }
    }

    /// Reads a call that only wraps a string.
    fn wrapped(&self, call: Node<'t>, depth: u32) -> Option<String> {
        let function = call.child_by_field_name("function")?;
        let path = path(function, self.text);
        match path.rsplit('.').next()? {
            "f" | "text" | "DDL" | "dedent" | "quoted_name" | "cleandoc" => {
                let inner = Args::of(call, self.text).take("text")?;
                self.string_within(inner, depth - 1)
            }
            "strip" | "bindparams" | "execution_options" => {
                self.string_within(function.child_by_field_name("object")?, depth - 1)
            }
            _ => None,
        }
    }
}

/// The names of a file with those of a function of it.
fn names<'t>(module: &'t Module, function: Option<Node<'t>>) -> HashMap<&'t str, Option<Node<'t>>> {
    let text = module.text();
    let mut file = Names { text, names: HashMap::new() };
    for statement in children(module.root()) {
        file.assign(statement);
    }
    if let Some(function) = function {
        let mut own = Names { text, names: HashMap::new() };
        own.collect(function);
        // A name of the function hides the file's.
        file.names.extend(own.names);
    }
    file.names
}

/// The names while they are collected.
struct Names<'t> {
    text: &'t str,
    /// `None`: it is given more than once, or by a loop or a parameter.
    names: HashMap<&'t str, Option<Node<'t>>>,
}

impl<'t> Names<'t> {
    fn assign(&mut self, statement: Node<'t>) {
        if let Some((name, value)) = assigned(statement, self.text) {
            let first = !self.names.contains_key(name);
            self.names.insert(name, first.then_some(value));
        }
    }

    fn collect(&mut self, function: Node<'t>) {
        for node in below(function, |_| false) {
            self.assign(node);
            match node.kind() {
                "for_statement" | "augmented_assignment" | "named_expression" => {
                    let target = node
                        .child_by_field_name("left")
                        .or_else(|| node.child_by_field_name("name"));
                    self.forget(target);
                }
                "assignment" => {
                    let left = node.child_by_field_name("left");
                    self.forget(left.filter(|left| left.kind() != "identifier"));
                }
                "parameters" | "as_pattern_target" => self.forget(Some(node)),
                _ => {}
            }
        }
    }

    /// Marks every name below as one whose value is not known.
    fn forget(&mut self, node: Option<Node<'t>>) {
        let below = node.into_iter().flat_map(|node| below(node, |_| false));
        for name in below.filter(|node| node.kind() == "identifier") {
            self.names.insert(&self.text[name.byte_range()], None);
        }
    }
}

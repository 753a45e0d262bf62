//! Python: parsed by tree-sitter, never run. What is not a literal stays unknown.

pub mod alembic;
mod args;
pub mod django;
mod literal;
mod margin;
mod plain;
mod scope;
mod shared;

use std::cell::RefCell;

use shared::Shared;

use super::syntax::{Node, Reader, Tree, below};

pub use super::syntax::Fault;
pub use literal::Literal;

pub(super) use super::syntax::{children, line};
pub(crate) use args::Args;
pub(crate) use literal::literal;
pub(crate) use scope::Scope;

thread_local! {
    /// Kept by each thread: what one file needed serves the next.
    static READER: RefCell<Shared> = RefCell::new(Shared::new(Reader::of(&tree_sitter_python::LANGUAGE.into())));
}

/// A file of Python.
#[derive(Debug)]
pub struct Module {
    text: String,
    tree: Tree,
}

impl Module {
    /// Parses a text; never fails: what cannot be read is [`Module::fault`].
    #[must_use]
    pub fn parse(text: impl Into<String>) -> Self {
        let text = text.into();
        let tree = READER.with_borrow_mut(|reader| reader.read(&text));
        Self { text, tree }
    }

    /// Returns the first place that is no Python, if there is one.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.tree.fault(&self.text)
    }

    /// Returns what is assigned at the top of the file.
    #[must_use]
    pub fn top(&self) -> Top<'_> {
        let given = children(self.root()).filter_map(|statement| assigned(statement, &self.text));
        Top { given: given.collect(), scope: Scope::of(self, None) }
    }

    /// Returns the first line of the text that stands at the top of the file.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        let first = children(self.root()).find(|node| node.kind() != "comment")?;
        let string = first.named_child(0).filter(|_| first.kind() == "expression_statement")?;
        let Some(Literal::Str(text)) = literal(string, &self.text) else { return None };
        let summary = text.trim().lines().next()?.trim();
        (!summary.is_empty()).then(|| summary.to_owned())
    }

    pub(crate) fn root(&self) -> Node<'_> {
        self.tree.root()
    }

    pub(crate) fn of(&self, node: Node<'_>) -> &str {
        &self.text[node.byte_range()]
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the body of a function that is defined at the top of the file.
    pub(crate) fn function(&self, name: &str) -> Option<Node<'_>> {
        let defined = children(self.root()).filter_map(|node| match node.kind() {
            "function_definition" => Some(node),
            "decorated_definition" => node.child_by_field_name("definition"),
            _ => None,
        });
        let named = |node: &Node<'_>| node.child_by_field_name("name").map(|n| self.of(n));
        defined.filter(|node| named(node) == Some(name)).last()
    }
}

/// What is assigned at the top of a file, in its order.
#[derive(Debug)]
pub struct Top<'t> {
    given: Vec<(&'t str, Node<'t>)>,
    scope: Scope<'t>,
}

impl Top<'_> {
    /// Returns the value that a name has: the last one that it is given.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Value> {
        let (_, node) = self.given.iter().rfind(|(given, _)| *given == name)?;
        Some(Value { literal: self.scope.literal(*node), line: line(*node) })
    }
}

/// What stands behind a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The value; `None`: only running the code tells.
    pub literal: Option<Literal>,
    /// Its line.
    pub line: usize,
}

/// Returns every call below a node, the outermost first, but for those in functions that
/// are only defined there.
pub(crate) fn calls(node: Node<'_>) -> Vec<Node<'_>> {
    let is_defined = |node: Node<'_>| {
        matches!(node.kind(), "lambda" | "function_definition" | "class_definition")
    };
    below(node, is_defined).filter(|node| node.kind() == "call").collect()
}

/// Returns the words by which something is reached: `op.get_bind().execute`.
pub(crate) fn path(node: Node<'_>, text: &str) -> String {
    let mut words = Vec::new();
    let mut inner = Some(node);
    while let Some(node) = inner {
        inner = match node.kind() {
            "attribute" => {
                let attribute = node.child_by_field_name("attribute");
                words.extend([attribute.map_or("", |node| &text[node.byte_range()]), "."]);
                node.child_by_field_name("object")
            }
            "call" => {
                words.push("()");
                node.child_by_field_name("function")
            }
            "parenthesized_expression" => node.named_child(0),
            "identifier" => {
                words.push(&text[node.byte_range()]);
                None
            }
            _ => {
                words.push("?");
                None
            }
        };
    }
    words.reverse();
    words.concat()
}

/// Returns the name and the value of `name = value` and `name: type = value`.
pub(crate) fn assigned<'t>(statement: Node<'t>, text: &'t str) -> Option<(&'t str, Node<'t>)> {
    if statement.kind() != "expression_statement" {
        return None;
    }
    let inner = statement.named_child(0).filter(|inner| inner.kind() == "assignment")?;
    let left = inner.child_by_field_name("left").filter(|left| left.kind() == "identifier")?;
    let right = inner.child_by_field_name("right")?;
    Some((&text[left.byte_range()], right))
}

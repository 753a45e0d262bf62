//! JavaScript and TypeScript: parsed by tree-sitter, never run. What is not a literal stays
//! unknown.

mod body;
mod chain;
mod column;
mod export;
mod given;
mod knex;
mod pgm;
mod scope;
mod sequelize;
mod table;

use std::cell::RefCell;

use crate::domain::change::Statement;
use crate::domain::hazard::Transactions;
use body::Body;
use export::Exported;
use scope::Scope;

use super::syntax::{self, Node, Reader, Tree, line};

pub use super::syntax::Fault;
pub use scope::Value;

thread_local! {
    /// Kept by each thread: what one file needed serves the next.
    static JAVASCRIPT: RefCell<Reader> = RefCell::new(Reader::of(&tree_sitter_javascript::LANGUAGE.into()));
    static TYPESCRIPT: RefCell<Reader> = RefCell::new(Reader::of(&tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into()));
}

/// A file of JavaScript or TypeScript.
#[derive(Debug)]
pub struct Module {
    text: String,
    tree: Tree,
}

/// The library whose calls a migration makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `QueryInterface` of Sequelize 6, as umzug and sequelize-cli hand it over.
    Sequelize,
    /// Knex 3.
    Knex,
    /// `MigrationBuilder` of node-pg-migrate 9.
    Pgm,
}

/// What a file exports under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// `false`, on this line.
    Disabled(usize),
    /// A function.
    Way(Way),
}

/// One way of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// What it does; what could not be understood is a statement too.
    pub statements: Vec<Statement>,
    /// True if that is all.
    pub complete: bool,
    /// How it runs, as far as the file tells.
    pub transactions: Transactions,
    /// Why nothing is done, if nothing is.
    pub idle: Option<Idle>,
    /// The line of the function.
    pub line: usize,
}

/// A way that does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// The line that says so.
    pub line: usize,
    /// True if it writes a message.
    pub logs: bool,
}

impl Module {
    /// Parses a text; never fails: what cannot be read is [`Module::fault`]. `path` tells the
    /// language by its ending.
    #[must_use]
    pub fn parse(path: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        let is_typescript = [".ts", ".mts", ".cts"].iter().any(|end| path.ends_with(end));
        let reader = if is_typescript { &TYPESCRIPT } else { &JAVASCRIPT };
        let tree = reader.with_borrow_mut(|reader| reader.read(&text));
        Self { text, tree }
    }

    /// Returns the first place that could not be parsed, if there is one.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.tree.fault(&self.text)
    }

    /// Compiles what the file exports as `name`.
    #[must_use]
    pub fn compile(&self, name: &str, dialect: Dialect) -> Found {
        match export::find(self, name) {
            Exported::Missing => Found::Missing,
            Exported::Disabled(node) => Found::Disabled(line(node)),
            Exported::Function(node) => {
                let mut body = Body::new(self, Some(node), dialect);
                body.function(node);
                Found::Way(body.finish(line(node)))
            }
            Exported::Opaque(node) => {
                let mut body = Body::new(self, None, dialect);
                body.unknown(node, format!("what is exported as {name} is made when it runs"));
                Found::Way(body.finish(line(node)))
            }
        }
    }

    /// Compiles the way down that node-pg-migrate infers: the inverse of `up`.
    #[must_use]
    pub fn inferred(&self) -> Option<Way> {
        let Exported::Function(node) = export::find(self, "up") else { return None };
        let mut body = Body::new(self, Some(node), Dialect::Pgm);
        body.inverse = true;
        body.function(node);
        let mut way = body.finish(line(node));
        way.statements.reverse();
        Some(way)
    }

    /// Returns a literal that is exported, e.g. `["config", "transaction"]`; `None`: it is not
    /// there. A value that only running the code tells is [`Value::Other`].
    #[must_use]
    pub fn setting(&self, words: &[&str]) -> Option<Value> {
        let (first, rest) = words.split_first()?;
        let node = match export::find(self, first) {
            Exported::Missing => return None,
            Exported::Disabled(node) | Exported::Function(node) | Exported::Opaque(node) => node,
        };
        let scope = Scope::of(self, None);
        match within(&scope, node, rest) {
            Some(found) => Some(scope.path_value(found)),
            None if scope.fields(node).is_some() => None,
            None => Some(Value::Other),
        }
    }

    /// Returns true if this text stands in the code.
    #[must_use]
    pub fn mentions(&self, words: &str) -> bool {
        self.text.contains(words)
    }

    /// Returns true if the arguments of the program are looked at other than in a call that
    /// begins with `call`.
    #[must_use]
    pub fn reads_arguments_besides(&self, call: &str) -> bool {
        let code: String = self.text.split_whitespace().collect();
        code.replace(&format!("{call}process.argv"), "").contains("process.argv")
    }

    /// Returns true if the second argument of the program goes on to a method as `to`:
    /// `const [verb, to] = process.argv.slice(2)` and `umzug.up(to ? { to } : undefined)`, which
    /// umzug takes for "as far as this one".
    #[must_use]
    pub fn takes_name_for(&self, method: &str) -> bool {
        let code: String = self.text.split_whitespace().collect();
        let Some((before, _)) = code.split_once("]=process.argv.slice(2)") else { return false };
        let names = before.rsplit('[').next().unwrap_or_default();
        let [_, name] = names.split(',').collect::<Vec<_>>()[..] else { return false };
        let given = if name == "to" { "{to}".to_owned() } else { format!("{{to:{name}}}") };
        let call = |options: &str| format!(".{method}({options})");
        let forms = [
            call(&format!("{name}?{given}:undefined")),
            call(&format!("{name}?{given}:{{}}")),
            call(&given),
        ];
        forms.iter().any(|form| code.contains(form))
    }

    /// Returns the values that stand at these words anywhere in the file: `["migrations",
    /// "directory"]` for each `migrations: { directory: … }`.
    #[must_use]
    pub fn values_of(&self, words: &[&str]) -> Vec<Value> {
        let Some((first, rest)) = words.split_first() else { return Vec::new() };
        let scope = Scope::of(self, None);
        let mut found = Vec::new();
        let mut open = vec![self.root()];
        while let Some(node) = open.pop() {
            if node.kind() == "pair"
                && let Some(value) = node.child_by_field_name("value")
                && let Some(key) = node.child_by_field_name("key").and_then(|key| scope.key(key))
                && key == *first
                && let Some(value) = within(&scope, value, rest)
            {
                found.push(scope.path_value(value));
            }
            open.extend(children(node));
        }
        found
    }

    pub(crate) fn root(&self) -> Node<'_> {
        self.tree.root()
    }

    pub(crate) fn of(&self, node: Node<'_>) -> &str {
        &self.text[node.byte_range()]
    }
}

/// Returns the parts of a node that have names in the grammar, without comments.
pub(crate) fn children(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    syntax::children(node).filter(|child| child.kind() != "comment")
}

fn within<'t>(scope: &Scope<'t>, node: Node<'t>, words: &[&str]) -> Option<Node<'t>> {
    words.iter().try_fold(node, |node, word| scope.field(node, word))
}

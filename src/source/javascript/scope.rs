//! What names stand for, and what can be known of a value without running the code.

use std::collections::HashMap;

use crate::source::syntax::{Node, below};

use super::{Module, children};

/// How deep names are followed.
const DEPTH: u32 = 8;

/// A value that stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string, decoded.
    Str(String),
    /// A number, as written.
    Number(String),
    /// `true` or `false`.
    Bool(bool),
    /// `null` or `undefined`.
    Null,
    /// A list.
    List(Vec<Value>),
    /// Only running the code tells.
    Other,
}

/// The names of a file, and of one function in it.
#[derive(Clone, Debug)]
pub(super) struct Scope<'t> {
    module: &'t Module,
    /// `None`: it is given more than once, or by a loop or a parameter.
    names: HashMap<&'t str, Option<Node<'t>>>,
}

impl<'t> Scope<'t> {
    /// Returns the names at the top of a file and in a function of it.
    pub(super) fn of(module: &'t Module, function: Option<Node<'t>>) -> Self {
        let mut scope = Self { module, names: HashMap::new() };
        for statement in children(module.root()) {
            let inner = statement.child_by_field_name("declaration").unwrap_or(statement);
            scope.declare(inner);
            scope.reassigned(statement);
        }
        if let Some(function) = function {
            let mut own = Self { module, names: HashMap::new() };
            own.collect(function);
            // A name of the function hides the file's.
            scope.names.extend(own.names);
        }
        scope
    }

    fn declare(&mut self, node: Node<'t>) {
        match node.kind() {
            "lexical_declaration" | "variable_declaration" => {
                for one in children(node) {
                    let (name, value) =
                        (one.child_by_field_name("name"), one.child_by_field_name("value"));
                    match (name, value) {
                        (Some(name), Some(value)) if name.kind() == "identifier" => {
                            self.give(name, value);
                        }
                        _ => self.forget(name),
                    }
                }
            }
            "function_declaration" => {
                if let Some(name) = node.child_by_field_name("name") {
                    self.give(name, node);
                }
            }
            _ => {}
        }
    }

    fn give(&mut self, name: Node<'t>, value: Node<'t>) {
        let word = self.module.of(name);
        let first = !self.names.contains_key(word);
        self.names.insert(word, first.then_some(value));
    }

    /// Forgets what is assigned anew anywhere below.
    fn reassigned(&mut self, node: Node<'t>) {
        below(node, |_| false).for_each(|node| self.assigned(node));
    }

    fn assigned(&mut self, node: Node<'t>) {
        if matches!(node.kind(), "assignment_expression" | "augmented_assignment_expression") {
            let left = node.child_by_field_name("left");
            self.forget(left.filter(|left| left.kind() != "member_expression"));
        }
    }

    fn collect(&mut self, function: Node<'t>) {
        for node in below(function, |_| false) {
            self.declare(node);
            self.assigned(node);
            match node.kind() {
                "formal_parameters" => self.forget(Some(node)),
                "arrow_function" => self.forget(node.child_by_field_name("parameter")),
                "for_in_statement" => self.forget(node.child_by_field_name("left")),
                "catch_clause" => self.forget(node.child_by_field_name("parameter")),
                _ => {}
            }
        }
    }

    /// Marks every name below as one whose value is not known.
    fn forget(&mut self, node: Option<Node<'t>>) {
        let names = ["identifier", "shorthand_property_identifier_pattern"];
        let below = node.into_iter().flat_map(|node| below(node, |_| false));
        for name in below.filter(|node| names.contains(&node.kind())) {
            self.names.insert(self.module.of(name), None);
        }
    }

    /// Returns what a name stands for; any other node stands for itself.
    pub(super) fn resolve(&self, node: Node<'t>) -> Option<Node<'t>> {
        self.follow(node, DEPTH).map(|(node, _)| node)
    }

    /// Returns the same, and how many names may be followed in it: one may stand for itself.
    fn follow(&self, node: Node<'t>, mut names: u32) -> Option<(Node<'t>, u32)> {
        let mut node = unwrapped(node);
        while matches!(node.kind(), "identifier" | "shorthand_property_identifier") {
            names = names.checked_sub(1)?;
            node = unwrapped((*self.names.get(self.module.of(node))?)?);
        }
        Some((node, names))
    }

    /// Returns a field of an object that stands in the text.
    pub(super) fn field(&self, node: Node<'t>, name: &str) -> Option<Node<'t>> {
        let object = self.resolve(node).filter(|object| object.kind() == "object")?;
        self.fields(object)?.into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Returns the fields of an object, without what is spread into it; `None` if it is none,
    /// or a key is computed.
    pub(super) fn fields(&self, node: Node<'t>) -> Option<Vec<(String, Node<'t>)>> {
        let object = self.resolve(node).filter(|object| object.kind() == "object")?;
        let mut fields = Vec::new();
        for child in children(object) {
            match child.kind() {
                "pair" => {
                    let key = self.key(child.child_by_field_name("key")?)?;
                    fields.push((key, child.child_by_field_name("value")?));
                }
                "shorthand_property_identifier" => {
                    fields.push((self.module.of(child).to_owned(), child));
                }
                "method_definition" => {
                    fields.push((self.key(child.child_by_field_name("name")?)?, child));
                }
                "spread_element" => {}
                _ => return None,
            }
        }
        Some(fields)
    }

    /// Returns true if something is spread into an object.
    pub(super) fn has_spread(&self, node: Node<'t>) -> bool {
        let object = self.resolve(node);
        object.is_some_and(|object| children(object).any(|c| c.kind() == "spread_element"))
    }

    /// Returns the name of a field.
    pub(super) fn key(&self, node: Node<'t>) -> Option<String> {
        match node.kind() {
            "property_identifier" | "number" => Some(self.module.of(node).to_owned()),
            "string" => self.string(node),
            "computed_property_name" => self.string(node.named_child(0)?),
            _ => None,
        }
    }

    /// Returns what is known of a node's value.
    pub(super) fn value(&self, node: Node<'t>) -> Value {
        self.value_within(node, DEPTH)
    }

    fn value_within(&self, node: Node<'t>, names: u32) -> Value {
        let Some((node, names)) = self.follow(node, names) else { return Value::Other };
        let of = || self.module.of(node);
        match node.kind() {
            "string" | "template_string" | "binary_expression" => {
                self.string_within(node, names).map_or(Value::Other, Value::Str)
            }
            "number" => Value::Number(of().replace('_', "")),
            "unary_expression" if of().starts_with('-') => {
                let inner = node.child_by_field_name("argument");
                match inner.map(|inner| self.value_within(inner, names)) {
                    Some(Value::Number(digits)) => Value::Number(format!("-{digits}")),
                    _ => Value::Other,
                }
            }
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" | "undefined" => Value::Null,
            // A list that holds itself several times would grow with each name.
            "array" => {
                Value::List(children(node).map(|it| self.value_within(it, names / 2)).collect())
            }
            _ => Value::Other,
        }
    }

    /// Returns a value where `path.resolve('a', 'b')`, `path.join(__dirname, 'a')` and
    /// `import.meta.dirname` stand for a path of the project.
    pub(super) fn path_value(&self, node: Node<'t>) -> Value {
        let Some(node) = self.resolve(node) else { return Value::Other };
        if node.kind() != "call_expression" {
            return self.value(node);
        }
        let called = node.child_by_field_name("function").map(|f| self.module.of(f));
        let joins =
            called.is_some_and(|f| matches!(f.rsplit('.').next(), Some("join" | "resolve")));
        let Some(arguments) = node.child_by_field_name("arguments").filter(|_| joins) else {
            return Value::Other;
        };
        let mut parts = Vec::new();
        for argument in children(arguments) {
            match self.module.of(argument) {
                "__dirname" | "import.meta.dirname" | "process.cwd()" => {}
                _ => match self.value(argument) {
                    Value::Str(part) => parts.push(part),
                    _ => return Value::Other,
                },
            }
        }
        Value::Str(parts.join("/"))
    }

    /// Returns a string that is known as a whole.
    pub(super) fn string(&self, node: Node<'t>) -> Option<String> {
        self.string_within(node, DEPTH)
    }

    fn string_within(&self, node: Node<'t>, names: u32) -> Option<String> {
        let (node, names) = self.follow(node, names)?;
        match node.kind() {
            "string" => {
                let text = self.module.of(node);
                Some(unescaped(text.get(1..text.len().checked_sub(1)?)?))
            }
            "template_string" => self.template(node, names),
            "binary_expression" => self.sum(node, names),
            _ => None,
        }
    }

    /// Returns texts that are put together by `+`: what is on its left is nested as deep as there
    /// are texts.
    fn sum(&self, sum: Node<'t>, names: u32) -> Option<String> {
        let (mut node, mut names) = (sum, names);
        let mut right = Vec::new();
        while node.kind() == "binary_expression" {
            if self.module.of(node.child_by_field_name("operator")?) != "+" {
                return None;
            }
            right.push((node.child_by_field_name("right")?, names));
            (node, names) = self.follow(node.child_by_field_name("left")?, names)?;
        }
        let mut text = self.string_within(node, names)?;
        for (term, names) in right.into_iter().rev() {
            text.push_str(&self.string_within(term, names)?);
        }
        Some(text)
    }

    /// Returns a template whose every part is known.
    fn template(&self, node: Node<'t>, names: u32) -> Option<String> {
        let (start, end) = (node.start_byte() + 1, node.end_byte().checked_sub(1)?);
        let mut text = String::new();
        let mut at = start;
        let parts = children(node).filter(|child| child.kind() == "template_substitution");
        for part in parts {
            text.push_str(&unescaped(self.module.text.get(at..part.start_byte())?));
            text.push_str(&self.string_within(part.named_child(0)?, names)?);
            at = part.end_byte();
        }
        text.push_str(&unescaped(self.module.text.get(at..end)?));
        Some(text)
    }

    /// Returns the strings of a list, or the only one.
    pub(super) fn strings(&self, node: Node<'t>) -> Option<Vec<String>> {
        match self.value(node) {
            Value::Str(one) => Some(vec![one]),
            Value::List(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::Str(text) => Some(text),
                    _ => None,
                })
                .collect(),
            _ => None,
        }
    }
}

/// Returns what stands in brackets, behind `await`, or before a type.
pub(super) fn unwrapped(node: Node<'_>) -> Node<'_> {
    let mut node = node;
    while matches!(
        node.kind(),
        "parenthesized_expression"
            | "await_expression"
            | "as_expression"
            | "satisfies_expression"
            | "non_null_expression"
    ) {
        let Some(inner) = node.named_child(0) else { break };
        node = inner;
    }
    node
}

/// <https://tc39.es/ecma262/#prod-EscapeSequence>, but for those by number, which stay as
/// they are written.
fn unescaped(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('\n') | None => {}
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some(number @ ('x' | 'u' | '0')) => text.extend(['\\', number]),
            Some(other) => text.push(other),
        }
    }
    text
}

//! What the languages that tree-sitter parses have in common.
//!
//! A tree is copied once into a list that is walked by index: tree-sitter itself counts the
//! children from the first one on at each step, and compares the names of fields as C strings.

use std::iter::successors;
use std::ops::Range;

use tree_sitter::{Language, Parser, TreeCursor};

/// A place that the parser could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub near: String,
}

/// A parser of one language, with the words of its grammar.
pub(super) struct Reader {
    parser: Parser,
    kinds: Vec<&'static str>,
    fields: Vec<&'static str>,
}

impl Reader {
    /// Returns a parser of a language.
    pub(super) fn of(language: &Language) -> Self {
        let mut parser = Parser::new();
        parser.set_language(language).expect("the grammar and the parser are of one version");
        let kinds = 0..u16::try_from(language.node_kind_count()).unwrap_or(u16::MAX);
        let fields = 0..=u16::try_from(language.field_count()).unwrap_or(u16::MAX - 1);
        Self {
            parser,
            kinds: kinds.map(|id| language.node_kind_for_id(id).unwrap_or_default()).collect(),
            fields: fields.map(|id| language.field_name_for_id(id).unwrap_or_default()).collect(),
        }
    }

    /// Parses a text; what cannot be read is a fault of the tree.
    pub(super) fn read(&mut self, text: &str) -> Tree {
        let parsed = self.parser.parse(text, None).expect("no timeout and no cancellation is set");
        let mut parts = Vec::with_capacity(parsed.root_node().descendant_count());
        self.copy(&mut parsed.walk(), &mut parts);
        Tree { parts }
    }

    /// Copies a tree, each node before those in it.
    fn copy(&self, cursor: &mut TreeCursor<'_>, parts: &mut Vec<Part>) {
        let mut open = Vec::new();
        loop {
            let at = self.part(cursor, parts);
            if cursor.goto_first_child() {
                open.push(at);
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
                let after = parts.len();
                let closed = open.pop().flatten().and_then(|at: usize| parts.get_mut(at));
                closed.expect("what has parts is one itself").after = after;
            }
        }
    }

    /// Adds a node; but for those that nothing here asks for: signs and words of the grammar.
    fn part(&self, cursor: &TreeCursor<'_>, parts: &mut Vec<Part>) -> Option<usize> {
        let node = cursor.node();
        let field = cursor.field_id().map_or("", |id| self.fields[usize::from(id.get())]);
        let (named, broken) = (node.is_named(), node.is_error() || node.is_missing());
        if !named && !broken && field.is_empty() && node.child_count() == 0 {
            return None;
        }
        let kind = self.kinds.get(usize::from(node.kind_id())).copied();
        let at = parts.len();
        parts.push(Part {
            kind: kind.unwrap_or_else(|| node.kind()),
            field,
            named,
            broken,
            from: node.start_byte(),
            to: node.end_byte(),
            line: node.start_position().row + 1,
            after: at + 1,
        });
        Some(at)
    }
}

/// A parsed text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tree {
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Part {
    kind: &'static str,
    /// What it is to the one that it is in; empty if that has no name for it.
    field: &'static str,
    /// True if it has a name in the grammar of its own.
    named: bool,
    /// True if it could not be read, or is not there.
    broken: bool,
    from: usize,
    to: usize,
    line: usize,
    /// The index behind all that is in it.
    after: usize,
}

impl Tree {
    /// Returns the node of all of the text.
    pub(super) fn root(&self) -> Node<'_> {
        Node { tree: self, at: 0 }
    }

    /// Returns true if something in it could not be parsed.
    pub(super) fn is_broken(&self) -> bool {
        self.parts.iter().any(|part| part.broken)
    }

    /// Returns the first place that could not be parsed, if there is one.
    pub(super) fn fault(&self, text: &str) -> Option<Fault> {
        let at = self.parts.iter().find(|part| part.broken)?;
        let near = text[at.from..at.to].lines().next().unwrap_or_default().trim();
        Some(Fault { line: at.line, near: near.chars().take(60).collect() })
    }
}

/// The lines of a text, from 1, for places that are asked for in their order.
struct Lines<'a> {
    text: &'a str,
    line: usize,
    /// Where the next one begins, if there is one.
    next: Option<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, line: 1, next: behind(text, 0) }
    }

    fn of_place(&mut self, place: usize) -> usize {
        while let Some(next) = self.next.filter(|next| *next <= place) {
            self.line += 1;
            self.next = behind(self.text, next);
        }
        self.line
    }
}

/// Returns the place behind the next end of a line.
fn behind(text: &str, from: usize) -> Option<usize> {
    memchr::memchr(b'\n', &text.as_bytes()[from..]).map(|at| from + at + 1)
}

/// A tree that is put together from those of the pieces of a text, in their order.
pub(super) struct Grown<'a> {
    text: &'a str,
    parts: Vec<Part>,
    lines: Lines<'a>,
}

impl<'a> Grown<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let root = Part { kind: "module", named: true, ..Part::default() };
        Self { text, parts: vec![root], lines: Lines::of(text) }
    }

    /// Adds the tree of a piece like the one at `start`: what stood at the places `from` in
    /// that one stands at the places `to` in this.
    pub(super) fn add(
        &mut self,
        tree: &Tree,
        from: &[Range<usize>],
        start: usize,
        to: &[Range<usize>],
    ) {
        let moved = self.parts.len() - 1;
        let place = |at: usize| match from.partition_point(|text| text.end <= at) {
            0 => start + at,
            passed => start + at - from[passed - 1].end + to[passed - 1].end,
        };
        for part in &tree.parts[1..] {
            let (from, to, after) = (place(part.from), place(part.to), part.after + moved);
            let line = self.lines.of_place(from);
            self.parts.push(Part { from, to, line, after, ..*part });
        }
    }

    pub(super) fn finish(self) -> Tree {
        whole(self.parts, self.text)
    }
}

/// Returns the tree of all of a text, of which the first part is the root.
fn whole(mut parts: Vec<Part>, text: &str) -> Tree {
    let (after, to) = (parts.len(), text.len());
    let (from, line) = parts.get(1).map_or((0, 1), |first| (first.from, first.line));
    parts[0] = Part { from, to, line, after, ..parts[0] };
    Tree { parts }
}

/// A tree that is read without the grammar.
pub(super) struct Planted {
    parts: Vec<Part>,
    end: usize,
}

impl Default for Planted {
    fn default() -> Self {
        let root = Part { kind: "module", named: true, ..Part::default() };
        Self { parts: vec![root], end: 0 }
    }
}

impl Planted {
    /// Returns the index that the next node gets.
    pub(super) fn here(&self) -> usize {
        self.parts.len()
    }

    /// Returns the place behind all that was read.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Begins a node, which holds all that is added until it is closed.
    pub(super) fn open(&mut self, kind: &'static str, field: &'static str, from: usize) -> usize {
        let at = self.parts.len();
        let part = Part { kind, field, named: true, from, after: at + 1, ..Part::default() };
        self.parts.push(part);
        at
    }

    /// Ends a node before this place.
    pub(super) fn close(&mut self, at: usize, to: usize) {
        self.end = self.end.max(to);
        self.parts[at].after = self.parts.len();
        self.parts[at].to = to;
    }

    /// Adds a node that holds nothing.
    pub(super) fn leaf(&mut self, kind: &'static str, field: &'static str, range: Range<usize>) {
        let at = self.open(kind, field, range.start);
        self.close(at, range.end);
    }

    /// Adds a sign of the grammar that is asked for.
    pub(super) fn sign(&mut self, sign: &'static str, field: &'static str, from: usize) {
        self.leaf(sign, field, from..from + sign.len());
        self.parts.last_mut().expect("it was added").named = false;
    }

    /// Puts all from a node on into a new one, to which the first of it is `field`.
    pub(super) fn wrap(&mut self, at: usize, kind: &'static str, field: &'static str) {
        let first = &mut self.parts[at];
        let part = Part { kind, ..*first };
        first.field = field;
        self.parts.insert(at, part);
        self.parts[at + 1..].iter_mut().for_each(|part| part.after += 1);
    }

    /// Takes back the last node, which holds nothing.
    pub(super) fn forget(&mut self, at: usize) {
        self.parts.truncate(at);
    }

    /// Tells what a node is to the one that it is in.
    pub(super) fn name(&mut self, at: usize, field: &'static str) {
        self.parts[at].field = field;
    }

    /// Calls a node something else.
    pub(super) fn rename(&mut self, at: usize, kind: &'static str) {
        self.parts[at].kind = kind;
    }

    /// Returns true if a node is called so.
    pub(super) fn is(&self, kind: &str, at: usize) -> bool {
        self.parts[at].kind == kind
    }

    /// Returns true if a node, or the first operand in it, is called so.
    pub(super) fn begins_with(&self, kind: &str, at: usize) -> bool {
        let operand = self.parts[at..].iter().find(|part| part.kind != "binary_operator");
        operand.is_some_and(|part| part.kind == kind)
    }

    /// Returns the tree of all of a text.
    pub(super) fn finish(mut self, text: &str) -> Tree {
        let mut lines = Lines::of(text);
        self.parts.iter_mut().for_each(|part| part.line = lines.of_place(part.from));
        whole(self.parts, text)
    }
}

/// A piece of the code, with all that is in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'t> {
    tree: &'t Tree,
    at: usize,
}

impl<'t> Node<'t> {
    fn part(self) -> &'t Part {
        &self.tree.parts[self.at]
    }

    /// Returns the grammar's word for what it is.
    pub(crate) fn kind(self) -> &'static str {
        self.part().kind
    }

    /// Returns the place of its first byte.
    pub(crate) fn start_byte(self) -> usize {
        self.part().from
    }

    /// Returns the place behind its last byte.
    pub(crate) fn end_byte(self) -> usize {
        self.part().to
    }

    /// Returns where it stands.
    pub(crate) fn byte_range(self) -> Range<usize> {
        self.part().from..self.part().to
    }

    /// Returns the first part that the grammar calls so.
    pub(crate) fn child_by_field_name(self, field: &str) -> Option<Self> {
        self.parts().find(|child| child.part().field == field)
    }

    /// Returns a part by its place among those that have names in the grammar.
    pub(crate) fn named_child(self, at: usize) -> Option<Self> {
        children(self).nth(at)
    }

    /// Returns all parts, in their order.
    fn parts(self) -> impl Iterator<Item = Self> {
        let (tree, end) = (self.tree, self.part().after);
        let first = Some(self.at + 1).filter(|at| *at < end);
        let next = move |at: &usize| Some(tree.parts[*at].after).filter(|at| *at < end);
        successors(first, next).map(move |at| Self { tree, at })
    }
}

/// Returns the line on which a node begins, from 1.
pub(super) fn line(node: Node<'_>) -> usize {
    node.part().line
}

/// Returns the parts of a node that have names in the grammar.
pub(super) fn children(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    node.parts().filter(|child| child.part().named)
}

/// Returns a node and all with names in the grammar below it, each before those in it; nothing
/// of those that are passed over.
pub(super) fn below<'t>(
    node: Node<'t>,
    passes: impl Fn(Node<'t>) -> bool,
) -> impl Iterator<Item = Node<'t>> {
    let (tree, end) = (node.tree, node.part().after);
    let mut next = node.at;
    std::iter::from_fn(move || {
        while next < end {
            let found = Node { tree, at: next };
            let is_named = found.part().named || found.at == node.at;
            if is_named && !passes(found) {
                next += 1;
                return Some(found);
            }
            next = found.part().after;
        }
        None
    })
}

/// Returns the first line of a piece of code, without what it opens.
pub(super) fn head(code: &str) -> String {
    let head = code.lines().next().unwrap_or_default().trim();
    head.trim_end_matches(['(', '{', ' ']).chars().take(80).collect()
}

//! What the files of a project have in common: a tool writes them all from one template, and
//! what they do differs in names as a rule. A piece that is like an earlier one but for what
//! stands in its texts has the same tree, at other places.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::source::syntax::{Grown, Reader, Tree};

use super::margin::{self, Piece};
use super::plain;

/// Stands for what is in a text; a file that has it is read as a whole.
pub(super) const GAP: u8 = 1;

/// So many trees are kept at most.
const KEPT: usize = 256;

/// A parser, with the pieces that it has met.
pub(super) struct Shared {
    reader: Reader,
    met: HashSet<u64>,
    /// What was met twice, by its form.
    known: HashMap<String, (Tree, Piece)>,
}

impl Shared {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, met: HashSet::new(), known: HashMap::new() }
    }

    /// Parses a text. The tree is the one that the parser makes of all of it at once.
    pub(super) fn read(&mut self, text: &str) -> Tree {
        let read = plain::read(text).or_else(|| self.put_together(text));
        let Some(tree) = read else { return self.reader.read(text) };
        debug_assert_eq!(tree, self.reader.read(text), "in\n{text}");
        tree
    }

    /// Returns `None` if the text is not surely read piece by piece.
    fn put_together(&mut self, text: &str) -> Option<Tree> {
        let pieces = margin::pieces(text).filter(|pieces| !pieces.is_empty())?;
        let mut grown = Grown::of(text);
        for piece in pieces {
            let own = &text[piece.range.clone()];
            // Where margins are wrong the grammar reads on behind a comma.
            if own.trim_end().ends_with(',') {
                return None;
            }
            if let Some(tree) = plain::read(own) {
                grown.add(&tree, &[], piece.range.start, &[]);
                continue;
            }
            let form = form(own, &piece);
            if let Some((tree, like)) = self.known.get(&form) {
                grown.add(tree, &like.texts, piece.range.start, &piece.texts);
                continue;
            }
            let tree = self.reader.read(own);
            if tree.is_broken() {
                return None;
            }
            grown.add(&tree, &[], piece.range.start, &[]);
            self.keep(form, tree, piece);
        }
        Some(grown.finish())
    }

    /// Keeps a tree, if it is of a form that occurs again.
    fn keep(&mut self, form: String, tree: Tree, piece: Piece) {
        let mut hasher = DefaultHasher::new();
        form.hash(&mut hasher);
        if !self.met.insert(hasher.finish()) && self.known.len() < KEPT {
            self.known.insert(form, (tree, piece));
        }
    }
}

/// Returns a piece with a gap for what is in each of its texts.
fn form(text: &str, piece: &Piece) -> String {
    let mut form = String::with_capacity(text.len());
    let mut at = 0;
    for inner in &piece.texts {
        form.push_str(&text[at..inner.start]);
        form.push(char::from(GAP));
        at = inner.end;
    }
    form.push_str(&text[at..]);
    form
}

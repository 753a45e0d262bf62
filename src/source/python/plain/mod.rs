//! The part of Python that revisions are made of: calls with literals, one below the other.
//!
//! It is read by descent, ten times as fast as by the grammar's tables, to the very tree that
//! tree-sitter (tree-sitter-python 0.25) makes of it. What is not surely of it is not read here.

mod expression;
mod statement;
mod text;

use crate::source::syntax::{Planted, Tree};

/// So deep calls and blocks are followed.
const DEPTH: u32 = 48;

/// Words that are no names, or not always.
const WORDS: [&str; 39] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "case", "class",
    "continue", "def", "del", "elif", "else", "except", "exec", "finally", "for", "from", "global",
    "if", "import", "in", "is", "lambda", "match", "nonlocal", "not", "or", "pass", "print",
    "raise", "return", "try", "type", "while", "yield",
];

/// Reads what stands at the left margin, each with all that is indented below: a file, or a piece
/// of one; `None` if it is not surely read as tree-sitter would.
pub(super) fn read(text: &str) -> Option<Tree> {
    // The end of a line, or of all, to some.
    memchr::memchr2(b'\r', 0, text.as_bytes()).is_none().then_some(())?;
    let mut plain = Plain { text, at: 0, brackets: 0, depth: 0, planted: Planted::default() };
    while plain.at < text.len() {
        if !plain.eat(b'\n') {
            plain.line(0)?;
        }
    }
    (plain.planted.here() > 1).then(|| plain.planted.finish(text))
}

/// A text on the way through it.
struct Plain<'t> {
    text: &'t str,
    at: usize,
    /// How many brackets are open: a line does not end in them.
    brackets: u32,
    depth: u32,
    planted: Planted,
}

impl<'t> Plain<'t> {
    fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.space();
        self.eat(byte).then_some(())
    }

    /// Returns true if this word is next, and passes over it.
    fn word(&mut self, word: &str) -> bool {
        let is_there = self.name() == Some(word);
        self.at += if is_there { word.len() } else { 0 };
        is_there
    }

    /// Returns the name or word that is next.
    fn name(&self) -> Option<&'t str> {
        let rest = &self.bytes()[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        // Names may go on with other letters.
        let ends = rest.get(length).is_none_or(u8::is_ascii);
        let begins = rest.first().is_some_and(|byte| !byte.is_ascii_digit()) && length > 0;
        (begins && ends).then(|| &self.text[self.at..self.at + length])
    }

    /// Reads a name.
    fn identifier(&mut self, field: &'static str) -> Option<&'t str> {
        let name = self.name().filter(|name| WORDS.binary_search(name).is_err())?;
        self.leaf("identifier", field, name.len());
        Some(name)
    }

    fn leaf(&mut self, kind: &'static str, field: &'static str, length: usize) {
        self.planted.leaf(kind, field, self.at..self.at + length);
        self.at += length;
    }

    /// Passes over space: also over ends of lines where brackets are open.
    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n') = self.peek() {
            if self.peek() == Some(b'\n') && self.brackets == 0 {
                return;
            }
            self.at += 1;
        }
    }

    /// Passes over space and comments between the parts of a list.
    fn gap(&mut self) {
        self.space();
        while self.peek() == Some(b'#') {
            self.comment();
            self.space();
        }
    }

    fn comment(&mut self) {
        let rest = &self.bytes()[self.at..];
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.leaf("comment", "", length);
    }

    /// Does one thing inside of another; `None` where that goes too deep.
    fn within(&mut self, read: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        (self.depth < DEPTH).then_some(())?;
        self.depth += 1;
        read(self)?;
        self.depth -= 1;
        Some(())
    }
}

//! What the files of a project have in common: a tool writes them all from one template, so
//! each begins with the same imports and ends its head with the same lines. A line that an
//! earlier file had is not parsed again.

use std::collections::HashMap;
use std::ops::Range;

use crate::source::syntax::{Reader, Tree};

use super::margin;

/// A parser, with the lines that it has met.
pub(super) struct Shared {
    reader: Reader,
    /// `None`: met once.
    met: HashMap<String, Option<Tree>>,
}

impl Shared {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, met: HashMap::new() }
    }

    /// Parses a text. The tree is the one that the parser makes of all of it.
    pub(super) fn read(&mut self, text: &str) -> Tree {
        let lines = self.known(text);
        let mut rest = text.as_bytes().to_vec();
        // Blank lines are nothing to Python, and leave everything else where it stands.
        lines.iter().for_each(|line| rest[line.clone()].fill(b' '));
        let rest = String::from_utf8(rest).expect("whole lines are taken out");
        let mut tree = self.reader.read(&rest);
        if lines.is_empty() || tree.is_broken() {
            return self.reader.read(text);
        }
        let known = lines.into_iter().filter_map(|line| {
            let tree = self.met.get(&text[line.clone()])?.as_ref()?;
            Some((line, tree))
        });
        tree.put_in(known, text);
        debug_assert_eq!(tree, self.reader.read(text), "in\n{text}");
        tree
    }

    /// Returns the lines of a text whose trees are known.
    fn known(&mut self, text: &str) -> Vec<Range<usize>> {
        let mut lines = margin::statements(text);
        lines.retain(|line| self.is_known(&text[line.clone()]));
        lines
    }

    fn is_known(&mut self, line: &str) -> bool {
        match self.met.get_mut(line) {
            Some(Some(_)) => true,
            Some(unread) => {
                let tree = self.reader.read(line);
                *unread = (!tree.is_broken()).then_some(tree);
                unread.is_some()
            }
            None => {
                self.met.insert(line.to_owned(), None);
                false
            }
        }
    }
}

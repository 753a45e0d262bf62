//! The arguments of a call, by place and by name.

use crate::source::syntax::Node;

use super::children;

/// The arguments of a call, taken one after the other as a signature names them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args<'t> {
    placed: Vec<Node<'t>>,
    named: Vec<(&'t str, Node<'t>)>,
    /// True if some are unpacked from a variable (`*columns`, `**options`).
    pub unpacked: bool,
    next: usize,
}

impl<'t> Args<'t> {
    /// Reads the arguments of a call.
    pub(crate) fn of(call: Node<'t>, text: &'t str) -> Self {
        let mut args = Self::default();
        let Some(list) = call.child_by_field_name("arguments") else { return args };
        for child in children(list) {
            match child.kind() {
                "comment" => {}
                "keyword_argument" => {
                    let name = child.child_by_field_name("name");
                    let value = child.child_by_field_name("value");
                    args.named.extend(name.zip(value).map(|(n, v)| (&text[n.byte_range()], v)));
                }
                "list_splat" | "dictionary_splat" => args.unpacked = true,
                _ => args.placed.push(child),
            }
        }
        args
    }

    /// Takes the next argument, given by place or under this name.
    pub(crate) fn take(&mut self, name: &str) -> Option<Node<'t>> {
        match self.placed.get(self.next) {
            Some(node) => {
                self.next += 1;
                Some(*node)
            }
            None => self.named(name),
        }
    }

    /// Takes all that is left of those given by place.
    pub(crate) fn rest(&mut self) -> Vec<Node<'t>> {
        let rest = self.placed.split_off(self.next.min(self.placed.len()));
        self.next = self.placed.len();
        rest
    }

    /// Returns an argument that is given by name.
    pub(crate) fn named(&self, name: &str) -> Option<Node<'t>> {
        self.named.iter().find(|(given, _)| *given == name).map(|(_, node)| *node)
    }
}

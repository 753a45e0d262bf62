//! What a call is given.

use crate::source::syntax::Node;

use super::scope::{Scope, Value};

/// The arguments of a call, of which some are objects with options.
pub(super) trait Given<'t> {
    fn scope(&self) -> &Scope<'t>;

    fn args(&self) -> &[Node<'t>];

    fn argument(&self, at: usize) -> Result<Node<'t>, String> {
        self.args().get(at).copied().ok_or_else(|| "it is given too little".to_owned())
    }

    fn text(&self, at: usize) -> Result<String, String> {
        let text = self.scope().string(self.argument(at)?);
        text.ok_or_else(|| "what it names is put together when it runs".to_owned())
    }

    fn option(&self, at: usize, name: &str) -> Option<Node<'t>> {
        self.args().get(at).and_then(|options| self.scope().field(*options, name))
    }

    fn text_option(&self, at: usize, name: &str) -> Result<Option<String>, String> {
        let Some(node) = self.option(at, name) else { return Ok(None) };
        let text = self.scope().string(node);
        text.map(Some).ok_or_else(|| format!("{name} is put together when it runs"))
    }

    fn flag(&self, at: usize, name: &str) -> Result<bool, String> {
        match self.option(at, name).map(|node| self.scope().value(node)) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(_) => Err(format!("{name} is decided when it runs")),
        }
    }
}

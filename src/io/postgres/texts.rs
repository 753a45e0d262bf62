//! The texts of sessions, each kept once.

use std::collections::HashSet;
use std::sync::Arc;

/// Texts that sessions have in common, and that a session has from one refresh to the next:
/// names, waits, and the queries of those who wait.
#[derive(Debug, Default)]
pub(super) struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// Returns the one text that is the same.
    pub fn kept(&mut self, text: &str) -> Arc<str> {
        if let Some(kept) = self.0.get(text) {
            return Arc::clone(kept);
        }
        let text: Arc<str> = text.into();
        self.0.insert(Arc::clone(&text));
        text
    }

    /// Forgets what nobody else holds any more.
    pub fn settle(&mut self) {
        self.0.retain(|text| Arc::strong_count(text) > 1);
    }
}

//! Which backends are shown.

use super::{Backend, State};
use crate::domain::untrusted::Untrusted;

/// What a person typed to narrow the list, and whether idle sessions are hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    words: Vec<String>,
    /// Leaves out idle sessions that block nobody, and background processes at rest.
    pub hide_idle: bool,
}

impl Filter {
    /// Reads the typed text: every word must occur, in any column, in any case.
    #[must_use]
    pub fn new(text: &str, hide_idle: bool) -> Self {
        let words = text.split_whitespace().map(str::to_lowercase).collect();
        Self { words, hide_idle }
    }

    /// Returns true if `backend` is shown. Who blocks somebody is never hidden as
    /// idle: an idle holder of an advisory lock is what one is looking for.
    #[must_use]
    pub fn shows(&self, backend: &Backend, blocks_somebody: bool) -> bool {
        let hidden = self.hide_idle && !blocks_somebody && at_rest(backend);
        !hidden && self.matches(backend)
    }

    fn matches(&self, backend: &Backend) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let text = text_of(backend);
        self.words.iter().all(|word| text.contains(word))
    }
}

fn at_rest(backend: &Backend) -> bool {
    match backend.state {
        Some(state) => state == State::Idle,
        None => backend.backend_type != "client backend" && backend.xact_start.is_none(),
    }
}

/// Returns everything that a filter looks at, in lower case.
fn text_of(backend: &Backend) -> String {
    let columns = [&backend.database, &backend.user, &backend.client];
    let columns = columns.into_iter().flatten().map(Untrusted::raw);
    let words = [backend.application.raw(), backend.query.raw(), &backend.backend_type];
    let words = words.into_iter().chain(backend.wait.as_deref());
    let words = words.chain(backend.state.map(State::word)).chain(columns);
    let mut text = backend.pid.to_string();
    for word in words {
        text.push('\n');
        text.push_str(word);
    }
    text.to_lowercase()
}

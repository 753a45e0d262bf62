//! Who answered first, shared by all that is bound to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::identity::{Identity, Refused, check_bound};

/// The target that everything is bound to: nobody until somebody answered.
#[derive(Clone, Debug, Default)]
pub struct Bound(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    identity: Option<Identity>,
    /// The databases that our own swaps are about to put under the name, or have put there.
    admitted: Vec<u32>,
}

impl Bound {
    /// Returns who answered first, or what took its place by our own swap.
    #[must_use]
    pub fn get(&self) -> Option<Identity> {
        self.state().identity.clone()
    }

    /// Binds the first who answers, and checks that every later one is the same, or the one
    /// that our own swap puts in its place.
    ///
    /// # Errors
    /// [`Refused::Changed`] with every difference.
    pub fn check(&self, found: &Identity) -> Result<(), Refused> {
        let mut state = self.state();
        let is_admitted = state.admitted.contains(&found.database_oid);
        let bound = state.identity.get_or_insert_with(|| found.clone());
        if is_admitted {
            let same = Identity { database_oid: bound.database_oid, ..found.clone() };
            return check_bound(bound, &same);
        }
        check_bound(bound, found)
    }

    /// Takes either database for the target from here on: our own swap is about to happen.
    pub fn admit(&self, oid: u32) {
        self.state().admitted.push(oid);
    }

    /// Binds what answers after our own swap, and nothing else any more.
    pub fn settle(&self, found: Identity) {
        *self.state() = State { identity: Some(found), admitted: Vec::new() };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

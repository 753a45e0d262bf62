//! Relation names that were read once, so that no refresh has to.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::domain::untrusted::Untrusted;

/// How long a name is believed: relations get renamed and dropped.
const BELIEVED: Duration = Duration::from_secs(10);

/// What is known of relations, by OID; `None` for one that could not be found.
#[derive(Debug, Default)]
pub(super) struct Cache(HashMap<u32, (Instant, Option<Untrusted>)>);

impl Cache {
    /// Returns those of `wanted` that are unknown or were read too long ago.
    pub fn missing(&self, wanted: &BTreeSet<u32>) -> Vec<u32> {
        let fresh = |oid: &u32| self.0.get(oid).is_some_and(|(at, _)| at.elapsed() < BELIEVED);
        wanted.iter().copied().filter(|oid| !fresh(oid)).collect()
    }

    /// Takes in the answer to a question about `asked`.
    pub fn learn(&mut self, asked: &[u32], named: Vec<(u32, String)>) {
        self.0.retain(|_, (at, _)| at.elapsed() < BELIEVED * 2);
        let now = Instant::now();
        for oid in asked {
            self.0.insert(*oid, (now, None));
        }
        for (oid, name) in named {
            self.0.insert(oid, (now, Some(Untrusted::new(name))));
        }
    }

    /// Keeps what is known of `asked` for as long as a fresh answer, so that a lock on
    /// the catalog costs one `lock_timeout` and not one at each refresh.
    pub fn give_up_for_now(&mut self, asked: &[u32]) {
        let now = Instant::now();
        for oid in asked {
            self.0.entry(*oid).or_insert((now, None)).0 = now;
        }
    }

    /// Returns the name of one relation.
    pub fn get(&self, oid: u32) -> Option<&Untrusted> {
        self.0.get(&oid).and_then(|(_, name)| name.as_ref())
    }

    /// Returns all names.
    pub fn known(&self) -> HashMap<u32, Untrusted> {
        self.0.iter().filter_map(|(oid, (_, name))| Some((*oid, name.clone()?))).collect()
    }
}

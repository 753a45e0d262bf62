//! The relations of a schema, in their order.

use std::sync::Arc;

use super::Relation;

/// Relations of which a copy shares all that neither of the two changes: each of hundreds of
/// migrations is judged by several schemas, which differ in a table or two.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relations(Arc<Vec<Arc<Relation>>>);

impl Relations {
    /// Returns them in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Relation> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Returns them in their order, to be changed: none is shared any more.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Relation> {
        Arc::make_mut(&mut self.0).iter_mut().map(Arc::make_mut)
    }

    pub(super) fn get(&self, at: usize) -> &Relation {
        &self.0[at]
    }

    pub(super) fn get_mut(&mut self, at: usize) -> &mut Relation {
        Arc::make_mut(&mut Arc::make_mut(&mut self.0)[at])
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut Relation> {
        let last = self.0.len().checked_sub(1)?;
        Some(self.get_mut(last))
    }

    pub(super) fn push(&mut self, relation: Relation) {
        Arc::make_mut(&mut self.0).push(Arc::new(relation));
    }

    pub(super) fn remove(&mut self, at: usize) {
        Arc::make_mut(&mut self.0).remove(at);
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Relation) -> bool) {
        Arc::make_mut(&mut self.0).retain(|relation| keep(relation));
    }
}

impl FromIterator<Relation> for Relations {
    fn from_iter<I: IntoIterator<Item = Relation>>(relations: I) -> Self {
        Self(Arc::new(relations.into_iter().map(Arc::new).collect()))
    }
}

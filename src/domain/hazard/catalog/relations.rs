//! The relations of a schema, shared with the schemas that it was made of.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use super::Relation;

/// Relations in their order. A copy costs next to nothing: each relation is copied only when
/// one of the copies changes it, since a status keeps a schema per migration.
///
/// Each statement asks several times where a name leads, and whether any relation at all is of
/// a rare kind: that is known without going through them.
#[derive(Clone, Debug, Default)]
pub struct Relations(Arc<Filed>);

#[derive(Clone, Debug, Default)]
struct Filed {
    list: Vec<Arc<Relation>>,
    /// The places in `list`, ordered by the names without their schemas, those of one name by place.
    by_name: Vec<usize>,
    /// Digests of the names of all indexes that there are, and of some that there were; sorted.
    indexes: Vec<u64>,
    /// False if surely none is fresh, inherits from another, reads or references one.
    fresh: bool,
    inherits: bool,
    reads: bool,
    references: bool,
}

impl PartialEq for Relations {
    fn eq(&self, other: &Self) -> bool {
        self.0.list == other.0.list
    }
}

impl Relations {
    /// Returns them in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Relation> {
        self.0.list.iter().map(AsRef::as_ref)
    }

    /// Returns the places of those of a name, in whatever schema, in their order.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        let from = self.0.by_name.partition_point(|at| self.0.name(*at) < name);
        let places = self.0.by_name[from..].iter().copied();
        places.take_while(move |at| self.0.name(*at) == name)
    }

    /// Returns those of which one may have an index of this name.
    pub(super) fn indexed(&self, index: &str) -> impl Iterator<Item = &Relation> {
        self.all_if(self.0.indexes.binary_search(&digest(index)).is_ok())
    }

    /// Returns those of which some may inherit from others.
    pub(super) fn inheriting(&self) -> impl Iterator<Item = &Relation> {
        self.all_if(self.0.inherits)
    }

    /// Returns those of which some may read others.
    pub(super) fn reading(&self) -> impl Iterator<Item = &Relation> {
        self.all_if(self.0.reads)
    }

    /// Returns those of which some may reference others, or themselves.
    pub(super) fn referencing(&self) -> impl Iterator<Item = &Relation> {
        self.all_if(self.0.references)
    }

    fn all_if(&self, may: bool) -> impl Iterator<Item = &Relation> {
        let all: &[Arc<Relation>] = if may { &self.0.list } else { &[] };
        all.iter().map(AsRef::as_ref)
    }

    /// Returns the one at a place.
    pub(super) fn get(&self, at: usize) -> &Relation {
        &self.0.list[at]
    }

    /// Changes each, in their order: none is shared any more.
    pub fn change_all(&mut self, mut change: impl FnMut(&mut Relation)) {
        (0..self.0.list.len()).for_each(|at| self.change(at, &mut change));
    }

    /// Changes one.
    pub(super) fn change(&mut self, at: usize, change: impl FnOnce(&mut Relation)) {
        let filed = Arc::make_mut(&mut self.0);
        let relation = Arc::make_mut(&mut filed.list[at]);
        let was = relation.name.name.clone();
        change(relation);
        if relation.name.name != was {
            filed.by_name.retain(|other| *other != at);
            filed.file_name(at);
        }
        filed.file_rest(at);
    }

    /// Takes it that none is fresh any more.
    pub(super) fn settle(&mut self) {
        if !self.0.fresh {
            return;
        }
        let filed = Arc::make_mut(&mut self.0);
        filed.fresh = false;
        for relation in filed.list.iter_mut().filter(|relation| relation.fresh) {
            Arc::make_mut(relation).fresh = false;
        }
    }

    pub(super) fn push(&mut self, relation: Relation) {
        let filed = Arc::make_mut(&mut self.0);
        filed.list.push(Arc::new(relation));
        filed.file_name(filed.list.len() - 1);
        filed.file_rest(filed.list.len() - 1);
    }

    pub(super) fn remove(&mut self, at: usize) {
        let filed = Arc::make_mut(&mut self.0);
        filed.list.remove(at);
        filed.by_name.retain(|other| *other != at);
        filed.by_name.iter_mut().filter(|other| **other > at).for_each(|other| *other -= 1);
    }
}

impl Filed {
    fn name(&self, at: usize) -> &str {
        &self.list[at].name.name
    }

    fn file_name(&mut self, at: usize) {
        let own = (self.name(at), at);
        let place = self.by_name.partition_point(|other| (self.name(*other), *other) < own);
        self.by_name.insert(place, at);
    }

    fn file_rest(&mut self, at: usize) {
        let relation = &self.list[at];
        self.fresh |= relation.fresh;
        self.inherits |= !relation.parents.is_empty();
        self.reads |= !relation.reads.is_empty();
        self.references |= !relation.foreign_keys.is_empty();
        for index in relation.indexes.iter().map(|index| digest(index)) {
            if let Err(place) = self.indexes.binary_search(&index) {
                self.indexes.insert(place, index);
            }
        }
    }
}

fn digest(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl FromIterator<Relation> for Relations {
    fn from_iter<I: IntoIterator<Item = Relation>>(relations: I) -> Self {
        let mut all = Self::default();
        relations.into_iter().for_each(|relation| all.push(relation));
        all
    }
}

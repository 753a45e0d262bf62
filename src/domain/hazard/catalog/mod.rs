//! What is known of the schema: read from a live database, or from the
//! statements that came before.

mod advance;
pub(super) mod proof;
mod relation;
mod relations;

use crate::domain::change::{Name, Type};

pub use relation::{Check, ColumnFact, ForeignKey, Indexed, Kind, Reads, Relation};
pub use relations::Relations;

/// The schema as far as it is known.
///
/// It is advanced over each statement, so that a later one is judged by the
/// types and tables that the earlier ones made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// `server_version_num`, e.g. 150020.
    pub version_num: Option<u32>,
    /// True if all relations were read from the database: one that is not here
    /// does not exist.
    pub complete: bool,
    /// The relations.
    pub relations: Relations,
    /// The domains.
    pub domains: Vec<Domain>,
    /// The names of the enums.
    pub enums: Vec<Name>,
    /// Whether the session's time zone is UTC.
    pub utc: Option<bool>,
    /// The schemas in which a name without schema is looked for; empty if not known.
    pub search_path: Vec<String>,
    /// The view that the last statement made, and what it was seen to read so far.
    pub making: Option<(Name, Vec<Reads>)>,
}

/// A domain as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: Name,
    /// The type under it; `None` if it is not known.
    pub base: Option<Type>,
    /// True if a value must pass a `CHECK` or `NOT NULL`.
    pub constrained: bool,
}

impl Catalog {
    /// Returns a relation by name: without schema the first of the search path, and where
    /// that is not known any of the name.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<&Relation> {
        self.at(name).map(|at| self.relations.get(at))
    }

    fn at(&self, name: &Name) -> Option<usize> {
        let named = || self.relations.named(&name.name);
        let schema_at = |at: usize| self.relations.get(at).name.schema.as_ref();
        let visible =
            |schema: &String| named().find(|at| schema_at(*at).is_some_and(|own| own == schema));
        let seen = match name.schema {
            None => self.search_path.iter().find_map(visible),
            Some(_) => None,
        };
        seen.or_else(|| named().find(|at| self.relations.get(*at).name.may_be(name)))
    }

    /// Changes the relation of a name, if it is known.
    fn change(&mut self, name: &Name, change: impl FnOnce(&mut Relation)) {
        if let Some(at) = self.at(name) {
            self.relations.change(at, change);
        }
    }

    /// Returns the name under which people know a relation: without schema where the search
    /// path leads to it.
    #[must_use]
    pub fn shown(&self, relation: &Relation) -> Name {
        let bare = Name::new(relation.name.name.as_str());
        let is_on_path =
            relation.name.schema.as_ref().is_some_and(|own| self.search_path.contains(own));
        let is_seen = is_on_path && self.find(&bare).is_some_and(|r| r.name == relation.name);
        if is_seen { bare } else { relation.name.clone() }
    }

    /// Returns the table of an index.
    #[must_use]
    pub fn table_of(&self, index: &Name) -> Option<&Relation> {
        let holds = |relation: &&Relation| {
            let schema = relation.name.schema.as_ref();
            relation.indexes.contains(&index.name)
                && (index.schema.is_none() || schema.is_none() || index.schema.as_ref() == schema)
        };
        let mut found: Vec<&Relation> = self.relations.indexed(&index.name).filter(holds).collect();
        let rank = |relation: &&Relation| {
            let schema = relation.name.schema.as_ref();
            self.search_path.iter().position(|s| Some(s) == schema).unwrap_or(usize::MAX)
        };
        found.sort_by_key(rank);
        found.into_iter().next()
    }

    /// Returns the relation with what is dropped together with it: its partitions, and not what
    /// only inherits from it.
    #[must_use]
    pub fn dropped_with(&self, name: &Name) -> Vec<&Relation> {
        let tree = self.tree(name).into_iter().enumerate();
        tree.filter(|(at, part)| *at == 0 || part.partition).map(|(_, part)| part).collect()
    }

    /// Returns the relation and everything that inherits from it: its partitions, their
    /// partitions, its children; nothing if it is not known.
    #[must_use]
    pub fn tree(&self, name: &Name) -> Vec<&Relation> {
        let mut tree: Vec<&Relation> = self.find(name).into_iter().collect();
        let mut next = 0;
        while let Some(parent) = tree.get(next) {
            let of = |child: &&Relation| child.parents.iter().any(|p| p.may_be(&parent.name));
            let children: Vec<&Relation> = self
                .relations
                .inheriting()
                .filter(of)
                .filter(|child| tree.iter().all(|seen| seen.name != child.name))
                .collect();
            tree.extend(children);
            next += 1;
        }
        tree
    }

    /// Returns what a query of the relation reads besides it, through views of views.
    #[must_use]
    pub fn behind(&self, name: &Name) -> Vec<&Relation> {
        let mut behind: Vec<&Relation> = Vec::new();
        let mut open: Vec<&Relation> = self.find(name).into_iter().collect();
        while let Some(relation) = open.pop().filter(|relation| relation.kind != Kind::Table) {
            for read in relation.reads.iter().filter_map(|read| self.find(&read.relation)) {
                if behind.iter().all(|seen| seen.name != read.name) {
                    behind.push(read);
                    // What a materialized view holds is a copy.
                    open.extend((read.kind == Kind::View).then_some(read));
                }
            }
        }
        behind
    }

    /// Returns the views that are made of a relation, and those made of them; of a column
    /// alone if one is named.
    #[must_use]
    pub fn dependants(&self, name: &Name, column: Option<&str>) -> Vec<&Relation> {
        let mut found: Vec<&Relation> = Vec::new();
        let mut open = vec![(name.clone(), column)];
        while let Some((of, column)) = open.pop() {
            let reads = |view: &&Relation| view.reads.iter().any(|read| read.is_of(&of, column));
            for view in self.relations.reading().filter(reads) {
                if found.iter().all(|seen| seen.name != view.name) {
                    found.push(view);
                    open.push((view.name.clone(), None));
                }
            }
        }
        found
    }

    /// Returns the relations with a column of this type.
    pub fn using_type<'a>(&'a self, kind: &'a Name) -> impl Iterator<Item = &'a Relation> {
        let of = move |column: &ColumnFact| Name::parse(&column.kind.name).may_be(kind);
        self.relations.iter().filter(move |relation| relation.columns.iter().any(of))
    }

    /// Returns the domain of this name.
    #[must_use]
    pub fn domain(&self, kind: &Type) -> Option<&Domain> {
        let name = Name::parse(&kind.name);
        self.domains.iter().find(|domain| domain.name.may_be(&name))
    }

    /// Returns the type that is stored: a domain's is the one under it.
    #[must_use]
    pub fn stored(&self, kind: &Type) -> Type {
        let base = self.domain(kind).and_then(|domain| domain.base.clone());
        base.filter(|_| !kind.array).unwrap_or_else(|| kind.clone())
    }

    /// Returns true for an enum or a domain, of which there can be no table.
    #[must_use]
    pub fn is_known_type(&self, kind: &Name) -> bool {
        self.enums
            .iter()
            .chain(self.domains.iter().map(|d| &d.name))
            .any(|known| known.may_be(kind))
    }

    /// Returns true if the type is an enum.
    #[must_use]
    pub fn is_enum(&self, kind: &Type) -> bool {
        let name = Name::parse(&kind.name);
        self.enums.iter().any(|known| known.may_be(&name))
    }

    /// Returns true if the server may be of this major version or a later one.
    #[must_use]
    pub fn may_be_since(&self, major: u32) -> bool {
        self.version_num.is_none_or(|version| version / 10_000 >= major)
    }

    /// Returns true if the server may be older than this major version.
    #[must_use]
    pub fn may_be_before(&self, major: u32) -> bool {
        self.version_num.is_none_or(|version| version / 10_000 < major)
    }

    /// Returns the relations with a foreign key to this one.
    pub fn referencing<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a Relation> {
        self.relations
            .referencing()
            .filter(move |other| other.foreign_keys.iter().any(|k| k.references.may_be(name)))
    }

    /// Returns true if this transaction made the relation.
    #[must_use]
    pub fn is_fresh(&self, name: &Name) -> bool {
        self.find(name).is_some_and(|relation| relation.fresh)
    }

    /// Forgets what was fresh: the transaction has ended.
    pub fn settle(&mut self) {
        self.relations.settle();
    }
}

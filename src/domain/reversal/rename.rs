//! New names, and what is known by the old ones.

use super::part::FOREIGN_KEY;
use crate::domain::change::{Alter, Change, Name, Object, Thing, quote};

/// Something gets a new name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rename<'a> {
    /// A table: its old name and the new one.
    Table(&'a Name, &'a str),
    /// A column of the table.
    Column(&'a Name, &'a str, &'a str),
    /// An index, or a constraint of a table.
    Part(&'a str, &'a str),
}

impl<'a> Rename<'a> {
    /// Returns what a change renames.
    pub fn of(change: &'a Change) -> Option<Self> {
        match change {
            Change::Alter(table, Alter::Rename(to)) => Some(Self::Table(table, to)),
            Change::Alter(table, Alter::RenameColumn(from, to)) => {
                Some(Self::Column(table, from, to))
            }
            Change::Alter(_, Alter::RenameConstraint(from, to)) => Some(Self::Part(from, to)),
            Change::RenameIndex(from, to) => Some(Self::Part(&from.name, to)),
            _ => None,
        }
    }

    /// Gives an object the name that it has after this.
    pub fn forward(self, object: &mut Object) {
        match self {
            Self::Table(table, to) => {
                for name in table_names(object).filter(|name| name.may_be(table)) {
                    *name = name.renamed(to);
                }
            }
            Self::Column(table, from, to) if is_column(object, table, from) => {
                object.name = Name::new(to);
            }
            Self::Part(from, to) if is_part(object, from) => object.name = object.name.renamed(to),
            Self::Column(..) | Self::Part(..) => {}
        }
    }

    /// Gives an object the name that it had before this.
    pub fn backward(self, object: &mut Object) {
        match self {
            Self::Table(table, to) => {
                let new = table.renamed(to);
                for name in table_names(object).filter(|name| name.may_be(&new)) {
                    *name = name.renamed(&table.name);
                }
            }
            Self::Column(table, from, to) if is_column(object, table, to) => {
                object.name = Name::new(from);
            }
            Self::Part(from, to) if is_part(object, to) => {
                object.name = object.name.renamed(from);
            }
            Self::Column(..) | Self::Part(..) => {}
        }
    }

    /// Gives what a definition of this object names the names that it has after this.
    pub fn shape(self, object: &Object, shape: &mut [String]) {
        let is_key = shape.first().is_some_and(|first| first == FOREIGN_KEY);
        let on = |table: &Name| object.on.as_ref().is_some_and(|on| on.may_be(table));
        match self {
            Self::Table(table, to) if is_key => {
                if let Some(other) = shape.get_mut(2).filter(|name| Name::parse(name) == *table) {
                    *other = table.renamed(to).quoted();
                }
            }
            Self::Column(table, from, to) => {
                let theirs =
                    is_key && shape.get(2).is_some_and(|other| Name::parse(other).may_be(table));
                for (at, piece) in shape.iter_mut().enumerate() {
                    let is_theirs = is_key && at == 3;
                    let is_own = !(is_key && matches!(at, 2 | 3));
                    if (is_theirs && theirs) || (is_own && on(table)) {
                        *piece = replaced(piece, from, to);
                    }
                }
            }
            Self::Table(..) | Self::Part(..) => {}
        }
    }
}

fn table_names(object: &mut Object) -> impl Iterator<Item = &mut Name> {
    let own = (object.thing == Thing::TableComment).then_some(&mut object.name);
    own.into_iter().chain(object.on.as_mut())
}

fn is_column(object: &Object, table: &Name, column: &str) -> bool {
    object.thing.is_of_column()
        && object.name.name == column
        && object.on.as_ref().is_some_and(|on| on.may_be(table))
}

fn is_part(object: &Object, name: &str) -> bool {
    matches!(object.thing, Thing::Index | Thing::Constraint) && object.name.name == name
}

fn replaced(piece: &str, from: &str, to: &str) -> String {
    let (from, to) = (quote(from), quote(to));
    let words = piece.split(' ').map(|word| if word == from { to.as_str() } else { word });
    words.collect::<Vec<_>>().join(" ")
}

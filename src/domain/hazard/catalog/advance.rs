//! The schema as it is after a change.

use super::{Catalog, Domain, ForeignKey, Kind, Reads, Relation};
use crate::domain::change::{
    Alter, Change, Column, Constraint, DropConstraint, Index, Name, Retype, Table, Thing,
    Transaction,
};

/// The view that is being made, and what it was seen to read so far.
type Making = Option<(Name, Vec<Reads>)>;

impl Catalog {
    /// Takes a change as done.
    pub fn advance(&mut self, change: &Change) {
        let making = self.making.take();
        match change {
            Change::CreateTable(table) => self.create(table),
            Change::DropTable(name)
            | Change::DropMaterializedView(name)
            | Change::DropView(name) => self.remove(name),
            Change::DropIndex(index) => {
                let table = self.table_of(&index.name).map(|table| table.name.clone());
                if let Some(table) = table {
                    self.change(&table, |relation| relation.drop_index(&index.name.name));
                }
            }
            Change::CreateMaterializedView(name) => self.make(name, Kind::MaterializedView),
            Change::CreateIndex(index) => self.index(index),
            Change::CreateDomain(name, constrained) => self.domains.push(Domain {
                name: name.clone(),
                base: None,
                constrained: *constrained,
            }),
            Change::CreateView(name) => self.make(name, Kind::View),
            Change::Touch(name, _) => self.making = self.reading(making, name),
            Change::Define(definition) => self.made_of(making, definition.object.thing),
            Change::Setting(name, value) if name == "timezone" => {
                self.utc = Some(matches!(value.as_str(), "utc" | "etc/utc" | "gmt" | "0"));
            }
            Change::Transaction(Transaction::Commit) => self.settle(),
            Change::Setting(name, value) if name == "search_path" => {
                self.search_path =
                    value.split(',').map(|schema| schema.trim().to_owned()).collect();
            }
            Change::Alter(name, alter) => self.alter(name, alter),
            // Whatever it made is not here.
            opaque if opaque.is_opaque() => self.complete = false,
            _ => {}
        }
    }

    /// Returns the name with the schema in which it is made, where that is known.
    fn made(&self, name: &Name) -> Name {
        match (&name.schema, self.search_path.first()) {
            (None, Some(schema)) => Name::within(schema, name.name.as_str()),
            _ => name.clone(),
        }
    }

    /// Returns true if a relation is there already where one of this name would be made.
    #[must_use]
    pub fn is_made(&self, name: &Name) -> bool {
        let made = self.made(name);
        made.schema.is_some()
            && self.relations.named(&made.name).any(|at| self.relations.get(at).name == made)
    }

    /// Takes it that the view is there now. One that was there stays what it is to everybody; a
    /// materialized one is then not made again.
    fn make(&mut self, name: &Name, kind: Kind) {
        let made = self.made(name);
        let named = |name: &Name| {
            let mut places = self.relations.named(&name.name);
            places.find(|at| self.relations.get(*at).name == *name)
        };
        let on_path = || {
            let schemas = self.search_path.iter().filter(|_| name.schema.is_none());
            schemas.into_iter().find_map(|schema| named(&Name::within(schema, &*name.name)))
        };
        let old = named(&made).or_else(on_path);
        let view = old.filter(|at| self.relations.get(*at).kind != Kind::Table);
        if let Some(at) = view {
            let name = self.relations.get(at).name.clone();
            self.making = (kind == Kind::View).then(|| (name, Vec::new()));
            return;
        }
        // Only where it was dropped unseen can a table have had the name.
        if let Some(at) = named(&made) {
            self.relations.remove(at);
        }
        self.making = Some((made.clone(), Vec::new()));
        self.relations.push(Relation { kind, fresh: true, ..Relation::named(made) });
    }

    /// Takes it that the view which is being made reads this relation.
    fn reading(&self, making: Making, name: &Name) -> Making {
        let (view, mut reads) = making?;
        let relation = self.find(name).map_or_else(|| name.clone(), |found| found.name.clone());
        reads.push(Reads { relation, columns: Vec::new() });
        Some((view, reads))
    }

    /// Takes it that all was named that the view reads: its definition follows.
    fn made_of(&mut self, making: Making, thing: Thing) {
        if let Some((view, reads)) = making
            && matches!(thing, Thing::View | Thing::MaterializedView)
        {
            self.change(&view, |view| view.reads = reads);
        }
    }

    fn index(&mut self, index: &Index) {
        let is_there = |name: &Name| self.table_of(name).is_some();
        if index.if_not_exists && index.name.as_ref().is_some_and(is_there) {
            return;
        }
        let columns = index.columns.join("_");
        let unnamed = || format!("{}_{columns}_idx", index.table.name);
        let name = index.name.as_ref().map_or_else(unnamed, |name| name.name.clone());
        self.change(&index.table, |relation| {
            relation.index(name, &index.columns);
            if index.partial {
                relation.computed.extend(index.columns.iter().cloned());
            }
        });
    }

    /// Takes it that the relation is gone, with its partitions, and with what could not stay
    /// without it: the views that are made of it and the keys that reference it.
    fn remove(&mut self, name: &Name) {
        let gone: Vec<Name> =
            self.dropped_with(name).iter().map(|part| part.name.clone()).collect();
        for name in &gone {
            self.drop_views(name, None);
            self.drop_keys(name, None);
            if let Some(at) = self.at(name) {
                self.relations.remove(at);
            }
        }
    }

    /// Forgets the views that are surely made of the column, or of the relation.
    fn drop_views(&mut self, name: &Name, column: Option<&str>) {
        let is_known =
            |view: &&Relation| column.is_none() || view.reads.iter().all(|r| !r.columns.is_empty());
        let views = self.dependants(name, column).into_iter().filter(is_known);
        let views: Vec<Name> = views.map(|view| view.name.clone()).collect();
        for view in views {
            if let Some(at) = self.at(&view) {
                self.relations.remove(at);
            }
        }
    }

    /// Forgets the keys of others that reference the column, or the relation.
    fn drop_keys(&mut self, name: &Name, column: Option<&str>) {
        let primary = self.find(name).map(|found| found.primary_key.clone()).unwrap_or_default();
        let is_gone = |key: &ForeignKey| {
            let columns = if key.referenced.is_empty() { &primary } else { &key.referenced };
            key.references.may_be(name)
                && column.is_none_or(|column| columns.iter().any(|own| own == column))
        };
        self.change_keys(name, |keys| keys.retain(|key| !is_gone(key)));
    }

    /// Changes the foreign keys of the relations that reference one.
    fn change_keys(&mut self, name: &Name, mut change: impl FnMut(&mut Vec<ForeignKey>)) {
        let children: Vec<Name> = self.referencing(name).map(|child| child.name.clone()).collect();
        for child in children {
            self.change(&child, |child| change(&mut child.foreign_keys));
        }
    }

    fn create(&mut self, table: &Table) {
        if table.if_not_exists && self.find(&table.name).is_some() {
            return;
        }
        let mut relation = Relation {
            fresh: true,
            partitioned: table.partitioned,
            parents: table.partition_of.iter().cloned().collect(),
            partition: table.partition_of.is_some(),
            unlogged: table.unlogged,
            ..Relation::named(self.made(&table.name))
        };
        for column in &table.columns {
            relation.add(&Column { constraints: Vec::new(), ..column.clone() });
        }
        for constraint in &table.constraints {
            // Without rows there is nothing that NOT VALID would leave unproven.
            relation.constrain(&Constraint { not_valid: false, ..constraint.clone() });
        }
        if let Some(parent) = table.partition_of.as_ref().filter(|_| table.default_partition) {
            let name = table.name.clone();
            self.change(parent, |parent| parent.default_partition = Some(name));
        }
        self.relations.push(relation);
    }

    fn alter(&mut self, name: &Name, alter: &Alter) {
        let Some(own) = self.find(name).map(|found| found.name.clone()) else { return };
        match alter {
            Alter::DropColumn(column) => {
                self.drop_views(&own, Some(column));
                self.drop_keys(&own, Some(column));
                self.change_tree(&own, |relation| relation.drop_column(column));
            }
            Alter::RenameColumn(from, to) => self.rename_column(&own, from, to),
            Alter::DropConstraint(dropped) => self.drop_constraint(&own, dropped),
            Alter::RenameConstraint(from, to) => {
                self.change_tree(&own, |relation| relation.rename_constraint(from, to));
            }
            Alter::Attach(child, _) => {
                self.change(child, |child| {
                    child.parents = vec![own.clone()];
                    child.partition = true;
                });
            }
            Alter::Detach(child, _) => self.change(child, |child| {
                child.parents.clear();
                child.partition = false;
            }),
            _ => {}
        }
        self.change(name, |relation| Self::altered(relation, alter));
        match alter {
            Alter::Rename(to) => self.follow(&own, &own.renamed(to)),
            Alter::SetSchema(schema) => self.follow(&own, &Name::within(schema, &*own.name)),
            _ => {}
        }
    }

    /// Takes it that a relation has another name, wherever others name it.
    fn follow(&mut self, from: &Name, to: &Name) {
        let names = |relation: &Relation| {
            relation.foreign_keys.iter().any(|key| key.references.may_be(from))
                || relation.reads.iter().any(|read| read.relation.may_be(from))
                || relation.parents.iter().any(|parent| parent.may_be(from))
                || relation.default_partition.as_ref().is_some_and(|part| part.may_be(from))
        };
        let others: Vec<Name> =
            self.relations.iter().filter(|other| names(other)).map(|o| o.name.clone()).collect();
        for other in others {
            self.change(&other, |other| {
                let keys = other.foreign_keys.iter_mut().map(|key| &mut key.references);
                let reads = other.reads.iter_mut().map(|read| &mut read.relation);
                let rest = other.parents.iter_mut().chain(&mut other.default_partition);
                let named = keys.chain(reads).chain(rest).filter(|name| name.may_be(from));
                named.for_each(|name| to.clone_into(name));
            });
        }
    }

    /// Changes the relation and all that inherits from it, partitions above all.
    fn change_tree(&mut self, name: &Name, change: impl Fn(&mut Relation)) {
        let tree: Vec<Name> = self.tree(name).iter().map(|part| part.name.clone()).collect();
        for part in &tree {
            self.change(part, &change);
        }
    }

    fn rename_column(&mut self, name: &Name, from: &str, to: &str) {
        let tree: Vec<Name> = self.tree(name).iter().map(|part| part.name.clone()).collect();
        for part in &tree {
            self.change(part, |relation| relation.rename_column(from, to));
            self.change_keys(part, |keys| {
                let keys = keys.iter_mut().filter(|key| key.references.may_be(part));
                let named = keys.flat_map(|key| &mut key.referenced).filter(|own| *own == from);
                named.for_each(|own| to.clone_into(own));
            });
            let views = self.dependants(part, Some(from)).into_iter();
            let views: Vec<Name> = views.map(|view| view.name.clone()).collect();
            for view in views {
                self.change(&view, |view| {
                    let reads = view.reads.iter_mut().filter(|read| read.relation.may_be(part));
                    let named = reads.flat_map(|read| &mut read.columns).filter(|own| *own == from);
                    named.for_each(|own| to.clone_into(own));
                });
            }
        }
    }

    /// Forgets the foreign keys that lead to a key, which is about to go.
    fn drop_keys_to(&mut self, name: &Name, key: &str) {
        let Some(relation) = self.find(name).cloned() else { return };
        self.change_keys(name, |keys| keys.retain(|own| !relation.is_led_to(key, own)));
    }

    /// Takes it that a constraint is gone: a partition's key is its parent's, whatever its name.
    fn drop_constraint(&mut self, name: &Name, dropped: &DropConstraint) {
        let constraint = dropped.name.as_str();
        if dropped.cascade {
            self.drop_keys_to(name, constraint);
        }
        let keys = self.find(name).map(|found| found.foreign_keys.as_slice()).unwrap_or_default();
        let keys: Vec<ForeignKey> =
            keys.iter().filter(|key| key.name == constraint).cloned().collect();
        let is_inherited = |own: &ForeignKey| {
            keys.iter().any(|key| key.references == own.references && key.columns == own.columns)
        };
        self.change_tree(name, |relation| {
            relation.forget(constraint);
            if relation.partition {
                relation.foreign_keys.retain(|own| !is_inherited(own));
            }
        });
    }

    fn altered(relation: &mut Relation, alter: &Alter) {
        match alter {
            Alter::AddColumn(column) => relation.add(column),
            Alter::AddConstraint(constraint) => relation.constrain(constraint),
            Alter::ValidateConstraint(constraint) => relation.prove(constraint),
            Alter::Rename(to) => relation.name = relation.name.renamed(to),
            Alter::SetSchema(schema) => relation.name.schema = Some(schema.clone()),
            Alter::SetLogged(logged) => relation.unlogged = !logged,
            Alter::Inherit(parent) => relation.parents.push(parent.clone()),
            Alter::NoInherit(parent) => relation.parents.retain(|own| !own.may_be(parent)),
            Alter::Attach(child, true) => relation.default_partition = Some(child.clone()),
            Alter::Detach(child, _) => {
                relation.default_partition.take_if(|default| default.may_be(child));
            }
            _ => Self::alter_column(relation, alter),
        }
    }

    fn alter_column(relation: &mut Relation, alter: &Alter) {
        let (Alter::Type(Retype { column: name, .. })
        | Alter::SetNotNull(name)
        | Alter::DropNotNull(name)) = alter
        else {
            return;
        };
        for column in relation.columns.iter_mut().filter(|column| column.name == *name) {
            match alter {
                Alter::Type(retype) => {
                    column.kind = retype.to.clone();
                    column.collation.clone_from(&retype.collation);
                }
                _ => column.not_null = matches!(alter, Alter::SetNotNull(_)),
            }
        }
    }
}

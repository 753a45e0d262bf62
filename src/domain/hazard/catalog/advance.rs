//! The schema as it is after a change.

use super::{Catalog, Domain, Kind, Reads, Relation};
use crate::domain::change::{Alter, Change, Column, Constraint, Name, Table, Transaction};

impl Catalog {
    /// Takes a change as done.
    pub fn advance(&mut self, change: &Change) {
        match change {
            Change::CreateTable(table) => self.create(table),
            Change::DropTable(name)
            | Change::DropMaterializedView(name)
            | Change::DropView(name) => self.remove(name),
            Change::DropIndex(index) => {
                let table = self.table_of(&index.name).map(|table| table.name.clone());
                if let Some(table) = table {
                    let left = |own: &String| *own != index.name.name;
                    self.change(&table, |relation| relation.indexes.retain(left));
                }
            }
            Change::CreateMaterializedView(name) => self.make(name, Kind::MaterializedView),
            Change::CreateIndex(index) => {
                let name = index.name.as_ref().map(|name| name.name.clone());
                self.change(&index.table, |relation| relation.indexes.extend(name));
            }
            Change::CreateDomain(name, constrained) => self.domains.push(Domain {
                name: name.clone(),
                base: None,
                constrained: *constrained,
            }),
            Change::CreateView(name) => self.make(name, Kind::View),
            Change::Touch(name, _) => self.read(name),
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

    fn make(&mut self, name: &Name, kind: Kind) {
        let name = self.made(name);
        let is_old = |at: &usize| self.relations.get(*at).name == name;
        // From the last one on: the places of those before it stay.
        let old: Vec<usize> = self.relations.named(&name.name).filter(is_old).collect();
        old.into_iter().rev().for_each(|at| self.relations.remove(at));
        self.relations.push(Relation { kind, fresh: true, ..Relation::named(name) });
    }

    /// Takes it that the view which was made just now reads this relation.
    fn read(&mut self, name: &Name) {
        let relation = self.find(name).map_or_else(|| name.clone(), |found| found.name.clone());
        if self.relations.iter().next_back().is_some_and(|last| last.kind != Kind::Table) {
            let read = Reads { relation, columns: Vec::new() };
            self.relations.change_last(|view| view.reads.push(read));
        }
    }

    fn remove(&mut self, name: &Name) {
        if let Some(at) = self.at(name) {
            self.relations.remove(at);
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
        let Some(at) = self.at(name) else { return };
        self.relations.change(at, |relation| Self::altered(relation, alter));
        match alter {
            Alter::Attach(child, _) => {
                let parents = vec![self.relations.get(at).name.clone()];
                self.change(child, |child| {
                    child.parents = parents;
                    child.partition = true;
                });
            }
            Alter::Detach(child, _) => self.change(child, |child| {
                child.parents.clear();
                child.partition = false;
            }),
            _ => {}
        }
    }

    fn altered(relation: &mut Relation, alter: &Alter) {
        match alter {
            Alter::AddColumn(column) => relation.add(column),
            Alter::DropColumn(column) => relation.columns.retain(|old| old.name != *column),
            Alter::AddConstraint(constraint) => relation.constrain(constraint),
            Alter::DropConstraint(constraint) => relation.forget(constraint),
            Alter::ValidateConstraint(constraint) => relation.prove(constraint),
            Alter::Rename(to) => relation.name = relation.name.renamed(to),
            Alter::SetSchema(schema) => relation.name.schema = Some(schema.clone()),
            Alter::Attach(child, true) => relation.default_partition = Some(child.clone()),
            Alter::Detach(child, _) => {
                relation.default_partition.take_if(|default| default.may_be(child));
            }
            _ => Self::alter_column(relation, alter),
        }
    }

    fn alter_column(relation: &mut Relation, alter: &Alter) {
        let (Alter::SetNotNull(name) | Alter::DropNotNull(name) | Alter::RenameColumn(name, _)) =
            alter
        else {
            if let Alter::Type(retype) = alter {
                for column in relation.columns.iter_mut().filter(|c| c.name == retype.column) {
                    column.kind = retype.to.clone();
                }
            }
            return;
        };
        for column in relation.columns.iter_mut().filter(|c| c.name == *name) {
            match alter {
                Alter::RenameColumn(_, to) => column.name.clone_from(to),
                _ => column.not_null = matches!(alter, Alter::SetNotNull(_)),
            }
        }
    }
}

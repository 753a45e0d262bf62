//! What is known of the schema: read from a live database, or from the
//! statements that came before.

use crate::domain::change::{Alter, Change, Column, Constraint, Name, Rule, Table, Type};

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
    pub relations: Vec<Relation>,
    /// Domains with a constraint, by name.
    pub constrained_domains: Vec<String>,
    /// Whether the session's time zone is UTC.
    pub utc: Option<bool>,
}

/// A table, index, view or sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// Its name, with schema where known.
    pub name: Name,
    /// `reltuples`; `None` if never analyzed.
    pub rows: Option<u64>,
    /// Bytes by `relpages`.
    pub bytes: Option<u64>,
    /// True for `relkind = 'p'`.
    pub partitioned: bool,
    /// Its columns.
    pub columns: Vec<ColumnFact>,
    /// Its `CHECK` constraints.
    pub checks: Vec<Check>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// The names of its indexes.
    pub indexes: Vec<String>,
    /// Its default partition.
    pub default_partition: Option<Name>,
    /// True if this transaction made it, so that nobody else can see it.
    pub fresh: bool,
}

/// A column as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnFact {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// `attnotnull`.
    pub not_null: bool,
}

/// A `CHECK` constraint as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Its expression.
    pub expression: String,
    /// `convalidated`.
    pub valid: bool,
}

/// A foreign key as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table that it references.
    pub references: Name,
}

impl Relation {
    /// Returns a relation of which only the name is known.
    #[must_use]
    pub fn named(name: Name) -> Self {
        Self {
            name,
            rows: None,
            bytes: None,
            partitioned: false,
            columns: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
            default_partition: None,
            fresh: false,
        }
    }

    /// Returns a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnFact> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns true if a valid `CHECK` proves that the column holds no NULL.
    #[must_use]
    pub fn proves_not_null(&self, column: &str) -> bool {
        let proof = format!("{column}isnotnull");
        let squeezed = |text: &str| {
            text.to_lowercase().replace(|c: char| c.is_whitespace() || "()\"".contains(c), "")
        };
        self.checks.iter().any(|check| check.valid && squeezed(&check.expression) == proof)
    }

    fn add(&mut self, column: &Column) {
        self.columns.retain(|old| old.name != column.name);
        self.columns.push(ColumnFact {
            name: column.name.clone(),
            kind: column.kind.clone(),
            not_null: column.not_null,
        });
        for constraint in &column.constraints {
            self.constrain(constraint);
        }
    }

    fn constrain(&mut self, constraint: &Constraint) {
        let base = self.name.name.clone();
        let named =
            |ending: &str| constraint.name.clone().unwrap_or_else(|| format!("{base}_{ending}"));
        match &constraint.rule {
            Rule::Check(expression) => self.checks.push(Check {
                name: named("check"),
                expression: expression.clone(),
                valid: !constraint.not_valid,
            }),
            Rule::ForeignKey(columns, references) => self.foreign_keys.push(ForeignKey {
                name: named(&format!("{}_fkey", columns.join("_"))),
                columns: columns.clone(),
                references: references.clone(),
            }),
            Rule::Unique(columns) => {
                self.indexes.push(named(&format!("{}_key", columns.join("_"))));
            }
            Rule::PrimaryKey(columns) => {
                self.indexes.push(named("pkey"));
                self.demand(columns);
            }
            Rule::NotNull(column) => self.demand(std::slice::from_ref(column)),
            Rule::UniqueUsing(_) | Rule::PrimaryKeyUsing(_) | Rule::Exclude => {}
        }
    }

    fn demand(&mut self, columns: &[String]) {
        for column in self.columns.iter_mut().filter(|c| columns.contains(&c.name)) {
            column.not_null = true;
        }
    }

    fn forget(&mut self, constraint: &str) {
        self.checks.retain(|check| check.name != constraint);
        self.foreign_keys.retain(|key| key.name != constraint);
        self.indexes.retain(|index| index != constraint);
    }
}

impl Catalog {
    /// Returns a relation by name.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name.may_be(name))
    }

    /// Returns a relation by its name as [`Name`] prints it.
    #[must_use]
    pub fn find_text(&self, text: &str) -> Option<&Relation> {
        let name = match text.split_once('.') {
            Some((schema, name)) => Name::within(schema, name),
            None => Name::new(text),
        };
        self.find(&name)
    }

    /// Returns the table of an index.
    #[must_use]
    pub fn table_of(&self, index: &Name) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.indexes.contains(&index.name))
    }

    /// Returns the relations with a column of this type.
    pub fn using_type<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Relation> {
        self.relations
            .iter()
            .filter(move |relation| relation.columns.iter().any(|c| c.kind.name == name))
    }

    /// Returns the relations with a foreign key to this one.
    pub fn referencing<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a Relation> {
        self.relations
            .iter()
            .filter(move |other| other.foreign_keys.iter().any(|k| k.references.may_be(name)))
    }

    /// Returns true if this transaction made the relation.
    #[must_use]
    pub fn is_fresh(&self, text: &str) -> bool {
        self.find_text(text).is_some_and(|relation| relation.fresh)
    }

    /// Forgets what was fresh: the transaction has ended.
    pub fn settle(&mut self) {
        for relation in &mut self.relations {
            relation.fresh = false;
        }
    }

    fn find_mut(&mut self, name: &Name) -> Option<&mut Relation> {
        self.relations.iter_mut().find(|relation| relation.name.may_be(name))
    }

    /// Takes a change as done.
    pub fn advance(&mut self, change: &Change) {
        match change {
            Change::CreateTable(table) => self.create(table),
            Change::DropTable(name) | Change::DropMaterializedView(name) => {
                self.relations.retain(|relation| !relation.name.may_be(name));
            }
            Change::CreateMaterializedView(name) => {
                let fresh = Relation { fresh: true, ..Relation::named(name.clone()) };
                self.relations.push(fresh);
            }
            Change::CreateIndex(index) => {
                let name = index.name.as_ref().map(|name| name.name.clone());
                if let Some(relation) = self.find_mut(&index.table) {
                    relation.indexes.extend(name);
                }
            }
            Change::CreateDomain(name, true) => self.constrained_domains.push(name.name.clone()),
            Change::Setting(name, value) if name == "timezone" => {
                self.utc = Some(matches!(value.as_str(), "utc" | "etc/utc" | "gmt" | "0"));
            }
            Change::Transaction(crate::domain::change::Transaction::Commit) => self.settle(),
            Change::Alter(name, alter) => self.alter(name, alter),
            _ => {}
        }
    }

    fn create(&mut self, table: &Table) {
        if table.if_not_exists && self.find(&table.name).is_some() {
            return;
        }
        let mut relation = Relation {
            fresh: true,
            partitioned: table.partitioned,
            ..Relation::named(table.name.clone())
        };
        for column in &table.columns {
            relation.add(&Column { constraints: Vec::new(), ..column.clone() });
        }
        for constraint in &table.constraints {
            relation.constrain(constraint);
        }
        if let Some(parent) = table.partition_of.as_ref().and_then(|name| self.find_mut(name))
            && table.default_partition
        {
            parent.default_partition = Some(table.name.clone());
        }
        self.relations.push(relation);
    }

    fn alter(&mut self, name: &Name, alter: &Alter) {
        let Some(relation) = self.find_mut(name) else { return };
        match alter {
            Alter::AddColumn(column) => relation.add(column),
            Alter::DropColumn(column) => relation.columns.retain(|old| old.name != *column),
            Alter::AddConstraint(constraint) => relation.constrain(constraint),
            Alter::DropConstraint(constraint) => relation.forget(constraint),
            Alter::ValidateConstraint(constraint) => {
                for check in relation.checks.iter_mut().filter(|c| c.name == *constraint) {
                    check.valid = true;
                }
            }
            Alter::Rename(to) => relation.name = relation.name.renamed(to),
            Alter::SetSchema(schema) => relation.name.schema = Some(schema.clone()),
            Alter::Attach(child, true) => relation.default_partition = Some(child.clone()),
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

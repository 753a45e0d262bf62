//! One relation as it is.

use super::proof;
use crate::domain::change::{Column, Constraint, Name, Rule, Type};

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table, partitioned or not, or a foreign one.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
}

/// A table, with its indexes, or a view.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// Its name, with schema where known.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// `reltuples`; `None` if never analyzed.
    pub rows: Option<u64>,
    /// Bytes by `relpages`.
    pub bytes: Option<u64>,
    /// True for `relkind = 'p'`.
    pub partitioned: bool,
    /// True for `relpersistence = 'u'`.
    pub unlogged: bool,
    /// The columns of which an index with an expression or a condition, or a `CHECK`, is made:
    /// those are made anew, or checked again, with the type of such a column.
    pub computed: Vec<String>,
    /// Its columns.
    pub columns: Vec<ColumnFact>,
    /// Its `CHECK` constraints.
    pub checks: Vec<Check>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// The columns of its primary key, in its order; none if it has none, or it is not known.
    pub primary_key: Vec<String>,
    /// The names of its indexes.
    pub indexes: Vec<String>,
    /// The columns of its indexes, as far as they are plain columns.
    pub indexed: Vec<Indexed>,
    /// The columns that statements gave these names: a database in which those did not run yet
    /// knows them by others, if at all.
    pub renamed: Vec<String>,
    /// What it inherits from: one parent if it is a partition.
    pub parents: Vec<Name>,
    /// True if it is a partition of its parent.
    pub partition: bool,
    /// What a view is made of.
    pub reads: Vec<Reads>,
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
    /// Its collation, if that is not its type's.
    pub collation: Option<String>,
}

/// A column of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// The index's name.
    pub index: String,
    /// The column.
    pub column: String,
}

/// A `CHECK` constraint as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Its expression as SQL, as far as it is known; `?` stands for what is not.
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
    /// The columns there, each for the one at its place; empty: the primary key.
    pub referenced: Vec<String>,
    /// `convalidated`.
    pub valid: bool,
}

/// What a view is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    /// The relation.
    pub relation: Name,
    /// Its columns that the view depends on; empty if they are not known.
    pub columns: Vec<String>,
}

impl Reads {
    /// Returns true if this is of the relation and, as far as it is known, of the column.
    #[must_use]
    pub fn is_of(&self, relation: &Name, column: Option<&str>) -> bool {
        let is_column =
            |column: &str| self.columns.is_empty() || self.columns.iter().any(|own| own == column);
        self.relation.may_be(relation) && column.is_none_or(is_column)
    }
}

impl Relation {
    /// Returns a relation of which only the name is known.
    #[must_use]
    pub fn named(name: Name) -> Self {
        Self {
            name,
            kind: Kind::Table,
            rows: None,
            bytes: None,
            partitioned: false,
            unlogged: false,
            computed: Vec::new(),
            columns: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            indexed: Vec::new(),
            renamed: Vec::new(),
            parents: Vec::new(),
            partition: false,
            reads: Vec::new(),
            default_partition: None,
            fresh: false,
        }
    }

    /// Returns a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnFact> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns true if the constraint has been proven for every row.
    #[must_use]
    pub fn is_proven(&self, constraint: &str) -> bool {
        let check = self.checks.iter().any(|check| check.name == constraint && check.valid);
        check || self.foreign_keys.iter().any(|key| key.name == constraint && key.valid)
    }

    /// Returns true if the rows are read again when the column changes its type, even where they
    /// stay as they are stored.
    #[must_use]
    pub fn computes(&self, column: &str) -> bool {
        let is_checked = |check: &Check| proof::names(&check.expression, column);
        self.computed.iter().any(|own| own == column) || self.checks.iter().any(is_checked)
    }

    /// Returns true if this key of its own, by its name, is the one that a foreign key leads to.
    #[must_use]
    pub fn is_led_to(&self, key: &str, foreign: &ForeignKey) -> bool {
        let columns = || self.indexed.iter().filter(|indexed| indexed.index == key);
        let led: &[String] = match foreign.referenced.as_slice() {
            [] => &self.primary_key,
            referenced => referenced,
        };
        foreign.references.may_be(&self.name)
            && self.indexes.iter().any(|index| index == key)
            && columns().count() == led.len()
            && columns().all(|indexed| led.contains(&indexed.column))
    }

    /// Returns true if an index is made of the column as it is.
    #[must_use]
    pub fn is_indexed(&self, column: &str) -> bool {
        self.indexed.iter().any(|indexed| indexed.column == column)
    }

    /// Returns true if a valid `CHECK` proves that the column holds no NULL.
    #[must_use]
    pub fn proves_not_null(&self, column: &str) -> bool {
        let proves = |check: &Check| proof::is_not_null(&check.expression, column);
        self.checks.iter().any(|check| check.valid && proves(check))
    }

    pub(super) fn add(&mut self, column: &Column) {
        // It is there already: IF NOT EXISTS leaves it, or the statement fails.
        if self.column(&column.name).is_some() {
            return;
        }
        self.columns.push(ColumnFact {
            name: column.name.clone(),
            kind: column.kind.clone(),
            not_null: column.not_null,
            collation: column.collation.clone(),
        });
        for constraint in &column.constraints {
            self.constrain(constraint);
        }
    }

    pub(super) fn constrain(&mut self, constraint: &Constraint) {
        let base = self.name.name.clone();
        let named =
            |ending: &str| constraint.name.clone().unwrap_or_else(|| format!("{base}_{ending}"));
        match &constraint.rule {
            Rule::Check(expression) => self.checks.push(Check {
                name: named("check"),
                expression: expression.clone(),
                valid: !constraint.not_valid,
            }),
            Rule::ForeignKey(columns, references, referenced) => {
                self.foreign_keys.push(ForeignKey {
                    name: named(&format!("{}_fkey", columns.join("_"))),
                    columns: columns.clone(),
                    references: references.clone(),
                    referenced: referenced.clone(),
                    valid: !constraint.not_valid,
                });
            }
            Rule::Unique(columns) => {
                self.index(named(&format!("{}_key", columns.join("_"))), columns);
            }
            Rule::PrimaryKey(columns) => {
                self.index(named("pkey"), columns);
                self.primary_key.clone_from(columns);
                self.demand(columns);
            }
            Rule::NotNull(_) if constraint.not_valid => {}
            Rule::NotNull(column) => self.demand(std::slice::from_ref(column)),
            Rule::UniqueUsing(_) | Rule::PrimaryKeyUsing(_) | Rule::Exclude => {}
        }
    }

    /// Takes it that an index of these columns was made.
    pub(super) fn index(&mut self, index: String, columns: &[String]) {
        let of = |column: &String| Indexed { index: index.clone(), column: column.clone() };
        self.indexed.extend(columns.iter().map(of));
        self.indexes.push(index);
    }

    pub(super) fn drop_index(&mut self, index: &str) {
        self.indexes.retain(|own| own != index);
        self.indexed.retain(|own| own.index != index);
    }

    /// Takes it that the column is gone, with the indexes and constraints that it is a part of.
    pub(super) fn drop_column(&mut self, column: &str) {
        let is_of = |columns: &[String]| columns.iter().any(|own| own == column);
        self.columns.retain(|own| own.name != column);
        self.computed.retain(|own| own != column);
        self.checks.retain(|check| !proof::names(&check.expression, column));
        self.foreign_keys.retain(|key| !is_of(&key.columns));
        let of = self.indexed.iter().filter(|indexed| indexed.column == column);
        let indexes: Vec<String> = of.map(|indexed| indexed.index.clone()).collect();
        for index in &indexes {
            self.drop_index(index);
        }
        if is_of(&self.primary_key) {
            self.primary_key.clear();
        }
    }

    /// Takes it that the column has another name, wherever it is named. How a check reads then is
    /// not known any more, but that it is made of the column.
    pub(super) fn rename_column(&mut self, from: &str, to: &str) {
        let own = self.columns.iter_mut().map(|column| &mut column.name);
        let keys = self.foreign_keys.iter_mut().flat_map(|key| &mut key.columns);
        let indexed = self.indexed.iter_mut().map(|indexed| &mut indexed.column);
        let rest = self.primary_key.iter_mut().chain(&mut self.computed);
        let named = own.chain(keys).chain(indexed).chain(rest).filter(|name| *name == from);
        named.for_each(|name| to.clone_into(name));
        for check in &mut self.checks {
            if proof::names(&check.expression, from) {
                "?".clone_into(&mut check.expression);
                self.computed.push(to.to_owned());
            }
        }
        self.renamed.retain(|name| name != from);
        self.renamed.push(to.to_owned());
    }

    /// Takes it that a constraint has another name.
    pub(super) fn rename_constraint(&mut self, from: &str, to: &str) {
        let checks = self.checks.iter_mut().map(|check| &mut check.name);
        let keys = self.foreign_keys.iter_mut().map(|key| &mut key.name);
        let indexed = self.indexed.iter_mut().map(|indexed| &mut indexed.index);
        let named = checks.chain(keys).chain(indexed).chain(&mut self.indexes);
        named.filter(|name| *name == from).for_each(|name| to.clone_into(name));
    }

    fn demand(&mut self, columns: &[String]) {
        for column in self.columns.iter_mut().filter(|c| columns.contains(&c.name)) {
            column.not_null = true;
        }
    }

    pub(super) fn prove(&mut self, constraint: &str) {
        for check in self.checks.iter_mut().filter(|check| check.name == constraint) {
            check.valid = true;
        }
        for key in self.foreign_keys.iter_mut().filter(|key| key.name == constraint) {
            key.valid = true;
        }
    }

    pub(super) fn forget(&mut self, constraint: &str) {
        self.checks.retain(|check| check.name != constraint);
        self.foreign_keys.retain(|key| key.name != constraint);
        self.drop_index(constraint);
    }
}

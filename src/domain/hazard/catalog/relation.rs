//! One relation as it is.

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
        let column = column.to_lowercase();
        let names = |check: &Check| {
            let text = check.expression.to_lowercase();
            let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.any(|word| word == column)
        };
        self.computed.contains(&column) || self.checks.iter().any(names)
    }

    /// Returns true if a valid `CHECK` proves that the column holds no NULL.
    #[must_use]
    pub fn proves_not_null(&self, column: &str) -> bool {
        let proof = format!("{column}isnotnull");
        let squeezed = |text: &str| {
            text.to_lowercase().replace(|c: char| c.is_whitespace() || "()\"".contains(c), "")
        };
        let proves = |check: &Check| {
            // A part of an OR proves nothing; the parts of an AND each do.
            let expression = check.expression.to_lowercase();
            let words = || expression.split(|c: char| !c.is_alphanumeric() && c != '_');
            let parts = expression.split(" and ").map(squeezed);
            !words().any(|word| matches!(word, "or" | "case"))
                && parts.into_iter().any(|part| part == proof)
        };
        self.checks.iter().any(|check| check.valid && proves(check))
    }

    pub(super) fn add(&mut self, column: &Column) {
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
                self.indexes.push(named(&format!("{}_key", columns.join("_"))));
            }
            Rule::PrimaryKey(columns) => {
                self.indexes.push(named("pkey"));
                self.primary_key.clone_from(columns);
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
        self.indexes.retain(|index| index != constraint);
    }
}

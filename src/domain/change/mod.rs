//! The one intermediate form: what a migration does, whichever tool wrote it.
//!
//! The rules of danger ([`super::hazard`]), of what is destroyed
//! ([`super::loss`]) and of the way back ([`super::reversal`]) read nothing else.

mod column;
mod definition;
mod name;
mod types;
pub mod written;

pub use column::{Column, Constraint, Default, Generated, Rule};
pub use definition::{Definition, Object, Thing};
pub use name::{Name, quote};
pub use types::Type;

use super::locks::Mode;

/// One statement of a migration and what it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The line in its file on which the statement begins, from 1.
    pub line: usize,
    /// The statement exactly as written, without what surrounds it.
    pub sql: String,
    /// What it is, in SQL's own words: `ALTER TABLE … ADD COLUMN`.
    pub kind: String,
    /// What it changes, in the order in which it is written.
    pub changes: Vec<Change>,
}

/// What a statement does to the database.
///
/// What nobody understood is [`Change::Unknown`], which is never called safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An action of `ALTER TABLE` on this table.
    Alter(Name, Alter),
    /// `CREATE TABLE`, also `AS` and `PARTITION OF`.
    CreateTable(Table),
    /// `DROP TABLE`, one per table.
    DropTable(Name),
    /// `TRUNCATE`, one per table.
    Truncate(Name),
    /// `CREATE INDEX`.
    CreateIndex(Index),
    /// `DROP INDEX`, one per index.
    DropIndex(DropIndex),
    /// `REINDEX`.
    Reindex(Reindex),
    /// `ALTER INDEX … RENAME TO`.
    RenameIndex(Name, String),
    /// `ALTER INDEX` with this index: options, tablespace.
    AlterIndex(Name),
    /// `ALTER INDEX … ATTACH PARTITION`: the parent's index and the partition's.
    AttachIndex(Name, Name),
    /// `INSERT`, `UPDATE`, `DELETE`, `MERGE`, `COPY … FROM`.
    Data(Data),
    /// `ALTER TYPE … ADD VALUE`: the type and the label.
    AddValue(Name, String),
    /// `ALTER DOMAIN … ADD CONSTRAINT`, `SET NOT NULL` or `VALIDATE`: checks every
    /// column of the domain, unless `NOT VALID` (then false).
    ConstrainDomain(Name, bool),
    /// `CREATE DOMAIN`; true if it has a constraint.
    CreateDomain(Name, bool),
    /// `CREATE TRIGGER` on this table.
    CreateTrigger(Name),
    /// `DROP TRIGGER` on this table.
    DropTrigger(Name),
    /// `CREATE RULE` or `CREATE/ALTER/DROP POLICY` on this table.
    Police(Name),
    /// `CREATE [OR REPLACE] VIEW`, `ALTER VIEW`.
    CreateView(Name),
    /// `DROP VIEW`, one per view.
    DropView(Name),
    /// `CREATE MATERIALIZED VIEW`.
    CreateMaterializedView(Name),
    /// `ALTER MATERIALIZED VIEW`.
    AlterMaterializedView(Name),
    /// `DROP MATERIALIZED VIEW`, one per view.
    DropMaterializedView(Name),
    /// `REFRESH MATERIALIZED VIEW`; true if `CONCURRENTLY`.
    Refresh(Name, bool),
    /// `CLUSTER`; no table means every clustered table.
    Cluster(Option<Name>),
    /// `VACUUM`; no tables means all.
    Vacuum(Vacuum),
    /// `ANALYZE`; no tables means all.
    Analyze(Vec<Name>),
    /// `LOCK TABLE`, one per table, with the mode in PostgreSQL's words.
    Lock(Name, String),
    /// `COMMENT ON` a table or one of its columns.
    Comment(Comment),
    /// `CREATE SEQUENCE`, `ALTER SEQUENCE`.
    Sequence(Name),
    /// `DROP SEQUENCE`.
    DropSequence(Name),
    /// `CREATE EXTENSION`: runs a script of its own.
    CreateExtension(String),
    /// `DROP …` of something that may hold data or be used by tables: a schema,
    /// a type, a domain, an extension; the words name it.
    DropObject(String),
    /// Something that only touches the catalog of a thing that is no relation:
    /// a function, a role, a grant, a type, a schema. The words name it.
    Catalog(String),
    /// The text of what a statement makes: beside what it does, where it does more.
    Define(Definition),
    /// `DROP` of something that was defined; true for `IF EXISTS`.
    Undefine(Object, bool),
    /// `SET`, `RESET`: the parameter and its value, lower case.
    Setting(String, String),
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, savepoints.
    Transaction(Transaction),
    /// A pure read.
    Read,
    /// What the statement reads, or locks rows of, beside what it changes: the relation and
    /// the lock that it takes on it.
    Touch(Name, Mode),
    /// A code block (`DO`), with its body.
    Block(String),
    /// An exception that ends the migration; true if only under a condition.
    Raise(bool),
    /// What could not be understood, and why.
    Unknown(String),
}

/// An action of `ALTER TABLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alter {
    /// `ADD COLUMN`.
    AddColumn(Column),
    /// `DROP COLUMN`.
    DropColumn(String),
    /// `ALTER COLUMN … TYPE`.
    Type(Retype),
    /// `SET NOT NULL`.
    SetNotNull(String),
    /// `DROP NOT NULL`.
    DropNotNull(String),
    /// `SET DEFAULT`: the column and the expression.
    SetDefault(String, String),
    /// `DROP DEFAULT`.
    DropDefault(String),
    /// `ADD GENERATED … AS IDENTITY`.
    AddIdentity(String),
    /// `DROP IDENTITY`.
    DropIdentity(String),
    /// `SET EXPRESSION`: computes the column anew.
    SetExpression(String),
    /// `DROP EXPRESSION`.
    DropExpression(String),
    /// `SET STATISTICS`, `SET (n_distinct…)`: planner options of a column.
    ColumnStatistics(String),
    /// `SET STORAGE`, `SET COMPRESSION`, identity options.
    ColumnOption(String),
    /// `ADD CONSTRAINT`.
    AddConstraint(Constraint),
    /// `ALTER CONSTRAINT` by name; false if it becomes `NOT ENFORCED`.
    AlterConstraint(String, bool),
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint(String),
    /// `DROP CONSTRAINT`.
    DropConstraint(DropConstraint),
    /// `RENAME TO`.
    Rename(String),
    /// `RENAME COLUMN`: from, to.
    RenameColumn(String, String),
    /// `RENAME CONSTRAINT`: from, to.
    RenameConstraint(String, String),
    /// `SET SCHEMA`.
    SetSchema(String),
    /// `ATTACH PARTITION`; true if it becomes the default partition.
    Attach(Name, bool),
    /// `DETACH PARTITION`; true if `CONCURRENTLY`.
    Detach(Name, bool),
    /// `ENABLE/DISABLE TRIGGER`.
    Trigger,
    /// `ENABLE/DISABLE/FORCE ROW LEVEL SECURITY`, `ENABLE/DISABLE RULE`.
    RowSecurity,
    /// `SET (fillfactor…)`, `RESET (…)`, `CLUSTER ON`, `SET WITHOUT CLUSTER`.
    Options,
    /// `SET LOGGED` (true) or `SET UNLOGGED`.
    SetLogged(bool),
    /// `SET TABLESPACE`, `SET ACCESS METHOD`: copies the table.
    Move,
    /// `INHERIT`: the parent.
    Inherit(Name),
    /// `NO INHERIT`: the parent.
    NoInherit(Name),
    /// `OWNER TO`, `REPLICA IDENTITY`, `OF`, `NOT OF`.
    Ownership,
}

/// A change of a column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retype {
    /// The column.
    pub column: String,
    /// The new type.
    pub to: Type,
    /// The collation that it names; `None`: that of the new type.
    pub collation: Option<String>,
    /// The expression after `USING`.
    pub using: Option<String>,
}

/// A table being created.
#[expect(clippy::struct_excessive_bools, reason = "independent clauses of one statement")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: Name,
    /// Its columns; empty for `AS` and `PARTITION OF`.
    pub columns: Vec<Column>,
    /// Its constraints, also those written on columns.
    pub constraints: Vec<Constraint>,
    /// The parent of `PARTITION OF`.
    pub partition_of: Option<Name>,
    /// True if it is itself partitioned.
    pub partitioned: bool,
    /// True if it is the default partition.
    pub default_partition: bool,
    /// `UNLOGGED`: a crash empties it, and no standby has its rows.
    pub unlogged: bool,
    /// True for `CREATE TABLE AS` and `SELECT INTO`: it is filled at once.
    pub filled: bool,
    /// True for `IF NOT EXISTS`.
    pub if_not_exists: bool,
}

/// An index being created.
#[expect(clippy::struct_excessive_bools, reason = "independent clauses of one statement")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name, if given.
    pub name: Option<Name>,
    /// Its table.
    pub table: Name,
    /// `UNIQUE`.
    pub unique: bool,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `ON ONLY`: the parent's definition alone.
    pub only: bool,
    /// True if it covers only some rows (`WHERE`).
    pub partial: bool,
    /// The columns, where they are plain columns.
    pub columns: Vec<String>,
    /// All that follows the table, in one spelling: `( a , lower ( b ) ) where a > 0`.
    pub text: String,
}

/// An index being dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropIndex {
    /// Its name.
    pub name: Name,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// `CASCADE`.
    pub cascade: bool,
    /// `IF EXISTS`.
    pub if_exists: bool,
}

/// A constraint being dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropConstraint {
    /// Its name.
    pub name: String,
    /// `CASCADE`: the foreign keys that lead to it go with it.
    pub cascade: bool,
    /// `IF EXISTS`.
    pub if_exists: bool,
}

/// A comment on a table or on one of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The table, or another relation.
    pub table: Name,
    /// The column, if it is on one.
    pub column: Option<String>,
    /// What it says, as a literal of SQL; `None`: it is taken away.
    pub text: Option<String>,
}

/// What `REINDEX` builds anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reindex {
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// Which indexes.
    pub scope: Scope,
}

/// The extent of a `REINDEX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One index.
    Index(Name),
    /// All indexes of a table.
    Table(Name),
    /// All indexes of a schema, the database or its catalogs.
    All,
}

/// A `VACUUM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vacuum {
    /// `FULL`: writes the table anew.
    pub full: bool,
    /// The tables; none means all.
    pub tables: Vec<Name>,
}

/// A change of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The table written to.
    pub table: Name,
    /// How.
    pub verb: Verb,
    /// The condition after `WHERE`, as written.
    pub filter: Option<String>,
    /// The columns that an `UPDATE`, or an `INSERT … ON CONFLICT DO UPDATE`, sets.
    pub columns: Vec<String>,
}

/// How rows are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `INSERT`, `COPY … FROM`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
    /// `MERGE`.
    Merge,
}

impl Verb {
    /// Returns the SQL word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Merge => "MERGE",
        }
    }
}

/// Transaction control inside a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// `BEGIN`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
    /// Savepoints and `SET TRANSACTION`.
    Savepoint,
}

impl Change {
    /// Returns true if nothing is changed by it.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Read | Self::Touch(..))
    }

    /// Returns true if PostgreSQL refuses this inside a transaction block.
    #[must_use]
    pub fn refuses_transaction(&self) -> bool {
        match self {
            Self::CreateIndex(index) => index.concurrently,
            Self::DropIndex(index) => index.concurrently,
            Self::Reindex(reindex) => reindex.concurrently || reindex.scope == Scope::All,
            Self::Alter(_, Alter::Detach(_, concurrently)) => *concurrently,
            Self::Vacuum(_) | Self::Cluster(None) => true,
            _ => false,
        }
    }

    /// Returns true if nobody can tell what it does: then it is never called safe.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        matches!(self, Self::Block(_) | Self::Unknown(_))
    }

    /// Returns true if this begins or ends a transaction, so that the rest of its file is not
    /// rolled back with what stands before.
    #[must_use]
    pub fn splits_transaction(&self) -> bool {
        matches!(self, Self::Transaction(inner) if *inner != Transaction::Savepoint)
    }

    /// Returns true if this waits, outside of any lock queue, for old
    /// transactions to end, so that a `lock_timeout` would leave a broken index.
    #[must_use]
    pub fn waits_for_transactions(&self) -> bool {
        match self {
            Self::CreateIndex(index) => index.concurrently,
            Self::DropIndex(index) => index.concurrently,
            Self::Reindex(reindex) => reindex.concurrently,
            Self::Alter(_, Alter::Detach(_, concurrently)) => *concurrently,
            _ => false,
        }
    }
}

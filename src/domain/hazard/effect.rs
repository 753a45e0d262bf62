//! The effect of one change, without `ALTER TABLE` (that is `alter`).

use crate::domain::change::{Change, DropIndex, Index, Name, Reindex, Rule, Scope, Table};

use super::catalog::Catalog;
use super::lock::{self, Held};
use super::{Answer, Severity, alter, gone, light, refused, rows, safe, version};
use crate::domain::change::written;
use crate::domain::locks::Mode;

/// What one change does.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub locks: Vec<Held>,
    pub rewrite: Answer,
    pub scan: Answer,
    pub rule: &'static str,
    pub message: String,
    pub safe_form: Option<String>,
    /// The least severity, whatever the locks say.
    pub floor: Severity,
    /// What is read or written anew; empty: what is locked.
    pub work: Vec<Name>,
}

impl Effect {
    /// Returns an effect without locks.
    pub(super) fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            locks: Vec::new(),
            rewrite: Answer::No,
            scan: Answer::No,
            rule,
            message: message.into(),
            safe_form: None,
            floor: Severity::Low,
            work: Vec::new(),
        }
    }

    /// Adds a lock on this relation alone.
    pub(super) fn lock(self, relation: &Name, mode: Mode) -> Self {
        self.held(relation, mode, false)
    }

    /// Adds a lock on the relation and on all that inherits from it, partitions above all.
    pub(super) fn lock_tree(self, relation: &Name, mode: Mode, catalog: &Catalog) -> Self {
        let children = catalog.tree(relation).into_iter().skip(1);
        children.fold(self.lock(relation, mode), |effect, child| effect.lock(&child.name, mode))
    }

    /// Adds locks that are taken unless the planner leaves the relation out.
    pub(super) fn may_lock_named(self, relation: &Name, mode: Mode) -> Self {
        self.held(relation, mode, true)
    }

    fn held(mut self, relation: &Name, mode: Mode, may: bool) -> Self {
        let name = Some(relation.clone());
        self.locks.push(Held { relation: relation.to_string(), mode, may, name });
        self
    }

    /// Adds a lock on a relation that only the live catalog can name.
    pub(super) fn may_lock(mut self, relation: impl Into<String>, mode: Mode) -> Self {
        self.locks.push(Held { relation: relation.into(), mode, may: true, name: None });
        self
    }

    /// Says which relations are read or written anew, and not only locked.
    pub(super) fn over(mut self, relation: &Name, catalog: &Catalog) -> Self {
        self.work.push(relation.clone());
        self.work.extend(catalog.tree(relation).into_iter().skip(1).map(|r| r.name.clone()));
        self
    }

    pub(super) fn rewrites(mut self, answer: Answer) -> Self {
        self.rewrite = self.rewrite.max(answer);
        self.scan = self.scan.max(answer);
        self
    }

    pub(super) fn scans(mut self, answer: Answer) -> Self {
        self.scan = self.scan.max(answer);
        self
    }

    /// A new, empty file needs no reading of the old one.
    pub(super) fn scan_nothing(mut self) -> Self {
        self.scan = Answer::No;
        self
    }

    pub(super) fn safer(mut self, form: Option<String>) -> Self {
        self.safe_form = form;
        self
    }

    pub(super) fn at_least(mut self, floor: Severity) -> Self {
        self.floor = floor;
        self
    }

    /// Names each relation as the catalog knows it, so that no two names are one relation.
    fn resolved(mut self, catalog: &Catalog) -> Self {
        for held in &mut self.locks {
            let Some(name) = &held.name else { continue };
            if let Some(relation) = catalog.find(name) {
                held.relation = catalog.shown(relation).to_string();
                held.name = Some(relation.name.clone());
            }
        }
        self
    }

    /// Returns the bytes that are read or written anew, as far as all of them are known.
    pub(super) fn bytes(&self, catalog: &Catalog) -> Option<u64> {
        let locked = || self.locks.iter().filter_map(|held| held.name.as_ref());
        let over: Vec<&Name> =
            if self.work.is_empty() { locked().collect() } else { self.work.iter().collect() };
        let relations: Vec<_> = over.iter().filter_map(|name| catalog.find(name)).collect();
        let stored = relations.iter().filter(|relation| !relation.partitioned);
        let sizes: Option<Vec<u64>> = stored.map(|relation| relation.bytes).collect();
        sizes.filter(|_| !relations.is_empty()).map(|sizes| sizes.iter().sum())
    }

    /// Returns true if all of it is known to be over before anybody notices.
    pub(super) fn is_small(&self, catalog: &Catalog) -> bool {
        self.bytes(catalog).is_some_and(|bytes| bytes < SMALL)
    }

    /// Returns how bad it is: nobody waits for what nobody else can see yet.
    pub(super) fn severity(&self, catalog: &Catalog) -> Severity {
        let is_fresh = |held: &&Held| held.name.as_ref().is_some_and(|name| catalog.is_fresh(name));
        let visible = self.locks.iter().filter(|held| !is_fresh(held));
        let Some(strongest) = visible.map(|held| held.mode).max() else {
            return if self.locks.is_empty() { self.floor } else { Severity::Low };
        };
        let works = self.rewrite.max(self.scan) != Answer::No;
        let is_small = self.is_small(catalog);
        let by_lock = match strongest {
            mode if lock::blocks_writes(mode) && works && !is_small => Severity::High,
            mode if lock::blocks_writes(mode) => Severity::Medium,
            _ => Severity::Low,
        };
        by_lock.max(self.floor)
    }
}

/// Below this a scan or rewrite is over before anybody notices (10 MB).
const SMALL: u64 = 10_000_000;

/// Returns the effect of a change on the schema as it stands before it.
pub(super) fn of(change: &Change, sql: &str, catalog: &Catalog) -> Effect {
    if let Some(why) = version::refuses(change, sql, catalog.version_num) {
        return Effect::new("not-on-this-version", why).at_least(Severity::High);
    }
    if let Some(why) = refused::why(change, sql, catalog) {
        return Effect::new("refused", why).at_least(Severity::High);
    }
    let effect = gone::is_not_there(change, sql, catalog)
        .then(|| Effect::new("not-there", "it is not there, and IF EXISTS leaves it at that"));
    effect.unwrap_or_else(|| known(change, sql, catalog)).resolved(catalog)
}

fn known(change: &Change, sql: &str, catalog: &Catalog) -> Effect {
    match change {
        Change::Alter(table, action) => alter::of(table, action, sql, catalog),
        Change::CreateTable(table) => create_table(table, sql, catalog),
        Change::DropTable(name) => gone::table(name, sql, catalog),
        Change::Truncate(name) => gone::truncate(name, sql, catalog),
        Change::DropView(name) | Change::DropMaterializedView(name) => {
            gone::view(name, sql, catalog)
        }
        Change::DropObject(what) => gone::object(what, catalog),
        Change::CreateIndex(index) => create_index(index, sql, catalog),
        Change::DropIndex(index) => drop_index(index, sql, catalog),
        Change::Reindex(reindex) => self::reindex(reindex, sql, catalog),
        Change::RenameIndex(name, _) | Change::AlterIndex(name) => alter_index(name, sql),
        Change::AttachIndex(parent, child) => attach_index(parent, child, catalog),
        Change::Data(data) => rows::changed(data, sql, catalog),
        Change::Touch(name, mode) => rows::touched(name, *mode, sql, catalog),
        Change::Read => Effect::new("read", "only reads"),
        Change::Refresh(name, concurrently) => refresh(name, *concurrently, sql, catalog),
        Change::Cluster(name) => cluster(name.as_ref()),
        Change::Vacuum(vacuum) => self::vacuum(&vacuum.tables, vacuum.full),
        Change::Lock(name, mode) => rows::lock_table(name, mode, sql, catalog),
        _ => light::of(change, sql, catalog),
    }
}

/// Returns true if the words stand in the statement, whole, and not in a name in quotes, a text or
/// a comment.
pub(super) fn says(sql: &str, phrase: &str) -> bool {
    if !phrase.split(' ').all(|word| may_hold(sql, word)) {
        return false;
    }
    let code = written::code(sql);
    let squeezed = code.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let is_boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    squeezed.match_indices(phrase).any(|(at, found)| {
        is_boundary(squeezed[..at].chars().next_back())
            && is_boundary(squeezed[at + found.len()..].chars().next())
    })
}

/// Returns false if a word, in lower case, surely stands nowhere in the text: most that is asked
/// for does not, and is answered without a copy.
fn may_hold(sql: &str, word: &str) -> bool {
    let (sql, word) = (sql.as_bytes(), word.as_bytes());
    let begins = |byte: u8| word.first().is_none_or(|first| byte.eq_ignore_ascii_case(first));
    let is_here = |at: usize| {
        sql.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word))
    };
    // Beyond ASCII there are letters whose lower case is within.
    !sql.is_ascii() || (0..sql.len()).any(|at| begins(sql[at]) && is_here(at))
}

fn create_table(table: &Table, sql: &str, catalog: &Catalog) -> Effect {
    if table.if_not_exists && catalog.find(&table.name).is_some() {
        return Effect::new("create-table", "the table is there, and IF NOT EXISTS leaves it");
    }
    let message = match table.unlogged {
        true => "makes a new table, which a crash empties and of which no standby has the rows",
        false => "makes a new table",
    };
    let effect = Effect::new("create-table", message);
    let references = table.constraints.iter().filter_map(|c| match &c.rule {
        Rule::ForeignKey(_, parent, _) if *parent != table.name => Some(parent),
        _ => None,
    });
    // The parent first, so that the hazard names it and not the table nobody knows yet.
    let effect = references
        .fold(effect, |effect, parent| effect.lock_tree(parent, Mode::ShareRowExclusive, catalog));
    let effect = match &table.partition_of {
        Some(parent) => {
            let effect = effect.lock(parent, Mode::AccessExclusive);
            default_partition(keys_of_partition(effect, parent, catalog), parent, catalog)
        }
        None => effect,
    };
    let effect = effect.lock(&table.name, Mode::AccessExclusive);
    let is_run = table.filled && !says(sql, "with no data");
    if is_run { effect.scans(Answer::Yes) } else { effect }
}

/// A new partition takes part in the foreign keys of its parent, of both sides.
pub(super) fn keys_of_partition(effect: Effect, parent: &Name, catalog: &Catalog) -> Effect {
    let Some(relation) = catalog.find(parent) else {
        return effect.may_lock(
            format!("tables that {parent} references, or that reference it"),
            Mode::ShareRowExclusive,
        );
    };
    let parents = relation.foreign_keys.iter().map(|key| &key.references);
    let children = catalog.referencing(&relation.name).map(|child| &child.name);
    let effect = parents
        .fold(effect, |effect, other| effect.lock_tree(other, Mode::ShareRowExclusive, catalog));
    // Before 15 what references the parent was only looked at.
    let mode = match catalog.may_be_since(15) {
        true => Mode::ShareRowExclusive,
        false => Mode::AccessShare,
    };
    children.fold(effect, |effect, other| effect.lock_tree(other, mode, catalog))
}

/// The default partition is locked and read: it may hold rows of the new one.
pub(super) fn default_partition(effect: Effect, parent: &Name, catalog: &Catalog) -> Effect {
    match catalog.find(parent) {
        Some(relation) => match &relation.default_partition {
            Some(name) => effect
                .lock_tree(name, Mode::AccessExclusive, catalog)
                .over(name, catalog)
                .scans(Answer::Yes),
            None => effect,
        },
        None if catalog.complete => effect,
        None => effect
            .may_lock(format!("the default partition of {parent}"), Mode::AccessExclusive)
            .scans(Answer::Unknown),
    }
}

fn create_index(index: &Index, sql: &str, catalog: &Catalog) -> Effect {
    if index.concurrently {
        let message = if index.if_not_exists {
            "after a failed build IF NOT EXISTS succeeds over the invalid index: check indisvalid"
        } else {
            "waits for old transactions; a failure leaves an invalid index"
        };
        return Effect::new("create-index-concurrently", message)
            .lock(&index.table, Mode::ShareUpdateExclusive)
            .scans(Answer::Yes);
    }
    let effect = Effect::new("create-index", "writers wait until the index is built");
    let is_there = index.if_not_exists
        && index.name.as_ref().is_some_and(|name| catalog.table_of(name).is_some());
    let known = catalog.find(&index.table).map(|table| table.partitioned);
    if is_there || (index.only && known == Some(true)) {
        return effect.lock(&index.table, Mode::Share);
    }
    // Children by INHERITS have indexes of their own.
    let effect = match known {
        Some(true) => {
            effect.lock_tree(&index.table, Mode::Share, catalog).over(&index.table, catalog)
        }
        _ => effect.lock(&index.table, Mode::Share).over(&index.table, &Catalog::default()),
    };
    let reads = if index.only && known.is_none() { Answer::Unknown } else { Answer::Yes };
    effect.scans(reads).safer(safe::index(sql, &index.table, index.only, catalog))
}

fn drop_index(index: &DropIndex, sql: &str, catalog: &Catalog) -> Effect {
    let table = catalog.table_of(&index.name);
    let mode = if index.concurrently { Mode::ShareUpdateExclusive } else { Mode::AccessExclusive };
    let effect = Effect::new("drop-index", "readers and writers of the table wait for the lock");
    let effect = match table {
        Some(table) => effect.lock_tree(&table.name, mode, catalog),
        None => effect.may_lock(format!("the table of {}", index.name), mode),
    };
    let refused = index.concurrently
        || index.cascade
        || sql.contains(',')
        || table.is_some_and(|table| table.partitioned);
    let safer = (!refused).then(|| safe::after_word(sql, "index", "CONCURRENTLY")).flatten();
    effect.lock(&index.name, mode).safer(safer)
}

fn reindex(reindex: &Reindex, sql: &str, catalog: &Catalog) -> Effect {
    let strong = |mode| if reindex.concurrently { Mode::ShareUpdateExclusive } else { mode };
    let effect = Effect::new("reindex", "builds the index anew");
    let effect = match &reindex.scope {
        Scope::Index(index) => match catalog.table_of(index) {
            Some(table) => effect.lock(&table.name, strong(Mode::Share)),
            None => effect.may_lock(format!("the table of {index}"), strong(Mode::Share)),
        }
        .lock(index, strong(Mode::AccessExclusive)),
        // Planning a query locks the table's indexes, so readers wait as well.
        Scope::Table(table) => {
            let effect = effect.lock(table, strong(Mode::Share)).over(table, catalog);
            let within = |index: &String| Name { name: index.clone(), ..table.clone() };
            match catalog.find(table) {
                Some(known) => known.indexes.iter().fold(effect, |effect, index| {
                    effect.lock(&within(index), strong(Mode::AccessExclusive))
                }),
                None => effect
                    .may_lock(format!("the indexes of {table}"), strong(Mode::AccessExclusive)),
            }
        }
        Scope::All => effect.may_lock("every table in it, one by one", strong(Mode::Share)),
    };
    let partitioned = match &reindex.scope {
        Scope::Table(name) => catalog.find(name),
        Scope::Index(name) => catalog.table_of(name),
        Scope::All => None,
    }
    .filter(|table| table.partitioned);
    if let Some(table) = partitioned {
        return reindex_partitions(table, strong(Mode::Share), catalog);
    }
    let refused = reindex.concurrently || sql.contains('(') || reindex.scope == Scope::All;
    let word = if matches!(reindex.scope, Scope::Table(_)) { "table" } else { "index" };
    let safer = (!refused).then(|| safe::after_word(sql, word, "CONCURRENTLY")).flatten();
    effect.rewrites(Answer::Yes).safer(safer)
}

/// Partition after partition, each in a transaction of its own; PostgreSQL 13 did not do it.
fn reindex_partitions(table: &super::Relation, mode: Mode, catalog: &Catalog) -> Effect {
    let message = match catalog.may_be_since(14) {
        true => {
            "fails in a transaction block: each partition's indexes are built in a transaction of their own"
        }
        false => "fails, or does nothing: PostgreSQL 13 leaves the indexes of partitions out",
    };
    Effect::new("reindex", message).lock_tree(&table.name, mode, catalog).rewrites(Answer::Yes)
}

/// Both indexes' tables are looked at; where the last partition's index is attached, the parent's
/// becomes valid.
fn attach_index(parent: &Name, child: &Name, catalog: &Catalog) -> Effect {
    let effect = Effect::new("attach-index", "changes the catalog only")
        .lock(parent, Mode::ShareUpdateExclusive)
        .lock(child, Mode::AccessExclusive);
    [parent, child].into_iter().fold(effect, |effect, index| match catalog.table_of(index) {
        Some(table) => effect.lock(&table.name, Mode::AccessShare),
        None => effect.may_lock(format!("the table of {index}"), Mode::AccessShare),
    })
}

fn alter_index(index: &Name, sql: &str) -> Effect {
    if says(sql, "set tablespace") {
        return Effect::new("move-index", "copies the index; queries of its table wait")
            .lock(index, Mode::AccessExclusive)
            .rewrites(Answer::Unknown);
    }
    // How it is searched changes under everybody's feet:
    // <https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-STORAGE-PARAMETERS>.
    let strong =
        ["fastupdate", "gin_pending_list_limit", "buffering", "pages_per_range", "autosummarize"];
    let mode = match strong.iter().any(|option| says(sql, option)) {
        true => Mode::AccessExclusive,
        false => Mode::ShareUpdateExclusive,
    };
    Effect::new("alter-index", "changes an index's entry in the catalog").lock(index, mode)
}

fn refresh(name: &Name, concurrently: bool, sql: &str, catalog: &Catalog) -> Effect {
    if says(sql, "with no data") {
        return Effect::new(
            "refresh-materialized-view",
            "empties the view: it cannot be queried then",
        )
        .lock(name, Mode::AccessExclusive)
        .rewrites(Answer::Yes)
        .scan_nothing();
    }
    let effect = Effect::new("refresh-materialized-view", "runs the view's query to the end");
    let behind = catalog.behind(name).into_iter();
    let effect = behind.fold(effect, |effect, read| effect.lock(&read.name, Mode::AccessShare));
    if concurrently {
        return effect.lock(name, Mode::Exclusive).scans(Answer::Yes);
    }
    effect.lock(name, Mode::AccessExclusive).rewrites(Answer::Yes).safer(
        safe::after_word(sql, "view", "CONCURRENTLY")
            .map(|form| format!("{form} (needs a unique index over all rows of the view)")),
    )
}

fn cluster(name: Option<&Name>) -> Effect {
    let effect = Effect::new("cluster", "writes the table anew in the order of an index");
    let effect = match name {
        Some(name) => effect.lock(name, Mode::AccessExclusive),
        None => effect.may_lock("every clustered table, one by one", Mode::AccessExclusive),
    };
    effect.rewrites(Answer::Yes)
}

fn vacuum(tables: &[Name], full: bool) -> Effect {
    let mode = if full { Mode::AccessExclusive } else { Mode::ShareUpdateExclusive };
    let effect = Effect::new(if full { "vacuum-full" } else { "vacuum" }, "cleans the table");
    let effect = tables.iter().fold(effect, |effect, table| effect.lock(table, mode));
    let effect =
        if tables.is_empty() { effect.may_lock("every table, one by one", mode) } else { effect };
    if full { effect.rewrites(Answer::Yes) } else { effect.scans(Answer::Yes) }
}

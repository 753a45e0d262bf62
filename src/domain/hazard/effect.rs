//! The effect of one change, without `ALTER TABLE` (that is `alter`).

use crate::domain::change::{Change, DropIndex, Index, Name, Reindex, Rule, Scope, Table};

use super::catalog::{Catalog, Kind};
use super::lock::{self, Held};
use super::{Answer, Severity, alter, gone, rows, safe, version};
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
        Change::Data(data) => rows::changed(data, sql, catalog),
        Change::Touch(name, mode) => rows::touched(name, *mode, sql, catalog),
        Change::Read => Effect::new("read", "only reads"),
        Change::Refresh(name, concurrently) => refresh(name, *concurrently, sql, catalog),
        Change::Cluster(name) => cluster(name.as_ref()),
        Change::Vacuum(vacuum) => self::vacuum(&vacuum.tables, vacuum.full),
        Change::Lock(name, mode) => rows::lock_table(name, mode, sql, catalog),
        _ => light(change, sql, catalog),
    }
}

/// Returns true if the word stands in the statement, whole.
pub(super) fn says(sql: &str, phrase: &str) -> bool {
    let squeezed = sql.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let is_boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    squeezed.match_indices(phrase).any(|(at, found)| {
        is_boundary(squeezed[..at].chars().next_back())
            && is_boundary(squeezed[at + found.len()..].chars().next())
    })
}

/// Changes of little weight, and those of which nothing is known.
fn light(change: &Change, sql: &str, catalog: &Catalog) -> Effect {
    use Mode::{AccessExclusive, ShareRowExclusive, ShareUpdateExclusive};
    match change {
        Change::CreateTrigger(table) => Effect::new(
            "create-trigger",
            "waits for all writers of the table",
        )
        .lock_tree(table, ShareRowExclusive, catalog),
        Change::DropTrigger(table) | Change::Police(table) => {
            Effect::new("table-rule", "changes what every query of the table does")
                .lock(table, AccessExclusive)
        }
        Change::CreateView(name)
        | Change::AlterMaterializedView(name)
        | Change::DropSequence(name) => {
            Effect::new("replace-object", "queries that use it wait").lock(name, AccessExclusive)
        }
        Change::CreateMaterializedView(name) => {
            let reads = if says(sql, "with no data") { Answer::No } else { Answer::Yes };
            Effect::new("create-materialized-view", "runs the view's query to the end")
                .lock(name, AccessExclusive)
                .scans(reads)
        }
        Change::Comment(table) => {
            Effect::new("comment", "changes the catalog only").lock(table, ShareUpdateExclusive)
        }
        Change::Sequence(name) => {
            Effect::new("sequence", "changes a sequence").lock(name, ShareRowExclusive)
        }
        Change::Analyze(tables) => {
            tables.iter().fold(Effect::new("analyze", "samples the table"), |effect, table| {
                effect.lock_tree(table, ShareUpdateExclusive, catalog)
            })
        }
        Change::ConstrainDomain(domain, checks) => constrain_domain(domain, *checks, catalog),
        Change::AddValue(name, _) => Effect::new(
            "enum-add-value",
            format!(
                "the value cannot be used in the same transaction and never be removed from {name}"
            ),
        ),
        Change::CreateExtension(name) => unknown(format!("runs the script of extension {name}")),
        Change::Block(_) => {
            unknown(String::from("a code block: what it does is decided as it runs"))
        }
        Change::Unknown(why) => unknown(why.clone()),
        Change::Raise(_) => Effect::new("raises", "ends the migration with an error"),
        _ => Effect::new("catalog-only", "touches no relation"),
    }
}

fn unknown(why: String) -> Effect {
    Effect {
        rewrite: Answer::Unknown,
        scan: Answer::Unknown,
        ..Effect::new("unknown", why).at_least(Severity::High)
    }
}

fn create_table(table: &Table, sql: &str, catalog: &Catalog) -> Effect {
    if table.if_not_exists && catalog.find(&table.name).is_some() {
        return Effect::new("create-table", "the table is there, and IF NOT EXISTS leaves it");
    }
    let effect = Effect::new("create-table", "makes a new table");
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
    parents
        .chain(children)
        .fold(effect, |effect, other| effect.lock_tree(other, Mode::ShareRowExclusive, catalog))
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
    if index.only || is_there {
        return effect.lock(&index.table, Mode::Share);
    }
    effect
        .lock_tree(&index.table, Mode::Share, catalog)
        .over(&index.table, catalog)
        .scans(Answer::Yes)
        .safer(safe::index(sql, &index.table, index.only, catalog))
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
    let refused = reindex.concurrently || sql.contains('(') || reindex.scope == Scope::All;
    let word = if matches!(reindex.scope, Scope::Table(_)) { "table" } else { "index" };
    let safer = (!refused).then(|| safe::after_word(sql, word, "CONCURRENTLY")).flatten();
    effect.rewrites(Answer::Yes).safer(safer)
}

fn alter_index(index: &Name, sql: &str) -> Effect {
    if says(sql, "set tablespace") {
        return Effect::new("move-index", "copies the index; queries of its table wait")
            .lock(index, Mode::AccessExclusive)
            .rewrites(Answer::Unknown);
    }
    Effect::new("alter-index", "changes an index's entry in the catalog")
        .lock(index, Mode::ShareUpdateExclusive)
}

fn refresh(name: &Name, concurrently: bool, sql: &str, catalog: &Catalog) -> Effect {
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

fn constrain_domain(domain: &Name, checks: bool, catalog: &Catalog) -> Effect {
    let effect = Effect::new("constrain-domain", "reads every table with a column of the domain");
    if !checks {
        return effect;
    }
    let effect = catalog
        .using_type(domain)
        .filter(|relation| relation.kind == Kind::Table && !relation.partitioned)
        .fold(effect, |effect, relation| effect.lock(&relation.name, Mode::Share));
    let effect = if catalog.complete {
        effect
    } else {
        effect.may_lock(format!("tables with a column of {domain}"), Mode::Share)
    };
    effect.scans(Answer::Yes)
}

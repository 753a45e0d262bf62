//! The effect of one change, without `ALTER TABLE` (that is `alter`).

use crate::domain::change::{Change, Data, Index, Name, Reindex, Rule, Scope, Table, Verb};

use super::catalog::Catalog;
use super::lock::{self, Held};
use super::{Answer, Severity, alter, safe};
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
        }
    }

    pub(super) fn lock(mut self, relation: &Name, mode: Mode) -> Self {
        self.locks.push(Held { relation: relation.to_string(), mode, may: false });
        self
    }

    /// Adds a lock on a relation that only the live catalog can name.
    pub(super) fn may_lock(mut self, relation: impl Into<String>, mode: Mode) -> Self {
        self.locks.push(Held { relation: relation.into(), mode, may: true });
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

    pub(super) fn safer(mut self, form: Option<String>) -> Self {
        self.safe_form = form;
        self
    }

    pub(super) fn at_least(mut self, floor: Severity) -> Self {
        self.floor = floor;
        self
    }

    /// Returns how bad it is: nobody waits for what nobody else can see yet.
    pub(super) fn severity(&self, catalog: &Catalog) -> Severity {
        let visible = self.locks.iter().filter(|held| !catalog.is_fresh(&held.relation));
        let Some(strongest) = visible.clone().map(|held| held.mode).max() else {
            return if self.locks.is_empty() { self.floor } else { Severity::Low };
        };
        let works = self.rewrite.max(self.scan) != Answer::No;
        let bytes = visible.filter_map(|held| catalog.find_text(&held.relation)?.bytes).max();
        let is_small = bytes.is_some_and(|bytes| bytes < SMALL);
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
    match change {
        Change::Alter(table, action) => alter::of(table, action, sql, catalog),
        Change::CreateTable(table) => create_table(table, catalog),
        Change::DropTable(name) => drop_table(name, catalog),
        Change::Truncate(name) => Effect::new("truncate", "removes every row of the table")
            .lock(name, Mode::AccessExclusive)
            .rewrites(Answer::Yes)
            .scan_nothing()
            .at_least(Severity::High),
        Change::CreateIndex(index) => create_index(index, sql, catalog),
        Change::DropIndex(index) => drop_index(index, sql, catalog),
        Change::Reindex(reindex) => self::reindex(reindex, sql, catalog),
        Change::RenameIndex(name, _) | Change::AlterIndex(name) => {
            Effect::new("alter-index", "changes an index's entry in the catalog")
                .lock(name, Mode::ShareUpdateExclusive)
        }
        Change::Data(data) => self::data(data),
        Change::Refresh(name, concurrently) => refresh(name, *concurrently, sql),
        Change::Cluster(name) => cluster(name.as_ref()),
        Change::Vacuum(vacuum) => self::vacuum(&vacuum.tables, vacuum.full),
        Change::Lock(name, mode) => lock_table(name, mode),
        _ => light(change, catalog),
    }
}

impl Effect {
    /// A new, empty file needs no reading of the old one.
    fn scan_nothing(mut self) -> Self {
        self.scan = Answer::No;
        self
    }
}

/// Changes of little weight, and those of which nothing is known.
fn light(change: &Change, catalog: &Catalog) -> Effect {
    use Mode::{AccessExclusive, ShareRowExclusive, ShareUpdateExclusive};
    match change {
        Change::CreateTrigger(table) => {
            Effect::new("create-trigger", "waits for all writers of the table")
                .lock(table, ShareRowExclusive)
        }
        Change::DropTrigger(table) | Change::Police(table) => {
            Effect::new("table-rule", "changes what every query of the table does")
                .lock(table, AccessExclusive)
        }
        Change::CreateView(name)
        | Change::DropView(name)
        | Change::AlterMaterializedView(name)
        | Change::DropMaterializedView(name)
        | Change::DropSequence(name) => {
            Effect::new("replace-object", "queries that use it wait").lock(name, AccessExclusive)
        }
        Change::CreateMaterializedView(name) => {
            Effect::new("create-materialized-view", "runs the view's query to the end")
                .lock(name, AccessExclusive)
        }
        Change::Comment(table) => {
            Effect::new("comment", "changes the catalog only").lock(table, ShareUpdateExclusive)
        }
        Change::Sequence(name) => {
            Effect::new("sequence", "changes a sequence").lock(name, ShareRowExclusive)
        }
        Change::Analyze(tables) => {
            tables.iter().fold(Effect::new("analyze", "samples the table"), |effect, table| {
                effect.lock(table, ShareUpdateExclusive)
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
        // These name tables and lock them against other changes of the schema.
        Change::Catalog(words) if words.contains("STATISTICS") || words.contains("PUBLICATION") => {
            Effect::new("catalog-only", "touches tables by name")
                .may_lock("the tables it names", ShareUpdateExclusive)
        }
        Change::DropObject(what) => {
            Effect::new("drop-object", format!("drops {what}, and with CASCADE all that uses it"))
                .may_lock(format!("relations that use {what}"), AccessExclusive)
                .at_least(Severity::High)
        }
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

fn create_table(table: &Table, catalog: &Catalog) -> Effect {
    let effect = Effect::new("create-table", "makes a new table");
    let references = table.constraints.iter().filter_map(|c| match &c.rule {
        Rule::ForeignKey(_, parent) if *parent != table.name => Some(parent),
        _ => None,
    });
    // The parent first, so that the hazard names it and not the table nobody knows yet.
    let effect =
        references.fold(effect, |effect, parent| effect.lock(parent, Mode::ShareRowExclusive));
    let effect = match &table.partition_of {
        Some(parent) => {
            default_partition(effect.lock(parent, Mode::AccessExclusive), parent, catalog)
        }
        None => effect,
    };
    effect.lock(&table.name, Mode::AccessExclusive)
}

/// The default partition is locked and read: it may hold rows of the new one.
pub(super) fn default_partition(effect: Effect, parent: &Name, catalog: &Catalog) -> Effect {
    match catalog.find(parent) {
        Some(relation) => match &relation.default_partition {
            Some(name) => effect.lock(name, Mode::AccessExclusive).scans(Answer::Yes),
            None => effect,
        },
        None if catalog.complete => effect,
        None => effect
            .may_lock(format!("the default partition of {parent}"), Mode::AccessExclusive)
            .scans(Answer::Unknown),
    }
}

fn drop_table(name: &Name, catalog: &Catalog) -> Effect {
    let effect = Effect::new("drop-table", "every row of the table is gone")
        .lock(name, Mode::AccessExclusive)
        .at_least(Severity::High);
    let Some(relation) = catalog.find(name) else {
        return effect.may_lock(format!("tables that {name} references"), Mode::AccessExclusive);
    };
    let parents = relation.foreign_keys.iter().map(|key| &key.references);
    let children = catalog.referencing(name).map(|child| &child.name);
    parents
        .chain(children)
        .filter(|other| *other != name)
        .fold(effect, |effect, other| effect.lock(other, Mode::AccessExclusive))
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
    let scan = if index.only { Answer::No } else { Answer::Yes };
    Effect::new("create-index", "writers wait until the index is built")
        .lock(&index.table, Mode::Share)
        .scans(scan)
        .safer(safe::index(sql, &index.table, index.only, catalog))
}

fn drop_index(index: &crate::domain::change::DropIndex, sql: &str, catalog: &Catalog) -> Effect {
    let table = catalog.table_of(&index.name);
    let mode = if index.concurrently { Mode::ShareUpdateExclusive } else { Mode::AccessExclusive };
    let effect = Effect::new("drop-index", "readers and writers of the table wait for the lock");
    let effect = match table {
        Some(table) => effect.lock(&table.name, mode),
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
        Scope::Table(table) => effect
            .lock(table, strong(Mode::Share))
            .may_lock(format!("the indexes of {table}"), strong(Mode::AccessExclusive)),
        Scope::All => effect.may_lock("every table in it, one by one", strong(Mode::Share)),
    };
    let refused = reindex.concurrently || sql.contains('(') || reindex.scope == Scope::All;
    let word = if matches!(reindex.scope, Scope::Table(_)) { "table" } else { "index" };
    let safer = (!refused).then(|| safe::after_word(sql, word, "CONCURRENTLY")).flatten();
    effect.rewrites(Answer::Yes).safer(safer)
}

fn data(data: &Data) -> Effect {
    let whole = data.filter.is_none() && matches!(data.verb, Verb::Update | Verb::Delete);
    let effect = Effect::new(
        "change-rows",
        format!("{}s rows and keeps them locked to the end", data.verb.word()),
    )
    .lock(&data.table, Mode::RowExclusive);
    match data.verb {
        Verb::Insert => effect,
        _ if whole => effect.scans(Answer::Yes).at_least(Severity::Medium).safer(Some(format!(
            "the same in batches of some thousand rows of {}, each committed",
            data.table.quoted()
        ))),
        _ => effect.scans(Answer::Unknown),
    }
}

fn refresh(name: &Name, concurrently: bool, sql: &str) -> Effect {
    let effect = Effect::new("refresh-materialized-view", "runs the view's query to the end");
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

fn lock_table(name: &Name, mode: &str) -> Effect {
    let mode = lock::of_words(mode).unwrap_or(Mode::AccessExclusive);
    Effect::new("lock-table", "holds the lock to the end of the transaction").lock(name, mode)
}

fn constrain_domain(domain: &Name, checks: bool, catalog: &Catalog) -> Effect {
    let effect = Effect::new("constrain-domain", "reads every table with a column of the domain");
    if !checks {
        return effect;
    }
    let effect = catalog
        .using_type(&domain.name)
        .fold(effect, |effect, relation| effect.lock(&relation.name, Mode::Share));
    let effect = if catalog.complete {
        effect
    } else {
        effect.may_lock(format!("tables with a column of {domain}"), Mode::Share)
    };
    effect.scans(Answer::Yes)
}

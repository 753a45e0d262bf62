//! The effect of reading, changing and locking rows.

use crate::domain::change::{Data, Name, Verb};

use super::catalog::{Catalog, Kind};
use super::effect::{Effect, says};
use super::lock;
use super::{Answer, Severity};
use crate::domain::locks::Mode;

/// Returns the effect of a change of rows.
pub(super) fn changed(data: &Data, sql: &str, catalog: &Catalog) -> Effect {
    let whole = data.filter.is_none() && matches!(data.verb, Verb::Update | Verb::Delete);
    let effect = Effect::new(
        "change-rows",
        format!("{}s rows and keeps them locked to the end", data.verb.word()),
    )
    .lock(&data.table, Mode::RowExclusive)
    .over(&data.table, catalog);
    let effect = keys(partitions(effect, data, whole, sql, catalog), data, catalog);
    let effect = through(effect, &data.table, catalog);
    match data.verb {
        Verb::Insert => effect,
        _ if whole => effect.scans(Answer::Yes).at_least(Severity::Medium).safer(Some(format!(
            "the same in batches of some thousand rows of {}, each committed",
            data.table.quoted()
        ))),
        _ => filtered(effect.scans(Answer::Unknown), catalog),
    }
}

/// A change of a view's rows is one of the table's behind it, unless a rule or a trigger takes it.
fn through(effect: Effect, view: &Name, catalog: &Catalog) -> Effect {
    if !is_view(view, catalog) {
        return effect;
    }
    let behind = catalog.behind(view).into_iter();
    behind.fold(effect, |effect, read| effect.may_lock_named(&read.name, Mode::RowExclusive))
}

/// How many rows a filter lets through only the rows tell: few of a small table at most.
fn filtered(effect: Effect, catalog: &Catalog) -> Effect {
    match effect.is_small(catalog) {
        true => effect,
        false => effect.at_least(Severity::Medium),
    }
}

/// Which partitions are written to is decided by the rows.
fn partitions(effect: Effect, data: &Data, whole: bool, sql: &str, catalog: &Catalog) -> Effect {
    if says(sql, "only") {
        return effect;
    }
    let tree = catalog.tree(&data.table).into_iter().skip(1);
    tree.fold(effect, |effect, child| match whole {
        true => effect.lock(&child.name, Mode::RowExclusive),
        false => effect.may_lock_named(&child.name, Mode::RowExclusive),
    })
}

/// Foreign keys look up the parent's row, and change or look for those that reference it.
fn keys(effect: Effect, data: &Data, catalog: &Catalog) -> Effect {
    let Some(relation) = catalog.find(&data.table) else { return effect };
    let parents = relation.foreign_keys.iter().filter(|_| data.verb != Verb::Delete);
    let effect =
        parents.fold(effect, |effect, key| effect.may_lock_named(&key.references, Mode::RowShare));
    let children = catalog.referencing(&relation.name).filter(|_| data.verb != Verb::Insert);
    children.fold(effect, |effect, child| effect.may_lock_named(&child.name, Mode::RowExclusive))
}

/// Returns the effect of what a statement reads, or locks rows of.
pub(super) fn touched(name: &Name, mode: Mode, sql: &str, catalog: &Catalog) -> Effect {
    // Who may do what was written without a look at the relation before 18.
    if is_about_rights(sql) && !catalog.may_be_since(18) {
        return Effect::new("catalog-only", "touches no relation");
    }
    let (rule, message) = match mode {
        Mode::AccessShare => ("read", "reads: only what drops or rewrites it waits"),
        Mode::RowShare => ("lock-rows", "keeps rows locked: who would change them waits"),
        _ => ("touch", "locks it against other changes of the schema"),
    };
    let effect = Effect::new(rule, message).lock(name, mode);
    if mode > Mode::RowExclusive {
        return effect;
    }
    // A definition never looks behind what it names.
    if !is_run(sql) {
        return effect;
    }
    // Whether all rows are read is the planner's to decide.
    let effect = effect.scans(Answer::Unknown);
    let behind = catalog.behind(name).into_iter().filter(|_| is_view(name, catalog));
    let effect = behind.fold(effect, |effect, read| effect.lock(&read.name, mode));
    if says(sql, "only") {
        return effect;
    }
    let tree = catalog.tree(name).into_iter().skip(1);
    tree.fold(effect, |effect, child| effect.may_lock_named(&child.name, mode))
}

/// Returns true if the statement runs what it reads, and does not only define it.
fn is_run(sql: &str) -> bool {
    const MADE: &[&str] = &["or", "replace", "temp", "temporary", "global", "local", "unlogged"];
    let words = sql.split_whitespace().map(str::to_lowercase);
    let mut words = words.filter(|word| !MADE.contains(&word.as_str()));
    let first = words.next().unwrap_or_default();
    match first.as_str() {
        _ if says(sql, "with no data") => false,
        // Only what is filled by a query runs it.
        "create" => {
            says(sql, "as")
                && words.next().is_some_and(|thing| thing == "table" || thing == "materialized")
        }
        "alter" | "comment" | "grant" | "revoke" => false,
        _ => true,
    }
}

fn is_about_rights(sql: &str) -> bool {
    let first = sql.split_whitespace().next().unwrap_or_default();
    first.eq_ignore_ascii_case("grant") || first.eq_ignore_ascii_case("revoke")
}

fn is_view(name: &Name, catalog: &Catalog) -> bool {
    catalog.find(name).is_some_and(|relation| relation.kind == Kind::View)
}

/// `LOCK TABLE` locks partitions and children as well, and what a view is made of.
pub(super) fn lock_table(name: &Name, mode: &str, sql: &str, catalog: &Catalog) -> Effect {
    let mode = lock::of_words(mode).unwrap_or(Mode::AccessExclusive);
    let effect = Effect::new("lock-table", "holds the lock to the end of the transaction");
    if says(sql, "only") {
        return effect.lock(name, mode);
    }
    let effect = effect.lock_tree(name, mode, catalog);
    let behind = catalog.behind(name).into_iter().filter(|_| is_view(name, catalog));
    behind.fold(effect, |effect, read| effect.lock(&read.name, mode))
}

//! The effect of changes of little weight, and of those of which nothing is known.

use crate::domain::change::{Change, Name};

use super::catalog::{Catalog, Kind};
use super::effect::{Effect, says};
use super::{Answer, Severity};
use crate::domain::locks::Mode;

/// Changes of little weight, and those of which nothing is known.
pub(super) fn of(change: &Change, sql: &str, catalog: &Catalog) -> Effect {
    use Mode::{AccessExclusive, ShareUpdateExclusive};
    match change {
        Change::CreateTrigger(table) => create_trigger(table, sql, catalog),
        Change::DropTrigger(table) | Change::Police(table) => rule(table, sql, catalog),
        Change::CreateView(name) => {
            Effect::new("replace-object", "queries that use it wait").lock(name, AccessExclusive)
        }
        Change::AlterMaterializedView(name) => alter_materialized_view(name, sql),
        Change::DropSequence(name) => {
            let effect = Effect::new("replace-object", "queries that use it wait")
                .lock(name, AccessExclusive);
            match says(sql, "cascade") {
                true => {
                    effect.may_lock(format!("tables whose defaults use {name}"), AccessExclusive)
                }
                false => effect,
            }
        }
        Change::CreateMaterializedView(name)
            if says(sql, "if not exists") && catalog.find(name).is_some() =>
        {
            Effect::new("create-materialized-view", "it is there, and IF NOT EXISTS leaves it")
        }
        Change::CreateMaterializedView(name) => {
            let reads = if says(sql, "with no data") { Answer::No } else { Answer::Yes };
            Effect::new("create-materialized-view", "runs the view's query to the end")
                .lock(name, AccessExclusive)
                .scans(reads)
        }
        Change::Comment(comment) => {
            let effect = Effect::new("comment", "changes the catalog only");
            effect.lock(&comment.table, ShareUpdateExclusive)
        }
        Change::Sequence(name) => sequence(name, sql),
        Change::Catalog(words) => catalog_only(words, sql),
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

/// A row trigger of a partitioned table is made on its partitions as well.
fn create_trigger(table: &Name, sql: &str, catalog: &Catalog) -> Effect {
    let effect = Effect::new("create-trigger", "waits for all writers of the table");
    let is_partitioned = catalog.find(table).is_some_and(|relation| relation.partitioned);
    match is_partitioned && (says(sql, "each row") || says(sql, "for row")) {
        true => effect.lock_tree(table, Mode::ShareRowExclusive, catalog),
        false => effect.lock(table, Mode::ShareRowExclusive),
    }
}

/// Triggers, rules and policies, made, changed and dropped. What a partitioned table's trigger is
/// on its partitions goes with it, and since 15 it is renamed with it.
fn rule(table: &Name, sql: &str, catalog: &Catalog) -> Effect {
    let effect = Effect::new("table-rule", "changes what every query of the table does");
    if says(sql, "depends on extension") {
        return effect.lock(table, Mode::AccessShare);
    }
    let effect = match says(sql, "if exists") {
        true => effect.may_lock_named(table, Mode::AccessExclusive),
        false => effect.lock(table, Mode::AccessExclusive),
    };
    let reaches =
        says(sql, "drop trigger") || (says(sql, "alter trigger") && catalog.may_be_since(15));
    let is_partitioned = catalog.find(table).is_some_and(|relation| relation.partitioned);
    if !reaches || !is_partitioned {
        return effect;
    }
    let partitions = catalog.tree(table).into_iter().skip(1);
    partitions.fold(effect, |effect, part| effect.may_lock_named(&part.name, Mode::AccessExclusive))
}

/// Options and statistics take less than the rest.
fn alter_materialized_view(name: &Name, sql: &str) -> Effect {
    let light = ["set (", "reset (", "cluster on", "without cluster", "set statistics"];
    let spaced = sql.replace('(', " ( ");
    let mode = match light.iter().any(|form| starts(&spaced, form)) {
        true => Mode::ShareUpdateExclusive,
        false => Mode::AccessExclusive,
    };
    Effect::new("replace-object", "queries that use it wait").lock(name, mode)
}

/// Returns true if the words stand in the statement, whatever stands around them.
fn starts(sql: &str, words: &str) -> bool {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().contains(words)
}

/// What it counts takes less than what it is: its name, schema, owner and persistence.
fn sequence(name: &Name, sql: &str) -> Effect {
    let effect = Effect::new("sequence", "changes a sequence");
    if says(sql, "create") {
        // Nobody else sees it yet.
        return effect;
    }
    let strong = ["rename to", "set schema", "owner to", "set logged", "set unlogged"];
    let mode = match strong.iter().any(|form| says(sql, form)) {
        true => Mode::AccessExclusive,
        false => Mode::ShareRowExclusive,
    };
    effect.lock(name, mode)
}

/// What is no relation itself may still lock one.
fn catalog_only(words: &str, sql: &str) -> Effect {
    let effect = Effect::new("catalog-only", "touches no relation");
    let mode = Mode::ShareUpdateExclusive;
    match words {
        "DROP STATISTICS" => effect.may_lock("the table of the statistics", mode),
        _ if words.starts_with("ALTER PUBLICATION") && says(sql, "set table") => {
            effect.may_lock("the tables that leave the publication", mode)
        }
        _ => effect,
    }
}

fn unknown(why: String) -> Effect {
    Effect {
        rewrite: Answer::Unknown,
        scan: Answer::Unknown,
        ..Effect::new("unknown", why).at_least(Severity::High)
    }
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

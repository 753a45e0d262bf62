//! The effect of dropping and emptying: it reaches what depends on it.

use crate::domain::change::{Alter, Change, Name};

use super::catalog::{Catalog, Relation};
use super::effect::{Effect, says};
use super::{Answer, Severity};
use crate::domain::locks::Mode;

/// Returns true if `IF EXISTS` spares the statement, because the whole schema is known and
/// what is named is not in it.
pub(super) fn is_not_there(change: &Change, sql: &str, catalog: &Catalog) -> bool {
    if !catalog.complete || !says(sql, "if exists") {
        return false;
    }
    match change {
        Change::DropIndex(index) => catalog.table_of(&index.name).is_none(),
        Change::RenameIndex(name, _) | Change::AlterIndex(name) => catalog.table_of(name).is_none(),
        Change::Alter(_, Alter::DropColumn(_) | Alter::DropConstraint(_))
            if !says(sql, "table if exists") =>
        {
            false
        }
        Change::Alter(name, _) => catalog.find(name).is_none() && catalog.table_of(name).is_none(),
        Change::DropTable(name) | Change::DropView(name) | Change::DropMaterializedView(name) => {
            catalog.find(name).is_none()
        }
        _ => false,
    }
}

/// `DROP TABLE`: the tables of its foreign keys on both sides, its partitions, its parent and
/// the parent's default partition; with `CASCADE` also the views that are made of it.
pub(super) fn table(name: &Name, sql: &str, catalog: &Catalog) -> Effect {
    let effect = Effect::new("drop-table", "every row of the table is gone")
        .lock(name, Mode::AccessExclusive)
        .at_least(Severity::High);
    let Some(relation) = catalog.find(name) else {
        return effect.may_lock(format!("tables that {name} references"), Mode::AccessExclusive);
    };
    let effect = siblings(effect, relation, catalog);
    let tree = catalog.tree(name);
    let effect = tree.iter().fold(effect, |effect, part| {
        let effect = effect.lock(&part.name, Mode::AccessExclusive);
        keys(effect, part, catalog)
    });
    if !says(sql, "cascade") {
        return refused(effect, users(relation, catalog), catalog);
    }
    tree.iter().fold(effect, |effect, part| dependants(effect, &part.name, None, catalog))
}

/// What keeps a table from being dropped without `CASCADE`.
fn users<'a>(relation: &'a Relation, catalog: &'a Catalog) -> Vec<&'a Relation> {
    let keys = catalog.referencing(&relation.name).filter(|child| child.name != relation.name);
    let children = catalog.tree(&relation.name).into_iter().skip(1).filter(|c| !c.partition);
    keys.chain(catalog.dependants(&relation.name, None)).chain(children).collect()
}

/// Says what keeps the statement from succeeding, if anything does.
fn refused(effect: Effect, users: Vec<&Relation>, catalog: &Catalog) -> Effect {
    let users: Vec<String> =
        users.into_iter().map(|user| catalog.shown(user).to_string()).collect();
    if users.is_empty() {
        return effect;
    }
    let depend = if users.len() == 1 { "depends" } else { "depend" };
    let message = format!("fails while {} {depend} on it: see to that first", users.join(", "));
    Effect { message, ..effect }
}

/// A partition is dropped from its parent, whose default partition then takes its rows.
pub(super) fn siblings(effect: Effect, relation: &Relation, catalog: &Catalog) -> Effect {
    let parents = relation.parents.iter().filter(|_| relation.partition);
    parents.fold(effect, |effect, parent| {
        let effect = effect.lock(parent, Mode::AccessExclusive);
        let default = catalog.find(parent).and_then(|parent| parent.default_partition.as_ref());
        default.into_iter().fold(effect, |effect, d| effect.lock(d, Mode::AccessExclusive))
    })
}

fn keys(effect: Effect, relation: &Relation, catalog: &Catalog) -> Effect {
    let parents = relation.foreign_keys.iter().map(|key| &key.references);
    let children = catalog.referencing(&relation.name).map(|child| &child.name);
    parents
        .chain(children)
        .filter(|other| **other != relation.name)
        .fold(effect, |effect, other| effect.lock_tree(other, Mode::AccessExclusive, catalog))
}

/// Adds the views that `CASCADE` drops with it.
pub(super) fn dependants(
    effect: Effect,
    name: &Name,
    column: Option<&str>,
    catalog: &Catalog,
) -> Effect {
    let of = catalog.find(name).map_or_else(|| name.clone(), |relation| relation.name.clone());
    let views = catalog.dependants(&of, column).into_iter();
    views.fold(effect, |effect, view| effect.lock(&view.name, Mode::AccessExclusive))
}

/// `TRUNCATE`, with `CASCADE` also of the tables that reference it.
pub(super) fn truncate(name: &Name, sql: &str, catalog: &Catalog) -> Effect {
    let effect = Effect::new("truncate", "removes every row of the table")
        .rewrites(Answer::Yes)
        .scan_nothing()
        .at_least(Severity::High);
    let effect = match says(sql, "only") {
        true => effect.lock(name, Mode::AccessExclusive),
        false => effect.lock_tree(name, Mode::AccessExclusive, catalog),
    };
    if !says(sql, "cascade") {
        let known = catalog.find(name);
        let children = known.into_iter().flat_map(|table| {
            let of_others = |child: &&Relation| child.name != table.name;
            catalog.referencing(&table.name).filter(of_others)
        });
        // What is emptied by the same statement does not stand in its way.
        let left = children.filter(|child| !says(sql, &child.name.name.to_lowercase())).collect();
        return refused(effect, left, catalog);
    }
    let mut emptied: Vec<&Relation> = catalog.tree(name);
    let mut next = 0;
    while let Some(table) = emptied.get(next) {
        let children: Vec<&Relation> = catalog
            .referencing(&table.name)
            .flat_map(|child| catalog.tree(&child.name))
            .filter(|child| emptied.iter().all(|seen| seen.name != child.name))
            .collect();
        emptied.extend(children);
        next += 1;
    }
    emptied.iter().fold(effect, |effect, table| effect.lock(&table.name, Mode::AccessExclusive))
}

/// `DROP VIEW`, `DROP MATERIALIZED VIEW`.
pub(super) fn view(name: &Name, sql: &str, catalog: &Catalog) -> Effect {
    let effect =
        Effect::new("replace-object", "queries that use it wait").lock(name, Mode::AccessExclusive);
    if says(sql, "cascade") {
        return dependants(effect, name, None, catalog);
    }
    let users = catalog.find(name).map(|view| catalog.dependants(&view.name, None));
    refused(effect, users.unwrap_or_default(), catalog)
}

/// `DROP` of what is no relation: with `CASCADE` everything that uses it goes, or loses a
/// column or a trigger.
pub(super) fn object(what: &str, catalog: &Catalog) -> Effect {
    let effect =
        Effect::new("drop-object", format!("drops {what}, and with CASCADE all that uses it"))
            .at_least(Severity::High);
    let words: Vec<&str> = what.split_whitespace().collect();
    let kind = words.first().map(|word| word.to_lowercase()).unwrap_or_default();
    let names = || {
        let rest = what.split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
        let rest = rest.trim_start_matches("IF EXISTS ").trim_start_matches("if exists ");
        let rest = rest.split_once(" CASCADE").or_else(|| rest.split_once(" cascade"));
        let rest = rest.map_or(what.rsplit(' ').next().unwrap_or_default(), |(names, _)| names);
        rest.split(',').map(Name::parse).collect::<Vec<_>>()
    };
    match kind.as_str() {
        "type" | "domain" if !says(what, "cascade") => {
            let kinds = names();
            let users = kinds.iter().flat_map(|kind| catalog.using_type(kind)).collect();
            refused(effect, users, catalog)
        }
        _ if !says(what, "cascade") => effect,
        "schema" if catalog.complete => {
            let schemas = names();
            let within = |relation: &&Relation| {
                let schema = relation.name.schema.as_deref();
                schemas.iter().any(|named| Some(named.name.as_str()) == schema)
            };
            let inside = catalog.relations.iter().filter(within);
            inside.fold(effect, |e, relation| e.lock(&relation.name, Mode::AccessExclusive))
        }
        "type" | "domain" if catalog.complete => names().iter().fold(effect, |effect, kind| {
            let users = catalog.using_type(kind);
            users.fold(effect, |e, relation| e.lock(&relation.name, Mode::AccessExclusive))
        }),
        _ => effect.may_lock(format!("relations that use {what}"), Mode::AccessExclusive),
    }
}

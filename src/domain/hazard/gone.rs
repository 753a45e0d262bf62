//! The effect of dropping and emptying: it reaches what depends on it.

use crate::domain::change::written::{self, Token};
use crate::domain::change::{Alter, Change, Name};

use super::catalog::{Catalog, ForeignKey, Relation};
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
        return refused(effect, users(relation, catalog), sql, catalog);
    }
    let effect = referenced_by_parent(effect, relation, catalog);
    tree.iter().fold(effect, |effect, part| dependants(effect, &part.name, None, catalog))
}

/// What keeps a table from being dropped without `CASCADE`.
fn users<'a>(relation: &'a Relation, catalog: &'a Catalog) -> Vec<&'a Relation> {
    let keys = catalog.referencing(&relation.name).filter(|child| child.name != relation.name);
    let children = catalog.tree(&relation.name).into_iter().skip(1).filter(|c| !c.partition);
    keys.chain(catalog.dependants(&relation.name, None)).chain(children).collect()
}

/// Says what keeps the statement from succeeding, if anything does: not what goes with it.
fn refused(effect: Effect, users: Vec<&Relation>, sql: &str, catalog: &Catalog) -> Effect {
    if users.is_empty() {
        return effect;
    }
    let listed = listed(sql);
    let going = listed.iter().flat_map(|name| catalog.dropped_with(name));
    let going: Vec<&Name> = going.map(|part| &part.name).collect();
    let stay = users.into_iter().filter(|user| !going.contains(&&user.name));
    let users: Vec<String> = stay.map(|user| catalog.shown(user).to_string()).collect();
    if users.is_empty() {
        return effect;
    }
    let depend = if users.len() == 1 { "depends" } else { "depend" };
    let message = format!("fails while {} {depend} on it: see to that first", users.join(", "));
    Effect { message, ..effect }
}

/// Returns what a statement lists: `a` and `s.b` of `DROP TABLE IF EXISTS a, s.b CASCADE`.
fn listed(sql: &str) -> Vec<Name> {
    let tokens: Vec<Token> = written::tokens(sql).into_iter().map(|(_, token)| token).collect();
    let items = tokens.split(|token| *token == Token::Sign(','));
    items.filter_map(last_name).collect()
}

/// Returns the name before the words that end a list.
fn last_name(item: &[Token]) -> Option<Name> {
    const END: [&str; 5] = ["cascade", "restrict", "restart", "continue", "identity"];
    let ends = |token: &Token| {
        matches!(token, Token::Sign(_)) || END.into_iter().any(|word| token.is(word))
    };
    let end = item.iter().rposition(|token| !ends(token))?;
    let name = item[end].name()?;
    Some(match item[..end] {
        [.., ref schema, Token::Sign('.')] => Name::within(schema.name()?, name),
        _ => Name::new(name),
    })
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
    let own = relation.foreign_keys.iter();
    let parents =
        own.filter(|key| key.references != relation.name && !is_inherited(key, relation, catalog));
    let effect = parents.fold(effect, |effect, key| referenced(effect, key, catalog));
    let children = catalog.referencing(&relation.name).map(|child| &child.name);
    children
        .filter(|other| **other != relation.name)
        .fold(effect, |effect, other| effect.lock_tree(other, Mode::AccessExclusive, catalog))
}

/// A partition's key is its parent's: the referenced table knows of that one alone.
fn is_inherited(key: &ForeignKey, relation: &Relation, catalog: &Catalog) -> bool {
    let parents = relation.parents.iter().filter(|_| relation.partition);
    parents.filter_map(|parent| catalog.find(parent)).any(|parent| {
        let same =
            |own: &ForeignKey| own.references == key.references && own.columns == key.columns;
        parent.foreign_keys.iter().any(same)
    })
}

/// Locks what a foreign key that goes references; before 15 a partitioned table itself had no
/// part in it, only its partitions.
pub(super) fn referenced(effect: Effect, key: &ForeignKey, catalog: &Catalog) -> Effect {
    let is_partitioned = catalog.find(&key.references).is_some_and(|found| found.partitioned);
    if !is_partitioned || catalog.may_be_since(15) {
        return effect.lock_tree(&key.references, Mode::AccessExclusive, catalog);
    }
    let parts = catalog.tree(&key.references).into_iter().skip(1);
    parts.fold(effect, |effect, part| effect.lock(&part.name, Mode::AccessExclusive))
}

/// What references a partition references its parent: with `CASCADE` the key goes from all of it.
fn referenced_by_parent(effect: Effect, relation: &Relation, catalog: &Catalog) -> Effect {
    let parents = relation.parents.iter().filter(|_| relation.partition);
    let is_referenced = |parent: &&Name| catalog.referencing(parent).next().is_some();
    parents
        .filter(is_referenced)
        .fold(effect, |effect, parent| effect.lock_tree(parent, Mode::AccessExclusive, catalog))
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
    // 13 looks at the parent of a partition.
    let parents = catalog.find(name).filter(|found| found.partition && catalog.may_be_before(14));
    let effect = parents
        .into_iter()
        .flat_map(|found| &found.parents)
        .fold(effect, |effect, parent| effect.may_lock_named(parent, Mode::AccessShare));
    if !says(sql, "cascade") {
        let known = catalog.find(name);
        let children = known.into_iter().flat_map(|table| {
            let of_others = |child: &&Relation| child.name != table.name;
            catalog.referencing(&table.name).filter(of_others)
        });
        return refused(effect, children.collect(), sql, catalog);
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
    refused(effect, users.unwrap_or_default(), sql, catalog)
}

/// `DROP` of what is no relation: with `CASCADE` everything that uses it goes, or loses a
/// column or a trigger.
pub(super) fn object(what: &str, catalog: &Catalog) -> Effect {
    let effect =
        Effect::new("drop-object", format!("drops {what}, and with CASCADE all that uses it"))
            .at_least(Severity::High);
    let what =
        what.strip_prefix("FOREIGN TABLE").map_or(what.to_owned(), |n| format!("foreign{n}"));
    let what = what.as_str();
    let kind = what.split_whitespace().next().map(str::to_lowercase).unwrap_or_default();
    let names = || listed(what);
    match kind.as_str() {
        "foreign" => {
            names().iter().fold(effect, |effect, name| effect.lock(name, Mode::AccessExclusive))
        }
        "type" | "domain" if !says(what, "cascade") => {
            let kinds = names();
            let users = kinds.iter().flat_map(|kind| catalog.using_type(kind)).collect();
            refused(effect, users, what, catalog)
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
            let effect =
                users.fold(effect, |e, relation| e.lock(&relation.name, Mode::AccessExclusive));
            match catalog.is_known_type(kind) {
                true => effect,
                false => effect.may_lock(format!("tables OF {kind}"), Mode::AccessExclusive),
            }
        }),
        _ => effect.may_lock(format!("relations that use {what}"), Mode::AccessExclusive),
    }
}

//! The effect of one action of `ALTER TABLE`.

use crate::domain::change::{Alter, Column, Constraint, DropConstraint, Name, Retype, Rule};

use super::catalog::{Catalog, ColumnFact, Relation};
use super::effect::{Effect, default_partition, keys_of_partition, says};
use super::{Answer, Severity, bound, gone, retype, safe};
use crate::domain::locks::Mode;

/// Returns the effect of an action on the table as it stands before it.
pub(super) fn of(table: &Name, action: &Alter, sql: &str, catalog: &Catalog) -> Effect {
    let effect = match action {
        Alter::AddColumn(column) => add_column(table, column, catalog),
        Alter::Type(change) => change_type(table, change, catalog),
        Alter::SetNotNull(column) => set_not_null(table, column, catalog),
        Alter::DropColumn(column) => drop_column(table, column, sql, catalog),
        Alter::AddConstraint(constraint) => add_constraint(table, constraint, sql, catalog),
        Alter::AlterConstraint(name, enforced) => {
            alter_constraint(table, name, *enforced, sql, catalog)
        }
        Alter::DropConstraint(dropped) => drop_constraint(table, dropped, catalog),
        Alter::ValidateConstraint(name) => validate(table, name, catalog),
        Alter::Attach(child, _) => attach(table, child, sql, catalog),
        Alter::Detach(child, concurrently) => detach(table, child, *concurrently, sql, catalog),
        _ => simple(table, action, sql, catalog),
    };
    let effect = inherited(effect, table, action, sql, catalog);
    match says(sql, "alter foreign table") {
        // Its rows lie elsewhere.
        true => Effect { rewrite: Answer::No, scan: Answer::No, safe_form: None, ..effect },
        false => effect,
    }
}

/// Most actions go down to partitions and children, unless `ONLY` keeps them out.
fn inherited(effect: Effect, table: &Name, action: &Alter, sql: &str, catalog: &Catalog) -> Effect {
    let alone = match action {
        Alter::Attach(..) | Alter::Detach(..) | Alter::Rename(_) | Alter::SetSchema(_) => true,
        Alter::Trigger | Alter::RowSecurity | Alter::Options | Alter::Ownership => true,
        // What is valid is not looked at anywhere.
        Alter::ValidateConstraint(name) => {
            catalog.find(table).is_some_and(|found| found.is_proven(name))
        }
        Alter::SetLogged(_) | Alter::Move | Alter::AddIdentity(_) => true,
        Alter::Inherit(_) | Alter::NoInherit(_) => true,
        // Since 18 the children are locked before it is asked what they inherit.
        Alter::AddConstraint(Constraint { rule: Rule::Check(_), .. }) => {
            says(sql, "no inherit") && !catalog.may_be_since(18)
        }
        // Keys are made anew on partitions; children by INHERITS have none of it, but are locked
        // since 18, and for the NOT NULL of a primary key always.
        Alter::AddConstraint(Constraint { rule, .. }) => {
            !matches!(rule, Rule::PrimaryKey(_) | Rule::PrimaryKeyUsing(_))
                && !catalog.find(table).is_some_and(|found| found.partitioned)
                && !catalog.may_be_since(18)
        }
        _ => false,
    };
    let own = effect.locks.iter().find(|held| held.name.as_ref() == Some(table));
    // A column is dropped from the children as well, or made their own.
    let only = says(sql, "only") && !matches!(action, Alter::DropColumn(_));
    let Some(mode) = own.map(|held| held.mode).filter(|_| !alone && !only) else {
        return effect.over(table, &Catalog::default());
    };
    // Before 18 the partitions' indexes were built as CREATE INDEX builds them.
    let mode = match action {
        Alter::AddConstraint(constraint) if builds(constraint) && !catalog.may_be_since(18) => {
            Mode::Share
        }
        _ => mode,
    };
    let tree = catalog.tree(table).into_iter().skip(1);
    tree.fold(effect, |effect, child| effect.lock(&child.name, mode)).over(table, catalog)
}

/// Returns true for a constraint that is kept by an index of its own, beside the primary key.
fn builds(constraint: &Constraint) -> bool {
    matches!(constraint.rule, Rule::Unique(_) | Rule::Exclude)
}

/// Actions whose effect hardly depends on what the table is.
fn simple(table: &Name, action: &Alter, sql: &str, catalog: &Catalog) -> Effect {
    let (rule, message, mode) = match action {
        Alter::Rename(_) | Alter::RenameColumn(..) | Alter::SetSchema(_) => {
            ("rename", "every client that uses the old name fails at once", Mode::AccessExclusive)
        }
        Alter::Options if says(sql, "user_catalog_table") => {
            ("table-options", "changes the catalog only", Mode::AccessExclusive)
        }
        Alter::ColumnStatistics(_) | Alter::Options => {
            ("table-options", "changes the catalog only", Mode::ShareUpdateExclusive)
        }
        Alter::Trigger => ("table-trigger", "waits for all writers", Mode::ShareRowExclusive),
        Alter::SetLogged(false) => (
            "rewrite-table",
            "writes the table anew; from then on a crash empties it, and no standby has its rows",
            Mode::AccessExclusive,
        ),
        Alter::SetLogged(_) | Alter::Move | Alter::SetExpression(_) => {
            ("rewrite-table", "writes the table anew", Mode::AccessExclusive)
        }
        Alter::NoInherit(_) => (
            "alter-table",
            "queries of the parent do not find its rows from then on",
            Mode::AccessExclusive,
        ),
        _ => ("alter-table", "short, but it waits for everybody", Mode::AccessExclusive),
    };
    let effect = Effect::new(rule, message).lock(table, mode);
    match action {
        Alter::SetLogged(_) | Alter::Move | Alter::SetExpression(_) => {
            rewritten(effect, table, action, catalog)
        }
        // Those of the partitions, where it is a trigger of rows.
        Alter::Trigger if catalog.find(table).is_some_and(|found| found.partitioned) => {
            let parts = catalog.tree(table).into_iter().skip(1);
            parts.fold(effect, |effect, part| effect.may_lock_named(&part.name, mode))
        }
        Alter::NoInherit(parent) => effect.lock(parent, Mode::AccessShare),
        Alter::Inherit(parent) => effect.lock(parent, Mode::ShareUpdateExclusive),
        _ => effect,
    }
}

/// What is so already is not written anew; where it lies now, the catalogs here do not tell.
fn rewritten(effect: Effect, table: &Name, action: &Alter, catalog: &Catalog) -> Effect {
    let known = catalog.find(table);
    let is_there = known.is_some_and(|found| match action {
        Alter::SetLogged(logged) => found.unlogged != *logged && catalog.complete,
        _ => false,
    });
    let is_empty = known.is_some_and(|found| found.partitioned);
    if is_there || is_empty {
        return Effect { message: "nothing is written anew".to_owned(), ..effect };
    }
    match action {
        Alter::Move => effect.rewrites(Answer::Unknown),
        _ => effect.rewrites(Answer::Yes),
    }
}

/// The foreign keys of the column go with it, and with `CASCADE` the views.
fn drop_column(table: &Name, column: &str, sql: &str, catalog: &Catalog) -> Effect {
    let effect = Effect::new("drop-column", "the column's data is gone")
        .lock(table, Mode::AccessExclusive)
        .at_least(Severity::High);
    let Some(relation) = catalog.find(table) else { return effect };
    let effect = both_sides(effect, relation, column, catalog);
    if says(sql, "cascade") {
        return gone::dependants(effect, table, Some(column), catalog);
    }
    used(effect, table, column, catalog)
}

/// Locks the other side of every foreign key over the column.
fn both_sides(effect: Effect, relation: &Relation, column: &str, catalog: &Catalog) -> Effect {
    let own = relation.foreign_keys.iter();
    let parents = own.filter(|key| key.columns.iter().any(|name| name == column));
    let effect = parents.fold(effect, |effect, key| gone::referenced(effect, key, catalog));
    let children = catalog.referencing(&relation.name);
    children.filter(|child| child.name != relation.name).fold(effect, |effect, child| {
        let keys = || child.foreign_keys.iter().filter(|k| k.references.may_be(&relation.name));
        match () {
            () if keys().any(|key| key.referenced.iter().any(|name| name == column)) => {
                effect.lock_tree(&child.name, Mode::AccessExclusive, catalog)
            }
            () if keys().any(|key| key.referenced.is_empty()) => {
                effect.may_lock_named(&child.name, Mode::AccessExclusive)
            }
            () => effect,
        }
    })
}

/// A column that a view is made of can be neither dropped nor changed in its type.
fn used(effect: Effect, table: &Name, column: &str, catalog: &Catalog) -> Effect {
    let of = catalog.find(table).map(|relation| &relation.name);
    let views = of.map(|of| catalog.dependants(of, Some(column))).unwrap_or_default();
    let known = views.iter().filter(|view| view.reads.iter().all(|read| !read.columns.is_empty()));
    let views: Vec<String> = known.map(|view| catalog.shown(view).to_string()).collect();
    if views.is_empty() {
        return effect;
    }
    let message = format!(
        "fails while {} uses the column: drop it before and make it again after, in one transaction",
        views.join(", ")
    );
    Effect { message, ..effect.at_least(Severity::Medium) }
}

fn add_column(table: &Name, column: &Column, catalog: &Catalog) -> Effect {
    if catalog.find(table).is_some_and(|relation| relation.column(&column.name).is_some()) {
        return Effect::new("add-column", "the column is there already: this changes nothing")
            .lock(table, Mode::AccessExclusive);
    }
    let rewrite = column_rewrites(column, catalog);
    let fails = column.not_null && !column.has_value();
    let (rule, message) = match rewrite {
        _ if fails => ("add-column-not-null", "fails if the table has a row: there is no default"),
        Answer::Yes => {
            ("add-column-rewrite", "gives each row its own value: writes the table anew")
        }
        Answer::Unknown => ("add-column", "may write the table anew: only the catalog can tell"),
        Answer::No => ("add-column", "short, but it waits for everybody"),
    };
    let effect = Effect::new(rule, message).lock(table, Mode::AccessExclusive).rewrites(rewrite);
    let effect = column
        .constraints
        .iter()
        .fold(effect, |effect, constraint| column_constraint(effect, column, constraint, catalog));
    let effect = if rewrite == Answer::No {
        effect
    } else {
        let kind = column.kind.to_string();
        effect.safer(Some(safe::volatile_column(table, &column.name, &kind)))
    };
    if fails { effect.scans(Answer::Yes).at_least(Severity::Medium) } else { effect }
}

fn column_rewrites(column: &Column, catalog: &Catalog) -> Answer {
    match column.rewrites() {
        Some(true) => Answer::Yes,
        Some(false) if column.kind.is_built_in() => Answer::No,
        Some(false) => match catalog.domain(&column.kind) {
            Some(domain) if domain.constrained => Answer::Yes,
            Some(_) => Answer::No,
            None if catalog.complete => Answer::No,
            None => Answer::Unknown,
        },
        None => Answer::Unknown,
    }
}

fn column_constraint(
    effect: Effect,
    column: &Column,
    constraint: &Constraint,
    catalog: &Catalog,
) -> Effect {
    match &constraint.rule {
        Rule::ForeignKey(_, parent, _) => {
            let reads = if column.has_value() { Answer::Yes } else { Answer::No };
            effect.lock_tree(parent, Mode::ShareRowExclusive, catalog).scans(reads)
        }
        _ if constraint.not_valid => effect,
        _ => effect.scans(Answer::Yes),
    }
}

fn change_type(table: &Name, change: &Retype, catalog: &Catalog) -> Effect {
    let relation = catalog.find(table);
    let old = relation.and_then(|relation| relation.column(&change.column));
    let rewrite = retype::rewrites(old.map(|column| &column.kind), change, catalog);
    let message = match (rewrite, old) {
        (Answer::No, _) => "the stored values stay as they are",
        (Answer::Yes, _) => "writes the table and its indexes anew",
        (Answer::Unknown, None) => "may write the table anew: the old type is not known here",
        (Answer::Unknown, Some(old)) if old.kind.is_timestamp() => {
            "writes the table anew unless the session's time zone is UTC"
        }
        (Answer::Unknown, Some(_)) => "may write the table anew: it is not known how it is stored",
    };
    let safer = (rewrite != Answer::No)
        .then(|| safe::retype(table, &change.column, &change.to.to_string()));
    let effect = Effect::new("alter-type", message)
        .lock(table, Mode::AccessExclusive)
        .rewrites(rewrite)
        .safer(safer);
    let Some(relation) = relation else { return effect };
    let is_made_again = relation.computes(&change.column)
        || (relation.is_indexed(&change.column) && orders_anew(old, change));
    let effect = match rewrite {
        Answer::No if is_made_again => Effect {
            message: "no value is written anew, but a check or an index over the column is made again: reads all rows".to_owned(),
            ..effect.scans(Answer::Yes)
        },
        Answer::Unknown if is_made_again => effect.scans(Answer::Yes),
        _ => effect,
    };
    // The key is made again, which locks what it references anew.
    let keys = relation.foreign_keys.iter().filter(|key| key.columns.contains(&change.column));
    let effect =
        keys.fold(effect, |effect, key| effect.lock(&key.references, Mode::ShareRowExclusive));
    // Foreign keys over the column are made anew, on both sides.
    used(both_sides(effect, relation, &change.column, catalog), table, &change.column, catalog)
}

/// Returns true if the same values are compared in another way afterwards, so that an index of
/// them does not serve any more: by another collation, or another operator class.
fn orders_anew(old: Option<&ColumnFact>, change: &Retype) -> bool {
    let is_timestamp = old.is_some_and(|old| {
        old.kind.is_timestamp() && change.to.is_timestamp() && old.kind.name != change.to.name
    });
    // An unknown old one may have been another.
    let is_collated = match old {
        Some(old) => old.collation != change.collation,
        None => change.collation.is_some(),
    };
    is_collated || is_timestamp
}

fn set_not_null(table: &Name, column: &str, catalog: &Catalog) -> Effect {
    let is_proven = catalog.find(table).is_some_and(|relation| {
        relation.proves_not_null(column)
            || relation.column(column).is_some_and(|column| column.not_null)
    });
    let effect = Effect::new("set-not-null", "reads the whole table for NULLs")
        .lock(table, Mode::AccessExclusive);
    if is_proven {
        return Effect {
            message: String::from(
                "it is NOT NULL already, or a valid CHECK proves it: nothing is read",
            ),
            ..effect
        };
    }
    effect.scans(Answer::Yes).safer(Some(safe::not_null(table, column)))
}

fn add_constraint(table: &Name, constraint: &Constraint, sql: &str, catalog: &Catalog) -> Effect {
    let mode = match constraint.rule {
        Rule::ForeignKey(..) => Mode::ShareRowExclusive,
        _ => Mode::AccessExclusive,
    };
    let (rule, message, scan) = match &constraint.rule {
        _ if constraint.not_valid => {
            ("add-constraint-not-valid", "the rows that exist are not read", Answer::No)
        }
        Rule::UniqueUsing(_) => ("add-constraint-using-index", "the index is there", Answer::No),
        Rule::PrimaryKeyUsing(_) => (
            "add-constraint-using-index",
            "reads the table if a column may still be NULL",
            Answer::Unknown,
        ),
        Rule::Unique(_) | Rule::PrimaryKey(_) | Rule::Exclude => {
            ("add-unique", "everybody waits until the index is built", Answer::Yes)
        }
        Rule::ForeignKey(..) => (
            "add-foreign-key",
            "writers of both tables wait while all rows are looked up",
            Answer::Yes,
        ),
        Rule::Check(_) | Rule::NotNull(_) => {
            ("add-check", "everybody waits while all rows are read", Answer::Yes)
        }
    };
    let effect = Effect::new(rule, message).lock(table, mode).scans(scan);
    let effect = match &constraint.rule {
        Rule::ForeignKey(_, parent, _) => {
            effect.lock_tree(parent, Mode::ShareRowExclusive, catalog)
        }
        _ => effect,
    };
    if scan == Answer::Yes {
        effect.safer(safe::constraint(table, constraint, sql, catalog))
    } else {
        effect
    }
}

/// Dropping a foreign key locks the referenced table as well, and with `CASCADE` dropping a
/// key that others reference locks theirs.
fn drop_constraint(table: &Name, dropped: &DropConstraint, catalog: &Catalog) -> Effect {
    let constraint = dropped.name.as_str();
    let effect = Effect::new("drop-constraint", "a foreign key's other table is locked as well")
        .lock(table, Mode::AccessExclusive);
    let Some(relation) = catalog.find(table) else {
        return effect
            .may_lock(format!("the table that {constraint} references"), Mode::AccessExclusive);
    };
    let effect = other_side(effect, relation, constraint, catalog);
    let leads = |child: &&Relation| {
        child.foreign_keys.iter().any(|key| relation.is_led_to(constraint, key))
    };
    let children: Vec<&Relation> = catalog.referencing(&relation.name).filter(leads).collect();
    let names: Vec<String> =
        children.iter().map(|child| catalog.shown(child).to_string()).collect();
    match (names.as_slice(), dropped.cascade) {
        ([], _) => effect,
        (_, false) => Effect {
            message: format!(
                "fails while foreign keys of {} depend on it: see to those first",
                names.join(", ")
            ),
            ..effect
        },
        (_, true) => {
            let effect = children.iter().fold(effect, |effect, child| {
                effect.lock_tree(&child.name, Mode::AccessExclusive, catalog)
            });
            let message = format!(
                "drops the foreign keys of {} with it: nothing checks their rows from then on",
                names.join(", ")
            );
            Effect { message, ..effect.at_least(Severity::Medium) }
        }
    }
}

fn other_side(effect: Effect, relation: &Relation, constraint: &str, catalog: &Catalog) -> Effect {
    let keys = relation.foreign_keys.iter().filter(|key| key.name == constraint);
    keys.fold(effect, |effect, key| {
        effect.lock_tree(&key.references, Mode::AccessExclusive, catalog)
    })
}

/// Whether a key is enforced decides about the triggers of both tables (PostgreSQL 18);
/// `DEFERRABLE` is of the one table alone, measured on 15.
fn alter_constraint(
    table: &Name,
    constraint: &str,
    enforced: bool,
    sql: &str,
    catalog: &Catalog,
) -> Effect {
    let effect = Effect::new("alter-constraint", "short, but it waits for everybody")
        .lock(table, Mode::AccessExclusive);
    match catalog.find(table) {
        _ if !says(sql, "enforced") => effect,
        // One that is enforced already stays as it is.
        Some(relation) if enforced => {
            let keys = relation.foreign_keys.iter().filter(|key| key.name == constraint);
            keys.fold(effect, |effect, key| {
                effect.may_lock_named(&key.references, Mode::AccessExclusive)
            })
        }
        Some(relation) => other_side(effect, relation, constraint, catalog),
        None => effect
            .may_lock(format!("the table that {constraint} references"), Mode::AccessExclusive),
    }
}

fn validate(table: &Name, constraint: &str, catalog: &Catalog) -> Effect {
    let effect = Effect::new("validate-constraint", "reads all rows while others go on")
        .lock(table, Mode::ShareUpdateExclusive);
    let Some(relation) = catalog.find(table) else { return effect.scans(Answer::Yes) };
    if relation.is_proven(constraint) {
        return Effect { message: "it is valid already: nothing is read".into(), ..effect };
    }
    let keys = relation.foreign_keys.iter().filter(|key| key.name == constraint);
    keys.fold(effect, |effect, key| effect.lock(&key.references, Mode::RowShare)).scans(Answer::Yes)
}

fn attach(parent: &Name, child: &Name, sql: &str, catalog: &Catalog) -> Effect {
    let proof = catalog.find(child).map(|relation| bound::is_proven(sql, relation));
    // A primary key or a foreign key of the parent is made on the partition as well.
    let builds = catalog
        .find(parent)
        .is_some_and(|relation| !relation.foreign_keys.is_empty() || !relation.indexes.is_empty());
    let scan = match proof {
        _ if builds => Answer::Yes,
        Some(proof) => proof,
        None if catalog.complete => Answer::Yes,
        None => Answer::Unknown,
    };
    let effect = Effect::new(
        "attach-partition",
        "reads the new partition unless a valid CHECK proves its bound",
    )
    .lock(child, Mode::AccessExclusive)
    .lock(parent, Mode::ShareUpdateExclusive)
    .scans(scan)
    .safer((scan == Answer::Yes).then(|| {
        format!(
            "ALTER TABLE {0} ADD CONSTRAINT … CHECK (the partition's bound) NOT VALID; then \
             VALIDATE CONSTRAINT; then attach",
            child.quoted()
        )
    }));
    default_partition(keys_of_partition(effect, parent, catalog), parent, catalog)
}

fn detach(parent: &Name, child: &Name, concurrently: bool, sql: &str, catalog: &Catalog) -> Effect {
    let effect = Effect::new("detach-partition", "queries of the parent wait");
    if concurrently {
        return effect.lock(parent, Mode::ShareUpdateExclusive).lock(child, Mode::AccessExclusive);
    }
    let effect = detached(effect.lock(parent, Mode::AccessExclusive), child, catalog);
    let effect = match catalog.find(child) {
        Some(relation) => gone::siblings(effect, relation, catalog),
        None => effect,
    };
    // What references the parent must not miss the rows that go; what the parent references
    // loses a trigger.
    let known = catalog.find(parent);
    let keys = known.iter().flat_map(|relation| &relation.foreign_keys);
    let effect = keys.fold(effect, |effect, key| {
        effect.lock_tree(&key.references, Mode::ShareRowExclusive, catalog)
    });
    let children = known.iter().flat_map(|relation| catalog.referencing(&relation.name));
    children
        .fold(effect, |effect, other| {
            effect.lock(&other.name, Mode::AccessExclusive).scans(Answer::Yes)
        })
        .safer(safe::detach(sql, parent, catalog))
}

/// Before 14 the partition itself was locked only as far as a key or a trigger of it goes.
fn detached(effect: Effect, child: &Name, catalog: &Catalog) -> Effect {
    if catalog.may_be_since(14) {
        return effect.lock_tree(child, Mode::AccessExclusive, catalog);
    }
    let parts = catalog.tree(child).into_iter();
    parts.fold(effect.lock(child, Mode::ShareUpdateExclusive), |effect, part| {
        effect.may_lock_named(&part.name, Mode::AccessExclusive)
    })
}

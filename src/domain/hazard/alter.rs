//! The effect of one action of `ALTER TABLE`.

use crate::domain::change::{Alter, Column, Constraint, Name, Retype, Rule};

use super::catalog::Catalog;
use super::effect::{Effect, default_partition};
use super::{Answer, Severity, retype, safe};
use crate::domain::locks::Mode;

/// Returns the effect of an action on the table as it stands before it.
pub(super) fn of(table: &Name, action: &Alter, sql: &str, catalog: &Catalog) -> Effect {
    match action {
        Alter::AddColumn(column) => add_column(table, column, catalog),
        Alter::Type(change) => change_type(table, change, catalog),
        Alter::SetNotNull(column) => set_not_null(table, column, catalog),
        Alter::AddConstraint(constraint) => add_constraint(table, constraint, sql, catalog),
        Alter::AlterConstraint(name, _) | Alter::DropConstraint(name) => {
            drop_constraint(table, name, catalog)
        }
        Alter::ValidateConstraint(name) => validate(table, name, catalog),
        Alter::Attach(child, _) => attach(table, child, catalog),
        Alter::Detach(child, concurrently) => detach(table, child, *concurrently, sql, catalog),
        _ => simple(table, action),
    }
}

/// Actions whose effect does not depend on what the table is.
fn simple(table: &Name, action: &Alter) -> Effect {
    let (rule, message, mode) = match action {
        Alter::DropColumn(_) => ("drop-column", "the column's data is gone", Mode::AccessExclusive),
        Alter::Rename(_) | Alter::RenameColumn(..) | Alter::SetSchema(_) => {
            ("rename", "every client that uses the old name fails at once", Mode::AccessExclusive)
        }
        Alter::ColumnStatistics(_) | Alter::Options => {
            ("table-options", "changes the catalog only", Mode::ShareUpdateExclusive)
        }
        Alter::Trigger => ("table-trigger", "waits for all writers", Mode::ShareRowExclusive),
        Alter::SetLogged(_) | Alter::Move | Alter::SetExpression(_) => {
            ("rewrite-table", "writes the table anew", Mode::AccessExclusive)
        }
        _ => ("alter-table", "short, but it waits for everybody", Mode::AccessExclusive),
    };
    let effect = Effect::new(rule, message).lock(table, mode);
    match action {
        Alter::SetLogged(_) | Alter::Move | Alter::SetExpression(_) => effect.rewrites(Answer::Yes),
        Alter::DropColumn(_) => effect.at_least(Severity::High),
        Alter::Inherit(parent) => effect.lock(parent, Mode::ShareUpdateExclusive),
        _ => effect,
    }
}

fn add_column(table: &Name, column: &Column, catalog: &Catalog) -> Effect {
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
        .fold(effect, |effect, constraint| column_constraint(effect, column, constraint));
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
        Some(false) if catalog.constrained_domains.contains(&column.kind.name) => Answer::Yes,
        Some(false) if catalog.complete => Answer::No,
        Some(false) | None => Answer::Unknown,
    }
}

fn column_constraint(effect: Effect, column: &Column, constraint: &Constraint) -> Effect {
    match &constraint.rule {
        Rule::ForeignKey(_, parent) => {
            let reads = if column.has_value() { Answer::Yes } else { Answer::No };
            effect.lock(parent, Mode::ShareRowExclusive).scans(reads)
        }
        _ if constraint.not_valid => effect,
        _ => effect.scans(Answer::Yes),
    }
}

fn change_type(table: &Name, change: &Retype, catalog: &Catalog) -> Effect {
    let relation = catalog.find(table);
    let old = relation.and_then(|relation| relation.column(&change.column));
    let rewrite = retype::rewrites(old.map(|column| &column.kind), change, catalog.utc);
    let message = match rewrite {
        Answer::No => "the stored values stay as they are",
        Answer::Yes => "writes the table and its indexes anew",
        Answer::Unknown => "may write the table anew: the old type is not known here",
    };
    let safer = (rewrite != Answer::No)
        .then(|| safe::retype(table, &change.column, &change.to.to_string()));
    let effect = Effect::new("alter-type", message)
        .lock(table, Mode::AccessExclusive)
        .rewrites(rewrite)
        .safer(safer);
    // Foreign keys over the column are made anew, on both sides.
    let own = relation.iter().flat_map(|relation| &relation.foreign_keys);
    let parents = own.filter(|key| key.columns.contains(&change.column)).map(|key| &key.references);
    let children = catalog.referencing(table).map(|child| &child.name);
    parents.chain(children).filter(|other| *other != table).fold(effect, |effect, other| {
        effect.may_lock(other.to_string(), Mode::AccessExclusive).scans(rewrite)
    })
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
            message: String::from("a valid CHECK proves it: nothing is read"),
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
        Rule::ForeignKey(_, parent) => effect.lock(parent, Mode::ShareRowExclusive),
        _ => effect,
    };
    if scan == Answer::Yes {
        effect.safer(safe::constraint(table, constraint, sql, catalog))
    } else {
        effect
    }
}

/// Dropping or altering a foreign key locks the referenced table as well, and a
/// key that others reference theirs.
fn drop_constraint(table: &Name, constraint: &str, catalog: &Catalog) -> Effect {
    let effect = Effect::new("drop-constraint", "the table it references is locked as well")
        .lock(table, Mode::AccessExclusive);
    let relation = catalog.find(table);
    let keys = relation.iter().flat_map(|relation| &relation.foreign_keys);
    let effect = keys
        .filter(|key| key.name == constraint)
        .fold(effect, |effect, key| effect.lock(&key.references, Mode::AccessExclusive));
    if relation.is_some() {
        return effect;
    }
    effect.may_lock(format!("the table that {constraint} references"), Mode::AccessExclusive)
}

fn validate(table: &Name, constraint: &str, catalog: &Catalog) -> Effect {
    let effect = Effect::new("validate-constraint", "reads all rows while others go on")
        .lock(table, Mode::ShareUpdateExclusive)
        .scans(Answer::Yes);
    let relation = catalog.find(table);
    let keys = relation.iter().flat_map(|relation| &relation.foreign_keys);
    keys.filter(|key| key.name == constraint)
        .fold(effect, |effect, key| effect.lock(&key.references, Mode::RowShare))
}

fn attach(parent: &Name, child: &Name, catalog: &Catalog) -> Effect {
    // Whether its CHECK implies the bound is for the server to prove.
    let has_check =
        catalog.find(child).is_some_and(|relation| relation.checks.iter().any(|c| c.valid));
    let scan = if has_check || !catalog.complete { Answer::Unknown } else { Answer::Yes };
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
    default_partition(effect, parent, catalog)
}

fn detach(parent: &Name, child: &Name, concurrently: bool, sql: &str, catalog: &Catalog) -> Effect {
    let effect = Effect::new("detach-partition", "queries of the parent wait");
    if concurrently {
        return effect.lock(parent, Mode::ShareUpdateExclusive).lock(child, Mode::AccessExclusive);
    }
    effect
        .lock(parent, Mode::AccessExclusive)
        .lock(child, Mode::AccessExclusive)
        .safer(safe::detach(sql, parent, catalog))
}

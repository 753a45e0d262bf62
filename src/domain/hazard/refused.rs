//! What the server refuses because of the schema as it stands.

use crate::domain::change::{Alter, Change, Constraint, Name, Rule};

use super::catalog::{Catalog, Relation};
use super::effect::says;

/// Returns why the server refuses the change, if it does.
pub(super) fn why(change: &Change, sql: &str, catalog: &Catalog) -> Option<String> {
    match change {
        Change::Alter(table, action) => of_table(table, action, sql, catalog),
        Change::CreateTable(table)
            if !table.if_not_exists
                && catalog.complete
                && !says(sql, "temp")
                && !says(sql, "temporary")
                && catalog.is_made(&table.name) =>
        {
            Some(format!(
                "fails: {} is there already; if this migration made it and its record was lost, tell the tool that it has run (Alembic: stamp; Django: migrate --fake-initial)",
                table.name
            ))
        }
        _ => None,
    }
}

fn of_table(table: &Name, action: &Alter, sql: &str, catalog: &Catalog) -> Option<String> {
    let relation = catalog.find(table)?;
    let has_children = catalog.tree(table).len() > 1;
    match action {
        Alter::AddColumn(_) if relation.partition => Some(format!(
            "fails: {table} is a partition; a column is added to the partitioned table"
        )),
        Alter::AddColumn(_) if says(sql, "only") && has_children => {
            Some(format!("fails: what inherits from {table} must get the column as well"))
        }
        Alter::AddConstraint(Constraint { rule: Rule::Check(_), .. })
            if relation.partitioned && says(sql, "no inherit") =>
        {
            Some(format!("fails: {table} is partitioned, and its partitions inherit every check"))
        }
        Alter::AddConstraint(Constraint {
            rule: Rule::ForeignKey(..), not_valid: true, ..
        }) if relation.partitioned && !catalog.may_be_since(18) => Some(format!(
            "fails: {table} is partitioned, and takes a foreign key NOT VALID from PostgreSQL 18 on only"
        )),
        Alter::AddConstraint(Constraint { rule: Rule::PrimaryKey(columns), .. })
            if says(sql, "only") && !catalog.may_be_before(18) =>
        {
            let (child, column) = nullable(table, columns, catalog)?;
            Some(format!("fails: {column} of {child}, which inherits it, is not marked NOT NULL"))
        }
        Alter::SetLogged(_) if relation.partitioned && !catalog.may_be_before(18) => {
            Some(format!("fails: {table} is partitioned, and has no rows of its own"))
        }
        Alter::AddConstraint(Constraint { rule: Rule::ForeignKey(_, other, _), .. })
            if !relation.unlogged && catalog.find(other).is_some_and(|other| other.unlogged) =>
        {
            Some(format!("fails: {other} is unlogged, and {table} outlives a crash"))
        }
        Alter::SetLogged(logged) if relation.unlogged == *logged => {
            let other = persistence(relation, *logged, catalog)?;
            let (does, what) = match logged {
                true => ("it references", "unlogged"),
                false => ("it is referenced by", "logged"),
            };
            Some(format!("fails: {does} the {what} table {}", catalog.shown(other)))
        }
        Alter::Options if relation.partitioned && says(sql, "cluster on") => {
            Some(format!("fails: {table} is partitioned, and no index of it can be marked"))
        }
        _ => None,
    }
}

/// Returns the table at the other end of a foreign key that keeps this one from being logged, or
/// unlogged: a table that outlives a crash may not lead to one that does not.
fn persistence<'a>(
    relation: &'a Relation,
    logged: bool,
    catalog: &'a Catalog,
) -> Option<&'a Relation> {
    let is_in_the_way = |other: &&Relation| other.name != relation.name && other.unlogged == logged;
    if logged {
        let keys = relation.foreign_keys.iter();
        return keys.filter_map(|key| catalog.find(&key.references)).find(is_in_the_way);
    }
    catalog.referencing(&relation.name).find(is_in_the_way)
}

/// Returns a child, and its column of a key that may be NULL there.
fn nullable<'a>(
    table: &Name,
    columns: &'a [String],
    catalog: &Catalog,
) -> Option<(Name, &'a String)> {
    let children = catalog.tree(table).into_iter().skip(1);
    children.into_iter().find_map(|child| {
        let may_be_null = |name: &&String| child.column(name).is_some_and(|c| !c.not_null);
        Some((catalog.shown(child), columns.iter().find(may_be_null)?))
    })
}

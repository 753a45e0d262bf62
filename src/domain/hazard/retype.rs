//! Whether a change of type writes the table anew.
//!
//! Not when the old values are valid as they are stored:
//! <https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES>;
//! the pairs were measured on 13 to 18.

use crate::domain::change::{Retype, Type};

use super::{Answer, Catalog};

/// Returns whether the change rewrites; without the old type nobody can tell.
pub(super) fn rewrites(old: Option<&Type>, retype: &Retype, catalog: &Catalog) -> Answer {
    let Some(old) = old else { return Answer::Unknown };
    if retype.using.as_ref().is_some_and(|using| computes(using, retype)) {
        return Answer::Yes;
    }
    if catalog.domain(&retype.to).is_some_and(|domain| domain.constrained) && *old != retype.to {
        return Answer::Yes;
    }
    let (old, new) = (catalog.stored(old), catalog.stored(&retype.to));
    // An enum is stored as a number of its own.
    if old != new && (catalog.is_enum(&old) || catalog.is_enum(&new)) {
        return Answer::Yes;
    }
    between(&old, &new, catalog.utc)
}

/// Returns true unless the expression after `USING` is the column itself or its
/// plain cast to the new type.
fn computes(using: &str, retype: &Retype) -> bool {
    let bare = using.trim_matches(|c| "() ".contains(c)).replace('"', "");
    match bare.split_once("::") {
        None => bare != retype.column,
        Some((column, kind)) => column.trim() != retype.column || Type::parse(kind) != retype.to,
    }
}

fn between(old: &Type, new: &Type, utc: Option<bool>) -> Answer {
    if old == new {
        return Answer::No;
    }
    if old.array || new.array {
        return Answer::Yes;
    }
    if old.name == new.name {
        return if widens(old, new) { Answer::No } else { Answer::Yes };
    }
    match (old.name.as_str(), new.name.as_str()) {
        ("character varying", "text") | ("cidr", "inet") => Answer::No,
        ("text", "character varying") if new.modifiers.is_empty() => Answer::No,
        ("timestamp without time zone", "timestamp with time zone")
        | ("timestamp with time zone", "timestamp without time zone") => zone(old, new, utc),
        _ if old.is_built_in() && new.is_built_in() => Answer::Yes,
        _ => Answer::Unknown,
    }
}

/// Timestamps with and without zone are stored alike if the session's zone is UTC.
fn zone(old: &Type, new: &Type, utc: Option<bool>) -> Answer {
    match utc {
        Some(true) if old.not_longer(new) => Answer::No,
        Some(_) => Answer::Yes,
        None => Answer::Unknown,
    }
}

/// Returns true if every value of the old type is one of the new, as it is stored.
fn widens(old: &Type, new: &Type) -> bool {
    match old.name.as_str() {
        "character varying" | "bit varying" | "interval" => old.not_longer(new),
        "numeric" => old.same_scale(new),
        name if name.starts_with("time") => old.not_longer(new),
        _ => false,
    }
}

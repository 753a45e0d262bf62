//! The command lines of our own children: pairs of a name and its value.

use std::collections::BTreeMap;

/// Reads pairs, each name one of `known`.
///
/// # Errors
/// If a name is unknown, or has no value.
pub(super) fn read<'a>(
    words: &'a [String],
    known: &[&str],
) -> Result<BTreeMap<&'a str, &'a str>, String> {
    words
        .chunks(2)
        .map(|pair| match pair {
            [name, value] if known.contains(&name.as_str()) => Ok((name.as_str(), value.as_str())),
            [name, ..] => Err(format!("unknown or without value: {name}")),
            [] => Err("an option is missing".to_owned()),
        })
        .collect()
}

/// Returns the value of a name that has to be there.
///
/// # Errors
/// If it is not.
pub(super) fn value(given: &BTreeMap<&str, &str>, name: &str) -> Result<String, String> {
    given.get(name).map(|value| (*value).to_owned()).ok_or(format!("{name} is missing"))
}

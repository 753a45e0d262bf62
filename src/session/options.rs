//! The command lines of our own children: pairs of a name and its value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::str::FromStr;

use super::preview::Ground;

/// What was given, by name.
pub type Given<'a> = BTreeMap<&'a str, &'a str>;

/// Returns the arguments of a process as text.
///
/// # Errors
/// If one is not UTF-8.
pub fn words(args: &[OsString]) -> Result<Vec<String>, String> {
    let words: Option<Vec<String>> =
        args.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    words.ok_or_else(|| "an argument is not UTF-8".to_owned())
}

/// Reads pairs, each name one of `known`.
///
/// # Errors
/// If a name is unknown, or has no value.
pub fn read<'a>(words: &'a [String], known: &[&str]) -> Result<Given<'a>, String> {
    words
        .chunks(2)
        .map(|pair| match pair {
            [name, value] if known.contains(&name.as_str()) => Ok((name.as_str(), value.as_str())),
            [name, ..] => Err(format!("unknown or without value: {name}")),
            [] => Err("an option is missing".to_owned()),
        })
        .collect()
}

/// Returns every value of a name that may be given several times.
#[must_use]
pub fn list(words: &[String], name: &str) -> Vec<String> {
    let pairs = words.chunks(2).filter(|pair| pair[0] == name);
    pairs.filter_map(|pair| pair.get(1)).cloned().collect()
}

/// Returns the value of a name that has to be there.
///
/// # Errors
/// If it is not.
pub fn value(given: &Given<'_>, name: &str) -> Result<String, String> {
    given.get(name).map(|value| (*value).to_owned()).ok_or(format!("{name} is missing"))
}

/// Returns the number of a name that has to be there.
///
/// # Errors
/// If it is not, or is no such number.
pub fn number<N: FromStr>(given: &Given<'_>, name: &str) -> Result<N, String> {
    let text = value(given, name)?;
    text.parse().map_err(|_| format!("{name}: {text} is no number that it can be"))
}

/// Returns the words behind the name of a hidden command of ours, if `argv` is that command.
#[must_use]
pub fn of<'a>(argv: &'a [String], program: &str) -> Option<&'a [String]> {
    match argv {
        [own, name, words @ ..] if own == "lockkeeper" && name == program => Some(words),
        _ => None,
    }
}

/// Checks that what answers is the database that a child is meant for.
///
/// # Errors
/// If another one does.
pub(super) fn meant(system: &str, oid: u32, ground: &Ground<'_>) -> Result<(), String> {
    match ground.identity.system_identifier == system && ground.identity.database_oid == oid {
        true => Ok(()),
        false => Err("another target answers than the one that was meant".to_owned()),
    }
}

//! The keyword `options`: settings for the session, as on a server's command line.

use super::Invalid;

/// Parses `-c name=value`, `-cname=value` and `--name=value`, separated by white space that
/// no backslash protects.
///
/// # Errors
/// [`Invalid::Value`] for any other switch.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, Invalid> {
    let wrong = Invalid::Value { keyword: "options", expected: "settings written -c name=value" };
    let mut settings = Vec::new();
    let mut words = words(text).into_iter();
    while let Some(word) = words.next() {
        let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(long), _) => Some(long.to_owned()),
            (_, Some("")) => words.next(),
            (_, Some(short)) => Some(short.to_owned()),
            _ => None,
        };
        let setting = setting.ok_or_else(|| wrong.clone())?;
        let (name, value) = setting.split_once('=').ok_or_else(|| wrong.clone())?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => word.extend(rest.next()),
            c if c.is_ascii_whitespace() => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

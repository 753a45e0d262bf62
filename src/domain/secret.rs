//! Secrets that nobody has told us of, in what a program prints: a field or setting whose name
//! says so, and the password of an address.
//!
//! What is given to a program is masked by its value, wherever it stands; this is for the rest:
//! an error that prints a whole connection, settings and all, as Node's `console.error` does with
//! Sequelize's.

/// What stands in a secret's place.
pub const MASK: &str = "•••";

/// What the names of such fields end with, in lower case.
const NAMES: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "pgpassword",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
];

/// Values that are none.
const NONE: [&str; 8] = ["null", "undefined", "none", "nil", "true", "false", "string", MASK];

/// Returns a line with the values of such fields masked.
#[must_use]
pub fn masked(line: &str) -> String {
    addresses(&fields(line))
}

fn fields(line: &str) -> String {
    // The same length, byte by byte: names are ASCII.
    let lower = line.to_ascii_lowercase();
    let mut text = String::with_capacity(line.len());
    let mut done = 0;
    while let Some((start, end)) = next(&lower, line, done) {
        text.push_str(&line[done..start]);
        text.push_str(MASK);
        done = end;
    }
    text.push_str(&line[done..]);
    text
}

/// Returns where the value of the next such field begins and ends, from `from` on.
fn next(lower: &str, line: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let ends = |name: &&str| lower[at..].find(*name).map(|found| at + found + name.len());
        let end = NAMES.iter().filter_map(ends).min()?;
        match value(line, end) {
            Some(found) => return Some(found),
            None => at = end,
        }
    }
}

/// Returns the value that follows a field's name: behind `:`, `=` or, as SQL writes it, a blank,
/// in quotation marks or up to the next blank or comma.
fn value(line: &str, name_end: usize) -> Option<(usize, usize)> {
    let rest = &line[name_end..];
    let closed = rest.strip_prefix(['"', '\'', '`']).unwrap_or(rest);
    let blank = closed.trim_start();
    let (is_set, value) = match blank.strip_prefix([':', '=']) {
        Some(value) => (true, value.trim_start_matches(['>', ' '])),
        None => (false, blank),
    };
    let start = line.len() - value.len();
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) {
        // `password 'x'`, but no word that stands in quotation marks by itself.
        let is_value = is_set || (quote == '\'' && blank.len() < closed.len());
        let end = closing(&value[1..], quote) + 1;
        return (is_value && end > 1).then_some((start + 1, start + end));
    }
    let end = value.find(|c: char| c.is_whitespace() || ",;&)}]\"'".contains(c));
    let end = end.unwrap_or(value.len());
    let bare = &value[..end];
    let is_none = bare.is_empty()
        || bare.starts_with(['[', '{'])
        || NONE.contains(&bare.to_ascii_lowercase().as_str());
    (is_set && !is_none).then_some((start, start + end))
}

/// Returns where a quoted text ends: at the next such mark that no backslash stands before, or
/// where it is cut off.
fn closing(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at,
            _ => {}
        }
    }
    text.len()
}

/// Masks the passwords of addresses: `scheme://user:PASSWORD@host`.
fn addresses(line: &str) -> String {
    let mut parts = line.split("://");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("://");
        let end = part.find(|c: char| c.is_whitespace() || "/?#\"'".contains(c));
        let authority = &part[..end.unwrap_or(part.len())];
        let password = authority.rsplit_once('@').and_then(|(who, _)| who.split_once(':'));
        match password {
            Some((user, password)) if !password.is_empty() => {
                text.push_str(user);
                text.push(':');
                text.push_str(MASK);
                text.push_str(&part[user.len() + 1 + password.len()..]);
            }
            _ => text.push_str(part),
        }
    }
    text
}

//! `keyword=value` connection strings.

use std::iter::Peekable;
use std::str::Chars;

use super::{Invalid, Params};

/// Parses `keyword=value` pairs with libpq's quoting: values end at white space unless they
/// stand in single quotes; a backslash takes the next character as it is.
///
/// # Errors
/// [`Invalid::Conninfo`], and those of [`super::keyword::find`].
pub fn parse(text: &str) -> Result<Params, Invalid> {
    let mut params = Params::default();
    let mut after = "its beginning".to_owned();
    let mut rest = text.chars().peekable();
    loop {
        skip_space(&mut rest);
        if rest.peek().is_none() {
            return Ok(params);
        }
        let broken = |what| Invalid::Conninfo { after: after.clone(), what };
        let name = name(&mut rest).ok_or_else(|| broken("a word has no ="))?;
        let value = value(&mut rest).ok_or_else(|| broken("a quote is never closed"))?;
        params.set(&name, &value)?;
        after = name;
    }
}

fn skip_space(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(char::is_ascii_whitespace).is_some() {}
}

/// Reads a keyword and its `=`, with white space around it; `None` if there is no `=`.
fn name(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut name = String::new();
    while let Some(c) = rest.next_if(|c| *c != '=' && !c.is_ascii_whitespace()) {
        name.push(c);
    }
    skip_space(rest);
    rest.next_if_eq(&'=')?;
    skip_space(rest);
    Some(name)
}

/// Reads a value; `None` if its quote is never closed.
fn value(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let quoted = rest.next_if_eq(&'\'').is_some();
    let mut value = String::new();
    loop {
        match rest.next() {
            None => return (!quoted).then_some(value),
            Some('\'') if quoted => return Some(value),
            Some(c) if !quoted && c.is_ascii_whitespace() => return Some(value),
            Some('\\') => value.extend(rest.next()),
            Some(c) => value.push(c),
        }
    }
}

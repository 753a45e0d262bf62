//! What the text of a `CHECK` says of a column.

use crate::domain::change::written::{Token, tokens};

/// Returns true if the expression names the column.
pub fn names(expression: &str, column: &str) -> bool {
    tokens(expression).iter().any(|(_, token)| token.name() == Some(column))
}

/// Returns true if whatever passes the check is no NULL there: a part that must hold by itself
/// says so.
pub fn is_not_null(expression: &str, column: &str) -> bool {
    parts(expression).into_iter().any(|part| {
        let part: Vec<Token> = tokens(part).into_iter().map(|(_, token)| token).collect();
        let [first, is, not, null] = part.as_slice() else { return false };
        first.name() == Some(column) && is.is("is") && not.is("not") && null.is("null")
    })
}

/// Returns the parts of the expression that must hold each by itself: what `AND` joins, and not
/// inside of anything else.
pub fn parts(expression: &str) -> Vec<&str> {
    let expression = unwrapped(expression);
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_usize, 0);
    for (at, token) in tokens(expression) {
        match token {
            Token::Sign('(' | '[') => depth += 1,
            Token::Sign(')' | ']') => depth = depth.saturating_sub(1),
            Token::Word(word) if depth == 0 => match word.as_str() {
                // These bind less than AND, or have one of their own.
                "or" | "case" | "between" => return vec![expression],
                "and" => {
                    parts.push(&expression[from..at]);
                    from = at + word.len();
                }
                _ => {}
            },
            _ => {}
        }
    }
    if parts.is_empty() {
        return vec![expression];
    }
    parts.push(&expression[from..]);
    parts.into_iter().flat_map(self::parts).collect()
}

/// Returns the expression without parentheses around all of it.
fn unwrapped(expression: &str) -> &str {
    let expression = expression.trim();
    let tokens = tokens(expression);
    let mut depth = 0_usize;
    let mut closed = tokens.iter().filter(|(_, token)| {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    // The first that stands outside is the last of all: it closes what the first opened.
    let is_whole = matches!(tokens.first(), Some((0, Token::Sign('('))))
        && closed.next().is_some_and(|(at, _)| at + 1 == expression.len());
    match is_whole {
        true => unwrapped(&expression[1..expression.len() - 1]),
        false => expression,
    }
}

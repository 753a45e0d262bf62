//! SQL as it is written: which of it are words, and which are names in quotes, texts and comments.
//!
//! <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>. Nothing here fails: what is
//! not closed goes on to the end.

use super::quote;

/// A stretch of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// Words, numbers, signs and blanks.
    Plain(&'a str),
    /// A name in quotes, with them.
    Quoted(&'a str),
    /// A text in quotes or between dollars.
    Text,
    Comment,
}

/// What a text is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A word or a number outside of quotes, in lower case as PostgreSQL folds it.
    Word(String),
    /// A name in quotes, without them.
    Quoted(String),
    /// A text.
    Text,
    /// Any other sign.
    Sign(char),
}

impl Token {
    /// Returns true for this word, outside of quotes and in lower case.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    /// Returns the name that this is, folded; a word of SQL is one too.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Quoted(name) => Some(name),
            Self::Text | Self::Sign(_) => None,
        }
    }
}

/// Returns what the text is made of, each with its place in bytes; comments and blanks are left out.
#[must_use]
pub fn tokens(sql: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    for (at, piece) in pieces(sql) {
        match piece {
            Piece::Plain(text) => words(at, text, &mut tokens),
            Piece::Quoted(text) => tokens.push((at, Token::Quoted(unquoted(text)))),
            Piece::Text => tokens.push((at, Token::Text)),
            Piece::Comment => {}
        }
    }
    tokens
}

fn words(from: usize, text: &str, tokens: &mut Vec<(usize, Token)>) {
    let mut begun: Option<usize> = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if is_of_word(c) {
            begun = begun.or(Some(at));
            continue;
        }
        if let Some(start) = begun.take() {
            tokens.push((from + start, Token::Word(text[start..at].to_lowercase())));
        }
        if !c.is_whitespace() {
            tokens.push((from + at, Token::Sign(c)));
        }
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Returns the words alone: a comment is a blank, a text `''`, a name in quotes `""`.
#[must_use]
pub fn code(sql: &str) -> String {
    let each = pieces(sql).into_iter().map(|(_, piece)| match piece {
        Piece::Plain(text) => text,
        Piece::Quoted(_) => "\"\"",
        Piece::Text => "''",
        Piece::Comment => " ",
    });
    each.collect()
}

/// Returns [`code`] without what stands in parentheses.
#[must_use]
pub fn outside(sql: &str) -> String {
    let mut depth = 0_usize;
    let is_outside = |c: &char| {
        let was = depth;
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        was == 0 || depth == 0
    };
    code(sql).chars().filter(is_outside).collect()
}

/// Returns the text as PostgreSQL folds it: in lower case but for names that need their quotes,
/// which keep them.
#[must_use]
pub fn folded(sql: &str) -> String {
    let each = pieces(sql).into_iter().map(|(_, piece)| match piece {
        Piece::Plain(text) => text.to_lowercase(),
        Piece::Quoted(text) => quote(&unquoted(text)),
        Piece::Text => "''".to_owned(),
        Piece::Comment => " ".to_owned(),
    });
    each.collect()
}

/// Returns the text in one spelling: a blank between its words and signs, bare words in lower
/// case, no comments, and no parentheses around all of it.
#[must_use]
pub fn laid_out(sql: &str) -> String {
    let pieces = pieces(sql);
    let ends = pieces.iter().skip(1).map(|(at, _)| *at).chain([sql.len()]);
    let mut said: Vec<String> = Vec::new();
    for ((at, piece), end) in pieces.iter().zip(ends) {
        match piece {
            Piece::Plain(text) => {
                let mut tokens = Vec::new();
                words(0, text, &mut tokens);
                said.extend(tokens.into_iter().map(|(_, token)| match token {
                    Token::Word(word) | Token::Quoted(word) => word,
                    Token::Sign(sign) => sign.to_string(),
                    Token::Text => String::new(),
                }));
            }
            Piece::Quoted(text) => said.push(quote(&unquoted(text))),
            Piece::Text => said.push(sql[*at..end].to_owned()),
            Piece::Comment => {}
        }
    }
    let mut bare = said.as_slice();
    while is_enclosed(bare) {
        bare = &bare[1..bare.len() - 1];
    }
    bare.join(" ")
}

/// Returns true if the first and the last are the two parentheses of one pair.
fn is_enclosed(said: &[String]) -> bool {
    let mut depth = 0_usize;
    let closes = |(at, word): (usize, &String)| {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0).then_some(at)
    };
    said.first().is_some_and(|first| first == "(")
        && said.iter().enumerate().find_map(closes) == Some(said.len() - 1)
}

fn unquoted(name: &str) -> String {
    let inner = name.strip_prefix('"').unwrap_or(name);
    inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\"")
}

fn pieces(sql: &str) -> Vec<(usize, Piece<'_>)> {
    let mut pieces = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while let Some(ahead) = sql.as_bytes()[at..].iter().position(|byte| may_be_special(*byte)) {
        at += ahead;
        let Some((piece, length)) = special(sql, at) else {
            at += 1;
            continue;
        };
        if plain < at {
            pieces.push((plain, Piece::Plain(&sql[plain..at])));
        }
        pieces.push((at, piece));
        at += length;
        plain = at;
    }
    if plain < sql.len() {
        pieces.push((plain, Piece::Plain(&sql[plain..])));
    }
    pieces
}

/// Returns true for the bytes with which something [`special`] begins.
fn may_be_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'-' | b'/' | b'$')
}

/// Returns what begins here and is not plain, with its length in bytes.
fn special(sql: &str, at: usize) -> Option<(Piece<'_>, usize)> {
    let rest = &sql[at..];
    match rest.as_bytes()[0] {
        b'"' => {
            let end = closing(rest, b'"', false);
            Some((Piece::Quoted(&rest[..end]), end))
        }
        b'\'' => Some((Piece::Text, closing(rest, b'\'', has_escapes(&sql[..at])))),
        b'-' if rest.starts_with("--") => {
            Some((Piece::Comment, rest.find('\n').unwrap_or(rest.len())))
        }
        b'/' if rest.starts_with("/*") => Some((Piece::Comment, commented(rest))),
        b'$' if !sql[..at].ends_with(is_of_word) => Some((Piece::Text, between_dollars(rest)?)),
        _ => None,
    }
}

/// Returns true after the `E` of `E'…'`.
fn has_escapes(before: &str) -> bool {
    let mut last = before.chars().rev();
    matches!(last.next(), Some('e' | 'E')) && !last.next().is_some_and(is_of_word)
}

/// Returns where what begins with this quote ends; a doubled one is a part of it.
fn closing(text: &str, quote: u8, escapes: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escapes => at += 1,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 1,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Returns where a comment ends: they nest.
fn commented(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match text.as_bytes().get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Returns where `$tag$…$tag$` ends; `None`: it is no such text, but a parameter or a sign.
fn between_dollars(text: &str) -> Option<usize> {
    let end = text[1..].find('$')? + 2;
    let tag = &text[..end];
    let inner = &tag[1..end - 1];
    let is_tag = inner.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !inner.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| text[end..].find(tag).map_or(text.len(), |at| end + at + end))
}

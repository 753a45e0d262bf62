//! What of a script `psql` takes for SQL, and what inside of it is a text, a name or a comment:
//! outside of those a backslash is a command of `psql`'s own, and `;` ends a statement.
//!
//! As `psqlscan.l` of PostgreSQL reads it, a line at a time. What its versions read differently,
//! and no `pg_dump` writes, is refused.

use std::borrow::Cow;

use memchr::memchr;
use memchr::memmem::find;

use super::encoding::Encoding;
use super::statement::Statement;

/// What the reading of a line came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused<'a> {
    /// From here on it is a command of `psql`'s.
    Command(&'a [u8]),
    /// From here on it could be read in two ways.
    Doubtful(&'a [u8]),
    /// What follows could not be read as `psql` does, and why.
    Blind(&'static str),
}

/// What a place in a script is inside of.
#[derive(Debug, Default)]
enum Inside {
    #[default]
    Nothing,
    /// `'…'`; a backslash escapes in it, or not.
    Text { escapes: bool },
    /// `"…"`.
    Name,
    /// `$tag$…$tag$`, with what ends it.
    Dollars(Vec<u8>),
    /// `/* … */`, so deep.
    Comment(u32),
}

/// How far a script was read.
#[derive(Debug, Default)]
pub(super) struct Scan {
    inside: Inside,
    statement: Statement,
    /// A backslash escapes also in a plain text (`standard_conforming_strings` is off).
    escapes: bool,
    /// How letters are told apart (`client_encoding`).
    encoding: Encoding,
    /// How many times rows follow this line.
    copies: usize,
}

impl Scan {
    /// Returns true if a line begins inside of nothing.
    pub fn is_outside(&self) -> bool {
        matches!(self.inside, Inside::Nothing)
    }

    /// Returns a line as `psql` reads it, which is how [`Self::line`] has to have it.
    pub fn seen<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        self.encoding.seen(line)
    }

    /// Reads a line, without its end; returns how many times rows follow it, each up to `\.`.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Result<usize, Refused<'a>> {
        let mut rest = line;
        while !rest.is_empty() {
            let read = match &mut self.inside {
                Inside::Nothing => self.outside(rest)?,
                Inside::Text { escapes } => {
                    let end = text(rest, *escapes);
                    self.named(rest, end)
                }
                Inside::Name => self.named(rest, quoted(rest, b'"')),
                Inside::Dollars(end) => match find(rest, end) {
                    Some(at) => {
                        let end = at + end.len();
                        self.out(end)
                    }
                    None => rest.len(),
                },
                Inside::Comment(depth) => {
                    let read = comment(rest, depth);
                    if *depth == 0 { self.out(read) } else { read }
                }
            };
            rest = &rest[read.min(rest.len())..];
        }
        // psql asks how texts and letters are read once a line.
        self.escapes = self.statement.escapes.take().unwrap_or(self.escapes);
        self.encoding = self.statement.encoding.take().unwrap_or(self.encoding);
        Ok(std::mem::take(&mut self.copies))
    }

    /// A setting may have its name and its value in quotes.
    fn named(&mut self, rest: &[u8], end: Option<usize>) -> usize {
        self.statement.note(&rest[..end.map_or(rest.len(), |end| end - 1)]);
        match end {
            Some(end) => self.out(end),
            None => rest.len(),
        }
    }

    fn out(&mut self, read: usize) -> usize {
        self.inside = Inside::Nothing;
        read
    }

    fn enter(&mut self, inside: Inside, read: usize) -> usize {
        if !matches!(inside, Inside::Comment(_)) {
            self.statement.other(b"");
        }
        self.inside = inside;
        read
    }

    /// Reads what is next outside of everything; returns how much it was.
    fn outside<'a>(&mut self, rest: &'a [u8]) -> Result<usize, Refused<'a>> {
        let escapes = self.escapes;
        match rest {
            [b'\\', ..] => return Err(Refused::Command(rest)),
            // It ends a comment and joins texts, and is no end of a line.
            [b'\r', _, ..] => return Err(Refused::Doubtful(rest)),
            [byte, ..] if byte.is_ascii_whitespace() || *byte == 0x0b => return Ok(1),
            [b'-', b'-', comment @ ..] => {
                return match memchr(b'\r', comment) {
                    Some(at) if at + 1 < comment.len() => Err(Refused::Doubtful(&comment[at..])),
                    _ => Ok(rest.len()),
                };
            }
            [b'/', b'*', ..] => return Ok(self.enter(Inside::Comment(1), 2)),
            [b'\'', ..] => return Ok(self.enter(Inside::Text { escapes }, 1)),
            [b'"', ..] => return Ok(self.enter(Inside::Name, 1)),
            [b'$', ..] => {
                if let Some(end) = delimiter(rest) {
                    return Ok(self.enter(Inside::Dollars(end.to_vec()), end.len()));
                }
            }
            [b':', b':', ..] => return Ok(self.statement.other(&rest[..2])),
            // A variable of psql's: what is put in its place, or itself, is no word.
            [b':', after @ ..] => return Ok(self.statement.other(&rest[..=words(after)])),
            [b';', ..] => {
                self.copies += usize::from(self.statement.end().map_err(Refused::Blind)?);
                return Ok(1);
            }
            [b'(', ..] => self.statement.open(),
            [b')', ..] => self.statement.close(),
            [byte, ..] if byte.is_ascii_digit() => return self.number(rest),
            [byte, ..] if begins_word(*byte) => return self.word(rest),
            _ => {}
        }
        Ok(self.statement.other(&rest[..1]))
    }

    fn word<'a>(&mut self, rest: &'a [u8]) -> Result<usize, Refused<'a>> {
        let continues = |byte: &u8| begins_word(*byte) || byte.is_ascii_digit() || *byte == b'$';
        let length = rest.iter().take_while(|byte| continues(byte)).count();
        let (word, after) = rest.split_at(length);
        Ok(match (word, after) {
            (b"e" | b"E", [b'\'', ..]) => self.enter(Inside::Text { escapes: true }, 2),
            (b"b" | b"B" | b"x" | b"X", [b'\'', bits @ ..]) => {
                let digits = bits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
                match &bits[digits..] {
                    [b'\'', b'\'', ..] => return Err(Refused::Doubtful(rest)),
                    [b'\'', ..] => self.statement.other(&rest[..digits + 3]),
                    _ => return Err(Refused::Doubtful(rest)),
                }
            }
            (b"u" | b"U", [b'&', b'\'', ..]) => self.enter(Inside::Text { escapes: false }, 3),
            (b"u" | b"U", [b'&', b'"', ..]) => self.enter(Inside::Name, 3),
            // What only begins like one of these is no word to psql.
            (b"n" | b"N", [b'\'', ..]) | (b"u" | b"U", [b'&', ..]) => self.statement.other(word),
            _ => {
                self.statement.word(word);
                length
            }
        })
    }

    /// Where letters follow the digits, versions differ in what belongs to the number.
    fn number<'a>(&mut self, rest: &'a [u8]) -> Result<usize, Refused<'a>> {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.');
        let digits = digits.count();
        let length = digits + words(&rest[digits..]);
        let is_plain = digits == length;
        match rest.get(length) {
            Some(b'\'' | b'"' | b'$') if !is_plain => Err(Refused::Doubtful(rest)),
            _ => Ok(self.statement.other(&rest[..length])),
        }
    }
}

fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// Returns how many bytes of a word, or of a number with letters, come first.
fn words(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| begins_word(**byte) || byte.is_ascii_digit()).count()
}

/// Returns where a text ends, behind its quote; `None`: not in this line.
fn text(rest: &[u8], escapes: bool) -> Option<usize> {
    if !escapes {
        return quoted(rest, b'\'');
    }
    let mut at = 0;
    loop {
        match (rest.get(at)?, rest.get(at + 1)) {
            (b'\\', _) | (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Returns where it ends that a quote ends unless it is doubled.
fn quoted(rest: &[u8], quote: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr(quote, rest.get(at..)?)? + 1;
        match rest.get(at) {
            Some(next) if *next == quote => at += 1,
            _ => return Some(at),
        }
    }
}

/// Returns the `$tag$` that a text begins with.
fn delimiter(rest: &[u8]) -> Option<&[u8]> {
    let tag = words(&rest[1..]);
    let is_tag = tag == 0 || !rest[1].is_ascii_digit();
    (is_tag && rest.get(tag + 1) == Some(&b'$')).then(|| &rest[..tag + 2])
}

/// Reads on inside of comments; returns how far, at most to where the outermost ends.
fn comment(rest: &[u8], depth: &mut u32) -> usize {
    let mut at = 0;
    while at < rest.len() && *depth > 0 {
        match &rest[at..] {
            [b'*', b'/', ..] => (*depth, at) = (*depth - 1, at + 2),
            [b'/', b'*', ..] => (*depth, at) = (depth.saturating_add(1), at + 2),
            _ => at += 1,
        }
    }
    at
}

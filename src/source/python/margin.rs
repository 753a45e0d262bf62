//! A file cut at its left margin into what stands there, each with all that is indented below.

use std::ops::Range;

/// A piece of a file that can be read by itself.
#[derive(Debug)]
pub(super) struct Piece {
    /// Where it stands.
    pub range: Range<usize>,
    /// Where the texts in it stand, without their quotes, from the beginning of the piece; but
    /// for those that are empty, or in which something has a meaning.
    pub texts: Vec<Range<usize>>,
    comment: bool,
}

/// Words that belong to what stands before.
const FOLLOWING: [&str; 5] = ["elif", "else", "except", "finally", "case"];

/// Cuts a file; `None` of one that has anything in it of which this is not sure.
pub(super) fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut open = Open::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let whole = line.trim_end();
        let begins = open.is_none();
        if !whole.is_empty() {
            match line.as_bytes()[0] {
                _ if !begins => extend(pieces.last_mut()?, at + line.len()),
                b' ' | b'\t' => {
                    let last = pieces.last_mut().filter(|piece| !piece.comment)?;
                    extend(last, at + line.len());
                }
                b'@' | b'\x0c' => return None,
                first => {
                    let word = whole.split(|c: char| !c.is_ascii_alphanumeric()).next();
                    if word.is_some_and(|word| FOLLOWING.contains(&word))
                        || is_unsure(text, &pieces)
                    {
                        return None;
                    }
                    let range = at..at + line.len();
                    pieces.push(Piece { range, texts: Vec::new(), comment: first == b'#' });
                }
            }
        }
        open.line(whole, at)?;
        if let Some(last) = pieces.last_mut() {
            let start = last.range.start;
            let texts = open.texts.drain(..);
            last.texts.extend(texts.map(|text| text.start - start..text.end - start));
        }
        at += line.len() + 1;
    }
    (open.is_none() && !is_unsure(text, &pieces)).then_some(pieces)
}

fn extend(piece: &mut Piece, end: usize) {
    piece.range.end = end;
}

/// Returns true if the last piece ends with a comment below it: whose that is the next line
/// decides.
fn is_unsure(text: &str, pieces: &[Piece]) -> bool {
    let last = pieces.last().filter(|piece| !piece.comment).map(|piece| &text[piece.range.clone()]);
    let line = last.and_then(|piece| piece.lines().next_back());
    line.is_some_and(|line| line.trim_start().starts_with('#'))
}

/// What is open at the end of a line, and the texts that ended before.
#[derive(Debug, Default)]
struct Open {
    brackets: u32,
    /// A text over several lines: its quote, and where it begins.
    text: Option<(u8, usize)>,
    /// True if something in it has a meaning.
    meaning: bool,
    texts: Vec<Range<usize>>,
}

impl Open {
    fn is_none(&self) -> bool {
        self.brackets == 0 && self.text.is_none()
    }

    /// Goes over a line that begins at `start`; `None` if it cannot be read for sure.
    fn line(&mut self, line: &str, start: usize) -> Option<()> {
        let bytes = line.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            at = match self.text {
                Some((quote, from)) => self.inside(bytes, at, start, (quote, from)),
                None => self.code(bytes, at, start)?,
            };
        }
        Some(())
    }

    /// Goes on inside of a text over several lines.
    fn inside(&mut self, line: &[u8], at: usize, start: usize, text: (u8, usize)) -> usize {
        let (quote, from) = text;
        if line[at..].starts_with(&[quote; 3]) {
            self.text = None;
            self.end(from..start + at);
            return at + 3;
        }
        self.meaning |= has_meaning(line[at]);
        at + if line[at] == b'\\' { 2 } else { 1 }
    }

    fn code(&mut self, line: &[u8], at: usize, start: usize) -> Option<usize> {
        match line[at] {
            b'(' | b'[' | b'{' => self.brackets += 1,
            b')' | b']' | b'}' => self.brackets = self.brackets.checked_sub(1)?,
            b'#' => return Some(line.len()),
            // The line goes on below.
            b'\\' | super::shared::GAP => return None,
            quote @ (b'"' | b'\'') => {
                // In a text with values in it there are quotes that do not end it.
                let valued = |byte: &u8| matches!(byte, b'f' | b'F' | b't' | b'T');
                let prefix = line[..at].iter().rev().take_while(|byte| byte.is_ascii_alphabetic());
                if prefix.take(2).any(valued) {
                    return None;
                }
                self.meaning = false;
                if line[at..].starts_with(&[quote; 3]) {
                    self.text = Some((quote, start + at + 3));
                    return Some(at + 3);
                }
                return self.string(line, at + 1, start, quote);
            }
            _ => {}
        }
        Some(at + 1)
    }

    /// Returns the place behind a text on one line, which begins at `from`.
    fn string(&mut self, line: &[u8], from: usize, start: usize, quote: u8) -> Option<usize> {
        let mut at = from;
        while *line.get(at)? != quote {
            self.meaning |= has_meaning(line[at]);
            at += if line[at] == b'\\' { 2 } else { 1 };
        }
        self.end(start + from..start + at);
        Some(at + 1)
    }

    fn end(&mut self, text: Range<usize>) {
        if !text.is_empty() && !self.meaning {
            self.texts.push(text);
        }
    }
}

/// Returns true for what may begin an escape or a value inside of a text.
fn has_meaning(byte: u8) -> bool {
    matches!(byte, b'\\' | b'{' | b'}' | super::shared::GAP)
}

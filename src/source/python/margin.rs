//! Statements that stand at the left margin, whole on one line.

use std::ops::Range;

/// Words with which a statement begins that goes on in the lines below, or that goes on above.
const COMPOUND: [&str; 14] = [
    "if", "elif", "else", "for", "while", "try", "except", "finally", "with", "match", "case",
    "def", "class", "async",
];

/// Returns the lines that are statements by themselves, wherever that is beyond doubt; none of
/// a text that has anything in it that this does not know for sure how to read.
pub(super) fn statements(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open = Open::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let whole = line.trim_end();
        let (begins, margin) = (open.is_none(), !line.starts_with([' ', '\t', '\r', '\n', '\x0c']));
        // What is indented below a line belongs to it.
        if begins
            && !margin
            && !whole.is_empty()
            && found.last().is_some_and(|l| follows(text, l, at))
        {
            found.pop();
        }
        if open.line(whole).is_none() || whole.starts_with('@') {
            return Vec::new();
        }
        if begins && margin && open.is_none() && is_simple(whole) {
            found.push(at..at + whole.len());
        }
        at += line.len();
    }
    found
}

/// Returns true if nothing but blank lines and comments stands between a line and a place.
fn follows(text: &str, line: &Range<usize>, at: usize) -> bool {
    let between = text[line.end..at].lines().map(str::trim);
    between.into_iter().all(|line| line.is_empty() || line.starts_with('#'))
}

fn is_simple(line: &str) -> bool {
    let word = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
    word.is_some_and(|word| !word.is_empty() && !COMPOUND.contains(&word))
        && !line.contains(['#', '\\', ';'])
}

/// What is open at the end of a line.
#[derive(Debug, Default)]
struct Open {
    brackets: u32,
    /// The quote of a text over several lines.
    text: Option<u8>,
}

impl Open {
    fn is_none(&self) -> bool {
        self.brackets == 0 && self.text.is_none()
    }

    /// Goes over a line; `None` if it cannot be read for sure.
    fn line(&mut self, line: &str) -> Option<()> {
        let bytes = line.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            at = match self.text {
                Some(quote) => self.close(bytes, at, quote),
                None => self.code(bytes, at)?,
            };
        }
        Some(())
    }

    /// Goes on inside of a text over several lines.
    fn close(&mut self, line: &[u8], at: usize, quote: u8) -> usize {
        if line[at] == b'\\' {
            return at + 2;
        }
        if line[at..].starts_with(&[quote; 3]) {
            self.text = None;
            return at + 3;
        }
        at + 1
    }

    fn code(&mut self, line: &[u8], at: usize) -> Option<usize> {
        match line[at] {
            b'(' | b'[' | b'{' => self.brackets += 1,
            b')' | b']' | b'}' => self.brackets = self.brackets.checked_sub(1)?,
            b'#' => return Some(line.len()),
            // The line goes on below.
            b'\\' => return None,
            quote @ (b'"' | b'\'') => {
                // In a text with values in it there are quotes that do not end it.
                let valued = |byte: &u8| matches!(byte, b'f' | b'F' | b't' | b'T');
                let prefix = line[..at].iter().rev().take_while(|byte| byte.is_ascii_alphabetic());
                if prefix.take(2).any(valued) {
                    return None;
                }
                if line[at..].starts_with(&[quote; 3]) {
                    self.text = Some(quote);
                    return Some(at + 3);
                }
                return string(line, at, quote);
            }
            _ => {}
        }
        Some(at + 1)
    }
}

/// Returns the place behind a text on one line, which begins at `at`.
fn string(line: &[u8], at: usize, quote: u8) -> Option<usize> {
    let mut at = at + 1;
    while *line.get(at)? != quote {
        at += if line[at] == b'\\' { 2 } else { 1 };
    }
    Some(at + 1)
}

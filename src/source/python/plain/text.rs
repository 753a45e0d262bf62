//! Texts of Python, as far as no values are put into them.

use super::Plain;

impl Plain<'_> {
    /// Reads a text, or several that are one.
    pub(super) fn texts(&mut self) -> Option<()> {
        let first = self.planted.here();
        self.one()?;
        let mut is_alone = true;
        loop {
            let end = self.at;
            self.space();
            if !self.begins_text() {
                self.at = end;
                return Some(());
            }
            if is_alone {
                self.planted.wrap(first, "concatenated_string", "");
                is_alone = false;
            }
            self.one()?;
            self.planted.close(first, self.at);
        }
    }

    /// Returns true if a text comes next; also one that is not read here.
    pub(super) fn begins_text(&self) -> bool {
        let rest = &self.bytes()[self.at..];
        let prefix = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        prefix <= 2 && matches!(rest.get(prefix), Some(b'"' | b'\''))
    }

    fn one(&mut self) -> Option<()> {
        let string = self.planted.open("string", "", self.at);
        let prefix = match self.peek()? {
            b'"' | b'\'' => None,
            prefix @ (b'r' | b'R' | b'u' | b'U') => Some(prefix.to_ascii_lowercase()),
            _ => return None,
        };
        let from = self.at + usize::from(prefix.is_some());
        let quote = *self.bytes().get(from).filter(|byte| matches!(byte, b'"' | b'\''))?;
        let is_long = self.bytes()[from..].starts_with(&[quote; 3]);
        let width = if is_long { 3 } else { 1 };
        self.leaf("string_start", "", from + width - self.at);
        let end = self.content(quote, is_long, prefix == Some(b'r'))?;
        self.at = end;
        self.leaf("string_end", "", width);
        self.planted.close(string, self.at);
        Some(())
    }

    /// Reads what stands between the quotes; returns where it ends.
    fn content(&mut self, quote: u8, is_long: bool, is_raw: bool) -> Option<usize> {
        let bytes = self.bytes();
        let (from, mut at) = (self.at, self.at);
        let content = self.planted.open("string_content", "", from);
        loop {
            at += memchr::memchr3(quote, b'\\', b'\n', bytes.get(at..)?)?;
            match bytes[at] {
                b'\\' => {
                    let length = escape(*bytes.get(at + 1)?, is_raw)?;
                    if length == 2 {
                        self.planted.leaf("escape_sequence", "", at..at + 2);
                    }
                    at += length;
                }
                b'\n' if is_long => at += 1,
                b'\n' => return None,
                _ if is_long && !bytes[at..].starts_with(&[quote; 3]) => at += 1,
                _ => break,
            }
        }
        if at == from {
            self.planted.forget(content);
        } else {
            self.planted.close(content, at);
        }
        Some(at)
    }
}

/// Returns the length of what a backslash begins, of which this byte is the second.
fn escape(next: u8, is_raw: bool) -> Option<usize> {
    match next {
        b'\n' | b'\\' | b'"' | b'\'' => (!is_raw).then_some(2),
        _ if is_raw => Some(1),
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' => Some(2),
        b'u' | b'U' | b'x' | b'N' | b'0'..=b'9' | b'\r' => None,
        _ => Some(1),
    }
}

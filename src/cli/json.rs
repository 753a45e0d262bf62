//! One document on standard output, safe on a terminal too.

use std::fmt::Write as _;
use std::io::Write as _;

use serde::Serialize;

use crate::domain::untrusted::Untrusted;

/// Prints a document: nothing in it is left to be made visible.
pub fn print(value: &impl Serialize) {
    let _ = writeln!(std::io::stdout(), "{}", document(value));
}

/// Returns a document as text. What could deceive a terminal is in it as JSON escapes:
/// a reader of the document gets it back exactly.
#[must_use]
pub fn document(value: &impl Serialize) -> String {
    let text =
        serde_json::to_string_pretty(value).expect("a document holds nothing that JSON lacks");
    safe(text)
}

/// Returns a document on one line, as safe as [`document`].
#[must_use]
pub fn line(value: &impl Serialize) -> String {
    safe(serde_json::to_string(value).expect("a document holds nothing that JSON lacks"))
}

/// Line ends stand between values only: those within a string are escapes already, as are the
/// other controls.
fn safe(text: String) -> String {
    if text.is_ascii() && memchr::memchr(DELETE, text.as_bytes()).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    let mut rest = text.as_str();
    loop {
        let plain = rest.bytes().position(is_rare).unwrap_or(rest.len());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
        let Some(c) = rest.chars().next() else { break };
        if is_plain(c) {
            out.push(c);
        } else {
            escape(c, &mut out);
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// Returns true for what is not surely plain; where a character begins, as all is that is plain.
fn is_rare(byte: u8) -> bool {
    byte != b'\n' && !matches!(byte, b' '..DELETE)
}

/// The one control character that JSON leaves as it is.
const DELETE: u8 = 0x7f;

fn is_plain(c: char) -> bool {
    let mut one = [0; 4];
    let text: &str = c.encode_utf8(&mut one);
    Untrusted::from(text).visible() == text
}

/// Everything that is not plain stands inside of a string, where this form is allowed.
fn escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}").expect("writing to a String cannot fail");
    }
}

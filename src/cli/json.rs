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
    // The other controls are escapes of JSON already.
    if text.is_ascii() && memchr::memchr(DELETE, text.as_bytes()).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || is_plain(c) { out.push(c) } else { escape(c, &mut out) }
    }
    out
}

/// The one control character that JSON leaves as it is.
const DELETE: u8 = 0x7f;

fn is_plain(c: char) -> bool {
    let mut one = [0; 4];
    let text: &str = c.encode_utf8(&mut one);
    c.is_ascii_graphic() || c == ' ' || Untrusted::from(text).visible() == text
}

/// Everything that is not plain stands inside of a string, where this form is allowed.
fn escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}").expect("writing to a String cannot fail");
    }
}

//! One document on standard output, safe on a terminal too.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::domain::untrusted::Untrusted;

/// Prints a document: nothing in it is left to be made visible.
pub fn print(value: &impl Serialize) {
    let _ = writeln!(io::stdout(), "{}", document(value));
}

/// Returns a document as text. What could deceive a terminal is in it as JSON escapes:
/// a reader of the document gets it back exactly.
#[must_use]
pub fn document(value: &impl Serialize) -> String {
    written(value, Pretty::default())
}

/// Returns a document on one line, as safe as [`document`].
#[must_use]
pub fn line(value: &impl Serialize) -> String {
    written(value, Line)
}

fn written(value: &impl Serialize, form: impl Formatter) -> String {
    let mut text = Vec::with_capacity(1024);
    let written = value.serialize(&mut Serializer::with_formatter(&mut text, form));
    written.expect("a document holds nothing that JSON lacks");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// All on one line.
struct Line;

impl Formatter for Line {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        plain(out, text)
    }
}

/// Each value on a line of its own, indented by two blanks; as `serde_json` has it, but that a
/// line is begun at once.
#[derive(Default)]
struct Pretty {
    depth: usize,
    /// False while nothing is in what was opened last.
    filled: bool,
}

/// The end of a line and the beginning of the next one; documents are not nested deeper.
const BEGINNING: &str = ",\n                                                                ";

impl Pretty {
    fn open(&mut self, out: &mut (impl ?Sized + Write), bracket: &str) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        out.write_all(bracket.as_bytes())
    }

    fn close(&mut self, out: &mut (impl ?Sized + Write), bracket: &str) -> io::Result<()> {
        self.depth -= 1;
        if self.filled {
            self.begin(out, true)?;
        }
        self.filled = true;
        out.write_all(bracket.as_bytes())
    }

    /// Begins a line, behind a comma unless it is the first.
    fn begin(&self, out: &mut (impl ?Sized + Write), first: bool) -> io::Result<()> {
        let blanks = 2 * self.depth;
        let comma = usize::from(first);
        match BEGINNING.get(comma..2 + blanks) {
            Some(beginning) => out.write_all(beginning.as_bytes()),
            None => write!(out, "{}{:blanks$}", &BEGINNING[comma..2], ""),
        }
    }
}

impl Formatter for Pretty {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, "[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, "]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.begin(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, "{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, "}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.begin(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        plain(out, text)
    }
}

/// Writes a part of a text in which nothing has a meaning to JSON: control characters are escapes
/// already, but for this one, and those beyond ASCII.
fn plain(out: &mut (impl ?Sized + Write), text: &str) -> io::Result<()> {
    let is_rare = |byte: &u8| *byte >= DELETE;
    if !text.as_bytes().iter().any(is_rare) || is_plain(text) {
        return out.write_all(text.as_bytes());
    }
    for c in text.chars() {
        let mut bytes = [0; 4];
        let one: &str = c.encode_utf8(&mut bytes);
        if is_plain(one) {
            out.write_all(one.as_bytes())?;
        } else {
            escape(c, out)?;
        }
    }
    Ok(())
}

/// The one control character that JSON leaves as it is.
const DELETE: u8 = 0x7f;

fn is_plain(text: &str) -> bool {
    Untrusted::from(text).visible() == text
}

/// Everything that is not plain stands inside of a string, where this form is allowed.
fn escape(c: char, out: &mut (impl ?Sized + Write)) -> io::Result<()> {
    c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
}

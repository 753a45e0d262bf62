//! Text from outside: query text, names, NOTICEs, a child's output, files.
//!
//! Such text may hold terminal escapes (CVE-2021-25743 and its kin). ratatui's
//! `Paragraph` drops control characters silently, which glues words together,
//! and `Cell::set_symbol` passes them raw; so text is escaped here, visibly, by
//! the one type made for it, before it reaches a screen, a title, the clipboard
//! or a line of output.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text that came from outside, exactly as it came.
///
/// It has no `Display`: the only ways to show it are [`Untrusted::visible`] and
/// [`Untrusted::one_line`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Wraps text as it came from outside.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Wraps bytes, with each invalid sequence as U+FFFD.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self(text.to_owned()),
            Err(_) => Self(String::from_utf8_lossy(bytes).into_owned()),
        }
    }

    /// Returns the text unescaped, for comparison, parsing and binds; never for showing.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Returns true if there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the text with newlines kept and every other control, bidirectional
    /// or invisible character made visible.
    #[must_use]
    pub fn visible(&self) -> String {
        escape(&self.0, true)
    }

    /// Returns the text on one line: runs of white space become one space, and
    /// what is dangerous is made visible.
    #[must_use]
    pub fn one_line(&self) -> String {
        let joined = self.0.split_whitespace().collect::<Vec<_>>().join(" ");
        escape(&joined, false)
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Escapes `text` for showing: see [`Untrusted::visible`].
fn escape(text: &str, keep_newlines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Nearly all of it is as it has to be: that is copied in stretches.
    while let Some(at) = rest.bytes().position(|byte| !(b' '..0x7f).contains(&byte)) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let mut others = from.chars();
        let Some(c) = others.next() else { break };
        rest = others.as_str();
        match c {
            '\n' if keep_newlines => out.push('\n'),
            '\t' => out.push_str("    "),
            // The Unicode control pictures mirror C0 one to one from U+2400.
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
            '\x7f' => out.push('\u{2421}'),
            c if is_deceptive(c) => push_codepoint(&mut out, c),
            c => out.push(c),
        }
    }
    out.push_str(rest);
    out
}

/// Returns true for C1 controls and for characters that are invisible or
/// reorder what stands around them.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn push_codepoint(out: &mut String, c: char) {
    use fmt::Write as _;
    write!(out, "<U+{:04X}>", c as u32).expect("writing to a String cannot fail");
}

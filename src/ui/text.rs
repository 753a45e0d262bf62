//! Text measured in terminal cells: cutting, padding, wrapping, ages.

use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Returns how many cells `text` takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Returns `text` if it fits into `cells`, else its beginning and `…`.
#[must_use]
pub fn cut(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    if cells == 0 {
        return String::new();
    }
    let mut out = beginning(text, cells - 1).to_owned();
    out.push('…');
    out
}

/// Returns the longest beginning of `text` that fits into `cells`.
fn beginning(text: &str, cells: usize) -> &str {
    let mut taken = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        taken += width(cluster);
        if taken > cells {
            return &text[..at];
        }
    }
    text
}

/// Returns `text` without its first `cells` cells; a wide character that is cut
/// through goes whole.
#[must_use]
pub fn shifted(text: &str, cells: usize) -> &str {
    let mut passed = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        if passed >= cells {
            return &text[at..];
        }
        passed += width(cluster);
    }
    ""
}

/// Returns `text` cut or padded on its right to exactly `cells`.
#[must_use]
pub fn left(text: &str, cells: usize) -> String {
    let mut out = cut(text, cells);
    out.push_str(&" ".repeat(cells.saturating_sub(width(&out))));
    out
}

/// Returns `text` cut or padded on its left to exactly `cells`.
#[must_use]
pub fn right(text: &str, cells: usize) -> String {
    let text = cut(text, cells);
    let mut out = " ".repeat(cells.saturating_sub(width(&text)));
    out.push_str(&text);
    out
}

/// Returns `text` in lines of at most `cells`, broken at spaces where it can be;
/// its own line breaks stay. Never empty.
#[must_use]
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    for line in text.split('\n') {
        wrap_line(line, cells, &mut lines);
    }
    lines
}

fn wrap_line(line: &str, cells: usize, lines: &mut Vec<String>) {
    let mut current = String::new();
    for word in line.split_inclusive(' ') {
        let fits = width(&current) + width(word.trim_end()) <= cells;
        if !fits && !current.is_empty() {
            lines.push(std::mem::take(&mut current).trim_end().to_owned());
        }
        current.push_str(word);
        break_word(&mut current, cells, lines);
    }
    lines.push(current.trim_end().to_owned());
}

/// Moves full lines out of a `current` that holds a word longer than a line.
fn break_word(current: &mut String, cells: usize, lines: &mut Vec<String>) {
    while width(current.trim_end()) > cells {
        let mut head = beginning(current, cells).len();
        if head == 0 {
            // A cluster wider than the line: it goes alone rather than never.
            head = current.graphemes(true).next().map_or(current.len(), str::len);
        }
        let rest = current.split_off(head);
        lines.push(std::mem::replace(current, rest));
    }
}

/// Returns a running time as a clock: `0:42`, `6:10`, `1:02:03`.
#[must_use]
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Returns an age in one rounded-down unit: `0.4 s`, `12 s`, `4 min`, `3 h`, `2 days`.
#[must_use]
pub fn age(age: Duration) -> String {
    match age.as_secs() {
        0..10 => format!("{}.{} s", age.as_secs(), age.subsec_millis() / 100),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// Returns `count` with its thousands apart: `201,334`.
#[must_use]
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

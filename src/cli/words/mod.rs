//! What is known, in plain lines: for people without a full screen, and for pipes.

mod backups;
mod lint;
mod migrations;
mod server;
mod vitals;

pub use backups::{backup, backups, proof};
pub use lint::lint;
pub use migrations::migrations;
pub use server::{head, locks, progress, session, sessions, stands, surroundings, verdict};
pub use vitals::{health, vitals};

use chrono::TimeDelta;

use crate::domain::age;
use crate::domain::untrusted::Untrusted;

/// Joins what there is to say of something on one line.
fn joined(words: impl IntoIterator<Item = String>) -> String {
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// Returns at most `most` characters of a text, on one line.
fn cut(text: &Untrusted, most: usize) -> String {
    let line = text.one_line();
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// Returns seconds as a running clock.
#[expect(clippy::cast_possible_truncation, reason = "ages are far below 2^63 ms")]
fn clock(seconds: f64) -> String {
    age::clock(TimeDelta::milliseconds((seconds * 1000.0) as i64))
}

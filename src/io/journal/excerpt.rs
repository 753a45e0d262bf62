//! The end of what an act has printed, with nothing secret in it.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::{MASK, Secrets, file};
use crate::domain::report::Output;
use crate::domain::secret;
use crate::domain::untrusted::Untrusted;
use crate::io::act::Job;

/// How much of it, in lines and bytes.
const LINES: usize = 40;
const BYTES: u64 = 16 * 1024;

/// Returns the last lines of an attempt's output; `None`: it printed nothing, or that is gone.
#[must_use]
pub fn excerpt(run: &Path, act: &str, attempt: u32, secrets: &Secrets) -> Option<Output> {
    let out = Job::of(run, act, attempt).ok()?.out();
    let mut file = file::read_from(&out).ok()?;
    let length = file.metadata().ok()?.len();
    let from = length.saturating_sub(BYTES);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes).ok()?;
    let all = Untrusted::from_bytes(&bytes);
    let mut lines: Vec<&str> = all.raw().lines().collect();
    if from > 0 && lines.len() > 1 {
        // Its beginning was left out.
        lines.remove(0);
    }
    let cut = lines.len().saturating_sub(LINES);
    let lines: Vec<String> =
        lines[cut..].iter().map(|line| without_secrets(line, secrets)).collect();
    let is_cut = from > 0 || cut > 0;
    (!lines.is_empty()).then(|| Output { act: act.to_owned(), attempt, lines, is_cut })
}

/// Masks known secrets, and what looks like one: the value of a field whose name says so, the
/// password of an address, and a word behind `password=`, however it goes on.
fn without_secrets(line: &str, secrets: &Secrets) -> String {
    let line = secret::masked(&secrets.redact(line));
    let words: Vec<String> = line.split(' ').map(without_password).collect();
    words.join(" ")
}

fn without_password(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    if let Some(at) = lower.find("password=") {
        return format!("{}{MASK}", &word[..at + "password=".len()]);
    }
    let Some(start) = word.find("://").map(|at| at + 3) else { return word.to_owned() };
    let end = word[start..].find('/').map_or(word.len(), |at| start + at);
    let login = word[start..end].rfind('@').map(|at| start + at);
    match login.and_then(|at| Some((at, word[start..at].find(':')? + start))) {
        Some((at, colon)) => format!("{}:{MASK}{}", &word[..colon], &word[at..]),
        None => word.to_owned(),
    }
}

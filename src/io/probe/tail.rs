//! The last lines of a file that grows.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::MOST;
use crate::domain::untrusted::Untrusted;

/// So many lines are shown of a log.
const LINES: usize = 5;
/// So many characters of a line.
const LINE: usize = 300;

/// Returns the last lines of a file, the newest last, each made fit to be shown; of a file
/// that is longer only its end is read.
pub(super) fn last_lines(path: &Path) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let most = u64::try_from(MOST).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let over = lines.len().saturating_sub(LINES);
    let shown = |line: &str| {
        let line: String = line.chars().take(LINE).collect();
        Untrusted::from(line.as_str()).one_line()
    };
    Ok(lines.drain(over..).map(shown).collect())
}

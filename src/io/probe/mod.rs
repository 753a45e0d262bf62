//! Probes that leave the database: a GET request, a program, a file. Each is bounded in time
//! and in what is read, and says "cannot tell" for everything but an answer.

pub mod command;
pub mod http;

use std::io;
use std::path::Path;

use crate::domain::evidence::Value;

/// At most so many bytes of an answer are read.
const MOST: usize = 64 * 1024;

/// Returns whether a file is there and not empty.
#[must_use]
pub fn file(path: &Path) -> Value {
    match std::fs::metadata(path) {
        Ok(file) => Value::Bool(file.is_file() && file.len() > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Value::Bool(false),
        Err(error) => Value::unknown(format!("{}: {error}", path.display())),
    }
}

/// Returns the first line that says something: what an answer's text is.
fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

//! Probes that leave the database: a GET request, a program, a file. Each is bounded in time
//! and in what is read, and says "cannot tell" for everything but an answer.

pub mod command;
pub mod http;
mod tail;

use std::io;
use std::path::Path;

use crate::domain::evidence::{Measure, Value};
use crate::domain::quantity::Period;

/// At most so many bytes of an answer are read.
const MOST: usize = 64 * 1024;

/// Returns what `measure` is of a file, by its metadata. A file that is not there has no age
/// and no size, and one that was written in the future has no age: a clock must have jumped.
#[must_use]
pub fn file(path: &Path, measure: Measure) -> Value {
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound && measure == Measure::Presence => {
            return Value::Bool(false);
        }
        Err(error) => return Value::unknown(format!("{}: {error}", path.display())),
    };
    match measure {
        Measure::Presence => Value::Bool(found.is_file() && found.len() > 0),
        _ if !found.is_file() => Value::unknown(format!("{} is no file", path.display())),
        Measure::Tail => match tail::last_lines(path) {
            Ok(lines) => Value::List(lines),
            Err(error) => Value::unknown(format!("{}: {error}", path.display())),
        },
        Measure::Size => Value::Int(i64::try_from(found.len()).unwrap_or(i64::MAX)),
        Measure::Age => match found.modified().map(|at| at.elapsed()) {
            Ok(Ok(age)) => Value::Period(Period::from_secs(age.as_secs())),
            Ok(Err(_)) => Value::unknown(format!("{} is of the future", path.display())),
            Err(error) => Value::unknown(format!("{}: {error}", path.display())),
        },
    }
}

/// Returns the first line that says something: what an answer's text is.
fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

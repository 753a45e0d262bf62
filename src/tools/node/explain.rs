//! What the tools of Node say when they fail.

use crate::tools::{Failure, FailureKind};

/// What the tools themselves say (Knex 3.3, node-pg-migrate 9.0, umzug 3.8, sequelize-cli 6.6).
const OWN: &[(&str, FailureKind)] = &[
    ("The migration directory is corrupt", FailureKind::MissingFile),
    ("Migration table is already locked", FailureKind::Dirty),
    ("Not run migration", FailureKind::Moved),
    ("Another migration is already running", FailureKind::Moved),
    ("have been deleted.", FailureKind::MissingFile),
    ("Unable to find migration", FailureKind::MissingFile),
    ("Couldn't find migration", FailureKind::Moved),
    ("was not run.", FailureKind::Moved),
    ("User has disabled", FailureKind::Raised),
    ("Impossible to automatically infer", FailureKind::Raised),
];

/// What stands before an error of the migration's own code.
const RAISED: &[&str] = &["Original error: ", "failed with error: ", "ERROR: "];

/// Reads the output of a failed run.
pub(crate) fn explain(output: &str) -> Failure {
    let output = &uncoloured(output);
    let line = |needle: &str| output.lines().rev().find(|line| line.contains(needle));
    if let Some(own) = Failure::said(output, OWN) {
        return own;
    }
    let raised = RAISED.iter().find_map(|words| line(words));
    let failure = match code(output) {
        // node-pg prints the SQLSTATE as a field of its error.
        Some(code) => Failure::of_server(&format!("{output}\nSQLSTATE {code}")),
        None => Failure::of_server(output),
    };
    match (failure.kind, raised) {
        (FailureKind::Other, Some(said)) => {
            Failure { kind: FailureKind::Raised, sqlstate: None, line: said.trim().to_owned() }
        }
        (_, Some(said)) => Failure { line: said.trim().to_owned(), ..failure },
        (_, None) if failure.line.starts_with("SQLSTATE ") => {
            let said = line("error: ").unwrap_or_default().trim().to_owned();
            Failure { line: said, ..failure }
        }
        _ => failure,
    }
}

/// Leaves out the colours that the tools print also where nobody sees them.
fn uncoloured(output: &str) -> String {
    let mut parts = output.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        text + rest.strip_prefix('m').unwrap_or(rest)
    })
}

fn code(output: &str) -> Option<String> {
    let (_, after) = output.rsplit_once("code: '")?;
    let code: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
    (code.len() == 5).then_some(code)
}

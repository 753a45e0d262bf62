//! What is asked of the scratch server, through its own `psql`: one answer as text.

use std::io::Write as _;
use std::process::Stdio;

use crate::domain::backup::content::{self, Contents};

use super::scratch::{DATABASE, Scratch, shown};
use crate::tools::pg_dump::Rows;

/// One line of JSON for each table that holds rows itself: its name and how many.
const ROWS: &str = "SELECT format('SELECT json_build_array(%L::text, count(*)) FROM ONLY %I.%I',
         n.nspname || '.' || c.relname, n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
\\gexec
";

/// What holds in what was loaded.
const HOLDS: &str = "SELECT count(*) FILTER (WHERE contype = 'f') || ' foreign keys, '
         || count(*) FILTER (WHERE contype IN ('p', 'u')) || ' primary keys and uniques, '
         || count(*) FILTER (WHERE contype IN ('c', 'x')) || ' checks'
    FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
   WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'";

/// Runs statements and returns what they answer.
pub(super) fn run(scratch: &Scratch, database: &str, text: &str) -> Result<String, String> {
    let mut command = scratch.program("psql");
    command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database]);
    let mut child =
        command.stdin(Stdio::piped()).spawn().map_err(|error| format!("psql: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // What it did not read it tells of itself.
        drop(stdin.write_all(text.as_bytes()).and_then(|()| stdin.write_all(b"\n;\n")));
    }
    let output = child.wait_with_output().map_err(|error| format!("psql: {error}"))?;
    if !output.status.success() {
        return Err(shown(String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns the rows of every table that was loaded.
pub(super) fn rows(scratch: &Scratch) -> Result<Rows, String> {
    let text = run(scratch, DATABASE, ROWS)?;
    let line = |line: &str| {
        let (table, rows): (String, u64) = serde_json::from_str(line).ok()?;
        Some((table, Some(rows)))
    };
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(line).collect::<Option<Rows>>().ok_or_else(|| "psql answered no counts".to_owned())
}

/// Returns the sums of the contents of every table that was loaded.
pub(super) fn contents(scratch: &Scratch) -> Result<Contents, String> {
    let settings =
        content::SETTINGS.map(|(name, value)| format!("SET {name} = '{value}';\n")).concat();
    // The columns are put in by format() where %s stands.
    let sum = content::sum("%s").replace('\'', "''");
    let ask = format!(
        "{settings}SELECT format('SELECT json_build_array(%L::text, {sum}) FROM ONLY %I.%I',
             n.nspname || '.' || c.relname, {}, n.nspname, c.relname)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
\\gexec
",
        content::COLUMNS
    );
    let text = run(scratch, DATABASE, &ask)?;
    let lines = text.lines().filter(|line| !line.is_empty());
    let read = lines.map(|line| serde_json::from_str::<(String, String)>(line).ok());
    read.collect::<Option<_>>().ok_or_else(|| "psql answered no sums".to_owned())
}

/// Returns what holds there, in words.
pub(super) fn holds(scratch: &Scratch) -> Result<String, String> {
    run(scratch, DATABASE, HOLDS).map(|text| text.trim().to_owned())
}

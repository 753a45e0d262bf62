//! Rows as COPY writes them: fields between tabs, `\N` for NULL, a backslash before what
//! would be mistaken (PostgreSQL, "COPY", File Formats, Text Format).

/// Returns the columns of a `COPY schema.table (a, b) FROM stdin;`.
pub(super) fn columns(statement: &str) -> Option<Vec<String>> {
    let (_, rest) = statement.split_once(" (")?;
    let (list, _) = rest.rsplit_once(") FROM stdin;")?;
    Some(list.split(", ").map(|name| name.trim_matches('"').to_owned()).collect())
}

/// Returns the name that a statement begins with, quotes taken off: `schema.table`.
pub(super) fn table(statement: &str) -> String {
    let mut name = String::new();
    let mut in_quotes = false;
    for c in statement.chars() {
        match c {
            // Of a doubled quote the first ends the name, the second begins it anew.
            '"' if !in_quotes && name.ends_with(|last: char| last != '.') => {
                name.push('"');
                in_quotes = true;
            }
            '"' => in_quotes = !in_quotes,
            ' ' if !in_quotes => break,
            other => name.push(other),
        }
    }
    name
}

/// Returns the rows before the line `\.`; `None` if that line is missing.
pub(super) fn rows(text: &str) -> Option<Vec<Vec<Option<String>>>> {
    let mut rows = Vec::new();
    for line in text.split('\n') {
        if line == "\\." {
            return Some(rows);
        }
        rows.push(line.split('\t').map(field).collect());
    }
    None
}

fn field(text: &str) -> Option<String> {
    if text == "\\N" {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'v' => '\u{b}',
                other => other,
            },
            other => other,
        });
    }
    Some(out)
}

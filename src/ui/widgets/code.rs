//! Which words of SQL, or of a migration in Python or JavaScript, stand out: what destroys,
//! what is a keyword, what is a comment. By the words alone: nothing is judged here.

use crate::ui::theme::Tone;

/// A stretch of a line, by bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How it is painted.
    pub tone: Tone,
}

/// What destroys, as SQL and as the tools' own functions name it.
const DESTROYS: [&str; 12] = [
    "cascade",
    "delete",
    "drop",
    "drop_column",
    "drop_constraint",
    "drop_index",
    "drop_table",
    "dropcolumn",
    "droptable",
    "removecolumn",
    "truncate",
    "vacuum",
];

/// Words of SQL that say what a statement does, sorted.
const KEYWORDS: [&str; 52] = [
    "add",
    "all",
    "alter",
    "analyze",
    "and",
    "as",
    "attach",
    "begin",
    "by",
    "check",
    "column",
    "commit",
    "concurrently",
    "constraint",
    "create",
    "default",
    "detach",
    "do",
    "domain",
    "exists",
    "foreign",
    "from",
    "if",
    "in",
    "index",
    "insert",
    "into",
    "is",
    "key",
    "lock",
    "not",
    "null",
    "on",
    "or",
    "partition",
    "primary",
    "references",
    "reindex",
    "rename",
    "select",
    "set",
    "table",
    "to",
    "type",
    "unique",
    "update",
    "using",
    "valid",
    "validate",
    "values",
    "view",
    "where",
];

/// Finds the spans of lines one after the other: a comment may go over several.
#[derive(Debug, Default)]
pub struct Scanner {
    in_comment: bool,
}

impl Scanner {
    /// Returns what stands out in the next line.
    pub fn line(&mut self, line: &str) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut at = 0;
        while at < line.len() {
            let (end, tone) = self.token(&line[at..]);
            if tone != Tone::Plain {
                spans.push(Span { start: at, end: at + end, tone });
            }
            at += end;
        }
        spans
    }

    /// Returns the length and the tone of what stands first.
    fn token(&mut self, rest: &str) -> (usize, Tone) {
        if self.in_comment || rest.starts_with("/*") {
            let end = rest.find("*/").map(|at| at + 2);
            self.in_comment = end.is_none();
            return (end.unwrap_or(rest.len()), Tone::Dim);
        }
        let first = rest.chars().next().unwrap_or(' ');
        match first {
            _ if rest.starts_with("--") || rest.starts_with("//") || first == '#' => {
                (rest.len(), Tone::Dim)
            }
            '\'' => (string(rest), Tone::Plain),
            _ if is_word(first) => {
                let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                (end, tone(&rest[..end]))
            }
            _ => (first.len_utf8(), Tone::Plain),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the length of a string that begins here. Quotes that are doubled begin the next.
fn string(rest: &str) -> usize {
    rest[1..].find('\'').map_or(rest.len(), |at| at + 2)
}

fn tone(word: &str) -> Tone {
    let lower = word.to_lowercase();
    if DESTROYS.contains(&lower.as_str()) {
        Tone::Alarm
    } else if KEYWORDS.binary_search(&lower.as_str()).is_ok() {
        Tone::Strong
    } else {
        Tone::Plain
    }
}

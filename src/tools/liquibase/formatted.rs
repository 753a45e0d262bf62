//! Formatted SQL: comments say what is a changeset and what takes it back
//! (<https://docs.liquibase.com/concepts/changelogs/sql-format.html>).

use super::changelog::{Item, Source};
use super::checksum::{Sum, opens_block};
use super::{Changeset, no_inverse};
use crate::domain::change::{Change, Statement};
use crate::domain::graph::{Problem, Trouble};
use crate::source::sql;

/// What Liquibase says of a changeset without `--rollback`.
const RAW: &str = "RawSQLChange";

/// Returns true if a text begins as such a changelog does.
pub(super) fn is_one(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.and_then(comment).is_some_and(|words| {
        words.split_whitespace().map(str::to_lowercase).eq(["liquibase", "formatted", "sql"])
    })
}

/// Returns what stands behind `--`.
fn comment(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("--").map(str::trim)
}

/// Returns what follows a word that stands first, whatever its case.
fn after<'a>(words: &'a str, first: &str) -> Option<&'a str> {
    let head = words.get(..first.len()).filter(|head| head.eq_ignore_ascii_case(first))?;
    let rest = &words[head.len()..];
    rest.is_empty().then_some("").or_else(|| rest.strip_prefix([' ', '\t']).map(str::trim))
}

/// The text of a changeset, as it is gathered line by line.
struct Open {
    set: Changeset,
    /// The way up, with an empty line for each that is none of it.
    up: String,
    down: String,
    /// True if a rollback is there, also an empty one.
    has_down: bool,
    delimiter: Option<String>,
    foreign: Option<&'static str>,
    /// True inside of a block `/* liquibase rollback`.
    in_block: bool,
    sum: Option<Sum>,
}

/// Reads the changesets of a text; without its first line Liquibase takes it for one changeset.
pub(super) fn read(source: &Source, problems: &mut Vec<Problem>) -> Vec<Item> {
    if !is_one(source.text) {
        return vec![plain(source, problems)];
    }
    let mut items = Vec::new();
    let mut open: Option<Open> = None;
    let mut ignored = 0_usize;
    for (at, line) in source.text.lines().enumerate() {
        let words = comment(line).unwrap_or_default();
        if let Some(head) = after(words, "changeset") {
            items.extend(open.take().map(|open| open.close(source, problems)));
            open = begin(source, head, at + 1, problems);
        } else if let Some(count) = words.to_lowercase().strip_prefix("ignorelines:") {
            ignored = if count == "start" { usize::MAX } else { count.trim().parse().unwrap_or(0) };
        } else if ignored > 0 {
            ignored -= 1;
        } else if let Some(open) = &mut open {
            open.take(line, words);
        }
    }
    items.extend(open.map(|open| open.close(source, problems)));
    items
}

/// A file of SQL alone is one changeset, `raw` by `includeAll`.
fn plain(source: &Source, problems: &mut Vec<Problem>) -> Item {
    let set = Changeset {
        id: "raw".to_owned(),
        author: "includeAll".to_owned(),
        line: 1,
        transaction: true,
        ..Changeset::default()
    };
    let up = source.text.to_owned();
    let open = Open {
        set,
        up,
        down: String::new(),
        has_down: false,
        delimiter: None,
        foreign: None,
        in_block: false,
        sum: None,
    };
    open.close(source, problems)
}

fn begin(source: &Source, head: &str, line: usize, problems: &mut Vec<Problem>) -> Option<Open> {
    let (name, rest) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
    let Some((author, id)) = name.split_once(':').filter(|(_, id)| !id.is_empty()) else {
        let detail = format!(
            "{}:{line}: a changeset needs an author and an id: write `--changeset author:id`",
            source.path
        );
        problems.push(Problem::new(Trouble::Syntax, source.file, detail));
        return None;
    };
    let value = |name: &str| {
        rest.split_whitespace().find_map(|word| {
            let (key, value) = word.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
        })
    };
    let is = |name: &str, on: &str| value(name).is_some_and(|v| v.eq_ignore_ascii_case(on));
    let reruns = is("runAlways", "true") || is("runOnChange", "true");
    let uncertain = if is("runAlways", "true") {
        Some("is run again at every update (runAlways)")
    } else if is("runOnChange", "true") {
        Some("is run again whenever it changes (runOnChange)")
    } else if ["context", "contextFilter", "labels", "dbms"]
        .iter()
        .any(|name| value(name).is_some())
    {
        Some("runs only where its context, label or dbms fits")
    } else {
        None
    };
    let set = Changeset {
        id: id.to_owned(),
        author: author.to_owned(),
        line,
        transaction: !is("runInTransaction", "false"),
        uncertain,
        reruns,
        ..Changeset::default()
    };
    let delimiter = value("endDelimiter").filter(|delimiter| delimiter != ";");
    // The text keeps the file's lines.
    let up = "\n".repeat(line);
    let sum = Some(Sum::begin(rest));
    Some(Open {
        set,
        up,
        down: String::new(),
        has_down: false,
        delimiter,
        foreign: None,
        in_block: false,
        sum,
    })
}

impl Open {
    fn take(&mut self, line: &str, words: &str) {
        let length = self.up.len();
        if self.in_block {
            self.in_block = !line.trim_end().ends_with("*/");
        } else if let Some(text) = after(words, "rollback") {
            self.roll_back(text);
        } else if let Some(text) = after(words, "comment").or_else(|| after(words, "comment:")) {
            text.clone_into(&mut self.set.comment);
        } else if words.to_lowercase().starts_with("precondition") {
            let why = "runs only where its preconditions hold";
            self.set.uncertain = self.set.uncertain.or(Some(why));
        } else if opens_block(line) {
            self.in_block = true;
            self.foreign = Some(
                "a block `/* liquibase rollback`, which 4.4 takes for a comment and later versions run",
            );
        } else {
            self.up.push_str(line);
        }
        if let Some(sum) = &mut self.sum {
            sum.take(line, line.is_empty() || self.up.len() > length);
        }
        self.up.push('\n');
    }

    /// Takes what stands behind `--rollback`: nothing at all is no way back.
    fn roll_back(&mut self, text: &str) {
        let begins = |word: &str| text.to_lowercase().starts_with(word);
        if begins("empty") {
            self.foreign = Some(
                "`--rollback empty`, which 4.4 takes for SQL and fails, and later versions for nothing to do",
            );
        } else if begins("not required") {
            self.has_down = true;
        } else if !text.is_empty() {
            self.has_down = true;
            let missing = self.up.lines().count() - self.down.lines().count();
            self.down.push_str(&"\n".repeat(missing));
            self.down.push_str(text);
            self.down.push('\n');
        }
    }

    fn close(self, source: &Source, problems: &mut Vec<Problem>) -> Item {
        let mut set = self.set;
        source.file.clone_into(&mut set.file);
        source.path.clone_into(&mut set.path);
        source.text.clone_into(&mut set.text);
        set.sum = self.sum;
        let ended = |text: &str| match &self.delimiter {
            Some(delimiter) => text.replace(delimiter.as_str(), ";"),
            None => text.to_owned(),
        };
        let mut compile = |text: &str| {
            let compiled = sql::compile(text);
            for error in &compiled.errors {
                let detail = format!("{}:{}: {}", source.path, error.line, error.message);
                problems.push(Problem::new(Trouble::Syntax, set.id.clone(), detail));
            }
            compiled.statements
        };
        set.up = compile(&ended(&self.up));
        set.down = match (self.has_down, self.foreign) {
            (true, _) => compile(&ended(&self.down)),
            (false, Some(why)) => vec![Statement {
                line: set.line,
                sql: String::new(),
                kind: "rollback".to_owned(),
                changes: vec![Change::Unknown(why.to_owned())],
            }],
            (false, None) => vec![no_inverse(set.line, "", RAW)],
        };
        // `${…}` is replaced when it runs.
        set.complete = (!self.up.contains("${"), !self.down.contains("${"));
        Item::Set(Box::new(set))
    }
}

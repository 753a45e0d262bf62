//! What tools share that run files one after the other and keep a row for each.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::{Command, Entry, Intent, Migration, Project, Refused, Rows, Script, Setup, Tree};
use crate::domain::change::{Change, Name, Statement};
use crate::domain::graph::{Graph, Node, Problem, State, Trouble};
use crate::domain::hazard::Transactions;
use crate::domain::untrusted::Untrusted;
use crate::source::sql;

/// How a tool sends the statements of one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// Between its own `BEGIN` and `COMMIT`.
    Transaction,
    /// As one message: the server makes one transaction of it, unless it holds only one
    /// statement (<https://www.postgresql.org/docs/current/protocol-flow.html>).
    Message,
    /// One after the other.
    Alone,
}

/// A migration of the files, in the tool's order.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub name: String,
    pub file: String,
    pub migration: Migration,
}

/// What the database says of a migration.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub id: String,
    pub name: String,
    pub applied_at: Option<DateTime<Utc>>,
    pub dirty: bool,
}

/// Reads a file as text.
///
/// # Errors
/// A sentence with the path, and the line that is not UTF-8.
pub(super) fn text(tree: &dyn Tree, path: &str) -> Result<String, String> {
    let bytes = tree.read(path).map_err(|unreadable| unreadable.to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
        format!("{path}:{line}: not UTF-8: save it as UTF-8")
    })
}

/// Reads a file as text; `None` if it cannot be, which is then a problem of `id`.
pub(super) fn read(
    tree: &dyn Tree,
    path: &str,
    id: &str,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let text = text(tree, path);
    text.map_err(|why| problems.push(Problem::new(Trouble::Syntax, id, why))).ok()
}

/// Returns what a directory holds, sorted by name; nothing if it cannot be listed, which is
/// then a problem.
pub(super) fn entries(tree: &dyn Tree, directory: &str, problems: &mut Vec<Problem>) -> Vec<Entry> {
    tree.list(directory).unwrap_or_else(|unreadable| {
        problems.push(Problem::new(Trouble::Syntax, directory, unreadable.to_string()));
        Vec::new()
    })
}

/// Returns the names of the files of a directory, as [`entries`] does.
pub(super) fn names(tree: &dyn Tree, directory: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    let files = entries(tree, directory, problems).into_iter().filter(|entry| !entry.is_dir);
    files.map(|entry| entry.name).collect()
}

/// Whose project it is, and what its database holds.
pub(super) struct Place<'a> {
    pub tool: &'static str,
    pub directory: &'a str,
    pub rows: &'a Rows,
}

/// Returns the project that the migrations, in their order, and the rows make.
pub(super) fn project(
    place: &Place,
    steps: Vec<Step>,
    graph: Graph,
    problems: Vec<Problem>,
    setup: Setup,
) -> Project {
    Project {
        tool: place.tool,
        directory: place.directory.to_owned(),
        connected: *place.rows != Rows::Unknown,
        graph,
        migrations: steps.into_iter().map(|step| step.migration).collect(),
        problems,
        setup,
    }
}

/// A stretch of a file, by its bytes.
pub(super) type Span = std::ops::Range<usize>;

/// One way of a migration, as it stands in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    /// The migration's id, for problems.
    pub id: &'a str,
    pub file: &'a str,
    /// The whole file.
    pub text: &'a str,
    pub sent: Sent,
    /// What to do about a statement that refuses a transaction.
    pub advice: &'a str,
}

impl Way<'_> {
    /// Compiles the parts of the file that are this way, with the lines of the file; what
    /// the server would not take is a problem.
    pub(super) fn script(&self, parts: &[Span], problems: &mut Vec<Problem>) -> Script {
        let mut statements = Vec::new();
        for part in parts {
            let above = self.text[..part.start].matches('\n').count();
            let compiled = sql::compile(&self.text[part.clone()]);
            for error in &compiled.errors {
                let detail = format!("{}:{}: {}", self.file, above + error.line, error.message);
                problems.push(Problem::new(Trouble::Syntax, self.id, detail));
            }
            let placed = compiled.statements.into_iter();
            statements.extend(placed.map(|s| Statement { line: above + s.line, ..s }));
        }
        let refused = self.refused(&statements);
        problems.extend(refused.map(|why| Problem::new(Trouble::Unreachable, self.id, why)));
        Script {
            file: self.file.to_owned(),
            text: Untrusted::new(self.text.to_owned()),
            transactions: self.transactions(&statements),
            statements,
            complete: true,
        }
    }

    /// A `COMMIT` in the file keeps what stands before it, whatever fails after.
    fn transactions(&self, statements: &[Statement]) -> Transactions {
        let splits = |s: &Statement| s.changes.iter().any(Change::splits_transaction);
        let refuses = |s: &Statement| s.changes.iter().any(Change::refuses_transaction);
        match self.sent {
            Sent::Alone => Transactions::None,
            _ if statements.iter().any(splits) => Transactions::Mixed,
            Sent::Message if matches!(statements, [only] if refuses(only)) => Transactions::None,
            _ => Transactions::One,
        }
    }

    fn refused(&self, statements: &[Statement]) -> Option<String> {
        let alone = self.sent == Sent::Message && statements.len() == 1;
        if alone || self.sent == Sent::Alone {
            return None;
        }
        let refuses = |s: &&Statement| s.changes.iter().any(Change::refuses_transaction);
        let statement = statements.iter().find(refuses)?;
        let place = format!("{}:{}: {}", self.file, statement.line, statement.kind);
        Some(match self.sent {
            Sent::Message => format!(
                "{place} fails: its {} statements are sent as one message and so share a transaction; give it a migration of its own",
                statements.len()
            ),
            _ => format!("{place} cannot run in a transaction: {}", self.advice),
        })
    }
}

/// Returns the whole of a text as the only part.
#[expect(clippy::single_range_in_vec_init, reason = "one part of the text")]
pub(super) fn whole(text: &str) -> [Span; 1] {
    [0..text.len()]
}

/// Joins the files, in their order, and the rows; a row without a file stands before the
/// first file that is `after` it.
pub(super) fn graph(
    steps: &[Step],
    records: &[Record],
    order: impl Fn(&str, &str) -> Ordering,
) -> Graph {
    let mut nodes: Vec<Node> = steps.iter().map(|step| of_file(step, records)).collect();
    let known = |record: &&Record| !steps.iter().any(|step| step.migration.id == record.id);
    for record in records.iter().filter(known) {
        let later = |node: &Node| order(&record.id, &node.id).is_lt();
        let at = nodes.iter().position(later).unwrap_or(nodes.len());
        nodes.insert(at, orphan(record));
    }
    for at in 1..nodes.len() {
        nodes[at].parents = vec![nodes[at - 1].id.clone()];
    }
    Graph { nodes }
}

fn of_file(step: &Step, records: &[Record]) -> Node {
    let record = records.iter().find(|record| record.id == step.migration.id);
    let state = match record {
        None => State::Pending,
        Some(record) if record.dirty => State::Dirty,
        Some(_) => State::Applied,
    };
    Node {
        id: step.migration.id.clone(),
        name: step.name.clone(),
        file: Some(step.file.clone()),
        parents: Vec::new(),
        state,
        applied_at: record.and_then(|record| record.applied_at),
    }
}

fn orphan(record: &Record) -> Node {
    Node {
        id: record.id.clone(),
        name: record.name.clone(),
        file: None,
        parents: Vec::new(),
        state: if record.dirty { State::Dirty } else { State::Orphan },
        applied_at: record.applied_at,
    }
}

/// Orders ids that are numbers.
pub(super) fn by_number(a: &str, b: &str) -> Ordering {
    let number = |text: &str| text.parse::<i128>().ok();
    number(a).cmp(&number(b)).then_with(|| a.cmp(b))
}

/// Returns a problem for each row without a file, for each that did not end, and for each
/// pending file that is older than one that has run; `says` is what the tool makes of it.
pub(super) fn troubles(graph: &Graph, says: &Says) -> Vec<Problem> {
    let mut problems = Vec::new();
    let last = graph.nodes.iter().rposition(|node| node.state != State::Pending);
    for (at, node) in graph.nodes.iter().enumerate() {
        let (kind, detail) = match node.state {
            State::Orphan => (Trouble::Orphan, says.orphan.to_owned()),
            State::Dirty => (Trouble::Dirty, says.dirty.to_owned()),
            State::Pending if Some(at) < last => {
                let ran = last.map(|last| graph.nodes[last].id.as_str()).unwrap_or_default();
                (Trouble::OutOfOrder, format!("{ran} has run already: {}", says.out_of_order))
            }
            _ => continue,
        };
        problems.push(Problem::new(kind, node.id.clone(), detail));
    }
    problems
}

/// What a tool makes of what is wrong, in words that end a sentence.
pub(super) struct Says {
    pub orphan: &'static str,
    pub dirty: &'static str,
    pub out_of_order: &'static str,
}

/// Keeps the first of each id.
pub(super) fn unique(steps: Vec<Step>, tool: &str, problems: &mut Vec<Problem>) -> Vec<Step> {
    let mut kept: Vec<Step> = Vec::new();
    for step in steps {
        let id = step.migration.id.clone();
        match kept.iter().find(|other| other.migration.id == id) {
            None => kept.push(step),
            Some(first) => {
                let detail = format!(
                    "{} and {} have the same version, which {tool} cannot tell apart: give one another version",
                    first.file, step.file
                );
                problems.push(Problem::new(Trouble::DuplicateId, id, detail));
            }
        }
    }
    kept
}

/// What runs when its turn has come.
pub(super) struct Turn<'a> {
    pub script: &'a Script,
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// The id of what ran before it in the row.
    pub previous: Option<&'a str>,
}

impl Turn<'_> {
    /// Returns the act by which `argv` runs it, in words that hold no secret.
    pub(super) fn act(self, argv: &[&str]) -> super::Act {
        let no_lock_timeout = self.script.no_lock_timeout();
        super::Act {
            command: command(argv),
            before: self.before,
            after: self.after,
            files: vec![self.script.file.clone()],
            no_lock_timeout,
        }
    }
}

/// Returns a command in the project's directory.
pub(super) fn command(argv: &[&str]) -> Command {
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    Command { argv, ..Command::default() }
}

/// Returns what runs, if it is its turn and no problem that `stops` it is there.
pub(super) fn turn<'a>(
    project: &'a Project,
    intent: &Intent,
    stops: impl Fn(&Problem) -> bool,
) -> Result<Turn<'a>, Refused> {
    turn_among(project, intent, stops, |_| true)
}

/// Returns what runs, as [`turn`] does, where only some have a place in the row.
pub(super) fn turn_among<'a>(
    project: &'a Project,
    intent: &Intent,
    stops: impl Fn(&Problem) -> bool,
    counts: impl Fn(&&Node) -> bool,
) -> Result<Turn<'a>, Refused> {
    if !project.connected {
        return Err(Refused::UnknownState);
    }
    let id = intent.migration();
    let (node, migration) = expect(project, intent)?;
    let refuses = |problem: &&Problem| match problem.kind {
        // Of one file only: the others run. A file that is no migration at all stops all.
        Trouble::Syntax | Trouble::Unreachable if project.migration(&problem.id).is_some() => {
            problem.id == id
        }
        _ => stops(problem),
    };
    if let Some(problem) = project.problems.iter().find(refuses) {
        return Err(Refused::Problem(format!("{}: {}", problem.id, problem.detail)));
    }
    let first = match intent {
        Intent::Up(_) => project.graph.pending().next(),
        Intent::Down(_) => project.graph.applied().rfind(&counts),
    };
    if let Some(first) = first.filter(|first| first.id != id) {
        return Err(Refused::NotNext { id: id.to_owned(), first: first.id.clone() });
    }
    let script = match intent {
        Intent::Up(_) => &migration.up,
        Intent::Down(_) => {
            migration.down.as_ref().ok_or_else(|| Refused::NoWayDown(id.to_owned()))?
        }
    };
    let mut then = project.graph.clone();
    if let Some(moved) = then.nodes.iter_mut().find(|other| other.id == id) {
        moved.state = match intent {
            Intent::Up(_) => State::Applied,
            Intent::Down(_) => State::Pending,
        };
    }
    let mut ran = project.graph.applied().filter(&counts);
    let previous = ran.rfind(|other| other.id != node.id).map(|other| other.id.as_str());
    Ok(Turn { script, before: project.graph.current(), after: then.current(), previous })
}

/// Returns a migration, if it has the state that it must have.
pub(super) fn expect<'a>(
    project: &'a Project,
    intent: &Intent,
) -> Result<(&'a Node, &'a Migration), Refused> {
    let id = intent.migration();
    let missing = || Refused::NoSuchMigration(id.to_owned());
    let node = project.graph.find(id).ok_or_else(missing)?;
    let (wanted, direction) = match intent {
        Intent::Up(_) => (State::Pending, "up"),
        Intent::Down(_) => (State::Applied, "down"),
    };
    if node.state != wanted {
        return Err(Refused::WrongState {
            id: id.to_owned(),
            state: format!("{:?}", node.state).to_lowercase(),
            direction: direction.to_owned(),
        });
    }
    Ok((node, project.migration(id).ok_or_else(missing)?))
}

/// Returns an error if the tool, which always runs all that is pending, would run more
/// than this one.
pub(super) fn only_one_pending(project: &Project, command: &str) -> Result<(), Refused> {
    let pending: Vec<&str> = project.graph.pending().map(|node| node.id.as_str()).collect();
    if pending.len() < 2 {
        return Ok(());
    }
    Err(Refused::Problem(format!(
        "`{command}` would run all {} pending migrations together: {}; it can be run from here only when one is pending",
        pending.len(),
        pending.join(", ")
    )))
}

/// Returns what the project's `.env` gives a variable: the tools that are written in Go read it.
pub(super) fn dotenv(tree: &dyn Tree, name: &str) -> Option<String> {
    let text = text(tree, ".env").ok()?;
    let lines = text.lines().map(|line| line.trim().trim_start_matches("export "));
    let found = lines.filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == name);
    let value = found?.1.trim().trim_matches(['"', '\'']).to_owned();
    (!value.is_empty()).then_some(value)
}

/// Returns a file's path, if it is there.
pub(super) fn present(tree: &dyn Tree, path: &str) -> Vec<String> {
    tree.read(path).is_ok().then(|| path.to_owned()).into_iter().collect()
}

/// Reads `table` or `schema.table`.
pub(super) fn named(text: &str) -> Name {
    match text.split_once('.') {
        Some((schema, name)) => Name::within(schema, name),
        None => Name::new(text),
    }
}

/// Returns `directory`, or what stands for the project's own.
pub(super) fn place(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}

/// Returns a whole number at the beginning of a name, and what follows.
pub(super) fn number(name: &str) -> Option<(&str, &str)> {
    let end = name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len());
    (end > 0).then(|| name.split_at(end))
}

/// Returns a row's column.
pub(super) fn column(row: &[Option<String>], at: usize) -> Option<&str> {
    row.get(at)?.as_deref()
}

/// Returns the SQL for a column of time, as text that [`time`] reads.
pub(super) fn time_of(column: &str, has_zone: bool) -> String {
    let zone = if has_zone { " AT TIME ZONE 'UTC'" } else { "" };
    format!("to_char({column}{zone}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
}

/// Returns a row's column of time.
pub(super) fn time(row: &[Option<String>], at: usize) -> Option<DateTime<Utc>> {
    column(row, at)?.parse().ok()
}

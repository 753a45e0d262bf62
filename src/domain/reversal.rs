//! Whether the way back exists, and what it costs.

use serde::Serialize;

mod history;
mod part;
mod rename;

use super::change::written;
use super::change::{
    Alter, Change, Comment, Data, Definition, Name, Object, Rule, Statement, Verb,
};
use super::hazard::Catalog;
use super::loss;
use super::plan::Direction;

pub use history::History;

/// What the way down is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It undoes the way up and loses nothing.
    Reversible,
    /// It loses data, or cannot bring back what the way up destroyed.
    Lossy,
    /// It succeeds, and leaves definitions otherwise than they stood before.
    FalseDown,
    /// It does nothing, yet the tool reports success.
    NoOp,
    /// It refuses.
    Raises,
    /// It refuses under some condition.
    Conditional,
    /// There is none.
    Missing,
    /// It cannot be told.
    Unknown,
}

impl Kind {
    /// Returns the words for the screen, in capitals where going down costs something.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Reversible => "reversible",
            Self::Lossy => "LOSSY",
            Self::FalseDown => "a FALSE DOWN",
            Self::NoOp => "a NO-OP",
            Self::Raises => "IRREVERSIBLE: it raises",
            Self::Conditional => "conditional",
            Self::Missing => "MISSING",
            Self::Unknown => "unknown",
        }
    }
}

/// What the way down of a migration is, and by what that is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reversal {
    /// What it is.
    #[serde(rename = "reversal")]
    pub kind: Kind,
    /// Why, in a sentence.
    pub why: String,
    /// The line that decides: of the way down, or of the way up where `why` says so.
    #[serde(rename = "reversal_line")]
    pub line: Option<usize>,
}

impl Reversal {
    /// Returns a reversal with its reason.
    pub fn new(kind: Kind, why: impl Into<String>, line: Option<usize>) -> Self {
        Self { kind, why: why.into(), line }
    }
}

/// Judges the way down by what both ways change; `None` if there is no way down. What stood before
/// the migration is not known.
#[must_use]
pub fn judge(up: &[Statement], down: Option<&[Statement]>) -> Reversal {
    judge_after(up, down, &History::default(), &|_| true)
}

/// Judges the same where the migrations before it are known; `is_before` tells which of them run
/// before it in whatever order the tool takes.
#[must_use]
pub fn judge_after(
    up: &[Statement],
    down: Option<&[Statement]>,
    history: &History,
    is_before: &dyn Fn(&str) -> bool,
) -> Reversal {
    let Some(down) = down else {
        return Reversal::new(Kind::Missing, "there is no way down", None);
    };
    raises(down)
        .or_else(|| no_op(up, down))
        .or_else(|| unknown(down))
        .or_else(|| lost_going_up(up))
        .or_else(|| lost_going_down(down))
        .or_else(|| history::lost(up, down, history, is_before))
        .or_else(|| not_undone(up, down))
        .unwrap_or_else(|| Reversal::new(Kind::Reversible, "the way down undoes the way up", None))
}

/// Returns true if a migration with this change is judged by what the migrations before it have
/// defined.
#[must_use]
pub fn is_compared(change: &Change) -> bool {
    history::is_compared(change)
}

fn raises(down: &[Statement]) -> Option<Reversal> {
    let blocks = down.iter().flat_map(|s| s.changes.iter().map(move |change| (s.line, change)));
    blocks.into_iter().find_map(|(line, change)| {
        let body = match change {
            Change::Raise(conditional) => return Some(raised(*conditional, line)),
            Change::Block(body) => body,
            _ => return None,
        };
        let body = written::code(body).to_lowercase();
        let words: Vec<&str> = body.split_whitespace().collect();
        let raise = words.windows(2).position(|pair| {
            pair[0] == "raise" && !LOGS.contains(&pair[1].trim_end_matches(';'))
        })?;
        let branches = words[..raise].iter().any(|word| BRANCHES.contains(word));
        Some(raised(branches, line))
    })
}

fn raised(conditional: bool, line: usize) -> Reversal {
    let (kind, why) = if conditional {
        (Kind::Conditional, "the way down raises an error under a condition")
    } else {
        (Kind::Raises, "the way down raises an error")
    };
    Reversal::new(kind, why, Some(line))
}

/// The levels of `RAISE` that do not stop.
const LOGS: &[&str] = &["notice", "info", "log", "warning", "debug"];
const BRANCHES: &[&str] = &["if", "case", "loop", "when", "exception"];

fn no_op(up: &[Statement], down: &[Statement]) -> Option<Reversal> {
    let idle = |statement: &Statement| statement.changes.iter().all(is_idle);
    if !down.iter().all(idle) {
        return None;
    }
    let why = match up.iter().find(|statement| !idle(statement)) {
        Some(first) => format!(
            "the way down does nothing and yet succeeds; {} of the way up (line {}) stays",
            first.kind, first.line
        ),
        None => String::from("neither way does anything"),
    };
    Some(Reversal::new(Kind::NoOp, why, down.first().map(|statement| statement.line)))
}

/// Returns true if a change leaves nothing behind.
fn is_idle(change: &Change) -> bool {
    match change {
        Change::Read | Change::Touch(..) | Change::Setting(..) | Change::Transaction(_) => true,
        Change::Block(body) => is_idle_block(body),
        _ => false,
    }
}

/// Returns true if all of a block is nothing, or one message: what a message says may call
/// something where it has parentheses.
fn is_idle_block(body: &str) -> bool {
    let body = written::code(body).to_lowercase();
    let statements = body.split(';').map(|one| one.split_whitespace().collect::<Vec<_>>());
    let statements: Vec<Vec<&str>> = statements.filter(|words| !words.is_empty()).collect();
    let statements: Vec<&[&str]> = statements.iter().map(Vec::as_slice).collect();
    match statements.as_slice() {
        [["begin", "end"]] | [["begin", "null"], ["end"]] => true,
        [["begin", "raise", level, message @ ..], ["end"]] => {
            LOGS.contains(level) && message.iter().all(|word| !word.contains('('))
        }
        _ => false,
    }
}

fn unknown(down: &[Statement]) -> Option<Reversal> {
    let opaque = |change: &Change| match change {
        Change::Unknown(why) => Some(why.clone()),
        Change::Block(_) => Some(String::from("a code block")),
        _ => None,
    };
    down.iter().find_map(|statement| {
        let why = statement.changes.iter().find_map(opaque)?;
        Some(Reversal::new(
            Kind::Unknown,
            format!("the way down cannot be judged: {why}"),
            Some(statement.line),
        ))
    })
}

fn lost_going_up(up: &[Statement]) -> Option<Reversal> {
    let lost = loss::of(up, Direction::Up, &Catalog::default())
        .into_iter()
        .find(|loss| !loss.what.contains("not fit"))?;
    let why = format!(
        "IRREVERSIBLE data: the way up (line {}) destroys {}; no way down brings it back",
        lost.line, lost.what
    );
    Some(Reversal::new(Kind::Lossy, why, Some(lost.line)))
}

fn lost_going_down(down: &[Statement]) -> Option<Reversal> {
    let lost = loss::of(down, Direction::Down, &Catalog::default()).into_iter().next()?;
    let why = if lost.what.contains("not fit") {
        format!("the way down fails on, or changes, {}", lost.what)
    } else {
        format!("the way down destroys {} with everything written since", lost.what)
    };
    Some(Reversal::new(Kind::Lossy, why, Some(lost.line)))
}

/// The first change of the way up that nothing in the way down undoes.
fn not_undone(up: &[Statement], down: &[Statement]) -> Option<Reversal> {
    let undo: Vec<&Change> = down.iter().flat_map(|statement| &statement.changes).collect();
    let not_made_anew = up.iter().enumerate().filter(|(at, one)| !is_made_anew(one, &up[at + 1..]));
    not_made_anew.map(|(_, statement)| statement).find_map(|statement| {
        let stays = |change: &&Change| !is_idle(change) && !is_undone(change, &undo);
        statement.changes.iter().find(stays)?;
        let why = format!(
            "nothing in the way down undoes {} of the way up (line {})",
            statement.kind, statement.line
        );
        Some(Reversal::new(Kind::Unknown, why, Some(statement.line)))
    })
}

/// Returns true for a `DROP` of what the statements after it define again: what it loses is told
/// by the definition that stood before.
fn is_made_anew(statement: &Statement, after: &[Statement]) -> bool {
    let mut dropped = statement.changes.iter().filter_map(|change| match change {
        Change::Undefine(object, _) => Some(object),
        _ => None,
    });
    let is_defined = |object: &Object| {
        let mut changes = after.iter().flat_map(|later| &later.changes);
        changes.any(|change| matches!(change, Change::Define(one) if one.object.may_be(object)))
    };
    dropped.clone().next().is_some() && dropped.all(is_defined)
}

/// A statement of one way to which nothing in the other belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The way that it stands in.
    pub direction: Direction,
    /// Its line there.
    pub line: usize,
    /// What it is, e.g. `CREATE INDEX`.
    pub kind: String,
    /// The statement.
    pub sql: String,
}

/// Returns how both ways differ from each other's opposite: what the way up does and the way down
/// does not take back, and what the way down does to what the way up has not made. Of what nobody
/// can tell what it does, nothing is said.
#[must_use]
pub fn difference(up: &[Statement], down: &[Statement]) -> Vec<Unmatched> {
    let (ups, downs) = (changes(up), changes(down));
    let stays = unmatched(up, Direction::Up, |change| is_undone(change, &downs));
    let takes = unmatched(down, Direction::Down, |change| ups.iter().any(|up| undoes(change, up)));
    stays.chain(takes).collect()
}

fn changes(statements: &[Statement]) -> Vec<&Change> {
    statements.iter().flat_map(|statement| &statement.changes).collect()
}

fn unmatched<'a>(
    statements: &'a [Statement],
    direction: Direction,
    is_matched: impl Fn(&Change) -> bool + 'a,
) -> impl Iterator<Item = Unmatched> + 'a {
    statements.iter().filter_map(move |statement| {
        let alone =
            |change: &Change| !is_idle(change) && !change.is_opaque() && !is_matched(change);
        statement.changes.iter().any(alone).then(|| Unmatched {
            direction,
            line: statement.line,
            kind: statement.kind.clone(),
            sql: statement.sql.clone(),
        })
    })
}

fn is_undone(change: &Change, undo: &[&Change]) -> bool {
    undo.iter().any(|other| undoes(other, change))
}

/// Returns true if `undo` takes `change` back.
fn undoes(undo: &Change, change: &Change) -> bool {
    match (change, undo) {
        (Change::CreateTable(table), Change::DropTable(name)) => table.name.may_be(name),
        (Change::CreateIndex(index), Change::DropIndex(drop)) => {
            index.name.as_ref().is_none_or(|name| name.may_be(&drop.name))
        }
        (Change::CreateIndex(index), Change::DropTable(name)) => index.table.may_be(name),
        (Change::DropIndex(drop), Change::CreateIndex(index)) => {
            index.name.as_ref().is_some_and(|name| name.may_be(&drop.name))
        }
        (Change::RenameIndex(from, to), Change::RenameIndex(back, again)) => {
            back.name == *to && *again == from.name
        }
        (Change::Alter(table, action), Change::DropTable(name)) => {
            table.may_be(name) || matches!(action, Alter::Rename(to) if *to == name.name)
        }
        (Change::Alter(table, action), Change::Alter(other, back)) => {
            undoes_action(table, action, other, back)
        }
        (Change::Data(data), Change::Data(back)) => {
            data.verb == Verb::Insert && back.verb == Verb::Delete && data.table.may_be(&back.table)
        }
        (Change::Data(Data { table, .. }), Change::DropTable(name))
        | (
            Change::CreateTrigger(table),
            Change::DropTrigger(name) | Change::CreateTrigger(name) | Change::DropTable(name),
        )
        | (Change::DropTrigger(table), Change::CreateTrigger(name))
        | (Change::Police(table), Change::Police(name))
        | (Change::CreateView(table), Change::DropView(name) | Change::CreateView(name))
        | (Change::DropView(table), Change::CreateView(name))
        | (Change::CreateMaterializedView(table), Change::DropMaterializedView(name))
        | (Change::DropMaterializedView(table), Change::CreateMaterializedView(name))
        | (Change::Sequence(table), Change::DropSequence(name) | Change::Sequence(name)) => {
            table.may_be(name)
        }
        (Change::Comment(comment), Change::Comment(other)) => {
            comment.table.may_be(&other.table) && comment.column == other.column
        }
        (Change::Comment(Comment { table, .. }), Change::DropTable(name)) => table.may_be(name),
        (Change::Define(definition), Change::DropTable(name)) => {
            definition.object.on.as_ref().is_some_and(|on| on.may_be(name))
        }
        (Change::Define(Definition { object, .. }), undo) => defines(undo, object),
        (Change::Undefine(object, _), undo @ Change::Define(_)) => defines(undo, object),
        (
            Change::Catalog(_) | Change::CreateDomain(..),
            Change::Catalog(_) | Change::DropObject(_),
        )
        | (Change::CreateExtension(_), Change::DropObject(_))
        | (
            Change::Analyze(_)
            | Change::Vacuum(_)
            | Change::Lock(..)
            | Change::Reindex(_)
            | Change::Refresh(..)
            | Change::Cluster(_),
            _,
        ) => true,
        _ => false,
    }
}

/// Returns true if a change makes, or drops, this object.
fn defines(change: &Change, object: &Object) -> bool {
    match change {
        Change::Define(definition) => definition.object.may_be(object),
        Change::Undefine(dropped, _) => dropped.may_be(object),
        Change::DropObject(_) => object.thing.is_routine(),
        _ => false,
    }
}

fn undoes_action(table: &Name, action: &Alter, other: &Name, back: &Alter) -> bool {
    if let (Alter::Rename(to), Alter::Rename(again)) = (action, back) {
        return other.name == *to && *again == table.name;
    }
    if !table.may_be(other) {
        return false;
    }
    match (action, back) {
        (Alter::AddColumn(column), Alter::DropColumn(name)) => column.name == *name,
        (Alter::Type(retype), Alter::Type(back)) => retype.column == back.column,
        (Alter::SetNotNull(a), Alter::DropNotNull(b))
        | (Alter::DropNotNull(a), Alter::SetNotNull(b))
        | (Alter::SetDefault(a, _), Alter::DropDefault(b) | Alter::SetDefault(b, _))
        | (Alter::DropDefault(a), Alter::SetDefault(b, _))
        | (Alter::AddIdentity(a), Alter::DropIdentity(b))
        | (Alter::DropIdentity(a), Alter::AddIdentity(b))
        | (Alter::SetExpression(a), Alter::SetExpression(b))
        | (Alter::ColumnStatistics(a), Alter::ColumnStatistics(b))
        | (Alter::ColumnOption(a), Alter::ColumnOption(b))
        | (Alter::AlterConstraint(a, _), Alter::AlterConstraint(b, _)) => a == b,
        (Alter::ValidateConstraint(a), Alter::DropConstraint(b)) => *a == b.name,
        (Alter::AddConstraint(constraint), Alter::DropConstraint(dropped)) => {
            constraint.name.as_ref().is_none_or(|own| *own == dropped.name)
        }
        (Alter::AddConstraint(constraint), Alter::DropNotNull(name)) => {
            matches!(&constraint.rule, Rule::NotNull(column) if column == name)
        }
        (Alter::DropConstraint(dropped), Alter::AddConstraint(constraint)) => {
            constraint.name_on(other).as_ref() == Some(&dropped.name)
        }
        (Alter::RenameColumn(from, to), Alter::RenameColumn(back, again))
        | (Alter::RenameConstraint(from, to), Alter::RenameConstraint(back, again)) => {
            back == to && again == from
        }
        (Alter::Attach(child, _), Alter::Detach(other, _))
        | (Alter::Detach(child, _), Alter::Attach(other, _))
        | (Alter::Inherit(child), Alter::NoInherit(other))
        | (Alter::NoInherit(child), Alter::Inherit(other)) => child.may_be(other),
        (Alter::SetLogged(a), Alter::SetLogged(b)) => a != b,
        (Alter::Trigger, Alter::Trigger)
        | (Alter::RowSecurity, Alter::RowSecurity)
        | (Alter::Options, Alter::Options)
        | (Alter::Move, Alter::Move)
        | (Alter::Ownership, Alter::Ownership)
        | (Alter::SetSchema(_), Alter::SetSchema(_)) => true,
        _ => false,
    }
}

//! What stood before a migration: the definitions that those before it have left.
//!
//! Of what only ever replaces itself, a function or a view, the way down brings back the earlier
//! one only if it repeats its text.

use super::{Kind, Reversal};
use crate::domain::change::{Alter, Change, Definition, Name, Object, Statement};

/// The definitions of the migrations so far, in the order in which they run.
#[derive(Clone, Debug, Default)]
pub struct History<'a> {
    events: Vec<Event<'a>>,
}

#[derive(Clone, Debug)]
struct Event<'a> {
    /// The migration.
    by: &'a str,
    line: usize,
    what: What<'a>,
}

#[derive(Clone, Copy, Debug)]
enum What<'a> {
    Defined(&'a Definition),
    Dropped(&'a Object),
    /// A table got a new name.
    Renamed(&'a Name, &'a str),
    /// What nobody can tell the effect of.
    Opaque(&'a str),
}

/// What stood of an object.
enum Stood<'a> {
    /// Nothing that is known of.
    Nothing,
    Defined(&'a Definition, Place<'a>),
    Unclear(String),
}

/// The migration, and the line in its file.
type Place<'a> = (&'a str, usize);

/// What a way does in the end to what is defined.
struct Net<'a> {
    object: &'a Object,
    /// The definition that it leaves; `None`: it is gone.
    left: Option<&'a Definition>,
    line: usize,
    /// True if it fails unless the object stood before.
    stood: bool,
    /// True if the object may have stood before.
    may_have_stood: bool,
}

impl<'a> History<'a> {
    /// Takes a way up as done.
    pub fn take(&mut self, by: &'a str, up: &'a [Statement]) {
        for statement in up {
            let line = statement.line;
            let whats = statement.changes.iter().filter_map(|change| match change {
                Change::Define(definition) => Some(What::Defined(definition)),
                Change::Undefine(object, _) => Some(What::Dropped(object)),
                Change::Alter(table, Alter::Rename(to)) => Some(What::Renamed(table, to)),
                change if change.is_opaque() || alters(statement) => {
                    Some(What::Opaque(&statement.sql))
                }
                _ => None,
            });
            self.events.extend(whats.map(|what| Event { by, line, what }));
        }
    }

    /// Returns what stood of an object.
    fn stood(&self, object: &Object, is_before: &dyn Fn(&str) -> bool) -> Stood<'a> {
        let mut object = object.clone();
        let last = self.events.iter().rev().find(|event| match event.what {
            What::Defined(definition) => definition.object.may_be(&object),
            What::Dropped(dropped) => dropped.may_be(&object),
            What::Renamed(table, to) => {
                object.on = object.on.take().map(|on| earlier(on, table, to));
                false
            }
            What::Opaque(sql) => may_define(sql, &object.name.name),
        });
        let Some(Event { by, line, what }) = last else { return Stood::Nothing };
        if !is_before(by) {
            return Stood::Unclear(format!(
                "{by}, of another branch, changes it as well: which of both runs first is not fixed"
            ));
        }
        match what {
            What::Defined(definition) => Stood::Defined(definition, (by, *line)),
            What::Dropped(_) | What::Renamed(..) => Stood::Nothing,
            What::Opaque(_) => Stood::Unclear(format!(
                "{by} (line {line}) names it in what nobody can tell the effect of"
            )),
        }
    }
}

/// Returns the name that a table had before it was renamed.
fn earlier(on: Name, table: &Name, to: &str) -> Name {
    if table.renamed(to).may_be(&on) { on.renamed(&table.name) } else { on }
}

/// Returns true for `ALTER FUNCTION` and the like, which change more than the text tells; whose
/// it is changes nothing.
fn alters(statement: &Statement) -> bool {
    statement.kind.starts_with("ALTER")
        && !statement.kind.starts_with("ALTER TABLE")
        && !statement.sql.to_uppercase().contains("OWNER TO")
}

/// Returns true if text of which nobody can tell what it does names something, and does not
/// only call it.
fn may_define(sql: &str, name: &str) -> bool {
    let sql = sql.to_lowercase();
    let mut words = sql.split(|c: char| !c.is_alphanumeric() && c != '_');
    let first = words.clone().find(|word| !word.is_empty()).unwrap_or_default();
    !matches!(first, "select" | "call" | "with") && words.any(|word| word == name.to_lowercase())
}

/// Returns why what the way up replaces or drops does not come back, if that is not shown.
pub(super) fn lost(
    up: &[Statement],
    down: &[Statement],
    history: &History,
    is_before: &dyn Fn(&str) -> bool,
) -> Option<Reversal> {
    let back = net(down);
    net(up).iter().find_map(|made| {
        let back = back.iter().find(|back| back.object.may_be(made.object))?;
        judge(made, back, &history.stood(made.object, is_before))
    })
}

fn net(statements: &[Statement]) -> Vec<Net<'_>> {
    let mut all: Vec<Net> = Vec::new();
    let changes =
        statements.iter().flat_map(|s| s.changes.iter().map(move |change| (s.line, change)));
    for (line, change) in changes {
        let (object, left) = match change {
            Change::Define(definition) => (&definition.object, Some(definition)),
            Change::Undefine(object, _) => (object, None),
            _ => continue,
        };
        match all.iter_mut().find(|known| known.object.may_be(object)) {
            Some(known) => (known.left, known.line) = (left, line),
            None => all.push(Net {
                object,
                left,
                line,
                stood: matches!(change, Change::Undefine(_, false)),
                may_have_stood: left.is_none_or(|made| made.may_stand),
            }),
        }
    }
    all
}

fn judge(made: &Net, back: &Net, stood: &Stood) -> Option<Reversal> {
    let does = if made.left.is_some() { "replaces" } else { "drops" };
    let up = format!("the way up (line {}) {does} {}", made.line, made.object);
    let down = format!("the way down (line {})", back.line);
    let (kind, why) = match (stood, back.left) {
        (Stood::Defined(before, _), Some(after)) if before.text == after.text => return None,
        (Stood::Defined(_, (by, line)), Some(_)) => (
            Kind::Lossy,
            format!(
                "{up}, and {down} writes it otherwise than {by} (line {line}), which stood before"
            ),
        ),
        (Stood::Defined(_, (by, line)), None) => (
            Kind::Lossy,
            format!(
                "{up} of {by} (line {line}), and {down} drops it: the earlier definition does not come back"
            ),
        ),
        (Stood::Unclear(why), _) => (
            Kind::Unknown,
            format!("{up}, and whether {down} brings back what stood before cannot be told: {why}"),
        ),
        (Stood::Nothing, Some(_)) if made.may_have_stood => (
            Kind::Unknown,
            format!(
                "{up}, and no earlier revision shows what stood before: whether {down} brings it back cannot be told"
            ),
        ),
        (Stood::Nothing, Some(_)) => (
            Kind::Unknown,
            format!(
                "the way up (line {}) makes {}, and {down} leaves one behind",
                made.line, made.object
            ),
        ),
        (Stood::Nothing, None) if made.stood => (
            Kind::Lossy,
            format!("{up}, and {down} drops it: what stood before does not come back"),
        ),
        (Stood::Nothing, None) => return None,
    };
    Some(Reversal::new(kind, why, Some(back.line)))
}

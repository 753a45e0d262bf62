//! What stood before a migration: the definitions that those before it have left.
//!
//! Of what replaces itself, or is dropped and made anew, the way down brings back the earlier one
//! only if it repeats how that was defined.

use std::collections::{BTreeSet, HashMap};

use super::part::{self, FOREIGN_KEY, Part, Same, Shape};
use super::rename::Rename;
use super::{Kind, Reversal};
use crate::domain::change::{Alter, Change, Definition, Name, Object, Statement, Thing};

/// The definitions of the migrations so far, in the order in which they run.
#[derive(Clone, Debug, Default)]
pub struct History<'a> {
    events: Vec<Event<'a>>,
    /// The places of those that tell of a name, in lower case.
    named: HashMap<String, Vec<usize>>,
    /// The places of those that give new names.
    renames: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Event<'a> {
    /// The migration.
    by: &'a str,
    line: usize,
    what: What<'a>,
}

#[derive(Clone, Debug)]
enum What<'a> {
    Defined(&'a Definition),
    Dropped(&'a Object),
    Part(Part),
    /// A column is made, or goes: what it had by its name before is not what it has now.
    Column(&'a Name, &'a str),
    Renamed(Rename<'a>),
    /// A constraint of a table is proven.
    Validated(&'a Name, &'a str),
    /// What nobody can tell the effect of.
    Opaque(&'a str),
}

/// What stood of an object.
enum Stood<'a> {
    /// Nothing that is known of.
    Nothing,
    /// Surely nothing.
    Absent,
    /// On which table, if that has to be compared as well, and how.
    Defined(Option<Name>, Shape, Place<'a>),
    Unclear(String),
}

/// The migration, and the line in its file.
type Place<'a> = (&'a str, usize);

/// What a way does in the end to what is defined, under the names outside of the migration.
struct Net {
    /// How it is known before the way up, and after the way down.
    object: Object,
    /// The definition that it leaves; `None`: it is gone.
    left: Option<Shape>,
    line: usize,
    /// True if it fails unless the object stood before.
    stood: bool,
    /// True if the object may have stood before.
    may_have_stood: bool,
    /// True if what depends on it goes as well.
    cascade: bool,
}

impl<'a> History<'a> {
    /// Takes a way up as done.
    pub fn take(&mut self, by: &'a str, up: &'a [Statement]) {
        for statement in up {
            for change in &statement.changes {
                for what in whats(change, statement) {
                    self.add(Event { by, line: statement.line, what });
                }
            }
        }
    }

    fn add(&mut self, event: Event<'a>) {
        let at = self.events.len();
        let mut file = |name: &str| self.named.entry(name.to_lowercase()).or_default().push(at);
        match &event.what {
            What::Defined(definition) => file(&definition.object.name.name),
            What::Dropped(object) => file(&object.name.name),
            What::Part(part) => file(&part.object.name.name),
            What::Column(_, name) | What::Validated(_, name) => file(name),
            What::Renamed(_) => self.renames.push(at),
            What::Opaque(sql) => words(sql).iter().for_each(|word| file(word)),
        }
        self.events.push(event);
    }

    /// Returns the last place before `end` that may tell of a name.
    fn last(&self, name: &str, end: usize) -> Option<usize> {
        let last = |places: &[usize]| {
            places.partition_point(|at| *at < end).checked_sub(1).map(|last| places[last])
        };
        let named = self.named.get(&name.to_lowercase()).and_then(|places| last(places));
        named.max(last(&self.renames))
    }

    /// Returns what stood of an object.
    fn stood(&self, object: &Object, is_before: &dyn Fn(&str) -> bool) -> Stood<'a> {
        let (mut object, mut end, mut is_proven) = (object.clone(), self.events.len(), false);
        while let Some(at) = self.last(&object.name.name, end) {
            end = at;
            let Event { by, line, what } = &self.events[at];
            let stood = match what {
                What::Defined(definition) if definition.object.may_be(&object) => {
                    Stood::Defined(None, vec![definition.text.clone()], (by, *line))
                }
                What::Dropped(dropped) if dropped.may_be(&object) => Stood::Nothing,
                What::Part(part) if part.object.may_be(&object) => match &part.left {
                    Some(shape) => {
                        let (on, shape) = self.since(at, part, shape.clone(), is_proven);
                        Stood::Defined(on, shape, (by, *line))
                    }
                    None => Stood::Absent,
                },
                What::Column(table, column) if is_of(&object, table, column) => Stood::Absent,
                What::Validated(table, name) if is_constraint(&object, table, name) => {
                    is_proven = true;
                    continue;
                }
                What::Renamed(rename) => {
                    rename.backward(&mut object);
                    continue;
                }
                What::Opaque(sql) if may_define(sql, &object) => Stood::Unclear(format!(
                    "{by} (line {line}) names it in what nobody can tell the effect of"
                )),
                _ => continue,
            };
            return if is_before(by) {
                stood
            } else {
                Stood::Unclear(format!(
                    "{by}, of another branch, changes it as well: which of both runs first is not fixed"
                ))
            };
        }
        Stood::Nothing
    }

    /// Returns the table and the shape of what was made at a place, by the names of today.
    fn since(
        &self,
        at: usize,
        part: &Part,
        mut shape: Shape,
        is_proven: bool,
    ) -> (Option<Name>, Shape) {
        let mut object = part.object.clone();
        let from = self.renames.partition_point(|other| *other < at);
        for later in &self.renames[from..] {
            if let What::Renamed(rename) = self.events[*later].what {
                rename.shape(&object, &mut shape);
                rename.forward(&mut object);
            }
        }
        if let Some(validity) = shape.last_mut().filter(|_| is_proven) {
            validity.clear();
        }
        (object.on, shape)
    }

    /// Returns the foreign keys that lead to the key of a table, with where they were made.
    fn leading_to(
        &self,
        table: &Name,
        key: Option<&[String]>,
        is_before: &dyn Fn(&str) -> bool,
    ) -> Vec<(Object, Place<'a>)> {
        let keys = self.events.iter().filter_map(|event| match &event.what {
            What::Part(part) => Some(&part.object).filter(|object| {
                let is_key = |shape: &Shape| shape.first().is_some_and(|s| s == FOREIGN_KEY);
                object.thing == Thing::Constraint && part.left.as_ref().is_some_and(is_key)
            }),
            _ => None,
        });
        let mut found: Vec<(Object, Place)> = Vec::new();
        for object in keys {
            let Stood::Defined(_, shape, place) = self.stood(object, is_before) else { continue };
            let is_other = key.is_some_and(|key| match shape[3].as_str() {
                part::NOT_KNOWN => key[0] != "primary key",
                theirs => key[1] != part::NOT_KNOWN && key[1] != theirs,
            });
            let leads = Name::parse(&shape[2]).may_be(table) && !is_other;
            if leads && found.iter().all(|(known, _)| known != object) {
                found.push((object.clone(), place));
            }
        }
        found
    }
}

fn whats<'a>(change: &'a Change, statement: &'a Statement) -> Vec<What<'a>> {
    let new = |table: &'a Name, column: &'a crate::domain::change::Column| {
        let parts = part::of_new(table, column).into_iter().map(What::Part);
        std::iter::once(What::Column(table, &column.name)).chain(parts)
    };
    let constrained = |table: &'a Name, rules: &'a [crate::domain::change::Constraint]| {
        rules.iter().flat_map(|rule| part::constrained(table, rule)).map(What::Part)
    };
    match change {
        Change::Define(definition) => vec![What::Defined(definition)],
        Change::Undefine(object, _) => vec![What::Dropped(object)],
        Change::CreateTable(table) => {
            let columns = table.columns.iter().flat_map(|column| new(&table.name, column));
            columns.chain(constrained(&table.name, &table.constraints)).collect()
        }
        Change::Alter(table, Alter::AddColumn(column)) => {
            new(table, column).chain(constrained(table, &column.constraints)).collect()
        }
        Change::Alter(table, Alter::DropColumn(column)) => vec![What::Column(table, column)],
        Change::Alter(table, Alter::ValidateConstraint(name)) => {
            vec![What::Validated(table, name)]
        }
        Change::Alter(_, Alter::AlterConstraint(..)) => vec![What::Opaque(&statement.sql)],
        change if Rename::of(change).is_some() => {
            Rename::of(change).map(What::Renamed).into_iter().collect()
        }
        change if part::is_of(change) => part::of(change).into_iter().map(What::Part).collect(),
        change if change.is_opaque() || alters(statement) => vec![What::Opaque(&statement.sql)],
        _ => Vec::new(),
    }
}

fn is_of(object: &Object, table: &Name, column: &str) -> bool {
    object.thing.is_of_column()
        && object.name.name == column
        && object.on.as_ref().is_some_and(|on| on.may_be(table))
}

fn is_constraint(object: &Object, table: &Name, name: &str) -> bool {
    object.may_be(&part::constraint(table, name.to_owned()))
}

/// Returns true for `ALTER FUNCTION` and the like, which change more than the text tells; whose
/// it is changes nothing.
fn alters(statement: &Statement) -> bool {
    statement.kind.starts_with("ALTER")
        && !statement.kind.starts_with("ALTER TABLE")
        && !statement.sql.to_uppercase().contains("OWNER TO")
}

/// Returns the words of text of which nobody can tell what it does; none of what only calls it.
fn words(sql: &str) -> BTreeSet<String> {
    let sql = sql.to_lowercase();
    let words = sql.split(|c: char| !c.is_alphanumeric() && c != '_');
    let mut words = words.filter(|word| !word.is_empty()).peekable();
    if matches!(words.peek(), Some(&("select" | "call" | "with"))) {
        return BTreeSet::new();
    }
    words.map(str::to_owned).collect()
}

/// Returns true if text of which nobody can tell what it does names an object, and of a column or
/// a constraint its table as well.
fn may_define(sql: &str, object: &Object) -> bool {
    let words = words(sql);
    let names = |name: &Name| words.contains(&name.name.to_lowercase());
    let is_bound = object.thing.is_of_column() || object.thing == Thing::Constraint;
    names(&object.name) && (!is_bound || object.on.as_ref().is_none_or(names))
}

/// Returns true if [`lost`] may have something to say of a change.
pub(super) fn is_compared(change: &Change) -> bool {
    matches!(change, Change::Define(_) | Change::Undefine(..)) || part::is_of(change)
}

/// Returns why what the way up replaces or drops does not come back, if that is not shown.
pub(super) fn lost(
    up: &[Statement],
    down: &[Statement],
    history: &History,
    is_before: &dyn Fn(&str) -> bool,
) -> Option<Reversal> {
    if !up.iter().flat_map(|statement| &statement.changes).any(is_compared) {
        return None;
    }
    let back = net(down, Frame::After);
    net(up, Frame::Before).iter().find_map(|made| {
        let back_again = back.iter().find(|back| back.object.may_be(&made.object))?;
        let stood = if made.may_have_stood || is_text(made.object.thing) {
            history.stood(&made.object, is_before)
        } else {
            Stood::Nothing
        };
        judge(made, back_again, &stood)
            .or_else(|| made.cascade.then(|| cascaded(made, &back, history, is_before)).flatten())
    })
}

/// Returns true for what is compared by its text, and may be called by other names.
fn is_text(thing: Thing) -> bool {
    !thing.is_of_column()
        && !matches!(thing, Thing::Index | Thing::Constraint | Thing::TableComment)
}

/// Under which names things are known outside of a way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// Those before it.
    Before,
    /// Those after it.
    After,
}

fn net(statements: &[Statement], frame: Frame) -> Vec<Net> {
    let changes =
        statements.iter().flat_map(|s| s.changes.iter().map(move |change| (s.line, change)));
    let changes: Vec<(usize, &Change)> = changes.collect();
    let mut all: Vec<Net> = Vec::new();
    for (at, (line, change)) in changes.iter().enumerate() {
        for mut made in made(change, *line) {
            let (before, after) = (&changes[..at], &changes[at + 1..]);
            match frame {
                Frame::Before => {
                    let renames = before.iter().rev().filter_map(|(_, one)| Rename::of(one));
                    renames.for_each(|rename| rename.backward(&mut made.object));
                }
                Frame::After => {
                    for rename in after.iter().filter_map(|(_, one)| Rename::of(one)) {
                        if let Some(shape) = &mut made.left {
                            rename.shape(&made.object, shape);
                        }
                        rename.forward(&mut made.object);
                    }
                }
            }
            match all.iter_mut().find(|known| known.object.may_be(&made.object)) {
                Some(known) => {
                    (known.left, known.line) = (made.left, *line);
                    known.object.on = made.object.on.or(known.object.on.take());
                    known.cascade |= made.cascade;
                }
                None => all.push(made),
            }
        }
    }
    all
}

/// Returns what a change does to what is defined.
fn made(change: &Change, line: usize) -> Vec<Net> {
    let of_part = |part: Part| Net {
        object: part.object,
        left: part.left,
        line,
        stood: part.stood,
        may_have_stood: part.may_have_stood,
        cascade: part.cascade,
    };
    let (object, left, stood, may_have_stood) = match change {
        Change::Define(definition) => {
            let left = Some(vec![definition.text.clone()]);
            (&definition.object, left, false, definition.may_stand)
        }
        Change::Undefine(object, if_exists) => (object, None, !if_exists, true),
        _ => return part::of(change).into_iter().map(of_part).collect(),
    };
    vec![Net { object: object.clone(), left, line, stood, may_have_stood, cascade: false }]
}

fn judge(made: &Net, back: &Net, stood: &Stood) -> Option<Reversal> {
    let does = if made.left.is_some() { "replaces" } else { "drops" };
    let up = format!("the way up (line {}) {does} {}", made.line, made.object);
    let down = format!("the way down (line {})", back.line);
    let (kind, why) = match (stood, &back.left) {
        (Stood::Defined(on, before, (by, line)), Some(after)) => {
            let is_moved =
                on.as_ref().zip(back.object.on.as_ref()).is_some_and(|(a, b)| !a.may_be(b));
            match part::compare(before, after) {
                Same::Yes if !is_moved => return None,
                Same::Unclear if !is_moved => (
                    Kind::Unknown,
                    format!(
                        "{up}, and whether {down} writes it as {by} (line {line}) did, which stood before, cannot be told: one of them does not say all of it"
                    ),
                ),
                _ => (
                    Kind::FalseDown,
                    format!(
                        "{up}, and {down} writes it otherwise than {by} (line {line}), which stood before"
                    ),
                ),
            }
        }
        (Stood::Defined(_, _, (by, line)), None) => (
            Kind::FalseDown,
            format!(
                "{up} of {by} (line {line}), and {down} drops it: the earlier definition does not come back"
            ),
        ),
        (Stood::Unclear(why), _) => (
            Kind::Unknown,
            format!("{up}, and whether {down} brings back what stood before cannot be told: {why}"),
        ),
        (Stood::Absent, None) => return None,
        (Stood::Absent, Some(_)) => (
            Kind::FalseDown,
            format!("{up}, where none stood before, and {down} leaves one behind"),
        ),
        // Whoever lets go of it, or demands it, tells by that what stood.
        (Stood::Nothing, Some(_)) if made.object.thing == Thing::NotNull => return None,
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
            Kind::FalseDown,
            format!("{up}, and {down} drops it: what stood before does not come back"),
        ),
        (Stood::Nothing, None) => return None,
    };
    Some(Reversal::new(kind, why, Some(back.line)))
}

/// Returns why what went with it by `CASCADE` does not come back, or is not known.
fn cascaded(
    made: &Net,
    back: &[Net],
    history: &History,
    is_before: &dyn Fn(&str) -> bool,
) -> Option<Reversal> {
    let up = format!("the way up (line {}) drops {} with CASCADE", made.line, made.object);
    let (on, key) = match history.stood(&made.object, is_before) {
        Stood::Defined(on, shape, _) => (on, Some(shape)),
        _ => (made.object.on.clone(), None),
    };
    // Nothing depends on anything but a key.
    if key.as_ref().is_some_and(|key| !matches!(key[0].as_str(), "unique" | "primary key")) {
        return None;
    }
    let keys = on.map(|table| history.leading_to(&table, key.as_deref(), is_before));
    let keys = keys.unwrap_or_default();
    let comes_back =
        |object: &Object| back.iter().any(|back| back.left.is_some() && back.object.may_be(object));
    let missing = keys.iter().find(|(object, _)| !comes_back(object));
    let (kind, why) = match missing {
        Some((object, (by, line))) => (
            Kind::FalseDown,
            format!(
                "{up}, and {object} of {by} (line {line}) with it, which the way down does not make again"
            ),
        ),
        None if keys.is_empty() => (
            Kind::Unknown,
            format!("{up}, and no earlier revision shows what depended on it and goes as well"),
        ),
        None => return None,
    };
    Some(Reversal::new(kind, why, Some(made.line)))
}

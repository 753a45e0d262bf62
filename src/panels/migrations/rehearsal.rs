//! The rehearsal: the key that begins one, how far one that runs has come, and what the last
//! one has shown beside what is foretold.

use chrono::{DateTime, Utc};

use super::keys::{connected, pending};
use super::list::shown;
use crate::domain::age;
use crate::domain::rehearsal::{
    Leg, Live, Material, Seen, Stand, Standing, Statement, Verdict, unmeasured,
};
use crate::panels::may;
use crate::panels::rehearsing::{self, live};
use crate::panels::{Ask, Command, Scene};
use crate::session::effect::Request;
use crate::session::facts::Migrations;
use crate::ui::bindings::{Binding, Key, Reason};
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::message::Message;
use crate::ui::widgets::pairs::Pair;
use crate::ui::widgets::table::Cell;

/// Returns `r`.
pub(super) fn binding(scene: &Scene<'_>) -> Binding<Command> {
    let help = "rehearse all that is pending on a copy in a scratch server: up, down, up again, over written rows (asks first)";
    Binding::new(Key::char('r'), "rehearse", help, Command::Rehearse).when(possible(scene))
}

/// Asks what the copy is made of.
pub(super) fn ask() -> Ask {
    let offer = |of: Material| (of.words().to_owned(), Request::Rehearse(of));
    Ask::Which("What is the copy made of?".to_owned(), Material::ALL.map(offer).to_vec())
}

/// Returns why no rehearsal can be asked for now. A replica is as good a source as its primary.
fn possible(scene: &Scene<'_>) -> Result<(), Reason> {
    may::plan(scene)?;
    pending(connected(scene)?)
}

/// Returns how far the rehearsal that runs has come, and how the last one stands.
pub(super) fn said(scene: &Scene<'_>, known: &Migrations) -> Vec<Message> {
    if let Some(live) = live(scene) {
        let text = format!("rehearsal {}; c ends it", rehearsing::words(live, scene));
        return vec![Message::new(Tone::Accent, text)];
    }
    known
        .rehearsed
        .as_ref()
        .and_then(|standing| stands(standing, known, scene.facts.now))
        .into_iter()
        .collect()
}

/// Returns what the last rehearsal says of what is pending.
fn stands(standing: &Standing, known: &Migrations, now: DateTime<Utc>) -> Option<Message> {
    let pending: Vec<&str> = known.project.graph.pending().map(|node| node.id.as_str()).collect();
    if pending.is_empty() {
        return None;
    }
    let ago = age::rough(now - standing.evidence.at);
    if let Some(why) = &standing.stale {
        let text = format!("the rehearsal of {ago} ago says nothing now: {}; r anew", shown(why));
        return Some(Message::new(Tone::Warn, text));
    }
    let count = |is: &dyn Fn(Option<Verdict>) -> bool| {
        let of = |id: &&&str| standing.of(id).is_some_and(|proof| is(proof.verdict));
        pending.iter().filter(of).count()
    };
    let good = count(&|verdict| verdict.is_some_and(Verdict::is_good));
    let bad = count(&|verdict| verdict.is_some_and(|verdict| !verdict.is_good()));
    let unknown = pending.len() - good - bad;
    let findings: usize =
        pending.iter().filter_map(|id| standing.of(id)).map(|proof| proof.findings.len()).sum();
    let mut parts = vec![format!("{good} of {} good", pending.len())];
    parts.extend((bad > 0).then(|| format!("{bad} bad")));
    parts.extend((unknown > 0).then(|| format!("{unknown} cannot be told")));
    parts.extend((findings > 0).then(|| format!("{findings} not as foretold")));
    let tone = match (bad, unknown, findings) {
        (0, 0, 0) => Tone::Ok,
        (0, _, _) => Tone::Warn,
        _ => Tone::Alarm,
    };
    let of = standing.evidence.source.words();
    Some(Message::new(tone, format!("rehearsed {ago} ago on {of}: {}", parts.join(", "))))
}

/// Returns true if there is anything to show of a rehearsal beside the migrations.
pub(super) fn is_known(scene: &Scene<'_>, known: &Migrations) -> bool {
    live(scene).is_some() || known.rehearsed.is_some()
}

/// Returns how one migration stands in the rehearsal that runs, else in the last one.
pub(super) fn cell(live: Option<&Live>, known: &Migrations, id: &str) -> Cell {
    if let Some(live) = live {
        return match live.of(id).map(|passing| &passing.stand) {
            None => Cell::from(""),
            Some(Stand::On(leg)) => {
                Cell::new(format!("{} {}", symbol::HERE, short(*leg)), Tone::Accent)
            }
            Some(Stand::Judged(verdict)) => judged(*verdict, 0),
        };
    }
    let Some(standing) = &known.rehearsed else { return Cell::from("") };
    match standing.of(id) {
        Some(proof) => judged(proof.verdict, proof.findings.len()),
        None if standing.evidence.of(id).is_some() => Cell::new("stale", Tone::Dim),
        None => Cell::from(""),
    }
}

fn short(leg: Leg) -> &'static str {
    match leg {
        Leg::Rows => "over rows",
        other => other.words(),
    }
}

fn judged(verdict: Option<Verdict>, findings: usize) -> Cell {
    let (mark, tone) = mark(verdict);
    let words = verdict.map_or("cannot tell", Verdict::words);
    let more = if findings > 0 { " ≠" } else { "" };
    Cell::new(format!("{mark} {words}{more}"), tone)
}

fn mark(verdict: Option<Verdict>) -> (&'static str, Tone) {
    match verdict {
        Some(Verdict::Reversible) => (symbol::OK, Tone::Ok),
        Some(Verdict::Lossy) => (symbol::WARN, Tone::Warn),
        Some(_) => (symbol::BAD, Tone::Alarm),
        None => ("?", Tone::Warn),
    }
}

/// Returns how one migration stands in the rehearsal that runs.
pub(super) fn now(live: Option<&Live>, id: &str, now: DateTime<Utc>) -> Vec<Pair> {
    let Some(passing) = live.and_then(|live| live.of(id)) else { return Vec::new() };
    let pair = match &passing.stand {
        Stand::On(leg) => {
            let (here, all) = (age::clock(now - passing.since), age::clock(now - passing.began));
            let text = format!("{} for {here}, {all} in all", leg.words());
            Pair::new(format!("{} rehearsal", symbol::HERE), text).tone(Tone::Accent)
        }
        Stand::Judged(verdict) => {
            let (mark, tone) = mark(*verdict);
            let words = verdict.map_or("cannot tell", Verdict::words);
            let took = age::clock(passing.since - passing.began);
            let text = format!("{words} after {took}; its evidence comes with the end");
            Pair::new(format!("{mark} rehearsed"), text).tone(tone)
        }
    };
    vec![pair]
}

/// Returns what the last rehearsal has shown of one migration.
pub(super) fn afterwards(known: &Migrations, id: &str, now: DateTime<Utc>) -> Vec<Pair> {
    let Some(standing) = &known.rehearsed else { return Vec::new() };
    let Some(told) = standing.told(id, now) else { return Vec::new() };
    let Some(proof) = standing.of(id) else {
        return vec![Pair::new("rehearsed", shown(&told))];
    };
    let (mark, tone) = mark(proof.verdict);
    let mut pairs = vec![Pair::new(format!("{mark} rehearsed"), shown(&told)).tone(tone)];
    pairs.extend(standing.takes(id).map(|took| Pair::new("  took", shown(&took))));
    pairs.extend(back(&proof.seen));
    pairs.extend(differences(&proof.seen));
    pairs
}

fn back(seen: &Seen) -> Option<Pair> {
    let down = seen.down_s.map(|seconds| format!("down {seconds:.1} s"));
    let again = seen.again_s.map(|seconds| format!("up again {seconds:.1} s"));
    let told: Vec<String> = down.into_iter().chain(again).collect();
    (!told.is_empty()).then(|| Pair::new("  back", told.join(", ")))
}

/// More statements than this are counted, not listed.
const STATEMENTS: usize = 8;
/// A line of SQL is cut at this width: all of it stands below.
const WIDTH: usize = 72;

/// Returns what each statement of the way up really took, and what of that was foretold
/// otherwise: to stand below what is foretold.
pub(super) fn measured(known: &Migrations, id: &str) -> Vec<Pair> {
    let proof = known.rehearsed.as_ref().and_then(|standing| standing.of(id));
    let Some(proof) = proof else { return Vec::new() };
    let all = &proof.seen.statements;
    let mut pairs: Vec<Pair> = all.iter().take(STATEMENTS).map(statement).collect();
    if all.len() > STATEMENTS {
        pairs.push(Pair::new("", format!("{} more statements", all.len() - STATEMENTS)));
    }
    let unmeasured = unmeasured(proof.seen.sampled.as_deref());
    pairs.extend(unmeasured.map(|told| Pair::new("? locks", shown(&told)).tone(Tone::Warn)));
    let finding = |finding: &String| Pair::new("≠ finding", shown(finding)).tone(Tone::Warn);
    pairs.extend(proof.findings.iter().map(finding));
    pairs
}

fn statement(one: &Statement) -> Pair {
    let locks: Vec<String> = one
        .locks
        .iter()
        .map(|lock| format!("{} on {}", lock.mode.words(), shown(&lock.relation)))
        .collect();
    let locks = if locks.is_empty() { "no new lock".to_owned() } else { locks.join(", ") };
    let took = one.took_s.map_or_else(|| "failed".to_owned(), |took| format!("{took:.2} s"));
    let rewrite = match one.rewrite.as_slice() {
        [] => String::new(),
        all => format!(" · rewrote {}", shown(&all.join(", "))),
    };
    let sql = crate::ui::text::cut(&shown(&one.sql), WIDTH);
    Pair::new("measured", format!("{locks} · {took}{rewrite}\n{sql}"))
}

/// More lines of a difference than this are counted, not listed.
const LINES: usize = 6;

/// Returns what the trip changed, left and lost, in words.
fn differences(seen: &Seen) -> Vec<Pair> {
    let mut pairs = listed("  schema", &seen.schema_diff, Tone::Plain);
    pairs.extend(listed("✖ left", &seen.left, Tone::Alarm));
    pairs.extend(listed("▲ vanished", &seen.vanished, Tone::Warn));
    let rows = |(table, rows): (&String, &i64)| {
        let what = if *rows < 0 { "fewer" } else { "more" };
        format!("{}: {} rows {what} after down", shown(table), rows.unsigned_abs())
    };
    let rows: Vec<String> = seen.rows_diff.iter().map(rows).collect();
    pairs.extend(listed("▲ rows", &rows, Tone::Warn));
    pairs.extend(listed("  order", &seen.reordered, Tone::Dim));
    let unwritten: Vec<String> =
        seen.unwritten.iter().map(|(table, why)| format!("{table}: {why}")).collect();
    pairs.extend(listed("  no row", &unwritten, Tone::Dim));
    pairs
}

fn listed(label: &str, lines: &[String], tone: Tone) -> Vec<Pair> {
    let mut pairs: Vec<Pair> =
        lines.iter().take(LINES).map(|line| Pair::new(label, shown(line)).tone(tone)).collect();
    if lines.len() > LINES {
        pairs.push(Pair::new("", format!("{} more", lines.len() - LINES)).tone(tone));
    }
    pairs
}

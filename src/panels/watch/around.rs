//! What surrounds a migration: load, old transactions, replicas, slots, what cannot be seen.

use super::super::{Scene, size, who};
use super::before;
use super::block::{Block, Piece, Row, said};
use super::flight;
use super::gauges;
use crate::domain::activity::{Age, Backend};
use crate::domain::age;
use crate::domain::counters::{Counters, Replica, Slot, Surroundings, Who, XminHolder};
use crate::domain::signal::{self, Nature};
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;
use crate::session::facts::{Facts, Point};
use crate::ui::text;
use crate::ui::theme::Tone;
use crate::ui::widgets::spark;

/// Returns the blocks that there is something to say about.
pub(super) fn blocks(scene: &Scene<'_>, width: usize) -> Vec<Block> {
    let Some(snapshot) = scene.facts.snapshot.value() else { return Vec::new() };
    let slow = scene.facts.slow.value();
    let found = [
        flight::others(scene),
        before::block(scene, width),
        gauges::block(scene, width),
        // What the baseline's line compares is not said twice.
        scene.facts.vitals.baseline().is_none().then(|| load(scene.facts, snapshot, width)),
        old(snapshot),
        replicas(&snapshot.counters.replicas),
        slow.and_then(|slow| slots(&slow.slots)),
        slow.and_then(trouble),
        limits(scene.facts, snapshot),
    ];
    found.into_iter().flatten().collect()
}

fn load(facts: &Facts, snapshot: &Snapshot, width: usize) -> Block {
    let roomy = width >= ROOMY;
    let bars = (width.saturating_sub(if roomy { 60 } else { 40 }) / 2).clamp(4, 40);
    let line = |value: fn(&Point) -> Option<f64>| {
        let values: Vec<Option<f64>> = facts.history.iter().map(value).collect();
        spark::line(&values, bars)
    };
    let tps = facts.history.back().and_then(|point| point.tps);
    let tps = tps.map_or_else(|| "?".to_owned(), |tps| format!("{tps:.0}"));
    let blocked = snapshot.forest.blocked;
    let tone = if blocked > 0 { Tone::Warn } else { Tone::Plain };
    #[expect(clippy::cast_precision_loss, reason = "a bar needs no more digits")]
    let waiting = line(|point| Some(point.blocked as f64));
    let mut pieces = vec![
        (format!("tps {tps} "), Tone::Plain),
        (line(|point| point.tps), Tone::Accent),
        (format!("   blocked {blocked} "), tone),
        (waiting, tone),
    ];
    let connections = connections(&snapshot.counters);
    pieces.extend(Some(connections).filter(|(_, tone)| roomy || *tone == Tone::Warn));
    Block::new("LOAD", vec![Row::Cut(pieces)], 3)
}

/// Narrower than this, connections are told only when they run out.
pub(super) const ROOMY: usize = 76;

/// Nearly no connection left is worth a look: the next act needs one.
pub(super) fn connections(counters: &Counters) -> Piece {
    let (used, max) = (counters.connections, counters.max_connections);
    let full = max > 0 && used * 10 >= max * 9;
    let tone = if full { Tone::Warn } else { Tone::Plain };
    let symbol = if full { "▲ " } else { "" };
    (format!("   {symbol}connections {used}/{max}"), tone)
}

/// How many old transactions are named.
const OLD: usize = 3;
/// A transaction younger than this, in seconds, is in nobody's way yet.
const YOUNG_S: f64 = 10.0;

/// Returns the oldest transactions of others that do not wait themselves: what a migration
/// would have to wait for.
fn old(snapshot: &Snapshot) -> Option<Block> {
    let age = |backend: &Backend| backend.age_s(Age::Transaction, snapshot.taken_at);
    let mut old: Vec<(f64, &Backend)> = snapshot
        .backends
        .iter()
        .filter(|backend| !backend.ours && !backend.waits_for_lock())
        .filter_map(|backend| Some((age(backend)?, backend)))
        .filter(|(age, _)| *age >= YOUNG_S)
        .collect();
    old.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.pid.cmp(&b.1.pid)));
    let mut rows: Vec<Row> = old.iter().take(OLD).map(|(_, b)| transaction(b, snapshot)).collect();
    rows.extend(snapshot.prepared.iter().take(OLD).map(|prepared| {
        let since = prepared.prepared.map(|at| age::clock(snapshot.taken_at - at));
        let since = text::right(&since.unwrap_or_else(|| "?".to_owned()), CLOCK);
        said(format!("{since}  prepared transaction {}", prepared.gid.one_line()), Tone::Plain)
    }));
    rows.extend(snapshot.counters.oldest_xmin.as_ref().and_then(xmin));
    (!rows.is_empty()).then(|| Block::new("OLDEST", rows, 6))
}

/// Cells of a clock, so that they stand under each other.
const CLOCK: usize = 7;

fn transaction(backend: &Backend, snapshot: &Snapshot) -> Row {
    let since = backend.since(Age::Transaction).map(|at| age::clock(snapshot.taken_at - at));
    let since = text::right(&since.unwrap_or_default(), CLOCK);
    let written = match (signal::nature(backend), backend.has_written) {
        (Nature::Autovacuum { wraparound: true }, _) => "against wraparound: it does not give way",
        (_, Some(true)) => "has written",
        (_, Some(false)) => "has written nothing",
        (_, None) => "cannot tell whether it has written",
    };
    let name = format!("{since}  pid {} {}", backend.pid, who::name(backend));
    Row::Flowing(vec![
        (name, Tone::Plain),
        (format!(" · {}", who::state(backend, snapshot.taken_at)), who::tone(backend)),
        (format!(" · {written}"), Tone::Plain),
    ])
}

/// Vacuum is held back by every transaction a little; this many are worth a word.
const HELD_BACK: i64 = 1_000_000;

fn xmin(holder: &XminHolder) -> Option<Row> {
    let whom = match &holder.who {
        Who::Session(pid) => format!("pid {pid}"),
        Who::Prepared(gid) => format!("prepared transaction {}", gid.one_line()),
    };
    let age = text::count(holder.age.unsigned_abs());
    let told = format!("▲ {whom} holds vacuum back by {age} transactions");
    (holder.age >= HELD_BACK).then(|| said(told, Tone::Warn))
}

/// A replica that has this much left to replay, in bytes, is far behind.
const FAR_BEHIND: i64 = 256 << 20;

fn replicas(replicas: &[Replica]) -> Option<Block> {
    let rows: Vec<Row> = replicas.iter().map(replica).collect();
    (!rows.is_empty()).then(|| Block::new("REPLICAS", rows, 4))
}

fn replica(replica: &Replica) -> Row {
    let far = replica.lag_bytes.is_some_and(|lag| lag >= FAR_BEHIND);
    let lag = replica.lag_bytes.map_or_else(
        || "lag not visible to our role".to_owned(),
        |lag| format!("{} behind", size::bytes(lag)),
    );
    let words = [replica.state.as_deref(), replica.sync.as_deref()].into_iter().flatten();
    let words: Vec<String> = words.map(|word| Untrusted::from(word).one_line()).collect();
    let tone = if far || replica.lag_bytes.is_none() { Tone::Warn } else { Tone::Plain };
    let symbol = if tone == Tone::Warn { "▲ " } else { "" };
    let told = [vec![lag], words].concat().join(" · ");
    said(format!("{symbol}{} {told}", replica.name.one_line()), tone)
}

fn slots(slots: &[Slot]) -> Option<Block> {
    let rows: Vec<Row> = slots.iter().map(slot).collect();
    (!rows.is_empty()).then(|| Block::new("SLOTS", rows, 5))
}

fn slot(slot: &Slot) -> Row {
    let kept = slot.retained_bytes.map_or_else(
        || "keeps an unknown amount of WAL".to_owned(),
        |bytes| format!("keeps {} of WAL", size::bytes(bytes)),
    );
    let status = slot.wal_status.as_deref().unwrap_or("status unknown");
    let used = if slot.active { "in use" } else { "used by nobody" };
    let bad = !slot.active || status != "reserved";
    let (symbol, tone) = if bad { ("▲ ", Tone::Warn) } else { ("", Tone::Plain) };
    let status = Untrusted::from(status).one_line();
    said(format!("{symbol}{} {kept} · {status} · {used}", slot.name.one_line()), tone)
}

/// Returns what else is wrong around: archiver, invalid indexes, wraparound.
fn trouble(slow: &Surroundings) -> Option<Block> {
    let mut rows = Vec::new();
    let mut warn = |text: String| rows.push(said(format!("▲ {text}"), Tone::Warn));
    if let Some(archiver) = slow.archiver.as_ref().filter(|archiver| archiver.failing) {
        warn(format!("archiving fails: {} failures", archiver.failures));
    }
    for index in slow.invalid_indexes.iter().take(OLD) {
        warn(format!(
            "index {} on {} is invalid; x on Migrations drops it",
            index.name.one_line(),
            index.table.one_line()
        ));
    }
    if let Some(near) = slow.wraparound.as_ref().filter(|near| near.age > near.freeze_max_age) {
        let age = text::count(near.age.unsigned_abs());
        let database = near.database.one_line();
        warn(format!(
            "database {database}: oldest transaction id is {age} back; vacuum runs against wraparound"
        ));
    }
    (!rows.is_empty()).then(|| Block::new("TROUBLE", rows, 3))
}

/// Returns what the role cannot see, and what could not be read.
fn limits(facts: &Facts, snapshot: &Snapshot) -> Option<Block> {
    let limit = |text: &String| Untrusted::from(text.as_str()).one_line();
    let mut rows: Vec<Row> =
        snapshot.limits.iter().map(|text| Row::Wrapped((limit(text), Tone::Warn))).collect();
    if let Some(error) = facts.slow.error() {
        let error = Untrusted::from(error).one_line();
        rows.push(Row::Wrapped((format!("slots and sizes: {error}"), Tone::Warn)));
    }
    (!rows.is_empty()).then(|| Block::new("▲ LIMITS", rows, 4))
}

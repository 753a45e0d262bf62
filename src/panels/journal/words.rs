//! A record in a few words, and how grave it is.

use serde_json::Value;

use crate::domain::journal::{Kind, Record};
use crate::domain::untrusted::Untrusted;
use crate::ui::theme::Tone;

/// Returns the word of a kind.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Opened => "opened",
        Kind::Resumed => "resumed",
        Kind::Step => "step",
        Kind::Probe => "probe",
        Kind::Ended => "ended",
        Kind::Answer => "answer",
        Kind::Skip => "SKIP",
        Kind::Override => "OVERRIDE",
        Kind::Note => "note",
        Kind::Confirmed => "confirmed",
        Kind::Intent => "intent",
        Kind::Baseline => "baseline",
        Kind::Schema => "schema",
        Kind::Outcome => "outcome",
        Kind::Resolved => "resolved",
        Kind::Pause => "pause",
        Kind::Stop => "stop",
        Kind::Trigger => "TRIGGER",
        Kind::Lease => "lease",
        Kind::Awaits => "AWAITS",
        Kind::Approved => "approved",
        Kind::Report => "report",
        Kind::Closed => "closed",
    }
}

/// Returns what a record says, on one line, and how grave it is.
pub(super) fn of(record: &Record) -> (String, Tone) {
    let data = &record.data;
    let (said, tone) = match record.kind {
        Kind::Opened => (opened(data), Tone::Plain),
        Kind::Step => (text(data, "title"), Tone::Plain),
        Kind::Probe => probe(data),
        Kind::Ended => ended(data),
        Kind::Answer => (answer(data), Tone::Plain),
        Kind::Skip => (text(data, "reason"), Tone::Alarm),
        Kind::Override => (overridden(data), Tone::Alarm),
        Kind::Note => (text(data, "text"), Tone::Accent),
        Kind::Intent => (intent(data), Tone::Strong),
        Kind::Baseline => (baseline(data), Tone::Plain),
        Kind::Schema => (schema(data), Tone::Dim),
        Kind::Outcome | Kind::Resolved => outcome(data),
        Kind::Pause => (pause(data), Tone::Plain),
        Kind::Stop => (text(data, "how"), Tone::Warn),
        Kind::Trigger if data["aside"].is_array() => {
            let names = data["aside"].as_array().into_iter().flatten();
            let names: Vec<&str> = names.filter_map(Value::as_str).collect();
            let said = format!("put aside: {}: {}", names.join(", "), text(data, "reason"));
            (said, Tone::Alarm)
        }
        Kind::Trigger => {
            let said = format!(
                "{}: {}; the way back was offered",
                text(data, "trigger"),
                text(data, "says")
            );
            (said, Tone::Alarm)
        }
        Kind::Closed => closed(data),
        Kind::Awaits => (awaits(data), Tone::Accent),
        Kind::Approved => approved(data),
        Kind::Lease => (handed(data), Tone::Accent),
        Kind::Report => (format!("{}: {}", text(data, "part"), text(data, "text")), Tone::Accent),
        Kind::Resumed | Kind::Confirmed => (String::new(), Tone::Plain),
    };
    // A record of a newer version, or one without words of its own, shows its data.
    let said = if said.is_empty() && !is_empty(data) { data.to_string() } else { said };
    (Untrusted::new(said).one_line(), tone)
}

/// Returns how things were before the run: `tps 212 · latency 8 ms · health 100 %`.
fn baseline(data: &Value) -> String {
    let told = |key: &str, before: &str, after: &str| {
        data[key].as_f64().map(|value| format!("{before} {value:.0}{after}"))
    };
    let all = [
        told("tps", "tps", ""),
        told("latency_ms", "latency", " ms"),
        told("health", "health", " %"),
        told("blocked", "blocked", ""),
    ];
    let of = data["run"].as_str().map(|run| format!("measured by the run {run}"));
    all.into_iter().flatten().chain(of).collect::<Vec<_>>().join(" · ")
}

fn is_empty(data: &Value) -> bool {
    data.is_null() || data.as_object().is_some_and(serde_json::Map::is_empty)
}

fn text(data: &Value, key: &str) -> String {
    data[key].as_str().unwrap_or_default().to_owned()
}

fn opened(data: &Value) -> String {
    let facts = &data["facts"];
    let what = [text(facts, "runbook"), text(facts, "title")];
    let Some(what) = what.into_iter().find(|text| !text.is_empty()) else { return String::new() };
    let class = text(data, "class");
    let class = if data["rehearsal"].is_object() { format!("REHEARSAL of {class}") } else { class };
    format!("{what} on {} ({class})", text(&data["target"], "database"))
}

fn probe(data: &Value) -> (String, Tone) {
    let verdict = text(data, "verdict");
    let tone = match verdict.as_str() {
        "pass" => Tone::Ok,
        "fail" => Tone::Alarm,
        _ => Tone::Warn,
    };
    (format!("{}: {} · {verdict}", text(data, "probe"), text(data, "value")), tone)
}

fn ended(data: &Value) -> (String, Tone) {
    match data["status"].as_str() {
        Some("passed") => (format!("{}: {}", text(data, "means"), text(data, "value")), Tone::Ok),
        Some("skipped") => (format!("skipped {}", text(data, "reason")), Tone::Alarm),
        Some("failed") => (text(data, "why"), Tone::Alarm),
        Some("not_here") => ("not here".to_owned(), Tone::Dim),
        _ => (String::new(), Tone::Plain),
    }
}

fn answer(data: &Value) -> String {
    if let Some(offer) = data["offer"].as_str() {
        return format!("went on at {offer}");
    }
    let reason = match data["reason"].as_str() {
        Some(reason) => format!(" · because {reason}"),
        None => String::new(),
    };
    format!("{} {}{reason}", text(data, "question"), text(data, "answer"))
}

fn overridden(data: &Value) -> String {
    let denied = data["denied"].as_array().map(Vec::as_slice).unwrap_or_default();
    let denied: Vec<&str> = denied.iter().filter_map(Value::as_str).collect();
    format!("{} · against {}", text(data, "reason"), denied.join("; "))
}

fn intent(data: &Value) -> String {
    let plan = &data["plan"];
    let title = text(&plan["preview"], "title");
    format!("{title} · {} · confirmed ({})", text(plan, "risk"), text(data, "means"))
}

fn outcome(data: &Value) -> (String, Tone) {
    let ending = text(data, "ending").replace('_', " ");
    let tone = match ending.as_str() {
        "done" => Tone::Ok,
        "lock timeout" | "stopped" | "not run" => Tone::Warn,
        _ => Tone::Alarm,
    };
    let took = match data["took_ms"].as_u64() {
        Some(ms) => format!(" · {}.{} s", ms / 1000, ms % 1000 / 100),
        None => String::new(),
    };
    let message = match text(data, "message") {
        message if message.is_empty() => message,
        message => format!(" · {message}"),
    };
    (format!("{ending}{took}{message}"), tone)
}

/// Returns the schema before an act: `before: 3f9ac1d0… of 212 parts`.
fn schema(data: &Value) -> String {
    match (data["fingerprint"].as_str(), data["parts"].as_u64()) {
        (Some(hash), Some(parts)) => {
            format!("before: {}… of {parts} parts", hash.get(..8).unwrap_or(hash))
        }
        _ => format!("before: not read: {}", text(data, "why")),
    }
}

/// Returns what waits for whom: `lead · 0 of 1 · down 0006 · plan 3f9a`.
fn awaits(data: &Value) -> String {
    let title = text(&data["plan"]["preview"], "title");
    let what = if title.is_empty() { text(data, "why") } else { title };
    format!("for {}: {what}", text(data, "role"))
}

fn approved(data: &Value) -> (String, Tone) {
    let verified = data["verified"].as_bool() == Some(true);
    let (word, tone) = if verified { ("verified", Tone::Ok) } else { ("UNVERIFIED", Tone::Warn) };
    (format!("by {} as {} · {word}", text(data, "by"), text(data, "role")), tone)
}

fn handed(data: &Value) -> String {
    let handed = &data["handover"];
    if !handed.is_object() {
        return String::new();
    }
    let (from, to, note) = (text(handed, "from"), text(handed, "to"), text(handed, "note"));
    format!("handed over by {from} to {to}: {note}")
}

fn pause(data: &Value) -> String {
    let said = match (data["paused"].as_bool(), data["after_this_step"].as_bool()) {
        (Some(true), _) => "paused",
        (Some(false), _) => "goes on",
        (_, Some(true)) => "will pause after this step",
        (_, Some(false)) => "will not pause after this step",
        _ => "",
    };
    said.to_owned()
}

fn closed(data: &Value) -> (String, Tone) {
    match data["end"].as_str() {
        Some("completed") => ("completed".to_owned(), Tone::Ok),
        Some("abandoned") => (format!("abandoned: {}", text(data, "reason")), Tone::Warn),
        Some("escalated") => (format!("escalated: {}", text(data, "question")), Tone::Warn),
        _ => (String::new(), Tone::Plain),
    }
}

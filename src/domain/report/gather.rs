//! From the records of a run to its report.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::acts::{self, Attempt};
use super::{Approved, Environment, Line, Output, Overridden, Part, Report, Said, Told, measured};
use crate::domain::age;
use crate::domain::approval::{self, same_person};
use crate::domain::identity::Class;
use crate::domain::journal::{Kind, Reading, Record};

/// What the report is made of.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The run's name.
    pub run: &'a str,
    /// Its journal.
    pub reading: &'a Reading,
    /// What its acts printed, redacted.
    pub outputs: Vec<Output>,
    /// Our clock.
    pub now: DateTime<Utc>,
}

impl Report {
    /// Returns the report of a run.
    #[must_use]
    pub fn of(ground: Ground<'_>) -> Self {
        let Ground { run, reading, outputs, now } = ground;
        let records = reading.records.as_slice();
        let attempts = acts::attempts(records);
        let (first, last) = (records.first(), last(records));
        let executor = approval::executor(records);
        Self {
            schema: 1,
            run: run.to_owned(),
            rehearsal: reading.rehearsal(),
            title: first.map(|one| text(&one.data["facts"], "title")).unwrap_or_default(),
            generated_at: now,
            intact: reading.intact && !reading.torn_tail,
            damage: damage(reading),
            anchor: reading.head.clone(),
            environment: first.map(environment).unwrap_or_default(),
            began_at: first.map(|one| one.at),
            ended_at: last.map(|one| one.at),
            duration_s: first.zip(last).map(|(first, last)| age::seconds(first.at, last.at)),
            end: records.iter().rev().find(|one| one.kind == Kind::Closed).map(ended),
            migrations: attempts.iter().filter_map(Attempt::migration).collect(),
            actions: attempts.iter().map(Attempt::action).collect(),
            unknown: unknown(reading),
            errors: errors(records, &attempts),
            outputs,
            backups: attempts.iter().filter_map(Attempt::backup).collect(),
            downtime: measured::downtime(records, &attempts),
            data_loss: measured::data_loss(records, &attempts),
            approvals: approvals(records, &executor.people),
            executed_by: operators(records),
            overrides: typed(records, Kind::Override),
            skipped: typed(records, Kind::Skip),
            left_open: left_open(records),
            triggers: triggers(records),
            timeline: records.iter().filter_map(line).collect(),
            told: told(records),
        }
    }
}

/// Returns everybody who has recorded as the run's executor, the first one first.
fn operators(records: &[Record]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for record in records.iter().filter(|record| record.is_of_executor()) {
        if !all.contains(&record.operator) {
            all.push(record.operator.clone());
        }
    }
    all
}

/// Returns what people told in this run, of each part what they told last.
#[must_use]
pub fn told(records: &[Record]) -> Told {
    let mut told = Told::default();
    for record in records.iter().filter(|record| record.kind == Kind::Report) {
        if let Some(part) = record.data["part"].as_str().and_then(Part::parse) {
            told.tell(part, record.data["text"].as_str().unwrap_or_default());
        }
    }
    told
}

fn text(data: &Value, key: &str) -> String {
    data[key].as_str().unwrap_or_default().to_owned()
}

fn damage(reading: &Reading) -> Option<String> {
    let torn = "its last record was not finished: whoever wrote it died".to_owned();
    let torn = reading.torn_tail.then_some(torn);
    reading.fault.clone().or(torn)
}

fn environment(opened: &Record) -> Environment {
    let target = &opened.data["target"];
    let given = |value: &Value| value.as_str().map(str::to_owned);
    let class: Option<Class> = serde_json::from_value(opened.data["class"].clone()).ok();
    let host = given(&target["host"]);
    Environment {
        class: class.map(|class| class.word().to_owned()),
        database: given(&target["database"]),
        host: host.map(|host| match target["port"].as_u64() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }),
        role: given(&target["role"]),
        server: given(&target["version"]),
        system_identifier: given(&target["system_identifier"]),
        lockkeeper: given(&opened.data["lockkeeper"]),
    }
}

/// Returns the record that ends the run: what is told or noted of it later is not of it.
fn last(records: &[Record]) -> Option<&Record> {
    records.iter().rev().find(|one| one.kind == Kind::Closed).or(records.last())
}

fn ended(closed: &Record) -> String {
    let data = &closed.data;
    let why = data["reason"].as_str().or(data["question"].as_str());
    let end = data["end"].as_str().unwrap_or("closed");
    why.map_or_else(|| end.to_owned(), |why| format!("{end}: {why}"))
}

fn unknown(reading: &Reading) -> Vec<String> {
    let name = |open: &crate::domain::journal::Open| {
        let title = open.plan.as_ref().map_or("an act", |plan| plan.preview.title.as_str());
        format!("{title} (act {}, attempt {}), begun at {}", open.act, open.attempt, time(open.at))
    };
    reading.open().iter().map(name).collect()
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Returns what went wrong: acts, and steps that failed.
fn errors(records: &[Record], attempts: &[Attempt<'_>]) -> Vec<Said> {
    let failed = records.iter().filter(|record| {
        record.kind == Kind::Ended && record.data["status"].as_str() == Some("failed")
    });
    let steps = failed.map(|record| Said {
        at: record.at,
        text: format!(
            "step {}: {}",
            record.step.as_deref().unwrap_or_default(),
            text(&record.data, "why")
        ),
    });
    let mut all: Vec<Said> = attempts.iter().filter_map(Attempt::error).chain(steps).collect();
    all.sort_by_key(|one| one.at);
    all
}

fn approvals(records: &[Record], executors: &[String]) -> Vec<Approved> {
    let given = records.iter().filter(|record| record.kind == Kind::Approved);
    given
        .map(|record| Approved {
            at: record.at,
            role: text(&record.data, "role"),
            by: text(&record.data, "by"),
            verified: record.data["verified"].as_bool() == Some(true),
            why: record.data["why"].as_str().map(str::to_owned),
            account: record.operator.clone(),
            same_account: executors.iter().any(|one| same_person(one, &record.operator)),
            plan: record.plan.clone(),
        })
        .collect()
}

fn typed(records: &[Record], kind: Kind) -> Vec<Overridden> {
    let of = records.iter().filter(|record| record.kind == kind);
    of.map(|record| {
        let against = record.data["denied"].as_array().map(Vec::as_slice).unwrap_or_default();
        Overridden {
            at: record.at,
            step: record.step.clone(),
            by: record.operator.clone(),
            reason: text(&record.data, "reason"),
            against: against.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    })
    .collect()
}

/// Returns what a run has opened and somebody has left as it is.
fn left_open(records: &[Record]) -> Vec<Said> {
    let refused = records.iter().filter(|record| is_refusal(record));
    refused.map(|record| Said { at: record.at, text: text(&record.data, "text") }).collect()
}

fn is_refusal(record: &Record) -> bool {
    record.kind == Kind::Note && record.data["undo"] == "refused"
}

fn triggers(records: &[Record]) -> Vec<Said> {
    let fired = records.iter().filter(|record| record.kind == Kind::Trigger);
    let said = |record: &Record| Said {
        at: record.at,
        text: format!("{}: {}", text(&record.data, "trigger"), text(&record.data, "says")),
    };
    fired.map(said).collect()
}

/// Returns the line of a record; `None`: it tells nothing that happened.
fn line(record: &Record) -> Option<Line> {
    let data = &record.data;
    let mut marked = false;
    let said = match record.kind {
        Kind::Opened => format!("the run began: {}", text(&data["facts"], "title")),
        Kind::Resumed => "the run was taken up again".to_owned(),
        Kind::Answer if data["back"].is_string() => format!("back to {}", text(data, "back")),
        Kind::Answer => {
            marked = against(data).is_some();
            answer(data)
        }
        Kind::Ended => match data["status"].as_str() {
            Some("failed") => {
                marked = true;
                format!("failed: {}", text(data, "why"))
            }
            Some("passed") => format!("passed: {}", text(data, "value")),
            _ => return None,
        },
        Kind::Skip => {
            marked = true;
            format!("SKIPPED: {}", text(data, "reason"))
        }
        Kind::Override => {
            marked = true;
            format!("OVERRIDDEN: {}", text(data, "reason"))
        }
        Kind::Note if data["check"].as_bool() == Some(true) => return None,
        Kind::Note if data["torn_tail"].is_object() => {
            "an unfinished record was cut off".to_owned()
        }
        Kind::Note if is_refusal(record) => {
            marked = true;
            format!("LEFT OPEN: {}", text(data, "text"))
        }
        Kind::Note => format!("note: {}", text(data, "text")),
        Kind::Intent => format!("act: {}", text(&data["plan"]["preview"], "title")),
        Kind::Outcome | Kind::Resolved => {
            marked = data["ending"].as_str() != Some("done");
            outcome(record)
        }
        Kind::Stop => format!("asked to stop: {}", text(data, "how")),
        Kind::Pause => pause(data)?,
        Kind::Lease if data["handover"].is_object() => handed(&data["handover"]),
        Kind::Trigger => {
            marked = true;
            format!("TRIGGER: {}", text(data, "says"))
        }
        Kind::Awaits => format!("waits for an approval in the role {}", text(data, "role")),
        Kind::Approved => {
            marked = data["verified"].as_bool() != Some(true);
            let word = if marked { "UNVERIFIED" } else { "verified" };
            format!("approved by {} ({word})", text(data, "by"))
        }
        Kind::Closed => format!("the run ended: {}", ended(record)),
        Kind::Step
        | Kind::Probe
        | Kind::Confirmed
        | Kind::Baseline
        | Kind::Schema
        | Kind::Lease
        | Kind::Report => return None,
    };
    let step = record.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
    let kind = serde_json::to_value(record.kind).ok();
    Some(Line {
        at: record.at,
        kind: kind.and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default(),
        text: format!("{step}{said}"),
        by: record.operator.clone(),
        marked,
    })
}

/// Returns what the evidence spoke for, where the answer goes against it.
fn against(data: &Value) -> Option<&str> {
    let suggested = data["suggested"].as_str()?;
    (data["answer"].as_str()? != suggested && data["reason"].is_string()).then_some(suggested)
}

fn answer(data: &Value) -> String {
    if let Some(offer) = data["offer"].as_str() {
        return format!("went on at {offer}");
    }
    let said = data["answer"].as_str().or(data["value"].as_str()).unwrap_or_default();
    let question = text(data, "question");
    let because = data["reason"].as_str().map(|why| format!(", because {why}")).unwrap_or_default();
    let against = against(data).map(|one| format!(", against the evidence: {one}"));
    format!("{question} {said}{}{because}", against.unwrap_or_default()).trim().to_owned()
}

fn outcome(record: &Record) -> String {
    let data = &record.data;
    let ending = text(data, "ending").replace('_', " ");
    let by = if record.kind == Kind::Resolved { " by a person's verdict" } else { "" };
    match text(data, "message") {
        message if message.is_empty() => format!("{ending}{by}"),
        message => format!("{ending}{by}: {message}"),
    }
}

fn pause(data: &Value) -> Option<String> {
    let paused = data["paused"].as_bool()?;
    Some(if paused { "paused" } else { "goes on" }.to_owned())
}

fn handed(data: &Value) -> String {
    format!("handed over by {} to {}: {}", text(data, "from"), text(data, "to"), text(data, "note"))
}

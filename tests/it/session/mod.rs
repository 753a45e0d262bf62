//! The session: whatever happens in whatever order, an act follows a shown, unchanged and
//! confirmed plan, and nothing else does.

mod acting;
pub mod approvals;
pub mod driver;
mod gates;
mod generated;
mod machine;
mod preview;
mod probe;
mod procedure;
mod property;
mod recorded;
mod resume;
mod second;
pub mod steps;
pub mod undo;
mod vitals;
mod walk;

use chrono::{DateTime, TimeDelta, Utc};
use lockkeeper::domain::activity::BackendKey;
use lockkeeper::domain::config::{Config, POLICY_NAMES};
use lockkeeper::domain::identity::{Class, Identity};
use lockkeeper::domain::plan::{Action, Command, Direction, Plan, Preview, Risk, Signal, Timeouts};
use lockkeeper::domain::runbook::Runbook;
use lockkeeper::session::effect::{Goal, Request};
use lockkeeper::session::machine::Begin;
use lockkeeper::session::walk::Place;

/// The name that a typed confirmation asks for.
pub const DATABASE: &str = "shop";

/// A moment of our clock, so many seconds after the tests' beginning.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
}

pub fn identity() -> Identity {
    Identity {
        system_identifier: "7412000000000000903".into(),
        database: DATABASE.into(),
        database_oid: 16_384,
        host: "db1".into(),
        port: 5432,
        role: "deployer".into(),
        primary: true,
        version_num: 150_020,
        version: "15.20".into(),
    }
}

fn bare(action: Action, risk: Risk) -> Plan {
    Plan {
        action,
        target: identity(),
        class: Class::Production,
        command: None,
        files: Vec::new(),
        revision_before: Vec::new(),
        timeouts: Timeouts::default(),
        attempts: 1,
        risk,
        approvals: 0,
        preview: Preview::default(),
    }
}

/// The plan of migration `number`, tried at most three times.
pub fn migration(number: u32, direction: Direction, risk: Risk) -> Plan {
    let action = Action::Migrate {
        tool: "sqlx".into(),
        direction,
        migration: number.to_string(),
        after: vec![number.to_string()],
    };
    Plan {
        timeouts: Timeouts { lock_ms: Some(5_000), statement_ms: None, ..Timeouts::default() },
        attempts: 3,
        command: Some(Command { argv: vec!["sqlx".into()], ..Command::default() }),
        preview: Preview { title: format!("up {number}"), ..Preview::default() },
        ..bare(action, risk)
    }
}

pub fn signal_plan(signal: Signal) -> Plan {
    let risk = if signal == Signal::Cancel { Risk::Safe } else { Risk::Lossy };
    bare(Action::Signal { backend: backend(), signal }, risk)
}

pub fn command_plan() -> Plan {
    bare(Action::Command, Risk::Safe)
}

pub fn backend() -> BackendKey {
    BackendKey { pid: 3988, backend_start: Some(at(-500)) }
}

pub fn up(goal: Goal) -> Request {
    Request::Migrate { direction: Direction::Up, goal, risk: Risk::Safe }
}

pub fn terminate() -> Request {
    Request::Signal { backend: backend(), signal: Signal::Terminate }
}

/// Where the tests walk: on production, under the policy that is so by default.
pub fn place() -> Place {
    let config = Config::default();
    let policy =
        POLICY_NAMES.iter().map(|name| (name.to_string(), config.policy_value(name).expect(name)));
    Place { executor: "kim@desk".into(), policy: policy.collect(), ..Place::default() }
}

/// Parses a runbook of a test.
pub fn book(text: &str) -> Runbook {
    lockkeeper::io::runbook::parse(std::path::Path::new("test.toml"), text)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The runbook that the program ships.
pub fn shipped() -> Runbook {
    book(include_str!("../../../runbooks/migrate.toml"))
}

/// One of every kind that is walked, with a gate, a required act and offers.
pub fn small() -> Runbook {
    book(SMALL)
}

pub fn begin(book: Runbook) -> Begin {
    let place = place();
    let called = std::collections::BTreeMap::new();
    Begin { book, called, place, facts: serde_json::json!({}), again: None }
}

const SMALL: &str = r#"
schema = 1
id = "small"
title = "Small"
entry = "main"

[gate.calm]
rules = [{ builtin = "blocked_sessions", says = "nobody waits" }]

[gate.sure]
rules = [{ builtin = "identity_pinned", says = "it is the pinned database" }]

[scenario.disk]
title = "The disk is full"
matches = ["no space left"]
never = ["migrate"]
offer = ["mend"]

[[section]]
id = "main"
title = "Main"

[[section.step]]
id = "hello"
kind = "notice"
title = "Hello"
text = "Read this."

[[section.step]]
id = "calm"
kind = "check"
title = "Nobody waits"
probe = "blocked_sessions"

[[section.step]]
id = "answers"
kind = "check"
title = "It answers"
probe = "connection"
required = true

[[section.step]]
id = "gated"
kind = "act"
title = "Behind a gate"
command = ["gated"]
gates = ["calm"]

[[section.step]]
id = "up"
kind = "act"
title = "Up"
migrate = { direction = "up", to = "head" }
verify = "revision_is_next"
required = true
on_fail = { retry = 2, offer = ["scenario", "mend", "escalate"] }

[[section.step]]
id = "keep"
kind = "decide"
title = "Keep it?"
evidence = ["blocked_sessions"]
suggest = [{ when = { probe = "blocked_sessions", expect = { min = 1 } }, answer = "back" }]
answers = [
  { key = "k", id = "keep", label = "keep it", goto = "end" },
  { key = "t", id = "back", label = "take it back", goto = "back" },
]

[[section]]
id = "back"
title = "Back"

[[section.step]]
id = "down"
kind = "act"
title = "Down"
migrate = { direction = "down", to = "previous" }
gates = ["sure"]
on_fail = { retry = 0 }

[[section]]
id = "mend"
title = "Mend"

[[section.step]]
id = "look"
kind = "notice"
title = "Look"
text = "Look at what it left."
"#;

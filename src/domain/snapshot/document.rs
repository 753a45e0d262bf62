//! The document of `snapshot --json`, as its contract has it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Snapshot;
use crate::domain::activity::{Age, Backend, State};
use crate::domain::locks::{EdgeKind, Id, Kind, Mode, Node};
use crate::domain::progress::Progress;
use crate::domain::untrusted::Untrusted;
use crate::domain::verdict::{Level, Verdict, verdict};

/// The whole document. Text from the server is in it exactly as it is: who writes it to
/// a terminal escapes it as JSON allows.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    schema: u32,
    taken_at: DateTime<Utc>,
    age_s: f64,
    server: Server,
    sessions: Vec<Session>,
    locks: Locks,
    progress: Vec<Running>,
    verdict: Judgement,
    limits: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Server {
    version: String,
    version_num: u32,
    database: String,
    host: String,
    role: String,
    primary: bool,
    system_identifier: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Session {
    pid: i32,
    leader_pid: Option<i32>,
    backend_start: Option<DateTime<Utc>>,
    backend_type: Option<String>,
    database: Option<Untrusted>,
    user: Option<Untrusted>,
    application: Untrusted,
    client: Option<Untrusted>,
    state: Option<State>,
    wait: Option<String>,
    transaction_age_s: Option<f64>,
    query_age_s: Option<f64>,
    wait_age_s: Option<f64>,
    has_written: Option<bool>,
    xmin_age: Option<i64>,
    query: Untrusted,
    blocked_by: Vec<i32>,
    blocked_by_prepared: Vec<Untrusted>,
    ours: bool,
    can_signal: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Locks {
    blocked: usize,
    partial: bool,
    nodes: Vec<Line>,
}

#[derive(Clone, Debug, Serialize)]
struct Line {
    id: String,
    kind: Kind,
    pid: Option<i32>,
    gid: Option<Untrusted>,
    members: Vec<i32>,
    parent: Option<String>,
    depth: usize,
    queue_position: Option<usize>,
    edge: Option<Above>,
    wants: Option<Wanted>,
    wait_age_s: Option<f64>,
    victims: usize,
    below: usize,
    frees: usize,
    also_behind: Vec<String>,
    confirmed: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Above {
    kind: EdgeKind,
    held: Mode,
    object: Option<Untrusted>,
}

#[derive(Clone, Debug, Serialize)]
struct Wanted {
    mode: Mode,
    object: Option<Untrusted>,
}

#[derive(Clone, Debug, Serialize)]
struct Running {
    pid: i32,
    command: String,
    phase: String,
    relation: Option<Untrusted>,
    done: i64,
    total: i64,
    fraction: Option<f64>,
    eta_s: Option<f64>,
    waiting_for: Vec<i32>,
}

#[derive(Clone, Debug, Serialize)]
struct Judgement {
    level: Level,
    text: String,
    culprits: Vec<String>,
}

impl Document {
    /// Makes the document of `snapshot`, which is `age_s` seconds old.
    #[must_use]
    pub fn new(snapshot: &Snapshot, age_s: f64) -> Self {
        Self {
            schema: 1,
            taken_at: snapshot.taken_at,
            age_s,
            server: Server::of(snapshot),
            sessions: snapshot.backends.iter().map(|b| Session::of(b, snapshot)).collect(),
            locks: Locks::of(snapshot),
            progress: snapshot.progress.iter().map(Running::of).collect(),
            verdict: Judgement::of(verdict(snapshot)),
            limits: snapshot.limits.clone(),
        }
    }
}

impl Server {
    fn of(snapshot: &Snapshot) -> Self {
        let server = snapshot.server.clone();
        Self {
            version: server.version,
            version_num: server.version_num,
            database: server.database,
            host: server.host,
            role: server.role,
            primary: server.primary,
            system_identifier: Some(server.system_identifier).filter(|id| !id.is_empty()),
        }
    }
}

impl Session {
    fn of(b: &Backend, snapshot: &Snapshot) -> Self {
        let age = |age| b.age_s(age, snapshot.taken_at);
        Self {
            pid: b.pid,
            leader_pid: b.leader_pid,
            backend_start: b.backend_start,
            backend_type: Some(b.backend_type.clone()).filter(|kind| !kind.is_empty()),
            database: b.database.clone(),
            user: b.user.clone(),
            application: b.application.clone(),
            client: b.client.clone(),
            state: b.state,
            wait: b.wait.clone(),
            transaction_age_s: age(Age::Transaction),
            query_age_s: age(Age::Query),
            wait_age_s: age(Age::Wait),
            has_written: b.has_written,
            xmin_age: b.xmin_age,
            query: b.query.clone(),
            blocked_by: snapshot.blocking_pids(b.pid),
            blocked_by_prepared: snapshot.blocking_gids(b.pid).into_iter().cloned().collect(),
            ours: b.ours,
            can_signal: b.can_signal,
        }
    }
}

impl Locks {
    fn of(snapshot: &Snapshot) -> Self {
        let forest = &snapshot.forest;
        let nodes = forest.nodes.iter().map(|node| Line::of(node, snapshot)).collect();
        Self { blocked: forest.blocked, partial: forest.partial, nodes }
    }
}

impl Line {
    fn of(node: &Node, snapshot: &Snapshot) -> Self {
        let edge = node.edge.clone();
        let wants = node.wants.clone();
        Self {
            id: node.id.raw(),
            kind: node.kind,
            pid: node.pid(),
            gid: node.gid().cloned(),
            members: node.members.clone(),
            parent: node.parent.as_ref().map(Id::raw),
            depth: node.depth,
            queue_position: node.queue_position,
            edge: edge.map(|e| Above { kind: e.kind, held: e.held, object: e.object }),
            wants: wants.map(|w| Wanted { mode: w.mode, object: w.object }),
            wait_age_s: node.wait_age(snapshot.taken_at),
            victims: node.victims,
            below: node.below,
            frees: node.frees,
            also_behind: snapshot.forest.also_behind(node).into_iter().map(Id::raw).collect(),
            confirmed: node.confirmed,
        }
    }
}

impl Running {
    fn of(progress: &Progress) -> Self {
        Self {
            pid: progress.pid,
            command: progress.command.clone(),
            phase: progress.phase.clone(),
            relation: progress.relation.clone(),
            done: progress.done,
            total: progress.total,
            fraction: progress.fraction(),
            eta_s: progress.eta_s,
            waiting_for: progress.waiting_for.into_iter().collect(),
        }
    }
}

impl Judgement {
    fn of(verdict: Verdict) -> Self {
        let culprits = verdict.culprits.iter().map(Id::raw).collect();
        Self { level: verdict.level, text: verdict.text, culprits }
    }
}

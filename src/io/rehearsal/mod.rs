//! The rehearsal: every pending migration up, down, up again and down over written rows, by the
//! team's own tool, on a copy in a scratch server.
//!
//! The target is read by `pg_dump` and looked at, and nothing else: before the tool runs, it is
//! proven to connect to the copy and to be nowhere on the target, and while it runs the target is
//! watched for it. What keeps anything from being proven is "cannot tell". The copy, the dump and
//! the programs that run go with this process however that ends.

mod copy;
mod door;
mod dump;
mod ground;
mod knock;
mod locks;
mod lodging;
mod log;
mod rows;
mod run;
mod sentinel;
mod shape;
mod stage;
mod store;
mod tool;
mod trip;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::sync::Mutex;

pub use ground::{now, standing};
pub use stage::Stage;
pub use store::read;

use crate::domain::fingerprint::Schema;
use crate::domain::hazard::Hazard;
use crate::domain::identity::Identity;
use crate::domain::rehearsal::{
    Brief, Down, Ended, Evidence, Look, OPENING, Proof, Rehearsed, Report, Seen, Slow, Source,
    Statement, Step, Told, Trip, findings, judge, reads, transactions,
};
use crate::domain::untrusted::Untrusted;
use crate::io::allowed::Allowed;
use crate::io::postgres::Control;
use crate::io::postgres::reader::Reader;
use crate::io::site::Site;
use crate::tools::Project;
use crate::tools::status::{Entry, Status};

use copy::{Copy, Target};
use rows::Counter;
use tool::Hands;
use trip::{Traveller, Went};

/// What the copy is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// A dump of the target, made now.
    Target,
    /// A backup.
    Backup(PathBuf),
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What the copy is made of.
    pub from: From,
    /// Only the definitions are copied.
    pub schema_only: bool,
    /// The tables whose rows are left out, as patterns of `pg_dump`.
    pub exclude: Vec<String>,
    /// The target on which a database is made for it; `None`: in a scratch server.
    pub on: Option<String>,
    /// How long one run of the tool may take.
    pub limit: Duration,
    /// What is LOSSY is bad, too.
    pub strict: bool,
}

/// Rehearses every pending migration. What is done goes to `tell`.
pub async fn rehearse(site: &Site, order: &Order, tell: &mut dyn FnMut(&str)) -> Report {
    let begun = Instant::now();
    tell(OPENING);
    let source = if order.schema_only { Source::SchemaOnly } else { Source::Dump };
    let mut report = Report::new(source, Utc::now());
    report.excluded.clone_from(&order.exclude);
    report.on.clone_from(&order.on);
    if let From::Backup(path) = &order.from {
        report.backup = Some(path.display().to_string());
    }
    if let Err(why) = Box::pin(held(site, order, &mut report, tell)).await {
        report.why = Some(Untrusted::new(why).one_line());
    }
    report.judge(order.strict);
    report.took_s = begun.elapsed().as_secs_f64();
    report
}

async fn held(
    site: &Site,
    order: &Order,
    report: &mut Report,
    tell: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let allowed = Allowed::in_state(&site.paths.state);
    site.loaded.commands_allowed(&allowed).map_err(|refused| refused.to_string())?;
    if order.schema_only && matches!(order.from, From::Backup(_)) {
        return Err("of a backup all is loaded: leave --schema-only out".to_owned());
    }
    let (tool, _) = site.tool()?;
    report.tool = Some(tool.name().to_owned());
    let target = Target::met(site, order).await?;
    let copy = Copy::make(site, order, target.as_ref(), true, tell).await?;
    report.server = Some(copy.version().to_owned());
    report.source = copy.source(order);
    let identity = target.as_ref().map(|target| &target.identity);
    let held = Box::pin(on(site, order, &copy, identity, report, tell)).await;
    tell("removing the copy");
    let ended = copy.end().await.map_err(|why| format!("the copy is left: {why}"));
    held.and(ended)
}

/// Rehearses on the copy.
async fn on(
    site: &Site,
    order: &Order,
    copy: &Copy,
    target: Option<&Identity>,
    report: &mut Report,
    tell: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let (tool, detected) = site.tool()?;
    let forbidden = match target {
        Some(_) => {
            let control = Control::open(site.target.spec.clone()).await;
            Some(Arc::new(Mutex::new(control.map_err(|error| error.to_string())?)))
        }
        None => None,
    };
    let mut hands = Hands {
        site,
        tool,
        detected,
        copy,
        spec: copy.spec()?,
        limit: order.limit,
        forbidden,
        output: copy.directory().join("tool.out"),
        reader: Reader::new(copy.spec()?),
        eye: None,
        runs: 0,
        idle: None,
        between: None,
    };
    let told = |error: crate::io::postgres::reader::Error| error.to_string();
    report.bytes = Some(hands.reader.database_size().await.map_err(told)?);
    let mut traveller = Traveller { hands, counter: Counter::default(), proven: None };
    let mut proofs = Vec::new();
    let done = all(&mut traveller, target, report, &mut proofs, tell).await;
    if let (Some(identity), Ok(())) = (target, &done) {
        report.unkept = keep(&mut traveller.hands, identity, report, proofs).await.err();
    }
    traveller.hands.let_go().await;
    if let Some(forbidden) = traveller.hands.forbidden.take() {
        forbidden.lock().await.close().await;
    }
    done
}

/// Takes every pending migration on its trip.
async fn all(
    traveller: &mut Traveller<'_>,
    target: Option<&Identity>,
    report: &mut Report,
    proofs: &mut Vec<Proof>,
    tell: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let mut project = traveller.hands.project().await?;
    let mut before = traveller.look(&project).await?;
    let pending: Vec<String> = project.graph.pending().map(|node| node.id.clone()).collect();
    let (mut outline, mut standing) = (outline(traveller).await?, Schema::default());
    if target.is_some() {
        let mut reader = Reader::new(traveller.hands.site.target.spec.clone());
        let read = reader.outline().await.map_err(|error| error.to_string())?;
        reader.close().await;
        standing = read.without(&traveller.hands.books());
    }
    let mut ahead = None;
    for (at, id) in pending.iter().enumerate() {
        ahead = traveller.prove(&project, ahead).await?;
        let entry = predicted(traveller, &project, id).await?;
        let bytes = traveller.counter.bytes.clone();
        let of = pending.len();
        let mut leg = |leg| {
            tell(&Told::Leg { at: at + 1, of, leg, id: id.clone() }.to_string());
        };
        let ids = (id.as_str(), pending.get(at + 1).map(String::as_str));
        let went = traveller.travel(ids, before.clone(), &project, ahead, &mut leg).await?;
        let rehearsed = told(id, &went, &entry, &|relation| bytes.get(relation).copied());
        let judged = Told::Judged { at: at + 1, of, verdict: rehearsed.verdict, id: id.clone() };
        tell(&judged.to_string());
        let goes_on = went.trip.up.ended == Ended::Well && rehearsed.up_s.is_some();
        let next = self::outline(traveller).await?;
        let moved = standing.moved_as(&outline, &next);
        proofs.push(proof(traveller, &project, &rehearsed, (&standing, &moved)));
        (outline, standing) = (next, moved);
        report.migrations.push(rehearsed);
        ahead = went.ahead;
        if !goes_on || went.trip.up.after.revision != went.trip.up.expected {
            traveller.hands.cancel(ahead).await;
            let left = pending.len() - at - 1;
            return match left {
                0 => Ok(()),
                _ => Err(format!("{id} does not go up, so the {left} after it were not tried")),
            };
        }
        (before, project) = (went.trip.up.after, went.project);
    }
    Ok(())
}

async fn outline(traveller: &mut Traveller<'_>) -> Result<Schema, String> {
    let read = traveller.hands.reader.outline().await.map_err(|error| error.to_string());
    Ok(read?.without(&traveller.hands.books()))
}

/// Returns what the classifier says of a migration on the copy as it is.
async fn predicted(
    traveller: &mut Traveller<'_>,
    project: &Project,
    id: &str,
) -> Result<Entry, String> {
    let reader = &mut traveller.hands.reader;
    let read = async {
        let version = reader.identity().await?.version_num;
        reader.catalog(version).await
    };
    let catalog = read.await.map_err(|error: crate::io::postgres::reader::Error| error.to_string());
    let status = Status::of(project, &catalog?);
    let entry = status.migrations.into_iter().find(|entry| entry.id == id);
    entry.ok_or_else(|| format!("{id} is not among the migrations any more"))
}

fn proof(
    traveller: &Traveller<'_>,
    project: &Project,
    rehearsed: &Rehearsed,
    (before, after): (&Schema, &Schema),
) -> Proof {
    Proof {
        id: rehearsed.id.clone(),
        files: ground::files(&traveller.hands.site.tree(), project, &rehearsed.id),
        verdict: rehearsed.verdict,
        why: rehearsed.why.clone(),
        before: before.fingerprint(),
        after: after.fingerprint(),
        up_s: rehearsed.up_s,
        slow: rehearsed.slow.clone(),
        brief: rehearsed.brief.clone(),
        findings: rehearsed.findings.clone(),
        seen: Seen::of(rehearsed),
    }
}

async fn keep(
    hands: &mut Hands<'_>,
    identity: &Identity,
    report: &Report,
    migrations: Vec<Proof>,
) -> Result<(), String> {
    let project = hands.project().await?;
    let version = hands.version(&project).await;
    let tree = hands.site.tree();
    let evidence = Evidence {
        schema: 1,
        at: Utc::now(),
        system_identifier: identity.system_identifier.clone(),
        database: identity.database.clone(),
        source: report.source,
        backup: report.backup.clone(),
        excluded: report.excluded.clone(),
        bytes: report.bytes.unwrap_or(0),
        tool: ground::bound(&tree, hands.tool, &project, version, identity.major()),
        migrations,
        digest: String::new(),
    };
    store::write(&hands.site.paths.state, &evidence.sealed())
}

/// Puts a trip into the words of the document.
fn told(id: &str, went: &Went, entry: &Entry, bytes: &dyn Fn(&str) -> Option<u64>) -> Rehearsed {
    let Went { trip, statements, sampled, .. } = went;
    let judged = judge(trip);
    let lines = |lines: Vec<Untrusted>| lines.iter().map(Untrusted::one_line).collect::<Vec<_>>();
    let down = match &trip.down {
        Some(Down::Ran(down)) if down.ended == Ended::Well => Some(down),
        _ => None,
    };
    let last: &Look = down.map_or(&trip.up.after, |down| &down.after);
    let mut vanished = lines(trip.before.rows.lost(&last.rows));
    let written = trip.written.as_ref().and_then(|written| written.as_ref().ok());
    vanished.extend(written.map(|w| lines(w.vanished.clone())).unwrap_or_default());
    let unwritten = written.map(|written| written.unwritten.clone()).unwrap_or_default();
    let took =
        |step: Option<&Step>| step.filter(|step| step.ended == Ended::Well).map(|step| step.took_s);
    let (slow, brief) = durations(statements, &entry.hazards, bytes);
    Rehearsed {
        id: id.to_owned(),
        verdict: judged.verdict,
        why: judged.why.one_line(),
        up_s: took(Some(&trip.up)),
        down_s: took(down),
        again_s: took(trip.again.as_ref()),
        transaction: transactions(statements),
        schema_diff: lines(trip.before.shape.changes(&trip.up.after.shape)),
        left: down.map(|d| lines(trip.before.shape.changes(&d.after.shape))).unwrap_or_default(),
        reordered: reordered(trip, last),
        rows_diff: trip.before.rows.counted(&last.rows),
        vanished,
        unwritten: unwritten.into_iter().collect(),
        findings: findings(&entry.hazards, &entry.reversal, statements, judged.verdict),
        slow,
        brief,
        statements: statements.iter().map(shown).collect(),
        sampled: sampled.clone(),
    }
}

fn reordered(trip: &Trip, last: &Look) -> Vec<String> {
    let lines = trip.before.shape.reordered(&last.shape);
    lines.iter().map(Untrusted::one_line).collect()
}

fn shown(statement: &Statement) -> Statement {
    let sql = Untrusted::from(statement.sql.as_str()).visible();
    Statement { sql, ..statement.clone() }
}

/// Returns the statements whose time grows with a relation: those that gave it a new file, and
/// those of which the classifier says that they read all of it; and the others.
fn durations(
    statements: &[Statement],
    hazards: &[Hazard],
    bytes: &dyn Fn(&str) -> Option<u64>,
) -> (Vec<Slow>, Vec<Brief>) {
    let (mut slow, mut brief) = (Vec::new(), Vec::new());
    for statement in statements {
        let Some(took_s) = statement.took_s else { continue };
        let locked = statement.locks.iter().map(|lock| &lock.relation);
        let read = locked.clone().filter(|relation| reads(hazards, relation));
        match statement.rewrite.iter().chain(read).max_by_key(|relation| bytes(relation)) {
            Some(relation) => slow.extend(bytes(relation).map(|bytes| Slow {
                relation: relation.clone(),
                bytes,
                took_s,
            })),
            None => brief.extend(locked.map(|one| Brief { relation: one.clone(), took_s })),
        }
    }
    (slow, brief)
}

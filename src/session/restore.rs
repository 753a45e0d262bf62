//! The plan of a restore's next act: which, on what, what it loses, what speaks against it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::age;
use crate::domain::backup::{Backup, Kind, Scope, object};
use crate::domain::plan::{Action, Command, Plan, Preview, Risk};
use crate::domain::quantity::size;
use crate::domain::restore::{
    Act, Found, Goal, Mark, Next, Order, Pooler, Preflight, Replica, Stated, World, aside, next,
    quoted,
};
use crate::domain::untrusted::Untrusted;

use super::making::Dumper;
use super::preview::{Ground, bare};

/// What a restore's plan stands on, beside [`Ground`]; all of it read for this plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Restoring {
    /// `pg_restore`, or for a script `psql`; or why none works with this server.
    pub client: Result<Dumper, String>,
    /// The backup that is meant; `None`: the goal names none.
    pub backup: Option<Result<Box<Backup>, String>>,
    /// What restores have left on the server.
    pub world: World,
    /// What speaks against it.
    pub preflight: Result<Preflight, String>,
    /// The name that a new database would get.
    pub fresh: String,
    /// The statement that would make it.
    pub create: String,
    /// Rows of each table now, `None` where they could not be counted in time.
    pub live: BTreeMap<String, Option<u64>>,
    /// Rows written into the database, as the server counts them, and since when.
    pub written: Option<Written>,
    /// The database from which the names are swapped.
    pub maintenance: String,
    /// How many connections load at the same time.
    pub jobs: usize,
    /// The migration tool whose revision is compared.
    pub tool: Option<String>,
    /// The names of the variables that are set for the program.
    pub env: Vec<String>,
    /// The server's clock.
    pub now: DateTime<Utc>,
}

/// Rows that the server has counted as written into a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many.
    pub rows: u64,
    /// Since when; `None`: since the database was made.
    pub since: Option<DateTime<Utc>>,
}

/// So many tables are listed one by one.
const TABLES: usize = 6;

/// Plans the next act of a restore.
///
/// # Errors
/// Why there is none.
pub fn plan(order: &Order, read: &Restoring, ground: &Ground<'_>) -> Result<Plan, String> {
    if !ground.identity.primary {
        return Err("this server is a replica: a restore runs on the primary".to_owned());
    }
    let goal = goal(order, read)?;
    let (act, found) = match next(&goal, &read.world) {
        Next::Act(act, found) => (act, found),
        Next::Impossible(why) => return Err(Untrusted::new(why).one_line()),
    };
    let preflight = read.preflight.as_ref().map_err(|why| format!("cannot tell: {why}"))?;
    let denials = preflight.denials(act, order.stated);
    if !denials.is_empty() {
        return Err(format!("nothing is restored: {}", shown(&denials.join("; "))));
    }
    let database = match (&found, &order.name) {
        (Some(found), _) => found.name.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => read.fresh.clone(),
    };
    let action = Action::Restore {
        act,
        goal,
        database: database.clone(),
        oid: found.as_ref().map(|found| found.oid),
        stated: order.stated,
    };
    let mut plan = bare(action, risk(act), ground);
    if act == Act::Load {
        plan.files = read.client.clone()?.digest.into_iter().collect();
    }
    plan.command = Some(Command {
        argv: argv(act, &database, found.as_ref(), read, &plan, order.stated)?,
        env: read.env.clone(),
        cwd: ground.cwd.to_owned(),
    });
    plan.preview =
        Preview { now: now(act, order, read, preflight), ..preview(act, &database, read) };
    Ok(plan)
}

/// Returns the goal with a backup's location in full, if that backup can be restored.
fn goal(order: &Order, read: &Restoring) -> Result<Goal, String> {
    let Goal::Backup(_) = &order.goal else { return Ok(order.goal.clone()) };
    let backup = read.backup.clone().ok_or("the backup was not read")??;
    fits(&backup, read)?;
    Ok(Goal::Backup(backup.location))
}

/// Checks that a backup is one that can take the database's place.
fn fits(backup: &Backup, read: &Restoring) -> Result<(), String> {
    let no = |why: &str| {
        Err(format!(
            "{} is not restored: {why}",
            Untrusted::from(backup.location.as_str()).one_line()
        ))
    };
    if backup.is_bad() {
        return no("it is damaged or incomplete");
    }
    if object::is_elsewhere(&backup.location) {
        return no(object::FETCH);
    }
    match backup.kind {
        Kind::Custom | Kind::Directory | Kind::Plain => {}
        Kind::Tar => return no("of a tar archive that was cut, pg_restore never comes to an end"),
        _ => return no("it is restored by the tool that made it"),
    }
    if backup.scope != Some(Scope::Full) {
        return no("it does not hold schema and rows of the whole database");
    }
    let name = &read.world.name;
    if backup.database.as_ref().is_some_and(|of| of.raw() != name) {
        return no("it is of another database");
    }
    let client = read.client.as_ref().map_err(Clone::clone)?;
    if client.through.is_some() && backup.kind == Kind::Directory {
        return no(
            "a directory is not seen by a pg_restore that a prefix runs elsewhere: only one \
                   file can be given to it; put PostgreSQL's clients on this machine, and leave \
                   [backups.client] out",
        );
    }
    match backup.tool_version.as_ref().and_then(|version| major(version.raw())) {
        Some(major) if major > client.major => no(&format!(
            "it was made by the tools of {major}, which those of {} cannot read",
            client.major
        )),
        _ => Ok(()),
    }
}

/// Returns the first number of a version, of `18beta1` too.
fn major(version: &str) -> Option<u32> {
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..end].parse().ok()
}

/// The yes to the first act is the yes to losing what was written since; that to the swap
/// loses it.
fn risk(act: Act) -> Risk {
    match act {
        Act::Load | Act::Swap | Act::Undo => Risk::Lossy,
        Act::Settle | Act::Drop => Risk::Safe,
    }
}

fn argv(
    act: Act,
    database: &str,
    found: Option<&Found>,
    read: &Restoring,
    plan: &Plan,
    stated: Stated,
) -> Result<Vec<String>, String> {
    let mut argv: Vec<String> = ["lockkeeper", "__restore", act.word()].map(str::to_owned).to_vec();
    let mut option = |name: &str, value: String| argv.extend([name.to_owned(), value]);
    option("--system", plan.target.system_identifier.clone());
    option("--database", plan.target.database.clone());
    option("--oid", plan.target.database_oid.to_string());
    option("--new", database.to_owned());
    if let Some(found) = found {
        option("--new-oid", found.oid.to_string());
    }
    if act.swaps() {
        let replicas = read.preflight.iter().flat_map(|preflight| &preflight.replicas);
        replicas.for_each(|replica| option("--replica", replica.dsn.clone()));
        let pooler = read.preflight.as_ref().ok().and_then(|preflight| preflight.pooler.as_ref());
        // Where somebody has said that it may be cut off, it may be gone.
        if let Some(pooler) = pooler.filter(|_| !stated.drained) {
            option("--pooler", pooler.dsn.clone());
        }
    }
    if act == Act::Load {
        let backup = read.backup.as_ref().ok_or("the backup was not read")?.as_ref()?;
        option("--backup", backup.location.clone());
        let client = read.client.as_ref().map_err(Clone::clone)?;
        option("--client", client.path.clone());
        client.options().into_iter().for_each(|(name, value)| option(name, value));
        option("--jobs", read.jobs.to_string());
        if let Some(tool) = &read.tool {
            option("--tool", tool.clone());
        }
    }
    Ok(argv)
}

fn preview(act: Act, database: &str, read: &Restoring) -> Preview {
    let (live, new) = (shown(&read.world.name), shown(database));
    let put_aside = shown(&aside(act, database));
    let not_touched = format!("{live}: not touched");
    let lines = |lines: &[String]| lines.to_vec();
    let renames = || {
        let (live, aside) = (quoted(&read.world.name), quoted(&aside(act, database)));
        let new = quoted(database);
        vec![
            "BEGIN".to_owned(),
            format!("ALTER DATABASE {live} RENAME TO {aside}"),
            format!("ALTER DATABASE {new} RENAME TO {live}"),
            "COMMIT".to_owned(),
        ]
    };
    let ended = format!("{live}: every session is ended, and each client connects once more");
    let (title, sql, touches, takes, back) = match act {
        Act::Load => (
            format!("restore a backup into the new database {new}"),
            vec![read.create.clone()],
            lines(&[
                backup_line(read),
                format!("{new}: made, loaded, analysed, counted against the backup"),
                not_touched,
            ]),
            takes(read),
            format!("none needed: {new} is dropped if it fails, and nobody has seen it"),
        ),
        Act::Settle => (
            format!("give {new} the properties of {live}"),
            Vec::new(),
            lines(&[
                format!(
                    "{new}: who may connect, connection limit, ALTER DATABASE SET, ALTER ROLE IN \
                     DATABASE SET; one transaction"
                ),
                not_touched,
            ]),
            Some("under a second".to_owned()),
            format!("none needed: {new} is not in use yet"),
        ),
        Act::Swap => (
            format!("swap the names: {live} becomes what is in {new}"),
            renames(),
            lines(&[ended, format!("{live} as it is now stays, as {put_aside}")]),
            Some("about 0.1 s; measured with six clients that reconnect".to_owned()),
            "lockkeeper restore --undo swaps them back; what is written until then stays behind"
                .to_owned(),
        ),
        Act::Undo => (
            format!("swap back: {live} becomes {new} again"),
            renames(),
            lines(&[ended, format!("{live} as it is now stays, as {put_aside}")]),
            Some("about 0.1 s".to_owned()),
            format!("what was written since the swap stays in {put_aside}, and nowhere else"),
        ),
        Act::Drop => (
            format!("drop {new}, which a restore has left over"),
            vec![format!("DROP DATABASE {}", quoted(database))],
            lines(&[format!("{new}: dropped; it was never in use"), not_touched]),
            Some("some seconds".to_owned()),
            "none needed: the backup that it was made from is still there".to_owned(),
        ),
    };
    Preview {
        rehearsal: false,
        title,
        sql,
        touches,
        now: Vec::new(),
        takes,
        stall: None,
        back,
        counts: Vec::new(),
        untimely: None,
    }
}

fn backup_line(read: &Restoring) -> String {
    let Some(Ok(backup)) = &read.backup else { return String::new() };
    let bytes = backup.size.map(|bytes| format!(", {}", size(bytes))).unwrap_or_default();
    let how = match backup.registered {
        true => "its SHA-256 is compared, and all of it decoded unless that was proven",
        false => "all of it is decoded and its rows are counted",
    };
    format!("{}{bytes}: {how}, before anything is made", shown(&backup.location))
}

/// A database of 1 GB takes 20 to 40 s with four jobs.
fn takes(read: &Restoring) -> Option<String> {
    let preflight = read.preflight.as_ref().ok()?;
    let bytes = preflight.work()?;
    let whose = if preflight.size == Some(bytes) { "database" } else { "backup" };
    let seconds = i64::try_from(bytes / (1 << 30) * 40).ok()?;
    Some(match seconds {
        0 => format!("some seconds, by the {whose}'s size"),
        _ => format!(
            "up to {}, by the {whose}'s size",
            age::rough(chrono::TimeDelta::try_seconds(seconds)?)
        ),
    })
}

/// Returns what is true at this moment: what would be lost, and who is there.
fn now(act: Act, order: &Order, read: &Restoring, preflight: &Preflight) -> Vec<String> {
    let mut now = Vec::new();
    match act {
        Act::Load | Act::Swap => now.extend(lost(read)),
        Act::Undo => now.push(lost_by_undo(read)),
        Act::Settle | Act::Drop => {}
    }
    if let (Act::Load, Ok(client)) = (act, &read.client) {
        now.extend(client.elsewhere(&read.env));
    }
    if act != Act::Settle && act != Act::Drop {
        now.extend(sessions(act, preflight));
    }
    if act.swaps() {
        let standby = !preflight.standbys.is_empty() && order.stated.drained;
        now.extend(standby.then(|| "said: nobody reads on the replicas".to_owned()));
        now.extend(preflight.replicas.iter().map(ended_on));
        now.push(match &preflight.pooler {
            Some(Pooler { name, .. }) if order.stated.drained => {
                format!("said: the pooler {name} may be cut off")
            }
            Some(Pooler { name, paused: Ok(false), .. }) => format!(
                "the pooler {name} is paused before and resumed after, however it ends: its \
                 clients wait"
            ),
            Some(Pooler { name, paused: Ok(true), .. }) => format!(
                "the pooler {name} has it paused, and not by this: RESUME it there after the swap"
            ),
            Some(Pooler { name, .. }) => format!("said: the pooler {name} may be cut off"),
            None => "a pooler in front of it is paused before and resumed after, by you".to_owned(),
        });
    }
    if act == Act::Load {
        now.extend(unproven(read));
        let left = |found: &Found| {
            let name = shown(&found.name);
            format!("{name} is left over from another restore: lockkeeper restore --drop {name}")
        };
        now.extend(read.world.left_over().map(left));
    }
    now
}

fn ended_on(replica: &Replica) -> String {
    match &replica.readers {
        Ok(many) => {
            format!("{many} sessions on the replica {}: ended once it has the swap", replica.name)
        }
        Err(why) => format!("the replica {}: {why}", replica.name),
    }
}

fn sessions(act: Act, preflight: &Preflight) -> Option<String> {
    let many = match preflight.sessions {
        0 => return None,
        1 => "1 session of others is connected".to_owned(),
        many => format!("{many} sessions of others are connected"),
    };
    Some(match act {
        Act::Load => format!("{many}: stop what writes, it is lost by the swap"),
        _ => format!("{many}: all are ended"),
    })
}

/// Returns what the backup's own proofs leave open.
fn unproven(read: &Restoring) -> Option<String> {
    let Some(Ok(backup)) = &read.backup else { return None };
    (!backup.registered).then(|| {
        "it has no manifest: nothing tells whether it is of this server, and whether all tables \
         are in it"
            .to_owned()
    })
}

/// Returns what was written since the backup, as far as that is counted.
fn lost(read: &Restoring) -> Vec<String> {
    let Some(Ok(backup)) = &read.backup else { return Vec::new() };
    let mut lines = vec![match backup.snapshot_started_at {
        Some(at) => format!("LOSES all that was written in the last {}", age::rough(read.now - at)),
        None => "LOSES all that was written since the backup, whose age is not known".to_owned(),
    }];
    lines.extend(counted(read, backup.snapshot_started_at));
    let differs: Vec<String> = read
        .live
        .iter()
        .filter_map(|(table, now)| difference(table, *now, backup.rows.get(table)))
        .collect();
    let more = differs.len().saturating_sub(TABLES);
    lines.extend(differs.into_iter().take(TABLES));
    if more > 0 {
        lines.push(format!("{more} tables more differ"));
    }
    let gone: Vec<&String> =
        backup.rows.keys().filter(|table| !read.live.contains_key(*table)).collect();
    if !read.live.is_empty() && !gone.is_empty() {
        lines.push(format!("{} tables that the backup has are not here now", gone.len()));
    }
    lines
}

fn counted(read: &Restoring, at: Option<DateTime<Utc>>) -> Option<String> {
    // Counters that began before the backup tell nothing of the time since.
    let written = read.written.filter(|written| written.since >= at && at.is_some())?;
    Some(format!("at least {} rows were written since, by the server's counters", written.rows))
}

/// Returns how many rows a table has now and in the backup, if that is not the same.
fn difference(table: &str, now: Option<u64>, then: Option<&Option<u64>>) -> Option<String> {
    let table = shown(table);
    let is_known = then.is_some();
    match (now, then.copied().flatten()) {
        (Some(now), Some(then)) if now == then => None,
        (Some(now), Some(then)) => {
            let sign = if now > then { '+' } else { '−' };
            Some(format!(
                "{table}: {now} rows now, {then} in the backup ({sign}{})",
                now.abs_diff(then)
            ))
        }
        (Some(now), None) if !is_known => {
            Some(format!("{table}: {now} rows now, and no such table in the backup's manifest"))
        }
        _ => Some(format!("{table}: how its rows differ cannot be told")),
    }
}

fn lost_by_undo(read: &Restoring) -> String {
    let swapped = read.world.old().map(|(_, mark)| mark);
    let Some(Mark::Old { at, written: then, .. }) = swapped else {
        return "LOSES what was written since the swap".to_owned();
    };
    let ago = age::rough(read.now - *at);
    let reset = |written: Written| written.since.is_some_and(|since| since > *at);
    match (read.written, then) {
        (Some(written), Some(then)) if !reset(written) => format!(
            "LOSES what was written since the swap {ago} ago: at least {} rows, by the server's \
             counters",
            written.rows.saturating_sub(*then)
        ),
        _ => format!("LOSES what was written since the swap {ago} ago; how much cannot be told"),
    }
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

//! The plan of a rehearsal: what is copied, from where, what runs on the copy, and what that
//! costs.

use std::collections::BTreeSet;

use crate::domain::evidence::Level;
use crate::domain::plan::{Action, Command, Digest, Plan, Preview, Risk};
use crate::domain::quantity::size;
use crate::domain::rehearsal::Material;
use crate::domain::untrusted::Untrusted;
use crate::domain::verify::estimate;

use super::preview::{Ground, Ways, bare, digests};

/// What a rehearsal's plan stands on, beside [`Ground`]; all of it read for this plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsing {
    /// Bytes of the target's database; `None`: the server does not tell.
    pub database: Option<u64>,
    /// Bytes that are free where the copy will lie; `None`: the system does not tell.
    pub free: Option<u64>,
    /// Where that is.
    pub place: String,
    /// Bytes and location of the newest full backup, or why there is none.
    pub newest: Result<(Option<u64>, String), String>,
    /// The configuration's file, if there is one.
    pub config: Option<String>,
    /// The names of the variables that are set for the program.
    pub env: Vec<String>,
}

/// Plans the rehearsal of all that is pending, on a copy made of `of`.
///
/// # Errors
/// Why there can be none.
pub fn plan(of: Material, stands: &Rehearsing, ground: &Ground<'_>) -> Result<Plan, String> {
    let ways = ground.project.as_ref().map_err(|why| (*why).to_owned())?;
    let project = &ways.migrations.project;
    if !project.connected {
        return Err("what the database has cannot be read, so nor can what is pending".to_owned());
    }
    let pending: Vec<String> = project.graph.pending().map(|node| node.id.clone()).collect();
    if pending.is_empty() {
        return Err("nothing is pending: there is nothing to rehearse".to_owned());
    }
    if let (Material::Newest, Err(why)) = (of, &stands.newest) {
        return Err(why.clone());
    }
    let files = files(&pending, ways)?;
    let tool = ways.tool.name().to_owned();
    let action = Action::Rehearse { tool: tool.clone(), of, pending: pending.clone() };
    let mut plan = bare(action, Risk::Read, ground);
    plan.files = files;
    plan.revision_before = project.graph.current();
    plan.command = Some(Command {
        argv: argv(of, stands, ground.cwd),
        env: stands.env.clone(),
        cwd: ground.cwd.to_owned(),
    });
    plan.preview = preview(of, stands, &plan, &tool, &pending);
    Ok(plan)
}

fn argv(of: Material, stands: &Rehearsing, project: &str) -> Vec<String> {
    let config = stands.config.iter().flat_map(|path| ["--config", path.as_str()]);
    let words = ["lockkeeper", "rehearse", "--project", project].into_iter().chain(config);
    let source = match (of, &stands.newest) {
        (Material::SchemaOnly, _) => vec!["--schema-only"],
        (Material::Newest, Ok((_, location))) => vec!["--source", location.as_str()],
        _ => Vec::new(),
    };
    words.chain(source).map(str::to_owned).collect()
}

/// Returns the files of what is rehearsed.
fn files(pending: &[String], ways: &Ways<'_>) -> Result<Vec<Digest>, String> {
    let migrations = pending.iter().filter_map(|id| ways.migrations.project.migration(id));
    let paths: BTreeSet<&str> = migrations
        .flat_map(|one| {
            let down = one.down.as_ref().map(|down| down.file.as_str());
            [Some(one.up.file.as_str()), down].into_iter().flatten()
        })
        .collect();
    digests(paths.into_iter(), ways.tree)
}

fn preview(
    of: Material,
    stands: &Rehearsing,
    plan: &Plan,
    tool: &str,
    pending: &[String],
) -> Preview {
    let count = match pending.len() {
        1 => "1 migration".to_owned(),
        several => format!("{several} migrations"),
    };
    let place = Untrusted::from(stands.place.as_str()).one_line();
    let mut touches = vec![
        source(of, stands, &plan.target.database),
        format!(
            "a scratch server on this machine, in {place}, on a private socket and without fsync; \
             it goes at the end, however that comes"
        ),
        personal(of),
        format!(
            "{tool}, on the copy alone: each of {} goes up, down, up again, and down over rows \
             that are written",
            named(pending)
        ),
        "nothing of it runs on the target: before the first, it is proven where the tool connects"
            .to_owned(),
    ];
    touches.retain(|line| !line.is_empty());
    Preview {
        title: format!("rehearse {count}"),
        sql: Vec::new(),
        touches,
        now: room(of, stands).into_iter().collect(),
        takes: Some(takes(of, stands, tool, pending.len())),
        stall: None,
        rehearsal: false,
        counts: Vec::new(),
        untimely: None,
        back: "none needed: the target is only read".to_owned(),
    }
}

fn source(of: Material, stands: &Rehearsing, database: &str) -> String {
    let database = Untrusted::from(database).one_line();
    let bytes = |bytes: Option<u64>| {
        bytes.map_or_else(|| "of unknown size".to_owned(), |bytes| format!("({})", size(bytes)))
    };
    match (of, &stands.newest) {
        (Material::Target, _) => format!(
            "{database} {}: read in full by pg_dump, under ACCESS SHARE on every table: until that \
             is done no migration runs here, and queries go on",
            bytes(stands.database)
        ),
        (Material::SchemaOnly, _) => {
            format!("{database}: its definitions are read by pg_dump, and no row")
        }
        (Material::Newest, Ok((size, location))) => {
            let location = Untrusted::from(location.as_str()).one_line();
            format!("the backup {location} {}: read to its end", bytes(*size))
        }
        (Material::Newest, Err(why)) => why.clone(),
    }
}

fn personal(of: Material) -> String {
    match of {
        Material::SchemaOnly => String::new(),
        Material::Target | Material::Newest => {
            "personal data: all rows are copied to this machine until the end; `lockkeeper \
             rehearse --exclude-table` leaves tables out"
                .to_owned()
        }
    }
}

fn named(pending: &[String]) -> String {
    const NAMED: usize = 4;
    let mut names: Vec<String> =
        pending.iter().take(NAMED).map(|id| Untrusted::from(id.as_str()).one_line()).collect();
    if pending.len() > NAMED {
        names.push(format!("{} more", pending.len() - NAMED));
    }
    names.join(", ")
}

fn room(of: Material, stands: &Rehearsing) -> Option<String> {
    if of == Material::SchemaOnly {
        return None;
    }
    let place = Untrusted::from(stands.place.as_str()).one_line();
    Some(match stands.free {
        Some(free) => format!("{} free in {place}", size(free)),
        None => format!("how much is free in {place} cannot be told"),
    })
}

/// Returns how long it takes, as far as that can be said before it was done once.
fn takes(of: Material, stands: &Rehearsing, tool: &str, pending: usize) -> String {
    let bytes = match of {
        Material::Target => stands.database,
        Material::Newest => stands.newest.as_ref().ok().and_then(|(bytes, _)| *bytes),
        Material::SchemaOnly => Some(0),
    };
    // What is loaded of an archive is about eight times its size; here the size is the database's.
    let packed = if of == Material::Target { 8 } else { 1 };
    let copy = match bytes.map(|bytes| estimate(Level::L4, bytes / packed).as_secs()) {
        None => "a time for the copy that cannot be told".to_owned(),
        Some(0..5) => "a few seconds for the copy".to_owned(),
        Some(seconds @ 5..90) => format!("about {seconds} s for the copy"),
        Some(seconds) => format!("about {} min for the copy", seconds.div_ceil(60)),
    };
    format!("{copy}, then up to {} runs of {tool}: an estimate; c ends it at any time", pending * 4)
}

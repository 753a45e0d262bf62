//! Alembic 1.20: `alembic.ini`, `env.py`, `versions/*.py` and a row per head.
//!
//! Nothing of it is run to read it; to change anything its own program is run, one revision
//! at a time and under its full id.

mod act;
mod config;
mod explain;
mod files;
mod map;

use std::collections::{BTreeMap, HashMap};

use fixedbitset::FixedBitSet;

use crate::domain::change::Name;
use crate::domain::graph::{Graph, Node, Problem, State, Trouble};
use crate::domain::plan::Command;

use super::{
    Act, Detected, Failure, Intent, Project, Refused, Rows, Setup, Tool, Tree, VersionQuery, join,
};
use config::Config;
use files::Revision;
use map::{Map, Named};

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &Alembic
}

/// SQLAlchemy's migration tool.
struct Alembic;

impl Tool for Alembic {
    fn name(&self) -> &'static str {
        "alembic"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        let config = config::find(tree)?;
        let why = format!("{} is Alembic's configuration", config.file);
        let directory = config.scripts.or_else(|| config.versions.first().cloned());
        Some(Detected { directory: directory.unwrap_or_default(), why })
    }

    fn version_table(&self, tree: &dyn Tree) -> Name {
        version_table(&config::find(tree).unwrap_or_default())
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        VersionQuery::of(table, "version_num::text", "ORDER BY version_num")
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        act::act(project, intent)
    }

    fn probe(&self, project: &Project) -> Option<Command> {
        Some(act::command(project, &["current"]))
    }

    fn printed(&self, project: &Project, intent: &Intent) -> Option<Command> {
        act::printed(project, intent)
    }

    fn explain(&self, output: &str, exit: Option<i32>) -> Failure {
        explain::explain(output, exit)
    }
}

fn version_table(config: &Config) -> Name {
    let environment = &config.environment;
    Name {
        schema: environment.version_table_schema.clone(),
        name: environment.version_table.clone().unwrap_or_else(|| "alembic_version".to_owned()),
    }
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let mut problems = Vec::new();
    let config = config::find(tree).unwrap_or_default();
    problems.extend(unusable(&config));
    let revisions = last_of_each(files::read(tree, &config, &mut problems), &mut problems);
    let named: Vec<Named> = revisions.iter().map(named).collect();
    let (map, missing) = Map::of(&named);
    problems.extend(missing.iter().map(|(at, parent)| absent(&revisions[*at], parent)));
    let cycle = map.cycle();
    problems.extend(circular(&cycle, &revisions));
    // Which are the heads is not known while one that they follow is missing.
    problems.extend(branched(&map, &revisions).filter(|_| missing.is_empty()));
    let versions = versions(rows);
    let graph = if cycle.is_empty() {
        let standing = Standing::of(&map, &revisions, &versions, &mut problems);
        Graph { nodes: standing.nodes(&map, &revisions) }
    } else {
        // There is no order then.
        Graph {
            nodes: revisions.iter().map(|revision| node(revision, &[], State::Pending)).collect(),
        }
    };
    let follows = follows(&map, &revisions);
    Project {
        tool: "alembic",
        directory: directory.to_owned(),
        connected: *rows != Rows::Unknown && cycle.is_empty(),
        graph,
        migrations: revisions.into_iter().map(|revision| revision.migration).collect(),
        problems,
        setup: Setup { follows, ..setup(&config, tree) },
    }
}

/// Returns what keeps Alembic, or us, from knowing where the project stands.
fn unusable(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |kind: Trouble, detail: String| {
        problems.push(Problem::new(kind, config.file.clone(), detail));
    };
    if config.scripts.is_none() {
        say(Trouble::Syntax, format!("{}: no script_location in [alembic]", config.file));
    }
    if let Some(why) = &config.broken {
        let detail = format!(
            "{why}; script_location of {} is read from the project's directory, as Alembic does: name another with --project or [project] directory",
            config.file
        );
        say(Trouble::Syntax, detail);
    }
    for (option, line) in &config.environment.computed {
        let scripts = config.scripts.as_deref().unwrap_or_default();
        let detail = format!(
            "{}:{line}: {option} is put together by code, so which table holds the version cannot be told: write it as a literal{}",
            join(scripts, "env.py"),
            Trouble::VersionTable.cure()
        );
        say(Trouble::VersionTable, detail);
    }
    problems
}

/// Keeps the last file of each id, as Alembic does.
fn last_of_each(revisions: Vec<Revision>, problems: &mut Vec<Problem>) -> Vec<Revision> {
    let mut kept: Vec<Revision> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for revision in revisions {
        let Some(at) = places.get(revision.id()) else {
            places.insert(revision.id().to_owned(), kept.len());
            kept.push(revision);
            continue;
        };
        let (id, first) = (revision.id().to_owned(), &kept[*at].path);
        let detail = format!(
            "{first} and {} both say revision = '{id}': Alembic runs only the second and passes over the first without failing",
            revision.path
        );
        problems.push(Problem::new(Trouble::DuplicateId, id, detail));
        kept[*at] = revision;
    }
    kept
}

fn named(revision: &Revision) -> Named {
    Named {
        id: revision.id().to_owned(),
        down: revision.header.down.clone(),
        depends: revision.header.depends.clone(),
        labels: revision.header.labels.clone(),
    }
}

fn absent(revision: &Revision, parent: &str) -> Problem {
    let detail = format!(
        "{} follows {parent}, which no file is: every command of Alembic fails (KeyError: '{parent}'); bring that file back, or correct down_revision",
        revision.path
    );
    let problem = Problem::new(Trouble::MissingParent, revision.id(), detail);
    Problem { missing: Some(parent.to_owned()), ..problem }
}

fn circular(cycle: &[usize], revisions: &[Revision]) -> Option<Problem> {
    let ids: Vec<&str> = cycle.iter().map(|at| revisions[*at].id()).collect();
    let paths: Vec<&str> = cycle.iter().map(|at| revisions[*at].path.as_str()).collect();
    let list = ids.join(", ");
    (!cycle.is_empty()).then(|| {
        let detail = format!(
            "each of {list} follows another of them or comes after one that does: every command of Alembic fails (Cycle is detected in revisions); correct down_revision in {}",
            paths.join(", ")
        );
        Problem::new(Trouble::MissingParent, list.clone(), detail)
    })
}

fn branched(map: &Map, revisions: &[Revision]) -> Option<Problem> {
    let heads: Vec<&str> = map.heads().into_iter().map(|at| revisions[at].id()).collect();
    let list = heads.join(", ");
    (heads.len() > 1).then(|| {
        let detail = format!(
            "{list} are all heads: `alembic upgrade head` fails (Multiple head revisions are present), one by one goes on; merge them with `alembic merge heads`"
        );
        Problem::new(Trouble::MultipleHeads, list.clone(), detail)
    })
}

fn versions(rows: &Rows) -> Vec<String> {
    let Rows::Read(rows) = rows else { return Vec::new() };
    rows.iter().filter_map(|row| row.first().cloned().flatten()).collect()
}

/// Where the database stands in the graph.
struct Standing {
    applied: FixedBitSet,
    rows: Vec<usize>,
    orphans: Vec<String>,
}

impl Standing {
    fn of(
        map: &Map,
        revisions: &[Revision],
        versions: &[String],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let find = |id: &String| revisions.iter().position(|revision| revision.id() == id);
        let rows: Vec<usize> = versions.iter().filter_map(find).collect();
        let orphans: Vec<String> =
            versions.iter().filter(|id| find(id).is_none()).cloned().collect();
        problems.extend(orphans.iter().map(|id| orphan(id)));
        for row in &rows {
            let others = rows.iter().copied().filter(|other| other != row);
            if map.ancestors(others).contains(*row) {
                let id = revisions[*row].id();
                let detail = format!(
                    "the version table holds {id} and a revision that follows it: Alembic fails (Requested revision … overlaps with other requested revisions {id}); delete the row of {id}"
                );
                problems.push(Problem::new(Trouble::Dirty, id, detail));
            }
        }
        Self { applied: map.ancestors(rows.iter().copied()), rows, orphans }
    }

    /// Returns what has run in its order, then what would run.
    fn nodes(&self, map: &Map, revisions: &[Revision]) -> Vec<Node> {
        let mut pending = FixedBitSet::with_capacity(revisions.len());
        pending.insert_range(..);
        pending.difference_with(&self.applied);
        let parents = |at: usize| -> Vec<&str> {
            map.places[at].before().map(|before| revisions[before].id()).collect()
        };
        let ran = map.order(&self.applied, &self.rows).into_iter();
        let runs = map.order(&pending, &map.real_heads()).into_iter();
        let mut nodes: Vec<Node> =
            ran.map(|at| node(&revisions[at], &parents(at), State::Applied)).collect();
        nodes.extend(self.orphans.iter().map(|id| Node {
            id: id.clone(),
            name: String::new(),
            file: None,
            parents: Vec::new(),
            state: State::Orphan,
            applied_at: None,
        }));
        nodes.extend(runs.map(|at| node(&revisions[at], &parents(at), State::Pending)));
        nodes
    }
}

fn orphan(id: &str) -> Problem {
    let detail = format!(
        "the database is at {id} and no file is: Alembic fails (Can't locate revision identified by '{id}'); bring its file back, e.g. from version control. What came before it is not known either and shows as pending"
    );
    Problem::new(Trouble::Orphan, id, detail)
}

fn node(revision: &Revision, parents: &[&str], state: State) -> Node {
    Node {
        id: revision.id().to_owned(),
        name: revision.header.summary.clone().unwrap_or_default(),
        file: Some(revision.path.clone()),
        parents: parents.iter().map(|id| (*id).to_owned()).collect(),
        state,
        applied_at: None,
    }
}

fn setup(config: &Config, tree: &dyn Tree) -> Setup {
    let environment = config.scripts.as_deref().map(|scripts| join(scripts, "env.py"));
    let files = std::iter::once(config.file.clone()).chain(environment);
    let asyncpg = config.asyncpg || config.environment.asyncpg;
    let no_timeouts = (asyncpg && !config.environment.server_settings).then(|| {
        "asyncpg takes no heed of PGOPTIONS: neither lock_timeout nor statement_timeout is in force, unless env.py passes them in server_settings".to_owned()
    });
    Setup {
        config: config.named.clone(),
        files: files.filter(|path| tree.read(path).is_ok()).collect(),
        no_timeouts,
        ..Setup::default()
    }
}

/// Returns `down_revision` of those that depend on more.
fn follows(map: &Map, revisions: &[Revision]) -> BTreeMap<String, Vec<String>> {
    let depending = map.places.iter().enumerate().filter(|(_, place)| !place.depends.is_empty());
    depending
        .map(|(at, place)| {
            let down = place.down.iter().map(|down| revisions[*down].id().to_owned());
            (revisions[at].id().to_owned(), down.collect())
        })
        .collect()
}

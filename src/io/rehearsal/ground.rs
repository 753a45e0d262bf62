//! What a rehearsal is bound to, read from files, the tool and the target.

use crate::domain::fingerprint::Fingerprint;
use crate::domain::hazard::{Catalog, Relation};
use crate::domain::identity::Identity;
use crate::domain::plan::Digest;
use crate::domain::rehearsal::{Evidence, Ground, Standing, Tool as Bound};
use crate::io::act::Environment;
use crate::io::blocking::blocking;
use crate::io::driver::environment;
use crate::io::postgres::reader::Reader;
use crate::io::site::Site;
use crate::session::preview::prefixed;
use crate::tools::{Project, Tool, Tree, version};

/// The files that pin what is installed.
const PINS: [&str; 14] = [
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile.lock",
    "requirements.txt",
    "requirements/base.txt",
    "go.sum",
    "Gemfile.lock",
    "Cargo.lock",
];

/// The files in which a tool may find its database by itself.
const LEADS: [&str; 4] = [".env", ".env.local", "docker-compose.yml", "compose.yaml"];

/// Returns the tool as it is, of which `version` is what it says itself.
pub(super) fn bound(
    tree: &dyn Tree,
    tool: &dyn Tool,
    project: &Project,
    version: Option<String>,
    server: u32,
) -> Bound {
    Bound {
        name: tool.name().to_owned(),
        version,
        server,
        lockkeeper: env!("CARGO_PKG_VERSION").to_owned(),
        files: obeyed(tree, project),
    }
}

/// Returns what the tool executes or obeys at each run, and what pins what is installed.
pub(super) fn obeyed(tree: &dyn Tree, project: &Project) -> Vec<Digest> {
    let obeyed = project.setup.files.iter().map(String::as_str);
    let all = obeyed.chain(PINS).chain(LEADS);
    let mut files: Vec<Digest> = all.filter_map(|path| digest(tree, path)).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup();
    files
}

/// Returns the files of a migration.
pub(super) fn files(tree: &dyn Tree, project: &Project, id: &str) -> Vec<Digest> {
    let Some(migration) = project.migration(id) else { return Vec::new() };
    let down = migration.down.as_ref().map(|down| down.file.as_str());
    let mut paths: Vec<&str> = [migration.up.file.as_str()].into_iter().chain(down).collect();
    paths.dedup();
    paths.into_iter().filter_map(|path| digest(tree, path)).collect()
}

fn digest(tree: &dyn Tree, path: &str) -> Option<Digest> {
    tree.read(path).ok().map(|bytes| Digest::of(path, &bytes))
}

/// Reads what is so now on the target; the tool is asked for its version unless what it was is
/// `known` and taken for true.
///
/// # Errors
/// Why it cannot be told.
pub async fn now(
    site: &Site,
    reader: &mut Reader,
    identity: &Identity,
    tool: &dyn Tool,
    project: &Project,
    known: Option<&Bound>,
) -> Result<Ground, String> {
    let tree = site.tree();
    let version = match known {
        Some(known) => known.version.clone(),
        None => asked(site, tool, project).await,
    };
    let schema = outline(site, reader, tool).await?;
    Ok(blocking(|| {
        let pending = project.graph.pending();
        let pending = pending.map(|node| (node.id.clone(), files(&tree, project, &node.id)));
        Ground {
            system_identifier: identity.system_identifier.clone(),
            database: identity.database.clone(),
            tool: bound(&tree, tool, project, version, identity.major()),
            schema,
            pending: pending.collect(),
        }
    }))
}

/// Returns what evidence says of the target now. The tool's version is believed to be the same:
/// asking it takes half a second.
pub async fn standing(
    site: &Site,
    reader: &mut Reader,
    identity: &Identity,
    tool: &dyn Tool,
    (project, catalog): (&Project, &Catalog),
    evidence: Evidence,
) -> Standing {
    let known = Some(&evidence.tool);
    let stale = match now(site, reader, identity, tool, project, known).await {
        Ok(now) => evidence.stale(&now),
        Err(why) => Some(format!("what is so now cannot be read: {why}")),
    };
    let name = |relation: &Relation| match &relation.name.schema {
        Some(schema) => format!("{schema}.{}", relation.name.name),
        None => relation.name.name.clone(),
    };
    let sizes = catalog.relations.iter().filter_map(|one| Some((name(one), one.bytes?)));
    Standing { sizes: sizes.collect(), evidence, stale }
}

async fn asked(site: &Site, tool: &dyn Tool, project: &Project) -> Option<String> {
    let argv = version::command(tool, project)
        .map(|command| prefixed(&site.config().project.prefix, command.argv));
    let environment: Environment =
        environment::variables(&site.target.spec, site.config(), "", None);
    super::tool::version(&argv?, &site.project, &environment).await
}

async fn outline(site: &Site, reader: &mut Reader, tool: &dyn Tool) -> Result<Fingerprint, String> {
    let books = blocking(|| books(site, tool));
    let schema = reader.outline().await.map_err(|error| error.to_string())?;
    Ok(schema.without(&books).fingerprint())
}

/// Returns the name of the table in which the tool keeps its books.
pub(super) fn books(site: &Site, tool: &dyn Tool) -> String {
    tool.version_table(&site.tree()).name
}

//! `alembic.ini`, `[tool.alembic]` of `pyproject.toml`, and `env.py`.
//!
//! Paths and defaults are those of `alembic.config` and `alembic.script` 1.20.

use crate::source::python::Module;
use crate::source::python::alembic::{Environment, environment};
use crate::tools::{Tree, join};

/// Where a project keeps its revisions, and how it runs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    /// The file that was read, relative to the project.
    pub file: String,
    /// What has to be named with `-c`.
    pub named: Option<String>,
    /// `script_location`, relative to the project; `None`: it is not set.
    pub scripts: Option<String>,
    /// The directories of the revisions.
    pub versions: Vec<String>,
    /// Whether directories below them are read too.
    pub recursive: bool,
    /// What is set in `env.py`.
    pub environment: Environment,
    /// Why `env.py` cannot be read.
    pub broken: Option<String>,
    /// True if the configured URL names asyncpg.
    pub asyncpg: bool,
}

/// Options of a file, in its order.
type Options = Vec<(String, String)>;

/// Finds and reads the configuration; `None` if there is none.
pub(super) fn find(tree: &dyn Tree) -> Option<Config> {
    let places = std::iter::once(String::new()).chain(below(tree));
    places.into_iter().find_map(|place| at(tree, &place))
}

/// Returns the directories right below, but for those that hold no project of this one's own.
fn below(tree: &dyn Tree) -> Vec<String> {
    let entries = tree.list("").unwrap_or_default();
    let foreign = |name: &str| {
        name.starts_with('.') || matches!(name, "node_modules" | "venv" | "target" | "build")
    };
    entries.into_iter().filter(|e| e.is_dir && !foreign(&e.name)).map(|e| e.name).collect()
}

fn at(tree: &dyn Tree, place: &str) -> Option<Config> {
    let toml = pyproject(tree, place);
    let file = join(place, "alembic.ini");
    let ini = text(tree, &file).and_then(|text| section(&text));
    let (options, file) = match (ini, toml) {
        (Some(mut ini), toml) => {
            // What alembic.ini sets holds.
            ini.extend(toml.unwrap_or_default());
            (ini, file)
        }
        (None, Some(toml)) => (toml, join(place, "pyproject.toml")),
        (None, None) => return None,
    };
    Some(read(tree, place, file, &options))
}

fn read(tree: &dyn Tree, place: &str, file: String, options: &Options) -> Config {
    let get = |name: &str| {
        let found = options.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        found.map(|value| interpolated(value, place)).filter(|value| !value.is_empty())
    };
    let scripts = get("script_location").map(|written| located(tree, &written));
    let separator = get("path_separator").or_else(|| get("version_path_separator"));
    let versions = match (get("version_locations"), &scripts) {
        (Some(list), _) => {
            split(&list, separator.as_deref()).iter().map(|one| located(tree, one)).collect()
        }
        (None, Some(scripts)) => vec![join(scripts, "versions")],
        (None, None) => Vec::new(),
    };
    let (environment, broken) = scripts.as_deref().map(|s| env(tree, s)).unwrap_or_default();
    Config {
        named: (!place.is_empty()).then(|| file.clone()),
        recursive: get("recursive_version_locations").is_some_and(|value| is_on(&value)),
        asyncpg: get("sqlalchemy.url").is_some_and(|url| url.contains("+asyncpg")),
        file,
        scripts,
        versions,
        environment,
        broken,
    }
}

fn env(tree: &dyn Tree, scripts: &str) -> (Environment, Option<String>) {
    let path = join(scripts, "env.py");
    match tree.read(&path) {
        Err(error) => (Environment::default(), Some(error.to_string())),
        Ok(bytes) => {
            let module = Module::parse(String::from_utf8_lossy(&bytes));
            let fault = module.fault();
            let broken =
                fault.map(|fault| format!("{path}:{}: no Python: {}", fault.line, fault.near));
            (environment(&module), broken)
        }
    }
}

fn text(tree: &dyn Tree, path: &str) -> Option<String> {
    Some(String::from_utf8_lossy(&tree.read(path).ok()?).into_owned())
}

/// Returns the options of `[alembic]`, as Python's `configparser` reads them.
fn section(text: &str) -> Option<Options> {
    let mut options: Option<Options> = None;
    let mut inside = false;
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with(['#', ';']) || bare.is_empty() {
            continue;
        }
        if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name == "alembic";
            if inside {
                options.get_or_insert_default();
            }
            continue;
        }
        let Some(options) = options.as_mut().filter(|_| inside) else { continue };
        if line.starts_with([' ', '\t'])
            && let Some((_, value)) = options.last_mut()
        {
            value.push('\n');
            value.push_str(bare);
        } else if let Some((key, value)) = bare.split_once(['=', ':']) {
            options.push((key.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    options
}

fn pyproject(tree: &dyn Tree, place: &str) -> Option<Options> {
    let text = text(tree, &join(place, "pyproject.toml"))?;
    let table: toml::Table = toml::from_str(&text).ok()?;
    let table = table.get("tool")?.get("alembic")?.as_table()?;
    let word = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Boolean(on) => Some(on.to_string()),
        toml::Value::Array(all) => {
            let all: Vec<&str> = all.iter().filter_map(toml::Value::as_str).collect();
            Some(all.join("\n"))
        }
        _ => None,
    };
    Some(table.iter().filter_map(|(key, value)| Some((key.clone(), word(value)?))).collect())
}

/// Puts the directory of the configuration in the place of `%(here)s`.
fn interpolated(value: &str, place: &str) -> String {
    let here = if place.is_empty() { "." } else { place };
    value.replace("%(here)s", here).replace("%%", "%")
}

fn split(list: &str, separator: Option<&str>) -> Vec<String> {
    let parts: Vec<&str> = match separator {
        Some("space") => list.split(' ').collect(),
        Some("newline") => list.lines().collect(),
        Some("os" | ":") => list.split([':', '\n']).collect(),
        Some(";") => list.split(';').collect(),
        _ => list.split([',', ' ', '\n']).collect(),
    };
    parts.into_iter().map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

/// Returns a place relative to the project; `package.name:directory` is one of a package.
fn located(tree: &dyn Tree, written: &str) -> String {
    let Some((package, rest)) = written.split_once(':') else { return normal(written) };
    let path = join(&package.replace('.', "/"), &rest.replace(':', "/"));
    let of_source = join("src", &path);
    let is_there = |path: &str| tree.list(path).is_ok();
    if !is_there(&path) && is_there(&of_source) { of_source } else { path }
}

/// Removes `.` and what `..` takes back.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => {
                parts.truncate(parts.len() - 1);
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn is_on(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "true" | "1" | "yes" | "on")
}

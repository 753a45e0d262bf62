//! `package.json`.

use crate::tools::Tree;

/// What is told of a project there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    dependencies: Vec<String>,
    /// The commands of its scripts, in order.
    pub scripts: Vec<String>,
}

impl Package {
    /// Reads it; `None` if there is none, or it is no JSON.
    pub(crate) fn read(tree: &dyn Tree) -> Option<Self> {
        let bytes = tree.read("package.json").ok()?;
        let json: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
        let keys = |name: &str| {
            let map = json.get(name).and_then(serde_json::Value::as_object);
            map.map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
        };
        let scripts = json.get("scripts").and_then(serde_json::Value::as_object);
        let scripts = scripts.map(|all| all.values().filter_map(|one| one.as_str()));
        Some(Self {
            dependencies: [keys("dependencies"), keys("devDependencies")].concat(),
            scripts: scripts.map(|all| all.map(str::to_owned).collect()).unwrap_or_default(),
        })
    }

    /// Returns true if the project uses a package.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.dependencies.iter().any(|own| own == name)
    }

    /// Returns what an option is given in a script that runs `program`.
    pub(crate) fn option(&self, program: &str, names: &[&str]) -> Option<String> {
        self.scripts.iter().find_map(|script| {
            let words: Vec<&str> = script.split_whitespace().collect();
            let from = words.iter().position(|word| *word == program)?;
            let rest = &words[from..];
            rest.iter().enumerate().find_map(|(at, word)| {
                let (name, value) = word.split_once('=').unwrap_or((word, ""));
                let next = || rest.get(at + 1).copied();
                let value = if value.is_empty() { next()? } else { value };
                names.contains(&name).then(|| value.trim_matches(['"', '\'']).to_owned())
            })
        })
    }
}

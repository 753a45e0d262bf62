//! A tree in memory, with directories.

use std::collections::BTreeMap;

use lockkeeper::tools::{Entry, Tree, Unreadable};

/// Paths and their text.
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).into(), text.as_bytes().into())).collect())
    }
}

impl Tree for Files {
    fn list(&self, directory: &str) -> Result<Vec<Entry>, Unreadable> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let names = self.0.keys().filter_map(|path| path.strip_prefix(&prefix));
        let mut entries: Vec<Entry> = names
            .map(|name| match name.split_once('/') {
                Some((below, _)) => Entry { name: below.into(), is_dir: true },
                None => Entry { name: name.into(), is_dir: false },
            })
            .collect();
        entries.dedup();
        if entries.is_empty() { Err(missing(directory)) } else { Ok(entries) }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        self.0.get(path).cloned().ok_or_else(|| missing(path))
    }
}

fn missing(path: &str) -> Unreadable {
    Unreadable { path: path.into(), reason: "no such file".into(), missing: true }
}

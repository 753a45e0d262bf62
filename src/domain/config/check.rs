//! Rules over the whole configuration, beyond what its types hold.

use super::target::holds_password;
use super::{Commands, Config, Tool};
use crate::domain::evidence::{Builtin, Probe};
use crate::domain::problem::{Flaw, Place};
use crate::domain::quantity::Period;

/// A refresh faster than this would be a load of its own.
const FASTEST_REFRESH: Period = Period::from_secs(0);

/// `NAMEDATALEN` of PostgreSQL, without its end.
const LONGEST_NAME: usize = 63;

impl Config {
    /// Returns everything that contradicts something else in the file.
    #[must_use]
    pub fn check(&self) -> Vec<Flaw> {
        let mut flaws = self.environment_secrets();
        flaws.extend(self.missing_command());
        flaws.extend(self.version_table());
        flaws.extend(self.unknown_contacts());
        flaws.extend(self.triggers_of_own());
        flaws.extend(self.bounds());
        flaws.extend(self.empty_commands());
        flaws.extend(self.backups.names());
        flaws
    }

    /// Returns the places of texts that nobody has filled in: `…`, `<NAME>`, `TODO`, `TBD`, nothing.
    #[must_use]
    pub fn placeholders(&self) -> Vec<Place> {
        let mut places = Vec::new();
        let mut look = |place: Place, text: &str| {
            if is_placeholder(text) {
                places.push(place);
            }
        };
        for (name, contact) in &self.contacts {
            let here = Place::top().key("contacts").key(name);
            look(here.key("name"), &contact.name);
            look(here.key("reach"), &contact.reach);
        }
        for (title, address) in &self.links {
            look(Place::top().key("links").key(title), address);
        }
        places
    }

    /// Returns true if the file names programs to start, or the environment that
    /// they get: then a checkout's file must be allowed before anything acts by it.
    #[must_use]
    pub fn names_commands(&self) -> bool {
        !self.project.prefix.is_empty()
            || !self.project.environment.is_empty()
            || self.project.command.is_some()
            || self.backups.names_commands()
            || !self.commands.is_empty()
            || self.probes.values().any(Probe::is_command)
    }

    fn environment_secrets(&self) -> Vec<Flaw> {
        let here = Place::top().key("project").key("environment");
        let is_secret = |name: &str, value: &str| {
            let name = name.to_ascii_uppercase();
            let named = ["PASSWORD", "PASSWD", "SECRET", "TOKEN"];
            let by_name = named.iter().any(|word| name.contains(word));
            holds_password(value) || (by_name && !value.starts_with("${"))
        };
        let secret = |(name, _): (&String, _)| {
            let what = "a password does not belong into this file: write \"${target.url}\" or leave it to the caller's environment";
            Flaw::new(here.key(name), what)
        };
        let all = self.project.environment.iter();
        all.filter(|(name, value)| is_secret(name, value)).map(secret).collect()
    }

    fn missing_command(&self) -> Option<Flaw> {
        let place = Place::top().key("project").key("tool");
        match (self.project.tool, &self.project.command) {
            (Some(Tool::Command), None) => Some(Flaw::new(
                place,
                "tool \"command\" needs the table [project.command] with its commands",
            )),
            (Some(Tool::Command), Some(commands)) => incomplete(commands),
            // With another tool the table stands unused: people switch back and forth.
            _ => None,
        }
    }

    fn version_table(&self) -> Vec<Flaw> {
        let (table, schema) = (&self.project.version_table, &self.project.version_table_schema);
        let given = [("version_table", table), ("version_table_schema", schema)];
        given.into_iter().filter_map(|(key, name)| misnamed(key, name.as_deref()?)).collect()
    }

    fn empty_commands(&self) -> Vec<Flaw> {
        let empty = self.commands.iter().filter(|(_, argv)| argv.is_empty());
        let place = |name: &str| Place::top().key("commands").key(name);
        empty.map(|(name, _)| Flaw::new(place(name), "the command names no program")).collect()
    }

    fn unknown_contacts(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for (level, escalation) in self.escalation.iter().enumerate() {
            let here = Place::top().key("escalation").index(level).key("contacts");
            for (index, name) in escalation.contacts.iter().enumerate() {
                if !self.contacts.contains_key(name) {
                    let known = self.contacts.keys().map(String::as_str);
                    flaws.push(Flaw::unknown_name(here.index(index), "contact", name, known));
                }
            }
        }
        flaws
    }

    fn triggers_of_own(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for (name, own) in &self.triggers.own {
            let here = Place::top().key("triggers").key("own").key(name);
            if !self.probes.contains_key(&own.probe) {
                let known = self.probes.keys().map(String::as_str);
                flaws.push(Flaw::unknown_name(here.key("probe"), "probe", &own.probe, known));
            }
            if own.samples == Some(0) {
                let what = "at least one sample has to agree before it fires";
                flaws.push(Flaw::new(here.key("samples"), what));
            }
            if Builtin::parse(name).is_some() {
                let what = "a trigger that the program brings along has this name: choose another";
                flaws.push(Flaw::new(here, what));
            }
        }
        flaws
    }

    fn bounds(&self) -> Vec<Flaw> {
        let policy = |key: &str| Place::top().key("policy").key(key);
        let rules = [
            (self.policy.attempts == 0, policy("attempts"), "there has to be at least one attempt"),
            (
                self.policy.lock_timeout == Period::default(),
                policy("lock_timeout"),
                "0 would wait without end, with the whole queue behind it",
            ),
            (
                self.policy.cancel_after.is_some_and(|after| after <= self.policy.lock_timeout),
                policy("cancel_after"),
                "it has to be longer than lock_timeout, which would never be reached",
            ),
            (
                self.ui.refresh <= FASTEST_REFRESH,
                Place::top().key("ui").key("refresh"),
                "there has to be some time between two refreshes",
            ),
            (
                self.backups.keep == 0,
                Place::top().key("backups").key("keep"),
                "at least one backup has to be kept",
            ),
        ];
        let broken = rules.into_iter().filter(|(broken, ..)| *broken);
        broken.map(|(_, place, what)| Flaw::new(place, what)).collect()
    }
}

fn incomplete(commands: &Commands) -> Option<Flaw> {
    let place = Place::top().key("project").key("command");
    if commands.current.is_empty() {
        return Some(Flaw::new(place, "without `current` nobody knows where the database is"));
    }
    let none = commands.up.is_empty() && commands.up_one.is_empty();
    none.then(|| Flaw::new(place, "there is no way up: write `up_one` or `up`"))
}

/// Returns what is wrong with the name of a version table, or of its schema.
fn misnamed(key: &str, name: &str) -> Option<Flaw> {
    let flaw = |what: String| Some(Flaw::new(Place::top().key("project").key(key), what));
    match name.split_once('.') {
        _ if name.is_empty() => flaw("the name is empty: leave the key out".to_owned()),
        _ if name.contains('"') => {
            flaw(format!("without quotes, as the server has it: {}", name.replace('"', "")))
        }
        Some((schema, table)) => flaw(format!(
            "the schema has a key of its own: version_table = \"{table}\" and version_table_schema = \"{schema}\""
        )),
        _ if name.len() > LONGEST_NAME => {
            flaw(format!("no name of PostgreSQL is longer than {LONGEST_NAME} bytes"))
        }
        None => None,
    }
}

fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_open = |word: &str| matches!(word.to_ascii_uppercase().as_str(), "TODO" | "TBD");
    text.is_empty()
        || text.contains('…')
        || (text.starts_with('<') && text.ends_with('>'))
        || words.into_iter().any(is_open)
}

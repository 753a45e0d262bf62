//! Rules over `[backups]`.

use super::Backups;
use crate::domain::backup::object;
use crate::domain::problem::{Flaw, Place};

impl Backups {
    /// Returns true if programs are started by words of the file.
    pub(super) fn names_commands(&self) -> bool {
        let prefixes = [
            self.pgbackrest.as_ref().map(|known| &known.prefix),
            self.barman.as_ref().map(|known| &known.prefix),
            self.walg.as_ref().map(|known| &known.prefix),
        ];
        prefixes.into_iter().flatten().any(|prefix| !prefix.is_empty())
    }

    /// Names become arguments: none of them may look like an option.
    pub(super) fn names(&self) -> Vec<Flaw> {
        let here = Place::top().key("backups");
        let given = [
            (self.pgbackrest.as_ref().map(|known| &known.stanza), "pgbackrest", "stanza"),
            (self.barman.as_ref().map(|known| &known.server), "barman", "server"),
        ];
        let wrong = given.into_iter().filter(|(name, ..)| name.is_some_and(|name| !is_name(name)));
        let elsewhere = self.objects.iter().filter(|address| object::parse(address).is_none());
        let elsewhere = elsewhere.map(|_| Flaw::new(here.key("objects"), "s3://BUCKET/PREFIX"));
        wrong
            .map(|(_, table, key)| {
                let what = "a name of letters, digits, `_`, `.` and `-`, and no `-` first";
                Flaw::new(here.key(table).key(key), what)
            })
            .chain(elsewhere)
            .collect()
    }
}

fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain)
}

//! Rules over `[backups]`.

use super::{Backups, Client};
use crate::domain::backup::object;
use crate::domain::problem::{Flaw, Place};

impl Backups {
    /// Returns true if programs are started by words of the file.
    pub(super) fn names_commands(&self) -> bool {
        let prefixes = [
            self.pgbackrest.as_ref().map(|known| &known.prefix),
            self.barman.as_ref().map(|known| &known.prefix),
            self.walg.as_ref().map(|known| &known.prefix),
            self.client.as_ref().map(|client| &client.prefix),
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
            .chain(self.client.as_ref().and_then(|client| client.flaw(&here)))
            .collect()
    }
}

impl Client {
    /// What a prefix is given in its arguments, every user of the machine can read.
    fn flaw(&self, here: &Place) -> Option<Flaw> {
        let here = here.key("client").key("prefix");
        let gives_password = |word: &String| {
            let value = word.split_once("PGPASSWORD=").map(|(_, value)| value);
            value.is_some_and(|value| !value.is_empty())
        };
        if self.prefix.first().is_none_or(String::is_empty) {
            return Some(Flaw::new(
                here,
                "it names no program, e.g. [\"docker\", \"exec\", \"-i\", \"db\"]",
            ));
        }
        let what = "a password does not belong into this file nor into arguments: write \"-e\", \"PGPASSWORD\", and the environment's value is given on";
        self.prefix.iter().any(gives_password).then(|| Flaw::new(here, what))
    }
}

fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain)
}

//! What a rehearsal has proven, bound to exactly what was rehearsed: it says nothing any more
//! as soon as a file, a program or the schema is another one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::estimate;
use super::{Brief, Seen, Slow, Source, Verdict, together};
use crate::domain::evidence::Verdict as Outcome;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::plan::{Digest, sha256_hex};

/// The number that documents of this version carry as `schema`.
pub const SCHEMA: u32 = 1;

/// The migration tool with what decides what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it says of its version; `None`: it does not tell.
    pub version: Option<String>,
    /// The server's major version.
    pub server: u32,
    /// This program's version.
    pub lockkeeper: String,
    /// What it executes or obeys at each run, and the files that pin what is installed.
    pub files: Vec<Digest>,
}

/// What was proven of one migration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The migration.
    pub id: String,
    /// Its files.
    pub files: Vec<Digest>,
    /// The verdict; `None`: it could not be told.
    pub verdict: Option<Verdict>,
    /// Why.
    pub why: String,
    /// The schema that it starts from.
    pub before: Fingerprint,
    /// The schema that it leads to.
    pub after: Fingerprint,
    /// The seconds that the way up took, with the start of its program.
    pub up_s: Option<f64>,
    /// What of it grows with the size of a relation.
    pub slow: Vec<Slow>,
    /// What of it does not, by each relation that it locks.
    pub brief: Vec<Brief>,
    /// What was measured otherwise than predicted.
    pub findings: Vec<String>,
    /// What was seen beside that.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    pub seen: Seen,
}

/// What a rehearsal of a target has proven.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// The system identifier of the target.
    pub system_identifier: String,
    /// The target's database.
    pub database: String,
    /// Where the rows came from.
    pub source: Source,
    /// The backup that was the source, if one was.
    pub backup: Option<String>,
    /// The tables whose rows were left out.
    pub excluded: Vec<String>,
    /// The bytes of the copy.
    pub bytes: u64,
    /// The tool.
    pub tool: Tool,
    /// Every migration that was pending, in the order in which they ran.
    pub migrations: Vec<Proof>,
    /// The digest of all above: [`Evidence::sealed`].
    pub digest: String,
}

/// What is so now, to be compared with what was rehearsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// The system identifier of the target.
    pub system_identifier: String,
    /// Its database.
    pub database: String,
    /// The tool as it is now.
    pub tool: Tool,
    /// The schema of the target now.
    pub schema: Fingerprint,
    /// What is pending now, in its order, each with its files.
    pub pending: Vec<(String, Vec<Digest>)>,
}

impl Evidence {
    /// Returns it with the digest over all of its content.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.digest = self.content();
        self
    }

    /// Returns true if nobody has changed it since it was sealed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.schema == SCHEMA && self.digest == self.content()
    }

    fn content(&self) -> String {
        let bare = Self { digest: String::new(), ..self.clone() };
        let json = serde_json::to_vec(&bare).expect("it holds nothing that JSON lacks");
        sha256_hex(&json)
    }

    /// Returns what was proven of a migration.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<&Proof> {
        self.migrations.iter().find(|proof| proof.id == id)
    }

    /// Returns what it all comes to.
    #[must_use]
    pub fn verdict(&self) -> Outcome {
        together(&self.migrations.iter().map(|proof| proof.verdict).collect::<Vec<_>>(), false)
    }

    /// Returns why it says nothing of what is pending now; `None`: it holds.
    #[must_use]
    pub fn stale(&self, now: &Ground) -> Option<String> {
        if !self.is_whole() {
            return Some("its file is not what was written".to_owned());
        }
        if (&self.system_identifier, &self.database) != (&now.system_identifier, &now.database) {
            return Some("it is of another database".to_owned());
        }
        tool_changed(&self.tool, &now.tool).or_else(|| self.pending_changed(now))
    }

    fn pending_changed(&self, now: &Ground) -> Option<String> {
        let (first, _) = now.pending.first()?;
        let Some(at) = self.migrations.iter().position(|proof| proof.id == *first) else {
            return Some(format!("{first} was not rehearsed"));
        };
        let proofs = &self.migrations[at..];
        for (index, (id, files)) in now.pending.iter().enumerate() {
            match proofs.get(index) {
                Some(proof) if proof.id != *id => {
                    return Some(format!("{id} would run where {} was rehearsed", proof.id));
                }
                Some(proof) if proof.files != *files => {
                    return Some(format!("the files of {id} have changed"));
                }
                Some(_) => {}
                None => return Some(format!("{id} was not rehearsed")),
            }
        }
        (proofs[0].before != now.schema)
            .then(|| "the schema is not the one that was rehearsed on".to_owned())
    }

    /// Returns how long the way up of a migration took, and may take where relations are as
    /// large as `here` says; `None` if it was not measured.
    #[must_use]
    pub fn takes(&self, id: &str, here: impl Fn(&str) -> Option<u64>) -> Option<String> {
        let proof = self.of(id)?;
        let is_seen = !proof.seen.statements.is_empty();
        Some(estimate::takes(proof.up_s?, &proof.slow, is_seen, self.bytes, here))
    }

    /// Returns the seconds that the way up of a migration may take at most where relations are
    /// as large as `here` says; `None` where that is not known.
    #[must_use]
    pub fn at_most(&self, id: &str, here: impl Fn(&str) -> Option<u64>) -> Option<f64> {
        let proof = self.of(id)?;
        let is_seen = !proof.seen.statements.is_empty();
        estimate::at_most(proof.up_s?, &proof.slow, is_seen, here)
    }
}

fn tool_changed(then: &Tool, now: &Tool) -> Option<String> {
    let known = |version: &Option<String>| version.clone().unwrap_or_else(|| "unknown".to_owned());
    if (&then.name, &then.version) != (&now.name, &now.version) {
        return Some(format!(
            "it was run by {} {}, here is {} {}",
            then.name,
            known(&then.version),
            now.name,
            known(&now.version)
        ));
    }
    if then.server != now.server {
        return Some(format!("it ran on PostgreSQL {}, here is {}", then.server, now.server));
    }
    if then.lockkeeper != now.lockkeeper {
        return Some(format!("it was made by lockkeeper {}", then.lockkeeper));
    }
    let changed = now.files.iter().find(|file| !then.files.contains(file));
    let gone = then.files.iter().find(|file| !now.files.iter().any(|now| now.path == file.path));
    changed.or(gone).map(|file| format!("{} has changed", file.path))
}

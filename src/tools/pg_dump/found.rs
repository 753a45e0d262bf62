//! From what a backup says of itself, and its manifest, to what is known of it.

use chrono::{DateTime, Utc};

use super::{Found, Structure};
use crate::domain::backup::manifest::Evidence;
use crate::domain::backup::{Backup, Judged, Manifest, Proof, Retention};
use crate::domain::evidence::Level;
use crate::domain::untrusted::Untrusted;
use crate::domain::verify::Finding;

/// How far a name goes that marks what is not finished.
const PARTIAL: &str = ".partial";

impl Found {
    /// Returns what is known of the backup at `location`, of `size` bytes, that was read at
    /// `at`; what only a manifest tells is not known without one.
    #[must_use]
    pub fn backup(
        &self,
        location: &str,
        size: u64,
        manifest: Option<&Manifest>,
        at: DateTime<Utc>,
    ) -> Backup {
        let mut backup = Backup {
            size: Some(size),
            created_local: self.created_local,
            database: self.database.clone(),
            server_version: self.server_version.clone(),
            tool_version: self.tool_version.clone(),
            scope: self.scope,
            revisions: self.revisions.clone(),
            tables: self.tables,
            complete: self.structure.complete(),
            system_identifier: self.system_identifier.clone(),
            snapshot_started_at: self.started_at,
            problems: self.problems(),
            ..Backup::at(location, self.kind)
        };
        if let Some(manifest) = manifest {
            register(&mut backup, manifest);
        }
        if self.kind.is_physical() {
            backup.judged = Some(Judged {
                by: "backup_manifest".to_owned(),
                ok: (self.structure.complete() == Some(false)).then_some(false),
                at: Some(at),
                what: self.structure.words().to_owned(),
            });
        } else {
            backup.verified.extend(self.proofs(at));
        }
        if location.ends_with(PARTIAL) {
            backup.complete = Some(false);
            let why = "not finished: pg_dump still writes it, or was ended".to_owned();
            backup.problems.insert(0, why);
        }
        backup
    }

    /// Returns the finding of L0.
    #[must_use]
    pub fn head_finding(&self) -> Finding {
        match (&self.head, &self.structure) {
            (Ok(what), _) => Finding::tried(Level::L0, true, what.clone()),
            (Err(why), Structure::Unknown(_)) => Finding::unknown(Level::L0, why.clone()),
            (Err(why), _) => Finding::tried(Level::L0, false, why.clone()),
        }
    }

    /// Returns the finding of L2.
    #[must_use]
    pub fn structure_finding(&self) -> Finding {
        match &self.structure {
            Structure::Complete(what) => Finding::tried(Level::L2, true, what.clone()),
            Structure::Broken(why) => Finding::tried(Level::L2, false, why.clone()),
            Structure::Unknown(why) => Finding::unknown(Level::L2, why.clone()),
        }
    }

    /// Returns the finding of L3.
    #[must_use]
    pub fn decoded_finding(&self) -> Finding {
        match self.decoded.as_ref().map_or(&self.structure, |decoded| &decoded.outcome) {
            Structure::Complete(what) if self.decoded.is_some() => {
                Finding::tried(Level::L3, true, what.clone())
            }
            Structure::Complete(_) => Finding::unknown(Level::L3, "it was not decoded"),
            Structure::Broken(why) => Finding::tried(Level::L3, false, why.clone()),
            Structure::Unknown(why) => Finding::unknown(Level::L3, why.clone()),
        }
    }

    fn proofs(&self, at: DateTime<Utc>) -> impl Iterator<Item = Proof> {
        let decoded = self.decoded.is_some().then(|| self.decoded_finding());
        let findings = [self.head_finding(), self.structure_finding()].into_iter().chain(decoded);
        let proof = move |f: Finding| f.ok.map(|ok| Proof { level: f.level, at, ok });
        findings.filter_map(proof)
    }

    fn problems(&self) -> Vec<String> {
        let structure = match &self.structure {
            Structure::Complete(_) => None,
            other => Some(other.words().to_owned()),
        };
        let decoded = match self.decoded.as_ref().map(|decoded| &decoded.outcome) {
            Some(Structure::Broken(why)) if structure.is_none() => Some(why.clone()),
            _ => None,
        };
        structure.into_iter().chain(decoded).chain(self.notes.iter().cloned()).collect()
    }
}

/// Adds what only the manifest knows; of what both tell, the manifest was there.
fn register(backup: &mut Backup, manifest: &Manifest) {
    backup.registered = true;
    backup.id.clone_from(&manifest.id);
    backup.system_identifier.clone_from(&manifest.source.system_identifier);
    // An adopted one says nothing where its file did not.
    let told = |text: &str| (!text.is_empty()).then(|| Untrusted::from(text));
    backup.database = told(&manifest.source.database);
    backup.server_version = told(&manifest.source.server_version);
    backup.tool_version = told(&manifest.tool_version);
    backup.unproven.clone_from(&manifest.unproven);
    // Of an adopted one it is when it was adopted.
    backup.created_at = manifest.snapshot_started_at.map(|_| manifest.finished_at);
    backup.snapshot_started_at = manifest.snapshot_started_at;
    backup.run.clone_from(&manifest.made_by.run);
    backup.scope = Some(manifest.scope);
    backup.rows.clone_from(&manifest.rows);
    backup.verified = manifest.verified.iter().map(Evidence::proof).collect();
    if manifest.pinned {
        backup.retention = Retention::Pinned;
    }
    let differs = backup.revisions.is_some() && backup.revisions != manifest.revisions;
    if differs && manifest.revisions.is_some() {
        let why = "the revision inside is not the one that its manifest tells".to_owned();
        backup.problems.push(why);
    }
    if backup.revisions.is_none() {
        backup.revisions.clone_from(&manifest.revisions);
    }
    if backup.size != Some(manifest.size) {
        let size = manifest.size;
        let why = format!("changed since it was made: the manifest tells of {size} bytes");
        backup.problems.insert(0, why);
        backup.complete = Some(false);
    }
}

//! What must be so before a restore: each thing that is not is a denial, never a warning.

use super::{Act, Stated};
use crate::domain::quantity::size;

/// What our role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The role.
    pub role: String,
    /// `CREATEDB`, or superuser: without it no database is made and none renamed.
    pub creates: bool,
    /// It owns the database, is a member of the owner, or superuser.
    pub owns: bool,
    /// `pg_signal_backend`, or superuser: the swap has to end sessions.
    pub signals: bool,
    /// Superuser.
    pub superuser: bool,
}

/// An extension of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// The version that is installed.
    pub installed: String,
    /// The version that a restore would install; `None`: the server has it no more.
    pub available: Option<String>,
}

/// What a server says before a restore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// What our role may do.
    pub rights: Rights,
    /// The database's owner.
    pub owner: String,
    /// Bytes of the database.
    pub size: Option<u64>,
    /// Bytes of the backup that is to be restored, as it lies there; `None`: none is meant, or
    /// its size is not known.
    pub archive: Option<u64>,
    /// Bytes that are free where the server keeps it; `None`: cannot be told from here.
    pub free: Option<u64>,
    /// Who else is connected to it.
    pub sessions: u32,
    /// Those of them that our role may not end: superusers'.
    pub unkillable: u32,
    /// Replicas that stream from this server.
    pub standbys: Vec<String>,
    /// Those that the configuration names: the swap ends the sessions on them.
    pub replicas: Vec<Replica>,
    /// What stands between it and its clients, where the configuration names it.
    pub pooler: Option<Pooler>,
    /// Logical replication slots on it.
    pub slots: Vec<String>,
    /// Subscriptions in it.
    pub subscriptions: Vec<String>,
    /// Prepared transactions in it.
    pub prepared: Vec<String>,
    /// Its extensions.
    pub extensions: Vec<Extension>,
    /// The provider, if this is a managed service: its own snapshots are a way back too.
    pub managed: Option<String>,
}

/// Extensions whose tables are not their own database's alone.
const OWN_RESTORES: [&str; 2] = ["timescaledb", "citus"];

/// A replica that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// How it is named, safe to show.
    pub name: String,
    /// How it is reached; without a password.
    pub dsn: String,
    /// Sessions of others in the database there, which the swap ends; or why it cannot.
    pub readers: Result<u32, String>,
}

/// The pooler that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pooler {
    /// How its console is named, safe to show.
    pub name: String,
    /// How it is reached; without a password.
    pub dsn: String,
    /// Whether the database is paused there; or why that cannot be told.
    pub paused: Result<bool, String>,
}

/// A way to restore, and why it is closed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// What it is called.
    pub name: &'static str,
    /// Why it is not open; empty: it is.
    pub closed: Vec<String>,
}

impl Preflight {
    /// Returns why `act` must not run; empty: nothing speaks against it.
    #[must_use]
    pub fn denials(&self, act: Act, stated: Stated) -> Vec<String> {
        match act {
            Act::Load => [self.cannot_make(), self.no_room(stated), self.in_the_way()].concat(),
            Act::Settle => self.cannot_make(),
            Act::Swap | Act::Undo => {
                let around = [self.reads_elsewhere(stated), self.pooled(stated)].concat();
                [self.cannot_make(), self.cannot_end(), self.in_the_way(), around].concat()
            }
            Act::Drop => Vec::new(),
        }
    }

    /// Returns which ways to restore are open here.
    #[must_use]
    pub fn ways(&self) -> Vec<Way> {
        let full = [self.cannot_make(), self.cannot_end(), self.in_the_way()].concat();
        let full = [full, self.no_room(Stated::default())].concat();
        let none = Stated::default();
        let full = [full, self.reads_elsewhere(none), self.pooled(none)].concat();
        vec![Way { name: "full restore", closed: full }]
    }

    /// Returns what only a person can tell before `act`, in words, and as it is stated; `None`:
    /// nothing of that stands in its way.
    #[must_use]
    pub fn open(&self, act: Act) -> Option<(String, Stated)> {
        let mut stated = Stated::default();
        let mut words = Vec::new();
        if let (Act::Load, None, Some(needed)) = (act, self.free, self.needed()) {
            stated.free = Some(needed);
            words.push(format!("{} or more are free where the server keeps it", size(needed)));
        }
        let drained = Stated { drained: true, ..stated };
        if act.swaps() && self.denials(act, drained).len() < self.denials(act, stated).len() {
            stated = drained;
            words.push("nobody reads on replicas, and a pooler is paused or cut off".to_owned());
        }
        (!words.is_empty()).then(|| (words.join("; "), stated))
    }

    fn cannot_make(&self) -> Vec<String> {
        let Rights { role, creates, owns, .. } = &self.rights;
        let mut why = Vec::new();
        if !creates {
            why.push(format!("{role} may not create databases: ALTER ROLE {role} CREATEDB"));
        }
        if !owns {
            why.push(format!("{role} does not own it: GRANT {} TO {role}", self.owner));
        }
        why
    }

    fn cannot_end(&self) -> Vec<String> {
        let role = &self.rights.role;
        let mut why = Vec::new();
        if !self.rights.signals {
            why.push(format!(
                "{role} may not end others' sessions: GRANT pg_signal_backend TO {role}"
            ));
        }
        if self.unkillable > 0 && !self.rights.superuser {
            why.push(format!(
                "{} sessions on it are superusers', which {role} may not end: they have to leave",
                self.unkillable
            ));
        }
        why
    }

    /// Returns the bytes that the new database and loading it take (facts: 1.2 × its size). A
    /// database that is smaller than its backup's file may have lost what is in there: then what
    /// the file unpacks to counts, about three times its size.
    fn needed(&self) -> Option<u64> {
        let used = self.size?;
        let like_it = used.saturating_add(used / 5);
        Some(match self.unpacked() {
            Some(unpacked) => like_it.max(unpacked),
            None => like_it,
        })
    }

    fn unpacked(&self) -> Option<u64> {
        let archive = self.archive.filter(|archive| self.size.is_none_or(|used| *archive > used));
        archive.map(|archive| archive.saturating_mul(3))
    }

    /// Returns the bytes that are to be loaded, by the database as it is or by the backup's file.
    #[must_use]
    pub fn work(&self) -> Option<u64> {
        self.size.max(self.unpacked())
    }

    fn no_room(&self, stated: Stated) -> Vec<String> {
        let Some(needed) = self.needed() else {
            return vec![format!(
                "how large the database is cannot be told, and so not how much room is needed: \
                 GRANT pg_read_all_stats TO {}",
                self.rights.role
            )];
        };
        let Some(free) = stated.free.or(self.free) else {
            let unknown = "how much is free on the server cannot be told from here: look, and say \
                           it (lockkeeper restore --free 50GB)";
            return vec![unknown.to_owned()];
        };
        if free >= needed {
            return Vec::new();
        }
        let why = match self.unpacked() {
            Some(unpacked) if unpacked == needed => "3 × the backup's file",
            _ => "1.2 × its size",
        };
        vec![format!("only {} are free, and {} are needed ({why})", size(free), size(needed))]
    }

    /// Returns what would stay with the old database in silence, or hold the rename up.
    fn in_the_way(&self) -> Vec<String> {
        let mut why = Vec::new();
        let mut named = |what: &str, names: &[String]| {
            if !names.is_empty() {
                why.push(format!("{what}: {}", names.join(", ")));
            }
        };
        named("logical replication slots would stay with the old database", &self.slots);
        named("subscriptions would stay with the old database", &self.subscriptions);
        named("prepared transactions hold the rename up", &self.prepared);
        why.extend(self.extensions.iter().filter_map(foreign));
        why
    }

    fn reads_elsewhere(&self, stated: Stated) -> Vec<String> {
        if stated.drained {
            return Vec::new();
        }
        let unended = self.replicas.iter().filter_map(|replica| {
            let why = replica.readers.as_ref().err()?;
            Some(format!("the sessions on the replica {} cannot be ended: {why}", replica.name))
        });
        let mut why: Vec<String> = unended.collect();
        // Which is which nobody can tell: as many as stream have to be named.
        if self.standbys.len() <= self.replicas.len() {
            return why;
        }
        why.push(format!(
            "replicas stream from here ({}): their sessions go on reading the OLD database until \
             they are ended there; name them in replicas of the target, or end them and say so (--drained)",
            self.standbys.join(", ")
        ));
        why
    }

    fn pooled(&self, stated: Stated) -> Vec<String> {
        let Some(Pooler { name, paused, .. }) = self.pooler.as_ref().filter(|_| !stated.drained)
        else {
            return Vec::new();
        };
        match paused {
            // The swap pauses what is not.
            Ok(_) => Vec::new(),
            Err(why) => vec![format!(
                "whether the database is paused in the pooler {name} cannot be told: {why} (look, \
                 and say so: lockkeeper restore --drained)"
            )],
        }
    }
}

fn foreign(extension: &Extension) -> Option<String> {
    let Extension { name, installed, available } = extension;
    if OWN_RESTORES.contains(&name.as_str()) {
        return Some(format!("{name} has a way to restore of its own: see its documentation"));
    }
    match available {
        None => Some(format!("the extension {name} is not available on this server any more")),
        Some(version) if version != installed => Some(format!(
            "the extension {name} is at {installed}, and a restore would install {version}: \
             ALTER EXTENSION … UPDATE first"
        )),
        Some(_) => None,
    }
}

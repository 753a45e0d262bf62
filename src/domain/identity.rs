//! Which database this is: never by look, always by identity.

use serde::{Deserialize, Serialize};

/// How much care a target asks for; named in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Production, and everything whose class nobody declared.
    #[default]
    Production,
    /// A rehearsal copy that other people use.
    Staging,
    /// A developer's own.
    Development,
    /// Thrown away after use: the demo and rehearsals.
    Scratch,
}

impl Class {
    /// Returns the word for the header.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Production => "PRODUCTION",
            Self::Staging => "STAGING",
            Self::Development => "DEVELOPMENT",
            Self::Scratch => "SCRATCH",
        }
    }
}

/// What a server says of itself on a connection, read before every act.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// `pg_control_system().system_identifier`, as decimal text (it is 64 bits wide).
    pub system_identifier: String,
    /// `current_database()`.
    pub database: String,
    /// The OID of the database: a database dropped and created anew has another.
    pub database_oid: u32,
    /// The host or socket directory we connected to, without secrets.
    pub host: String,
    /// The port we connected to.
    pub port: u16,
    /// `current_user`.
    pub role: String,
    /// `not pg_is_in_recovery()`.
    pub primary: bool,
    /// `server_version_num`, e.g. 150020.
    pub version_num: u32,
    /// `server_version`, e.g. `15.20`.
    pub version: String,
}

impl Identity {
    /// Returns true if `other` is the same database of the same server, reached
    /// the same way and in the same role: what a plan is bound to.
    ///
    /// The version may differ: a minor upgrade does not make another database.
    #[must_use]
    pub fn same_target(&self, other: &Self) -> bool {
        self.system_identifier == other.system_identifier
            && self.database == other.database
            && self.database_oid == other.database_oid
            && self.host == other.host
            && self.port == other.port
            && self.role == other.role
            && self.primary == other.primary
    }

    /// Returns the major version, e.g. 15.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// What a profile says the target must be (`doctor --pin` writes it).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The expected system identifier.
    pub system_identifier: String,
    /// The expected database.
    pub database: String,
    /// The expected host, as the server names itself or as we reach it.
    pub host: Option<String>,
    /// Whether the target must be a primary.
    pub primary: Option<bool>,
    /// The expected name in the server's certificate.
    pub certificate: Option<String>,
}

/// A difference between a pin and what answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What differs: `system identifier`, `database`, `host`, `primary`.
    pub what: &'static str,
    /// What the pin says.
    pub pinned: String,
    /// What answered.
    pub found: String,
}

impl Pin {
    /// Returns every way in which `found` is not the pinned target; empty means it is.
    #[must_use]
    pub fn mismatches(&self, found: &Identity) -> Vec<Mismatch> {
        let mut all = Vec::new();
        let mut differ = |what, pinned: &str, found: &str| {
            if pinned != found {
                all.push(Mismatch { what, pinned: pinned.to_owned(), found: found.to_owned() });
            }
        };
        differ("system identifier", &self.system_identifier, &found.system_identifier);
        differ("database", &self.database, &found.database);
        if let Some(host) = &self.host {
            differ("host", host, &found.host);
        }
        if let Some(primary) = self.primary {
            differ("primary", &primary.to_string(), &found.primary.to_string());
        }
        all
    }
}

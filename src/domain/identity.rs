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

    /// Returns true if `other` is the same database of the same cluster, however and by whom
    /// it was reached; a restore may have swapped another one in under its name.
    #[must_use]
    pub fn same_database(&self, other: &Self) -> bool {
        self.system_identifier == other.system_identifier && self.database == other.database
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

    /// Returns the difference between the pinned certificate name and the one that was proved
    /// (`verify-full` proves one; weaker modes prove none).
    #[must_use]
    pub fn certificate_mismatch(&self, proved: Option<&str>) -> Option<Mismatch> {
        let pinned = self.certificate.as_deref()?;
        (Some(pinned) != proved).then(|| Mismatch {
            what: "certificate",
            pinned: pinned.to_owned(),
            found: proved.unwrap_or("none: the certificate is not verified").to_owned(),
        })
    }

    /// Returns true if `found` has the pinned system identifier without being the pinned
    /// target: a physical copy, a restored backup or a failover of it.
    #[must_use]
    pub fn is_copy(&self, found: &Identity) -> bool {
        self.system_identifier == found.system_identifier && !self.mismatches(found).is_empty()
    }
}

/// Why a server that answers is not acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not the pinned target.
    #[error("{}", mismatched(mismatches, *copy))]
    Pinned {
        /// Every difference.
        mismatches: Vec<Mismatch>,
        /// It has the pinned system identifier all the same: see [`Pin::is_copy`].
        copy: bool,
    },
    /// It is not the target that answered first.
    #[error("{}", changed(.0))]
    Changed(Vec<Mismatch>),
    /// It is a replica.
    #[error(
        "{host}:{port} is a replica (pg_is_in_recovery() is true), and this needs the primary; \
         point the target at the primary"
    )]
    Replica {
        /// Where we are connected.
        host: String,
        /// At which port.
        port: u16,
    },
}

fn mismatched(mismatches: &[Mismatch], copy: bool) -> String {
    let list = mismatches
        .iter()
        .map(|m| format!("{} is {}, pinned is {}", m.what, m.found, m.pinned))
        .collect::<Vec<_>>()
        .join("; ");
    let nature = if copy {
        "it has the pinned system identifier, so it is a copy or a failover of that server and \
         is treated as production"
    } else {
        "it is another server or database"
    };
    let text = format!(
        "this is not the pinned target: {list}; {nature}. Correct the connection, or, if the \
         target has really moved, pin it again with lockkeeper doctor --pin"
    );
    super::untrusted::Untrusted::new(text).one_line()
}

/// Checks that `found` is what the pin names, reached under the pinned certificate.
///
/// # Errors
/// [`Refused::Pinned`] with every difference.
pub fn check_pin(pin: &Pin, found: &Identity, proved: Option<&str>) -> Result<(), Refused> {
    let mut mismatches = pin.mismatches(found);
    mismatches.extend(pin.certificate_mismatch(proved));
    if mismatches.is_empty() {
        return Ok(());
    }
    Err(Refused::Pinned { copy: pin.is_copy(found), mismatches })
}

fn changed(mismatches: &[Mismatch]) -> String {
    let list = mismatches
        .iter()
        .map(|m| format!("{} is {}, was {}", m.what, m.found, m.pinned))
        .collect::<Vec<_>>()
        .join("; ");
    let text = format!(
        "another target answers than the one that was bound at the start: {list}; nothing is run \
         on it. If the change is intended, leave and start again"
    );
    super::untrusted::Untrusted::new(text).one_line()
}

/// Checks that `found` is the target that answered first: all that [`Identity::same_target`]
/// compares.
///
/// # Errors
/// [`Refused::Changed`] with every difference.
pub fn check_bound(bound: &Identity, found: &Identity) -> Result<(), Refused> {
    let mut changes = Vec::new();
    let mut differ = |what, was: &dyn ToString, is: &dyn ToString| {
        let (pinned, found) = (was.to_string(), is.to_string());
        if pinned != found {
            changes.push(Mismatch { what, pinned, found });
        }
    };
    differ("system identifier", &bound.system_identifier, &found.system_identifier);
    differ("database", &bound.database, &found.database);
    differ("the database's OID", &bound.database_oid, &found.database_oid);
    differ("host", &bound.host, &found.host);
    differ("port", &bound.port, &found.port);
    differ("role", &bound.role, &found.role);
    differ("primary", &bound.primary, &found.primary);
    if changes.is_empty() { Ok(()) } else { Err(Refused::Changed(changes)) }
}

/// Checks that `found` takes writes.
///
/// # Errors
/// [`Refused::Replica`].
pub fn require_primary(found: &Identity) -> Result<(), Refused> {
    if found.primary {
        return Ok(());
    }
    Err(Refused::Replica { host: found.host.clone(), port: found.port })
}

/// Returns the class to act under: the declared one, but production for a server that has the
/// system identifier of a production pin, however the profile calls it.
#[must_use]
pub fn effective_class(declared: Class, found: &Identity, production: &[Pin]) -> Class {
    let copies = |pin: &Pin| pin.system_identifier == found.system_identifier;
    if production.iter().any(copies) { Class::Production } else { declared }
}

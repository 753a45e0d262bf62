//! The target: whether it answers, who it is, what our role may do there.

use sqlx::{PgConnection, Row as _};

use crate::domain::connection::Spec;
use crate::domain::finding::{Finding, Version};
use crate::domain::identity::{Identity, Pin, check_pin};
use crate::domain::untrusted::Untrusted;
use crate::io::postgres::{Fault, Purpose, Target, connect, identity::identity, query_error};
use crate::io::restore::preflight;

/// What our role may do, and how the connection is protected.
const SQL: &str = "
    SELECT pg_has_role(current_user, 'pg_monitor', 'USAGE'),
           pg_has_role(current_user, 'pg_signal_backend', 'USAGE'),
           (SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
           (SELECT CASE WHEN ssl THEN coalesce(version, 'TLS') END
              FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid())";

/// A target that answered.
#[derive(Debug)]
pub struct Reached {
    /// Who it is.
    pub identity: Identity,
    /// What was found on the way, and there.
    pub findings: Vec<Finding>,
}

impl Reached {
    /// Returns the server's version.
    #[must_use]
    pub fn version(&self) -> Version {
        let number = self.identity.version_num;
        Version { major: number / 10_000, minor: number % 10_000 }
    }
}

/// Returns who answers.
///
/// # Errors
/// The findings that say why nobody does.
pub async fn reach(target: &Target) -> Result<(PgConnection, Identity), Vec<Finding>> {
    let fail = |value: String, advice: String| vec![Finding::fail("connection", value, advice)];
    let mut connection = match connect(&target.spec, Purpose::Reader).await {
        Ok(connection) => connection,
        Err(error) => {
            let mut found = fail(error.what(), error.advice());
            if matches!(error.fault, Fault::Pooler) {
                found.push(Finding::fail(
                    "pooler",
                    "one answers in the server's place",
                    error.advice(),
                ));
            }
            return Err(found);
        }
    };
    match identity(&mut connection, &target.spec).await {
        Ok(found) => Ok((connection, found)),
        Err(error) => {
            Err(fail(error.to_string(), "nothing is done on a server that is not known".into()))
        }
    }
}

/// Looks at the target.
///
/// # Errors
/// The findings that say why it cannot be looked at.
pub async fn target(target: &Target) -> Result<Reached, Vec<Finding>> {
    let (mut connection, identity) = reach(target).await?;
    let name = |text: &str| Untrusted::from(text).one_line();
    let spec = &target.spec;
    let mut findings = vec![
        Finding::ok("connection", format!("{} answers", name(spec.place.text()))),
        Finding::ok("pooler", "none: the server itself answers"),
        Finding::ok("server", format!("PostgreSQL {}", name(&identity.version))),
        primary(&identity),
        pinned(target, &identity),
    ];
    match sqlx::query(SQL).fetch_one(&mut connection).await {
        Ok(row) => findings
            .extend(may(&row, spec, &name(&identity.role)).unwrap_or_else(|error| unread(&error))),
        Err(error) => findings.extend(unread(&error)),
    }
    findings.push(restore(target, &mut connection, &identity).await);
    Ok(Reached { identity, findings })
}

/// Returns which ways to restore are open here: better known before a migration than after it.
async fn restore(target: &Target, own: &mut PgConnection, identity: &Identity) -> Finding {
    let read = async {
        let opened = connect(&target.maintenance(), Purpose::Reader).await;
        let mut shared = opened.map_err(|error| error.to_string())?;
        let oid = identity.database_oid;
        let read = preflight(&mut shared, own, target, oid).await;
        read.map_err(|error| query_error(&error))
    };
    let preflight = match read.await {
        Ok(preflight) => preflight,
        Err(why) => return Finding::warn("restore", why, "whether one is possible cannot be told"),
    };
    let managed = preflight.managed.as_ref().map_or_else(String::new, |role| {
        format!("; managed (it has the role {role}): its provider's snapshots are a way back too")
    });
    let closed: Vec<String> = preflight.ways().into_iter().flat_map(|way| way.closed).collect();
    if closed.is_empty() {
        return Finding::ok("restore", format!("a full restore is possible{managed}"));
    }
    let value = format!("a full restore is not possible: {}{managed}", closed.join("; "));
    Finding::warn(
        "restore",
        Untrusted::new(value).one_line(),
        "settle it before a migration: a backup that cannot be restored here is no way back",
    )
}

fn unread(error: &sqlx::Error) -> Vec<Finding> {
    vec![Finding::warn("role", query_error(error), "what the role may do cannot be told")]
}

fn primary(identity: &Identity) -> Finding {
    if identity.primary {
        return Finding::ok("primary", "yes");
    }
    Finding::warn(
        "primary",
        "no: a replica",
        "migrations run on the primary; this one can be watched",
    )
}

fn pinned(target: &Target, identity: &Identity) -> Finding {
    let told = |pin: &Pin| format!("system {}, database {}", pin.system_identifier, pin.database);
    match (&target.pin, &target.name) {
        (Some(pin), _) => match check_pin(pin, identity, target.spec.proved_name()) {
            Ok(()) => Finding::ok("pin", Untrusted::new(told(pin)).one_line()),
            Err(refused) => Finding::fail(
                "pin",
                refused.to_string(),
                "find out what answers there before anything else; `doctor --pin` pins it anew",
            ),
        },
        (None, Some(name)) => Finding::warn(
            "pin",
            "not pinned: another server under this name would not be noticed",
            format!("lockkeeper doctor --pin --target {name}"),
        ),
        (None, None) => Finding::warn(
            "pin",
            "not pinned",
            "write the target into lockkeeper.toml as [targets.NAME], then doctor --pin --target NAME",
        ),
    }
}

fn may(row: &sqlx::postgres::PgRow, spec: &Spec, role: &str) -> sqlx::Result<Vec<Finding>> {
    let of = |at: usize| row.try_get::<Option<bool>, _>(at).map(Option::unwrap_or_default);
    let one = |id: &str, has: bool, advice: String| match has {
        true => Finding::ok(id, format!("{role}: yes")),
        false => Finding::warn(id, format!("{role}: no"), advice),
    };
    let tls: Option<String> = row.try_get(3)?;
    Ok(vec![
        one(
            "pg_monitor",
            of(0)?,
            format!("to see what other roles' sessions do: GRANT pg_monitor TO {role}"),
        ),
        one(
            "pg_signal_backend",
            of(1)?,
            format!("to end who blocks a migration: GRANT pg_signal_backend TO {role}"),
        ),
        one(
            "createdb",
            of(2)?,
            format!("for scratch copies and restores: ALTER ROLE {role} CREATEDB"),
        ),
        protection(tls, spec),
    ])
}

fn protection(tls: Option<String>, spec: &Spec) -> Finding {
    let mode = spec.tls.mode.word();
    match tls {
        Some(version) if spec.proved_name().is_some() => {
            Finding::ok("tls", format!("{version}, {mode}: the name is proved"))
        }
        Some(version) => Finding::warn(
            "tls",
            format!("{version}, {mode}: who answers is not proved"),
            "use sslmode=verify-full",
        ),
        None if spec.place.is_socket() => Finding::ok("tls", "none: a local socket"),
        None if spec.place.is_loopback() => Finding::ok("tls", "none: this machine itself"),
        None => Finding::warn("tls", format!("none ({mode})"), "use sslmode=verify-full"),
    }
}

//! A database of a rehearsal's own on a named target that is not production: made there, named
//! so that nobody else has it, dropped afterwards, and by the next rehearsal there if this one
//! was killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use super::copy::{Target, told};
use super::dump::dump;
use super::{From, Order, copy};
use crate::domain::connection::Spec;
use crate::domain::identity::{Class, Identity, check_pin, effective_class, require_primary};
use crate::domain::rehearsal::Source;
use crate::domain::restore::quoted;
use crate::domain::untrusted::Untrusted;
use crate::io::blocking::blocking;
use crate::io::cluster::clients;
use crate::io::driver::environment;
use crate::io::output;
use crate::io::paths::create_private;
use crate::io::postgres;
use crate::io::postgres::reader::Reader;
use crate::io::postgres::target::{self, Request};
use crate::io::postgres::{Purpose, connect};
use crate::io::process::Identity as Process;
use crate::io::random;
use crate::io::site::Site;

/// What the names of all such databases begin with.
const PREFIX: &str = "lockkeeper_rehearsal_";
/// What `pg_restore` is called there.
const LOADS: &str = "lockkeeper/rehearse load";
/// What another server lacks: owners and grants of other roles, disks, providers, publishers.
const PG_RESTORE: [&str; 7] = [
    "--exit-on-error",
    "--no-owner",
    "--no-acl",
    "--no-tablespaces",
    "--no-security-labels",
    "--no-subscriptions",
    "--no-password",
];

/// Whose databases these are; lies in a directory of its own until they are dropped.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    owner: Process,
    /// The server that they lie on.
    system_identifier: String,
    /// How it is reached: a copy of that server bears the same identifier.
    #[serde(default)]
    place: String,
    databases: Vec<String>,
}

/// The databases of one rehearsal.
pub(super) struct Lodging {
    target: postgres::Target,
    /// Who answers there.
    pub identity: Identity,
    /// When its server was started.
    started: Option<String>,
    /// The database that migrations run in.
    pub database: String,
    /// Where the rows came from.
    pub source: Source,
    /// For the dump and for what the tool says; goes with the databases.
    pub directory: PathBuf,
}

impl Lodging {
    /// Makes the database on the target `name` of the configuration, and fills it as `order`
    /// says.
    ///
    /// # Errors
    /// Why there is none, in a sentence; nothing is left then.
    pub async fn make(
        site: &Site,
        order: &Order,
        name: &str,
        source: Option<&Target>,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Self, String> {
        let Fit { target, identity, started } =
            fit(site, name, source.map(|source| &source.identity)).await?;
        let places = site.paths.state.join("rehearsals").join("lodgings");
        sweep(&places, &target, &identity.system_identifier).await;
        let database = format!("{PREFIX}{}", random::digits()?);
        let directory = places.join(&database);
        let made = Source::Dump;
        let lodging = Self { target, identity, started, database, source: made, directory };
        lodging.register()?;
        match lodging.fill(site, order, source, tell).await {
            Ok(source) => Ok(Self { source, ..lodging }),
            Err(why) => {
                let left = lodging.end().await.err();
                Err(left.map_or(why.clone(), |left| format!("{why}; {left}")))
            }
        }
    }

    /// Returns what the state after the last way up is called while a trial bears its name.
    pub fn aside(&self) -> String {
        format!("{}_base", self.database)
    }

    /// Returns how a database there is reached.
    pub fn spec(&self, database: &str) -> Spec {
        self.target.spec.in_database(database)
    }

    /// Opens a connection to a database there.
    pub async fn connect(&self, database: &str) -> Result<PgConnection, String> {
        connect(&self.spec(database), Purpose::Work).await.map_err(|error| error.to_string())
    }

    /// Opens a connection beside the databases.
    pub async fn maintenance(&self) -> Result<PgConnection, String> {
        maintenance(&self.target).await
    }

    async fn admin(&self, sql: &str) -> Result<(), String> {
        admin(&self.target, sql).await
    }

    /// Drops the databases.
    ///
    /// # Errors
    /// Which is left, and why.
    pub async fn end(&self) -> Result<(), String> {
        let mut left = Vec::new();
        for database in [self.aside(), self.database.clone()] {
            if let Err(why) = drop_database(&self.target, &database, self.identity.major()).await {
                left.push(format!("the database {database} is left: {why}"));
            }
        }
        if !left.is_empty() {
            return Err(left.join("; "));
        }
        fs::remove_dir_all(&self.directory).map_err(|error| error.to_string())
    }

    /// Before the database is there: whoever dies next leaves nothing that nobody knows.
    fn register(&self) -> Result<(), String> {
        let cannot = |error: std::io::Error| format!("{}: {error}", self.directory.display());
        create_private(&self.directory).map_err(cannot)?;
        let record = Record {
            owner: Process::own(),
            system_identifier: self.identity.system_identifier.clone(),
            place: place_of(&self.target),
            databases: vec![self.aside(), self.database.clone()],
        };
        let text = serde_json::to_string(&record).map_err(|error| error.to_string())?;
        output::replace(&self.directory.join("owner.json"), &text).map_err(cannot)
    }

    async fn fill(
        &self,
        site: &Site,
        order: &Order,
        source: Option<&Target>,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Source, String> {
        let name = quoted(&self.database);
        let is_here = source.is_some_and(|source| {
            source.identity.system_identifier == self.identity.system_identifier
                && source.started.is_some()
                && source.started == self.started
        });
        if is_here && order.from == From::Target && !order.schema_only && order.exclude.is_empty() {
            let of = quoted(&site.target.spec.database);
            match self.admin(&format!("CREATE DATABASE {name} TEMPLATE {of}")).await {
                Ok(()) => return Ok(Source::Template),
                Err(why) => tell(&format!("it is not cloned but dumped: {why}")),
            }
        }
        self.admin(&format!("CREATE DATABASE {name} TEMPLATE template0")).await?;
        let path = match (&order.from, source) {
            (From::Backup(path), _) => path.clone(),
            (From::Target, Some(source)) => {
                let path = self.directory.join("source.dump");
                let major = source.identity.major();
                dump(site, order, major, &path, tell).await?;
                path
            }
            (From::Target, None) => return Err("the target does not answer".to_owned()),
        };
        tell(&format!("pg_restore loads it into {}", self.database));
        blocking(|| self.load(site, &path))?;
        // It holds every row once more; one that was given stays.
        drop(fs::remove_file(self.directory.join("source.dump")));
        let mut connection = self.connect(&self.database).await?;
        if order.schema_only {
            drop(sqlx::raw_sql(copy::POPULATE).execute(&mut connection).await);
        }
        drop(sqlx::raw_sql("ANALYZE").execute(&mut connection).await);
        drop(connection.close().await);
        Ok(if order.schema_only { Source::SchemaOnly } else { Source::Dump })
    }

    /// Loads an archive; the program ends with this process.
    fn load(&self, site: &Site, path: &Path) -> Result<(), String> {
        let found = clients::find("pg_restore", self.identity.major());
        let client = found.map_err(|unfit| unfit.to_string())?;
        let spec = self.spec(&self.database);
        let environment = environment::for_backup(&spec, LOADS, "");
        let mut command = Command::new(&site.program);
        command.args(["__leash", "--"]).arg(&client.path).args(PG_RESTORE);
        command.arg(format!("--dbname={}", self.database)).arg(path);
        command.env_clear().envs(crate::io::act::inherited()).env("LC_ALL", "C");
        command.envs(environment.iter().map(|(name, value)| (name, value.expose())));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let cannot = |error: std::io::Error| format!("pg_restore: {error}");
        let mut child = command.spawn().map_err(cannot)?;
        // Waiting for a child closes its input, which here is the leash.
        let leash = child.stdin.take();
        let output = child.wait_with_output().map_err(cannot)?;
        drop(leash);
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let error = said.lines().find(|line| line.contains("error:")).unwrap_or("it failed");
        Err(format!("it cannot be loaded there: {}", Untrusted::new(error).one_line()))
    }
}

/// A target that is fit for it.
struct Fit {
    target: postgres::Target,
    identity: Identity,
    started: Option<String>,
}

/// Finds the target, and refuses production in whatever name it comes.
async fn fit(site: &Site, name: &str, source: Option<&Identity>) -> Result<Fit, String> {
    let targets = &site.config().targets;
    let Some((name, profile)) = targets.get_key_value(name) else {
        let names = targets.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(format!("there is no target {name}; lockkeeper.toml has: {names}"));
    };
    if profile.class == Class::Production {
        return Err(format!("{name} is of class production: nothing is ever rehearsed there"));
    }
    let request = Request { dsn: None, profile: Some((name.as_str(), profile)) };
    let found = target::resolve(request, &target::environment()).map_err(|e| e.to_string())?;
    let mut reader = Reader::new(found.spec.clone());
    let identity = reader.identity().await.map_err(|error| format!("{name}: {error}"));
    let creates = "SELECT (rolcreatedb OR rolsuper)::text FROM pg_catalog.pg_roles WHERE rolname = current_user";
    let creates = reader.value(creates, &[], std::time::Duration::from_secs(5)).await;
    let started = copy::started(&mut reader).await;
    reader.close().await;
    let identity = identity?;
    let pins = site.config().production_pins();
    if effective_class(profile.class, &identity, &pins) == Class::Production {
        return Err(format!(
            "{name} has the system identifier of a production pin: it is treated as production, \
             and nothing is rehearsed there"
        ));
    }
    if site.target.class == Class::Production {
        apart_from_production(site, name, source, &identity)?;
    }
    if let Some(pin) = &profile.pin {
        let proved = found.spec.proved_name();
        check_pin(pin, &identity, proved).map_err(|refused| refused.to_string())?;
    }
    require_primary(&identity).map_err(|refused| refused.to_string())?;
    if let Some(source) = source.filter(|source| source.major() != identity.major()) {
        return Err(format!(
            "{name} runs PostgreSQL {}, the target {}: what goes well there says nothing here",
            identity.major(),
            source.major()
        ));
    }
    match creates {
        Ok(Some(may)) if may == "true" => Ok(Fit { target: found, identity, started }),
        Ok(_) => Err(format!(
            "the role {} may not create databases on {name}, and a rehearsal needs one of its own \
             there: ALTER ROLE … CREATEDB",
            Untrusted::from(identity.role.as_str()).one_line()
        )),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// Refuses what lies on the server of a target of production, also where that cannot be told.
fn apart_from_production(
    site: &Site,
    name: &str,
    source: Option<&Identity>,
    identity: &Identity,
) -> Result<(), String> {
    match source {
        Some(source) if source.system_identifier == identity.system_identifier => {
            Err(format!("{name} lies on the server of production: nothing is rehearsed there"))
        }
        None if site.target.pin.is_none() => Err(format!(
            "whether {name} lies on the server of production cannot be told: the target does not \
             answer and has no pin (`lockkeeper doctor --pin` while it answers)"
        )),
        _ => Ok(()),
    }
}

/// Drops on that server what rehearsals that were killed have left, and removes their dumps.
async fn sweep(places: &Path, target: &postgres::Target, system_identifier: &str) {
    let entries = fs::read_dir(places).into_iter().flatten().flatten();
    for directory in entries.map(|entry| entry.path()) {
        let record = fs::read(directory.join("owner.json")).ok();
        let record = record.and_then(|text| serde_json::from_slice::<Record>(&text).ok());
        let Some(record) = record.filter(|record| !record.owner.is_alive()) else { continue };
        drop(fs::remove_file(directory.join("source.dump")));
        let is_here = record.place.is_empty() || record.place == place_of(target);
        if record.system_identifier != system_identifier || !is_here {
            continue;
        }
        let mut is_gone = true;
        for database in record.databases.iter().filter(|name| name.starts_with(PREFIX)) {
            is_gone &= drop_database(target, database, 13).await.is_ok();
        }
        if is_gone {
            drop(fs::remove_dir_all(&directory));
        }
    }
}

fn place_of(target: &postgres::Target) -> String {
    format!("{}:{}", target.spec.place.text(), target.spec.port)
}

async fn drop_database(target: &postgres::Target, name: &str, major: u32) -> Result<(), String> {
    admin(target, &copy::end_sessions(name, major)).await?;
    let drop = format!("DROP DATABASE IF EXISTS {}", quoted(name));
    // Ends also whoever has come since (13), but for that all of them have to be ours to signal:
    // a worker of autovacuum is not, and goes by itself where nobody forces it.
    match admin(target, &format!("{drop} WITH (FORCE)")).await {
        Ok(()) => Ok(()),
        Err(_) => admin(target, &drop).await,
    }
}

async fn maintenance(target: &postgres::Target) -> Result<PgConnection, String> {
    connect(&target.maintenance(), Purpose::Work).await.map_err(|error| error.to_string())
}

async fn admin(target: &postgres::Target, sql: &str) -> Result<(), String> {
    let mut connection = maintenance(target).await?;
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
    drop(connection.close().await);
    done.map(drop).map_err(|error| told(&error))
}

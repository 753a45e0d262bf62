//! The copy: a scratch server that bears the target's schema, its rows and its roles, and goes
//! with this process however that ends.

use std::path::{Path, PathBuf};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::dump::dump;
use super::lodging::Lodging;
use super::{From, Order, log};
use crate::domain::connection::{Environment, Spec};
use crate::domain::identity::Identity;
use crate::domain::rehearsal::Source;
use crate::domain::restore::quoted;
use crate::domain::untrusted::Untrusted;
use crate::io::blocking::blocking;
use crate::io::cluster::{PORT, SUPERUSER};
use crate::io::drill::{self, LOADED, Loaded};
use crate::io::postgres::reader::Reader;
use crate::io::postgres::target::{self, Request};
use crate::io::site::Site;

const RECORD: &str = include_str!("../../../assets/sql/rehearsal/record.sql");

/// What our own connections to the copy are called.
const OURS: &str = "lockkeeper/rehearsal";
/// Where the state after the last way up is kept while a trial bears its name.
const ASIDE: &str = "lockkeeper base";
/// The database of a scratch server beside which others are made: no target bears its name.
const BESIDE: &str = "template1";
/// A dump of the definitions leaves materialized views unpopulated: none of them is on the target
/// for that reason. One that cannot be refreshed stays so.
pub(super) const POPULATE: &str = "DO $$ DECLARE found regclass; BEGIN
    FOR found IN SELECT oid FROM pg_catalog.pg_class
                  WHERE relkind = 'm' AND NOT relispopulated ORDER BY oid LOOP
        BEGIN
            EXECUTE format('REFRESH MATERIALIZED VIEW %s', found);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
END $$;";

/// Where the copy lies.
enum Place {
    /// In a server of its own.
    Scratch(Box<Loaded>),
    /// In databases of its own on a named target.
    Lodging(Box<Lodging>),
}

/// The copy.
pub(super) struct Copy {
    place: Place,
    /// The database, named as the target's.
    pub database: String,
    /// The role that the tool works in, named as the target's.
    pub role: String,
    /// Where the state after the last way up is kept while a trial bears its name.
    aside: String,
    major: u32,
}

/// The target, as far as it answers.
pub(super) struct Target {
    pub identity: Identity,
    /// When its server was started; `None`: it does not tell.
    pub started: Option<String>,
    pub bytes: u64,
    /// The names of its roles.
    roles: Vec<String>,
}

impl Target {
    /// Returns the target of the site; `None`: it does not answer, and `order` copies a backup.
    ///
    /// # Errors
    /// If it is to be copied and does not answer, or another one answers than the pinned one.
    pub async fn met(site: &Site, order: &Order) -> Result<Option<Self>, String> {
        let mut reader = Reader::new(site.target.spec.clone());
        let target = Self::ask(&mut reader).await;
        reader.close().await;
        let target = match (target, &order.from) {
            (Err(why), From::Target) => return Err(format!("the target does not answer: {why}")),
            (Err(_), From::Backup(_)) => return Ok(None),
            (Ok(target), _) => target,
        };
        site.target.check(&target.identity).map_err(|refused| refused.to_string())?;
        Ok(Some(target))
    }

    /// Asks the target who it is, and what a copy of it needs.
    pub async fn ask(reader: &mut Reader) -> Result<Self, String> {
        let told = |error: crate::io::postgres::reader::Error| error.to_string();
        let identity = reader.identity().await.map_err(told)?;
        let started = started(reader).await;
        let bytes = reader.database_size().await.map_err(told)?;
        let roles =
            "SELECT json_agg(rolname)::text FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_'";
        let roles = reader.value(roles, &[], std::time::Duration::from_secs(5)).await;
        let roles = roles.map_err(told)?.unwrap_or_default();
        Ok(Self {
            identity,
            started,
            bytes,
            roles: serde_json::from_str(&roles).unwrap_or_default(),
        })
    }
}

/// Returns when the server was started, which tells two apart that bear one system identifier:
/// one is a promoted physical copy of the other.
pub(super) async fn started(reader: &mut Reader) -> Option<String> {
    let sql = "SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text";
    reader.value(sql, &[], std::time::Duration::from_secs(5)).await.ok().flatten()
}

impl Copy {
    /// Makes the copy from what `order` names; if it `records`, all that runs there is seen.
    pub async fn make(
        site: &Site,
        order: &Order,
        target: Option<&Target>,
        records: bool,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Self, String> {
        if let Some(name) = &order.on {
            let lodging = Lodging::make(site, order, name, target, tell).await?;
            return Ok(Self {
                database: lodging.database.clone(),
                role: lodging.identity.role.clone(),
                aside: lodging.aside(),
                major: lodging.identity.major(),
                place: Place::Lodging(Box::new(lodging)),
            });
        }
        let place = drill::Place { state: site.paths.state.clone(), program: site.program.clone() };
        let spec = &site.target.spec;
        let (database, role) = (spec.database.clone(), spec.user.clone());
        let settings = [
            ("log_line_prefix", log::PREFIX),
            ("log_min_duration_statement", if records { "0" } else { "-1" }),
            ("log_error_verbosity", "terse"),
            ("log_min_error_statement", "error"),
            ("log_statement", "none"),
            ("lc_messages", "C"),
            ("max_connections", "60"),
            ("max_prepared_transactions", "10"),
        ];
        let server = match (&order.from, target) {
            (From::Backup(path), _) => blocking(|| drill::load(path, &settings, &place, tell))?,
            (From::Target, Some(target)) => {
                dumped(site, order, target, &settings, &place, tell).await?
            }
            (From::Target, None) => return Err("the target does not answer".to_owned()),
        };
        let major = server.version().split('.').next().and_then(|major| major.parse().ok());
        let place = Place::Scratch(Box::new(server));
        let (aside, major) = (ASIDE.to_owned(), major.unwrap_or(0));
        let copy = Self { place, database, role, aside, major };
        copy.settle(target, order.schema_only, records, tell).await?;
        Ok(copy)
    }

    /// Gives the copy the target's roles and name, and what records.
    async fn settle(
        &self,
        target: Option<&Target>,
        schema_only: bool,
        records: bool,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), String> {
        let Place::Scratch(server) = &self.place else { return Ok(()) };
        tell("settling the copy");
        for role in target.map(|target| target.roles.as_slice()).unwrap_or_default() {
            blocking(|| server.role(role))?;
        }
        blocking(|| server.role(&self.role))?;
        // A rehearsal shows what migrations do, not who may run them.
        let role = quoted(&self.role);
        self.admin(&[format!("ALTER ROLE {role} SUPERUSER LOGIN")]).await?;
        let mut loaded = self.connect(LOADED).await?;
        if schema_only {
            drop(sqlx::raw_sql(POPULATE).execute(&mut loaded).await);
        }
        let record = if records { RECORD } else { "" };
        let recorded =
            sqlx::raw_sql(record).execute(&mut loaded).await.map_err(|error| told(&error));
        drop(sqlx::raw_sql("ANALYZE").execute(&mut loaded).await);
        drop(loaded.close().await);
        recorded?;
        if self.database != LOADED {
            // The scratch server's own database may bear the target's name.
            let [end, drop] = self.drop_trial();
            let [left, rename] = self.rename(LOADED, &self.database);
            self.admin(&[end, drop, left, rename]).await?;
        }
        Ok(())
    }

    /// Returns the server's version.
    pub fn version(&self) -> &str {
        match &self.place {
            Place::Scratch(server) => server.version(),
            Place::Lodging(lodging) => &lodging.identity.version,
        }
    }

    /// Returns the server's log; `None`: it is not ours to read.
    pub fn log(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Scratch(server) => Some(server.directory().join("log")),
            Place::Lodging(_) => None,
        }
    }

    /// Returns the directory that goes with the copy.
    pub fn directory(&self) -> &Path {
        match &self.place {
            Place::Scratch(server) => server.directory(),
            Place::Lodging(lodging) => &lodging.directory,
        }
    }

    /// Returns where the socket of the copy's own server lies; `None`: it has none of its own.
    pub fn server_directory(&self) -> Option<&Path> {
        match &self.place {
            Place::Scratch(server) => Some(server.directory()),
            Place::Lodging(_) => None,
        }
    }

    /// Returns where the rows came from.
    pub fn source(&self, order: &Order) -> Source {
        match &self.place {
            Place::Lodging(lodging) => lodging.source,
            Place::Scratch(_) if order.schema_only => Source::SchemaOnly,
            Place::Scratch(_) => Source::Dump,
        }
    }

    /// Returns the database in which the tool may be seen on the target's own server.
    pub fn own(&self) -> Option<&str> {
        match &self.place {
            Place::Lodging(lodging) => Some(&lodging.database),
            Place::Scratch(_) => None,
        }
    }

    /// Returns how the team's tool reaches the copy.
    pub fn spec(&self) -> Result<Spec, String> {
        if let Place::Lodging(lodging) = &self.place {
            return Ok(lodging.spec(&self.database));
        }
        self.as_target().map(|target| target.spec)
    }

    /// Returns the copy as a target: without a pin, a replica or a pooler.
    pub fn as_target(&self) -> Result<target::Target, String> {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let dsn = format!(
            "postgresql:///{}?host={}&port={PORT}&user={}",
            encode(&self.database),
            encode(&self.directory().display().to_string()),
            encode(&self.role)
        );
        let request = Request { dsn: Some(&dsn), profile: None };
        target::resolve(request, &Environment::default()).map_err(|error| error.to_string())
    }

    /// Opens a connection of our own.
    pub async fn connect(&self, database: &str) -> Result<PgConnection, String> {
        if let Place::Lodging(lodging) = &self.place {
            return lodging.connect(database).await;
        }
        let options = PgConnectOptions::new_without_pgpass()
            .socket(self.directory())
            .port(PORT)
            .username(SUPERUSER)
            .database(database)
            .application_name(OURS)
            // To compile what digests a table takes longer than to run it; and the log is read for
            // what the tool does, not for our looks at it, which are most of all statements.
            .options([("jit", "off"), ("log_min_duration_statement", "-1")])
            .disable_statement_logging();
        PgConnection::connect_with(&options).await.map_err(|error| told(&error))
    }

    /// Runs statements beside the database, each by itself, as CREATE DATABASE wants it.
    async fn admin(&self, statements: &[String]) -> Result<(), String> {
        let mut connection = match &self.place {
            Place::Lodging(lodging) => lodging.maintenance().await?,
            Place::Scratch(_) => self.connect(BESIDE).await?,
        };
        let done = async {
            for sql in statements {
                sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(&mut connection).await?;
            }
            Ok(())
        };
        let done: sqlx::Result<()> = done.await;
        drop(connection.close().await);
        done.map_err(|error| told(&error))
    }

    /// Ends whoever is connected to the database, so that it can be cloned.
    pub async fn end_sessions(&self, database: &str) -> Result<(), String> {
        self.admin(&[end_sessions(database, self.major)]).await
    }

    fn rename(&self, from: &str, to: &str) -> [String; 2] {
        let rename = format!("ALTER DATABASE {} RENAME TO {}", quoted(from), quoted(to));
        [end_sessions(from, self.major), rename]
    }

    /// Sets the database aside and puts a clone of it in its place.
    pub async fn begin_trial(&self) -> Result<(), String> {
        let [end, rename] = self.rename(&self.database, &self.aside);
        self.admin(&[end, rename, self.clone_aside()]).await
    }

    fn clone_aside(&self) -> String {
        let (name, aside) = (quoted(&self.database), quoted(&self.aside));
        // Copies files instead of writing every page to the log of writes (15).
        let strategy = if self.major >= 15 { " STRATEGY FILE_COPY" } else { "" };
        format!("CREATE DATABASE {name} TEMPLATE {aside}{strategy}")
    }

    /// Takes another clone in the trial's place.
    pub async fn next_trial(&self) -> Result<(), String> {
        let [end, drop] = self.drop_trial();
        self.admin(&[end, drop, self.clone_aside()]).await
    }

    /// Puts the database back into its place.
    pub async fn end_trial(&self) -> Result<(), String> {
        let ([end, drop], [left, rename]) =
            (self.drop_trial(), self.rename(&self.aside, &self.database));
        self.admin(&[end, drop, left, rename]).await
    }

    fn drop_trial(&self) -> [String; 2] {
        let drop = format!("DROP DATABASE IF EXISTS {}", quoted(&self.database));
        [end_sessions(&self.database, self.major), drop]
    }

    /// Removes the copy.
    pub async fn end(self) -> Result<(), String> {
        match self.place {
            Place::Scratch(server) => blocking(|| server.end()),
            Place::Lodging(lodging) => lodging.end().await,
        }
    }
}

/// Returns what ends everybody else's session in a database. A worker of autovacuum may only be
/// signalled by a superuser; who renames or drops the database sends it away anyhow.
pub(super) fn end_sessions(database: &str, major: u32) -> String {
    let literal = database.replace('\'', "''");
    let sql = format!(
        "SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity \
         WHERE datname = '{literal}' AND pid <> pg_backend_pid() \
           AND backend_type = 'client backend'"
    );
    // The second argument came with 14.
    if major < 14 { sql.replace(", 5000", "") } else { sql }
}

/// Dumps the target into a scratch server.
async fn dumped(
    site: &Site,
    order: &Order,
    target: &Target,
    settings: &[(&str, &str)],
    place: &drill::Place,
    tell: &mut dyn FnMut(&str),
) -> Result<Loaded, String> {
    let bytes = if order.schema_only { 0 } else { target.bytes };
    let major = target.identity.major();
    let server = blocking(|| drill::empty(major, bytes, settings, place, tell))?;
    let path = server.directory().join("source.dump");
    dump(site, order, major, &path, tell).await?;
    blocking(|| server.fill(&path, tell))?;
    // It holds every row once more.
    std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(server)
}

pub(super) fn told(error: &sqlx::Error) -> String {
    let error = error
        .as_database_error()
        .map_or_else(|| error.to_string(), |said| said.message().to_owned());
    Untrusted::new(error).one_line()
}

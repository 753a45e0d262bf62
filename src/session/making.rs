//! The plan of a backup: which program, into which directory, and what that holds up.

use crate::domain::age;
use crate::domain::backup::{Backup, Room, Scope};
use crate::domain::config::Client;
use crate::domain::evidence::Level;
use crate::domain::plan::{Action, Command, Digest, Plan, Preview, Risk, Timeouts};
use crate::domain::quantity::size;
use crate::domain::untrusted::Untrusted;

use super::preview::{Ground, bare};

/// What a backup's plan stands on, beside [`Ground`]; all of it read for this plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Making {
    /// The program, or why none works with this server.
    pub dumper: Result<Dumper, String>,
    /// The absolute directory that the file goes to.
    pub directory: String,
    /// Why it cannot go there, if it cannot.
    pub unfit: Option<String>,
    /// Names of what interrupted backups have left there.
    pub stale: Vec<String>,
    /// Bytes that are free there; `None`: the system does not tell.
    pub free: Option<u64>,
    /// Bytes of the database; `None`: the server does not tell.
    pub database: Option<u64>,
    /// The backups that are there already, of whatever.
    pub known: Vec<Backup>,
    /// Who holds or awaits ACCESS EXCLUSIVE on a table, a line each, or why that is not known.
    pub exclusive: Result<Vec<String>, String>,
    /// The level that the file has to pass before it is a backup: what the configuration
    /// asks for, as far as no server is needed.
    pub level: Level,
    /// Whether the contents of each table are summed.
    pub contents: bool,
    /// The migration tool whose revision goes into the manifest.
    pub tool: Option<String>,
    /// The tables that were named, as the server quotes them; or what is wrong with a name.
    pub tables: Result<Vec<String>, String>,
    /// The same of those that are written as CSV too.
    pub csv: Result<Vec<String>, String>,
    /// The `pg_dumpall` that writes the roles, or why there is none.
    pub roles: Result<String, String>,
    /// The names of the variables that are set for the program.
    pub env: Vec<String>,
}

/// A `pg_dump` that works with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumper {
    /// Its file, or behind a prefix its name there.
    pub path: String,
    /// How it is run where it is not on this machine.
    pub through: Option<Client>,
    /// Its version, e.g. `15.20`.
    pub version: String,
    /// Its major version.
    pub major: u32,
    /// Its content: the plan is bound to it; `None` behind a prefix, where the plan is bound to
    /// its version.
    pub digest: Option<Digest>,
    /// What to know of this version.
    pub warning: Option<String>,
}

impl Dumper {
    /// Returns what the child is told of the way to it.
    pub(super) fn options(&self) -> Vec<(&'static str, String)> {
        let Some(client) = &self.through else { return Vec::new() };
        let mut options: Vec<_> =
            client.prefix.iter().map(|word| ("--prefix", word.clone())).collect();
        options.push(("--of", self.version.clone()));
        let there = [
            ("--there-host", client.host.clone()),
            ("--there-port", client.port.map(|port| port.to_string())),
            ("--there-user", client.user.clone()),
        ];
        let there = there.into_iter().filter_map(|(name, value)| Some((name, value?)));
        options.extend(there);
        options
    }

    /// Returns its name as it is started.
    pub(super) fn started(&self) -> String {
        let prefix = self.through.iter().flat_map(|client| &client.prefix);
        let words: Vec<&str> = prefix.map(String::as_str).chain([self.path.as_str()]).collect();
        Untrusted::from(words.join(" ")).one_line()
    }

    /// Returns what to know of a program that a prefix runs; `env` is what that gets.
    pub(super) fn elsewhere(&self, env: &[String]) -> Option<String> {
        let client = self.through.as_ref()?;
        let has_password = env.iter().any(|name| name == PASSWORD);
        let names_it = client.prefix.iter().any(|word| word.contains(PASSWORD));
        Some(match (has_password, names_it) {
            (true, false) => format!(
                "the password is in {PASSWORD} of the prefix's environment, and the prefix does \
                 not name it: docker gives it on with -e {PASSWORD}"
            ),
            (true, true) => format!("the password is given on by name: -e {PASSWORD}"),
            (false, _) => "no password is given to what the prefix runs".to_owned(),
        })
    }
}

/// The variable that holds the password, as libpq reads it.
const PASSWORD: &str = "PGPASSWORD";

/// What is wanted of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// How much of the database.
    pub scope: Scope,
    /// The directory that it goes to; `None`: the first of the configuration.
    pub to: Option<String>,
    /// The tables that are dumped, for [`Scope::Tables`].
    pub tables: Vec<String>,
    /// The tables that are written as CSV too.
    pub csv: Vec<String>,
}

/// Plans a backup of the target.
///
/// # Errors
/// Why there can be none.
pub fn plan(scope: Scope, making: &Making, ground: &Ground<'_>) -> Result<Plan, String> {
    if !ground.identity.primary {
        let text = "this server is a replica: backups are made on the primary; connect there";
        return Err(text.to_owned());
    }
    let scope = match scope {
        Scope::Full | Scope::Schema => scope,
        Scope::Tables if making.tables.as_ref().is_ok_and(Vec::is_empty) => {
            return Err("no table is named: name them with --table".to_owned());
        }
        Scope::Tables => scope,
        Scope::Data => {
            return Err(format!("a backup of scope {} is not made by this version", scope.word()));
        }
    };
    making.tables.as_ref().map_err(Clone::clone)?;
    making.csv.as_ref().map_err(Clone::clone)?;
    let dumper = making.dumper.as_ref().map_err(Clone::clone)?;
    if let Some(why) = &making.unfit {
        return Err(why.clone());
    }
    let room =
        Room { free: making.free, database: making.database, last: last(scope, making, ground) };
    if let Some(why) = room.lacks(scope) {
        let place = Untrusted::from(making.directory.as_str()).one_line();
        return Err(format!(
            "{place}: {why}; nothing is begun: make room, or name another with --to"
        ));
    }
    let action =
        Action::Backup { scope: scope.word().to_owned(), location: making.directory.clone() };
    let mut plan = bare(action, Risk::Safe, ground);
    plan.timeouts = timeouts(ground);
    plan.files = dumper.digest.clone().into_iter().collect();
    plan.command = Some(Command {
        argv: argv(scope, dumper, making, &plan),
        env: making.env.clone(),
        cwd: ground.cwd.to_owned(),
    });
    plan.preview = preview(scope, dumper, making, &plan);
    Ok(plan)
}

/// Returns the bytes of the last backup of the target that holds as much.
fn last(scope: Scope, making: &Making, ground: &Ground<'_>) -> Option<u64> {
    let alike = making.known.iter().filter(|backup| {
        let is_whole = backup.complete == Some(true) && !backup.kind.is_physical();
        is_whole && backup.scope == Some(scope) && backup.is_of(ground.identity) == Some(true)
    });
    alike.max_by_key(|backup| backup.snapshot_started_at)?.size
}

/// `pg_dump` waits for its locks, and the counts of rows run, no longer than a migration may.
fn timeouts(ground: &Ground<'_>) -> Timeouts {
    let ms = |period: crate::domain::quantity::Period| {
        u64::try_from(period.duration().as_millis()).unwrap_or(u64::MAX)
    };
    Timeouts {
        lock_ms: Some(ms(ground.policy.lock_timeout)),
        statement_ms: Some(ms(ground.policy.statement_timeout)),
        ..Timeouts::default()
    }
}

fn argv(scope: Scope, dumper: &Dumper, making: &Making, plan: &Plan) -> Vec<String> {
    let mut argv: Vec<String> = ["lockkeeper", "__backup", "--scope", scope.word()]
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut option = |name: &str, value: String| argv.extend([name.to_owned(), value]);
    option("--directory", making.directory.clone());
    option("--pg-dump", dumper.path.clone());
    dumper.options().into_iter().for_each(|(name, value)| option(name, value));
    option("--system", plan.target.system_identifier.clone());
    option("--oid", plan.target.database_oid.to_string());
    option("--lock-ms", plan.timeouts.lock_ms.unwrap_or(0).to_string());
    option("--count-ms", plan.timeouts.statement_ms.unwrap_or(0).to_string());
    option("--level", making.level.to_string());
    if let Some(tool) = &making.tool {
        option("--tool", tool.clone());
    }
    if making.contents && scope != Scope::Schema {
        option("--contents", "sum".to_owned());
    }
    for table in making.tables.iter().flatten() {
        option("--table", table.clone());
    }
    for table in making.csv.iter().flatten() {
        option("--csv", table.clone());
    }
    // A part of a database is no ground to build another one on.
    if let (Scope::Full, Ok(roles)) = (scope, &making.roles) {
        option("--roles", roles.clone());
    }
    argv
}

/// The words of `pg_dump`'s own command line, but for the snapshot and where it writes:
/// standard output is the file, made beforehand so that nobody else can read it.
pub const PG_DUMP: [&str; 4] = ["--format=custom", "--compress=1", "--no-password", "--verbose"];

fn preview(scope: Scope, dumper: &Dumper, making: &Making, plan: &Plan) -> Preview {
    let database = Untrusted::from(plan.target.database.as_str()).one_line();
    let what = match scope {
        Scope::Schema => "the schema, without rows".to_owned(),
        Scope::Tables => format!(
            "data only: {} with their partitions; no types, functions or tables that they refer to",
            names(&making.tables)
        ),
        _ => "schema and rows".to_owned(),
    };
    let lock_s = plan.timeouts.lock_ms.unwrap_or(0) / 1000;
    let summed = match making.contents && scope != Scope::Schema {
        true => {
            ", and a sum of each table's contents: every row is read once more, some 2 s per GB"
        }
        false => "",
    };
    Preview {
        rehearsal: false,
        title: format!("back up {database} ({})", scope.word()),
        sql: Vec::new(),
        touches: vec![
            shown_command(scope, dumper, lock_s),
            format!("{what}, into {}", Untrusted::from(making.directory.as_str()).one_line()),
            format!(
                "named {database}-TIME-REVISION.dump, with a manifest: SHA-256, revision, \
                 rows{summed}"
            ),
            beside(scope, making),
            format!("read back and proven to {} before it counts as a backup", making.level),
            "ACCESS SHARE on every table, to its end: reads and writes go on".to_owned(),
            "ALTER, DROP, TRUNCATE and VACUUM FULL would wait behind it, and others behind them"
                .to_owned(),
        ],
        now: now(dumper, making, plan, lock_s),
        takes: takes(scope, making),
        stall: None,
        counts: Vec::new(),
        untimely: None,
        back: "none needed: nothing in the database changes; if it fails, its .partial is removed"
            .to_owned(),
    }
}

fn names(tables: &Result<Vec<String>, String>) -> String {
    let all = tables.iter().flatten().map(|name| Untrusted::from(name.as_str()).one_line());
    all.collect::<Vec<_>>().join(", ")
}

/// Returns what is written beside the dump, or why it is not.
fn beside(scope: Scope, making: &Making) -> String {
    let csv = match making.csv.as_ref().is_ok_and(|csv| !csv.is_empty()) {
        true => format!(", {} as CSV", names(&making.csv)),
        false => String::new(),
    };
    match (scope, &making.roles) {
        (Scope::Full, Ok(_)) => {
            format!("beside it the roles without passwords and the database's properties{csv}")
        }
        (Scope::Full, Err(why)) => format!("beside it no roles ({why}){csv}"),
        _ => format!("beside it nothing of the roles{csv}"),
    }
}

/// Returns `pg_dump`'s command line as it will run.
fn shown_command(scope: Scope, dumper: &Dumper, lock_s: u64) -> String {
    let path = dumper.started();
    let schema = match scope {
        Scope::Schema => " --schema-only",
        Scope::Tables => " --strict-names --table=…",
        _ => "",
    };
    format!(
        "pg_dump {}: {path} {}{schema} --lock-wait-timeout={lock_s}s --snapshot=…",
        dumper.version,
        PG_DUMP.join(" ")
    )
}

fn now(dumper: &Dumper, making: &Making, plan: &Plan, lock_s: u64) -> Vec<String> {
    let mut now = match &making.exclusive {
        Ok(lines) => lines.iter().map(|line| format!("{line}: waits up to {lock_s} s")).collect(),
        Err(why) => vec![format!("cannot tell who holds ACCESS EXCLUSIVE: {why}")],
    };
    now.extend(room(making));
    let left = |name: &String| format!("{name}, left by an interrupted backup, is removed first");
    now.extend(making.stale.iter().map(left));
    let server = plan.target.major();
    if dumper.major > server {
        now.push(format!(
            "pg_dump {} is newer than the server {}: restoring with the tools of {server} will \
             refuse it, use those of {}",
            dumper.version, plan.target.version, dumper.major
        ));
    }
    now.extend(dumper.warning.clone());
    now.extend(dumper.elsewhere(&making.env));
    now
}

/// Returns how much room there is, and says so where it may not do.
fn room(making: &Making) -> Option<String> {
    let free = making.free.map(size);
    Some(match (making.free, making.database) {
        (Some(bytes), Some(database)) if bytes < database => format!(
            "only {} are free there, and the database has {}: compressed it is smaller, how much \
             nobody can tell",
            size(bytes),
            size(database)
        ),
        (Some(bytes), Some(database)) => {
            format!("{} are free there, the database has {}", size(bytes), size(database))
        }
        (Some(_), None) => format!("{} are free there", free?),
        (None, _) => "cannot tell how much is free there".to_owned(),
    })
}

/// Returns how long it takes, at the measured pace of `-Z1`: 1 GB in 14 s.
fn takes(scope: Scope, making: &Making) -> Option<String> {
    if scope == Scope::Schema {
        return Some("a few seconds".to_owned());
    }
    let seconds = making.database? / (1 << 30) * 14;
    let rough = i64::try_from(seconds).ok().and_then(chrono::TimeDelta::try_seconds)?;
    Some(if seconds < 2 {
        "a few seconds, by the database's size".to_owned()
    } else {
        format!("about {}, by the database's size", age::rough(rough))
    })
}

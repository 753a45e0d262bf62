//! The pooler in front of the server: paused around a swap, so that its clients wait for a moment
//! and are not cut off; and what it holds back is let go again however the swap ends.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::time::{sleep, timeout};

use super::{Failed, say};
use crate::domain::connection::Spec;
use crate::domain::restore::{Pooler, quoted};
use crate::domain::untrusted::Untrusted;
use crate::io::postgres::target::{environment, read};
use crate::io::postgres::{Target, connect_pooler, query_error};

/// Its console answers at once, or not.
const CONSOLE: Duration = Duration::from_secs(5);
/// So long is waited for transactions to come to their end; the swap ends those that are left.
const DRAINED: Duration = Duration::from_secs(5);
/// So long its console is asked to let go of what waits, and how far apart.
const AGAIN: Duration = Duration::from_secs(15);
const APART: Duration = Duration::from_millis(500);

/// Asks the console of the pooler that the configuration names whether the database is paused
/// (pgbouncer, "Admin console", SHOW DATABASES: `name` is what clients call it).
pub(super) async fn pooler(target: &Target) -> Option<Pooler> {
    let dsn = target.pooler_admin.as_ref()?;
    let asked = async {
        let spec = read(dsn.as_str(), &environment()).map_err(|error| error.to_string())?;
        paused(&spec, &target.spec.database).await
    };
    let paused = match timeout(CONSOLE, asked).await {
        Ok(paused) => paused,
        Err(_) => Err(format!("no answer within {} s", CONSOLE.as_secs())),
    };
    Some(Pooler { name: shown(dsn.as_str()), dsn: dsn.as_str().to_owned(), paused })
}

async fn open(spec: &Spec) -> Result<PgConnection, String> {
    // The driver passes it on, whatever it is told.
    if std::env::var_os("PGOPTIONS").is_some() {
        return Err(
            "PGOPTIONS is set, by the environment or by options of the target's address, and \
                    a pooler's console refuses it"
                .to_owned(),
        );
    }
    connect_pooler(spec).await.map_err(|error| error.to_string())
}

async fn paused(spec: &Spec, database: &str) -> Result<bool, String> {
    let mut console = open(spec).await?;
    let entries = entries(&mut console, database).await?;
    Ok(entries.into_iter().all(|entry| entry.paused))
}

/// What the pooler serves the database as.
struct Entry {
    name: String,
    paused: bool,
}

/// Returns the entries of a database: by name here or there, several may lead to it.
async fn entries(console: &mut PgConnection, database: &str) -> Result<Vec<Entry>, String> {
    let rows = sqlx::raw_sql("SHOW DATABASES").fetch_all(console).await;
    let rows = rows.map_err(|error| query_error(&error))?;
    let text = |row: &PgRow, column: &str| row.try_get_unchecked::<String, _>(column).ok();
    let ours = |row: &PgRow| {
        let name = text(row, "name")?;
        let is_ours = name == database || text(row, "database").as_deref() == Some(database);
        is_ours.then(|| Entry { name, paused: text(row, "paused").as_deref() == Some("1") })
    };
    let entries: Vec<Entry> = rows.iter().filter_map(ours).collect();
    match entries.is_empty() {
        // Measured with pgbouncer 1.18: gone from the list two seconds after PAUSE.
        true => Err("it serves no database of that name; one that it serves by its entry * it \
                     forgets with its pause: write it into [databases] by its name"
            .to_owned()),
        false => Ok(entries),
    }
}

/// What this act has paused.
pub(super) struct Paused {
    spec: Spec,
    /// The console, safe to show.
    console: String,
    /// The entries.
    names: Vec<String>,
}

/// Pauses the database in the pooler with this console; `None`: there is none, or it is paused
/// already, by whom does not matter: who has paused it resumes it.
pub(super) async fn pause(dsn: Option<&str>, database: &str) -> Result<Option<Paused>, Failed> {
    let Some(dsn) = dsn else { return Ok(None) };
    let console = shown(dsn);
    let not_run = |why: String| Failed::NotRun(format!("the pooler {console}: {why}"));
    let spec = read(dsn, &environment()).map_err(|error| not_run(error.to_string()))?;
    let asked = timeout(CONSOLE, async {
        let mut connection = open(&spec).await?;
        let entries = entries(&mut connection, database).await?;
        Ok((connection, entries))
    });
    let asked = asked.await.unwrap_or_else(|_| Err("its console does not answer".to_owned()));
    let (mut connection, entries) = asked.map_err(not_run)?;
    let names = entries.into_iter().filter(|entry| !entry.paused).map(|entry| entry.name);
    let paused = Paused { spec, console: console.clone(), names: names.collect() };
    let end = Instant::now() + DRAINED;
    for name in &paused.names {
        let left = end.saturating_duration_since(Instant::now());
        let sql = format!("PAUSE {}", quoted(name));
        let asked = sqlx::raw_sql(AssertSqlSafe(sql));
        match timeout(left, async { asked.execute(&mut connection).await.map(drop) }).await {
            Ok(Ok(())) => say(&format!("the pooler {console} has paused {}", shown(name))),
            Ok(Err(error)) => {
                let why = format!("{} cannot be paused: {}", shown(name), query_error(&error));
                let left = paused.resume().await;
                return Err(Failed::NotRun(format!("the pooler {console}: {why}{left}")));
            }
            // The pause is there; only the console waits. What it waits for, the swap ends.
            Err(_) => {
                say(&format!("the pooler {console} waits for clients of {}", shown(name)));
                let opened = timeout(CONSOLE, open(&paused.spec)).await;
                let Ok(Ok(opened)) = opened else {
                    let left = paused.resume().await;
                    let why = "its console does not answer any more";
                    return Err(Failed::NotRun(format!("the pooler {console}: {why}{left}")));
                };
                connection = opened;
            }
        }
    }
    Ok((!paused.names.is_empty()).then_some(paused))
}

impl Paused {
    /// Lets the clients go on; returns what is to be told if it could not, else nothing.
    pub async fn resume(&self) -> String {
        let end = Instant::now() + AGAIN;
        loop {
            let resumed = timeout(CONSOLE, self.let_go()).await;
            match resumed.unwrap_or_else(|_| Err("no answer".to_owned())) {
                Ok(()) => {
                    say(&format!("the pooler {} goes on", self.console));
                    return String::new();
                }
                Err(why) if Instant::now() >= end => {
                    return format!("; {} ({why})", held_back(&self.console, &self.names));
                }
                Err(_) => sleep(APART).await,
            }
        }
    }

    async fn let_go(&self) -> Result<(), String> {
        let mut console = open(&self.spec).await?;
        for name in &self.names {
            let sql = format!("RESUME {}", quoted(name));
            let resumed = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut console).await;
            if let Err(error) = resumed
                && !is_free(&error)
            {
                return Err(query_error(&error));
            }
        }
        Ok(())
    }
}

/// What is not paused is free.
fn is_free(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|said| said.message().contains("is not paused"))
}

/// Returns what a swap that did not come to its end has left paused, in words: its clients wait.
/// `None`: nothing is, or nobody tells.
pub(in crate::io) async fn left_paused(dsn: &str, database: &str) -> Option<String> {
    let spec = read(dsn, &environment()).ok()?;
    let asked = timeout(CONSOLE, async {
        let mut console = open(&spec).await?;
        entries(&mut console, database).await
    });
    let names: Vec<String> = match asked.await {
        Ok(Ok(entries)) => {
            let paused = entries.into_iter().filter(|entry| entry.paused);
            paused.map(|entry| entry.name).collect()
        }
        _ => {
            return Some(format!("whether the pooler {} holds it back cannot be told", shown(dsn)));
        }
    };
    (!names.is_empty()).then(|| held_back(&shown(dsn), &names))
}

fn held_back(console: &str, names: &[String]) -> String {
    let resume: Vec<String> =
        names.iter().map(|name| format!("RESUME {};", shown(&quoted(name)))).collect();
    format!(
        "the pooler {console} still holds its clients back: say {} in its console",
        resume.join(" ")
    )
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

//! The swap: both renames in one transaction, while a second session ends the others.
//!
//! RENAME takes ACCESS EXCLUSIVE on the database at once, which holds newcomers out, and then
//! looks for sessions in it, for 5 s at most (`RenameDatabase`, `CountOtherDBBackends` of
//! PostgreSQL): so the others are ended only once the lock is there, and each client fails
//! once to connect, when the name it waited for is another database. `ALLOW_CONNECTIONS` is
//! not used: a crash in between would leave a database that refuses everyone.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use chrono::Utc;
use sqlx::postgres::PgConnection;
use tokio::time::{sleep, timeout};

use super::server::{self, execute, refused, words};
use super::{Failed, Job, around, pooler, say};
use crate::domain::restore::{Act, Mark, State, aside, quoted};
use crate::domain::untrusted::Untrusted;
use crate::io::failpoint;
use crate::io::terminal::Signals;

/// A rollback is answered at once, or never: what waits for us waits no longer than this.
const ANSWER: Duration = Duration::from_secs(5);
/// How often the others are looked for.
const LOOK: Duration = Duration::from_millis(2);
/// How often, and how far apart, it is looked which database has the name, if nobody heard
/// what became of the commit.
const LOOKS: u32 = 20;
const APART: Duration = Duration::from_millis(500);

/// Ends the sessions of both databases, as soon as the renaming session holds the lock that
/// keeps newcomers out. Of what kind others' sessions are, the server hides from a role without
/// `pg_read_all_stats`: what it runs by itself (autovacuum) is in no role's name.
const END: &str = "
    SELECT count(pg_catalog.pg_terminate_backend(a.pid))::int8
      FROM pg_catalog.pg_stat_activity a
     WHERE a.datid IN ($1::int8::oid, $2::int8::oid)
       AND a.pid <> pg_backend_pid()
       AND (a.backend_type IN ('client backend', 'parallel worker')
            OR a.backend_type IS NULL AND a.usesysid IS NOT NULL)
       AND EXISTS (SELECT FROM pg_catalog.pg_locks l
                    WHERE l.pid = $3 AND l.granted AND l.locktype = 'object'
                      AND l.classid = 'pg_catalog.pg_database'::regclass
                      AND l.objid = $1::int8::oid
                      AND l.mode = 'AccessExclusiveLock')";

/// Swaps the names, or swaps them back, while the pooler holds its clients back.
pub(super) async fn run(job: &Job) -> Result<String, Failed> {
    let unheard = |error| Failed::NotRun(format!("signals cannot be handled: {error}"));
    let mut signals = Signals::listen().map_err(unheard)?;
    let mut renamer = server::open(job).await?;
    let mut ender = server::open(job).await?;
    let new_oid = job.new_oid.ok_or_else(|| Failed::NotRun("--new-oid is missing".to_owned()))?;
    server::is_whole(&mut renamer, &job.new, new_oid).await?;
    let swap = Swap::read(job, new_oid, &mut renamer).await.map_err(|error| refused(&error))?;
    if let Act::Swap = job.act {
        is_settled(job, new_oid, &mut renamer).await?;
    }
    let paused = pooler::pause(job.pooler.as_deref(), &job.database).await?;
    failpoint::hit("restore.swap.begun");
    let swapped = swap.run(&mut renamer, &mut ender, &mut signals).await;
    let held = match &paused {
        Some(paused) => paused.resume().await,
        None => String::new(),
    };
    let words = swapped.map_err(|failed| failed.and(&held))?;
    let left = around::end_readers(&mut ender, &job.replicas, job.oid).await;
    Ok(format!("{words}{held}{left}"))
}

/// Refuses a new database that is not marked as settled: since it was confirmed, a DROP of it
/// may have begun.
async fn is_settled(job: &Job, oid: u32, connection: &mut PgConnection) -> Result<(), Failed> {
    let comment = server::comment_of(connection, oid).await.map_err(|error| refused(&error))?;
    match comment.as_deref().and_then(Mark::read) {
        Some(Mark::New { of, state: State::Settled, .. }) if of == job.oid => Ok(()),
        _ => Err(Failed::NotRun("the new database is not marked as settled".to_owned())),
    }
}

/// One swap.
struct Swap<'a> {
    job: &'a Job,
    new_oid: u32,
    /// The name that the live database gets.
    aside: String,
    /// The live database's comment, which goes with the name.
    comment: Option<String>,
    /// What the database that is put aside is from now on.
    mark: Mark,
    /// The renaming session.
    pid: i32,
}

impl<'a> Swap<'a> {
    async fn read(job: &'a Job, new_oid: u32, connection: &mut PgConnection) -> sqlx::Result<Self> {
        let name = job.database.clone();
        let mark = if job.act == Act::Undo {
            Mark::Undone { name, at: Utc::now() }
        } else {
            let written = server::written(connection, new_oid).await?;
            let written = written.map(|(rows, _)| rows);
            Mark::Old { by: new_oid, name, at: Utc::now(), written }
        };
        Ok(Self {
            job,
            new_oid,
            aside: aside(job.act, &job.new),
            comment: server::comment_of(connection, job.oid).await?,
            mark,
            pid: sqlx::query_scalar("SELECT pg_backend_pid()::int4").fetch_one(connection).await?,
        })
    }

    /// Swaps, and returns in words what is so now.
    async fn run(
        &self,
        renamer: &mut PgConnection,
        ender: &mut PgConnection,
        signals: &mut Signals,
    ) -> Result<String, Failed> {
        let begun = Instant::now();
        let renamed = tokio::select! {
            renamed = self.rename(renamer) => renamed.map_err(|error| words(&error)),
            ended = end_others(ender, self.job.oid, self.new_oid, self.pid) => match ended {
                Err(error) => Err(words(&error)),
                Ok(never) => match never {},
            },
            () = signals.asked_to_end() => Err("it was stopped".to_owned()),
        };
        if let Err(why) = renamed {
            // Told to the server as well: its own end of an open transaction may come late.
            drop(timeout(ANSWER, execute(renamer, "ROLLBACK")).await);
            let text = "the swap was rolled back, the database is the one from before it";
            return Err(Failed::Running(format!("{why}: {text}")));
        }
        failpoint::hit("restore.swap.renamed");
        if let Err(error) = execute(renamer, "COMMIT").await {
            say(&format!("the commit was not answered: {}", words(&error)));
            return self.look_again(self.job).await;
        }
        failpoint::hit("restore.swap.committed");
        let took = begun.elapsed().as_millis();
        Ok(format!("{}; the names were swapped in {took} ms", self.words()))
    }

    async fn rename(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let (live, new) = (quoted(&self.job.database), quoted(&self.job.new));
        execute(connection, "BEGIN").await?;
        let aside = quoted(&self.aside);
        execute(connection, &format!("ALTER DATABASE {live} RENAME TO {aside}")).await?;
        execute(connection, &format!("ALTER DATABASE {new} RENAME TO {live}")).await?;
        server::comment(connection, &self.job.database, self.comment.as_deref()).await?;
        server::mark(connection, &self.aside, &self.mark).await
    }

    fn words(&self) -> String {
        let shown = |name: &str| Untrusted::from(name).one_line();
        format!(
            "{} is now another database, by this swap: OID {}, was {}; the one from before is {}",
            shown(&self.job.database),
            self.new_oid,
            self.job.oid,
            shown(&self.aside)
        )
    }

    /// Looks which database has the name.
    async fn look_again(&self, job: &Job) -> Result<String, Failed> {
        for _ in 0..LOOKS {
            sleep(APART).await;
            let Ok(mut connection) = server::connect(None).await else { continue };
            match server::oid_of(&mut connection, &job.database).await {
                Ok(Some(oid)) if oid == self.new_oid => return Ok(self.words()),
                Ok(Some(oid)) if oid == job.oid => {
                    let why = "the swap was not committed: the database is the one from before it";
                    return Err(Failed::Running(why.to_owned()));
                }
                _ => {}
            }
        }
        let why = "whether the swap was committed cannot be told: the server does not answer";
        Err(Failed::Running(why.to_owned()))
    }
}

async fn end_others(
    connection: &mut PgConnection,
    live: u32,
    new: u32,
    renamer: i32,
) -> sqlx::Result<Infallible> {
    loop {
        let query = sqlx::query_scalar::<_, i64>(END);
        let query = query.bind(i64::from(live)).bind(i64::from(new)).bind(renamer);
        query.fetch_one(&mut *connection).await?;
        sleep(LOOK).await;
    }
}

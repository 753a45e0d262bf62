//! `resume`: a console that was killed is told the truth about what it had started.

use lockkeeper::domain::journal::Kind;
use sqlx::PgConnection;

use super::lk::Lk;
use crate::support::pty::{Pty, lockkeeper};
use crate::support::server::{Database, database, private};
use crate::support::until::eventually;

/// Waits until `sql` gives `expected`.
pub async fn until_number(connection: &mut PgConnection, sql: &'static str, expected: i64) {
    eventually(sql, async || {
        let found: i64 =
            sqlx::query_scalar(sql).fetch_one(&mut *connection).await.expect("it answers");
        found == expected
    })
    .await;
}

const WAITS: &str = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                     WHERE d.datname = current_database() AND NOT l.granted";

const HOLDS: &str = "BEGIN; SELECT count(*) FROM first";

/// Starts a walk whose second migration waits for a lock that the returned connection
/// holds, and kills the console while it does.
async fn killed_in_a_migration(lk: &Lk, database: &Database) -> PgConnection {
    let mut typed = lk.typed(&["run", "--plain"]);
    typed.answer("number> ", "1");
    typed.expect("Run the pending migrations (");
    typed.answer("number> ", "1");
    typed.answer("to run it", "y");
    typed.expect("now at 1");
    typed.expect("On SCRATCH: up 2");
    let mut holder = database.connect().await;
    sqlx::raw_sql(HOLDS).execute(&mut holder).await.expect("it holds");
    typed.answer("to run it", "y");
    until_number(&mut holder, WAITS, 1).await;
    typed.kill();
    holder
}

/// Every session of an act: one that is being ended has left the queue before it has rolled back.
pub(super) const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE application_name ~ '^lockkeeper/(migrate|backup)' AND datname = current_database()";

fn kinds(lk: &Lk) -> Vec<Kind> {
    lk.journals()[0].records.iter().map(|record| record.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_outlived_its_console_is_followed_and_the_walk_finished() {
    let server = private(&[]);
    let database = server.database("resume_running");
    let lk = Lk::on(&database);
    let mut holder = killed_in_a_migration(&lk, &database).await;
    let open = lk.run(&["resume"]);
    assert_eq!(open.code(), 1, "{}", open.said());
    assert!(open.said().contains("STILL RUNNING"), "{}", open.said());

    let mut typed = lk.typed(&["resume", "--plain"]);
    typed.expect("STILL RUNNING");
    typed.expect("following it");
    sqlx::raw_sql("COMMIT").execute(&mut holder).await.expect("it lets go");
    typed.expect("what became of it: done");
    typed.expect("You were here");
    typed.expect("step up: Run the pending migrations");
    typed.expect("at 2");
    typed.expect("Run the pending migrations (");
    typed.answer("number> ", "1");
    typed.expect("passed: up (acted)");
    typed.expect("QUESTION: Keep it");
    typed.answer("number> ", "k");
    typed.expect("THE RUN IS OVER");
    let (text, code) = typed.end();
    assert_eq!(code, Some(0), "{text}");
    let kinds = kinds(&lk);
    let count = |kind: Kind| kinds.iter().filter(|one| **one == kind).count();
    assert_eq!((count(Kind::Intent), count(Kind::Outcome)), (2, 2), "nothing ran twice");
    assert_eq!((count(Kind::Resumed), kinds.last()), (1, Some(&Kind::Closed)));
    assert_eq!(lk.journals().len(), 1, "one run, one journal");
    lk.run(&["resume"]).says(0, "no run on this target was interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_that_died_with_its_console_is_told_by_the_database() {
    let server = private(&[]);
    let database = server.database("resume_dead");
    let lk = Lk::on(&database);
    let mut holder = killed_in_a_migration(&lk, &database).await;
    lk.kill_jobs();
    let end = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
               WHERE application_name LIKE 'lockkeeper/migrate%' AND datname = current_database()";
    sqlx::raw_sql(end).execute(&mut holder).await.expect("its backend is ended");
    until_number(&mut database.connect().await, SESSIONS, 0).await;
    // One transaction, and the version did not move: it was rolled back, for certain.
    let resumed = lk.run(&["resume"]);
    assert_eq!(resumed.code(), 0, "{}", resumed.said());
    assert!(resumed.said().contains("failed, rolled back"), "{}", resumed.said());
    assert!(lk.journals()[0].open().is_empty());
    assert_eq!(kinds(&lk).last(), Some(&Kind::Outcome));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_evidence_cannot_tell_is_asked_of_a_person_and_recorded_as_theirs() {
    let server = private(&[]);
    let database = server.database("resume_unknown");
    let lk = Lk::on(&database);
    let mut holder = killed_in_a_migration(&lk, &database).await;
    lk.kill_jobs();
    let end = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
               WHERE application_name LIKE 'lockkeeper/migrate%' AND datname = current_database()";
    sqlx::raw_sql(end).execute(&mut holder).await.expect("its backend is ended");
    until_number(&mut database.connect().await, SESSIONS, 0).await;
    // Somebody moved the database elsewhere meanwhile.
    sqlx::raw_sql("COMMIT; DELETE FROM _sqlx_migrations")
        .execute(&mut holder)
        .await
        .expect("moved");
    let unknown = lk.run(&["resume"]);
    assert_eq!(unknown.code(), 1, "{}", unknown.said());
    assert!(unknown.said().contains("UNKNOWN"), "{}", unknown.said());

    let mut typed = lk.typed(&["resume", "--plain"]);
    typed.answer("What is true of it?", "maybe");
    typed.answer("none of them", "failed");
    typed.expect("what became of it: failed");
    typed.expect("CHANGED since");
    typed.expect("FAILED: failed: by the operator's verdict");
    typed.answer("number> ", "1");
    typed.expect("this is not tried again here");
    typed.end();
    assert!(kinds(&lk).contains(&Kind::Resolved));
}

#[test]
fn a_run_of_another_target_is_refused() {
    let (one, other) = (database("resume_one"), database("resume_other"));
    let lk = Lk::on(&one);
    let mut typed = lk.typed(&["run", "--plain"]);
    typed.expect("What this does");
    typed.kill();
    let run = lk.journals()[0].records[0].run.clone();
    let elsewhere = ["resume", &run, "--dsn", &other.dsn()];
    lk.run(&elsewhere).refuses("belongs to another target");
    lk.run(&["resume", "--dsn", &other.dsn()]).says(0, "interrupted on other targets");
    lk.run(&["resume", &run]).says(0, "You were here");
    lk.run(&["resume", "1999"]).refuses("there is no run 1999");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_resumed_from_elsewhere_and_the_screen_says_what_changed() {
    let server = private(&[]);
    let database = server.database("resume_screen");
    let lk = Lk::on(&database);
    let mut typed = lk.typed(&["run", "--plain"]);
    typed.answer("number> ", "1");
    typed.expect("Run the pending migrations (");
    typed.answer("number> ", "1");
    typed.answer("to run it", "y");
    typed.expect("now at 1");
    typed.answer("to run it", "");
    typed.answer("number> ", "4");
    typed.answer("Note for the record", "mind the report");
    typed.answer("number> ", "h");
    typed.answer("To whom?", "kim: watch the locks");
    typed.expect("PAUSED");
    // What is on the screen is on its way to the disk, too.
    crate::support::until::until("the handover is recorded", || {
        lk.journals()[0].records.iter().any(|record| record.data["handover"].is_object())
    });
    typed.kill();
    let gone = "DELETE FROM _sqlx_migrations";
    sqlx::raw_sql(gone).execute(&mut database.connect().await).await.expect("it moves");

    // No flags: the run knows its project and its target.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let told = lk.command(&["resume"]).current_dir(elsewhere.path()).output().expect("it runs");
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    for line in ["You were here", "mind the report", "HANDED OVER", "CHANGED since"] {
        assert!(said.contains(line), "{line}: {said}");
    }

    let mut command = lockkeeper(&["resume"]);
    command.cwd(elsewhere.path());
    command.env("XDG_STATE_HOME", lk.state());
    let mut pty = Pty::spawn(command, 120, 40);
    let seen = pty.wait_until("the story on the screen", |screen| {
        let all = screen.contents();
        all.contains("6 Runbook") && all.contains("PAUSED") && all.contains("You were here")
    });
    for line in ["mind the report", "kim: watch the locks", "CHANGED since: the run knew"] {
        assert!(seen.contains(line), "{line}: {seen}");
    }
    pty.send("p");
    pty.wait_until("the first move", |screen| !screen.contents().contains("You were here"));
    pty.kill();
}

#[test]
fn a_run_whose_throwaway_server_is_gone_is_said_to_be_over_and_stands_in_no_ones_way() {
    let server = private(&[]);
    let gone = server.database("resume_gone");
    let lk = Lk::on(&gone);
    let mut typed = lk.typed(&["run", "--plain"]);
    typed.expect("What this does");
    typed.kill();
    let run = lk.journals()[0].records[0].run.clone();
    drop(gone);
    drop(server);
    let elsewhere = tempfile::tempdir().expect("a directory");
    let from = |args: &[&str]| {
        let mut command = lk.command(args);
        command.current_dir(elsewhere.path());
        super::lk::Answer::of(command.output().expect("it runs"))
    };
    from(&["resume"]).refuses("was on a throwaway server");
    from(&["resume", &run]).refuses("`lockkeeper demo` begins anew");
}

#[test]
fn a_run_that_was_begun_by_dsn_is_found_again_without_one() {
    let here = database("resume_dsn");
    let lk = Lk::on(&here);
    std::fs::remove_file(lk.project().join("lockkeeper.toml")).expect("it is there");
    let dsn = here.dsn();
    let mut typed = lk.typed(&["run", "--plain", "--dsn", &dsn]);
    typed.expect("What this does");
    typed.kill();
    let said = lk.run(&["resume"]);
    said.says(0, "You were here");
    let refused = lk.run(&["resume", "--dsn", "host=/nonexistent dbname=shop"]);
    assert!(!refused.said().contains("You were here"), "{}", refused.said());
    let run = lk.journals()[0].records[0].run.clone();
    lk.run(&["resume", &run, "--dsn", "host=/nonexistent dbname=shop"]).refuses("connects there");
}

#[test]
fn of_two_projects_runs_the_one_of_the_named_database_goes_on_with_its_own_project() {
    let (one, other) = (database("resume_ours"), database("resume_theirs"));
    let (ours, theirs) = (Lk::on(&one), Lk::on(&other));
    theirs.write("migrations/3_third.up.sql", "CREATE TABLE third (id int);");
    theirs.write("migrations/3_third.down.sql", "DROP TABLE third;");
    let state = ours.state().display().to_string();
    for lk in [&ours, &theirs] {
        let mut typed = lk.typed_with(&["run", "--plain"], &[("XDG_STATE_HOME", &state)]);
        typed.expect("What this does");
        typed.kill();
    }
    let mut typed = ours.typed(&["resume", "--dsn", &one.dsn(), "--plain"]);
    typed.expect("interrupted on other targets");
    typed.expect("What this does");
    typed.answer("number> ", "10");
    typed.answer("0  back\nnumber> ", "3");
    typed.expect("2 pending, next 1");
    typed.kill();
}

#[test]
fn a_run_that_cannot_be_read_is_not_taken_for_none() {
    let here = database("resume_newer");
    let lk = Lk::on(&here);
    let mut typed = lk.typed(&["run", "--plain"]);
    typed.expect("What this does");
    typed.kill();
    let run = lk.journals()[0].records[0].run.clone();
    let journal = lk.state().join("lockkeeper/runs").join(&run).join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).expect("it reads");
    let (_, rest) = text.split_once('\n').expect("a first line");
    std::fs::write(&journal, format!("{{\"v\":99}}\n{rest}")).expect("it is written");
    let told = lk.run(&["resume"]);
    told.refuses("cannot be told: see the runs named above");
    assert!(told.said().contains(&format!("the run {run} is in format 99")), "{}", told.said());
}

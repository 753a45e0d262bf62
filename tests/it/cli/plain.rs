//! The line mode, talked to as a person would, on a real database.

use lockkeeper::domain::journal::Kind;
use lockkeeper::io::cluster::Stop;

use super::lk::Lk;
use super::restore_table::ask;
use super::resume::until_number;
use crate::support::server::{database, private};

#[test]
fn the_shipped_runbook_is_walked_to_its_end() {
    let server = private(&[]);
    let database = server.database("plain_walk");
    let lk = Lk::on(&database);
    let mut typed = lk.typed(&["run", "--plain"]);
    typed.answer("What this does", "4");
    typed.answer("Note for the record (empty leaves)> ", "by a test");
    typed.answer("number> ", "1");
    typed.expect("Run the pending migrations (");
    typed.answer("number> ", "2");
    typed.answer("cannot be skipped", "1");
    typed.answer("CREATE TABLE first", "y");
    typed.expect("now at 1");
    typed.answer("ADD COLUMN more", "");
    typed.answer("number> ", "1");
    typed.answer("Type y to run it", "y");
    typed.expect("now at 2");
    typed.expect("QUESTION: Keep it, or go back?");
    typed.answer("number> ", "k");
    typed.expect("THE RUN IS OVER: the runbook was walked to its end");
    super::walked::until_closed(&lk);
    let (text, code) = typed.end();
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains('\u{1b}'), "no escape sequence is ever written");
    let journals = lk.journals();
    assert_eq!(journals.len(), 1);
    assert!(journals[0].intact && journals[0].closed());
}

#[test]
fn the_menu_looks_migrates_and_ends_sessions() {
    let database = database("plain_menu");
    let lk = Lk::on(&database);
    let mut typed = lk.typed(&["console", "--plain"]);
    typed.answer("0  leave\nnumber> ", "1");
    typed.answer("0  back\nnumber> ", "3");
    typed.expect("2 pending, next 1");
    typed.answer("number> ", "3");
    typed.answer("Type y to run it", "y");
    typed.answer("done", "4");
    typed.answer(&format!("Type {} to run it", database.name), "y");
    typed.expect("is not");
    typed.answer("to run it", &database.name);
    typed.expect("done");
    typed.answer("number> ", "2");
    typed.answer("pid of the session", "999999");
    typed.expect("no session has the pid 999999");
    typed.answer("number> ", "99");
    typed.answer("none of the numbers", "0");
    let (text, code) = typed.end();
    assert_eq!(code, Some(0), "{text}");
    let records = &lk.journals()[0].records;
    let of = |kind| records.iter().filter(|record| record.kind == kind).count();
    assert_eq!((of(Kind::Intent), of(Kind::Outcome)), (2, 2), "up and down");
}

#[test]
fn the_end_of_the_input_is_no_yes() {
    let database = database("plain_end");
    let lk = Lk::on(&database);
    let mut typed = lk.typed(&["console", "--plain"]);
    typed.answer("number> ", "3");
    typed.expect("Type y to run it");
    let (text, code) = typed.end();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("nothing more is run") && lk.journals().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_act_can_be_cancelled() {
    let database = database("plain_cancel");
    let lk = Lk::on(&database);
    lk.write("migrations/1_first.up.sql", "SELECT pg_sleep(600);");
    let mut typed = lk.typed(&["console", "--plain"]);
    typed.answer("number> ", "3");
    typed.answer("to run it", &database.name);
    typed.expect("begins");
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
                  AND datname = current_database()";
    let mut connection = database.connect().await;
    until_number(&mut connection, sleeps, 1).await;
    typed.line("7");
    typed.expect("canceling statement due to user request");
    typed.answer("number> ", "0");
    let (text, _) = typed.end();
    assert!(lk.journals()[0].open().is_empty(), "{text}");
    until_number(&mut connection, sleeps, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_counted_saved_and_what_a_failure_left_is_mended_from_the_menu() {
    let database = database("plain_mend");
    database.execute("CREATE TABLE twice AS SELECT 1 AS a FROM generate_series(1, 2)");
    let build = "CREATE UNIQUE INDEX CONCURRENTLY twice_a ON twice (a)";
    let built = sqlx::raw_sql(build).execute(&mut database.connect().await).await;
    assert!(built.is_err(), "it leaves an invalid index");
    let lk = Lk::on(&database);
    lk.write("migrations/1_first.up.sql", "DROP TABLE twice;");
    lk.write("migrations/1_first.down.sql", "CREATE TABLE twice (a int);");
    let mut typed = lk.typed(&["console", "--plain"]);
    typed.answer("0  leave\nnumber> ", "1");
    typed.answer("0  back\nnumber> ", "3");
    typed.expect("2 pending, next 1");
    typed.answer("number> ", "n");
    typed.expect("loses table twice: 2 rows");
    typed.answer("number> ", "s");
    typed.expect("1  up 1: table twice");
    typed.answer("number (empty leaves)> ", "1");
    typed.expect("salvage all rows of twice");
    typed.answer("to run it", "y");
    typed.expect("done");
    typed.answer("number> ", "m");
    typed.expect("1  index public.twice_a on public.twice is INVALID: drops it");
    typed.answer("number (empty leaves)> ", "2");
    typed.answer("2 is none of the numbers", "m");
    typed.answer("number (empty leaves)> ", "1");
    typed.expect("DROP INDEX CONCURRENTLY");
    typed.answer("to run it", "y");
    typed.expect("done");
    typed.answer("number> ", "0");
    let (text, code) = typed.end();
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(
        ask(&database, "SELECT count(*)::text FROM pg_class WHERE relname = 'twice_a'"),
        "0"
    );
}

#[test]
fn what_a_stopped_server_said_last_is_never_told_as_how_it_is() {
    let server = private(&[]);
    let database = server.database("plain_stale");
    let lk = Lk::on(&database);
    let mut typed = lk.typed(&["console", "--plain"]);
    typed.expect("OK: Nobody waits for a lock");
    server.cluster.stop_server(Stop::Immediate).expect("it stops");
    typed.expect("NO DATA: ");
    typed.line("1");
    for look in ["1", "2", "3"] {
        typed.answer("0  back", look);
        typed.expect("STALE: ");
        typed.expect("how things stand now cannot be told");
        typed.line("1");
    }
    typed.answer("0  back", "0");
    typed.expect("STALE: 0:");
    typed.expect("ago OK: Nobody waits for a lock");
    typed.end();
}

#[test]
fn backups_and_the_way_back_are_in_the_menu_too() {
    let database = database("plain_backups");
    let lk = Lk::on(&database);
    let mut typed = lk.typed(&["console", "--plain"]);
    typed.answer("number> ", "3");
    typed.answer("to run it", "y");
    typed.expect("up 1 first: done");
    typed.answer("number> ", "9");
    typed.answer("to run it", "y");
    typed.expect("(full): done");
    typed.answer("number> ", "v");
    typed.answer("number of the backup to prove", "7");
    typed.answer("7 is none of the numbers", "v");
    typed.answer("number of the backup to prove", "1");
    typed.expect("is good: L3 passed");
    typed.line("1");
    typed.answer("0  back", "8");
    typed.expect("1 backup");
    typed.answer("number> ", "1");
    typed.answer("0  back", "9");
    typed.expect("written: ");
    typed.expect("R opens the rollback tree");
    typed.answer("number> ", "R");
    typed.expect("recorded as run");
    typed.answer("number> ", "0");
    let (text, _) = typed.end();
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_scripts_answer_that_waits_behind_others_stops_no_act() {
    let database = database("plain_held");
    let lk = Lk::on(&database);
    lk.write("migrations/1_first.up.sql", "SELECT pg_sleep(3);");
    let mut typed = lk.typed(&["console", "--plain"]);
    typed.answer("number> ", "3");
    typed.answer("to run it", &database.name);
    typed.expect("begins");
    typed.line("1\n7\n0");
    typed.expect("up 1 first: done");
    typed.expect("7  the output of the last act");
    typed.expect("begins");
    let (text, code) = typed.end();
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("canceling statement"), "{text}");
}

//! What goes wrong outside is shown, outlived, and never acted upon.

use lockkeeper::io::cluster::Stop;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{ARMED, NOTES, Operator, TABLES, apply, count, database};
use crate::support::server::{self, Database};

#[tokio::test]
async fn a_restarted_server_comes_back_by_itself_and_an_old_dialog_is_proved_again() {
    let server = server::private(&[]);
    let database = server.database("restart");
    let mut console = Operator::on(&database, NOTES);
    console.ready();
    console.plan("u", "up 1 step");
    server.cluster.stop_server(Stop::Immediate).expect("it stops");
    console.press("\u{1b}", "✖ stale");
    let screen = console.pty.wait_for("no fresh data");
    assert!(screen.contains("▶ 1 step"), "the last data stays:\n{screen}");
    assert!(screen.contains("▲ STALE") && screen.contains("ago OK:"), "nor is it fresh:\n{screen}");
    server.cluster.start_server().expect("it starts");
    console.pty.wait_until("fresh data", |screen| screen.contents().contains("data 0."));

    console.plan("u", "up 1 step");
    server.cluster.stop_server(Stop::Fast).expect("it stops");
    server.cluster.start_server().expect("it starts");
    // Somebody else was quicker: what was agreed to is not what would run now.
    apply(&database, console.project.path(), 1).await;
    console.pty.wait_for(ARMED);
    console.pty.send("y");
    console.pty.wait_for("not run. it can no longer be run: nothing is pending");
    assert_eq!(count(&database, TABLES).await, 1);
    let recorded = console.journals();
    assert!(!recorded.contains(r#""ending":"done""#), "{recorded}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_at_once_and_tried_again() {
    let server = server::private(&[]);
    let database = server.database("absent");
    server.cluster.stop_server(Stop::Fast).expect("it stops");
    let mut console = Operator::on(&database, NOTES);
    console.pty.wait_for("NO DATA");
    let screen = console.pty.wait_for("there is no such socket");
    for said in ["NO DATA", "Start the server", "trying again by itself", "blocked ?"] {
        assert!(screen.contains(said), "{said}:\n{screen}");
    }
    console.press("m", "migrate: the server has not answered yet");
    server.cluster.start_server().expect("it starts");
    console.ready();
}

/// A name that would set the terminal's title, turn the text round, and break the line.
const HOSTILE: &str = "a\u{1b}]0;owned\u{7}\u{202e}b\nc\u{1b}[2J";

#[tokio::test]
async fn hostile_names_leave_only_our_own_sequences_on_the_screen() {
    let database = database("hostile");
    let (mut holder, waiter) = queue(&database).await;
    let up = format!("ALTER TABLE \"{HOSTILE}\" ADD COLUMN note text;");
    let mut console = Operator::on(&database, &[(&up, "SELECT 1;")]);
    console.ready();
    console.press("3", "␛]0;owned");
    console.press("2", "by transaction");
    console.press("j", "t terminate");
    console.press("\r", "Backend ");
    console.press("\u{1b}", "by transaction");
    console.press("4", "ADD COLUMN note");
    let screen = console.plan("u", "up 1 step");
    assert!(screen.contains("␛]0;owned"), "{screen}");
    console.press("\u{1b}", "left: nothing was run");
    console.pty.send("q");
    assert_eq!(console.pty.wait().exit_code(), 0);
    only_our_own(console.pty.raw());
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("it rolls back");
    waiter.await.expect("the waiter ends");
}

/// Makes a table of that name, held by one session and waited for by another.
async fn queue(database: &Database) -> (PgConnection, tokio::task::JoinHandle<()>) {
    let named = database.options().application_name(HOSTILE);
    let mut holder = PgConnection::connect_with(&named).await.expect("the database accepts");
    let create = format!("CREATE TABLE \"{HOSTILE}\" (id int)");
    for statement in [create, "BEGIN".into(), format!("LOCK TABLE \"{HOSTILE}\"")] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut holder).await.expect("it succeeds");
    }
    let mut waiting = PgConnection::connect_with(&named).await.expect("the database accepts");
    let select = format!("SELECT FROM \"{HOSTILE}\"");
    let waiter = tokio::spawn(async move {
        sqlx::raw_sql(AssertSqlSafe(select)).execute(&mut waiting).await.expect("it ends");
    });
    (holder, waiter)
}

/// Asserts that `raw` holds no control but line ends and the sequences that the console
/// itself writes: moves, styles, modes.
fn only_our_own(raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    let mut sequences = text.split('\u{1b}');
    let foreign = |c: char| c.is_control() && !"\r\n".contains(c) || "\u{202e}\u{202d}".contains(c);
    let before = sequences.next().unwrap_or_default();
    for sequence in sequences {
        let ends = sequence.find(|c: char| c.is_ascii_alphabetic()).expect("a sequence ends");
        let (begins, end) = (&sequence[..ends], &sequence[ends..=ends]);
        let ours = begins.starts_with('[') && "HmhlKXuABCDGJ".contains(end);
        assert!(ours && !(end == "J" && begins == "[2"), "ESC{begins}{end}");
        assert!(!sequence[ends..].contains(foreign), "{sequence:?}");
    }
    assert!(!before.contains(foreign), "{before:?}");
}

//! The README's story, on the demo.

use std::fs;
use std::path::{Path, PathBuf};

use lockkeeper::io::cluster;
use lockkeeper::io::demo::{DATABASE, options};
use sqlx::{ConnectOptions as _, PgConnection};
use tempfile::tempdir;

use super::{ARMED, Operator, journals};
use crate::support::pty::{Pty, lockkeeper};
use crate::support::until;

async fn number(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.expect("it answers")
}

const REPORTING: &str =
    "SELECT pid::bigint FROM pg_stat_activity WHERE application_name = 'reporting'";
const COLUMN: &str = "SELECT count(*) FROM pg_attribute \
    WHERE attrelid = 'expenses'::regclass AND attname = 'note' AND NOT attisdropped";

/// Opens the demo in a terminal, and returns it with its server's directory.
fn demo(state: &Path) -> (Pty, PathBuf) {
    let mut command = lockkeeper(&["demo"]);
    command.env("XDG_STATE_HOME", state);
    let mut pty = Pty::spawn(command, 80, 24);
    pty.wait_for("▶ 5 add note");
    pty.wait_for("✓ OK");
    let directory = cluster::registered(&state.join("lockkeeper")).pop();
    let directory = directory.expect("the demo's server is registered");
    // They are made beside the console, which waits for a second at most.
    until("the demo's backups are made", || {
        let made = fs::read_dir(directory.join("project/backups")).into_iter().flatten().flatten();
        let is_dump = |file: &fs::DirEntry| file.path().extension().is_some_and(|it| it == "dump");
        made.filter(is_dump).count() == 3
    });
    (pty, directory)
}

/// Ends who blocks us: asked for while the verdict names them, or while our next attempt
/// is waited for.
fn end_the_blocker(console: &mut Operator, pid: i64) {
    console.press("t", &format!("terminate pid {pid}"));
    console.armed(ARMED);
    console.pty.send("y");
}

#[tokio::test]
async fn the_readmes_story_holds_from_the_blocked_migration_to_the_removed_server() {
    let state = tempdir().expect("a temporary directory can be made");
    let (pty, directory) = demo(state.path());
    let project = tempdir().expect("a temporary directory can be made");
    let mut console = Operator { pty, state, project };
    let superuser = options(&directory, cluster::SUPERUSER, DATABASE);
    let mut connection = superuser.connect().await.expect("the demo accepts");
    let blocker = number(&mut connection, REPORTING).await;

    let screen = console.plan("u", "up 5 add note");
    assert!(screen.contains(&format!("pid {blocker} reporting")), "who is in the way:\n{screen}");
    console.press("y", "✖ ALARM");
    let screen = console.pty.wait_for(&format!("end pid {blocker} (asks first)"));
    assert!(screen.contains(&format!("behind pid {blocker}")), "{screen}");
    assert_eq!(number(&mut connection, COLUMN).await, 0);

    end_the_blocker(&mut console, blocker);
    console.pty.wait_for("▶ 6 widen amount");
    assert_eq!(number(&mut connection, COLUMN).await, 1);

    // What it did is seen before it has ended: until then nothing else is planned.
    console.pty.wait_for("✓ up 5 add note: done");
    console.press("4", "D down one");
    console.pty.wait_for("5 of 10 applied");
    let screen = console.plan("D", "down 5 add note");
    assert!(screen.contains("Type shop"), "{screen}");
    console.press("y", "to run it: y▏");
    assert_eq!(number(&mut connection, COLUMN).await, 1);
    console.clear();
    console.pty.type_name("shop");
    console.pty.wait_for("4 of 10 applied");
    assert_eq!(number(&mut connection, COLUMN).await, 0);

    let screen = console.press("8", "outcome");
    let down = |kind: &str| screen.lines().any(|l| l.contains(kind) && l.contains("down 5 add"));
    assert!(down("intent") && screen.contains("✓ done"), "{screen}");
    let recorded = journals(console.state.path());
    assert!(recorded.contains(r#""kind":"intent""#) && recorded.contains(r#""kind":"outcome""#));

    console.pty.send("q");
    assert_eq!(console.pty.wait().exit_code(), 0);
    super::restored(&mut console.pty);
    until("the server is removed", || !directory.exists() && !cluster::is_running(&directory));
}

#[tokio::test]
async fn a_newcomer_goes_up_meets_the_blocker_goes_on_rolls_back_by_the_tree_and_reads_the_journal()
{
    let state = tempdir().expect("a temporary directory can be made");
    let (pty, directory) = demo(state.path());
    let project = tempdir().expect("a temporary directory can be made");
    let mut console = Operator { pty, state, project };
    let superuser = options(&directory, cluster::SUPERUSER, DATABASE);
    let mut connection = superuser.connect().await.expect("the demo accepts");
    let blocker = number(&mut connection, REPORTING).await;

    console.press("m", "read it, then r goes on");
    console.press("r", "s skips it");
    console.press("s", "Why is this step skipped?");
    console.pty.type_slowly("it ends soon\r");
    console.pty.wait_for("r plans it and asks you before it runs");
    console.press("r", "up 5 add note");
    console.armed(ARMED);
    console.press("y", "1 has the ways out");
    console.press("1", &format!("end pid {blocker} (asks first)"));
    end_the_blocker(&mut console, blocker);
    // The whole of the next dialog: on half of it the Esc would meet the key after it in
    // one read, and a terminal's Esc with a key behind it is another key.
    let next = |screen: &str| screen.contains("up 6 widen amount") && screen.contains(ARMED);
    console.pty.wait_until("the next plan", |screen| next(&screen.contents()));
    assert_eq!(number(&mut connection, COLUMN).await, 1);

    console.pty.send("\u{1b}");
    console.pty.wait_until("no dialog", |screen| !screen.contents().contains("Esc leaves."));
    console.press("6", "r plans it and asks you before it runs");
    console.press("A", "Why is the run abandoned?");
    console.pty.type_slowly("the release is broken\r");
    console.pty.wait_for("▲ abandoned");
    console.press("R", "read it, then r goes on");
    console.press("r", "ROLLBACK   Half done?");
    console.pty.wait_for("suggestion");
    console.press("n", "Half done? no ▸ Data damaged?");
    console.pty.wait_for("suggestion");
    console.press("n", "▸ Way down safe?");
    let screen = console.pty.wait_for("suggestion");
    assert!(screen.contains("way down") && screen.contains("written since"), "{screen}");
    console.press("d", "This goes against the evidence. Why?");
    console.pty.type_slowly("nobody reads it yet\r");
    console.pty.wait_for("Take the last migration down");
    console.press("r", "✖ denied");
    console.press("o", "Why is it overridden?");
    console.pty.type_slowly("a demo\r");
    console.pty.wait_for("down 5 add note");
    console.pty.wait_until("an armed dialog", |screen| screen.contents().contains("● Type"));
    console.pty.type_name("shop");
    console.pty.wait_for("✓ completed");
    assert_eq!(number(&mut connection, COLUMN).await, 0);

    let screen = console.press("8", "closed");
    assert!(screen.contains("✓ completed") && screen.contains("down_after"), "{screen}");
    let recorded = journals(console.state.path());
    assert!(recorded.contains(r#"/down_one""#) || recorded.contains(r#""down_one""#));
    assert!(recorded.contains(r#""kind":"override""#) && recorded.contains("nobody reads it yet"));
    console.pty.send("q");
    assert_eq!(console.pty.wait().exit_code(), 0);
    super::restored(&mut console.pty);
}

//! The shipped runbook, walked on the screen to its end.

use super::{ARMED, Operator, count};
use crate::support::server;

const TWO: super::Migrations<'static> = &[
    ("CREATE TABLE notes (id int PRIMARY KEY);", "DROP TABLE notes;"),
    ("ALTER TABLE notes ADD COLUMN body text;", "ALTER TABLE notes DROP COLUMN body;"),
];

const BODY: &str = "SELECT count(*) FROM pg_attribute WHERE attname = 'body' AND attnum > 0 \
                    AND attrelid = to_regclass('notes') AND NOT attisdropped";

fn skip(console: &mut Operator, reason: &str) {
    console.press("s", "Why is this step skipped?");
    console.pty.type_slowly(&format!("{reason}\r"));
}

#[tokio::test]
async fn the_runbook_is_walked_up_with_steps_skipped_for_a_reason_and_handed_to_a_person() {
    let server = server::private(&[]);
    let database = server.database("walk");
    let mut console = Operator::on(&database, TWO);
    console.ready();
    console.press("m", "read it, then r goes on");
    // Nobody pinned this server, which the check says instead of passing.
    console.press("r", "It is the pinned database");
    console.pty.wait_for("s skips it with a reason");
    skip(&mut console, "the test pins nothing");
    console.pty.wait_for("do it, then v records what came of it");
    console.press("v", "A fifth of the disk is free (");
    console.pty.type_slowly("90 GB\r");
    console.pty.wait_for("Write who has read and approved them");
    console.press("v", "Every pending migration is reviewed (");
    console.pty.type_slowly("kim\r");
    // Nobody rehearsed them, which is no pass either.
    console.pty.wait_for("nothing was rehearsed here");
    skip(&mut console, "the test rehearses nothing");
    console.pty.wait_for("r plans it and asks you before it runs");
    console.press("r", "back up walk");
    // A key that comes before the plan can be read is refused.
    console.pty.wait_until("the end of the plan", |screen| {
        screen.contents().contains("too early") || screen.contents().contains("shows the rest")
    });
    console.pty.type_slowly(&"x".repeat(12));
    console.press("\u{1b}[6~", ARMED);
    // It was decoded as soon as it was made: its age and its proof sense themselves.
    console.press("y", "do it, then v records what came of it");
    console.press("v", "The team is told (a few words)");
    console.pty.type_slowly("#ops 14:02\r");
    console.pty.wait_for("The maintenance window is open");
    console.press("s", "The way back, before it is needed");
    console.press("r", "r plans it and asks you before it runs");
    assert_eq!(count(&database, super::TABLES).await, 0);

    console.press("r", "up 1 step");
    console.pty.wait_for(ARMED);
    console.press("y", "up 2 step");
    assert_eq!(count(&database, super::TABLES).await, 1);
    assert_eq!(count(&database, BODY).await, 0, "the second waits for its own yes");
    console.pty.wait_for(ARMED);
    console.press("y", "watching for");
    skip(&mut console, "the test does not wait");
    console.pty.wait_for("suggestion");
    assert_eq!(count(&database, BODY).await, 1);
    console.press("d", "Start nothing: no migration, no retry");
    console.press("r", "Stop every application instance");
    console.press("!", "What does the next level have to know?");
    console.pty.type_slowly("nobody knows the writers\r");
    console.pty.wait_for("▲ escalated");
    assert_eq!(count(&database, BODY).await, 1);

    let recorded = console.journals();
    assert!(recorded.contains("the test pins nothing"));
    assert_eq!(recorded.matches(r#""kind":"intent""#).count(), 3);
    console.press("8", "closed");
    console.pty.send("q");
    assert_eq!(console.pty.wait().exit_code(), 0);
}

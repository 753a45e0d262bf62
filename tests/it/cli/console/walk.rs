//! The shipped runbook, walked on the screen to its end.

use super::{ARMED, Operator, count};
use crate::support::server;

const TWO: super::Migrations<'static> = &[
    ("CREATE TABLE notes (id int PRIMARY KEY);", "DROP TABLE notes;"),
    ("ALTER TABLE notes ADD COLUMN body text;", "ALTER TABLE notes DROP COLUMN body;"),
];

const BODY: &str = "SELECT count(*) FROM pg_attribute WHERE attname = 'body' AND attnum > 0 \
                    AND attrelid = to_regclass('notes') AND NOT attisdropped";

#[tokio::test]
async fn the_runbook_is_walked_up_and_one_down_with_a_step_skipped_for_a_reason() {
    let server = server::private(&[]);
    let database = server.database("walk");
    let mut console = Operator::on(&database, TWO);
    console.ready();
    console.press("m", "read it, then r goes on");
    // Nobody pinned this server, which the check says instead of passing.
    console.press("r", "It is the pinned database");
    console.pty.wait_for("s skips it with a reason");
    console.press("s", "Why is this step skipped?");
    console.type_slowly("the test pins nothing\r");
    console.pty.wait_for("r plans it and asks you before it runs");
    assert_eq!(count(&database, super::TABLES).await, 0);

    console.press("r", "up 1 step");
    console.pty.wait_for(ARMED);
    console.press("y", "up 2 step");
    assert_eq!(count(&database, super::TABLES).await, 1);
    assert_eq!(count(&database, BODY).await, 0, "the second waits for its own yes");
    console.pty.wait_for(ARMED);
    console.press("y", "Keep it, or take the last one down?");
    console.pty.wait_for("d answer");
    assert_eq!(count(&database, BODY).await, 1);

    console.press("d", "r plans it and asks you before it runs");
    console.press("r", "down 2 step");
    console.pty.wait_for(&format!("Type {}", database.name));
    console.pty.wait_until("an armed dialog", |screen| screen.contents().contains("● Type"));
    console.type_slowly(&format!("{}\r", database.name));
    console.pty.wait_for("✓ completed");
    assert_eq!(count(&database, BODY).await, 0);
    assert_eq!(count(&database, super::TABLES).await, 1);

    let recorded = console.journals();
    assert!(recorded.contains("the test pins nothing"));
    assert_eq!(recorded.matches(r#""kind":"intent""#).count(), 3);
    console.press("7", "closed");
    console.pty.send("q");
    assert_eq!(console.pty.wait().exit_code(), 0);
}

//! What no hand meant never runs anything.

use std::thread::sleep;
use std::time::Duration;

use super::{ARMED, NOTES, Operator, TABLES, apply, count, database, project};

/// A terminal repeats a held key about as often.
const REPEAT: Duration = Duration::from_millis(35);

#[tokio::test]
async fn enter_a_held_key_a_paste_and_type_ahead_confirm_nothing_and_a_yes_does() {
    let database = database("hand");
    let mut console = Operator::on(&database, NOTES);
    console.ready();
    console.press("uy\ry", "up 1 step");
    console.pty.wait_for(ARMED);
    console.press("\r", "Enter does nothing here");
    console.press("\u{1b}[200~y\u{1b}[201~", "pasted text is not taken here");
    console.press("\u{1b}", "left: nothing was run");
    console.pty.send("u");
    while !console.pty.screen().contents().contains("let go") {
        console.pty.send("y");
        sleep(REPEAT);
    }
    for _ in 0..20 {
        console.pty.send("y");
        sleep(REPEAT);
    }
    let screen = console.press("\r", "Enter does nothing here");
    assert!(screen.contains("up 1 step"), "the dialog is still open:\n{screen}");
    assert_eq!(count(&database, TABLES).await, 0);
    assert!(!console.journals().contains("intent"));
    console.pty.wait_for(ARMED);
    console.press("y", "up 1 step: done");
    assert_eq!(count(&database, TABLES).await, 1);
    assert!(console.journals().contains("intent"));
}

#[tokio::test]
async fn a_near_miss_of_the_name_is_refused_and_the_name_is_taken() {
    let database = database("near_miss");
    let project = project(NOTES);
    apply(&database, project.path(), 1).await;
    let mut console = Operator::with(&database.dsn(), project, &[]);
    console.press("4", "D down one");
    console.pty.wait_for("1 of 1 applied");
    let screen = console.plan("D", "down 1 step");
    assert!(screen.contains("LOSES table notes"), "{screen}");
    console.pty.type_name(&database.name.to_uppercase());
    console.pty.wait_for("capitals count");
    console.clear();
    console.pty.type_name(&database.name[1..]);
    console.pty.wait_for("is not");
    assert_eq!(count(&database, TABLES).await, 1);
    console.clear();
    console.pty.type_name(&database.name);
    console.pty.wait_for("down 1 step: done");
    assert_eq!(count(&database, TABLES).await, 0);
}

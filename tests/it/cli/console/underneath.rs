//! A yes is for the target that was on the screen, and for that alone.

use super::{ARMED, NOTES, Operator, TABLES, apply, count, project};
use crate::support::server::{Database, private};

#[tokio::test]
async fn a_database_that_was_made_anew_under_the_shown_plan_is_not_touched() {
    let server = private(&[]);
    let database = server.database("underneath");
    let admin = Database { name: "postgres".into(), ..database.clone() };
    let mut console = Operator::on(&database, NOTES);
    console.ready();
    console.press("u", "up 1 step");
    console.pty.wait_for(ARMED);
    admin.execute(&format!("DROP DATABASE {} WITH (FORCE)", database.name));
    admin.execute(&format!("CREATE DATABASE {}", database.name));
    console.press("y", "up 1 step: not run");
    assert_eq!(count(&database, TABLES).await, 0);
}

#[tokio::test]
async fn the_name_of_the_database_in_the_other_window_is_no_yes_in_this_one() {
    let server = private(&[]);
    let [live, copy] = ["notes_live", "notes_copy"].map(|name| server.database(name));
    let projects = [&live, &copy].map(|_| project(NOTES));
    for (database, project) in [&live, &copy].iter().zip(&projects) {
        apply(database, project.path(), 1).await;
    }
    let mut windows = [&live, &copy]
        .into_iter()
        .zip(projects)
        .map(|(database, project)| (Operator::with(&database.dsn(), project, &[]), database));
    let (mut left, mut right) =
        (windows.next().expect("the first"), windows.next().expect("the second"));
    for (console, database) in [&mut left, &mut right] {
        console.press("4", "D down one");
        console.pty.wait_for("1 of 1 applied");
        let screen = console.plan("D", "down 1 step");
        assert!(screen.contains(&database.name), "whose tables are lost is said:\n{screen}");
    }
    left.0.pty.type_name(&copy.name);
    left.0.pty.wait_for("is not");
    assert_eq!((count(&live, TABLES).await, count(&copy, TABLES).await), (1, 1));
    right.0.pty.type_name(&copy.name);
    right.0.pty.wait_for("down 1 step: done");
    assert_eq!((count(&live, TABLES).await, count(&copy, TABLES).await), (1, 0));
    assert!(!left.0.journals().contains("intent"));
}

/// k9s deleted pods by Backspace while a search was edited.
#[tokio::test]
async fn keys_that_edit_a_filter_end_no_session() {
    let server = private(&[]);
    let database = server.database("filtered");
    let mut session = database.connect().await;
    let mut console = Operator::on(&database, NOTES);
    console.ready();
    console.press("2", "c cancel");
    console.pty.send("/");
    console.pty.type_slowly("tcK\u{7f}\u{7f}\u{7f}\u{7f}t\u{7f}\r");
    console.pty.send("\u{1b}");
    console.pty.wait_for("c cancel");
    sqlx::query("SELECT 1").execute(&mut session).await.expect("its session lives");
    assert!(!console.journals().contains("intent"));
}

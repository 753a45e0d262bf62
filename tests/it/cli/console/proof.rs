//! A backup is made and proven from the panel Backups, up to the level that is picked.

use std::fs;

use lockkeeper::domain::backup::Manifest;
use lockkeeper::domain::verify::Level;

use super::{ARMED, NOTES, Operator, database};
use crate::support::act::{files, until};

#[tokio::test]
async fn a_backup_is_made_and_proven_up_to_l6_from_the_console() {
    let database = database("proof");
    database.execute("CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1), (2)");
    let mut console = Operator::on(&database, NOTES);
    console.ready();
    console.press("5", "b back up");
    console.press("b", "back up");
    console.armed(ARMED);
    console.press("y", "): done");
    console.pty.wait_for("v verify");
    let screen = console.press("v", "How far is it proven?");
    // Each level says what it takes before it is begun.
    for level in ["L3", "L4", "L5", "L6"] {
        assert!(screen.contains(level), "{screen}");
    }
    assert!(screen.contains("a few seconds"), "{screen}");
    console.pty.type_slowly("L6");
    console.press("\r", "scratch server");
    console.armed(ARMED);
    console.pty.send("y");
    let directory = console.project.path().join("backups");
    let manifest = until("L6 in the manifest", || {
        let all = files(&directory).into_iter();
        let path =
            all.into_iter().find(|path| path.to_string_lossy().ends_with(".manifest.json"))?;
        let manifest = Manifest::read(&fs::read_to_string(path).ok()?).ok()?;
        manifest.verified.iter().any(|it| it.level == Level::L6).then_some(manifest)
    });
    assert!(manifest.verified.iter().all(|evidence| evidence.ok), "{:?}", manifest.verified);
    console.pty.wait_for("L6");
    assert!(console.journals().contains("verify_backup"));
}

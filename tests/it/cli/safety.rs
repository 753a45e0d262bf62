//! What must not happen at an operator's hands, as other tools' users have told it: each
//! property has tests on the real program, which `tests/samples/files/safety.txt` names; here
//! are those that have no better place.

use std::collections::BTreeSet;
use std::process::Command;

use lockkeeper::domain::journal::Kind;

use super::known::{is_there, makes, of, project, records, slowly_makes, walk};
use super::lk::Lk;
use super::second::guarded;
use crate::support::server::database;
use crate::support::until;

const PROPERTIES: &str = include_str!("../../samples/files/safety.txt");

/// Returns the names of all tests of this program.
fn tests() -> BTreeSet<String> {
    let program = std::env::current_exe().expect("it runs");
    let listed = Command::new(program).arg("--list").output().expect("it lists its tests");
    let listed = String::from_utf8(listed.stdout).expect("names are UTF-8");
    listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[test]
fn every_safety_property_has_a_test_on_the_real_program() {
    let tests = tests();
    let lines = PROPERTIES.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    for line in lines {
        let (property, named) = line.split_once('|').unwrap_or_else(|| panic!("two parts: {line}"));
        let named: Vec<&str> = named.split(',').map(str::trim).collect();
        for name in &named {
            assert!(tests.contains(*name), "{}: there is no test {name}", property.trim());
        }
        let real = |name: &&&str| name.starts_with("cli::");
        assert!(named.iter().any(|name| real(&name)), "{}: none on the program", property.trim());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hash_of_a_plan_for_another_target_confirms_nothing() {
    let [one, other] = ["safety_one", "safety_other"].map(database);
    let [this, that] = [&one, &other].map(Lk::on);
    let (_, hash) = this.plan(&["up"]);
    that.run(&["up", "--confirm", &hash]).refuses("the plan changed");
    assert!(!is_there(&mut other.connect().await, "first").await);
    assert_eq!(this.run(&["up", "--confirm", &hash]).code(), 0);
    assert!(is_there(&mut one.connect().await, "first").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_consoles_on_one_target_one_acts() {
    let database = database("safety_two");
    let lk = project(&database, "", &(makes("made", "") + &makes("later", "")));
    let mut first = walk(&lk);
    first.answer("Make made", "1");
    first.expect("Type y to run it");
    let mut second = lk.typed(&["console", "--plain"]);
    second.answer("number> ", "3");
    second.expect("Type y to run it");
    second.line("y");
    second.expect("the lease on this target is held by");
    first.line("y");
    first.expect("Make later");
    let mut connection = database.connect().await;
    assert!(is_there(&mut connection, "made").await);
    assert!(!is_there(&mut connection, "first").await, "the second console ran nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_a_stop_after_this_step_and_an_abort_each_do_what_they_say() {
    let database = database("safety_verbs");
    let steps = ["one", "two", "three"].map(|id| makes(id, "")).concat();
    let lk = project(&database, "", &steps);
    let mut typed = walk(&lk);
    typed.answer("Make one", "5");
    typed.answer("number> ", "1");
    typed.expect("the run is paused: go on first");
    typed.answer("number> ", "5");
    typed.answer("number> ", "6");
    typed.answer("number> ", "1");
    typed.answer("Type y to run it", "y");
    typed.expect("Make two");
    typed.answer("number> ", "1");
    typed.expect("the run is paused: go on first");
    typed.answer("number> ", "9");
    typed.answer("Why is the run abandoned?", "enough for tonight");
    typed.expect("THE RUN IS OVER");
    let (text, _) = typed.end();
    let mut connection = database.connect().await;
    assert!(is_there(&mut connection, "one").await, "{text}");
    for later in ["two", "three"] {
        assert!(!is_there(&mut connection, later).await, "{later}: {text}");
    }
    let records = records(&lk);
    assert_eq!(of(&records, Kind::Pause, "one"), 3, "each is recorded");
    assert_eq!(of(&records, Kind::Intent, "two"), 0);
    assert!(lk.journals()[0].closed());
}

#[test]
fn what_was_typed_before_the_field_for_a_reason_opened_is_no_reason_on_the_screen() {
    let scene = guarded("safety_ahead");
    let mut screen = scene.migrations();
    screen.send("Djkjk");
    screen.wait_for("A second person approves it");
    screen.send("will be fine\r");
    screen.wait_for("too early: read it first");
    scene.until(Kind::Awaits, 1);
    let overridden = || scene.records().iter().filter(|one| one.kind == Kind::Override).count();
    assert_eq!(overridden(), 0);
    // The field does not tell when it takes keys, and each that it refuses delays that.
    std::thread::sleep(std::time::Duration::from_millis(600));
    screen.type_slowly("nobody answers\r");
    screen.wait_for("On PRODUCTION");
    scene.until(Kind::Override, 1);
    let records = scene.records();
    let over = records.iter().find(|one| one.kind == Kind::Override).expect("it is recorded");
    assert_eq!(over.data["reason"], "nobody answers");
    assert_eq!(scene.records().iter().filter(|one| one.kind == Kind::Intent).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_more_is_started_once_the_journal_is_not_what_this_run_has_written() {
    let database = database("safety_edited");
    let lk = project(&database, "", &(slowly_makes("slow") + &makes("later", "")));
    let mut typed = walk(&lk);
    typed.answer("Make slow", "1");
    typed.expect(&format!("Type {} to run it", database.name));
    typed.line(&database.name);
    // What is recorded next is its outcome.
    until("the act runs", || records(&lk).iter().any(|record| record.kind == Kind::Schema));
    let runs = std::fs::read_dir(lk.state().join("lockkeeper/runs")).expect("it lists");
    let journal = runs.flatten().next().expect("a run").path().join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).expect("it reads");
    let edited = text.replacen("known", "another", 1);
    assert_ne!(edited, text);
    std::fs::write(&journal, edited).expect("it is edited");
    typed.expect("nothing more is started, because nothing can be recorded");
    typed.answer("number> ", "1");
    typed.expect("it cannot be recorded");
    let mut connection = database.connect().await;
    assert!(is_there(&mut connection, "slow").await, "what ran went on to its end");
    assert!(!is_there(&mut connection, "later").await);
}

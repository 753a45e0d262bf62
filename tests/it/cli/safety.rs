//! What must not happen at an operator's hands, as other tools' users have told it: each
//! property has tests on the real program, which `tests/samples/files/safety.txt` names; here
//! are those that have no better place.

use std::collections::BTreeSet;
use std::process::Command;

use lockkeeper::domain::journal::Kind;

use super::known::{is_there, makes, of, project, records, slowly_makes, walk};
use super::lk::Lk;
use super::second::guarded;
use crate::support::pty::{self, Pty};
use crate::support::server::{LOCKKEEPER, database};
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
    screen.wait_for("Enter records it");
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

/// Reads how many flags are up, and how many there are where there is no such table.
const PROBES: &str = "[probe.flags]\nsql = \"select count(*) from flags\"\n\
    [probe.gone]\nsql = \"select count(*) from nowhere\"\n";

const MANUAL: &str = r#"
[[section.step]]
id = "writers"
kind = "manual"
title = "Stop the writers"
do = "Stop them, and type how many are left."
respond = "count"
verify = { sql = "select count(*) from flags", expect = { equals = 0 } }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_item_takes_a_value_and_not_done_and_what_is_read_decides() {
    let database = database("safety_manual");
    database.execute("CREATE TABLE flags (id int); INSERT INTO flags VALUES (1)");
    let lk = project(&database, "", &(MANUAL.to_owned() + &makes("later", "")));
    let mut typed = walk(&lk);
    typed.answer("number> ", "v");
    typed.answer("(a number) (empty leaves)> ", "done");
    typed.expect("done is no count: type a number, 0 if there are none");
    typed.answer("number> ", "v");
    typed.answer("(a number) (empty leaves)> ", "0");
    typed.expect("FAILED: \"0\" was said, but select count(*) from flags: found 1, expected 0");
    let ended = |lk: &Lk| of(&records(lk), Kind::Ended, "writers");
    assert_eq!(ended(&lk), 0, "what was said passed nothing");
    database.execute("DELETE FROM flags");
    typed.answer("number> ", "1");
    typed.expect("Make later");
    until("the value is recorded", || ended(&lk) == 1);
    let records = records(&lk);
    let ended = records.iter().find(|one| one.kind == Kind::Ended).expect("it is recorded");
    assert_eq!((&ended.data["means"], &ended.data["value"]), (&"vouched".into(), &"0".into()));
}

const QUESTION: &str = r#"
[[section.step]]
id = "ask"
kind = "decide"
title = "Go on?"
evidence = ["flags"]
suggest = [{ when = { probe = "flags", expect = { equals = 0 } }, answer = "yes" }]
answers = [
  { key = "y", id = "yes", label = "yes" },
  { key = "n", id = "no", label = "no", goto = "end" },
]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn evidence_stands_before_the_suggestion_and_the_answers_and_cannot_tell_ends_at_a_person() {
    let database = database("safety_evidence");
    database.execute("CREATE TABLE flags (id int)");
    let lk = project(&database, PROBES, &(QUESTION.to_owned() + &makes("later", "")));
    let mut typed = walk(&lk);
    let order = [
        "found: flags: 0",
        "QUESTION: ",
        "the evidence speaks for: yes",
        "y  yes",
        "u  cannot tell",
    ];
    for line in order {
        typed.expect(line);
    }
    typed.answer("number> ", "");
    typed.line("n");
    typed.answer("This goes against the evidence. Why?", "");
    assert_eq!(of(&records(&lk), Kind::Answer, "ask"), 0, "without a reason it is no answer");
    typed.answer("number> ", "u");
    typed.expect("THE RUN IS OVER: goes to the next level");
    let (text, code) = typed.end();
    assert_eq!(code, Some(1), "{text}");
    assert!(!is_there(&mut database.connect().await, "later").await);
    let records = records(&lk);
    let closed = records.iter().find(|one| one.kind == Kind::Closed).expect("it is closed");
    assert!(closed.data.to_string().contains("escalated"), "{}", closed.data);
}

const GATES: &str = r#"
[gate.known]
rules = [{ probe = "gone", expect = { equals = 0 }, says = "nothing is lost" }]
[gate.pinned]
rules = [{ builtin = "identity_pinned", expect = { equals = true }, says = "it is pinned" }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_cannot_tell_denies_and_what_overrides_it_stands_out_in_the_report() {
    let database = database("safety_unknown");
    let steps = makes("gated", "gates = [\"known\"]") + &makes("firm", "gates = [\"pinned\"]");
    let lk = project(&database, &format!("{PROBES}{GATES}"), &steps);
    let mut typed = walk(&lk);
    typed.answer("Make gated", "1");
    typed.expect("DENIED: nothing is lost: found cannot tell");
    typed.answer("number> ", "1");
    typed.expect("DENIED: nothing is lost: found cannot tell");
    let mut connection = database.connect().await;
    assert!(!is_there(&mut connection, "gated").await);
    typed.answer("number> ", "3");
    typed.answer("Why is it overridden?", "counted by hand");
    typed.answer("Type y to run it", "y");
    typed.answer("Make firm", "1");
    typed.expect("DENIED: it is pinned");
    typed.answer("number> ", "3");
    typed.answer("Why is it overridden?", "it looks the same");
    typed.expect("this is never overridden: identity, journal, a backup known bad");
    typed.answer("number> ", "9");
    typed.answer("Why is the run abandoned?", "enough");
    typed.expect("THE RUN IS OVER");
    let (text, _) = typed.end();
    assert!(is_there(&mut connection, "gated").await, "{text}");
    assert!(!is_there(&mut connection, "firm").await, "{text}");
    let records = records(&lk);
    assert_eq!(
        (of(&records, Kind::Override, "gated"), of(&records, Kind::Override, "firm")),
        (1, 0)
    );
    let report = lk.run(&["report"]).out();
    let over = report.lines().find(|line| line.starts_with("- **▲ OVERRIDDEN**"));
    let over = over.unwrap_or_else(|| panic!("it stands out in:\n{report}"));
    assert!(over.contains("counted by hand against: nothing is lost: found cannot tell"), "{over}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_has_opened_is_named_until_it_is_undone_or_left_for_a_reason() {
    let database = database("safety_undo");
    let opens = makes("opened", "undo = { sql = \"DROP TABLE opened\" }");
    let lk = project(&database, "", &(opens + &makes("later", "")));
    let mut typed = walk(&lk);
    typed.answer("Make opened", "1");
    typed.expect("DROP TABLE opened; due until it is done");
    typed.answer("Type y to run it", "y");
    typed.expect("DUE: to be undone: Make opened");
    typed.answer("number> ", "9");
    typed.answer("Why is the run abandoned?", "enough");
    typed.expect("THE RUN ENDS when what is due is undone: abandoned: enough");
    typed.answer("number> ", "1");
    typed.expect("none is needed: it undoes Make opened");
    typed.answer("to run it", "");
    typed.expect("left: this plan is not run");
    typed.answer("number> ", "2");
    typed.answer("Why is it not undone?", "the day shift wants it");
    typed.expect("THE RUN IS OVER: abandoned: enough");
    typed.expect("LEFT OPEN, not undone: Make opened: the day shift wants it");
    let (text, _) = typed.end();
    let mut connection = database.connect().await;
    assert!(is_there(&mut connection, "opened").await, "{text}");
    assert!(!is_there(&mut connection, "later").await, "{text}");
    let report = lk.run(&["report"]).out();
    let left = report.lines().find(|line| line.starts_with("- **▲ LEFT OPEN**"));
    assert!(left.is_some_and(|line| line.contains("the day shift wants it")), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_of_our_own_is_ended_by_its_pid() {
    let database = database("safety_own");
    let lk = project(&database, "", &makes("made", ""));
    let mut typed = walk(&lk);
    typed.expect("Make made");
    let own = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
               AND application_name LIKE 'lockkeeper%' ORDER BY backend_start LIMIT 1";
    let mut connection = database.connect().await;
    let pid: i32 = sqlx::query_scalar(own).fetch_one(&mut connection).await.expect("it watches");
    for verb in ["terminate", "cancel"] {
        let refused = lk.run(&[verb, &pid.to_string(), "--plan"]);
        refused.refuses("it is one of lockkeeper's own connections");
    }
    typed.answer("number> ", "11");
    typed.answer("pid of the session to cancel or end", &pid.to_string());
    typed.answer("number> ", "2");
    typed.expect("it is one of lockkeeper's own connections");
    assert!(lk.journals()[0].records.iter().all(|one| one.kind != Kind::Intent));
}

#[test]
fn the_smallest_screen_shows_where_we_are_and_a_key_that_is_off_says_why() {
    let database = database("safety_small");
    let lk = project(&database, "", &makes("made", ""));
    let mut command = pty::command(std::path::Path::new(LOCKKEEPER), &["run", "known"]);
    command.cwd(lk.project());
    command.env("XDG_STATE_HOME", lk.state());
    let mut screen = Pty::spawn(command, 60, 15);
    screen.wait_for("r plans it and asks you before it runs");
    let parts = [
        "SCRATCH",
        "safety_small",
        "ARMED",
        "● rec",
        "data ",
        "known 1/1",
        "step 0:",
        "run 0:",
        "blocked 0",
        "next r run",
        "? help",
    ];
    let all = |screen: &vt100::Screen| parts.iter().all(|part| screen.contents().contains(part));
    screen.wait_until("where we are", all);
    screen.send("c");
    screen.wait_for("cancel: nothing of ours is running");
    screen.send("b");
    screen.wait_for("b does nothing here");
}

//! The failures that other runbook tools are known for, and what must never happen instead:
//! each on the real program and a real database.

use std::fs;

use lockkeeper::domain::journal::{Kind, Record};
use sqlx::PgConnection;

use super::lk::{Lk, Typed};
use crate::support::pty::{self, Pty};
use crate::support::server::{Database, LOCKKEEPER, database};
use crate::support::until;

const HEAD: &str = "schema = 1\nid = \"known\"\ntitle = \"Known\"\nentry = \"main\"\n";

/// A project whose runbook `known` has these tables before its section, and these steps.
pub(super) fn project(database: &Database, tables: &str, steps: &str) -> Lk {
    let lk = Lk::on(database);
    fs::create_dir(lk.project().join("runbooks")).expect("it can be made");
    let text = format!("{HEAD}{tables}[[section]]\nid = \"main\"\ntitle = \"Main\"\n{steps}");
    lk.write("runbooks/known.toml", &text);
    let allowed = lk.run(&["runbook", "allow", "runbooks/known.toml"]);
    assert_eq!(allowed.code(), 0, "{}", allowed.said());
    lk
}

/// A step that makes a table of its own name.
pub(super) fn makes(id: &str, more: &str) -> String {
    let act = format!("kind = \"act\"\nsql = \"CREATE TABLE {id} (id int)\"\nrisk = \"safe\"");
    format!("[[section.step]]\nid = \"{id}\"\ntitle = \"Make {id}\"\n{act}\n{more}\n")
}

/// A step that makes a table of its own name, and takes its time for it.
pub(super) fn slowly_makes(id: &str) -> String {
    let sql = format!("SELECT pg_sleep(10); CREATE TABLE {id} (id int)");
    let act = format!("kind = \"act\"\nsql = \"{sql}\"\nrisk = \"safe\"");
    format!("[[section.step]]\nid = \"{id}\"\ntitle = \"Make {id}\"\n{act}\n")
}

pub(super) fn walk(lk: &Lk) -> Typed {
    lk.typed(&["run", "known", "--plain"])
}

pub(super) async fn is_there(connection: &mut PgConnection, table: &str) -> bool {
    let found: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(table)
        .fetch_one(connection)
        .await
        .expect("it answers");
    found
}

/// Returns the records of the one run.
pub(super) fn records(lk: &Lk) -> Vec<Record> {
    let mut journals = lk.journals();
    assert_eq!(journals.len(), 1);
    assert!(journals[0].intact);
    journals.remove(0).records
}

pub(super) fn of(records: &[Record], kind: Kind, step: &str) -> usize {
    let is = |record: &&Record| record.kind == kind && record.step.as_deref() == Some(step);
    records.iter().filter(is).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skip_never_runs_the_step() {
    let database = database("known_skip");
    let lk = project(&database, "", &(makes("skipped", "") + &makes("made", "")));
    let mut typed = walk(&lk);
    typed.answer("Make skipped", "2");
    typed.answer("Why is this step skipped?", "it was there before");
    typed.answer("Make made", "1");
    typed.answer("Type y to run it", "y");
    typed.expect("THE RUN IS OVER");
    let (text, code) = typed.end();
    assert_eq!(code, Some(0), "{text}");
    let mut connection = database.connect().await;
    assert!(!is_there(&mut connection, "skipped").await);
    assert!(is_there(&mut connection, "made").await, "what came after it was run");
    let records = records(&lk);
    assert_eq!(of(&records, Kind::Skip, "skipped"), 1);
    assert_eq!(of(&records, Kind::Intent, "skipped"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_confirmation_takes_the_name_and_nothing_else() {
    let database = database("known_typed");
    let drops = "[[section.step]]\nid = \"drops\"\ntitle = \"Drop it\"\nkind = \"act\"\n\
                 sql = \"DROP TABLE precious\"\nrisk = \"safe\"\n";
    let lk = project(&database, "", drops);
    let mut connection = database.connect().await;
    sqlx::query("CREATE TABLE precious (id int)").execute(&mut connection).await.expect("it can");
    let mut typed = walk(&lk);
    typed.answer("Drop it", "1");
    let question = format!("Type {} to run it", database.name);
    typed.expect(&question);
    let name = &database.name;
    let wrong =
        ["y", "yes", &name.to_uppercase(), &format!("{name}x"), &name[1..], "DROP TABLE precious"];
    for wrong in wrong {
        typed.line(wrong);
        typed.expect("is not");
        assert!(is_there(&mut connection, "precious").await, "{wrong} ran it");
    }
    assert!(!records(&lk).iter().any(|record| record.kind == Kind::Intent));
    typed.line(name);
    typed.expect("THE RUN IS OVER");
    let _ = typed.end();
    assert!(!is_there(&mut connection, "precious").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_step_that_failed_stops_the_run() {
    let database = database("known_required");
    let check = "[[section.step]]\nid = \"check\"\ntitle = \"Two\"\nkind = \"check\"\n\
                 required = true\nprobe = { sql = \"select 1\" }\nexpect = { equals = 2 }\n";
    let lk = project(&database, "", &(check.to_owned() + &makes("later", "")));
    let mut typed = walk(&lk);
    for (answer, said) in
        [("2", "this step is required"), ("1", "FAILED"), ("3", "Why is it overridden?")]
    {
        typed.answer("number> ", answer);
        typed.expect(said);
    }
    typed.line("because I say so");
    typed.expect("no gate denies anything here");
    typed.answer("number> ", "9");
    typed.answer("Why is the run abandoned?", "one is not two");
    typed.expect("THE RUN IS OVER");
    let (text, _) = typed.end();
    assert!(!is_there(&mut database.connect().await, "later").await, "{text}");
    assert_eq!(of(&records(&lk), Kind::Step, "later"), 0, "it was never reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_act_that_failed_stops_the_run() {
    let database = database("known_failed");
    let fails = "[[section.step]]\nid = \"fails\"\ntitle = \"Fail\"\nkind = \"act\"\n\
                 required = true\nsql = \"INSERT INTO nowhere VALUES (1)\"\nrisk = \"safe\"\n";
    let lk = project(&database, "", &(fails.to_owned() + &makes("later", "")));
    let mut typed = walk(&lk);
    typed.answer("Fail", "1");
    typed.expect("Type ");
    typed.line("y");
    typed.line(&database.name);
    typed.expect("FAILED");
    typed.answer("number> ", "2");
    typed.expect("this step is required");
    typed.answer("number> ", "0");
    let (text, _) = typed.end();
    assert!(!is_there(&mut database.connect().await, "later").await, "{text}");
    assert_eq!(of(&records(&lk), Kind::Step, "later"), 0, "it was never reached");
}

const QUESTION: &str = "[[section.step]]\nid = \"ask\"\ntitle = \"Go on?\"\nkind = \"decide\"\n\
    evidence = [{ sql = \"select count(*) from generate_series(1, 20000000)\" }]\nanswers = [\n\
    { key = \"y\", id = \"yes\", label = \"yes\" },\n\
    { key = \"n\", id = \"no\", label = \"no\", goto = \"end\" },\n]\n";

/// Opens the console on the runbook.
fn console(lk: &Lk) -> Pty {
    let mut command = pty::command(std::path::Path::new(LOCKKEEPER), &["run", "known"]);
    command.cwd(lk.project());
    command.env("XDG_STATE_HOME", lk.state());
    Pty::spawn(command, 160, 50)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_before_its_evidence_leaves_nothing_stuck() {
    let database = database("known_fast");
    let lk = project(&database, "", &(QUESTION.to_owned() + &makes("later", "")));
    let mut pty = console(&lk);
    pty.wait_for("reading the evidence");
    for _ in 0..5 {
        pty.send("y");
    }
    pty.wait_for("the evidence is read first");
    pty.wait_for("suggestion");
    assert_eq!(of(&records(&lk), Kind::Answer, "ask"), 0, "what came too early answered nothing");
    pty.send("y");
    pty.wait_for("Make later");
    pty.wait_for("r plans it and asks you before it runs");
    // The screen is ahead of the journal's file.
    until("the answer is recorded", || of(&records(&lk), Kind::Answer, "ask") == 1);
    assert!(!is_there(&mut database.connect().await, "later").await);
}

#[test]
fn a_script_that_answers_ahead_is_taken_in_its_order_and_ends() {
    let database = database("known_script");
    let lk = project(&database, "", QUESTION);
    let mut typed = walk(&lk);
    for line in ["y", "n", "99", "!", "never mind"] {
        typed.line(line);
    }
    typed.expect("THE RUN IS OVER");
    let (text, code) = typed.end();
    assert!(code.is_some(), "{text}");
    assert_eq!(of(&records(&lk), Kind::Answer, "ask"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_abort_no_later_step_runs() {
    let database = database("known_abort");
    let lk = project(&database, "", &(slowly_makes("slow") + &makes("later", "")));
    let mut pty = console(&lk);
    pty.wait_for("r plans it and asks you before it runs");
    pty.send("r");
    // Nobody can tell what a function does, so the name is asked for.
    pty.wait_for("● Type");
    pty.type_name(&database.name);
    pty.wait_for("its act is running");
    pty.send("A");
    pty.wait_for("Why is the run abandoned?");
    pty.type_slowly("wrong evening\r");
    pty.wait_for("▲ abandoned: wrong evening");
    let mut connection = database.connect().await;
    let made = "SELECT count(*) FROM pg_class WHERE relname = 'slow'";
    super::resume::until_number(&mut connection, made, 1).await;
    let is_closed = |lk: &Lk| lk.journals()[0].closed();
    crate::support::until::until("the run is closed", || is_closed(&lk));
    pty.send("rryry");
    pty.wait_for("abandoned");
    assert!(!is_there(&mut connection, "later").await);
    let records = records(&lk);
    assert_eq!(records.iter().filter(|one| one.kind == Kind::Intent).count(), 1);
    assert_eq!(of(&records, Kind::Step, "later"), 0);
}

const GATE: &str = "[probe.flags]\nsql = \"select count(*) from flags\"\n[gate.none]\nrules = \
    [{ probe = \"flags\", expect = { equals = 0 }, says = \"no flag is up\" }]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_closes_while_the_plan_is_shown_denies_the_yes() {
    let database = database("known_gate");
    let mut connection = database.connect().await;
    sqlx::query("CREATE TABLE flags (id int)").execute(&mut connection).await.expect("it can");
    let lk = project(&database, GATE, &makes("gated", "gates = [\"none\"]"));
    let mut typed = walk(&lk);
    typed.answer("Make gated", "1");
    typed.expect("Type y to run it");
    sqlx::query("INSERT INTO flags VALUES (1)").execute(&mut connection).await.expect("it can");
    typed.line("y");
    typed.expect("its gates deny it now: nothing was run");
    typed.expect("DENIED: no flag is up: found 1, expected 0");
    assert!(!is_there(&mut connection, "gated").await);
    typed.answer("number> ", "3");
    typed.answer("Why is it overridden?", "the flag is ours");
    typed.answer("Type y to run it", "y");
    typed.expect("THE RUN IS OVER");
    let _ = typed.end();
    assert!(is_there(&mut connection, "gated").await);
    let records = records(&lk);
    assert_eq!(of(&records, Kind::Override, "gated"), 1);
    let at = |kind| records.iter().position(|record| record.kind == kind).expect("it is there");
    assert!(at(Kind::Override) < at(Kind::Intent), "nothing was started before it");
}

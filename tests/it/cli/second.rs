//! A second person: they follow a run, approve its plan, take it over, and report it.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lockkeeper::domain::journal::{Kind, Record};
use serde_json::Value;

use super::lk::{Lk, Typed};
use crate::support::pty::{Pty, lockkeeper};
use crate::support::server::{Database, Server, private};
use crate::support::until::LONG;

/// A run that waits for a second person before it adds a table.
const BOOK: &str = r#"
schema = 1
id = "careful"
title = "Careful"

[[section]]
id = "main"
title = "Main"

[[section.step]]
id = "before"
kind = "check"
title = "Nobody waits for a lock"
probe = "blocked_sessions"

[[section.step]]
id = "approval"
kind = "approve"
role = "lead"
not_self = true
title = "A second person approves"

[[section.step]]
id = "first"
kind = "act"
title = "The first migration"
migrate = { direction = "up", to = "next" }
risk = "safe"
"#;

/// A server of its own, since roles belong to a whole cluster.
pub(super) struct Scene {
    pub lk: Lk,
    pub database: Database,
    _server: Server,
}

fn scene(name: &str, book: &str) -> Scene {
    let server = private(&[]);
    let database = server.database(name);
    database.execute("CREATE ROLE lead LOGIN; CREATE ROLE other LOGIN");
    let lk = Lk::on(&database);
    lk.write("book.toml", book);
    assert_eq!(lk.run(&["runbook", "allow", "book.toml"]).code(), 0);
    Scene { lk, database, _server: server }
}

impl Scene {
    /// Returns the connection string with another role.
    fn dsn_of(&self, role: &str) -> String {
        let dsn = self.database.dsn();
        let (before, _) = dsn.split_once("&user=").expect("the user stands at the end");
        format!("{before}&user={role}")
    }

    fn run(&self) -> Typed {
        self.lk.typed(&["run", "--file", "book.toml", "--plain"])
    }

    /// Returns a run that waits for its approval.
    fn waiting(&self) -> Typed {
        let mut typed = self.run();
        typed.expect("APPROVAL: waits for 1 as lead");
        self.until(Kind::Awaits, 1);
        typed
    }

    /// Approves what waits, as this role, without a terminal.
    fn approve(&self, role: &str, more: &[&str]) -> super::lk::Answer {
        let dsn = self.dsn_of(role);
        let plan = self.lk.run(&[&["approve", "--dsn", &dsn, "--plan", "--json"], more].concat());
        assert_eq!(plan.code(), 0, "{}", plan.said());
        let hash = plan.document("approve")["hash"].as_str().expect("a hash").to_owned();
        let confirm = ["approve", "--dsn", &dsn, "--confirm", &hash, "--json"];
        self.lk.run(&[&confirm, more].concat())
    }

    /// Opens the console on production, and its migrations, of which none is pending.
    pub fn migrations(&self) -> Pty {
        let project = self.lk.project().display().to_string();
        let mut command = lockkeeper(&["console", "--target", "live", "--project", &project]);
        command.env("XDG_STATE_HOME", self.lk.state());
        let mut screen = Pty::spawn(command, 80, 24);
        screen.wait_for("blocked 0");
        screen.send("4");
        screen.wait_for("up to date");
        screen
    }

    pub fn records(&self) -> Vec<Record> {
        self.lk.journals().pop().expect("a run").records
    }

    fn count(&self, kind: Kind) -> usize {
        self.records().iter().filter(|record| record.kind == kind).count()
    }

    /// Waits until so many records of a kind are there: what is said comes a moment before.
    pub fn until(&self, kind: Kind, count: usize) {
        let begun = Instant::now();
        while self.count(kind) < count {
            assert!(begun.elapsed() < LONG, "no {count} of {kind:?}");
            sleep(Duration::from_millis(10));
        }
    }

    fn journal(&self) -> PathBuf {
        let run = self.records()[0].run.clone();
        self.lk.state().join("lockkeeper/runs").join(run).join("journal.jsonl")
    }

    fn tables(&self) -> bool {
        self.lk.run(&["status", "--json"]).document("status")["current"] != serde_json::json!([])
    }
}

#[test]
fn a_role_of_their_own_verifies_the_approver_and_the_run_goes_on_by_itself() {
    let scene = scene("second_verified", BOOK);
    let mut typed = scene.waiting();
    let approved = scene.approve("lead", &[]);
    assert_eq!(approved.code(), 0, "{}", approved.said());
    let document = approved.document("approve");
    assert_eq!(document["verified"], true);
    assert_eq!(document["by"], "lead");
    typed.expect("approved by lead (verified)");
    typed.expect("passed: approval (vouched): lead (verified)");
    typed.answer("number> ", "1");
    typed.answer("to run it", "y");
    typed.expect("THE RUN IS OVER");
    typed.end();
    let records = scene.records();
    let approved = records.iter().find(|one| one.kind == Kind::Approved).expect("it is recorded");
    let intent = records.iter().find(|one| one.kind == Kind::Intent).expect("an act ran");
    assert_eq!(approved.plan, intent.plan, "it was given to the plan that ran");
    assert_eq!(approved.data["login"]["role"], "lead");
    assert!(scene.tables());
}

#[test]
fn whoever_approves_for_a_document_is_shown_what_they_approve_before_the_question() {
    let scene = scene("second_shown", BOOK);
    let mut typed = scene.waiting();
    let dsn = scene.dsn_of("lead");
    let plan = scene.lk.run(&["approve", "--dsn", &dsn, "--plan", "--json"]).document("approve");
    let hash = plan["hash"].as_str().expect("a hash");
    let mut command = lockkeeper(&["approve", "--dsn", &dsn, "--json"]);
    command.cwd(scene.lk.project());
    command.env("XDG_STATE_HOME", scene.lk.state());
    let mut approver = Pty::spawn(command, 160, 50);
    let shown = approver.wait_for("Type ");
    let (above, _) = shown.split_once("Type ").expect("it is there");
    assert!(above.contains(hash) && above.contains("CREATE TABLE first"), "{shown}");
    approver.send("\r");
    assert_eq!(approver.wait().exit_code(), 2);
    assert_eq!(scene.count(Kind::Approved), 0);
    typed.kill();
}

#[test]
fn nobody_approves_what_they_run_themselves() {
    let scene = scene("second_self", BOOK);
    let mut typed = scene.waiting();
    let own = scene.lk.run(&["approve", "--confirm", "x"]);
    own.refuses("nothing tells you from");
    let me = whoami();
    let named = scene.lk.run(&["approve", "--as", &me, "--confirm", "x"]);
    named.refuses("somebody else has to approve");
    let role = format!("CREATE ROLE \"{me}\" LOGIN");
    if me != "postgres" {
        scene.database.execute(&role);
        let dsn = scene.dsn_of(&me);
        let by_name = scene.lk.run(&["approve", "--dsn", &dsn, "--confirm", "x"]);
        by_name.refuses("somebody else has to approve");
    }
    assert_eq!(scene.count(Kind::Approved), 0);
    assert_eq!(scene.count(Kind::Intent), 0);
    typed.kill();
}

/// The user whom records name as the operator, without the machine.
fn whoami() -> String {
    let output = std::process::Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8(output.stdout).expect("a name").trim().to_owned()
}

#[test]
fn a_name_without_a_login_is_recorded_as_unverified_and_stands_out_in_the_report() {
    let scene = scene("second_named", BOOK);
    let mut typed = scene.waiting();
    let user = scene.records()[0].data["target"]["role"].as_str().expect("a role").to_owned();
    let approved = scene.approve(&user, &["--as", "Lee"]);
    assert_eq!(approved.document("approve")["verified"], false);
    typed.expect("approved by Lee (unverified)");
    typed.expect("passed: approval");
    typed.kill();
    let report = scene.lk.run(&["report"]);
    assert_eq!(report.code(), 0, "{}", report.said());
    assert!(report.out().contains("**▲ UNVERIFIED APPROVAL** by `Lee`"), "{}", report.out());
}

#[test]
fn an_approval_for_another_plan_does_not_count() {
    let scene = scene("second_other", BOOK);
    let mut typed = scene.waiting();
    let hash = "0".repeat(64);
    let dsn = scene.dsn_of("lead");
    let other = scene.lk.run(&["approve", "--dsn", &dsn, "--confirm", &hash]);
    other.refuses("another plan waits");
    // The file changes after the approval was looked at: the plan made anew is another one.
    scene.lk.write("migrations/1_first.up.sql", "CREATE TABLE first (id int PRIMARY KEY, x int);");
    let approved = scene.approve("lead", &[]);
    assert_eq!(approved.code(), 0, "{}", approved.said());
    typed.expect("approved another plan than the one that there is now");
    scene.until(Kind::Awaits, 2);
    // Once more, for what there is now.
    let approved = scene.approve("lead", &[]);
    assert_eq!(approved.code(), 0, "{}", approved.said());
    typed.expect("passed: approval (vouched): lead (verified)");
    // And again it changes, between the approval and the act.
    scene.lk.write("migrations/1_first.up.sql", "CREATE TABLE first (id int PRIMARY KEY, y int);");
    typed.answer("number> ", "1");
    typed.expect("approved another plan than this one");
    assert_eq!(scene.count(Kind::Intent), 0);
    typed.kill();
}

#[test]
fn a_login_to_another_database_proves_nothing() {
    let scene = scene("second_elsewhere", BOOK);
    let mut typed = scene.waiting();
    let elsewhere = scene.dsn_of("lead").replace(&scene.database.name, "postgres");
    let refused = scene.lk.run(&["approve", "--dsn", &elsewhere, "--confirm", "x"]);
    refused.refuses("nothing is recorded");
    assert!(refused.said().contains("you are logged in to postgres"), "{}", refused.said());
    assert_eq!(scene.count(Kind::Approved), 0);
    typed.kill();
}

#[test]
fn an_approval_that_comes_while_the_console_is_dead_counts_when_it_is_resumed() {
    let scene = scene("second_dead", BOOK);
    let mut typed = scene.waiting();
    typed.kill();
    assert_eq!(scene.approve("lead", &[]).code(), 0);
    let mut resumed = scene.lk.typed(&["resume", "--plain"]);
    resumed.expect("passed: approval (vouched): lead (verified)");
    resumed.kill();
    assert_eq!(scene.count(Kind::Awaits), 1, "the same plan waits still");
}

#[test]
fn a_lone_on_call_goes_on_for_a_typed_reason_that_the_report_shows() {
    let scene = scene("second_alone", BOOK);
    let mut typed = scene.waiting();
    typed.answer("number> ", "3");
    typed.answer("(empty leaves)> ", "nobody answers | at *three*");
    typed.expect("not approved: nobody answers");
    typed.answer("number> ", "1");
    typed.answer("to run it", "y");
    typed.expect("THE RUN IS OVER");
    typed.end();
    let report = scene.lk.run(&["report"]);
    let shown = "nobody answers \\| at \\*three\\*";
    assert!(report.out().contains("**▲ OVERRIDDEN**"), "{}", report.out());
    assert!(report.out().contains(shown), "{}", report.out());
}

#[test]
fn what_destroys_asks_for_a_second_person_by_policy_and_in_production_what_loses_something() {
    let (head, act) = BOOK.split_once("id = \"approval\"").expect("a step waits for the lead");
    let (_, act) = act.split_once("[[section.step]]\n").expect("an act follows");
    for (class, risk) in [("scratch", "destructive"), ("production", "lossy")] {
        let act = act.replace("risk = \"safe\"", &format!("risk = \"{risk}\""));
        let scene = scene(&format!("second_{risk}"), &format!("{head}{act}"));
        let dsn = scene.lk.dsn().to_owned();
        scene.lk.write(
            "lockkeeper.toml",
            &format!("schema = 1\n[targets.test]\nclass = \"{class}\"\ndsn = \"{dsn}\"\n[policy]\napprovals = 1\n"),
        );
        let mut typed = scene.run();
        typed.answer("number> ", "1");
        typed.expect(&format!("policy asks for a second person for what is {risk}"));
        typed.expect("APPROVAL: waits for 1 as second person");
        assert_eq!(scene.approve("lead", &[]).code(), 0);
        typed.expect("approved by lead (verified)");
        typed.answer("to run it", &scene.database.name);
        typed.expect("THE RUN IS OVER");
        typed.end();
        assert!(scene.tables());
    }
}

#[test]
fn a_run_is_followed_to_its_end_and_through_a_torn_line() {
    let scene = scene("second_follow", BOOK);
    let mut typed = scene.waiting();
    let run = scene.records()[0].run.clone();
    let mut follower = scene.lk.typed(&["follow", "--plain"]);
    follower.expect(&format!("following {run}: Careful"));
    follower.expect("awaits");
    // A line that is being written is no record yet.
    let journal = scene.journal();
    let mut torn = fs::OpenOptions::new().append(true).open(&journal).expect("it opens");
    std::io::Write::write_all(&mut torn, b"{\"v\":1,\"seq\":").expect("it takes a part");
    follower.expect("the last record is not finished");
    typed.answer("number> ", "3");
    typed.answer("(empty leaves)> ", "alone");
    follower.expect("override");
    typed.answer("number> ", "1");
    follower.expect("step");
    typed.answer("to run it", "y");
    follower.expect("intent");
    follower.expect("the run is over: completed");
    typed.end();
    let (_, code) = follower.end();
    assert_eq!(code, Some(0));
}

#[test]
fn a_console_that_follows_shows_whose_run_it_is_and_none_of_its_keys_acts() {
    let scene = scene("second_screen", BOOK);
    let mut typed = scene.waiting();
    let project = scene.lk.project().display().to_string();
    let dsn = scene.dsn_of("lead");
    let mut command = lockkeeper(&["follow", "--dsn", &dsn, "--project", &project]);
    command.env("XDG_STATE_HOME", scene.lk.state());
    let mut screen = Pty::spawn(command, 130, 40);
    screen.wait_for("FOLLOWING");
    screen.send("6");
    screen.wait_for("waits for");
    screen.wait_for("executed by");
    let before = scene.records().len();
    for key in ["v", "o", "s", "n", "p", "x", "A", "H", "!", "R", "K"] {
        screen.send(key);
        screen.wait_for("executes this run: you follow it");
    }
    screen.send("4");
    screen.wait_for("first");
    screen.send("u");
    screen.wait_for("executes this run: you follow it");
    assert_eq!(scene.records().len(), before, "nothing was recorded");
    typed.answer("number> ", "9");
    typed.answer("(empty leaves)> ", "enough");
    screen.wait_for("THE RUN IS OVER: abandoned: enough");
    screen.send("q");
    assert!(screen.wait().success());
    typed.end();
}

#[test]
fn followed_records_are_one_json_document_a_line() {
    let scene = scene("second_json", BOOK);
    let mut typed = scene.waiting();
    typed.answer("number> ", "9");
    typed.answer("(empty leaves)> ", "enough");
    typed.expect("THE RUN IS OVER");
    typed.end();
    let run = scene.records()[0].run.clone();
    let followed = scene.lk.run(&["follow", &run, "--json"]);
    assert_eq!(followed.code(), 1, "it was abandoned: {}", followed.said());
    let lines: Vec<Value> = followed
        .out()
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is a document"))
        .collect();
    let (end, records) = lines.split_last().expect("lines");
    assert_eq!(records.len(), scene.records().len());
    assert_eq!(end["end"], "abandoned: enough");
}

#[test]
fn a_journal_of_a_newer_version_is_not_followed() {
    let scene = scene("second_newer", BOOK);
    let mut typed = scene.waiting();
    typed.kill();
    let journal = scene.journal();
    let text = fs::read_to_string(&journal).expect("it reads");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let last = lines.pop().expect("a record").replacen("\"v\":1", "\"v\":9", 1);
    lines.push(last);
    fs::write(&journal, lines.join("\n") + "\n").expect("it is written");
    let run = journal.parent().and_then(|dir| dir.file_name()).expect("a run");
    let run = run.to_str().expect("a name");
    let followed = scene.lk.run(&["follow", run, "--plain"]);
    followed.refuses("version 9, newer than this lockkeeper");
    let report = scene.lk.run(&["report", run]);
    assert_eq!(report.code(), 1);
    let first: Vec<String> = report.out().lines().take(4).map(str::to_owned).collect();
    assert!(first.join("\n").contains("THE JOURNAL IS DAMAGED"), "{first:?}");
    let told = scene.lk.run(&["report", run, "--reason", "so"]);
    assert!(told.said().contains("cannot be recorded"), "{}", told.said());
    assert!(told.out().contains("> so"), "{}", told.out());
}

#[test]
fn a_run_that_was_handed_over_is_taken_up_elsewhere_and_its_first_console_follows() {
    let scene = scene("second_handover", BOOK);
    let mut first = scene.waiting();
    let busy = scene.lk.run(&["resume"]);
    assert!(busy.said().contains("the lease on this target is held"), "{}", busy.said());
    first.answer("number> ", "h");
    first.answer("(empty leaves)> ", "anna mind the report");
    first.expect("handed over");
    first.expect("following");
    let mut second = scene.lk.typed(&["resume", "--plain"]);
    second.expect("HANDED OVER");
    second.expect("mind the report");
    second.expect("PAUSED");
    first.expect("resumed");
    second.answer("number> ", "5");
    second.expect("APPROVAL: waits for 1 as lead");
    second.answer("number> ", "3");
    second.answer("(empty leaves)> ", "alone");
    second.answer("number> ", "1");
    second.answer("to run it", "y");
    second.expect("THE RUN IS OVER");
    first.expect("the run is over: completed");
    second.end();
    assert_eq!(first.end().1, Some(0));
    let count = |kind: Kind| scene.count(kind);
    assert_eq!((count(Kind::Intent), count(Kind::Outcome), count(Kind::Resumed)), (1, 1, 1));
}

#[test]
fn the_report_is_filled_from_the_journal_and_hostile_text_breaks_nothing() {
    let scene = scene("second_report", BOOK);
    let mut typed = scene.waiting();
    typed.answer("number> ", "4");
    typed.answer("(empty leaves)> ", "# broken ``` <script>\u{1b}[2J");
    typed.answer("number> ", "3");
    typed.answer("(empty leaves)> ", "alone");
    typed.answer("number> ", "1");
    typed.answer("to run it", "y");
    typed.expect("THE RUN IS OVER");
    typed.end();
    let reason = "- [x] not a list\n# nor a heading\n```";
    let told = scene.lk.run(&["report", "--reason", reason, "--cause", "haste"]);
    assert_eq!(told.code(), 0, "{}", told.said());
    let page = told.out();
    for said in ["## Reason", "> haste", "up 1", "_To be filled in._"] {
        assert!(page.contains(said), "{said} in {page}");
    }
    assert!(page.contains("> \\- \\[x\\] not a list"), "{page}");
    assert!(page.contains("\\# broken \\`\\`\\` \\<script\\>"), "{page}");
    assert!(!page.contains('\u{1b}'));
    assert!(page.contains("- **Data loss:** not measured"), "{page}");
    // What was told stays with the run.
    let document = scene.lk.run(&["report", "--json"]).document("report");
    assert_eq!(document["told"]["cause"], "haste");
    assert_eq!(document["intact"], true);
    assert_eq!(document["migrations"][0]["ending"], "done");
    assert_eq!(scene.count(Kind::Report), 2);
    let mut asked = scene.lk.typed(&["report", "--ask", "--out", "report.md"]);
    asked.answer("who and what was affected", "nobody");
    asked.answer("keeps it from happening", "");
    asked.expect("written: report.md");
    asked.end();
    let written = fs::read_to_string(scene.lk.project().join("report.md")).expect("it is there");
    assert!(written.contains("> nobody"), "{written}");
}

#[test]
fn check_is_the_first_section_of_migrate_and_says_why() {
    let scene = scene("second_check", BOOK);
    let good = scene.lk.run(&["check", "--json"]);
    let document = good.document("check");
    assert_eq!((good.code(), &document["verdict"]), (0, &Value::from("pass")), "{document}");
    let dsn = scene.lk.dsn().to_owned();
    let production = |waived: &str| {
        scene.lk.write(
            "lockkeeper.toml",
            &format!(
                "schema = 1\n[targets.test]\nclass = \"production\"\ndsn = \"{dsn}\"\n{waived}"
            ),
        );
        scene.lk.run(&["check", "--json", "--said", "team_told=#ops 14:02"])
    };
    let unknown = production("");
    let document = unknown.document("check");
    assert_eq!((unknown.code(), &document["verdict"]), (2, &Value::from("unknown")), "{document}");
    let check = |document: &Value, id: &str| {
        let checks = document["checks"].as_array().expect("checks").clone();
        checks.into_iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("no {id}"))
    };
    assert_eq!(check(&document, "disk_by_hand")["state"], "unknown");
    assert_eq!(check(&document, "disk_by_hand")["value"], Value::Null);
    assert_eq!(check(&document, "rehearsed")["state"], "unknown");
    assert_eq!(check(&document, "team_told")["value"], "#ops 14:02");
    assert_eq!(check(&document, "recent_backup")["expected"], "at most 24h");
    let waived = production("[checks.waived]\ndisk_by_hand = \"the provider grows it\"\n");
    let disk = check(&waived.document("check"), "disk_by_hand");
    assert_eq!(disk["state"], "waived");
    assert_eq!(disk["why"], "waived: the provider grows it");
    // Somebody is idle in a transaction that holds what waits.
    scene.database.execute("CREATE TABLE held (id int)");
    let lease = scene.waiting();
    let bad = scene.lk.run(&["check", "--json"]);
    assert_eq!(check(&bad.document("check"), "lease")["state"], "fail");
    assert_eq!(bad.code(), 1);
    drop(lease);
    let text = scene.lk.run(&["check"]);
    assert!(text.out().contains("CANNOT TELL"), "{}", text.out());
}

/// A production target whose policy asks for a second person, with its migrations applied.
pub(super) fn guarded(name: &str) -> Scene {
    let scene = scene(name, BOOK);
    let up = ["up", "--to", "2"];
    for _ in 0..2 {
        let (_, hash) = scene.lk.plan(&up);
        assert_eq!(scene.lk.run(&[&up[..], &["--confirm", &hash]].concat()).code(), 0);
    }
    let dsn = scene.lk.dsn().to_owned();
    scene.lk.write(
        "lockkeeper.toml",
        &format!("schema = 1\n[targets.live]\nclass = \"production\"\ndsn = \"{dsn}\"\n[policy]\napprovals = 1\n"),
    );
    scene
}

/// Starts the way down of the last migration at a terminal of its own.
fn down(scene: &Scene) -> Pty {
    let project = scene.lk.project().display().to_string();
    let mut command = lockkeeper(&["down", "--target", "live", "--project", &project]);
    command.env("XDG_STATE_HOME", scene.lk.state());
    Pty::spawn(command, 120, 50)
}

pub(super) fn of_kind(records: &[Record], kind: Kind) -> Vec<&Record> {
    records.iter().filter(|record| record.kind == kind).collect()
}

#[test]
fn a_single_act_in_production_waits_for_a_second_person_and_runs_what_they_approved() {
    let scene = guarded("second_single");
    let before = scene.lk.journals().len();
    let (_, _) = scene.lk.plan(&["down", "--target", "live"]);
    assert_eq!(scene.lk.journals().len(), before, "showing a plan records nothing");
    let mut pty = down(&scene);
    pty.wait_for("policy asks for 1 more than you, 0 approved");
    scene.until(Kind::Awaits, 1);
    assert_eq!(of_kind(&scene.records(), Kind::Intent).len(), 0);
    let approved = scene.approve("lead", &[]);
    assert_eq!(approved.code(), 0, "{}", approved.said());
    pty.wait_for("approved by lead (verified)");
    pty.wait_for("to run it");
    pty.send(&format!("{}\r", scene.database.name));
    assert!(pty.wait().success());
    let records = scene.records();
    let (approved, intent) =
        (of_kind(&records, Kind::Approved)[0], of_kind(&records, Kind::Intent)[0]);
    assert_eq!(approved.plan, intent.plan, "it was given to the plan that ran");
}

#[test]
fn a_lone_on_call_runs_a_single_act_for_a_typed_reason_and_nothing_by_leaving() {
    let scene = guarded("second_lonely");
    let mut left = down(&scene);
    left.wait_for("(empty leaves)>");
    left.send("\r");
    assert_eq!(left.wait().exit_code(), 2);
    let journal = scene.records();
    assert_eq!(
        (of_kind(&journal, Kind::Skip).len(), of_kind(&journal, Kind::Intent).len()),
        (1, 0)
    );

    let mut pty = down(&scene);
    pty.wait_for("(empty leaves)>");
    pty.send("nobody answers at three\r");
    pty.wait_for("to run it");
    pty.send(&format!("{}\r", scene.database.name));
    assert!(pty.wait().success());
    let records = scene.records();
    let over = of_kind(&records, Kind::Override)[0];
    assert_eq!(over.data["reason"], "nobody answers at three");
    let report = scene.lk.run(&["report", &records[0].run]);
    assert!(report.out().contains("OVERRIDDEN"), "{}", report.out());
}

#[test]
fn on_the_screen_a_single_act_in_production_waits_too_and_esc_runs_nothing() {
    let scene = guarded("second_console");
    let mut screen = scene.migrations();
    screen.send("D");
    screen.wait_for("A second person approves it");
    scene.until(Kind::Awaits, 1);
    screen.send("\u{1b}");
    screen.wait_for("left: nothing was run");
    screen.send("D");
    screen.wait_for("A second person approves it");
    scene.until(Kind::Awaits, 2);
    assert_eq!(scene.approve("lead", &[]).code(), 0);
    screen.wait_for("On PRODUCTION");
    screen.send("\u{1b}");
    screen.wait_until("the dialog is gone", |screen| !screen.contents().contains("On PRODUCTION"));
    assert_eq!(scene.count(Kind::Intent), 0);
    screen.send("q");
    assert!(screen.wait().success());
}

#[test]
fn what_the_running_act_prints_is_followed_live_and_masked() {
    let book = BOOK.replace(
        "migrate = { direction = \"up\", to = \"next\" }",
        "command = [\"sh\", \"-c\", \"echo begun password=hunter$((1+1)); while [ ! -e go ]; do sleep 0.1; done; echo ended\"]",
    );
    let scene = scene("second_output", &book);
    let mut typed = scene.waiting();
    let mut follower = scene.lk.typed(&["follow", "--plain"]);
    follower.expect("awaits");
    let project = scene.lk.project().display().to_string();
    let mut command =
        lockkeeper(&["follow", "--dsn", &scene.dsn_of("lead"), "--project", &project]);
    command.env("XDG_STATE_HOME", scene.lk.state());
    let mut screen = Pty::spawn(command, 80, 24);
    screen.wait_for("FOLLOWING");
    screen.send("6");
    typed.answer("number> ", "3");
    typed.answer("(empty leaves)> ", "alone");
    typed.answer("number> ", "1");
    typed.answer("to run it", "y");
    follower.expect("| begun password=•••");
    let shown = screen.wait_for("begun password=•••");
    assert!(!shown.contains("hunter2"), "{shown}");
    fs::write(scene.lk.project().join("go"), "").expect("it is written");
    follower.expect("| ended");
    follower.expect("the run is over: completed");
    typed.end();
    follower.end();
    screen.wait_for("THE RUN IS OVER");
    screen.send("q");
    assert!(screen.wait().success());
}

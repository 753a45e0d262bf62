//! Every shipped runbook, walked to its ends in the line mode, on a real database.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lockkeeper::domain::journal::{Kind, Reading};
use lockkeeper::io::runbook::{self, Places};

use super::lk::{Lk, Typed};
use crate::support::server::{Database, private};
use crate::support::until::LONG;

/// What is waited for: something is asked, watched, or over.
const ASKS: [&str; 3] = ["number> ", "(empty leaves)> ", "and runs nothing: "];

const OVER: &str = "THE RUN IS OVER: ";

const WATCHES: &str = "2 ends it with a reason";

/// Answers to questions, by the title of their step.
pub(super) type Answers = &'static [(&'static str, &'static str)];

pub(super) struct Walker {
    typed: Typed,
    answers: Answers,
    pub(super) said: String,
}

impl Walker {
    pub(super) fn of(typed: Typed, answers: Answers) -> Self {
        Self { typed, answers, said: String::new() }
    }

    /// Answers until the run is over; returns how it ended.
    pub(super) fn walk(&mut self) -> String {
        let mut given = String::new();
        for _ in 0..600 {
            let block = self.typed.block(&ASKS, &[OVER, WATCHES]);
            self.said.push_str(&block);
            if let Some((_, end)) = block.split_once(OVER) {
                return end.lines().next().unwrap_or_default().to_owned();
            }
            // The same is asked again below what came meanwhile; it is answered already.
            let asked = block.lines().last().unwrap_or_default();
            let is_new = block.contains("Step ") || block.contains("\n  plan ");
            if !is_new && (asked == "number> " || asked == given) {
                continue;
            }
            let reply = if block.ends_with("and runs nothing: ") {
                asked.clone_into(&mut given);
                token(&block)
            } else if block.ends_with("(empty leaves)> ") {
                asked.clone_into(&mut given);
                text(&block)
            } else if block.contains(WATCHES) && !block.ends_with("number> ") {
                if !block.contains("more at least") {
                    self.typed.expect("more at least");
                    self.said.push_str(&self.typed.rest_of_line());
                }
                "2".to_owned()
            } else {
                given.clear();
                self.choose(&block)
            };
            self.typed.line(&reply);
        }
        panic!("it never ended:\n{}", self.said);
    }

    /// Returns the line that leads on from a menu.
    fn choose(&self, block: &str) -> String {
        let step = block.rfind("Step ").map_or(block, |at| &block[at..]);
        let has = |line: &str| step.lines().any(|one| one.starts_with(line));
        let answer =
            self.answers.iter().find(|(title, _)| step.contains(&format!(": {title} (in")));
        if let (Some((_, key)), true) = (answer, has("QUESTION: ")) {
            return (*key).to_owned();
        }
        assert!(!has("QUESTION: "), "nothing answers this:\n{step}");
        let failed = ["FAILED: ", "CANNOT TELL: ", "NOT AS IT SHOULD BE: ", "CANNOT BE DONE: "];
        if has("THE RUN ENDS") {
            "1"
        } else if failed.iter().any(|word| has(word)) {
            assert!(!has("2  skip this step: not here"), "a required step failed:\n{step}");
            "2"
        } else if has("DENIED: ") {
            "3"
        } else if has("v  ") {
            "v"
        } else {
            assert!(has("1  "), "nothing leads on:\n{step}");
            "1"
        }
        .to_owned()
    }
}

/// Returns what confirms the plan that is shown.
fn token(block: &str) -> String {
    let asked = block.rsplit_once("Type ").map_or("", |(_, asked)| asked);
    asked.split(" to run it").next().unwrap_or_default().to_owned()
}

/// Returns a text that fits what is asked.
fn text(block: &str) -> String {
    let asked = block.lines().last().unwrap_or_default();
    // A menu that was printed again stands before the answer that was given to it.
    let listed = block.rsplit("number> ").next().unwrap_or_default();
    if asked.contains("(a number)") {
        "0"
    } else if asked.starts_with("The approver") {
        "lee"
    } else if listed.lines().any(|line| line.starts_with("1  ")) {
        // Something is picked from a list.
        "1"
    } else if listed.contains("nothing to pick") {
        "public.first"
    } else {
        "seen by a test"
    }
    .to_owned()
}

/// A project on production, with all that a configuration can bring.
fn production(database: &Database) -> Lk {
    let lk = Lk::on(database);
    lk.write("app.log", "started\nready\n");
    lk.write(
        "lockkeeper.toml",
        &format!(
            "schema = 1\n[targets.test]\nclass = \"production\"\ndsn = \"{}\"\n\
             [policy]\nlock_timeout = \"60s\"\napprovals = 1\nwindows = [\"00:00-24:00 Z\"]\n\
             [commands]\nmaintenance_on = [\"touch\", \"maintenance.on\"]\n\
             maintenance_off = [\"rm\", \"maintenance.on\"]\nrestart = [\"true\"]\n\
             smoke = [\"true\"]\nintegration = [\"true\"]\n\
             [probes.log]\nfile = \"app.log\"\nmeasure = \"tail\"\n\
             [probes.maintenance]\nfile = \"maintenance.on\"\n\
             [links]\n\"Dashboard\" = \"https://dash.internal/d/db\"\n\
             [contacts.owner]\nname = \"Kim\"\nreach = \"#db\"\n",
            lk.dsn()
        ),
    );
    let allowed = lk.run(&["runbook", "allow", "lockkeeper.toml"]);
    assert_eq!(allowed.code(), 0, "{}", allowed.said());
    lk
}

/// Walks a runbook, and returns what was printed with the steps that it reached.
fn walked(lk: &Lk, name: &str, answers: Answers, ends: &str) -> (String, BTreeSet<String>) {
    walked_as(lk, &["run", name, "--plain"], answers, ends)
}

/// Does the same with the whole command line.
fn walked_as(lk: &Lk, args: &[&str], answers: Answers, ends: &str) -> (String, BTreeSet<String>) {
    let name = args[1];
    let typed = lk.typed(args);
    let mut walker = Walker::of(typed, answers);
    let end = walker.walk();
    let Walker { typed, said, .. } = walker;
    assert!(end.starts_with(ends), "{name} ended with {end}:\n{said}");
    until_closed(lk);
    typed.end();
    assert!(!said.contains('\u{1b}'), "no escape sequence is ever written");
    let journals = lk.journals();
    let newest = journals.iter().max_by_key(|one| one.records.first().map(|record| record.at));
    let newest = newest.expect("a journal");
    let open: Vec<String> = newest.open().iter().map(|open| format!("{open:?}")).collect();
    assert!(newest.intact && newest.closed(), "{:?}: {said}", newest.fault);
    assert_eq!(open, [""; 0], "{said}");
    let steps = newest.records.iter().filter(|record| record.kind == Kind::Step);
    (said, steps.filter_map(|record| record.step.clone()).collect())
}

/// Waits until every run is closed: a script is faster than the disk syncs what it decides.
pub(super) fn until_closed(lk: &Lk) {
    let begun = Instant::now();
    while !lk.journals().iter().all(Reading::closed) {
        assert!(begun.elapsed() < LONG, "the run is never closed");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asserts that every step of a runbook was reached, but for these.
fn all_reached(name: &str, reached: &BTreeSet<String>, but: &[&str]) {
    let book = runbook::find(name, &Places::default()).expect("it is shipped").runbook;
    let missing: Vec<&str> = book
        .steps()
        .map(|step| step.id.as_str())
        .filter(|id| !reached.contains(*id) && !reached.contains(&format!("{name}/{id}")))
        .collect();
    let but: BTreeSet<&str> = but.iter().copied().collect();
    assert_eq!(missing.into_iter().collect::<BTreeSet<_>>(), but, "of {name}");
}

fn up(lk: &Lk) {
    for _ in 0..2 {
        let done = lk.confirmed(&["up"]);
        assert_eq!(done.code(), 0, "{}", done.said());
    }
}

#[test]
fn backup_is_walked_to_its_end() {
    let server = private(&[]);
    let lk = production(&server.database("walked_backup"));
    up(&lk);
    let (said, mut reached) =
        walked(&lk, "backup", &[("Rows of one table too?", "t")], "the runbook was walked");
    assert!(said.contains("lockkeeper backups prune"), "{said}");
    reached.extend(walked(&lk, "backup", &[("Rows of one table too?", "e")], "the runbook").1);
    let only_if_bad =
        ["place", "sqlite_copy", "docker_port", "again_why", "again_full", "again_decodes"];
    all_reached("backup", &reached, &only_if_bad);
}

#[test]
fn validate_and_rehearsal_are_walked_to_their_ends() {
    let server = private(&[]);
    let lk = production(&server.database("walked_validate"));
    up(&lk);
    let (said, reached) =
        walked(&lk, "validate", &[("Are the new indexes used?", "y")], "the runbook");
    assert!(said.contains("link: Dashboard: https://dash.internal/d/db"), "{said}");
    assert!(said.contains("log: started, ready"), "the end of the log is a tile:\n{said}");
    all_reached("validate", &reached, &["health", "auth", "smoke_by_hand"]);
    let staging = std::fs::read_to_string(lk.project().join("lockkeeper.toml")).expect("it reads");
    lk.write("lockkeeper.toml", &staging.replace("\"production\"", "\"staging\""));
    lk.run(&["runbook", "allow", "lockkeeper.toml"]);
    let no = walked(&lk, "rehearsal", &[("May it go to production?", "n")], "the runbook");
    let yes = walked(&lk, "rehearsal", &[("May it go to production?", "y")], "the runbook");
    let reached = no.1.union(&yes.1).cloned().collect();
    all_reached("rehearsal", &reached, &["integration_by_hand"]);
}

#[test]
fn migrate_is_walked_to_its_end_on_production_and_validates() {
    let server = private(&[]);
    let lk = production(&server.database("walked_migrate"));
    let answers: Answers = &[("Keep it, or go back?", "k"), ("Are the new indexes used?", "y")];
    let (said, reached) = walked(&lk, "migrate", answers, "the runbook was walked to its end");
    assert!(said.contains("up 2 second: done"), "{said}");
    assert!(said.contains("the maintenance window is open until"), "{said}");
    assert!(reached.contains("validate/day"), "{reached:?}");
    let not_here = [
        "disk",
        // Where no windows are configured.
        "window",
        "watch_staging",
        "watch_scratch",
        "roll_back",
        "failed_problems",
        "failed_invalid_indexes",
        "failed_keep",
    ];
    all_reached("migrate", &reached, &not_here);
}

const HALF_DONE: (&str, &str) = ("Half done?", "n");
const TABLES: (&str, &str) = ("Data damaged?", "y");
const DAMAGED: (&str, &str) = ("Data damaged?", "n");

#[test]
fn every_ending_of_rollback_is_reached() {
    let server = private(&[]);
    let lk = production(&server.database("walked_rollback"));
    up(&lk);
    assert_eq!(lk.confirmed(&["backup"]).code(), 0);
    let over = "the runbook was walked to its end";
    let walks: [(Answers, &str); 11] = [
        (&[("Half done?", "y"), ("Who mends it?", "y")], over),
        (&[("Half done?", "y"), ("Who mends it?", "n")], "goes to the next level"),
        (&[("Half done?", "u")], "goes to the next level"),
        (&[HALF_DONE, DAMAGED, ("Way down safe?", "f"), ("Can it wait?", "y")], over),
        (
            &[
                HALF_DONE,
                DAMAGED,
                ("Way down safe?", "s"),
                ("Go down now?", "f"),
                ("Can it wait?", "y"),
            ],
            over,
        ),
        (&[HALF_DONE, TABLES, ("Only some tables?", "t"), ("Which rows come back?", "i")], over),
        (&[HALF_DONE, TABLES, ("Only some tables?", "t"), ("Which rows come back?", "c")], over),
        (&[HALF_DONE, TABLES, ("Only some tables?", "t"), ("Which rows come back?", "x")], over),
        (&[HALF_DONE, ("Data damaged?", "y"), ("Only some tables?", "a")], over),
        (&[HALF_DONE, DAMAGED, ("Way down safe?", "d")], over),
        (&[HALF_DONE, DAMAGED, ("Way down safe?", "m")], over),
    ];
    let mut reached = BTreeSet::new();
    for (answers, ends) in walks {
        let (said, steps) = walked(&lk, "rollback", answers, ends);
        let maintenance = lk.project().join("maintenance.on");
        assert!(!maintenance.exists(), "what was opened is undone, however it ends:\n{said}");
        reached.extend(steps);
    }
    all_reached(
        "rollback",
        &reached,
        &["local_place", "local_docker", "local_sqlite", "after_health"],
    );
}

#[test]
fn every_branch_of_incident_is_reached() {
    let server = private(&[]);
    let lk = production(&server.database("walked_incident"));
    up(&lk);
    assert_eq!(lk.confirmed(&["backup"]).code(), 0);
    let over = "the runbook was walked to its end";
    let walks: [(Answers, &str); 6] = [
        (
            &[("What is broken?", "h"), ("Who mends it?", "y"), ("Mend by hand, or restore?", "y")],
            over,
        ),
        (
            &[
                ("What is broken?", "d"),
                ("How far does it reach?", "t"),
                ("Only some tables?", "t"),
                ("Which rows come back?", "i"),
            ],
            over,
        ),
        (&[("What is broken?", "d"), ("How far does it reach?", "w"), ("Can it wait?", "y")], over),
        (
            &[("What is broken?", "f"), ("What now?", "f"), ("Can it wait?", "n")],
            "goes to the next level",
        ),
        (&[("What is broken?", "a"), ("Does it work now?", "y")], over),
        (&[("What is broken?", "u")], "goes to the next level"),
    ];
    let mut reached = BTreeSet::new();
    for (answers, ends) in walks {
        let (said, steps) = walked(&lk, "incident", answers, ends);
        assert!(!lk.project().join("maintenance.on").exists(), "{said}");
        reached.extend(steps);
    }
    all_reached("incident", &reached, &["maintenance_by_hand", "restart_by_hand", "after_health"]);
}

#[test]
fn migrate_is_rehearsed_as_on_production_and_reaches_nothing_but_its_copy() {
    let server = private(&[]);
    let database = server.database("walked_rehearsal");
    let lk = production(&database);
    let args = ["run", "migrate", "--plain", "--rehearse"];
    let answers: Answers = &[("Keep it, or go back?", "k"), ("Are the new indexes used?", "y")];
    let (said, reached) = walked_as(&lk, &args, answers, "the runbook was walked to its end");
    for line in [
        "personal data included",
        "REHEARSAL of PRODUCTION walked_rehearsal",
        "On REHEARSAL of PRODUCTION: up 2 second",
        "up 2 second: done",
        "rehearsed, not run",
        "0  leave: the rehearsal ends",
    ] {
        assert!(said.contains(line), "no {line:?} in:\n{said}");
    }
    assert!(!said.contains("\nPRODUCTION "), "{said}");
    assert!(reached.contains("validate/day"), "{reached:?}");
    // The real one has neither migrations nor backups, and nothing of its project was touched.
    let status = lk.run(&["status", "--json"]).document("status");
    assert_eq!(status["pending"], serde_json::json!(["1", "2"]));
    assert!(!lk.project().join("backups").exists());
    assert!(!lk.project().join("maintenance.on").exists());
    assert_eq!(lockkeeper::io::cluster::registered(&lk.state().join("lockkeeper")).len(), 0);
    let journals = lk.journals();
    let mark = journals[0].rehearsal().expect("it is marked");
    assert_eq!(mark.of.map(|of| of.database).as_ref(), Some(&database.name));
    assert!(lk.run(&["journal", "list"]).out().contains("REHEARSAL"));
    let report = lk.run(&["report"]).out();
    assert!(report.contains("THIS WAS A REHEARSAL"), "{report}");
    assert!(
        lk.run(&["resume", "--plain"]).said().contains("no run on this target was interrupted")
    );
}

#[test]
fn a_step_may_say_that_it_reaches_outside_in_a_rehearsal_and_a_killed_one_leaves_nothing() {
    let server = private(&[]);
    let database = server.database("walked_killed");
    let lk = production(&database);
    lk.write("ours.toml", OURS);
    assert_eq!(lk.run(&["runbook", "allow", "ours.toml"]).code(), 0);
    let args = ["run", "--file", "ours.toml", "--plain", "--rehearse", "--schema-only"];
    let (said, _) = walked_as(&lk, &args, &[], "the runbook was walked to its end");
    assert!(!lk.project().join("outside").exists(), "{said}");
    assert!(lk.project().join("inside").exists(), "{said}");
    lk.write("migrations/1_first.up.sql", "SELECT pg_sleep(600);");
    let mut typed = lk.typed(&args);
    for _ in 0..2 {
        typed.answer("number> ", "1");
        typed.expect("and runs nothing: ");
        typed.line("yes");
    }
    let state = lk.state().join("lockkeeper");
    let copies = lockkeeper::io::cluster::registered(&state);
    assert_eq!(copies.len(), 1);
    typed.answer("number> ", "1");
    typed.expect("and runs nothing: ");
    typed.kill();
    crate::support::until::until("the copy is gone with all that is in it", || {
        !copies[0].exists() && lockkeeper::io::cluster::registered(&state).is_empty()
    });
    let run = lk.journals().len();
    assert_eq!(run, 2);
    assert!(
        lk.run(&["resume", "--plain"]).said().contains("no run on this target was interrupted")
    );
    let open = lk.journals().into_iter().find(|one| !one.closed()).expect("the killed one");
    let named = lk.run(&["resume", &open.records[0].run, "--plain"]);
    assert!(named.said().contains("was a rehearsal"), "{}", named.said());
}

const OURS: &str = r#"
schema = 1
id = "ours"
title = "Ours"

[[section]]
id = "all"
title = "All"

[[section.step]]
id = "outside"
kind = "act"
title = "Reach outside"
command = ["touch", "outside"]

[[section.step]]
id = "inside"
kind = "act"
title = "Reach outside, too"
command = ["touch", "inside"]
rehearse = true

[[section.step]]
id = "up"
kind = "act"
title = "Migrate"
migrate = { direction = "up", to = "head" }
"#;

//! `backups prune`, `pin`, `unpin` and `adopt`, and what other programs keep, as a user sees it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use lockkeeper::domain::backup::{Manifest, manifest};
use serde_json::{Value, json};

use super::lk::Lk;
use crate::support::act::{self, files};
use crate::support::server::{Database, database};

/// A project with one good backup of a database.
fn shop(name: &str) -> (Database, Lk, PathBuf) {
    let database = database(name);
    database.execute("CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1)");
    let lk = Lk::on(&database);
    let made = lk.confirmed(&["backup"]);
    assert_eq!(made.code(), 0, "{}", made.said());
    let dump = dumps(&lk).remove(0);
    (database, lk, dump)
}

fn dumps(lk: &Lk) -> Vec<PathBuf> {
    let mut all = files(&lk.project().join("backups"));
    all.retain(|path| path.extension().is_some_and(|ending| ending == "dump"));
    all.sort();
    all
}

fn beside(dump: &Path) -> PathBuf {
    let name = dump.file_name().expect("a name").to_string_lossy();
    dump.with_file_name(manifest::name_for(&name))
}

/// Copies a backup as one that was made earlier.
fn older(dump: &Path, days: i64, change: impl FnOnce(&mut Manifest)) -> PathBuf {
    let path = dump.with_file_name(format!("older-{days}.dump"));
    fs::copy(dump, &path).expect("it can be copied");
    let text = fs::read_to_string(beside(dump)).expect("it has a manifest");
    let mut manifest = Manifest::read(&text).expect("it reads");
    manifest.id = format!("older-{days}.dump");
    manifest.snapshot_started_at =
        manifest.snapshot_started_at.map(|at| at - TimeDelta::days(days));
    // Its run is over.
    manifest.made_by.run = None;
    change(&mut manifest);
    fs::write(beside(&path), manifest.text()).expect("it is written");
    path
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

fn listed(lk: &Lk, path: &Path) -> Value {
    let document = lk.run(&["backups", "--json"]).document("backups");
    let all = document["backups"].as_array().expect("a list").clone();
    let place = path.display().to_string();
    all.into_iter().find(|one| one["location"] == json!(place)).expect("it is listed")
}

#[test]
fn prune_removes_what_three_newer_proven_ones_supersede_and_nothing_else() {
    let (_database, lk, newest) = shop("tend_prune");
    let kept: Vec<PathBuf> = (1..=2).map(|days| older(&newest, days, |_| {})).collect();
    let gone: Vec<PathBuf> = (3..=4).map(|days| older(&newest, days, |_| {})).collect();
    let pinned = older(&newest, 5, |manifest| manifest.pinned = true);
    let other = older(&newest, 6, |manifest| {
        manifest.source.system_identifier = Some("1".to_owned());
    });
    let ageless = older(&newest, 7, |manifest| manifest.snapshot_started_at = None);
    let found = newest.with_file_name("found.dump");
    fs::copy(&newest, &found).expect("it can be copied");
    assert_eq!(listed(&lk, &gone[0])["retention"], "prunable");

    let side = gone[0].with_file_name(manifest::beside(&name(&gone[0])));
    fs::create_dir(&side).expect("it can be made");
    fs::write(side.join("roles.sql"), "--").expect("it is written");

    let (plan, _) = lk.plan(&["backups", "prune"]);
    assert_eq!(plan["risk"], "destructive");
    let places = plan["action"]["backups"].as_array().expect("a list").clone();
    let expected: Vec<Value> =
        gone.iter().rev().map(|path| json!(path.display().to_string())).collect();
    assert_eq!(places, expected, "the oldest first");
    assert!(gone.iter().all(|path| path.exists()), "a plan removes nothing");

    let answer = lk.confirmed(&["backups", "prune"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    assert!(gone.iter().all(|path| !path.exists() && !beside(path).exists()));
    assert!(!side.exists(), "what lay beside it is gone too");
    for stays in kept.iter().chain([&newest, &pinned, &other, &ageless, &found]) {
        assert!(stays.exists(), "{}", stays.display());
    }
    let again = lk.run(&["backups", "prune", "--plan"]);
    again.refuses("the rules of retention keep every backup");
}

#[test]
fn one_that_changed_after_the_yes_keeps_them_all() {
    let (_database, lk, newest) = shop("tend_changed");
    let all: Vec<PathBuf> = (1..=4).map(|days| older(&newest, days, |_| {})).collect();
    let (_, hash) = lk.plan(&["backups", "prune"]);
    let bytes = fs::read(&all[2]).expect("it reads");
    fs::remove_file(&all[2]).expect("it can be removed");
    fs::write(&all[2], bytes).expect("the same bytes, another file");
    let answer = lk.run(&["backups", "prune", "--confirm", &hash]);
    assert_eq!(answer.code(), 2, "{}", answer.said());
    assert!(all.iter().all(|path| path.exists()));
}

#[test]
fn without_a_recent_and_proven_one_nothing_is_pruned() {
    let (_database, lk, newest) = shop("tend_gate");
    for days in 1..=4 {
        older(&newest, days, |_| {});
    }
    fs::remove_file(&newest).expect("it can be removed");
    fs::remove_file(beside(&newest)).expect("it can be removed");
    let refused = lk.run(&["backups", "prune", "--plan"]);
    refused.refuses("none younger than 24h stands in for it");
}

#[test]
fn what_an_open_run_has_made_stays() {
    let (_database, lk, newest) = shop("tend_held");
    for days in 1..=2 {
        older(&newest, days, |_| {});
    }
    let runs = lk.state().join("lockkeeper/runs");
    let run = fs::read_dir(&runs).expect("there is a run").next().expect("one").expect("it reads");
    let journal = run.path().join("journal.jsonl");
    let text = fs::read_to_string(&journal).expect("it reads");
    let (rest, _closed) = text.trim_end().rsplit_once('\n').expect("several records");
    fs::write(&journal, format!("{rest}\n")).expect("it is open again");
    let run = run.file_name().to_string_lossy().into_owned();
    let held = older(&newest, 3, |manifest| manifest.made_by.run = Some(run));
    let free = older(&newest, 4, |_| {});
    let (plan, _) = lk.plan(&["backups", "prune"]);
    let places = plan["action"]["backups"].to_string();
    assert!(places.contains(&name(&free)) && !places.contains(&name(&held)), "{places}");
}

#[test]
fn what_an_open_run_reads_stays() {
    let (_database, lk, newest) = shop("tend_read");
    for days in 1..=2 {
        older(&newest, days, |_| {});
    }
    let read = [3, 4].map(|days| older(&newest, days, |_| {}));
    let free = older(&newest, 5, |_| {});
    let acts = [&["restore"][..], &["restore-table", "stage", "users"]];
    for (act, dump) in acts.iter().zip(&read) {
        let dump = dump.to_string_lossy();
        let args = [act, &[&*dump][..]].concat();
        let (_, hash) = lk.plan(&args);
        let mut command = lk.command(&[&args[..], &["--confirm", &hash]].concat());
        // It dies between its intent and its act: the run is left open.
        let output = command.env("LOCKKEEPER_FAILPOINT", "act.after_sync").output();
        assert!(!output.expect("it starts").status.success(), "{act:?}");
    }
    let (plan, _) = lk.plan(&["backups", "prune"]);
    let places = plan["action"]["backups"].to_string();
    assert!(places.contains(&name(&free)), "{places}");
    for (act, dump) in acts.iter().zip(&read) {
        assert!(!places.contains(&name(dump)), "{act:?}: {places}");
    }
}

#[test]
fn a_pin_holds_until_it_is_taken_off() {
    let (_database, lk, newest) = shop("tend_pin");
    let old: Vec<PathBuf> = (1..=3).map(|days| older(&newest, days, |_| {})).collect();
    let place = format!("backups/{}", name(&old[2]));
    let answer = lk.confirmed(&["backups", "pin", &place]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    assert_eq!(listed(&lk, &old[2])["retention"], "pinned");
    lk.run(&["backups", "prune", "--plan"]).refuses("keep every backup");
    lk.run(&["backups", "pin", &place, "--plan"]).refuses("is pinned already");
    assert_eq!(lk.confirmed(&["backups", "unpin", &place]).code(), 0);
    assert_eq!(listed(&lk, &old[2])["retention"], "prunable");
    assert_eq!(listed(&lk, &old[2])["verified"][0]["ok"], true, "its proofs are still there");
}

#[test]
fn an_adopted_backup_says_what_nobody_can_prove_and_a_change_of_it_is_noticed() {
    let (_database, lk, newest) = shop("tend_adopt");
    let found = newest.with_file_name("found.dump");
    fs::copy(&newest, &found).expect("it can be copied");
    let (plan, _) = lk.plan(&["backups", "adopt", "backups/found.dump"]);
    let now = plan["preview"]["now"].to_string();
    assert!(now.contains("how old it is"), "{now}");
    let answer = lk.confirmed(&["backups", "adopt", "backups/found.dump"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());

    let text = fs::read_to_string(beside(&found)).expect("a manifest");
    let manifest = Manifest::read(&text).expect("it reads");
    assert_eq!((manifest.snapshot_started_at, manifest.source.system_identifier), (None, None));
    assert!(manifest.unproven.len() >= 4 && manifest.rows.is_empty(), "{text}");
    assert_eq!(
        fs::metadata(beside(&found)).expect("it is there").permissions().mode() & 0o777,
        0o600
    );
    let backup = listed(&lk, &found);
    assert_eq!(
        (&backup["registered"], &backup["snapshot_started_at"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(backup["created_at"], Value::Null, "it was adopted then, not made");
    let proof = lk.run(&["verify", "backups/found.dump", "--level", "L1", "--json"]);
    assert_eq!(proof.document("verify")["reached"], "L1");
    lk.run(&["backups", "adopt", "backups/found.dump", "--plan"]).refuses("has its manifest");

    let mut bytes = fs::read(&found).expect("it reads");
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    fs::write(&found, bytes).expect("it is written");
    let proof = lk.run(&["verify", "backups/found.dump", "--level", "L1"]);
    assert_eq!(proof.code(), 1, "{}", proof.out());
}

#[test]
fn what_is_cut_off_is_not_adopted() {
    let (_database, lk, newest) = shop("tend_cut");
    let cut = newest.with_file_name("cut.dump");
    let bytes = fs::read(&newest).expect("it reads");
    fs::write(&cut, &bytes[..bytes.len() - 200]).expect("it is written");
    let refused = lk.run(&["backups", "adopt", "backups/cut.dump", "--plan"]);
    refused.refuses("not known to be complete");
    lk.run(&["backups", "adopt", "backups/none.dump", "--plan"])
        .refuses("is not among the backups");
}

/// A project on no server whose pgBackRest is a script.
fn with_pgbackrest(script: &str) -> Lk {
    let lk = Lk::at("postgresql:///nowhere?host=/nonexistent");
    let program = lk.project().join("pgbackrest");
    act::script(&program, script);
    lk.write(
        "lockkeeper.toml",
        "schema = 1\n[backups]\npgbackrest = { stanza = \"main\" }\n\
         [[backups.managed]]\nname = \"rds:before-0017\"\ntaken_at = \"2026-11-20T02:00:00Z\"\nby = \"ada\"\n",
    );
    lk
}

fn answer(lk: &Lk) -> Value {
    answer_with(lk, ":/usr/bin:/bin")
}

/// Returns the list where programs lie in the project and in `elsewhere`.
fn answer_with(lk: &Lk, elsewhere: &str) -> Value {
    let path = format!("{}{elsewhere}", lk.project().display());
    let output = lk.command(&["backups", "--json"]).env("PATH", path).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a document")
}

#[test]
fn what_pgbackrest_keeps_and_what_somebody_wrote_down_is_in_the_list() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/samples/backups/pgbackrest_info_page_error.json");
    let script = format!(
        "#!/bin/sh\n[ \"$*\" = '--stanza=main --output=json info' ] && exec cat {}\nexit 9\n",
        sample.display()
    );
    let lk = with_pgbackrest(&script);
    let document = answer(&lk);
    let all = document["backups"].as_array().expect("a list");
    let kinds: Vec<&str> = all.iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds, ["pgbackrest", "managed", "pgbackrest"], "by worth: {document}");
    assert_eq!(all[0]["system_identifier"], "7710180654745695119");
    assert_eq!(all[1]["snapshot_started_at"], "2026-11-20T02:00:00Z");
    assert_eq!((&all[1]["complete"], &all[1]["judged"]["by"]), (&Value::Null, &json!("ada")));
    assert_eq!(all[2]["judged"]["ok"], false);
}

#[test]
fn a_program_that_fails_floods_or_is_not_there_is_a_problem_in_the_list() {
    for (script, why) in [
        ("#!/bin/sh\necho 'ERROR: [055]: no repository' >&2; exit 55\n", "[055]: no repository"),
        ("#!/bin/sh\nyes | head -c 40000000\n", "its answer is no JSON"),
    ] {
        let document = answer(&with_pgbackrest(script));
        let problems = document["problems"].to_string();
        assert!(problems.contains("pgbackrest") && problems.contains(why), "{problems}");
    }
    // One that this machine may have is not found either.
    let document = answer_with(&with_pgbackrest("#!/nonexistent/sh\n"), "");
    let problems = document["problems"].to_string();
    let why = "cannot be asked";
    assert!(problems.contains("pgbackrest") && problems.contains(why), "{problems}");
}

#[test]
fn words_of_a_file_start_no_program_before_they_are_allowed() {
    let lk = with_pgbackrest("#!/bin/sh\ntouch ran\n");
    lk.write(
        "lockkeeper.toml",
        "schema = 1\n[backups]\npgbackrest = { stanza = \"main\", prefix = [\"./pgbackrest\"] }\n",
    );
    let document = answer(&lk);
    assert!(document["problems"].to_string().contains("is not allowed yet"), "{document}");
    assert!(!lk.project().join("ran").exists());
    lk.write("lockkeeper.toml", "schema = 1\n[backups]\npgbackrest = { stanza = \"--repo\" }\n");
    lk.run(&["backups"]).refuses("no `-` first");
}

//! Backups that another program keeps, proven by that program: a prefix says what the real ones
//! have printed of one repository.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::lk::{Answer, Lk};
use crate::support::act::script;

const FULL: &str = "pgbackrest:main/20261121-195500F";
const BARMAN: &str = "barman:main/20261121T195627";

/// A project whose catalogs are those of two real repositories.
fn project() -> Lk {
    let lk = Lk::at("postgresql:///nowhere?host=/nowhere&user=nobody");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/backups");
    let text = format!(
        "#!/bin/sh\ncd {samples}\nby=$(cat {project}/say)\ncase \"$*\" in\n\
         *--output=json\\ info) cat pgbackrest_verify_info.json;;\n\
         *list-backup*) cat barman_verify_list.json;;\n\
         *show-backup*) echo '{{\"main\": {{}}}}';;\n\
         pgbackrest*verify) cat pgbackrest_verify_$by.txt;;\n\
         barman*verify-backup*) cat barman_verify_$by.json; [ $by = ok ];;\n\
         *) exit 9;; esac\n",
        samples = samples.display(),
        project = lk.project().display(),
    );
    let program = lk.project().join("there");
    script(&program, &text);
    let prefix = program.display();
    lk.write(
        "lockkeeper.toml",
        &format!(
            "schema = 1\n[backups]\npgbackrest = {{ stanza = \"main\", prefix = [\"{prefix}\"] }}\n\
             barman = {{ server = \"main\", prefix = [\"{prefix}\"] }}\n"
        ),
    );
    lk
}

fn allowed() -> Lk {
    let lk = project();
    assert_eq!(lk.run(&["runbook", "allow", "lockkeeper.toml"]).code(), 0);
    lk
}

#[test]
fn what_their_own_program_found_is_kept_and_listed_until_it_finds_another_thing() {
    let lk = allowed();
    let listed = |location: &str| {
        let known = lk.run(&["backups", "--json"]).document("backups");
        let all = known["backups"].as_array().expect("a list").clone();
        let found = all.into_iter().find(|backup| backup["location"] == location);
        found.expect("it is listed")["judged"].clone()
    };
    for location in [FULL, BARMAN] {
        assert!(listed(location)["ok"].is_null(), "nobody has looked");
        for (say, code, ok) in [("ok", 0, Some(true)), ("damaged", 1, Some(false))] {
            lk.write("say", say);
            let proof = lk.run(&["verify", location, "--json"]);
            assert_eq!(proof.code(), code, "{location} {say}: {}", proof.said());
            let proof = proof.document("verify");
            assert_eq!((proof["ok"].as_bool(), proof["judged"]["ok"].as_bool()), (ok, ok));
            assert_eq!(listed(location), proof["judged"], "{location} {say}");
        }
    }
    // What could not be told leaves what was found before.
    lk.write("say", "unknown");
    assert_eq!(lk.run(&["verify", BARMAN]).code(), 2);
    assert_eq!(listed(BARMAN)["ok"], false);
}

#[test]
fn what_is_not_allowed_or_not_configured_runs_no_program() {
    let lk = project();
    lk.write("say", "ok");
    lk.run(&["verify", FULL]).says(2, "lockkeeper runbook allow");
    assert_eq!(lk.run(&["runbook", "allow", "lockkeeper.toml"]).code(), 0);
    lk.run(&["verify", "barman:other/20261121T195627"]).says(2, "names no program that keeps it");
}

#[test]
fn a_variable_that_is_no_utf_8_stops_no_listing() {
    let lk = allowed();
    let mut command = lk.command(&["backups", "--json"]);
    let output = command.env("LATIN", OsStr::from_bytes(b"\xe9")).output().expect("it starts");
    let known = Answer::of(output).document("backups");
    let all = known["backups"].as_array().expect("a list");
    assert!(all.iter().any(|backup| backup["location"] == FULL), "{known}");
}

//! `doctor`: what is found is said, what is missing fails, and a pin is written after a yes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::lk::{Answer, Lk};
use crate::support::pty::{self, Pty};
use crate::support::server;

/// A DSN that nobody listens on.
const NOBODY: &str = "postgresql://nobody@localhost:1/none?connect_timeout=2";

fn answer(mut command: Command) -> Answer {
    Answer::of(command.output().expect("lockkeeper starts"))
}

/// Returns the states of the findings with that id, and what is said of them.
fn of<'a>(document: &'a Value, id: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let text = |finding: &'a Value, key: &str| finding[key].as_str().unwrap_or("-");
    let findings = document["findings"].as_array().expect("a list");
    let found = findings.iter().filter(|finding| finding["id"] == id);
    found.map(|one| (text(one, "state"), text(one, "value"), text(one, "advice"))).collect()
}

fn state<'a>(document: &'a Value, id: &str) -> &'a str {
    of(document, id).first().unwrap_or_else(|| panic!("no {id} in {document:#}")).0
}

#[test]
fn a_target_that_answers_is_described() {
    let database = server::database("doctor_target");
    let answer = Lk::on(&database).run(&["doctor", "--json"]);
    let document = answer.document("doctor");
    for id in ["configuration", "target", "connection", "pooler", "server", "primary", "tls"] {
        assert_eq!(state(&document, id), "ok", "{id}");
    }
    for id in ["pg_monitor", "pg_signal_backend", "createdb", "state_directory", "tool"] {
        assert_eq!(state(&document, id), "ok", "{id}");
    }
    let (state, _, advice) = of(&document, "pin")[0];
    assert_eq!((state, advice), ("warn", "lockkeeper doctor --pin --target test"));
    let failed =
        document["findings"].as_array().expect("a list").iter().any(|f| f["state"] == "fail");
    assert_eq!(answer.code(), i32::from(failed));
}

#[test]
fn without_any_target_everything_else_is_looked_at() {
    let lk = Lk::at(NOBODY);
    fs::remove_file(lk.project().join("lockkeeper.toml")).expect("it is there");
    let document = lk.run(&["doctor", "--json"]).document("doctor");
    assert_eq!(state(&document, "target"), "warn");
    assert!(of(&document, "connection").is_empty());
    assert!(of(&document, "configuration")[0].1.contains("the defaults serve"));
    assert_eq!(state(&document, "runbook.migrate"), "ok");
}

#[test]
fn a_target_that_does_not_answer_fails_with_what_to_do() {
    let answer = Lk::at(NOBODY).run(&["doctor", "--json"]);
    assert_eq!(answer.code(), 1);
    let document = answer.document("doctor");
    assert_eq!(of(&document, "connection")[0].1, "nobody listens there");
}

#[test]
fn missing_programs_fail_with_the_command_of_the_platform() {
    let lk = Lk::at(NOBODY);
    let mut command = lk.command(&["doctor", "--json"]);
    command.env("PATH", "/nowhere").env("LOCKKEEPER_PG_BIN", "/nowhere");
    let answer = answer(command);
    assert_eq!(answer.code(), 1);
    let document = answer.document("doctor");
    for (id, wanted) in [("pg_dump", "fail"), ("pg_restore", "fail"), ("psql", "warn")] {
        let (state, value, advice) = of(&document, id)[0];
        assert_eq!((state, value), (wanted, "-"), "{id}");
        assert!(advice.contains("install"), "{advice}");
    }
    assert_eq!(state(&document, "server_programs"), "warn");
}

/// Writes programs that tell this version.
fn pretend(directory: &Path, version: &str) {
    for name in ["psql", "pg_dump", "pg_restore"] {
        let path = directory.join(name);
        let text = format!("#!/bin/sh\necho \"{name} (PostgreSQL) {version}\"\n");
        fs::write(&path, text).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be");
    }
}

fn with_programs(lk: &Lk, version: &str) -> Value {
    let bin = tempfile::tempdir().expect("a directory");
    pretend(bin.path(), version);
    let mut command = lk.command(&["doctor", "--json"]);
    command.env("PATH", format!("{}:/bin:/usr/bin", bin.path().display()));
    answer(command).document("doctor")
}

#[test]
fn an_old_release_warns_of_its_holes_and_an_old_major_cannot_dump() {
    let database = server::database("doctor_programs");
    let document = with_programs(&Lk::at(NOBODY), "15.13");
    let (state_, value, advice) = of(&document, "pg_dump")[0];
    assert_eq!(state_, "warn", "{value}");
    assert!(advice.contains("before 15.14") && advice.contains("CVE-2025-8714"), "{advice}");
    let document = with_programs(&Lk::on(&database), "9.6.24");
    assert_eq!(state(&document, "pg_restore"), "fail");
    assert_eq!(state(&document, "psql"), "warn");
    assert!(of(&document, "pg_restore")[0].2.contains("older than the server"));
    // A backup takes the program of the server's version, wherever it lies.
    let (_, value, _) = of(&document, "pg_dump")[0];
    assert!(!value.starts_with("9.6"), "{value}");
    let document = with_programs(&Lk::on(&database), "99.0");
    assert_eq!(state(&document, "pg_dump"), "ok");
}

#[test]
fn each_problem_of_the_configuration_is_a_finding_and_the_rest_is_still_looked_at() {
    let lk = Lk::at(NOBODY);
    lk.write("lockkeeper.toml", "schema = 1\n[polcy]\n[ui]\nmouze = true\n");
    let answer = lk.run(&["doctor", "--json"]);
    assert_eq!(answer.code(), 1);
    let document = answer.document("doctor");
    let found = of(&document, "configuration");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.iter().all(|(state, value, _)| *state == "fail" && value.contains("did you mean"))
    );
    assert_eq!(state(&document, "state_directory"), "ok");
}

#[test]
fn what_nobody_filled_in_or_allowed_or_measures_is_named() {
    let lk = Lk::at(NOBODY);
    lk.write(
        "lockkeeper.toml",
        "schema = 1\n[project]\nprefix = [\"no-such-program-here\", \"run\"]\n\
         [contacts.a]\nname = \"Ann\"\nreach = \"TBD\"\n[contacts.b]\nname = \"…\"\nreach = \"+1 555\"\n\
         [probes.health]\nhttp = \"http://localhost/\"\n",
    );
    fs::create_dir(lk.project().join("runbooks")).expect("it can be made");
    let book = fs::read_to_string("runbooks/migrate.toml").expect("it reads");
    lk.write("runbooks/migrate.toml", &book);
    lk.write("runbooks/broken.toml", "schema = 1\n");
    let document = lk.run(&["doctor", "--json"]).document("doctor");
    let contacts = of(&document, "contacts")[0];
    assert_eq!(
        (contacts.0, contacts.1),
        ("warn", "not filled in: contacts.a.reach, contacts.b.name")
    );
    assert!(of(&document, "commands")[0].2.contains("lockkeeper runbook allow"));
    assert_eq!(of(&document, "triggers")[0].1, "without a probe: auth_failures");
    assert_eq!(state(&document, "tool_program"), "fail");
    assert_eq!(state(&document, "runbook.migrate"), "warn");
    assert_eq!(state(&document, "runbook.broken"), "fail");
}

#[test]
fn a_state_directory_that_others_read_is_worth_a_look_and_a_file_in_its_place_fails() {
    let lk = Lk::at(NOBODY);
    let dir = tempfile::tempdir().expect("a directory");
    let state_home = dir.path().join("lockkeeper");
    let look = || {
        let mut command = lk.command(&["doctor", "--json"]);
        command.env("XDG_STATE_HOME", dir.path());
        answer(command).document("doctor")
    };
    fs::create_dir(&state_home).expect("it can be made");
    fs::set_permissions(&state_home, fs::Permissions::from_mode(0o755)).expect("it can be");
    let document = look();
    let (found, value, advice) = of(&document, "state_directory")[0];
    assert_eq!(found, "warn");
    assert!(value.contains("0755") && advice.starts_with("chmod 0700 "), "{value} {advice}");
    fs::set_permissions(&state_home, fs::Permissions::from_mode(0o700)).expect("it can be");
    assert_eq!(state(&look(), "state_directory"), "ok");
    fs::remove_dir(&state_home).expect("it is empty");
    symlink("/proc/version", &state_home).expect("it can be linked");
    assert_eq!(state(&look(), "state_directory"), "fail");
}

#[test]
fn the_table_says_the_same_with_words_and_symbols() {
    let answer = Lk::at(NOBODY).run(&["doctor"]);
    assert_eq!(answer.code(), 1);
    let out = answer.out();
    assert!(out.contains("✖ FAIL  connection"), "{out}");
    assert!(out.contains("✓ ok    configuration"), "{out}");
}

const TARGET: &str = "lockkeeper.toml";

#[test]
fn a_first_pin_is_written_after_a_yes_and_holds_from_then_on() {
    let database = server::database("doctor_pin");
    let lk = Lk::on(&database);
    let before = fs::read_to_string(lk.project().join(TARGET)).expect("it reads");
    let mut typed = lk.typed(&["doctor", "--pin"]);
    typed.expect("+ pin = { system_identifier = ");
    typed.answer("Type y", "n");
    let (_, code) = typed.end();
    assert_eq!(code, Some(2));
    assert_eq!(fs::read_to_string(lk.project().join(TARGET)).expect("it reads"), before);
    let mut typed = lk.typed(&["doctor", "--pin"]);
    typed.answer("Type y", "y");
    let (text, code) = typed.end();
    assert_eq!(code, Some(0), "{text}");
    let document = lk.run(&["doctor", "--json"]).document("doctor");
    assert_eq!(state(&document, "pin"), "ok");
    assert!(lk.run(&["doctor", "--pin", "--yes"]).out().contains("nothing was written"));
}

#[test]
fn what_was_typed_before_the_pin_was_shown_writes_none() {
    let database = server::database("doctor_pin_ahead");
    let lk = Lk::on(&database);
    let read = || fs::read_to_string(lk.project().join(TARGET)).expect("it reads");
    let before = read();
    // It begins once the terminal holds the line.
    let waits = "while [ ! -e go ]; do sleep 0.05; done; exec \"$0\" doctor --pin";
    let mut command = pty::command(Path::new("/bin/sh"), &["-c", waits, server::LOCKKEEPER]);
    command.cwd(lk.project());
    command.env("XDG_STATE_HOME", lk.state());
    let mut terminal = Pty::spawn(command, 120, 40);
    terminal.send("y\r");
    terminal.wait_for("y");
    lk.write("go", "");
    terminal.wait_for("Type y to write it");
    terminal.send("\r");
    assert_eq!(terminal.wait().exit_code(), 2, "{}", terminal.screen().contents());
    assert_eq!(read(), before);
}

#[test]
fn another_pin_is_only_replaced_by_the_databases_typed_name() {
    let database = server::database("doctor_pin_again");
    let lk = Lk::on(&database);
    let dsn = lk.dsn().to_owned();
    let old = format!(
        "schema = 1\n[targets.test]\ndsn = \"{dsn}\"\npin = {{ system_identifier = \"1\", database = \"x\" }}\n"
    );
    lk.write(TARGET, &old);
    let document = lk.run(&["doctor", "--json"]).document("doctor");
    assert_eq!(state(&document, "pin"), "fail");
    let read = || fs::read_to_string(lk.project().join(TARGET)).expect("it reads");
    for said in ["y", "yes", ""] {
        let mut typed = lk.typed(&["doctor", "--pin", "--yes"]);
        typed.answer("to replace the pin", said);
        assert_eq!(typed.end().1, Some(2));
        assert_eq!(read(), old);
    }
    // Nobody there to type it.
    assert_eq!(lk.run(&["doctor", "--pin", "--yes"]).code(), 2);
    assert_eq!(read(), old);
    let mut typed = lk.typed(&["doctor", "--pin"]);
    typed.expect("- pin = { system_identifier = \"1\"");
    typed.answer("to replace the pin", &database.name);
    assert_eq!(typed.end().1, Some(0));
    assert!(!read().contains("\"1\""));
    assert_eq!(lk.run(&["status", "--json"]).code(), 1, "pending, and the pin holds");
}

#[test]
fn a_pin_needs_a_target_of_the_file_that_answers() {
    let database = server::database("doctor_pin_none");
    let lk = Lk::on(&database);
    lk.run(&["doctor", "--pin", "--yes", "--dsn", lk.dsn()]).refuses("--target NAME");
    Lk::at(NOBODY).run(&["doctor", "--pin", "--yes"]).refuses("nobody listens there");
}

#[test]
fn the_tool_is_the_one_that_the_configuration_names() {
    let database = server::database("doctor_tool");
    let lk = Lk::on(&database);
    let file = fs::read_to_string(lk.project().join("lockkeeper.toml")).expect("it is there");
    lk.write("lockkeeper.toml", &format!("{file}[project]\ntool = \"sqlx\"\n"));
    let document = lk.run(&["doctor", "--json"]).document("doctor");
    let (state, value, _) = of(&document, "tool")[0];
    assert_eq!(state, "ok");
    assert!(value.contains("sqlx in") && value.contains("[project] tool"), "{value}");
    lk.write("lockkeeper.toml", &format!("{file}[project]\ntool = \"alembic\"\n"));
    let document = lk.run(&["doctor", "--json"]).document("doctor");
    let (state, value, _) = of(&document, "tool")[0];
    assert_eq!(state, "fail");
    assert!(value.contains("no migrations of alembic"), "{value}");
}

#[test]
fn the_configured_probes_are_read_once_and_what_cannot_be_told_is_a_look() {
    let database = server::database("doctor_probes");
    let lk = Lk::on(&database);
    let file = fs::read_to_string(lk.project().join("lockkeeper.toml")).expect("it is there");
    let probes = "[probes.rows]\nsql = \"select 7\"\n\
                  [probes.many]\nsql = \"select 7\"\nexpect = { max = 3 }\n\
                  [probes.slow]\nsql = \"select pg_sleep(60)\"\ntimeout = \"1s\"\n\
                  [probes.program]\ncommand = [\"touch\", \"ran\"]\n";
    lk.write("lockkeeper.toml", &format!("{file}{probes}"));
    let document = lk.run(&["doctor", "--json"]).document("doctor");
    assert_eq!(state(&document, "probe.rows"), "ok");
    assert_eq!(state(&document, "probe.many"), "fail");
    assert_eq!(state(&document, "probe.slow"), "warn");
    let (state, value, _) = of(&document, "probe.program")[0];
    assert_eq!(state, "warn", "the file was not allowed");
    assert!(value.contains("runbook allow"), "{value}");
    assert!(!lk.project().join("ran").exists());
}

#[test]
fn what_doctor_says_of_pg_dump_is_what_a_backup_runs() {
    let database = server::database("doctor_dump");
    let lk = Lk::on(&database);
    let document = lk.run(&["doctor", "--json"]).document("doctor");
    let (state, value, _) = of(&document, "pg_dump")[0];
    assert_ne!(state, "fail", "{value}");
    let (plan, _) = lk.plan(&["backup"]);
    let program = value.split_once(", ").expect("version and place").1;
    assert!(plan.to_string().contains(program), "{value}: {plan}");
}

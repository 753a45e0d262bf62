//! Strict TOML: every problem has its path, line, key and suggestion.

use std::path::Path;

use lockkeeper::domain::config::Config;
use lockkeeper::io::document;

use crate::support::cases;

const EXAMPLE: &str = include_str!("../../samples/files/lockkeeper.toml");

fn problems(text: &str) -> Vec<String> {
    let path = Path::new("lockkeeper.toml");
    let problems = match document::read::<Config>(path, text) {
        Ok(config) => document::locate(path, text, config.check()),
        Err(problems) => problems,
    };
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_documented_example_has_no_problems() {
    assert_eq!(problems(EXAMPLE), [""; 0]);
}

#[test]
fn a_configuration_that_is_read_and_written_again_is_the_same() {
    let path = Path::new("lockkeeper.toml");
    let read: Config = document::read(path, EXAMPLE).expect("the example is good");
    let written = toml::to_string(&read).expect("a configuration can be written");
    let again = document::read(path, &format!("schema = 1\n{written}"));
    assert_eq!(again, Ok(read), "{written}");
}

#[test]
fn a_bad_file_is_told_where_and_what_was_meant() {
    for case in cases::read(include_str!("../../samples/files/bad_configurations.txt")) {
        assert_eq!(problems(case.text), case.expected, "of this file:\n{}", case.text);
    }
}

#[test]
fn a_refused_password_is_not_repeated() {
    for case in cases::read(include_str!("../../samples/files/bad_configurations.txt")) {
        let said = problems(case.text).join("\n");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn a_misspelt_key_is_told_once() {
    let found = problems("schema = 1\n[backups]\npgbackrest = { stansa = \"main\" }\n");
    let key = "lockkeeper.toml:3: `backups.pgbackrest.stansa`";
    assert_eq!(found, [format!("{key}: unknown key; did you mean `stanza`?")]);
}

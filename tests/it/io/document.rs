//! Strict TOML: every problem has its path, line, key and suggestion.

use std::path::Path;

use lockkeeper::domain::config::Config;
use lockkeeper::io::document;

fn problems(text: &str) -> Vec<String> {
    let path = Path::new("lockkeeper.toml");
    match document::read::<Config>(path, text) {
        Ok(config) => document::locate(path, text, config.check()),
        Err(problems) => problems,
    }
    .iter()
    .map(ToString::to_string)
    .collect()
}

#[test]
fn a_good_file_has_no_problems() {
    assert_eq!(problems("schema = 1\n[project]\ndirectory = \"backend\"\n"), [""; 0]);
}

#[test]
fn a_bad_file_is_told_where_and_what_was_meant() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["lockkeeper.toml: `schema`: it is missing; begin the file with `schema = 1`"]),
        (
            "\nschema = 2\n",
            &["lockkeeper.toml:2: `schema`: 2 is of a newer lockkeeper than this one, which \
               reads schema 1"],
        ),
        ("schema = \"1\"\n", &["lockkeeper.toml:1: `schema`: it has to be 1"]),
        ("schema = 1\n[project\n", &["x"]),
        ("schema = 1\n[project]\nname = \"a\"\nname = \"b\"\n", &["x"]),
        ("schema = 1\n[projekt]\n", &["x"]),
        (
            "schema = 1\n[policy]\nlock_timout = \"5s\"\nattempts = 3\nstatment_timeout = \"1h\"\n",
            &["x"],
        ),
        ("schema = 1\n[policy]\nzzz = 1\n", &["x"]),
        ("schema = 1\n[policy]\nlock_timeout = 5\n", &["x"]),
        ("schema = 1\n[policy]\nlock_timeout = \"5 parsecs\"\n", &["x"]),
        ("schema = 1\n[policy]\nlock_timeout = \"0s\"\nattempts = 0\n", &["x"]),
        ("schema = 1\n[triggers]\nslowdown = \"a third\"\n", &["x"]),
        ("schema = 1\n[targets.a]\nclass = \"prod\"\ndsn_env = \"X\"\n", &["x"]),
        ("schema = 1\n\n[targets.a]\nclass = \"staging\"\n", &["x"]),
        ("schema = 1\n[targets.a]\ndsn = \"service=a\"\ndsn_env = \"A\"\n", &["x"]),
        ("schema = 1\n[targets.a]\ndsn = \"postgresql://u:canary@h/d\"\n", &["x"]),
        ("schema = 1\n[targets.a]\nreplicas = [\n\"host=a password = canary\"]\n", &["x"]),
        ("schema = 1\n[targets.a]\ndsn = \"service=a\"\npin = { database = \"a\" }\n", &["x"]),
        ("schema = 1\n[project]\ntool = \"alembik\"\n", &["x"]),
        ("schema = 1\n[project]\ntool = \"command\"\n", &["x"]),
        ("schema = 1\n[project]\nenvironment = { URL = \"postgres://u:canary@h/d\" }\n", &["x"]),
        ("schema = 1\n[backups]\nrequired_level = \"L9\"\n", &["x"]),
        ("schema = 1\n[probes.health]\nhttp = \"http://a\"\nfile = \"b\"\n", &["x"]),
        ("schema = 1\n[probes.health]\nexpect = { equals = 1 }\n", &["x"]),
        ("schema = 1\n[probes.health]\nhttp = \"http://a\"\nexpect = {}\n", &["x"]),
        ("schema = 1\n[probes.health]\nhttp = \"http://a\"\nexpect = { statos = 1 }\n", &["x"]),
        ("schema = 1\n[probes.a]\nbuiltin = \"prymary\"\n", &["x"]),
        (
            "schema = 1\n[contacts.owner]\nname = \"a\"\nreach = \"b\"\n[[escalation]]\n\
             level = \"L1\"\ncontacts = [\n  \"ownr\",\n]\nwhen = []\n",
            &["x"],
        ),
        ("schema = 1\n[[escalation]]\nlevel = \"L1\"\nwhen = []\n", &["x"]),
    ];
    for (text, expected) in cases {
        let found = problems(text);
        println!("{text}\n=> {found:#?}");
        let _ = expected;
    }
}

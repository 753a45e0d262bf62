//! The configuration is found upward, and its commands wait for a permission.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use lockkeeper::domain::config::Config;
use lockkeeper::io::allowed::Allowed;
use lockkeeper::io::config;

const WITH_COMMANDS: &str = "schema = 1\n[project]\nprefix = [\"poetry\", \"run\"]\n";

#[test]
fn without_a_file_the_defaults_serve() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let loaded = config::load(None, dir.path()).expect("defaults need no file");
    assert_eq!((loaded.config, loaded.file), (Config::default(), None));
}

#[test]
fn the_nearest_file_above_the_working_directory_is_taken() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let deep = dir.path().join("a/b");
    fs::create_dir_all(&deep).expect("it can be made");
    fs::write(dir.path().join(config::NAME), "schema = 1\n").expect("it can be written");
    assert_eq!(config::find(&deep), Some(dir.path().join(config::NAME)));
    fs::write(dir.path().join("a").join(config::NAME), "schema = 1\n").expect("it can be written");
    let loaded = config::load(None, &deep).expect("it is good");
    assert_eq!(loaded.directory(), Some(dir.path().join("a").as_path()));
}

#[test]
fn a_named_file_that_is_not_there_is_an_error() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let missing = dir.path().join("other.toml");
    let refused = config::load(Some(&missing), dir.path()).expect_err("it is not there");
    let said = refused.to_string();
    assert!(said.starts_with(&format!("{}: cannot be read: ", missing.display())), "{said}");
}

#[test]
fn what_is_no_text_or_too_long_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join(config::NAME);
    for bytes in [b"schema = 1 # \xff".to_vec(), vec![b'\n'; (1 << 20) + 1]] {
        fs::write(&path, bytes).expect("it can be written");
        assert!(config::load(None, dir.path()).is_err());
    }
}

#[test]
fn commands_wait_for_a_permission_of_this_very_content() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join(config::NAME);
    let state = dir.path().join("state");
    let allowed = Allowed::in_state(&state);
    fs::write(&path, WITH_COMMANDS).expect("it can be written");

    let loaded = config::load(None, dir.path()).expect("it is good");
    let refused = loaded.commands_allowed(&allowed).expect_err("nobody has allowed it");
    assert!(refused.to_string().contains("lockkeeper runbook allow"), "{refused}");

    let hash = loaded.file.as_ref().expect("it has a file").hash.clone();
    allowed.allow(&path, &hash).expect("it can be allowed");
    assert!(loaded.commands_allowed(&allowed).is_ok());
    let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(state.join("allowed")), 0o700);
    assert_eq!(mode(state.join("allowed").join(hash)), 0o600);

    fs::write(&path, WITH_COMMANDS.replace("poetry", "evil")).expect("it can be written");
    let edited = config::load(None, dir.path()).expect("it is good");
    assert!(edited.commands_allowed(&allowed).is_err());
}

#[test]
fn a_file_without_commands_needs_no_permission() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join(config::NAME), "schema = 1\n").expect("it can be written");
    let loaded = config::load(None, dir.path()).expect("it is good");
    assert!(loaded.commands_allowed(&Allowed::in_state(dir.path())).is_ok());
}

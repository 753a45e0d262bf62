//! Writing a pin: the file keeps everything else, and is never half written.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use lockkeeper::io::pin::{Error, edit, of};
use tempfile::TempDir;

use crate::support::facts::identity;

const PIN: &str = "pin = { system_identifier = \"7412000000000000903\", database = \"shop\", \
                   host = \"db1\", primary = true }";

fn file(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("lockkeeper.toml");
    fs::write(&path, text).expect("it can be written");
    (dir, path)
}

fn pinned(text: &str) -> String {
    let (_dir, path) = file(text);
    edit(&path, "shop", &of(&identity(), None)).expect("it can be pinned").write().expect("it is");
    fs::read_to_string(&path).expect("it reads")
}

#[test]
fn a_first_pin_comes_after_the_other_keys_and_nothing_else_changes() {
    let text = "# top\nschema = 1\n\n[targets.shop] # ours\nclass   = 'staging'\ndsn = \"service=x\" # why\n\n\
                [policy]\nattempts = 3\n";
    let wanted = text.replace("# why\n", &format!("# why\n{PIN}\n"));
    assert_eq!(pinned(text), wanted);
}

#[test]
fn another_pin_is_replaced_where_it_stands_with_its_comment() {
    let old = "[targets.shop]\npin = { system_identifier = \"1\", database = \"x\" } # since May\ndsn = \"service=x\"\n";
    assert_eq!(pinned(old), format!("[targets.shop]\n{PIN} # since May\ndsn = \"service=x\"\n"));
    let (_dir, path) = file(old);
    let edit = edit(&path, "shop", &of(&identity(), Some("db1.example"))).expect("it can be");
    let before = "pin = { system_identifier = \"1\", database = \"x\" }";
    assert!(edit.before.as_deref().is_some_and(|line| line.starts_with(before)), "{edit:?}");
    assert!(edit.after.ends_with("certificate = \"db1.example\" }"), "{}", edit.after);
    assert_eq!(fs::read_to_string(&path).expect("it reads"), old, "nothing is written yet");
}

#[test]
fn a_pin_that_is_a_table_of_its_own_becomes_a_line() {
    let text = "[targets.shop]\ndsn = \"service=x\"\n\n[targets.shop.pin]\nsystem_identifier = \"1\"\ndatabase = \"x\"\n";
    let written = pinned(text);
    let loaded: toml::Table = written.parse().expect("it is TOML");
    let pin = &loaded["targets"]["shop"]["pin"];
    assert_eq!(pin["system_identifier"].as_str(), Some("7412000000000000903"), "{written}");
}

#[test]
fn a_file_that_changed_meanwhile_is_left_alone() {
    let (dir, path) = file("[targets.shop]\n");
    let edit = edit(&path, "shop", &of(&identity(), None)).expect("it can be");
    fs::write(&path, "[targets.shop]\n# changed\n").expect("it can be written");
    assert!(matches!(edit.write(), Err(Error::Changed(_))));
    assert_eq!(fs::read_to_string(&path).expect("it reads"), "[targets.shop]\n# changed\n");
    assert_eq!(fs::read_dir(dir.path()).expect("it lists").count(), 1, "no draft is left");
}

#[test]
fn permissions_stay_and_a_link_stays_a_link() {
    let (dir, path) = file("[targets.shop]\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("it can be");
    let link = dir.path().join("link.toml");
    symlink(&path, &link).expect("it can be linked");
    edit(&link, "shop", &of(&identity(), None)).expect("it can be").write().expect("it is");
    assert!(link.is_symlink());
    assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o640);
    assert!(fs::read_to_string(&path).expect("it reads").contains(PIN));
}

#[test]
fn a_target_that_is_not_in_the_file_is_not_made_up() {
    let (_dir, path) = file("schema = 1\n");
    let refused = edit(&path, "shop", &of(&identity(), None)).expect_err("there is none");
    assert!(refused.to_string().contains("[targets.shop]"), "{refused}");
}

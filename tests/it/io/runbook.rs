//! Runbooks are found, read strictly, and trusted once per content.

use std::fs;
use std::path::Path;

use lockkeeper::domain::runbook::raw;
use lockkeeper::io::allowed::Allowed;
use lockkeeper::io::document;
use lockkeeper::io::runbook::{self, Origin, Places};

use crate::support::cases;

const ROLLBACK: &str = include_str!("../../samples/files/rollback.toml");
const KINDS: &str = include_str!("../../samples/files/kinds.toml");
const SMALL: &str = "schema = 1\nid = \"small\"\ntitle = \"S\"\n[[section]]\nid = \"one\"\n\
    title = \"One\"\n[[section.step]]\nid = \"a\"\nkind = \"notice\"\ntitle = \"A\"\ntext = \"t\"\n";

fn problems(text: &str) -> Vec<String> {
    let read = runbook::parse(Path::new("r.toml"), text);
    read.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn the_documented_example_and_every_kind_are_read_whole() {
    for text in [ROLLBACK, KINDS] {
        assert_eq!(problems(text), [""; 0]);
    }
}

#[test]
fn a_runbook_that_is_read_and_written_again_is_the_same() {
    for text in [ROLLBACK, KINDS] {
        let path = Path::new("r.toml");
        let read: raw::Runbook = document::read(path, text).expect("the sample is good");
        let written = toml::to_string(&read).expect("a runbook can be written");
        let again = document::read(path, &format!("schema = 1\n{written}"));
        assert_eq!(again, Ok(read), "{written}");
    }
}

#[test]
fn a_bad_runbook_is_told_where_and_what_was_meant() {
    for case in cases::read(include_str!("../../samples/files/bad_runbooks.txt")) {
        assert_eq!(problems(case.text), case.expected, "of this file:\n{}", case.text);
    }
}

#[test]
fn every_shipped_runbook_is_without_a_problem() {
    let names = runbook::names(&Places::default());
    assert!(names.contains(&"migrate".to_owned()));
    for name in names {
        let loaded = runbook::find(&name, &Places::default());
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.runbook.id, name);
        assert_eq!(loaded.origin, Origin::Embedded);
    }
}

#[test]
fn the_runbook_beside_the_configuration_comes_before_the_users_and_the_shipped_one() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (beside, user) = (dir.path().join("project"), dir.path().join("user"));
    for (base, title) in [(&beside, "theirs"), (&user, "mine")] {
        fs::create_dir_all(base.join("runbooks")).expect("it can be made");
        let text = SMALL.replace("small", "migrate").replace("\"S\"", &format!("\"{title}\""));
        fs::write(base.join("runbooks/migrate.toml"), text).expect("it can be written");
    }
    let title = |places| runbook::find("migrate", &places).expect("it is there").runbook.title;
    assert_eq!(title(Places::new(Some(&beside), Some(&user))), "theirs");
    assert_eq!(title(Places::new(None, Some(&user))), "mine");
    assert_ne!(title(Places::new(None, None)), "mine");
}

#[test]
fn an_unknown_name_is_answered_with_the_one_that_was_meant() {
    let refused = runbook::find("migrat", &Places::default()).expect_err("nothing has that name");
    let said = "no runbook is named `migrat`; did you mean `migrate`?; known here: backup, \
                incident, migrate, rehearsal, rollback, validate";
    assert_eq!(refused.to_string(), said);
    assert!(runbook::find("../migrate", &Places::default()).is_err());
}

#[test]
fn a_file_whose_id_is_not_its_name_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(dir.path().join("runbooks")).expect("it can be made");
    let path = dir.path().join("runbooks/large.toml");
    fs::write(&path, SMALL).expect("it can be written");
    let refused = runbook::find("large", &Places::new(Some(dir.path()), None));
    let refused = refused.expect_err("its id is another");
    let said = format!("{}:2: `id`: it has to be \"large\", as the file is named", path.display());
    assert_eq!(refused.to_string(), said);
}

#[test]
fn a_file_is_trusted_once_per_content() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("small.toml");
    fs::write(&path, SMALL).expect("it can be written");
    let allowed = Allowed::in_state(&dir.path().join("state"));

    let first = runbook::load(&path).expect("it is good");
    assert!(!first.is_trusted(&allowed));
    allowed.allow(&path, &first.hash).expect("it can be allowed");
    allowed.allow(&path, &first.hash).expect("allowing it twice changes nothing");
    assert!(first.is_trusted(&allowed) && first.is_unchanged());

    fs::write(&path, format!("{SMALL}# edited\n")).expect("it can be written");
    assert!(!first.is_unchanged());
    assert!(!runbook::load(&path).expect("it is good").is_trusted(&allowed));
    assert!(allowed.allow(&path, &first.hash).is_err(), "another content was shown");
}

#[test]
fn a_shipped_runbook_needs_no_permission() {
    let allowed = Allowed::in_state(Path::new("nowhere"));
    let shipped = runbook::find("migrate", &Places::default()).expect("it is shipped");
    assert!(shipped.is_trusted(&allowed) && shipped.is_unchanged());
}

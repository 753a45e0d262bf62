//! squawk's second opinion.

use lockkeeper::source::sql::compile;
use lockkeeper::source::sql::squawk::opinions;
use proptest::prelude::*;

#[test]
fn an_opinion_stands_at_its_statement() {
    let text = "SELECT 1;\n\nSELECT 2; ALTER TABLE t DROP COLUMN a;\n-- end";
    let opinions = opinions(text, None);
    assert_eq!(opinions.len(), compile(text).statements.len());
    assert!(opinions[..2].iter().all(Vec::is_empty));
    let dropped = opinions[2].iter().find(|o| o.rule == "ban-drop-column").expect("it is said");
    assert_eq!(dropped.line, 3);
    assert!(dropped.url.ends_with("/ban-drop-column"));
}

#[test]
fn the_limits_of_the_console_are_not_asked_of_a_file() {
    let said = opinions("ALTER TABLE t ADD COLUMN a text;", Some(150_018));
    assert!(said.iter().flatten().all(|o| !o.rule.contains("timeout")), "{said:?}");
}

#[test]
fn nobody_is_advised_to_build_an_index_over_an_invalid_one() {
    let said = opinions("CREATE INDEX CONCURRENTLY i ON t (a);", None);
    assert!(said.iter().flatten().all(|o| o.rule != "prefer-robust-stmts"), "{said:?}");
}

proptest! {
    #[test]
    fn every_statement_has_its_opinions(text in "[ -~\n$';\"]{0,200}") {
        prop_assert_eq!(opinions(&text, None).len(), compile(&text).statements.len());
    }
}

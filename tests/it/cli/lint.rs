//! `lint` on the real binary.

use super::lk::Lk;
use crate::support::server::database;

const NOWHERE: &str = "postgresql:///nowhere?host=/nonexistent&user=nobody";

#[test]
fn sql_that_harms_nobody_is_good() {
    let lk = Lk::at(NOWHERE);
    lk.write("a.sql", "CREATE TABLE fresh (id bigint PRIMARY KEY);");
    let answer = lk.run(&["lint", "a.sql", "--json"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    assert_eq!(answer.document("lint")["statements"][0]["severity"], "low");
}

#[test]
fn what_stops_others_or_destroys_is_bad_with_both_opinions_named() {
    let lk = Lk::at(NOWHERE);
    lk.write("a.sql", "SELECT 1;\nCREATE INDEX i ON t (a);\nALTER TABLE t DROP COLUMN b;\n");
    let answer = lk.run(&["lint", "a.sql", "--json"]);
    assert_eq!(answer.code(), 1, "{}", answer.said());
    let document = answer.document("lint");
    let index = &document["statements"][1];
    assert_eq!(index["findings"][0]["source"], "lockkeeper");
    assert_eq!(index["findings"][0]["safe_form"], "CREATE INDEX CONCURRENTLY i ON t (a)");
    let findings = index["findings"].as_array().expect("a list");
    let squawk = findings.iter().find(|f| f["rule"] == "require-concurrent-index-creation");
    assert_eq!(squawk.expect("squawk says it too")["source"], "squawk");
    assert_eq!(document["statements"][2]["losses"][0], "column t.b");
    let said = lk.run(&["lint", "a.sql"]).out();
    assert!(said.contains("a.sql:3") && said.contains("LOSES column t.b"), "{said}");
}

#[test]
fn what_cannot_be_read_or_understood_cannot_be_told() {
    let lk = Lk::at(NOWHERE);
    lk.write("broken.sql", "SELECT 1;\nfrobnicate;\n");
    let answer = lk.run(&["lint", "broken.sql", "missing.sql", "--json"]);
    assert_eq!(answer.document("lint")["errors"][0]["line"], 2);
    assert_eq!(answer.document("lint")["errors"][1]["file"], "missing.sql");
    lk.write("fine.sql", "SELECT 1;");
    assert_eq!(lk.run(&["lint", "missing.sql"]).code(), 2);
    assert_eq!(lk.run(&["lint", "fine.sql"]).code(), 0);
    std::fs::write(lk.project().join("latin.sql"), b"SELECT '\xe4';").expect("it can be written");
    assert_eq!(lk.run(&["lint", "latin.sql"]).code(), 2);
}

#[test]
fn a_named_target_tells_what_the_text_cannot() {
    let database = database("lint");
    database.execute("CREATE TABLE t (a varchar(10))");
    let lk = Lk::on(&database);
    lk.write("a.sql", "ALTER TABLE t ALTER COLUMN a TYPE varchar(20);");
    let rewrite = |args: &[&str]| lk.run(args).document("lint")["statements"][0]["rewrite"].clone();
    assert!(rewrite(&["lint", "a.sql", "--json"]).is_null());
    assert_eq!(rewrite(&["lint", "a.sql", "--json", "--dsn", lk.dsn()]), false);
}

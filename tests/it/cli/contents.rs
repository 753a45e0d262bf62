//! L5 over contents: sums of the making's snapshot against what a drill has loaded.

use std::fs;
use std::process::Command;

use lockkeeper::domain::backup::{Manifest, manifest};
use lockkeeper::domain::plan::sha256_hex;
use lockkeeper::io::cluster::clients;
use serde_json::{Value, json};

use super::lk::Lk;
use crate::support::act::files;
use crate::support::server::{Database, database};

/// What could have another text elsewhere: settings, orders of columns, types, generated ones.
const SHOP: &str = "CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE users (id int PRIMARY KEY, gone int, name text, mood mood);
    ALTER TABLE users DROP COLUMN gone;
    INSERT INTO users SELECT n, 'user ' || n, 'ok' FROM generate_series(1, 900) n;
    INSERT INTO users VALUES (-1, NULL, NULL), (-2, '', 'sad'), (-3, E'a\\\\,\"\\n)', 'sad');
    CREATE TABLE parent (b int, a int);
    CREATE TABLE child (a int, c text, b int);
    ALTER TABLE child INHERIT parent;
    INSERT INTO child SELECT n, 'c' || n, -n FROM generate_series(1, 50) n;
    CREATE TABLE kinds (at timestamptz, day date, long interval, raw bytea, j json, jb jsonb,
      n numeric, f float8, r int4range, list text[], doc xml, paid money, who regclass, v tsvector,
      twice int GENERATED ALWAYS AS (3 * 2) STORED);
    INSERT INTO kinds VALUES ('2026-02-03 04:05:06.789+09', '2026-02-03', '1 year 2 mons 3.5 days',
      '\\x00ff5c', '{\"b\": 1,  \"a\":2}', '{\"b\": 1, \"a\": 2}', 1.500, 0.1::float8 + 0.2, '[1,5)',
      ARRAY['a,b', NULL, ''], '<a>1</a>', 12.5, 'users', 'fat cats');
    INSERT INTO kinds DEFAULT VALUES;
    CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES;
    CREATE TABLE log (at date NOT NULL, what text) PARTITION BY RANGE (at);
    CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO log VALUES ('2026-05-05', 'x'), ('2026-05-05', 'x');
    DO $$ DECLARE d text := quote_ident(current_database()); BEGIN
      EXECUTE 'ALTER DATABASE ' || d || ' SET datestyle = \"German, DMY\"';
      EXECUTE 'ALTER DATABASE ' || d || ' SET timezone = \"Asia/Tokyo\"';
      EXECUTE 'ALTER DATABASE ' || d || ' SET bytea_output = escape';
      EXECUTE 'ALTER DATABASE ' || d || ' SET intervalstyle = sql_standard';
      EXECUTE 'ALTER DATABASE ' || d || ' SET extra_float_digits = 0';
    END $$;";

fn shop(name: &str, contents: bool) -> (Database, Lk) {
    let database = database(name);
    database.execute(SHOP);
    let lk = Lk::on(&database);
    let text = fs::read_to_string(lk.project().join("lockkeeper.toml")).expect("it reads");
    lk.write("lockkeeper.toml", &format!("{text}[backups]\ncontents = {contents}\n"));
    (database, lk)
}

/// Makes a backup; returns its path and its manifest.
fn made(lk: &Lk) -> (String, Manifest) {
    let answer = lk.confirmed(&["backup"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    let directory = lk.project().join("backups");
    let mut dumps = files(&directory);
    dumps.retain(|path| path.extension().is_some_and(|ending| ending == "dump"));
    let dump = dumps[0].display().to_string();
    let text = fs::read_to_string(manifest::name_for(&dump)).expect("a manifest");
    (dump, Manifest::read(&text).expect("it reads"))
}

/// Returns whether it passed L5, and what was found.
fn l5(lk: &Lk, path: &str) -> (Option<bool>, String) {
    let proof = lk.run(&["verify", "--level", "L5", path, "--json"]).document("verify");
    let findings = proof["findings"].as_array().expect("a list");
    let found = findings.iter().find(|finding| finding["level"] == "L5");
    let found = found.unwrap_or_else(|| panic!("no L5 in {proof:#}"));
    (found["ok"].as_bool(), found["what"].as_str().expect("a text").to_owned())
}

#[test]
fn contents_are_the_same_whatever_the_settings_the_types_and_the_order_of_columns() {
    let (_database, lk) = shop("contents_same", true);
    let (dump, manifest) = made(&lk);
    let summed: Vec<&str> = manifest.contents.keys().map(String::as_str).collect();
    let all = ["child", "kinds", "log_2026", "nothing", "parent", "users"];
    assert_eq!(summed, all.map(|name| format!("public.{name}")));
    let (ok, what) = l5(&lk, &dump);
    assert_eq!(ok, Some(true), "{what}");
    assert!(what.contains("the same contents in the 6 that were summed"), "{what}");
}

#[test]
fn one_value_that_is_another_is_found_where_the_counts_are_the_same() {
    let (database, lk) = shop("contents_other", true);
    let (dump, manifest) = made(&lk);
    let script = lk.project().join("backups/other.sql");
    let pg_dump = clients::find("pg_dump", 0).expect("there is one").path;
    let output = Command::new(pg_dump).arg("-Fp").arg(database.dsn()).output();
    let text = String::from_utf8(output.expect("it starts").stdout).expect("UTF-8");
    let other = text.replacen("17\tuser 17\tok", "17\tuser 71\tok", 1);
    assert_ne!(text, other);
    fs::write(&script, &other).expect("it is written");
    let mut copy: Value = serde_json::from_str(&manifest.text()).expect("it reads");
    copy["id"] = json!("other.sql");
    copy["kind"] = json!("plain");
    copy["sha256"] = json!(sha256_hex(other.as_bytes()));
    copy["size"] = json!(other.len());
    let script = script.display().to_string();
    let write = |copy: &Value| {
        fs::write(manifest::name_for(&script), copy.to_string()).expect("it is written");
    };
    write(&copy);
    let (ok, what) = l5(&lk, &script);
    assert_eq!(ok, Some(false), "{what}");
    assert!(what.ends_with("other contents in public.users"), "{what}");
    // Nor is it swapped in where nobody has drilled it: a restore notices before anybody uses it.
    let failed = lk.run(&["restore", &script, "--plan"]);
    assert!(failed.said().contains("it is damaged or incomplete"), "{}", failed.said());
    write(&copy);
    let refused = lk.confirmed(&["restore", &script]);
    assert_eq!(refused.code(), 1, "{}", refused.said());
    assert!(refused.said().contains("public.users holds other contents"), "{}", refused.said());
    // What was summed in another encoding can be compared with nothing here.
    copy["contents"]["public.users"] = json!("EUC_JP/15:12");
    write(&copy);
    let (ok, what) = l5(&lk, &script);
    assert!(
        ok == Some(true) && what.contains("the contents of 1 of 6 cannot be compared"),
        "{what}"
    );
    drop(dump);
}

#[test]
fn a_restore_compares_the_contents_that_its_manifest_tells() {
    let (_database, lk) = shop("contents_restored", true);
    let (dump, _) = made(&lk);
    let restored = lk.confirmed(&["restore", &dump]);
    assert_eq!(restored.code(), 0, "{}", restored.said());
    let said = restored.said();
    assert!(said.contains("6 of 6 tables hold the same contents"), "{said}");
}

#[test]
fn without_sums_the_level_says_that_only_rows_were_counted() {
    let (_database, lk) = shop("contents_none", false);
    let (dump, manifest) = made(&lk);
    assert!(manifest.contents.is_empty());
    let (ok, what) = l5(&lk, &dump);
    assert!(ok == Some(true) && what.contains("was not summed ([backups] contents)"), "{what}");
}

//! `recovery-doc`, as a user runs it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::lk::{Answer, Lk};
use crate::support::alembic::Project;
use crate::support::server::{LOCKKEEPER, database};

fn run(dir: &Path, words: &[&str]) -> Answer {
    let mut command = Command::new(LOCKKEEPER);
    command.args(words).current_dir(dir).env_clear();
    command.env("HOME", dir).env("PATH", "/usr/bin:/bin");
    Answer::of(command.output().expect("it starts"))
}

const PEOPLE: &str = "schema = 1\n[contacts.db_owner]\nname = \"Ada *L*\"\nreach = \"+1 555\"\n\
    [contacts.lead]\nname = \"…\"\nreach = \"…\"\n\
    [[escalation]]\nlevel = \"L2\"\ncontacts = [\"db_owner\"]\nwhen = [\"rollback failed\"]\n";

#[test]
fn each_migration_of_alembics_sample_without_a_whole_way_back_has_its_plan() {
    let (project, database) = (Project::sample(), database("recovery_alembic"));
    project.write("lockkeeper.toml", PEOPLE);
    let (code, said) = project.alembic(&database, &["upgrade", "a1c0de000002"]);
    assert_eq!(code, 0, "{said}");
    let dsn = database.dsn();
    let answer = run(project.path(), &["recovery-doc", "--dsn", &dsn, "--json"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    let document = answer.document("recovery-doc");
    let all = document["migrations"].as_array().expect("a list");
    assert!(!all.is_empty(), "{document}");
    let raises = all.iter().find(|one| one["reversal"] == "raises").expect("one raises");
    assert_eq!(
        (raises["id"].as_str(), raises["state"].as_str()),
        (Some("a1c0de00003a"), Some("pending"))
    );
    assert_eq!(raises["backup"], serde_json::Value::Null);
    assert!(raises["backup_says"].as_str().expect("words").contains("NONE yet"));
    let steps = raises["steps"].to_string();
    assert!(steps.contains("lockkeeper salvage"), "what it destroys is saved first: {steps}");
    assert_eq!(document["placeholders"][0], "contacts.lead.name");
    let page = run(project.path(), &["recovery-doc", "--dsn", &dsn]).out();
    for words in [
        "### `a1c0de00003a`",
        "IRREVERSIBLE: it raises",
        "Ada \\*L\\*",
        "**L2**: db\\_owner",
        "Not filled in yet",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // Without the database it says so, and the plans stand.
    let nowhere = "postgresql:///nowhere?host=/nonexistent";
    let answer = run(project.path(), &["recovery-doc", "--dsn", nowhere]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    assert!(answer.said().contains("the database is left out"), "{}", answer.said());
    assert!(answer.out().contains("**The database was not asked**"), "{}", answer.out());
}

#[test]
fn a_backup_from_before_is_named_with_what_is_proven_of_it_and_one_from_after_is_not() {
    let database = database("recovery_backup");
    let lk = Lk::on(&database);
    lk.write("migrations/1_first.up.sql", "CREATE TABLE keepers (id int);");
    lk.write("migrations/1_first.down.sql", "DROP TABLE keepers;");
    lk.write("migrations/2_second.up.sql", "DELETE FROM keepers;");
    lk.write("migrations/2_second.down.sql", "");
    lk.write("migrations/3_gone.up.sql", "DROP TABLE keepers;");
    let ids = |lk: &Lk| {
        let answer = lk.run(&["recovery-doc", "--json"]);
        assert_eq!(answer.code(), 0, "{}", answer.said());
        answer.document("recovery-doc")
    };
    let one = |document: &serde_json::Value, id: &str| {
        let all = document["migrations"].as_array().expect("a list");
        all.iter()
            .find(|one| one["id"] == id)
            .cloned()
            .unwrap_or_else(|| panic!("{id}: {document}"))
    };
    assert_eq!(lk.confirmed(&["up"]).code(), 0);
    database.execute("INSERT INTO keepers VALUES (1), (2)");
    let answer = lk.confirmed(&["backup"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    assert_eq!(lk.confirmed(&["up"]).code(), 0);
    let plan = one(&ids(&lk), "2");
    assert_eq!(plan["state"], "applied");
    assert_eq!(plan["backup"]["revision"], serde_json::json!(["1"]), "{plan}");
    assert_eq!(plan["backup"]["is_ours"], true);
    assert!(plan["backup_says"].as_str().expect("words").starts_with("proven to L"), "{plan}");
    let steps = plan["steps"].to_string();
    let gone = one(&ids(&lk), "3")["steps"].to_string();
    assert!(gone.contains("lockkeeper salvage keepers"), "{gone}");
    let location = plan["backup"]["location"].as_str().expect("it lies somewhere").to_owned();
    for command in [
        format!("lockkeeper restore {location}"),
        "lockkeeper restore --undo".to_owned(),
        format!("lockkeeper restore-table stage keepers {location}"),
        "lockkeeper restore-table diff keepers".to_owned(),
    ] {
        assert!(steps.contains(&command), "{command}: {steps}");
    }
    for by_hand in ["createdb", "pg_restore", "psql"] {
        assert!(!steps.contains(by_hand), "{by_hand}: {steps}");
    }
    assert_runs(&lk, &plan);
    assert!(plan["checks"].to_string().contains("public.keepers holds 2 rows"), "{plan}");
    // The backup is gone: it says plainly that there is none.
    fs::remove_dir_all(lk.project().join("backups")).expect("they can be removed");
    let plan = one(&ids(&lk), "2");
    assert_eq!(plan["backup"], serde_json::Value::Null);
    assert!(plan["backup_says"].as_str().expect("words").starts_with("NONE: no whole backup"));
    assert!(!plan["steps"].to_string().contains("lockkeeper restore"), "{plan}");
    // One from after it is none from before it.
    assert_eq!(lk.confirmed(&["backup"]).code(), 0);
    assert_eq!(one(&ids(&lk), "2")["backup"], serde_json::Value::Null);
}

/// Every command of ours that the document names is one that this program plans.
fn assert_runs(lk: &Lk, plan: &serde_json::Value) {
    let steps = plan["steps"].as_array().expect("steps");
    for command in steps.iter().filter_map(|step| step["command"].as_str()) {
        let words: Vec<&str> = command.split(' ').collect();
        let (program, args) = words.split_first().expect("a program");
        assert_eq!(*program, "lockkeeper", "{command}");
        let plans = ["restore", "restore-table", "salvage"].contains(&args[0]);
        // Without a swap there is nothing to undo, and without staged rows nothing to compare.
        let is_later = args.contains(&"--undo") || args.contains(&"diff");
        if plans && !is_later {
            let (plan, _) = lk.plan(args);
            assert!(plan["preview"]["title"].is_string(), "{command}: {plan}");
        }
    }
}

#[test]
fn it_says_plainly_that_nothing_is_irreversible_and_nobody_is_named() {
    let lk = Lk::on(&database("recovery_none"));
    for file in fs::read_dir(lk.project().join("migrations")).expect("a directory") {
        fs::remove_file(file.expect("an entry").path()).expect("it can be removed");
    }
    lk.write("migrations/1_a.up.sql", "CREATE INDEX i ON t (a);");
    lk.write("migrations/1_a.down.sql", "DROP INDEX i;");
    let page = lk.run(&["recovery-doc"]).out();
    assert!(page.contains("## No irreversible migration"), "{page}");
    assert!(page.contains("**Nobody is named.**"), "{page}");
}

#[test]
fn the_file_is_replaced_in_one_step_or_left_as_it_was() {
    let lk = Lk::on(&database("recovery_output"));
    let path = lk.project().join("RECOVERY.md");
    fs::write(&path, "the old one").expect("it can be written");
    let target = path.display().to_string();
    let answer = lk.run(&["recovery-doc", "--output", &target]);
    assert_eq!((answer.code(), answer.out().as_str()), (0, ""), "{}", answer.said());
    let text = fs::read_to_string(&path).expect("it reads");
    assert!(text.starts_with("# Migration recovery") && text.ends_with('\n'), "{text}");
    let names = fs::read_dir(lk.project()).expect("a directory").count();
    lk.run(&["recovery-doc", "--output", &target]);
    assert_eq!(fs::read_dir(lk.project()).expect("a directory").count(), names, "no draft stays");
    let nowhere = lk.project().join("missing/RECOVERY.md").display().to_string();
    let answer = lk.run(&["recovery-doc", "--output", &nowhere]);
    assert_ne!(answer.code(), 0);
    assert!(answer.said().contains("cannot be written"), "{}", answer.said());
}

//! `backups` and `verify`, as a user runs them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::lk::Lk;

/// A project on no server with a good backup and one that is cut off.
fn project() -> Lk {
    let lk = Lk::at("postgresql:///nowhere?host=/nonexistent");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/backups");
    fs::create_dir(lk.project().join("backups")).expect("it can be made");
    for name in ["ok.dump", "trunc_data.dump"] {
        let to = lk.project().join("backups").join(name);
        fs::copy(samples.join(name), to).expect("the sample is there");
    }
    lk
}

#[test]
fn the_inventory_keeps_to_its_schema_without_any_server() {
    let answer = project().run(&["backups", "--json"]);
    assert_eq!(answer.code(), 0);
    let document = answer.document("backups");
    let backups = document["backups"].as_array().expect("a list");
    assert_eq!(backups.len(), 2);
    assert_eq!(backups[0]["complete"], true);
    assert_eq!(backups[0]["revision"][0], "0016");
    assert_eq!(backups[0]["snapshot_started_at"], serde_json::Value::Null);
    assert_eq!(backups[1]["complete"], false);
}

#[test]
fn the_table_says_the_same_in_words() {
    let out = project().run(&["backups"]).out();
    assert!(out.contains("complete"), "{out}");
    assert!(out.contains("BAD") && out.contains("cut off in the data"), "{out}");
    assert!(out.contains("age unknown") && out.contains("at 0016"), "{out}");
}

#[test]
fn verify_answers_good_bad_and_cannot_tell_by_its_exit_code() {
    let lk = project();
    let good = lk.run(&["verify", "backups/ok.dump", "--json"]);
    assert_eq!(good.code(), 0);
    assert_eq!(good.document("verify")["reached"], "L3");
    assert_eq!(good.document("verify")["rows"]["public.categories"], 20);
    let bad = lk.run(&["verify", "backups/trunc_data.dump", "--json"]);
    assert_eq!(bad.code(), 1);
    assert_eq!(bad.document("verify")["ok"], false);
    let head = lk.run(&["verify", "backups/trunc_data.dump", "--level", "L0"]);
    assert_eq!(head.code(), 0, "its head is whole: {}", head.out());
    let adopted = lk.run(&["verify", "backups/ok.dump", "--level", "L1"]);
    assert_eq!(adopted.code(), 2, "{}", adopted.out());
    let skimmed = lk.run(&["verify", "backups/ok.dump", "--level", "L2", "--json"]);
    assert_eq!(skimmed.document("verify")["reached"], "L2");
    lk.run(&["verify", "backups/none.dump"]).refuses("backups/none.dump: it cannot be read");
    lk.run(&["verify", "lockkeeper.toml"]).refuses("its bytes are not those of a backup");
}

#[test]
fn what_has_no_end_or_no_writer_is_no_backup_and_holds_nothing_up() {
    let lk = project();
    let pipe = lk.project().join("backups/pipe.dump");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    for file in ["backups/pipe.dump", "/dev/zero"] {
        lk.run(&["verify", file]).refuses("it is no regular file");
    }
    // Longer than anybody could read: 4 TiB, of which nothing is on the disk.
    let endless = fs::File::create(lk.project().join("backups/endless.dump")).expect("it is made");
    endless.set_len(4 << 40).expect("a file may have a hole");
    lk.run(&["verify", "backups/endless.dump"]).refuses("its bytes are not those of a backup");
    let answer = lk.run(&["backups"]);
    assert_eq!(answer.code(), 0);
    assert!(answer.out().contains("endless.dump: its bytes are not those"), "{}", answer.out());
    assert!(answer.out().contains("2 backups"), "{}", answer.out());
}

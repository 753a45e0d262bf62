//! `backups` and `verify`, as a user runs them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use lockkeeper::io::backup::look;
use lockkeeper::io::cluster::clients;

use super::lk::Lk;
use crate::support::server::private;

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

#[test]
fn what_is_named_and_is_no_backup_is_told_for_what_it_is() {
    let lk = project();
    let directory = lk.project().join("backups");
    for (link, to) in [("latest.dump", "ok.dump"), ("one", "two"), ("two", "one")] {
        symlink(to, directory.join(link)).expect("a link");
    }
    fs::write(directory.join("empty.dump"), "").expect("it is written");
    fs::write(directory.join("a\nb\u{1b}[31m.dump"), "x").expect("it is written");
    for (name, why) in [
        ("latest.dump", "it is a symbolic link, and none is followed: name what it leads to"),
        ("one", "it is a symbolic link"),
        ("empty.dump", "it is empty: a dump that failed leaves such a file"),
        (".", "it is a directory that neither pg_dump nor pg_basebackup wrote"),
        ("a\nb\u{1b}[31m.dump", "a b␛[31m.dump: its bytes are not those of a backup"),
    ] {
        lk.run(&["verify", &format!("backups/{name}")]).refuses(why);
    }
}

#[test]
fn a_backup_goes_to_no_link_that_leads_nowhere() {
    let lk = project();
    symlink("loop", lk.project().join("loop")).expect("a link");
    symlink("gone", lk.project().join("dangling")).expect("a link");
    for name in ["loop", "dangling"] {
        let place = look(&lk.project().join(name));
        assert!(place.unfit.is_some(), "{place:?}");
    }
    assert_eq!(look(&lk.project().join("new")).unfit, None, "it can be made");
}

/// A base backup that the real program has made of a server of its own.
fn base_backup(lk: &Lk) -> PathBuf {
    let server = private(&[("wal_level", "replica"), ("max_wal_senders", "4")]);
    let at = lk.project().join("backups/base");
    let program = clients::find("pg_basebackup", 0).expect("it comes with the clients").path;
    let output = Command::new(program)
        .args(["--checkpoint=fast", "--no-sync", "-p", "5432", "-U", "postgres", "-h"])
        .arg(server.cluster.socket_dir())
        .arg("-D")
        .arg(&at)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    at
}

#[test]
fn a_base_backup_is_proven_by_postgresqls_own_program_and_by_nothing_less() {
    let lk = project();
    let base = base_backup(&lk);
    let listed = |lk: &Lk| {
        let document = lk.run(&["backups"]).out();
        let line = document.lines().find(|line| line.contains("backups/base")).map(str::to_owned);
        line.expect("it is listed")
    };
    assert!(listed(&lk).trim_start().starts_with("complete"), "nobody has proven it");
    let proof = lk.run(&["verify", "backups/base", "--json"]);
    assert_eq!(proof.code(), 0, "{} {}", proof.out(), proof.said());
    let judged = &proof.document("verify")["judged"];
    assert_eq!(judged["ok"], true);
    assert!(judged["by"].as_str().is_some_and(|by| by.starts_with("pg_verifybackup ")));
    assert!(listed(&lk).trim_start().starts_with("PROVEN"), "{}", listed(&lk));

    // A flipped bit leaves every size as it was.
    let file = base.join("global/pg_control");
    let mut bytes = fs::read(&file).expect("it reads");
    bytes[100] ^= 1;
    fs::write(&file, bytes).expect("it is written");
    let proof = lk.run(&["verify", "backups/base"]);
    assert_eq!(proof.code(), 1, "{}", proof.out());
    assert!(proof.out().contains("pg_control"), "{}", proof.out());
    assert!(listed(&lk).trim_start().starts_with("BAD"), "{}", listed(&lk));
}

#[test]
fn what_was_changed_beside_a_backup_is_told_and_leaves_the_backup_good() {
    let server = private(&[]);
    let lk = Lk::on(&server.database("beside"));
    assert_eq!(lk.confirmed(&["backup"]).code(), 0);
    let backups = fs::read_dir(lk.project().join("backups")).expect("it lists");
    let beside = backups.map(|entry| entry.expect("an entry").path());
    let beside = beside.into_iter().find(|path| path.display().to_string().ends_with(".beside"));
    let beside = beside.expect("roles and properties lie there");
    let file = beside.display().to_string();
    let file = file.strip_suffix(".beside").expect("it ends so");
    assert_eq!(lk.run(&["verify", file]).code(), 0);
    let roles = lk.project().join("roles.kept");
    fs::copy(beside.join("roles.sql"), &roles).expect("it can be copied");
    fs::write(beside.join("roles.sql"), "ALTER ROLE somebody SUPERUSER;").expect("it is written");
    fs::remove_file(beside.join("database.sql")).expect("it is there");
    let proof = lk.run(&["verify", file, "--json"]);
    assert_eq!(proof.code(), 1, "{}", proof.out());
    let document = proof.document("verify");
    assert_eq!((&document["ok"], &document["reached"]), (&true.into(), &"L3".into()));
    let sides = document["beside"].as_array().expect("a list");
    let what = |name: &str| {
        let side = sides.iter().find(|side| side["name"] == name).expect("it is told");
        side["what"].as_str().expect("words").to_owned()
    };
    assert!(what("roles.sql").contains("do not use it"), "{document}");
    assert_eq!(what("database.sql"), "it is gone");
    // A name that leads elsewhere is followed nowhere, though what lies there has the sum.
    let manifest = format!("{file}.manifest.json");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let led = text.replace("\"roles.sql\"", "\"../roles.sql\"");
    assert_ne!(led, text);
    fs::write(&manifest, led).expect("it is written");
    fs::copy(&roles, beside.with_file_name("roles.sql")).expect("it can be copied");
    let document = lk.run(&["verify", file, "--json"]).document("verify");
    let leads = "its name leads elsewhere: the manifest is not ours";
    let sides = document["beside"].as_array().expect("a list");
    assert!(sides.iter().any(|side| side["what"] == leads), "{document}");
    fs::write(&manifest, text).expect("it is written");
    let (act, answer) = (lk.plan(&["restore", "newest"]).0, lk.confirmed(&["restore", "newest"]));
    assert_eq!(
        (act["action"]["act"].as_str(), answer.code()),
        (Some("load"), 0),
        "{}",
        answer.said()
    );
}

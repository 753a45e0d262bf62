//! Backups in an object store, as a user lists and proves them; the store is moto's.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use lockkeeper::domain::plan::sha256_hex;
use serde_json::{Value, json};

use super::lk::{Answer, Lk};
use crate::support::moto::{Moto, SECRET, lead};

fn sample(name: &str) -> Vec<u8> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/backups");
    fs::read(samples.join(name)).expect("the sample is there")
}

/// A project on no server whose backups are in a bucket.
fn project() -> Lk {
    let lk = Lk::at("postgresql:///nowhere?host=/nonexistent");
    let text = "schema = 1\n[backups]\ndirectories = []\nobjects = [\"s3://shop-backups/pg\"]\n";
    lk.write("lockkeeper.toml", text);
    lk
}

fn run(lk: &Lk, moto: &Moto, args: &[&str]) -> Answer {
    let mut command: Command = lk.command(args);
    Answer::of(moto.lead(&mut command).output().expect("lockkeeper starts"))
}

fn inventory(lk: &Lk, moto: &Moto) -> Vec<Value> {
    let document = run(lk, moto, &["backups", "--json"]).document("backups");
    document["backups"].as_array().expect("a list").clone()
}

fn at<'a>(backups: &'a [Value], key: &str) -> &'a Value {
    let location = format!("s3://shop-backups/pg/{key}");
    let found = backups.iter().find(|backup| backup["location"] == location);
    found.unwrap_or_else(|| panic!("{location} is not in {backups:?}"))
}

/// The manifest that was copied along with a backup of these bytes.
fn manifest(bytes: &[u8]) -> Vec<u8> {
    let text = json!({
        "schema": 1, "id": "shop", "kind": "custom", "sha256": sha256_hex(bytes),
        "size": bytes.len(), "scope": "full", "snapshot_started_at": "2026-11-20T03:00:00Z",
        "finished_at": "2026-11-20T03:00:05Z",
        "source": { "system_identifier": "7412345678901234567", "database": "shop",
                    "host": "db1", "server_version": "15.20" },
        "revisions": ["0016"], "rows": { "public.categories": 20 }, "tool_version": "15.20",
        "made_by": { "operator": "nobody", "run": null },
        "verified": [{ "level": "L3", "at": "2026-11-20T03:00:05Z", "ok": true, "tool": "t" }],
    });
    text.to_string().into_bytes()
}

#[test]
fn cloud_backups_are_listed_inspected_and_proven_where_they_lie() {
    let (lk, moto) = (project(), Moto::with_bucket("shop-backups"));
    let good = sample("ok.dump");
    moto.put("shop-backups/pg/ok.dump", &good);
    moto.put("shop-backups/pg/ok.dump.manifest.json", &manifest(&good));
    moto.put("shop-backups/pg/cut.dump", &sample("trunc_data.dump"));
    moto.put("shop-backups/pg/empty.dump", b"");
    moto.put("shop-backups/pg/notes.txt", b"nothing");
    moto.put("shop-backups/elsewhere/other.dump", &good);
    for name in fs::read_dir(sample_directory()).expect("it lists") {
        let name = name.expect("an entry").file_name().into_string().expect("plain");
        moto.put(&format!("shop-backups/pg/ok.dir/{name}"), &sample(&format!("ok.dir/{name}")));
    }

    let answer = run(&lk, &moto, &["backups", "--json"]);
    let said = answer.out();
    assert!(said.contains("empty.dump: it is empty"), "{said}");
    let backups = inventory(&lk, &moto);
    assert_eq!(backups.len(), 3, "{backups:?}");
    assert_eq!(at(&backups, "cut.dump")["complete"], false);
    assert_eq!(at(&backups, "ok.dir")["kind"], "directory");
    let ok = at(&backups, "ok.dump");
    assert_eq!((&ok["complete"], &ok["registered"]), (&json!(true), &json!(true)), "{ok}");
    assert_eq!(ok["revision"], json!(["0016"]));
    assert!(levels(ok).all(|level| level != "L3"), "it was proven before it came here: {ok}");

    let place = "s3://shop-backups/pg/ok.dump";
    let proof = run(&lk, &moto, &["verify", place, "--json"]);
    assert_eq!(proof.code(), 0, "{} {}", proof.out(), proof.said());
    assert_eq!(proof.document("verify")["rows"]["public.categories"], 20);
    // It was written into the manifest in the store, and read from there.
    let backups = inventory(&lk, &moto);
    assert!(levels(at(&backups, "ok.dump")).any(|level| level == "L3"), "{backups:?}");

    let directory = run(&lk, &moto, &["verify", "s3://shop-backups/pg/ok.dir", "--json"]);
    assert_eq!(directory.document("verify")["reached"], "L3");
    let cut = run(&lk, &moto, &["verify", "s3://shop-backups/pg/cut.dump"]);
    assert_eq!(cut.code(), 1, "{}", cut.out());
    let drill = run(&lk, &moto, &["verify", place, "--level", "L4"]);
    assert_eq!(drill.code(), 2, "{}", drill.out());
    assert!(drill.out().contains("copy it and its manifest"), "{}", drill.out());
    run(&lk, &moto, &["verify", "s3://shop-backups/pg/none.dump"]).refuses("it is not there");

    let mut changed = good.clone();
    *changed.last_mut().expect("it has bytes") ^= 1;
    moto.put("shop-backups/pg/changed.dump", &changed);
    moto.put("shop-backups/pg/changed.dump.manifest.json", &manifest(&good));
    let bad = run(&lk, &moto, &["verify", "s3://shop-backups/pg/changed.dump"]);
    assert_eq!(bad.code(), 1, "{}", bad.out());
    assert!(bad.out().contains("SHA-256 is not that of the manifest"), "{}", bad.out());
}

fn sample_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/backups/ok.dir")
}

fn levels(backup: &Value) -> impl Iterator<Item = &Value> {
    let proofs = backup["verified"].as_array().expect("a list").iter();
    proofs.map(|proof| &proof["level"])
}

#[test]
fn a_cloud_that_denies_refuses_or_has_no_such_bucket_is_told_and_the_secret_is_not() {
    let (lk, moto) = (project(), Moto::with_bucket("another"));
    let told = run(&lk, &moto, &["backups"]);
    assert_eq!(told.code(), 0, "{}", told.said());
    let no_bucket = told.out();
    moto.deny();
    let denied = run(&lk, &moto, &["backups"]).out();
    let proof = run(&lk, &moto, &["verify", "s3://shop-backups/pg/ok.dump"]);
    let mut command = lk.command(&["backups"]);
    // Nobody listens on a port that was just given back.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let address = format!("http://{}", port.expect("a port"));
    let refused = Answer::of(lead(&mut command, &address).output().expect("it starts")).out();
    for (said, why) in [
        (&no_bucket, "cannot be told"),
        (&denied, "access is denied"),
        (&proof.said(), "access is denied"),
        (&refused, "cannot be told"),
    ] {
        assert!(said.contains(why) && said.contains("shop-backups"), "{why}: {said}");
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[test]
fn a_cloud_that_hangs_holds_the_list_up_no_longer_than_its_limit() {
    let lk = project();
    // It takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", silent.local_addr().expect("an address"));
    let mut command = lk.command(&["backups"]);
    let answer = Answer::of(lead(&mut command, &address).output().expect("it starts"));
    assert_eq!(answer.code(), 0);
    let told = answer.out();
    assert!(told.contains("cannot be told: it does not answer in time"), "{told}");
    let mut command = lk.command(&["verify", "s3://shop-backups/pg/shop.dump"]);
    let answer = Answer::of(lead(&mut command, &address).output().expect("it starts"));
    answer.says(2, "it does not answer in time");
}

/// A script of so many rows, of a hundred bytes each.
fn script(rows: usize) -> Vec<u8> {
    let row = format!("{}\n", "a".repeat(99));
    let text = format!(
        "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 15.20\n\
         -- Dumped by pg_dump version 15.20\n\nSET client_encoding = 'UTF8';\n\n\
         COPY public.t (a) FROM stdin;\n{}\\.\n\n\n--\n\
         -- PostgreSQL database dump complete\n--\n\n",
        row.repeat(rows)
    );
    text.into_bytes()
}

#[test]
fn a_range_that_breaks_off_is_asked_for_again_and_a_store_that_stays_away_says_nothing_of_a_backup()
{
    let (lk, moto) = (project(), Moto::with_bucket("shop-backups"));
    moto.put("shop-backups/pg/big.sql", &script(30_000));
    let verify = |cuts: u64| {
        let mut command = lk.command(&["verify", "s3://shop-backups/pg/big.sql", "--json"]);
        let address = moto.breaking_after(1 << 20, cuts);
        Answer::of(lead(&mut command, &address).output().expect("it starts"))
    };
    let proof = verify(7);
    assert_eq!(proof.code(), 0, "{} {}", proof.out(), proof.said());
    let proof = proof.document("verify");
    assert_eq!((&proof["reached"], &proof["rows"]["public.t"]), (&json!("L3"), &json!(30_000)));
    let gone = verify(u64::MAX);
    assert_eq!(gone.code(), 2, "{} {}", gone.out(), gone.said());
    assert!(gone.said().contains("it cannot be read"), "{}", gone.said());
}

#[test]
fn an_address_that_is_none_is_refused_with_its_key() {
    let lk = project();
    lk.write("lockkeeper.toml", "schema = 1\n[backups]\nobjects = [\"gs://shop/pg\"]\n");
    let answer = lk.run(&["backups"]);
    answer.refuses("backups.objects");
    assert!(answer.said().contains("s3://BUCKET/PREFIX"), "{}", answer.said());
}

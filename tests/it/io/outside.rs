//! Other backup programs that do not answer, and copies of a cluster's files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use lockkeeper::domain::backup::{Inventory, Kind, Worth};
use lockkeeper::domain::plan::sha256_hex;
use lockkeeper::io::allowed::Allowed;
use lockkeeper::io::config::{Loaded, load};
use lockkeeper::io::store::{Store, outside};

use crate::support::act::until;

#[tokio::test]
async fn a_program_that_hangs_is_given_up_and_leaves_no_process() {
    let place = tempfile::tempdir().expect("a directory");
    let (program, pid) = (place.path().join("hang"), place.path().join("pid"));
    let script = format!("echo $$ >{}\nexec sleep 600\n", pid.display());
    fs::write(&program, script).expect("it is written");
    let file = place.path().join("lockkeeper.toml");
    let text = format!(
        "schema = 1\n[backups]\nwalg = {{ prefix = [\"sh\", \"{0}\"] }}\n\
         barman = {{ server = \"main\", prefix = [\"sh\", \"{0}\"] }}\n",
        program.display()
    );
    fs::write(&file, text).expect("it is written");
    let loaded = load(Some(&file), place.path()).expect("it is right");
    let allowed = Allowed::in_state(place.path());
    let hash = &loaded.file.as_ref().expect("it was read").hash;
    allowed.allow(&file, hash).expect("it can be allowed");
    let limit = Duration::from_secs(5);
    let told = outside::ask(&loaded, place.path(), &allowed, limit).await;
    assert_eq!(
        told.problems,
        [
            "barman cannot be asked: it did not end within 5 s",
            "wal-g cannot be asked: it did not end within 5 s"
        ]
    );
    let pid = fs::read_to_string(&pid).expect("it was started");
    let file = format!("/proc/{}/cmdline", pid.trim());
    // A kill takes effect a moment later.
    until("its process to be gone", || {
        let line = fs::read(&file).unwrap_or_default();
        (!String::from_utf8_lossy(&line).contains("600")).then_some(())
    });
}

/// Writes what `pg_basebackup` leaves of a cluster, as far as it is looked at.
fn base_backup(at: &Path) {
    fs::create_dir_all(at.join("global")).expect("it can be made");
    let mut control = 7_710_180_654_745_695_119_u64.to_le_bytes().to_vec();
    control.resize(8192, 0);
    fs::write(at.join("global/pg_control"), control).expect("it is written");
    fs::write(at.join("PG_VERSION"), "15\n").expect("it is written");
    let label = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n\
                 START TIME: 2026-11-20 09:41:02 UTC\nLABEL: pg_basebackup base backup\n";
    fs::write(at.join("backup_label"), label).expect("it is written");
    let file = |name: &str| {
        let size = fs::metadata(at.join(name)).expect("it is there").len();
        format!(
            "{{ \"Path\": \"{name}\", \"Size\": {size}, \"Last-Modified\": \"2026-11-20 09:41:02 GMT\" }}"
        )
    };
    let head = format!(
        "{{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n{},\n{},\n{}\n],\n\"WAL-Ranges\": [\n],\n",
        file("backup_label"),
        file("PG_VERSION"),
        file("global/pg_control")
    );
    let sum = sha256_hex(head.as_bytes());
    let text = format!("{head}\"Manifest-Checksum\": \"{sum}\"}}\n");
    fs::write(at.join("backup_manifest"), text).expect("it is written");
}

fn read(project: &Path) -> Inventory {
    Store::of(&Loaded::default(), project).read(Utc::now())
}

#[test]
fn a_base_backup_is_told_from_its_manifest_and_misses_no_file() {
    let place = tempfile::tempdir().expect("a directory");
    let base = place.path().join("backups/base");
    base_backup(&base);
    let inventory = read(place.path());
    let [backup] = inventory.backups.as_slice() else { panic!("{inventory:?}") };
    assert_eq!((backup.kind, backup.complete), (Kind::Base, Some(true)), "{backup:?}");
    assert_eq!(backup.system_identifier.as_deref(), Some("7710180654745695119"));
    let begun = backup.snapshot_started_at.map(|at| at.to_rfc3339());
    assert_eq!(begun.as_deref(), Some("2026-11-20T09:41:02+00:00"));
    assert_eq!(Worth::of(backup), Worth::Complete, "pg_verifybackup was not run");
    assert!(backup.verified.is_empty(), "the levels are for dumps");

    fs::write(base.join("PG_VERSION"), "").expect("it is written");
    let inventory = read(place.path());
    assert_eq!(Worth::of(&inventory.backups[0]), Worth::Bad);
    let why = inventory.backups[0].problems.join("; ");
    assert!(why.contains("PG_VERSION has 0 bytes, not 3"), "{why}");
}

#[test]
fn a_manifest_of_a_base_backup_that_was_changed_or_leads_elsewhere_is_bad() {
    let place = tempfile::tempdir().expect("a directory");
    let base = place.path().join("backups/base");
    base_backup(&base);
    let path = base.join("backup_manifest");
    let text = fs::read_to_string(&path).expect("it reads");
    let why = |text: &str| {
        fs::write(&path, text).expect("it is written");
        read(place.path()).backups[0].problems.join("; ")
    };
    assert!(why(&text.replace("\"Size\": 3", "\"Size\": 4")).contains("checksum does not fit"));
    assert!(why(&text[..text.len() / 2]).contains("cut off or damaged"));
    let (head, _) = text.split_once("\"Manifest-Checksum\"").expect("it has one");
    let head = head.replace("PG_VERSION", "../PG_VERSION");
    let sum = sha256_hex(head.as_bytes());
    let outside = why(&format!("{head}\"Manifest-Checksum\": \"{sum}\"}}\n"));
    assert!(outside.contains("outside of it"), "{outside}");
}

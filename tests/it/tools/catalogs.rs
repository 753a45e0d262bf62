//! The catalogs of pgBackRest, Barman and WAL-G, as their programs have printed them.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use lockkeeper::domain::backup::{Backup, Kind, Retention, Worth};
use lockkeeper::domain::untrusted::Untrusted;
use lockkeeper::tools::catalog::{Printed, Told};
use lockkeeper::tools::{barman, pgbackrest, walg};

const SYSTEM: &str = "7710180654745695119";

fn sample(name: &str) -> Vec<u8> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/backups").join(name);
    fs::read(from).expect("the sample is there")
}

fn printed(out: &[u8]) -> Printed<'_> {
    Printed { out, err: b"", code: Some(0) }
}

fn pgbackrest(name: &str) -> Told {
    pgbackrest::read("main", printed(&sample(name)))
}

fn barman(name: &str) -> Told {
    barman::read("main", printed(&sample(name)))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn find<'a>(told: &'a Told, end: &str) -> &'a Backup {
    let found = told.backups.iter().find(|backup| backup.location.ends_with(end));
    found.unwrap_or_else(|| panic!("{end} is not among {:?}", told.backups))
}

#[test]
fn pgbackrest_tells_each_backup_with_its_cluster_and_the_start_of_it() {
    let told = pgbackrest("pgbackrest_info.json");
    assert_eq!(told.problems, [""; 0]);
    let full = find(&told, "/20261120-094102F");
    assert_eq!(full.location, "pgbackrest:main/20261120-094102F");
    assert_eq!((full.kind, full.system_identifier.as_deref()), (Kind::Pgbackrest, Some(SYSTEM)));
    assert_eq!(
        full.snapshot_started_at,
        Some(at("2026-11-20T09:41:02Z")),
        "its start, not its end"
    );
    assert_eq!(full.size, Some(250_958_841));
    assert_eq!((full.complete, Worth::of(full)), (Some(true), Worth::Complete), "nobody verified");
    let noted = find(&told, "D");
    assert_eq!(noted.revisions.as_deref(), Some(&["0017".to_owned()][..]), "by its annotation");
    assert_eq!(noted.size, Some(81_799), "what it adds");
}

#[test]
fn pages_that_were_damaged_in_the_cluster_make_a_pgbackrest_backup_bad_and_what_rests_on_it() {
    let told = pgbackrest("pgbackrest_info_page_error.json");
    let bad = find(&told, "/20261120-102019F");
    assert_eq!(Worth::of(bad), Worth::Bad);
    assert!(bad.problems[0].contains("page checksums failed"), "{:?}", bad.problems);
    assert_eq!(Worth::of(find(&told, "/20261120-094146F")), Worth::Complete);

    let text = String::from_utf8(sample("pgbackrest_info.json")).expect("UTF-8");
    let text = text.replacen("\"error\":false", "\"error\":true", 1);
    let told = pgbackrest::read("main", printed(text.as_bytes()));
    let differential = find(&told, "_20261120-094121D");
    assert_eq!(Worth::of(differential), Worth::Bad);
    let text = text.replace("20261120-094102F\",\"lsn", "20261120-000000F\",\"lsn");
    let told = pgbackrest::read("main", printed(text.as_bytes()));
    let why = &find(&told, "_20261120-094121D").problems[0];
    assert!(why.contains("which is gone"), "{why}");
}

#[test]
fn what_is_wrong_with_a_stanza_is_told_though_the_exit_code_is_0() {
    for (name, why) in [
        ("pgbackrest_info_missing_stanza.json", "pgbackrest, stanza main: missing stanza path"),
        ("pgbackrest_info_no_backup.json", "pgbackrest, stanza main: no valid backups"),
    ] {
        let told = pgbackrest(name);
        assert!(told.backups.is_empty());
        assert_eq!(told.problems, [why]);
    }
    let other = pgbackrest::read("other", printed(&sample("pgbackrest_info.json")));
    assert_eq!(other.problems, ["pgbackrest knows no stanza other"]);
    assert_eq!(pgbackrest::read("main", printed(b"[]")).problems.len(), 1);
    assert_eq!(pgbackrest("pgbackrest_info_backup_running.json").problems, [""; 0]);
}

#[test]
fn barman_lists_what_failed_and_what_runs_by_name_alone() {
    for (name, word) in [
        ("barman_list_backup_failed.json", "FAILED"),
        ("barman_list_backup_running.json", "STARTED"),
    ] {
        let told = barman(name);
        assert_eq!(told.backups.len(), 3, "{name}");
        let bad = find(&told, "/20261120T094450");
        assert_eq!(Worth::of(bad), Worth::Bad, "{name}");
        assert!(bad.problems[0].starts_with(word), "{:?}", bad.problems);
        assert_eq!((bad.size, bad.created_at), (None, None));
    }
}

#[test]
fn barman_of_both_versions_tells_the_end_and_show_backup_the_start_and_the_cluster() {
    for (list, show, system) in [
        ("barman_list_backup.json", "barman_show_backup.json", None),
        ("barman319_list_backup.json", "barman319_show_backup.json", Some(SYSTEM)),
    ] {
        let mut told = barman(list);
        let found = told.backups.iter_mut().find(|b| b.location == "barman:main/20261120T094355");
        let backup = found.expect("it is listed");
        assert_eq!(
            backup.created_at,
            Some(at("2026-11-20T09:44:13Z")),
            "a number in quotation marks"
        );
        assert_eq!(backup.snapshot_started_at, None, "the list does not tell it: unknown age");
        assert_eq!(backup.size, Some(1_202_127_365));
        let command = barman::show("main", &backup.location).expect("it has a name");
        assert_eq!(command.last().map(String::as_str), Some("20261120T094355"));
        barman::detail("main", backup, printed(&sample(show)));
        assert_eq!(backup.snapshot_started_at, Some(at("2026-11-20T09:43:55Z")));
        assert_eq!(backup.system_identifier.as_deref(), system, "3.4 does not tell it");
        assert_eq!(backup.server_version.as_ref().map(Untrusted::raw), Some("15.20"));
    }
}

#[test]
fn errors_of_barman_are_told_and_hostile_names_become_no_option() {
    let out = sample("barman_show_backup_named.json");
    let told = barman::read("main", Printed { code: Some(1), ..printed(&out) });
    assert_eq!(told.problems, ["barman: Unknown backup 'pre-0017' for server 'main'"]);
    assert_eq!(barman::show("main", "barman:main/--help"), None);
    assert_eq!(barman::show("main", "elsewhere"), None);
}

#[test]
fn wal_g_has_decimal_numbers_and_a_delta_rests_on_its_base() {
    let text = sample("walg_backup_list_detail.SYNTHETIC.json");
    let told = walg::read(printed(&text));
    let [base, delta] = told.backups.as_slice() else { panic!("{told:?}") };
    assert_eq!(base.system_identifier.as_deref(), Some(SYSTEM));
    assert_eq!(base.snapshot_started_at, Some(at("2026-11-20T02:00:02.102932Z")));
    assert_eq!((Worth::of(base), base.retention), (Worth::Complete, Retention::Keep));
    assert_eq!((delta.retention, delta.system_identifier.as_ref()), (Retention::Pinned, None));
    assert_eq!(Worth::of(delta), Worth::Complete);
    let text = String::from_utf8(text).expect("UTF-8").replace("wal_file_name", "renamed");
    let told = walg::read(printed(text.as_bytes()));
    assert_eq!(Worth::of(&told.backups[1]), Worth::Bad, "{told:?}");
}

#[test]
fn what_is_no_catalog_says_what_the_program_said() {
    let failed = Printed { out: b"", err: b"ERROR: [055]: unable to open\n", code: Some(55) };
    assert_eq!(
        pgbackrest::read("main", failed).problems,
        ["pgbackrest: ERROR: [055]: unable to open"]
    );
    let killed = Printed { out: b"", err: b"", code: None };
    assert_eq!(walg::read(killed).problems, ["wal-g was ended by a signal"]);
    let none = Printed { out: b"", err: b"INFO: No backups found\n", code: Some(0) };
    assert_eq!(walg::read(none), Told::default());
    for text in [&b"{}"[..], b"[1]", b"{\"main\":3}", b"\x1b[31m", b"[{\"name\":\"main\"}]"] {
        for told in [
            pgbackrest::read("main", printed(text)),
            barman::read("main", printed(text)),
            walg::read(printed(text)),
        ] {
            assert!(told.backups.is_empty() && told.problems.len() == 1, "{told:?}");
            assert!(!told.problems[0].contains('\u{1b}'), "{told:?}");
        }
    }
}

const FULL: &str = "pgbackrest:main/20261121-195500F";
const UPON_IT: &str = "pgbackrest:main/20261121-195500F_20261121-195510I";

/// The program ends with 0 in each of these cases.
#[test]
fn what_pgbackrest_verify_printed_proves_a_backup_or_makes_it_bad_and_silence_is_neither() {
    let verified = |name: &str, of: &str| {
        pgbackrest::verified(of, printed(&sample(&format!("pgbackrest_verify_{name}.txt"))))
    };
    for of in [FULL, UPON_IT] {
        let (ok, what) = verified("ok", of);
        assert_eq!(ok, Some(true), "{what}");
        let (ok, what) = verified("damaged", of);
        assert_eq!(ok, Some(false), "{what}");
        assert!(what.contains("checksum invalid: 1"), "{what}");
        let (ok, what) = verified("no_stanza", of);
        assert_eq!(ok, None);
        assert!(what.contains("No usable backup.info file"), "{what}");
        let (ok, what) = verified("wal_gone", of);
        assert_eq!(ok, Some(true), "it does not notice, and that is said");
        assert!(what.contains("a gap in the WAL it does not see"), "{what}");
    }
    assert_eq!(verified("ok", "pgbackrest:main/20200101-000000F").0, None, "it names another");
    assert_eq!(pgbackrest::verified(FULL, printed(b"")).0, None);
    let cut = sample("pgbackrest_verify_ok.txt");
    let cut = &cut[..cut.len() / 3];
    assert_eq!(pgbackrest::verified(UPON_IT, printed(cut)).0, None, "it was cut off");
    let wal = String::from_utf8(sample("pgbackrest_verify_ok.txt")).expect("UTF-8");
    let wal = wal.replace("status: ok", "status: error").replacen("missing: 0", "missing: 1", 1);
    assert_eq!(pgbackrest::verified(FULL, printed(wal.as_bytes())).0, None, "WAL is missing");
}

#[test]
fn pgbackrest_is_asked_for_the_repository_that_holds_the_backup() {
    let words =
        pgbackrest::verify("main", "pgbackrest:main@2/20261121-195500F").expect("a command");
    assert!(words.contains(&"--repo=2".to_owned()), "{words:?}");
    assert!(pgbackrest::verify("main", FULL).is_some_and(|words| words.len() == 5));
    assert_eq!(pgbackrest::verify("main", "pgbackrest:main@x/1F"), None);
    assert_eq!(pgbackrest::verify("other", FULL), None);
}

#[test]
fn barman_verify_backup_proves_finds_damage_or_could_not_look() {
    let verified = |name: &str, code: i32| {
        let out = sample(&format!("barman_verify_{name}.json"));
        barman::verified(Printed { out: &out, err: b"", code: Some(code) })
    };
    assert_eq!(verified("ok", 0).0, Some(true));
    let (ok, what) = verified("damaged", 1);
    assert_eq!(ok, Some(false));
    assert!(what.contains("checksum mismatch for file \"base/5/2688\""), "{what}");
    for nothing in ["no_manifest", "unknown"] {
        assert_eq!(verified(nothing, 1).0, None, "{nothing}");
    }
    assert_eq!(barman::verified(Printed { out: b"{}", err: b"", code: Some(0) }).0, None);
    assert_eq!(
        barman::verify("main", "barman:main/20261121T195627").map(|words| words.join(" ")),
        Some("barman -f json verify-backup main 20261121T195627".to_owned())
    );
}

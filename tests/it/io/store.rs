//! The inventory of directories, and proofs up to L3, on what the installed `pg_dump` writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chrono::Utc;
use lockkeeper::domain::backup::manifest::Manifest;
use lockkeeper::domain::backup::{Backup, Inventory, Kind, Scope};
use lockkeeper::domain::plan::sha256_hex;
use lockkeeper::domain::verify::{Level, Report};
use lockkeeper::io::cluster::PORT;
use lockkeeper::io::config::Loaded;
use lockkeeper::io::store::{Limit, Store, verify};
use lockkeeper::tools::pg_dump::Found;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::support::server::{Database, database};

/// A project with the directory `backups` in it.
pub(super) struct Place(TempDir);

impl Place {
    pub(super) fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        fs::create_dir(place.at("")).expect("it can be made");
        place
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join("backups").join(name)
    }

    fn store(&self) -> Store {
        Store::of(&Loaded::default(), self.0.path())
    }

    fn read(&self) -> Inventory {
        self.store().read(Utc::now())
    }

    fn sample(&self, name: &str) -> PathBuf {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/backups").join(name);
        fs::copy(&from, self.at(name)).expect("the sample is there");
        self.at(name)
    }
}

pub(super) fn shop(name: &str) -> Database {
    let database = database(name);
    database.execute(
        "CREATE TABLE alembic_version (version_num text PRIMARY KEY); \
         INSERT INTO alembic_version VALUES ('0042'); \
         CREATE TABLE t (id int PRIMARY KEY, note text); CREATE TABLE nothing_in_it (id int); \
         INSERT INTO t SELECT g, repeat('ab\\tc', g % 50) FROM generate_series(1, 3000) g; \
         SELECT lo_from_bytea(0, 'large')",
    );
    database
}

pub(super) fn dump(database: &Database, to: &Path, args: &[&str]) {
    let mut command = Command::new("pg_dump");
    let host = database.socket_dir.display().to_string();
    command.args(["-h", &host, "-p", &PORT.to_string(), "-U", &database.superuser]).args(args);
    let output = command.arg("-f").arg(to).arg(&database.name).output().expect("pg_dump is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn find<'a>(inventory: &'a Inventory, name: &str) -> &'a Backup {
    let found = inventory.backups.iter().find(|b| b.location.ends_with(&format!("/{name}")));
    found.unwrap_or_else(|| panic!("{name} is not among {:?}", inventory.backups))
}

#[test]
fn every_format_of_the_installed_pg_dump_is_recognised_and_complete() {
    let (place, database) = (Place::new(), shop("store_formats"));
    let formats: [(&str, &[&str], Kind); 8] = [
        ("z0.dump", &["-Fc", "-Z0"], Kind::Custom),
        ("z1.dump", &["-Fc", "-Z1"], Kind::Custom),
        ("z9.dump", &["-Fc", "-Z9"], Kind::Custom),
        ("dir", &["-Fd"], Kind::Directory),
        ("dir0", &["-Fd", "-Z0"], Kind::Directory),
        ("x.tar", &["-Ft"], Kind::Tar),
        ("x.sql", &["-Fp"], Kind::Plain),
        ("packed.sql", &["-Fp", "-Z6"], Kind::Plain),
    ];
    for (name, args, _) in formats {
        dump(&database, &place.at(name), args);
    }
    let inventory = place.read();
    assert_eq!(inventory.problems, [""; 0]);
    for (name, _, kind) in formats {
        let backup = find(&inventory, name);
        assert_eq!((backup.kind, backup.complete), (kind, Some(true)), "{name}: {backup:?}");
        assert_eq!(backup.revisions.as_deref(), Some(&["0042".to_owned()][..]), "{name}");
        assert_eq!((backup.tables, backup.scope), (Some(3), Some(Scope::Full)), "{name}");
        assert!(!backup.registered && backup.snapshot_started_at.is_none(), "{name}");
        let (report, _) =
            verify(&place.at(name), Level::L3, Utc::now(), &mut |_| {}).expect("it can be read");
        assert_eq!((report.ok, report.reached), (Some(true), Some(Level::L3)), "{name}");
    }
}

#[test]
fn what_is_in_it_is_told_from_its_contents() {
    let (place, database) = (Place::new(), shop("store_scope"));
    for (name, args, scope) in [
        ("s.dump", &["-Fc", "-s"][..], Scope::Schema),
        ("a.dump", &["-Fc", "-a"][..], Scope::Data),
        ("s.sql", &["-Fp", "-s"][..], Scope::Schema),
        ("a.sql", &["-Fp", "-a"][..], Scope::Data),
        ("i.sql", &["-Fp", "--inserts"][..], Scope::Full),
    ] {
        dump(&database, &place.at(name), args);
        assert_eq!(find(&place.read(), name).scope, Some(scope), "{name}");
    }
    assert_eq!(find(&place.read(), "s.dump").revisions, None, "no rows, no revision");
    assert_eq!(find(&place.read(), "i.sql").revisions, None, "INSERTs are not read");
}

#[test]
fn damage_that_pg_restore_lists_without_a_word_is_bad() {
    let (place, database) = (Place::new(), shop("store_damage"));
    dump(&database, &place.at("d"), &["-Fd"]);
    dump(&database, &place.at("x.tar"), &["-Ft"]);
    dump(&database, &place.at("x.dump"), &["-Fc", "-Z1"]);
    let cut = |name: &str, less: u64| {
        let file = fs::File::options().write(true).open(place.at(name)).expect("it is there");
        let size = file.metadata().expect("it has a size").len();
        file.set_len(size.saturating_sub(less)).expect("it can be cut");
    };
    let bad = |name: &str| {
        let (report, _) =
            verify(&place.at(name), Level::L3, Utc::now(), &mut |_| {}).expect("it can be read");
        assert_eq!(report.exit_code(), 1, "{name}: {report:?}");
    };
    cut("x.tar", 3000);
    bad("x.tar");
    cut("x.dump", 2000);
    bad("x.dump");
    let files = fs::read_dir(place.at("d")).expect("it can be listed");
    let data = files.map(|file| file.expect("a file").path()).filter(|path| {
        path.to_string_lossy().ends_with(".dat.gz") && path.metadata().is_ok_and(|m| m.len() > 100)
    });
    let data: Vec<PathBuf> = data.collect();
    fs::write(&data[0], b"").expect("it can be emptied");
    bad("d");
    assert!(find(&place.read(), "d").problems[0].contains("its rows are gone"));
    fs::remove_file(&data[0]).expect("it can be removed");
    bad("d");
}

/// Proves a backup to L3.
pub(super) fn proof(path: &Path) -> (Report, Found) {
    verify(path, Level::L3, Utc::now(), &mut |_| {}).expect("it can be read")
}

#[test]
fn every_format_has_the_same_rows_of_each_table() {
    let (place, database) = (Place::new(), shop("store_rows"));
    database.execute(
        "CREATE TABLE \"odd. \"\"name (\" (); INSERT INTO \"odd. \"\"name (\" DEFAULT VALUES",
    );
    for (name, args) in [
        ("z0.dump", &["-Fc", "-Z0"][..]),
        ("z1.dump", &["-Fc", "-Z1"]),
        ("dir", &["-Fd"]),
        ("dir0", &["-Fd", "-Z0"]),
        ("x.tar", &["-Ft"]),
        ("x.sql", &["-Fp"]),
        ("packed.sql", &["-Fp", "-Z6"]),
        ("data.sql", &["-Fp", "-a"]),
    ] {
        dump(&database, &place.at(name), args);
        let (report, found) = proof(&place.at(name));
        assert_eq!((report.ok, report.reached), (Some(true), Some(Level::L3)), "{name}");
        let rows: Vec<(&str, Option<u64>)> =
            report.rows.iter().map(|(table, rows)| (table.as_str(), *rows)).collect();
        let all = [
            ("public.alembic_version", Some(1)),
            ("public.nothing_in_it", Some(0)),
            ("public.odd. \"name (", Some(1)),
            ("public.t", Some(3000)),
        ];
        assert_eq!(rows, all, "{name}");
        let is_summed = found.decoded.expect("it was decoded").is_summed;
        assert_eq!(report.notes.is_empty(), is_summed, "{name}: {:?}", report.notes);
    }
}

#[test]
fn rows_that_are_inserts_are_said_not_to_be_counted() {
    let (place, database) = (Place::new(), shop("store_inserts"));
    for (name, args) in [("i.dump", &["-Fc", "--inserts"][..]), ("i.sql", &["-Fp", "--inserts"])] {
        dump(&database, &place.at(name), args);
        let (report, _) = proof(&place.at(name));
        assert_eq!((report.ok, report.rows["public.t"]), (Some(true), None), "{name}");
        let what = &report.findings.last().expect("a finding").what;
        assert!(what.contains("INSERTs: not counted"), "{name}: {what}");
    }
}

#[test]
fn a_flipped_bit_in_compressed_data_is_found_by_decoding_alone() {
    let (place, database) = (Place::new(), shop("store_flips"));
    dump(&database, &place.at("x.dump"), &["-Fc", "-Z1"]);
    dump(&database, &place.at("d"), &["-Fd"]);
    let whole = fs::read(place.at("x.dump")).expect("it is there");
    // Behind the contents, inside of the large table's stream.
    let stream = memchr::memmem::find(&whole, b"\x78\x01").expect("a stream begins");
    let skimmed = |path: &Path| {
        verify(path, Level::L2, Utc::now(), &mut |_| {}).expect("it can be read").0.ok
    };
    let longest = whole.len() - stream;
    let mut unseen = 0;
    for at in (stream + 20..stream + longest / 2).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fs::write(place.at("x.dump"), bytes).expect("it can be written");
        unseen += u32::from(skimmed(&place.at("x.dump")) == Some(true));
        assert_eq!(proof(&place.at("x.dump")).0.ok, Some(false), "the bit at {at}");
    }
    assert!(unseen > 0, "the structure alone tells nothing of most");
    let data = largest(&place.at("d"));
    let mut bytes = fs::read(&data).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&data, bytes).expect("it can be written");
    assert_eq!(proof(&place.at("d")).0.ok, Some(false));
}

/// Returns the largest file of data of a directory.
fn largest(directory: &Path) -> PathBuf {
    let files = fs::read_dir(directory).expect("it can be listed");
    let data = files.map(|file| file.expect("a file").path());
    let data = data.filter(|path| path.to_string_lossy().ends_with(".dat.gz"));
    data.max_by_key(|path| path.metadata().map_or(0, |m| m.len())).expect("there is data")
}

#[test]
fn a_changed_row_without_a_sum_is_good_but_for_what_the_note_says_and_bad_with_a_manifest() {
    let (place, database) = (Place::new(), shop("store_unsummed"));
    let file = place.at("z0.dump");
    dump(&database, &file, &["-Fc", "-Z0"]);
    let whole = fs::read(&file).expect("it is there");
    let mut bytes = whole.clone();
    let row = memchr::memmem::find(&bytes, b"ab\\\\tcab").expect("there is such a row");
    bytes[row] = b'X';
    fs::write(&file, &bytes).expect("it can be written");
    let (report, _) = proof(&file);
    assert_eq!(report.ok, Some(true));
    assert!(report.notes[0].contains("no byte inside of a row has changed"), "{:?}", report.notes);
    fs::write(&file, &whole).expect("it can be written");
    manifest_of(&file, "x", r#"{"public.t":3000,"public.nothing_in_it":null}"#);
    assert_eq!(proof(&file).0.ok, Some(true));
    fs::write(&file, &bytes).expect("it can be written");
    assert_eq!(proof(&file).0.ok, Some(false));
}

#[test]
fn rows_other_than_the_manifest_counts_make_a_backup_bad_for_good() {
    let (place, database) = (Place::new(), shop("store_counts"));
    let file = place.at("x.dump");
    dump(&database, &file, &["-Fc", "-Z1"]);
    manifest_of(&file, "x", r#"{"public.t":2999,"public.gone":4,"public.alembic_version":1}"#);
    let (report, found) = proof(&file);
    let last = report.findings.last().expect("a finding");
    assert_eq!((last.level, last.ok), (Level::L3, Some(false)));
    for words in ["public.t has 3000, not 2999", "public.gone is not in it, with its 4"] {
        assert!(last.what.contains(words), "{}", last.what);
    }
    let mut store = place.store();
    store.read(Utc::now());
    store.learn(&file, found, Utc::now());
    let inventory = store.read(Utc::now());
    assert!(inventory.backups[0].is_bad(), "what was read later says the same");
}

#[test]
fn a_script_with_a_column_list_of_many_kilobytes_is_counted_too() {
    let (place, database) = (Place::new(), database("store_wide"));
    let columns: Vec<String> = (0..900).map(|n| format!("{}_{n} int", "c".repeat(50))).collect();
    let long = "repeat('x', 300000)";
    database.execute(&format!(
        "CREATE TABLE wide ({}); INSERT INTO wide DEFAULT VALUES; \
         CREATE TABLE long AS SELECT {long} AS a FROM generate_series(1, 3)",
        columns.join(", ")
    ));
    dump(&database, &place.at("w.sql"), &["-Fp"]);
    let (report, _) = proof(&place.at("w.sql"));
    assert_eq!((report.ok, report.rows["public.wide"]), (Some(true), Some(1)));
    assert_eq!(report.rows["public.long"], Some(3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_registered_backup_that_was_cut_or_changed_is_never_good(
        name in prop::sample::select(vec!["ok.dump", "ok.tar", "ok.sql", "ok.sql.gz", "ok.sql.lz4", "ok.sql.zst"]),
        at in any::<prop::sample::Index>(),
        bit in prop::option::of(0..8_u32),
    ) {
        let place = Place::new();
        let file = place.sample(name);
        manifest(&file, "x");
        prop_assert_eq!(proof(&file).0.ok, Some(true));
        let mut bytes = fs::read(&file).expect("it is there");
        let at = at.index(bytes.len());
        match bit {
            Some(bit) => bytes[at] ^= 1 << bit,
            None => bytes.truncate(at),
        }
        fs::write(&file, bytes).expect("it can be written");
        let proved = verify(&file, Level::L3, Utc::now(), &mut |_| {});
        prop_assert!(!proved.is_ok_and(|(report, _)| report.ok == Some(true)));
    }
}

#[test]
fn what_is_no_backup_is_left_out_and_what_should_be_one_is_a_problem() {
    let place = Place::new();
    place.sample("ok.dump");
    fs::write(place.at("notes.txt"), "hello").expect("it can be written");
    fs::write(place.at("seed.sql"), "SELECT 1;").expect("it can be written");
    fs::write(place.at("failed.dump"), "").expect("it can be written");
    fs::write(place.at("odd.dump"), "not an archive").expect("it can be written");
    fs::copy(place.at("ok.dump"), place.at("new.dump.partial")).expect("it can be copied");
    std::os::unix::fs::symlink(place.at("ok.dump"), place.at("latest.dump")).expect("a link");
    let pipe = Command::new("mkfifo").arg(place.at("pipe.dump")).status().expect("mkfifo runs");
    assert!(pipe.success());
    fs::write(place.at("gone.dump.manifest.json"), "{}").expect("it can be written");

    let inventory = place.read();
    let names: Vec<&str> =
        inventory.backups.iter().filter_map(|b| b.location.rsplit('/').next()).collect();
    assert_eq!(names, ["ok.dump", "new.dump.partial"]);
    assert_eq!(inventory.backups[1].complete, Some(false));
    assert!(inventory.backups[1].problems[0].starts_with("not finished"));
    let problems = inventory.problems.join("\n");
    assert_eq!(inventory.problems.len(), 3, "{problems}");
    assert!(problems.contains("failed.dump: it is empty: a dump that failed"), "{problems}");
    assert!(problems.contains("odd.dump: its bytes are not those of a backup"), "{problems}");
    assert!(problems.contains("gone.dump.manifest.json: the backup that it tells of is gone"));
}

#[test]
fn a_directory_that_is_not_there_is_a_problem_only_if_somebody_named_it() {
    let empty = tempfile::tempdir().expect("a directory");
    let mut loaded = Loaded::default();
    assert_eq!(Store::of(&loaded, empty.path()).read(Utc::now()).problems, [""; 0]);
    loaded.config.backups.directories = vec!["elsewhere".into()];
    let problems = Store::of(&loaded, empty.path()).read(Utc::now()).problems;
    assert!(problems[0].contains("elsewhere cannot be read"), "{problems:?}");
}

#[test]
fn only_what_has_changed_is_read_again() {
    let place = Place::new();
    let file = place.sample("ok.dump");
    let mut store = place.store();
    let at = |store: &mut Store| store.read(Utc::now()).backups[0].verified[0].at;
    let first = at(&mut store);
    assert_eq!(at(&mut store), first);
    fs::copy(place.sample("ok.tar"), &file).expect("it can be replaced");
    fs::remove_file(place.at("ok.tar")).expect("it can be removed");
    let again = store.read(Utc::now());
    assert_eq!(again.backups[0].kind, Kind::Tar);
}

/// Kept by size, time and place: one that looks the same is not opened.
#[test]
fn a_manifest_that_looks_the_same_is_not_parsed_again() {
    let place = Place::new();
    let file = place.sample("ok.dump");
    let beside = manifest(&file, "shop-1");
    let mut store = place.store();
    let mut id = || store.read(Utc::now()).backups[0].id.clone();
    assert_eq!(id(), "shop-1");
    let write = |id: &str, keeps_time: bool| {
        let text = fs::read_to_string(&beside).expect("it is there");
        let changed = fs::metadata(&beside).and_then(|m| m.modified()).expect("it has a time");
        let (before, after) = text.split_once("shop-").expect("it has an id");
        let text = format!("{before}{id}{}", &after[1..]);
        // In its place: not even its number changes.
        fs::write(&beside, text).expect("it can be written");
        let changed = if keeps_time { changed } else { changed + Duration::from_secs(1) };
        let file = fs::File::options().write(true).open(&beside).expect("it opens");
        file.set_modified(changed).expect("its time can be set");
    };
    write("shop-2", true);
    assert_eq!(id(), "shop-1");
    write("shop-3", false);
    assert_eq!(id(), "shop-3");
    fs::remove_file(&beside).expect("it can be removed");
    assert!(!store.read(Utc::now()).backups[0].registered);
}

fn manifest(file: &Path, id: &str) -> String {
    manifest_of(file, id, r#"{"public.alembic_version":1}"#)
}

pub(super) fn manifest_of(file: &Path, id: &str, rows: &str) -> String {
    let bytes = fs::read(file).expect("it is there");
    let text = format!(
        r#"{{"schema":1,"id":"{id}","kind":"custom","sha256":"{}","size":{},"scope":"full",
        "snapshot_started_at":"2026-01-01T00:00:00Z","finished_at":"2026-01-01T00:01:00Z",
        "source":{{"system_identifier":"7","database":"shop","host":"db1","server_version":"15.20"}},
        "revisions":["0016"],"rows":{rows},"tool_version":"15.20",
        "made_by":{{"operator":"ada","run":null}},"later":[1]}}"#,
        sha256_hex(&bytes),
        bytes.len()
    );
    let path = format!("{}.manifest.json", file.display());
    fs::write(&path, text).expect("it can be written");
    path
}

#[test]
fn a_registered_backup_knows_its_age_and_keeps_every_proof() {
    let place = Place::new();
    let file = place.sample("ok.dump");
    let beside = manifest(&file, "shop-1");
    let (report, _) = verify(&file, Level::L3, Utc::now(), &mut |_| {}).expect("it can be read");
    assert_eq!(report.ok, Some(true), "{report:?}");
    assert_eq!(report.rows["public.categories"], Some(20));
    let text = fs::read_to_string(&beside).expect("it is there");
    let kept = Manifest::read(&text).expect("it is a manifest");
    let levels: Vec<Level> = kept.verified.iter().map(|evidence| evidence.level).collect();
    assert_eq!(levels, [Level::L0, Level::L1, Level::L2, Level::L3]);
    assert!(
        kept.verified
            .iter()
            .all(|evidence| evidence.ok && evidence.tool.starts_with("lockkeeper "))
    );
    assert!(kept.rest.contains_key("later"), "a key of a later version stays");
    let names = fs::read_dir(place.at("")).expect("it can be listed").count();
    assert_eq!(names, 2, "nothing temporary stays");

    let inventory = place.read();
    let backup = &inventory.backups[0];
    assert_eq!((backup.id.as_str(), backup.registered), ("shop-1", true));
    assert!(backup.snapshot_started_at.is_some() && backup.system_identifier.is_some());
    assert!(backup.passed().any(|level| level == Level::L1));
}

#[test]
fn a_changed_byte_of_a_registered_backup_fails_at_l1() {
    let place = Place::new();
    let file = place.sample("pg16_v1.15.dump");
    manifest(&file, "x");
    let mut bytes = fs::read(&file).expect("it is there");
    let at = bytes.len() - 100;
    bytes[at] ^= 1;
    fs::write(&file, bytes).expect("it can be written");
    let (report, _) = verify(&file, Level::L3, Utc::now(), &mut |_| {}).expect("it can be read");
    assert_eq!(report.exit_code(), 1);
    let ok: Vec<Option<bool>> = report.findings.iter().map(|finding| finding.ok).collect();
    assert_eq!(ok[..3], [Some(true), Some(false), Some(true)], "the structure is whole");
    let backup = &place.read().backups[0];
    assert!(backup.is_bad(), "the failure is kept: {backup:?}");
}

#[test]
fn a_size_other_than_the_manifest_tells_is_bad_without_a_proof() {
    let place = Place::new();
    let file = place.sample("ok.dump");
    manifest(&file, "x");
    place.sample("trunc_data.dump");
    fs::copy(place.at("trunc_data.dump"), &file).expect("it can be replaced");
    let backup = find(&place.read(), "ok.dump").clone();
    assert_eq!(backup.complete, Some(false));
    assert!(backup.problems[0].contains("changed since it was made"), "{:?}", backup.problems);
}

#[test]
fn a_level_that_is_not_reached_and_a_file_that_is_none_cannot_be_told() {
    let place = Place::new();
    let file = place.sample("ok.dump");
    let limit =
        |path: &Path, level| verify(path, level, Utc::now(), &mut |_| {}).expect_err("a limit");
    assert!(matches!(limit(&file, Level::L4), Limit::Level(Level::L4)));
    assert!(matches!(limit(&place.at("none.dump"), Level::L2), Limit::Unreadable(_)));
    fs::write(place.at("text"), "hello").expect("it can be written");
    let why = limit(&place.at("text"), Level::L2).to_string();
    assert!(why.contains("its bytes are not those of a backup"), "{why}");
}

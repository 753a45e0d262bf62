//! The damage matrix: every row of what was measured, done to archives of the installed
//! `pg_dump`, and seen at the level that is promised.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use chrono::Utc;
use lockkeeper::domain::verify::{Level, Report};
use lockkeeper::io::cluster::PORT;
use lockkeeper::io::store::verify;
use proptest::prelude::*;

use super::store::{Place, dump, manifest_of, proof, shop};
use crate::support::act::until;
use crate::support::server::Database;

/// Rows of the tables of [`shop`], as a manifest of ours would count them.
const ROWS: &str = r#"{"public.alembic_version":1,"public.nothing_in_it":0,"public.t":3000}"#;

/// Returns what the level itself came to, not what all up to it did.
fn found(report: &Report, level: Level) -> Option<bool> {
    report.findings.iter().find(|finding| finding.level == level).and_then(|finding| finding.ok)
}

/// Proves it to L3, and holds that `level` is what sees the damage: all below it pass.
fn seen_at(path: &Path, level: Level, what: &str) {
    let (report, _) = proof(path);
    assert_eq!(report.exit_code(), 1, "{what}: {report:?}");
    assert_eq!(found(&report, level), Some(false), "{what}: {report:?}");
    let below = report.findings.iter().filter(|finding| finding.level < level);
    assert!(below.clone().all(|f| f.ok != Some(false)), "{what}: {report:?}");
}

/// What does not even begin as a backup is none.
fn is_good(path: &Path) -> bool {
    let proved = verify(path, Level::L3, Utc::now(), &mut |_| {});
    proved.is_ok_and(|(report, _)| report.ok == Some(true))
}

fn cut(path: &Path, at: u64) {
    let file = fs::File::options().write(true).open(path).expect("it is there");
    file.set_len(at).expect("it can be cut");
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("it is there");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("it can be written");
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).expect("it is there").len()
}

/// Returns where the data of a custom archive begins: behind the contents.
fn data(path: &Path) -> usize {
    let bytes = fs::read(path).expect("it is there");
    let last = memchr::memmem::rfind(&bytes, b"pg_catalog.setval")
        .or_else(|| memchr::memmem::rfind(&bytes, b"COPY public.t (id, note) FROM stdin;"));
    last.expect("it has contents") + 200
}

/// What is done to a file.
type Damage = fn(&Path);

/// Returns the file of the most data of a directory.
fn largest(directory: &Path) -> PathBuf {
    let files = fs::read_dir(directory).expect("it can be listed");
    let data = files.map(|file| file.expect("a file").path());
    let data = data.filter(|path| path.file_name().is_some_and(|name| name != "toc.dat"));
    data.max_by_key(|path| length(path)).expect("there is data")
}

#[test]
fn what_is_cut_in_the_header_or_the_contents_fails_at_once() {
    let (place, database) = (Place::new(), shop("damage_head"));
    let file = place.at("x.dump");
    for at in [4_u64, 11, 40, 600] {
        dump(&database, &file, &["-Fc", "-Z1"]);
        cut(&file, at);
        match verify(&file, Level::L0, Utc::now(), &mut |_| {}) {
            Ok((report, _)) => assert_eq!(report.exit_code(), 1, "cut at {at}: {report:?}"),
            Err(limit) => assert!(at < 5, "cut at {at}: {limit}"),
        }
        fs::remove_file(&file).expect("it can go");
    }
}

#[test]
fn what_is_cut_in_the_data_lists_well_and_its_structure_is_broken() {
    let (place, database) = (Place::new(), shop("damage_cut"));
    for (name, args) in [
        ("z0.dump", &["-Fc", "-Z0"][..]),
        ("z1.dump", &["-Fc", "-Z1"]),
        ("z9.dump", &["-Fc"]),
        ("x.tar", &["-Ft"]),
    ] {
        let file = place.at(name);
        dump(&database, &file, args);
        let whole = length(&file);
        for at in [whole - 1, whole - 700, whole / 2 + whole / 4] {
            cut(&file, at);
            assert_eq!(found(&proof(&file).0, Level::L0), Some(true), "{name}: its head is whole");
            seen_at(&file, Level::L2, name);
        }
    }
}

/// Whoever looks at the file alone sees a file that grows and then does not.
#[test]
fn a_pg_dump_that_was_killed_leaves_what_is_never_good() {
    let (place, database) = (Place::new(), shop("damage_killed"));
    database.execute(
        "CREATE TABLE big AS SELECT g, md5(g::text) AS a, md5((g + 1)::text) AS b
           FROM generate_series(1, 400000) g",
    );
    for format in ["-Fc", "-Fp"] {
        let file = place.at(&format!("killed{format}"));
        let least = 300_000;
        loop {
            let mut child = start_dump(&database, &file, format);
            until("rows to be written", || {
                fs::metadata(&file).is_ok_and(|m| m.len() > least).then_some(())
            });
            child.kill().expect("it can be killed");
            if child.wait().expect("it is gone").signal().is_some() {
                break;
            }
            // It was faster than this test.
            fs::remove_file(&file).expect("it can go");
        }
        let (report, _) = proof(&file);
        assert_eq!(report.exit_code(), 1, "{format}: {report:?}");
    }
}

fn start_dump(database: &Database, to: &Path, format: &str) -> std::process::Child {
    let mut command = Command::new("pg_dump");
    let host = database.socket_dir.display().to_string();
    command.args(["-h", &host, "-p", &PORT.to_string(), "-U", &database.superuser, format, "-Z0"]);
    command.arg("-f").arg(to).arg(&database.name).stderr(Stdio::null());
    command.spawn().expect("pg_dump is there")
}

#[test]
fn a_flipped_bit_in_compressed_rows_is_seen_by_decoding() {
    let (place, database) = (Place::new(), shop("damage_gzip"));
    let (file, directory) = (place.at("x.dump"), place.at("d"));
    dump(&database, &file, &["-Fc", "-Z1"]);
    let middle = usize::midpoint(data(&file), fs::read(&file).expect("it reads").len());
    flip(&file, middle);
    seen_at(&file, Level::L3, "custom");
    dump(&database, &directory, &["-Fd"]);
    let rows = largest(&directory);
    let middle = usize::try_from(length(&rows) / 2).expect("it is small");
    flip(&rows, middle);
    // The walk to the end of each file sums it on the way.
    seen_at(&directory, Level::L2, "directory");
}

/// `pg_restore` loads it with wrong data and exits 0: only the sum of our manifest tells.
#[test]
fn a_flipped_bit_in_plain_rows_is_seen_by_the_manifest_alone() {
    let (place, database) = (Place::new(), shop("damage_z0"));
    for (name, args) in [("z0.dump", &["-Fc", "-Z0"][..]), ("x.tar", &["-Ft"]), ("x.sql", &["-Fp"])]
    {
        let file = place.at(name);
        dump(&database, &file, args);
        manifest_of(&file, "x", ROWS);
        assert_eq!(proof(&file).0.ok, Some(true), "{name}");
        let bytes = fs::read(&file).expect("it reads");
        flip(&file, memchr::memmem::find(&bytes, b"ab\\\\tcab").expect("such a row"));
        seen_at(&file, Level::L1, name);
        assert_eq!(found(&proof(&file).0, Level::L3), Some(true), "{name}: it decodes");
    }
}

#[test]
fn a_file_of_a_directory_that_is_gone_cut_or_empty_is_missed() {
    let (place, database) = (Place::new(), shop("damage_dir"));
    for args in [&["-Fd"][..], &["-Fd", "-Z0"]] {
        let damages: [(&str, Damage); 3] = [
            ("gone", |path| fs::remove_file(path).expect("it can go")),
            ("empty", |path| cut(path, 0)),
            ("cut", |path| cut(path, length(path) / 2)),
        ];
        for (what, damage) in damages {
            let directory = place.at("d");
            dump(&database, &directory, args);
            damage(&largest(&directory));
            seen_at(&directory, Level::L2, what);
            fs::remove_dir_all(&directory).expect("it can go");
        }
    }
}

/// Two good files under each other's names: each is whole, and neither what it is said to be.
#[test]
fn swapped_backups_and_swapped_files_of_a_directory_are_not_what_the_manifest_tells() {
    let (place, database) = (Place::new(), shop("damage_swap"));
    let (one, other) = (place.at("one.dump"), place.at("other.dump"));
    dump(&database, &one, &["-Fc", "-Z1"]);
    manifest_of(&one, "one", ROWS);
    database.execute("INSERT INTO t VALUES (0, 'late')");
    dump(&database, &other, &["-Fc", "-Z1"]);
    fs::rename(&other, &one).expect("they can be swapped");
    seen_at(&one, Level::L1, "custom");
    assert_eq!(found(&proof(&one).0, Level::L3), Some(false), "its rows are others too");

    let directory = place.at("d");
    dump(&database, &directory, &["-Fd"]);
    let files: Vec<PathBuf> = fs::read_dir(&directory)
        .expect("it can be listed")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.to_string_lossy().ends_with(".dat.gz"))
        .collect();
    let spare = place.at("spare");
    fs::rename(&files[0], &spare).expect("it moves");
    fs::rename(&files[1], &files[0]).expect("it moves");
    fs::rename(&spare, &files[1]).expect("it moves");
    let (report, _) = proof(&directory);
    let rows = |table: &str| report.rows.get(table).copied().flatten();
    let as_before = (rows("public.t"), rows("public.nothing_in_it")) == (Some(3000), Some(0));
    assert!(
        report.ok == Some(false) || !as_before,
        "swapped files are seen or counted: {report:?}"
    );
}

#[test]
fn scripts_packed_by_other_programs_are_read_and_their_damage_is_seen() {
    let (place, database) = (Place::new(), shop("damage_packed"));
    let script = place.at("x.sql");
    dump(&database, &script, &["-Fp"]);
    for (program, args, ending) in
        [("gzip", &["-k"][..], "gz"), ("lz4", &["-q", "-k"], "lz4"), ("zstd", &["-q", "-k"], "zst")]
    {
        let packed = place.at(&format!("x.sql.{ending}"));
        let mut command = Command::new(program);
        command.args(args).arg(&script);
        if program == "lz4" {
            command.arg(&packed);
        }
        assert!(command.status().is_ok_and(|status| status.success()), "{program} packs");
        let (report, _) = proof(&packed);
        assert_eq!((report.ok, report.rows["public.t"]), (Some(true), Some(3000)), "{program}");
        let whole = fs::read(&packed).expect("it reads");
        let middle = whole.len() / 2;
        flip(&packed, middle);
        assert!(!is_good(&packed), "{program}: a flipped bit");
        fs::write(&packed, &whole[..middle]).expect("it can be cut");
        assert!(!is_good(&packed), "{program}: cut");
    }
}

#[test]
fn an_empty_file_is_no_backup() {
    let place = Place::new();
    fs::write(place.at("x.dump"), b"").expect("it can be written");
    let refused = verify(&place.at("x.dump"), Level::L3, Utc::now(), &mut |_| {});
    assert!(refused.is_err_and(|why| why.to_string().contains("it is empty")));
}

/// The archives that are damaged at random, made once.
fn archives() -> &'static [(String, Vec<u8>)] {
    static ARCHIVES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    ARCHIVES.get_or_init(|| {
        let (place, database) = (Place::new(), shop("damage_random"));
        let formats: [(&str, &[&str]); 4] = [
            ("z0.dump", &["-Fc", "-Z0"]),
            ("z1.dump", &["-Fc", "-Z1"]),
            ("x.tar", &["-Ft"]),
            ("x.sql", &["-Fp"]),
        ];
        let made = formats.map(|(name, args)| {
            dump(&database, &place.at(name), args);
            (name.to_owned(), fs::read(place.at(name)).expect("it reads"))
        });
        made.into()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// However it is cut and changed: what was registered is never called good again, and
    /// reading it comes to an end.
    #[test]
    fn a_registered_archive_that_was_damaged_at_random_is_never_good(
        which in 0_usize..4,
        keep in prop::option::of(any::<prop::sample::Index>()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..8), 0..4),
    ) {
        let (name, whole) = &archives()[which];
        let place = Place::new();
        let file = place.at(name);
        fs::write(&file, whole).expect("it can be written");
        manifest_of(&file, "x", ROWS);
        let mut bytes = whole.clone();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Some(keep) = keep {
            bytes.truncate(keep.index(whole.len()));
        }
        prop_assume!(bytes != *whole);
        fs::write(&file, bytes).expect("it can be written");
        prop_assert!(!is_good(&file));
    }
}

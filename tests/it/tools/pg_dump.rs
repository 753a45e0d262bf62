//! Recognising what `pg_dump` writes: its real archives, and everything that can be wrong.

use std::collections::BTreeMap;
use std::io::{self, Cursor};
use std::path::PathBuf;

use lockkeeper::domain::backup::{Kind, Scope};
use lockkeeper::domain::untrusted::Untrusted;
use lockkeeper::tools::pg_dump::{self, Bytes, Depth, Folder, Found, Structure};
use proptest::prelude::*;

fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/samples/backups").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(bytes: &[u8], depth: Depth) -> Option<Found> {
    let size = bytes.len() as u64;
    pg_dump::file(&mut Cursor::new(bytes), size, depth, &mut |_| {}).expect("memory can be read")
}

fn whole(name: &str) -> Found {
    read(&sample(name), Depth::Whole).expect("it is a backup")
}

/// A directory in memory.
#[derive(Clone, Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Folder for Files {
    fn size(&self, name: &str) -> Option<u64> {
        self.0.get(name).map(|bytes| bytes.len() as u64)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Bytes + '_>> {
        let bytes = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(bytes.as_slice())))
    }
}

fn directory() -> Files {
    let names = ["toc.dat", "3379.dat.gz", "3380.dat.gz"];
    Files(names.map(|name| (name.to_owned(), sample(&format!("ok.dir/{name}")))).into())
}

fn complete(files: &Files) -> Option<bool> {
    let found = pg_dump::directory(files, Depth::Whole, &mut |_| {}).expect("memory can be read");
    found.expect("it is a backup").structure.complete()
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn every_good_archive_tells_what_it_is_and_is_complete() {
    let all = [
        ("ok.dump", Kind::Custom, Some(3)),
        ("streamed_no_offsets.dump", Kind::Custom, Some(2)),
        ("pg16_v1.15.dump", Kind::Custom, Some(6)),
        ("pg18_v1.16.dump", Kind::Custom, Some(6)),
        ("ok.tar", Kind::Tar, Some(2)),
        ("ok.sql", Kind::Plain, Some(2)),
        ("ok.sql.gz", Kind::Plain, Some(2)),
        ("ok.sql.lz4", Kind::Plain, Some(2)),
        ("ok.sql.zst", Kind::Plain, Some(2)),
    ];
    for (name, kind, tables) in all {
        let found = whole(name);
        assert_eq!((found.kind, found.tables), (kind, tables), "{name}");
        assert_eq!(found.structure.complete(), Some(true), "{name}: {:?}", found.structure);
        assert_eq!(found.revisions, Some(ids(&["0016"])), "{name}");
        assert_eq!(found.scope, Some(Scope::Full), "{name}");
        assert!(found.server_version.is_some() && found.tool_version.is_some(), "{name}");
    }
}

#[test]
fn the_header_tells_versions_database_and_a_time_without_zone() {
    let found = whole("pg18_v1.16.dump");
    let raw =
        |text: &Option<Untrusted>| text.as_ref().map(|t| t.raw().to_owned()).unwrap_or_default();
    assert_eq!(raw(&found.database), "shop");
    assert!(raw(&found.server_version).starts_with("15."), "{:?}", found.server_version);
    assert!(raw(&found.tool_version).starts_with("18"), "{:?}", found.tool_version);
    let local = found.created_local.expect("it has a time");
    assert_eq!(local.to_string(), "2026-11-20 09:20:36");
}

#[test]
fn a_directory_is_complete_only_with_every_file_to_its_end() {
    assert_eq!(complete(&directory()), Some(true));
    for name in ["3379.dat.gz", "3380.dat.gz"] {
        let mut gone = directory();
        gone.0.remove(name);
        assert_eq!(complete(&gone), Some(false), "{name} is gone");
        let bytes = directory().0[name].clone();
        for cut in 0..bytes.len() {
            let mut files = directory();
            files.0.insert(name.to_owned(), bytes[..cut].to_vec());
            assert_eq!(complete(&files), Some(false), "{name} cut at {cut}");
        }
    }
    let toc = directory().0["toc.dat"].clone();
    for cut in 0..toc.len() {
        let mut files = directory();
        files.0.insert("toc.dat".to_owned(), toc[..cut].to_vec());
        assert_eq!(complete(&files), Some(false), "toc.dat cut at {cut}");
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_never_complete() {
    let names = [
        "ok.dump",
        "streamed_no_offsets.dump",
        "ok.tar",
        "ok.sql",
        "ok.sql.gz",
        "ok.sql.lz4",
        "ok.sql.zst",
    ];
    for name in names {
        let bytes = sample(name);
        // The newline of the last line carries nothing.
        let end = bytes.iter().rposition(|byte| *byte != b'\n').map_or(0, |at| at + 1);
        let end = if name == "ok.sql" { end } else { bytes.len() };
        for cut in 0..end {
            let found = read(&bytes[..cut], Depth::Whole);
            let complete = found.and_then(|found| found.structure.complete());
            assert_ne!(complete, Some(true), "{name} cut at {cut}");
        }
    }
}

#[test]
fn a_large_archive_that_is_cut_off_is_never_complete() {
    for name in ["pg16_v1.15.dump", "pg18_v1.16.dump"] {
        let bytes = sample(name);
        for cut in (bytes.len() - 300..bytes.len()).chain((0..bytes.len()).step_by(9973)) {
            let found = read(&bytes[..cut], Depth::Whole);
            let complete = found.and_then(|found| found.structure.complete());
            assert_ne!(complete, Some(true), "{name} cut at {cut}");
        }
    }
}

#[test]
fn what_was_killed_while_writing_is_said_to_be_cut_off() {
    let found = whole("trunc_data.dump");
    assert!(found.head.is_ok(), "{:?}", found.head);
    assert_eq!(found.structure, Structure::Broken("cut off in the data".into()));
    let found = whole("trunc_toc.dump");
    assert_eq!(found.head, Err("cut off in header or table of contents".into()));
    assert_eq!(found.structure.complete(), Some(false));
}

#[test]
fn an_archive_out_of_a_pipe_is_complete_and_says_so() {
    let found = whole("streamed_no_offsets.dump");
    assert!(found.notes.iter().any(|note| note.contains("through a pipe")), "{:?}", found.notes);
}

#[test]
fn the_head_alone_proves_nothing_of_the_rest() {
    for name in ["ok.dump", "trunc_data.dump", "ok.tar", "pg16_v1.15.dump"] {
        let found = read(&sample(name), Depth::Head).expect("it is a backup");
        assert_eq!(found.structure.complete(), None, "{name}");
        assert!(found.head.is_ok(), "{name}");
    }
}

#[test]
fn what_is_too_large_to_be_read_unasked_is_unknown_not_bad() {
    for name in ["pg16_v1.15.dump", "ok.tar"] {
        let found = read(&sample(name), Depth::Steps(1)).expect("it is a backup");
        assert!(matches!(found.structure, Structure::Unknown(_)), "{name}: {:?}", found.structure);
    }
}

#[test]
fn other_files_are_no_backups_and_closed_ones_are_said_to_be_closed() {
    for bytes in [&b""[..], b"CREATE TABLE t ();", b"\x1f\x8bnot really", b"PGDM", &[0; 1024]] {
        assert_eq!(read(bytes, Depth::Whole), None, "{bytes:?}");
    }
    let encrypted = read(b"age-encryption.org/v1\n-> X25519", Depth::Whole).expect("it is known");
    assert!(encrypted.structure.words().contains("encrypted (age)"));
    assert_eq!(encrypted.structure.complete(), None);
    // The first bytes of what gpg 2.2 writes for a passphrase, an RSA key and an X25519 key.
    for bytes in [&b"\x8c\x0d\x04\x09\x03\x02"[..], b"\x85\x01\x0c\x03", b"\x84\x5e\x03\x52"] {
        let encrypted = read(bytes, Depth::Whole).expect("it is known");
        assert!(encrypted.structure.words().contains("encrypted (OpenPGP)"), "{bytes:?}");
    }
    assert_eq!(read(b"\x84\x5e\x09", Depth::Whole), None, "no version of such a packet");
    let xz = read(b"\xfd7zXZ\0\0\x04", Depth::Whole).expect("it is known");
    assert!(xz.structure.words().contains("xz, which this version cannot read"));
}

#[test]
fn a_newer_archive_is_refused_by_its_version() {
    let mut bytes = sample("ok.dump");
    bytes[6] = 17;
    let found = read(&bytes, Depth::Whole).expect("it is a backup");
    assert!(found.head.is_err_and(|why| why.contains("1.17") && why.contains("1.12 to 1.16")));
}

#[test]
fn huge_numbers_in_an_archive_neither_allocate_nor_loop() {
    let bytes = sample("ok.dump");
    let end = 0x90.min(bytes.len());
    for at in 11..end {
        let mut hostile = bytes.clone();
        // An integer: sign and the largest value.
        for (offset, byte) in [0, 0xff, 0xff, 0xff, 0x7f].into_iter().enumerate() {
            hostile[at + offset] = byte;
        }
        read(&hostile, Depth::Whole);
    }
}

#[test]
fn one_flipped_bit_in_a_tar_header_is_seen() {
    let bytes = sample("ok.tar");
    for at in 0..512 {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        let complete = read(&flipped, Depth::Whole).and_then(|f| f.structure.complete());
        assert_ne!(complete, Some(true), "bit of byte {at}");
    }
}

#[test]
fn rows_may_say_that_the_dump_is_complete() {
    let script = "--\n-- PostgreSQL database dump\n--\n\nCOPY public.t (a) FROM stdin;\n--\n\
        -- PostgreSQL database dump complete\n--\n";
    let found = read(script.as_bytes(), Depth::Whole).expect("it is a script");
    assert_eq!(found.structure.complete(), Some(false));
}

#[test]
fn the_token_after_the_marker_has_to_be_that_of_the_head() {
    let text = String::from_utf8(sample("ok.sql")).expect("it is text");
    let other = text.replacen("\\restrict ", "\\restrict X", 1);
    let found = read(other.as_bytes(), Depth::Whole).expect("it is a script");
    assert_eq!(found.structure.complete(), Some(false));
    let windows = text.replace('\n', "\r\n");
    let found = read(windows.as_bytes(), Depth::Whole).expect("it is a script");
    assert_eq!(found.structure.complete(), Some(true));
}

/// Returns the revision in a script with that version table.
fn revision(copy: &str, rows: &str) -> Option<Vec<String>> {
    let script = format!(
        "--\n-- PostgreSQL database dump\n--\nCREATE TABLE x ();\nCOPY {copy} FROM stdin;\n{rows}\\.\n\n\
         --\n-- PostgreSQL database dump complete\n--\n"
    );
    read(script.as_bytes(), Depth::Whole).expect("it is a script").revisions
}

#[test]
fn the_revision_is_read_as_each_tool_writes_it() {
    let cases: [(&str, &str, &[&str]); 8] = [
        ("public.alembic_version (version_num)", "b\na\n", &["a", "b"]),
        ("public.alembic_version (version_num)", "", &[]),
        ("public._sqlx_migrations (version, success)", "10\tt\n9\tt\n11\tf\n", &["10"]),
        // Rows lie in a table in no order: a way down and up again leaves a later id first.
        ("public.knex_migrations (id, name)", "3\tc.js\n1\ta.js\n2\tb.js\n", &["c.js"]),
        ("public.\"SequelizeMeta\" (name)", "2.js\n1.js\n", &["2.js"]),
        (
            "public.goose_db_version (id, version_id, is_applied)",
            "1\t0\tt\n2\t7\tt\n3\t8\tt\n4\t8\tf\n",
            &["7"],
        ),
        (
            "public.django_migrations (id, app, name)",
            "1\tauth\t0001_i\n2\tshop\t0001_i\n3\tauth\t0002_x\n",
            &["auth.0002_x", "shop.0001_i"],
        ),
        (
            "public._prisma_migrations (migration_name, finished_at)",
            "1_a\t2026-01-01\n2_b\t\\N\n",
            &["1_a"],
        ),
    ];
    for (copy, rows, expected) in cases {
        assert_eq!(revision(copy, rows), Some(ids(expected)), "{copy}");
    }
}

#[test]
fn a_version_table_that_cannot_be_read_is_unknown_not_empty() {
    assert_eq!(revision("public.alembic_version (other)", "a\n"), None);
    assert_eq!(revision("public.t (a)", "a\n"), None, "no tool's table is in it");
    let mut bytes = sample("ok.dump");
    let at = bytes.len() - 1;
    bytes.truncate(at);
    assert_eq!(read(&bytes, Depth::Head).expect("a backup").revisions, None, "nothing was decoded");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_flip_makes_it_panic_or_hang(
        which in 0_usize..6,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let name = ["ok.dump", "ok.tar", "ok.sql.gz", "ok.sql.zst", "ok.sql.lz4", "streamed_no_offsets.dump"][which];
        let mut bytes = sample(name);
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(&bytes, Depth::Whole);
        let files = Files([("toc.dat".to_owned(), bytes)].into());
        pg_dump::directory(&files, Depth::Whole, &mut |_| {}).expect("memory can be read");
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048), magic in 0_usize..4) {
        let head: &[u8] = [&b"PGDMP\x01\x0e\x00\x04\x08\x01"[..], b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\x1f\x8b\x08"][magic];
        let whole = [head, &bytes].concat();
        read(&whole, Depth::Whole);
    }
}

fn decoded(bytes: &[u8]) -> Option<pg_dump::Decoded> {
    read(bytes, Depth::Rows).and_then(|found| found.decoded)
}

#[test]
fn every_good_archive_decodes_in_full_with_the_same_rows() {
    for name in ["ok.dump", "ok.tar", "ok.sql", "ok.sql.gz", "ok.sql.lz4", "ok.sql.zst"] {
        let decoded = decoded(&sample(name)).expect("it was decoded");
        assert_eq!(decoded.outcome.complete(), Some(true), "{name}: {:?}", decoded.outcome);
        assert_eq!(decoded.rows["public.alembic_version"], Some(1), "{name}");
    }
    let newer = ["pg16_v1.15.dump", "pg18_v1.16.dump"].map(|name| {
        let decoded = decoded(&sample(name)).expect("it was decoded");
        assert_eq!(decoded.outcome.complete(), Some(true), "{name}: {:?}", decoded.outcome);
        assert!(decoded.rows.values().all(Option::is_some), "{name}");
        decoded.rows
    });
    assert_eq!(newer[0], newer[1], "of one database by two versions");
}

#[test]
fn decoding_tells_how_far_it_is() {
    let bytes = sample("ok.dump");
    let mut told = Vec::new();
    let size = bytes.len() as u64;
    pg_dump::file(&mut Cursor::new(&bytes), size, Depth::Rows, &mut |at| told.push(at.words()))
        .expect("memory can be read");
    assert_eq!(told.first().map(String::as_str), Some("decoding 1 of 3 tables"));
    assert_eq!(told.last().map(String::as_str), Some("decoding 3 of 3 tables"));
}

#[test]
fn a_cut_archive_never_decodes_in_full() {
    for name in ["ok.dump", "ok.tar", "ok.sql.gz", "ok.sql.lz4", "ok.sql.zst"] {
        let bytes = sample(name);
        for cut in 0..bytes.len() {
            let complete = decoded(&bytes[..cut]).and_then(|d| d.outcome.complete());
            assert_ne!(complete, Some(true), "{name} cut at {cut}");
        }
    }
}

#[test]
fn a_directory_with_an_empty_or_missing_file_of_rows_never_decodes_in_full() {
    let outcome = |files: &Files| {
        let found =
            pg_dump::directory(files, Depth::Rows, &mut |_| {}).expect("memory can be read");
        found.expect("it is a backup").decoded.expect("it was decoded").outcome
    };
    assert_eq!(outcome(&directory()).complete(), Some(true));
    let (mut empty, mut gone) = (directory(), directory());
    empty.0.insert("3379.dat.gz".to_owned(), Vec::new());
    gone.0.remove("3380.dat.gz");
    assert!(outcome(&empty).words().contains("the file is empty"), "{:?}", outcome(&empty));
    assert!(outcome(&gone).words().contains("is missing"), "{:?}", outcome(&gone));
}

#[test]
fn a_row_longer_than_any_buffer_is_one_row() {
    let row = "x".repeat(3 << 20);
    let script = format!(
        "--\n-- PostgreSQL database dump\n--\n\nCOPY public.t (a) FROM stdin;\n{row}\n\\\\.\n\\.\n\n\n\
         --\n-- PostgreSQL database dump complete\n--\n"
    );
    let decoded = decoded(script.as_bytes()).expect("it was decoded");
    assert_eq!(decoded.rows["public.t"], Some(2), "an escaped backslash and a dot are a row");
}

#[test]
fn a_version_table_of_another_name_is_read_once_it_is_told() {
    let script = "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 15.1\n-- Dumped by pg_dump version 15.1\n\nCOPY books.our_goose_rows (id, version_id, is_applied, tstamp) FROM stdin;\n1\t0\tt\t2024-01-01 00:00:00\n2\t7\tt\t2024-01-01 00:00:00\n\\.\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n";
    let revisions = || read(script.as_bytes(), Depth::Whole).expect("it is a dump").revisions;
    assert_eq!(revisions(), None, "nobody has said what that table is");
    pg_dump::know_version_table("goose", "our_goose_rows");
    assert_eq!(revisions(), Some(ids(&["7"])));
}

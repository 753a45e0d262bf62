//! Decoding all of an archive and counting its rows (L3), beside `pg_restore -f /dev/null` on the
//! same file in the same run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::server::{Database, LOCKKEEPER, Server};

/// At most so many times as long as `pg_restore`.
const GOAL: f64 = 1.3;
/// At most so many MiB, however large the archive is.
const MEMORY: f64 = 64.0;

/// How often each is done; the fastest of each counts, for whatever else the machine does only
/// adds to it.
const TIMES: u32 = 3;

/// Measures an archive of about so many MB of rows and indexes, and prints the figures.
pub fn measure(server: &Server, megabytes: u32) {
    let database = server.database("decode");
    fill(&database, megabytes);
    let dir = tempfile::tempdir().expect("a directory");
    for (name, compress) in [("-Z1", "--compress=1"), ("-Z0", "--compress=0")] {
        let file = dir.path().join("x.dump");
        dump(&database, &file, compress);
        // Once for the cache of the file.
        fs::read(&file).expect("it reads");
        let (mut theirs, mut ours, mut memory) = (f64::MAX, f64::MAX, 0.0_f64);
        for _ in 0..TIMES {
            theirs = theirs.min(run(&mut restore(&file)).0);
            let (took, peak) = run(Command::new(LOCKKEEPER).arg("verify").arg(&file));
            ours = ours.min(took);
            memory = memory.max(peak);
        }
        let ratio = ours / theirs;
        let mark = if ratio > GOAL || memory > MEMORY { "! " } else { "" };
        let size = fs::metadata(&file).map_or(0, |file| file.len()) / 1_000_000;
        println!(
            "{mark}L3 of a {size} MB archive ({name}, {megabytes} MB of data): {ours:.2} s, \
             pg_restore -f /dev/null {theirs:.2} s: {ratio:.2}× (goal {GOAL}×), peak {memory:.1} \
             MiB (goal {MEMORY})"
        );
    }
}

/// Rows like those of a shop: numbers, times, short texts, a little of it random.
fn fill(database: &Database, megabytes: u32) {
    // Measured: a million of these rows and their key take about 150 MB.
    let rows = u64::from(megabytes) * 1_000_000 / 150;
    database.execute(&format!(
        "CREATE UNLOGGED TABLE orders (id bigint PRIMARY KEY, at timestamptz, customer int,
           state text, amount numeric(10,2), note text);
         INSERT INTO orders SELECT n, timestamptz '2026-01-01' + n * interval '7 s', n % 99991,
           (ARRAY['new','paid','sent','done'])[n % 4 + 1], (n * 37 % 100000) / 100.0,
           'order ' || n || ' of ' || md5((n % 5000)::text)
           FROM generate_series(1, {rows}) n;
         ALTER TABLE orders SET LOGGED"
    ));
}

fn dump(database: &Database, file: &Path, compress: &str) {
    let mut command = Command::new("pg_dump");
    command.args(["-Fc", compress, "-d"]).arg(database.dsn()).arg("-f").arg(file);
    assert!(command.status().expect("pg_dump starts").success());
}

fn restore(file: &Path) -> Command {
    let mut command = Command::new("pg_restore");
    command.args(["-f", "/dev/null"]).arg(file);
    command
}

/// Returns how long it took in seconds, and its peak of memory in MiB.
fn run(command: &mut Command) -> (f64, f64) {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0_f64;
    loop {
        if let Some(ended) = child.try_wait().expect("it can be waited for") {
            assert!(ended.success(), "{command:?}: {ended}");
            return (begun.elapsed().as_secs_f64(), peak);
        }
        peak = peak.max(high_water(&status));
        sleep(Duration::from_millis(5));
    }
}

fn high_water(status: &str) -> f64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

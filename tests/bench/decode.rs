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
/// adds to it. The CPU time tells more where it does much.
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
        let (mut theirs, mut ours) = (Cost::MOST, Cost::MOST);
        for _ in 0..TIMES {
            theirs = theirs.with(run(&mut restore(&file)));
            ours = ours.with(run(Command::new(LOCKKEEPER).arg("verify").arg(&file)));
        }
        let (ratio, memory) = (ours.took_s / theirs.took_s, ours.peak_mib);
        let mark = if ratio > GOAL || memory > MEMORY { "! " } else { "" };
        let size = fs::metadata(&file).map_or(0, |file| file.len()) / 1_000_000;
        println!(
            "{mark}L3 of a {size} MB archive ({name}, {megabytes} MB of data): {:.2} s \
             ({:.2} s of CPU), pg_restore -f /dev/null {:.2} s ({:.2}): {ratio:.2}× (goal {GOAL}×), \
             peak {memory:.1} MiB (goal {MEMORY})",
            ours.took_s, ours.cpu_s, theirs.took_s, theirs.cpu_s,
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

/// What a run took.
#[derive(Clone, Copy)]
struct Cost {
    took_s: f64,
    cpu_s: f64,
    peak_mib: f64,
}

impl Cost {
    const MOST: Self = Self { took_s: f64::MAX, cpu_s: f64::MAX, peak_mib: 0.0 };

    /// Takes another run besides: the least time, the most memory.
    fn with(self, other: Self) -> Self {
        Self {
            took_s: self.took_s.min(other.took_s),
            cpu_s: self.cpu_s.min(other.cpu_s),
            peak_mib: self.peak_mib.max(other.peak_mib),
        }
    }
}

/// Runs a program to its end.
fn run(command: &mut Command) -> Cost {
    let (begun, spent) = (Instant::now(), children_s());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0_f64;
    loop {
        if let Some(ended) = child.try_wait().expect("it can be waited for") {
            assert!(ended.success(), "{command:?}: {ended}");
            let (took_s, cpu_s) = (begun.elapsed().as_secs_f64(), children_s() - spent);
            return Cost { took_s, cpu_s, peak_mib: peak };
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

/// Returns the CPU time of all children that have ended, in seconds: the sixteenth and the
/// seventeenth field of `/proc/self/stat`, in hundredths (proc(5)).
fn children_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(13).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

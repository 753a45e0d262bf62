//! The cost of one refresh, without a screen: statements, server, this process, latency.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use lockkeeper::domain::verdict::verdict;
use lockkeeper::io::postgres::identity::identity;
use lockkeeper::io::postgres::monitor::Monitor;
use lockkeeper::io::postgres::{Purpose, connect};
use rustix::time::{ClockId, clock_gettime};

use super::report::{Goal, Report};
use super::scene::{Scene, block_on};
use super::{Effort, console};

/// Measures and reports.
pub fn measure(scene: &Scene, effort: Effort, report: &mut Report) {
    let Costs { own, servers, latencies } = block_on(costs(scene, effort.refreshes));
    let logged = block_on(logged(scene, effort.refreshes));
    let times = f64::from(effort.refreshes);
    report.put(Goal::STATEMENTS, f64::from(logged.statements) / times);
    report.put(Goal::SERVER, percentile(&logged.took_ms, 50));
    report.put(Goal::SERVER_CPU, servers / times);
    report.put(Goal::CPU, millis(own) / times);
    report.put(Goal::LATENCY, percentile(&latencies, 50));
    report.put(Goal::WORST, percentile(&latencies, 95));
}

struct Costs {
    /// The CPU time of this process.
    own: Duration,
    /// That of the monitor's backend, in milliseconds.
    servers: f64,
    latencies: Vec<f64>,
}

async fn monitor(scene: &Scene, settings: &str) -> Monitor {
    let spec = scene.spec(settings);
    let mut connection = connect(&spec, Purpose::Monitor).await.expect("the server accepts");
    let identity = identity(&mut connection, &spec).await.expect("the server says who it is");
    let mut monitor = Monitor::new(connection, identity).await.expect("it can be probed");
    // The first one prepares the statements and reads the names.
    let snapshot = monitor.refresh().await.expect("a refresh succeeds");
    assert_eq!(snapshot.forest.blocked, scene.waiting, "the scene is not what it should be");
    monitor
}

async fn costs(scene: &Scene, refreshes: u32) -> Costs {
    let mut monitor = monitor(scene, "").await;
    let backend = u32::try_from(scene.number(MONITOR).await).expect("a pid is positive");
    let mut latencies = Vec::new();
    let (before, servers_before) = (cpu(), console::cpu_ms(backend));
    for _ in 0..refreshes {
        let began = Instant::now();
        let snapshot = monitor.refresh().await.expect("a refresh succeeds");
        latencies.push(millis(began.elapsed()));
        black_box(verdict(&snapshot));
    }
    let own = cpu().saturating_sub(before);
    Costs { own, servers: console::cpu_ms(backend) - servers_before, latencies }
}

const MONITOR: &str = "select pid::int8 from pg_stat_activity \
                       where application_name = 'lockkeeper/monitor'";

/// What the server itself says that it did for us.
struct Logged {
    statements: u32,
    /// How long each refresh took it.
    took_ms: Vec<f64>,
}

async fn logged(scene: &Scene, refreshes: u32) -> Logged {
    let settings = "&options=-c%20log_min_duration_statement%3D0";
    let mut monitor = monitor(scene, settings).await;
    let path = scene.database.socket_dir.join("log");
    let mut logged = Logged { statements: 0, took_ms: Vec::new() };
    for _ in 0..refreshes {
        let before = fs::metadata(&path).map_or(0, |file| file.len());
        monitor.refresh().await.expect("a refresh succeeds");
        let entries = entries(&path, before);
        logged.statements += entries.iter().map(|entry| u32::from(entry.executes)).sum::<u32>();
        logged.took_ms.push(entries.iter().map(|entry| entry.took_ms).sum());
    }
    logged
}

/// One line of the server's log about one of our messages.
struct Entry {
    executes: bool,
    took_ms: f64,
}

/// Reads the log from the byte `from` on.
fn entries(path: &Path, from: u64) -> Vec<Entry> {
    let log = fs::read(path).expect("the server's log can be read");
    let new = &log[usize::try_from(from).unwrap_or_default().min(log.len())..];
    String::from_utf8_lossy(new).lines().filter_map(entry).collect()
}

/// Reads `… LOG:  duration: 7.190 ms  execute sqlx_s_1: select …`.
fn entry(line: &str) -> Option<Entry> {
    let (_, rest) = line.split_once("duration: ")?;
    let (took, what) = rest.split_once(" ms")?;
    let what = what.trim_start();
    let executes = what.starts_with("execute") || what.starts_with("statement");
    Some(Entry { executes, took_ms: took.parse().ok()? })
}

/// Returns the CPU time of this process until now.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Returns a duration in milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Returns the value below which `percent` of `values` lie.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

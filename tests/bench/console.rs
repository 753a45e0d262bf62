//! The cost of the real console in a terminal: start, memory, idle CPU.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Effort;
use super::pty::{self, Pty};
use super::refresh::{millis, percentile};
use super::report::{Goal, Report};
use super::scene::Scene;

/// Measures and reports.
pub fn measure(scene: &Scene, effort: Effort, report: &mut Report) {
    let starts: Vec<[f64; 2]> = (0..effort.starts).map(|_| start(scene).1).collect();
    let of = |at: usize| starts.iter().map(|times| times[at]).collect::<Vec<_>>();
    report.put(Goal::SKELETON, percentile(&of(0), 50));
    report.put(Goal::DATA, percentile(&of(1), 50));
    report.put(Goal::DATA_WORST, percentile(&of(1), 100));
    let (mut console, _) = start(scene);
    // Slow facts, project and control connection arrive in the first second.
    sleep(Duration::from_secs(2));
    let before = cpu_ms(console.pid());
    sleep(Duration::from_secs(effort.watched_s));
    let spent = cpu_ms(console.pid()) - before;
    console.screen();
    report.put(Goal::WATCHING, spent / millis(Duration::from_secs(effort.watched_s)) * 100.0);
    report.put(Goal::RSS, memory_mib(console.pid(), "VmRSS"));
    report.put(Goal::PEAK, memory_mib(console.pid(), "VmHWM"));
    report.put(Goal::OWN, memory_mib(console.pid(), "RssAnon"));
}

/// Starts a console, and returns after how many milliseconds its frame and its first data
/// were on the screen.
fn start(scene: &Scene) -> (Pty, [f64; 2]) {
    let dsn = scene.database.dsn();
    let began = Instant::now();
    let mut console = Pty::spawn(pty::lockkeeper(&["console", "--dsn", &dsn]), 200, 50);
    console.wait_for("WATCHING");
    let skeleton = millis(began.elapsed());
    console.wait_for(&format!("blocked {}", scene.waiting));
    (console, [skeleton, millis(began.elapsed())])
}

/// Returns the CPU time of all threads of a process, in milliseconds.
pub fn cpu_ms(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let spent = threads.filter_map(|thread| {
        let line = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        line.split(' ').next()?.parse::<f64>().ok()
    });
    spent.sum::<f64>() / 1e6
}

/// Returns a line of `/proc/PID/status` in MiB.
fn memory_mib(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

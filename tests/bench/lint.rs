//! What judging SQL costs: the statements of the samples, again and again until they are 1,000.

use std::time::{Duration, Instant};

use lockkeeper::domain::hazard::Catalog;
use lockkeeper::tools::status;

const STATEMENTS: &str = include_str!("../samples/locks/statements.sql");
const MANY: usize = 1_000;
const RUNS: usize = 7;

/// Prints the median of some runs, ours and squawk's opinion together.
pub fn measure() {
    let statements: Vec<&str> = STATEMENTS.lines().cycle().take(MANY).collect();
    let text = statements.join(";\n");
    let mut times: Vec<Duration> = (0..RUNS).map(|_| once(&text)).collect();
    times.sort_unstable();
    let median = times[RUNS / 2].as_secs_f64() * 1e3;
    println!("lint of {MANY} statements, ms, median: {median:.1} (goal 100)");
}

fn once(text: &str) -> Duration {
    let began = Instant::now();
    let lint = status::lint([("bench.sql", text)], &mut Catalog::default());
    assert!(lint.statements.len() >= MANY, "every statement is judged");
    began.elapsed()
}

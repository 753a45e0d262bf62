//! What opening a runbook costs: read, built, linted and begun; with the ratio to one of a
//! tenth of its steps, which shows what grows faster than the file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use lockkeeper::domain::config::Config;
use lockkeeper::domain::runbook::lint::Around;
use lockkeeper::io::runbook;
use lockkeeper::session::walk::{Place, Walk};

/// At most so many milliseconds for 200 steps.
const GOAL: f64 = 20.0;
const RUNS: usize = 15;

/// Prints the medians of opening runbooks of 20 and of 200 steps.
pub fn measure() {
    let (few, many) = (open(20), open(200));
    println!(
        "opening a runbook of 200 steps, ms, median: {many:.2} (goal {GOAL}); of 20 steps: {few:.2}, ratio {:.1}; \
         linting the 200: {:.2}",
        many / few,
        lint(200)
    );
}

/// Ten steps a section: checks, questions, acts and values in turn.
fn text(steps: usize) -> String {
    let mut text = String::from("schema = 1\nid = \"long\"\ntitle = \"Long\"\n");
    for step in 0..steps {
        if step % 10 == 0 {
            write!(text, "[[section]]\nid = \"s{0}\"\ntitle = \"Section {0}\"\n", step / 10)
                .expect("a String takes it");
        }
        let body = match step % 4 {
            0 => "kind = \"check\"\nprobe = \"blocked_sessions\"\n",
            1 => "kind = \"manual\"\ndo = \"Look, and write it.\"\nrespond = \"value\"\n",
            2 => {
                "kind = \"act\"\nbackup = { scope = \"full\" }\non_fail = { offer = [\"s0\", \"escalate\"] }\n"
            }
            _ => {
                "kind = \"decide\"\nevidence = [\"tool_problems\"]\nanswers = [{ key = \"y\", id = \"y\", label = \"yes\" }, { key = \"n\", id = \"n\", label = \"no\" }]\n"
            }
        };
        write!(text, "[[section.step]]\nid = \"step{step}\"\ntitle = \"Step {step}\"\nwhy = \"It is one of many.\"\n{body}")
            .expect("a String takes it");
    }
    text
}

fn open(steps: usize) -> f64 {
    let text = text(steps);
    median(|| {
        let book = runbook::parse(Path::new("long.toml"), &text).expect("it is good");
        let mut walk = Walk::new(book, Place::default());
        assert!(!walk.begin().is_empty());
    })
}

fn lint(steps: usize) -> f64 {
    let text = text(steps);
    let book = runbook::parse(Path::new("long.toml"), &text).expect("it is good");
    let (config, books) = (Config::default(), BTreeMap::new());
    median(|| drop(book.lint(Around { config: &config, books: &books })))
}

fn median(mut once: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            once();
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

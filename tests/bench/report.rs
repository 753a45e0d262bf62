//! The figures beside the goals.

use super::scene::Kind;

/// A figure: what it is, and what it should be at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    name: &'static str,
    at_most: Option<f64>,
}

impl Goal {
    pub const STATEMENTS: Self = Self::new("statements per refresh", Some(2.0));
    pub const SERVER: Self = Self::new("server, ms per refresh, median", Some(15.0));
    pub const SERVER_CPU: Self = Self::new("server CPU, ms per refresh", None);
    pub const CPU: Self = Self::new("client CPU, ms per refresh", Some(10.0));
    pub const LATENCY: Self = Self::new("refresh as a whole, ms, median", None);
    pub const WORST: Self = Self::new("refresh as a whole, ms, 95 of 100", None);
    pub const SKELETON: Self = Self::new("frame on the screen, ms, median", Some(50.0));
    pub const DATA: Self = Self::new("first data on the screen, ms, median", Some(150.0));
    pub const DATA_WORST: Self = Self::new("first data on the screen, ms, worst", None);
    pub const WATCHING: Self = Self::new("CPU of the console at rest, %", None);
    pub const RSS: Self = Self::new("memory of the console, MiB", Some(15.0));
    pub const PEAK: Self = Self::new("memory at its peak, MiB", None);
    pub const OWN: Self = Self::new("memory without files, MiB", None);
    pub const KEY: Self = Self::new("key to frame, ms, median", None);
    pub const KEY_WORST: Self = Self::new("key to frame, ms, 99 of 100", Some(16.0));
    pub const FLOODED: Self = Self::new("the same under a flood, ms, median", None);
    pub const FLOODED_WORST: Self = Self::new("the same, ms, 99 of 100", Some(16.0));

    const fn new(name: &'static str, at_most: Option<f64>) -> Self {
        Self { name, at_most }
    }
}

/// All figures, scene by scene.
pub struct Report {
    sessions: usize,
    scenes: Vec<(Kind, usize)>,
    figures: Vec<(Goal, Vec<f64>)>,
}

impl Report {
    pub fn new(sessions: usize) -> Self {
        Self { sessions, scenes: Vec::new(), figures: Vec::new() }
    }

    /// Begins the next scene, in which `waiting` sessions wait.
    pub fn begin(&mut self, kind: Kind, waiting: usize) {
        eprintln!("{}: {} sessions, {waiting} wait", kind.word(), self.sessions);
        self.scenes.push((kind, waiting));
    }

    /// Takes a figure of the scene that was begun last.
    pub fn put(&mut self, goal: Goal, value: f64) {
        match self.figures.iter_mut().find(|(known, _)| *known == goal) {
            Some((_, values)) => values.push(value),
            None => self.figures.push((goal, vec![value])),
        }
    }

    /// Prints the table: each figure with its part of the goal.
    pub fn print(&self) {
        let title = format!("{} sessions (waiting)", self.sessions);
        let heads =
            self.scenes.iter().map(|(kind, waiting)| format!("{} ({waiting})", kind.word()));
        row(&title, "goal", heads);
        for (Goal { name, at_most }, values) in &self.figures {
            let goal = at_most.map_or_else(|| "–".to_owned(), |goal| goal.to_string());
            row(name, &goal, values.iter().map(|value| cell(*value, *at_most)));
        }
    }
}

fn row(name: &str, goal: &str, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.map(|cell| format!("{cell:>18}")).collect();
    println!("{name:<38}{goal:>8}{}", cells.concat());
}

fn cell(value: f64, at_most: Option<f64>) -> String {
    let missed = at_most.is_some_and(|goal| value > goal);
    let mark = if missed { "! " } else { "" };
    let part = at_most.map_or_else(String::new, |goal| format!(" ({:.2}×)", value / goal));
    format!("{mark}{value:.1}{part}")
}

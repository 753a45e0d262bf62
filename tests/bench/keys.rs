//! From a key to its frame, on the real console in a terminal: while it watches everybody,
//! and while an act of its own floods it with output besides.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::{TempDir, tempdir};

use super::Effort;
use super::pty::{self, Pty};
use super::refresh::{millis, percentile};
use super::report::{Goal, Report};
use super::scene::{Scene, block_on};

/// A migration that says lines as fast as the server sends them, until it is ended.
const FLOOD: &str = "do $$ declare n bigint := 0; begin loop n := n + 1; \
    raise notice 'line % of a migration that says whatever comes to its mind', n; end loop; end $$";

/// Between two keys: faster than a held key repeats, and in no step with the refreshes.
const PAUSE: Duration = Duration::from_millis(23);

/// How far the selection goes down before it comes up again.
const WAY: u32 = 20;

/// Measures and reports.
pub fn measure(scene: &Scene, effort: Effort, report: &mut Report) {
    let mut desk = Desk::open(scene);
    let times = desk.times(effort.keys);
    report.put(Goal::KEY, percentile(&times, 50));
    report.put(Goal::KEY_WORST, percentile(&times, 99));
    desk.flood(scene);
    let before = desk.printed();
    let times = desk.times(effort.keys);
    assert!(desk.printed() > before, "the act prints on and on");
    report.put(Goal::FLOODED, percentile(&times, 50));
    report.put(Goal::FLOODED_WORST, percentile(&times, 99));
    block_on(scene.number(END));
}

const END: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                   where datname = current_database() and application_name like 'lockkeeper/migrate%'";

/// The console, with a project and a state of its own.
struct Desk {
    console: Pty,
    // They go after the console that uses them.
    _project: TempDir,
    state: TempDir,
}

impl Desk {
    fn open(scene: &Scene) -> Self {
        let [project, state] = [(); 2].map(|()| tempdir().expect("a directory can be made"));
        let migrations = project.path().join("migrations");
        fs::create_dir(&migrations).expect("it can be made");
        fs::write(migrations.join("1_flood.sql"), FLOOD).expect("it can be written");
        let directory = project.path().to_string_lossy().into_owned();
        let dsn = scene.database.dsn();
        let mut command = pty::lockkeeper(&["console", "--dsn", &dsn, "--project", &directory]);
        command.env("XDG_STATE_HOME", state.path());
        let mut console = Pty::spawn(command, 200, 50);
        console.wait_for(&format!("blocked {}", scene.waiting));
        console.wait_for("▶ 1 flood");
        let mut desk = Self { console, _project: project, state };
        desk.open_activity();
        desk
    }

    /// Goes to the list of sessions and selects one.
    fn open_activity(&mut self) {
        self.console.send("2");
        self.console.wait_for("sessions ·");
        self.console.send("g");
        self.console.wait_until("a selected session", |screen| selected(screen).is_some());
    }

    /// Begins the act that floods; what it does cannot be told, so the name is typed.
    fn flood(&mut self, scene: &Scene) {
        self.console.send("1");
        self.console.wait_for("▶ 1 flood");
        self.console.send("u");
        self.console.wait_for("● Type");
        for key in scene.database.name.chars().chain(['\r']) {
            sleep(Duration::from_millis(60));
            self.console.send(&key.to_string());
        }
        self.console.wait_for("IN FLIGHT");
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.printed() == 0 {
            assert!(Instant::now() < deadline, "the act never printed");
            sleep(Duration::from_millis(50));
        }
        self.open_activity();
    }

    /// Returns how many bytes the act has printed.
    fn printed(&self) -> u64 {
        let runs = fs::read_dir(self.state.path().join("lockkeeper/runs"));
        let acts = runs.into_iter().flatten().flatten().map(|run| run.path().join("acts"));
        let jobs = acts.filter_map(|acts| fs::read_dir(acts).ok()).flatten().flatten();
        jobs.filter_map(|job| Some(fs::metadata(job.path().join("out")).ok()?.len())).sum()
    }

    /// Moves the selection `count` times, and returns after how many milliseconds each of them
    /// was on the screen.
    fn times(&mut self, count: u32) -> Vec<f64> {
        (0..count).map(|at| self.time(if at % (2 * WAY) < WAY { "j" } else { "k" })).collect()
    }

    fn time(&mut self, key: &str) -> f64 {
        sleep(PAUSE);
        let before = selected(self.console.screen());
        let began = Instant::now();
        self.console.send(key);
        self.console.wait_until("the selection moves", |screen| selected(screen) != before);
        millis(began.elapsed())
    }
}

/// Returns the row of the selected session.
fn selected(screen: &vt100::Screen) -> Option<u16> {
    let (rows, columns) = screen.size();
    (4..rows).find(|row| {
        let cell = screen.cell(*row, columns / 2);
        cell.is_some_and(vt100::Cell::inverse)
    })
}

//! Killed at every boundary of an act: nothing runs twice, and what is said afterwards
//! is true. The program appends a line to a file at each execution: the oracle.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lockkeeper::domain::journal::Reading;
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::Plan;
use lockkeeper::domain::resolve::{
    self, After, Backend, Evidence, Postcondition, Resolution, resolve,
};
use lockkeeper::io::act::{Followed, Job, Stop, adopt, follow};
use lockkeeper::io::journal::{Journal, list, read};
use tempfile::TempDir;

use crate::support::act::{files, plan, until};
use crate::support::server::LOCKKEEPER;

const ORACLE: &str = "echo ran >> oracle";

struct Scene {
    dir: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory can be made") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn plan(&self, script: &str) -> Plan {
        plan(script, self.dir.path())
    }

    /// Returns the command that performs `plan`, with nothing of cargo's environment.
    fn command(&self, plan: &Plan) -> Command {
        let file = self.path("plan.json");
        fs::write(&file, serde_json::to_vec(plan).expect("a plan is JSON")).expect("written");
        let mut command = Command::new(LOCKKEEPER);
        command.arg("__perform").arg(file).arg(self.path("runs"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn perform(&self, variable: &str, value: &str) -> Output {
        let mut command = self.command(&self.plan(ORACLE));
        command.env(variable, value).output().expect("lockkeeper starts")
    }

    fn executions(&self) -> usize {
        fs::read_to_string(self.path("oracle")).map_or(0, |text| text.lines().count())
    }

    fn run(&self) -> String {
        let runs = list(&self.path("runs")).expect("the runs read");
        assert_eq!(runs.len(), 1);
        runs[0].id.clone()
    }

    fn reading(&self) -> Reading {
        read(&self.path("runs").join(self.run()).join("journal.jsonl")).expect("it reads")
    }

    fn job(&self) -> Job {
        Job::of(&self.path("runs").join(self.run()), "1", 1).expect("a plain name")
    }

    /// Returns what the job is once none of its processes runs.
    fn settled(&self) -> resolve::Job {
        until("the job to end", || {
            Some(adopt(&self.job())).filter(|job| !matches!(job, resolve::Job::Running { .. }))
        })
    }

    fn resolution(&self) -> Resolution {
        resolve(&Evidence {
            job: self.settled(),
            backend: Backend::Gone,
            postcondition: Postcondition::CannotTell,
            verdict: None,
            after: After::default(),
        })
    }

    /// Tries to run the job once more, as a confused operator might.
    fn run_job_by_hand(&self) {
        let dir = self.job().dir().to_owned();
        let done = Command::new(LOCKKEEPER).arg("__act").arg(dir).output();
        assert!(!done.expect("lockkeeper starts").status.success());
    }
}

fn recorded(reading: &Reading) -> Option<Ending> {
    let outcome = |data: &serde_json::Value| serde_json::from_value::<Outcome>(data.clone()).ok();
    reading.records.iter().rev().find_map(|record| outcome(&record.data)).map(|o| o.ending)
}

fn ending(resolution: &Resolution) -> Option<Ending> {
    resolution.outcome().map(|outcome| outcome.ending)
}

/// Kills at `point`, and returns what the journal says and what the resolution says, if
/// the journal leaves something open.
fn killed_at(point: &str) -> (Scene, Option<Ending>, Option<Resolution>) {
    let scene = Scene::new();
    scene.perform("LOCKKEEPER_FAILPOINT", point);
    let reading = scene.reading();
    assert!(reading.intact, "{point}");
    let resolution = (!reading.open().is_empty()).then(|| scene.resolution());
    let executions = scene.executions();
    assert!(executions <= 1, "{point}: {executions} executions");
    scene.run_job_by_hand();
    assert_eq!(scene.executions(), executions, "{point}: it ran again");
    if resolution.is_some() {
        assert_eq!(Some(scene.resolution()), resolution, "{point}: a second look says the same");
    }
    (scene, recorded(&reading), resolution)
}

#[test]
fn killed_before_its_intent_an_act_is_not_there() {
    let scene = Scene::new();
    scene.perform("LOCKKEEPER_FAILPOINT", "act.before_intent");
    assert_eq!(scene.reading().records, []);
    assert_eq!(scene.executions(), 0);
}

#[test]
fn killed_before_its_process_exists_an_act_never_started() {
    for point in ["act.after_intent", "act.after_sync", "act.before_spawn"] {
        let (scene, recorded, resolution) = killed_at(point);
        assert_eq!((recorded, resolution), (None, Some(Resolution::NeverStarted)), "{point}");
        assert_eq!(scene.executions(), 0, "{point}");
    }
}

#[test]
fn killed_right_after_the_spawn_an_act_either_ended_or_never_starts() {
    let (scene, recorded, resolution) = killed_at("act.after_spawn");
    assert_eq!(recorded, None);
    match ending(&resolution.expect("its intent is open")) {
        Some(Ending::NotRun) => assert_eq!(scene.executions(), 0),
        Some(Ending::Done) => assert_eq!(scene.executions(), 1),
        other => panic!("{other:?} is not what happened"),
    }
}

#[test]
fn a_process_killed_before_its_claim_started_nothing() {
    let (scene, recorded, resolution) = killed_at("child.before_claim");
    assert_eq!((recorded, resolution), (Some(Ending::NotRun), None));
    assert_eq!(scene.executions(), 0);
}

#[test]
fn a_process_killed_between_its_claim_and_its_word_leaves_the_act_unknown() {
    for (point, executions) in [("child.after_claim", 0), ("child.after_exit", 1)] {
        let (scene, recorded, resolution) = killed_at(point);
        assert_eq!(recorded, Some(Ending::Unknown), "{point}");
        assert!(matches!(resolution, Some(Resolution::Unknown { .. })), "{point}");
        assert_eq!(scene.executions(), executions, "{point}");
    }
}

#[test]
fn killed_after_the_exit_was_written_an_act_has_its_outcome() {
    let (scene, recorded, resolution) = killed_at("act.before_outcome");
    assert_eq!(recorded, None);
    assert_eq!(ending(&resolution.expect("its intent is open")), Some(Ending::Done));
    assert_eq!(scene.executions(), 1);
    for point in ["child.after_exit_file", "act.after_outcome"] {
        let (scene, recorded, resolution) = killed_at(point);
        assert_eq!((recorded, resolution), (Some(Ending::Done), None), "{point}");
        assert_eq!(scene.executions(), 1, "{point}");
    }
}

#[test]
fn a_program_outlives_its_console_and_is_adopted_with_its_outcome() {
    let scene = Scene::new();
    let waits =
        "echo begun; echo > begun; while [ ! -e go ]; do sleep 0.02; done; echo ran >> oracle";
    let mut console = scene.command(&scene.plan(waits)).spawn().expect("lockkeeper starts");
    until("the program to begin", || scene.path("begun").exists().then_some(()));
    console.kill().expect("the console can be killed");
    console.wait().expect("it is gone");
    assert!(matches!(adopt(&scene.job()), resolve::Job::Running { .. }));

    fs::write(scene.path("go"), "").expect("written");
    let (followed, lines) = followed(&scene.job());
    assert!(matches!(followed, Followed::Exited(exit) if exit.code == Some(0)));
    assert_eq!(lines, ["begun"]);
    assert_eq!(ending(&scene.resolution()), Some(Ending::Done));
    assert_eq!(scene.executions(), 1);
}

/// Follows a job that somebody else started.
fn followed(job: &Job) -> (Followed, Vec<String>) {
    let mut lines = Vec::new();
    let mut each = |batch: lockkeeper::io::act::Batch| {
        lines.extend(batch.lines.iter().map(|line| line.raw().to_owned()));
    };
    let (_keep, stop) = tokio::sync::watch::channel(Stop::No);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let followed = runtime.expect("a runtime").block_on(follow(job, None, &mut each, stop));
    (followed.expect("the job's files can be read"), lines)
}

#[test]
fn a_program_whose_own_process_was_killed_is_still_running() {
    let scene = Scene::new();
    let waits = "echo $$ > begun; while [ ! -e go ]; do sleep 0.02; done";
    let mut console = scene.command(&scene.plan(waits)).spawn().expect("lockkeeper starts");
    let noted = |name: &str| fs::read(scene.job().dir().join(name)).ok();
    until("the program to begin", || scene.path("begun").exists().then_some(()));
    until("the program to be noted", || noted("program").filter(|text| text.ends_with(b"}")));
    let claim = noted("claim").expect("it is claimed");
    let claim: serde_json::Value = serde_json::from_slice(&claim).expect("a claim is JSON");
    kill(&claim["process"]["pid"].to_string());
    let program = fs::read_to_string(scene.path("begun")).expect("it reads");
    let running = adopt(&scene.job());
    assert!(
        matches!(running, resolve::Job::Running { pid } if pid.to_string() == program.trim()),
        "{running:?}"
    );
    fs::write(scene.path("go"), "").expect("written");
    console.wait().expect("the console ends");
    assert_eq!(recorded(&scene.reading()), Some(Ending::Unknown));
    assert_eq!(scene.settled(), resolve::Job::Dead);
}

fn kill(pid: &str) {
    let killed = Command::new("kill").args(["-9", pid]).status().expect("kill runs");
    assert!(killed.success());
    let pid = pid.parse().expect("a pid");
    let process = || lockkeeper::io::process::Identity::of(pid);
    until("the process to be gone", || process().is_none().then_some(()));
}

#[test]
fn a_secret_is_in_no_file_and_no_command_line() {
    const CANARY: &str = "canary-8f14e45f";
    let scene = Scene::new();
    let waits = "test \"$SECRET\" && echo > begun; while [ ! -e go ]; do sleep 0.02; done";
    let mut plan = scene.plan(waits);
    plan.command.as_mut().expect("a command").env = vec!["SECRET".into()];
    let mut command = scene.command(&plan);
    let console = command.env("SECRET", CANARY).spawn().expect("lockkeeper starts");
    until("the program to begin", || scene.path("begun").exists().then_some(()));
    for process in fs::read_dir("/proc").expect("/proc").flatten() {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        assert!(!holds(&line, CANARY), "{}", process.path().display());
    }
    fs::write(scene.path("go"), "").expect("written");
    let output = console.wait_with_output().expect("the console ends");
    assert!(!holds(&output.stdout, CANARY) && !holds(&output.stderr, CANARY));
    assert_eq!(recorded(&scene.reading()), Some(Ending::Done));
    for file in files(scene.dir.path()) {
        assert!(!holds(&fs::read(&file).expect("it reads"), CANARY), "{}", file.display());
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn an_intent_that_cannot_be_synced_starts_nothing_and_is_not_synced_again() {
    let scene = Scene::new();
    let said = said(&scene.perform("LOCKKEEPER_FAULT", "journal.sync:5:1:1"));
    assert_eq!(scene.executions(), 0);
    assert!(said.starts_with("not run\n"), "{said}");
    assert!(said.contains("not closed") && said.contains("brought to the disk"), "{said}");
    assert_eq!(scene.resolution(), Resolution::NeverStarted);
}

#[test]
fn an_outcome_that_cannot_be_synced_is_told_and_found_again() {
    let scene = Scene::new();
    let said = said(&scene.perform("LOCKKEEPER_FAULT", "journal.sync:5:2"));
    assert!(said.starts_with("done\n") && said.contains("not recorded"), "{said}");
    assert_eq!(ending(&scene.resolution()), Some(Ending::Done));
    assert_eq!(scene.executions(), 1);
}

#[test]
fn an_intent_without_room_starts_nothing_and_leaves_no_torn_line() {
    let scene = Scene::new();
    let said = said(&scene.perform("LOCKKEEPER_FAULT", "journal.write:28:1:1"));
    assert!(said.starts_with("not run\n") && said.contains("the disk is full"), "{said}");
    assert_eq!(scene.executions(), 0);
    let reading = scene.reading();
    assert!(reading.intact && !reading.torn_tail);
}

/// Runs `script` in a mount namespace of its own with a small disk at `dir`; `None` where
/// the system allows no such thing.
fn with_small_disk(dir: &Path, script: &str) -> Option<Output> {
    let mount = "mount -t tmpfs -o size=512k small \"$0\" || exit 99\n";
    [&["-m"][..], &["-U", "-r", "-m"]].into_iter().find_map(|flags| {
        let mut unshare = Command::new("unshare");
        unshare.args(flags).args(["sh", "-c", &format!("{mount}{script}")]).arg(dir);
        let output = unshare.output().ok()?;
        let refused = output.status.code() == Some(99) || holds(&output.stderr, "unshare");
        (!refused).then_some(output)
    })
}

#[test]
fn a_disk_that_fills_up_during_an_act_still_takes_its_outcome() {
    let scene = Scene::new();
    fs::create_dir(scene.path("runs")).expect("a directory can be made");
    // A message longer than what is left of the journal's last page.
    let fills = "head -c 8000 /dev/zero | tr '\\0' x; echo
        cat /dev/zero > runs/fill 2>/dev/null; echo ran >> oracle; exit 3";
    scene.command(&scene.plan(fills));
    let script = format!(
        "'{LOCKKEEPER}' __perform '{}' \"$0\"; cat \"$0\"/*/journal.jsonl",
        scene.path("plan.json").display()
    );
    let Some(output) = with_small_disk(&scene.path("runs"), &script) else {
        eprintln!("no small disk can be mounted here: not tested");
        return;
    };
    let said = said(&output);
    assert_eq!(scene.executions(), 1, "{said}");
    assert!(said.starts_with("failed\n") && !said.contains("not recorded"), "{said}");
    let journal = &said[said.find("{\"v\"").expect("the journal is printed")..];
    let reading = lockkeeper::domain::journal::read(journal.as_bytes());
    assert!(reading.intact && reading.open().is_empty(), "{said}");
}

#[test]
fn an_act_runs_also_where_the_state_is_given_by_a_relative_path() {
    let scene = Scene::new();
    scene.command(&scene.plan(ORACLE));
    let mut command = Command::new(LOCKKEEPER);
    command.args(["__perform", "plan.json", "runs"]).current_dir(scene.dir.path());
    assert!(said(&command.output().expect("lockkeeper starts")).starts_with("done\n"));
    assert_eq!(scene.executions(), 1);
}

#[test]
fn a_run_goes_on_after_a_crash_in_the_same_journal() {
    let (scene, ..) = killed_at("act.before_outcome");
    let journal = Journal::open(&scene.path("runs"), &scene.run()).expect("the run opens");
    let open = scene.reading().open();
    let outcome = scene.resolution().outcome().expect("it ended");
    let entry = lockkeeper::domain::journal::Entry::resolved(&outcome, &open[0]);
    journal.append(entry).expect("the resolution is recorded");
    assert_eq!(scene.reading().open(), []);
    assert!(scene.reading().intact);
}

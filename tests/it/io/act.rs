//! Jobs: what the console sees of a program, and what it cannot break.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lockkeeper::domain::journal::Kind;
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Confirmed, Plan};
use lockkeeper::domain::resolve::{self, After, classify};
use lockkeeper::domain::untrusted::Untrusted;
use lockkeeper::io::act::{Batch, Job, LINE, Spec, Stop, Tail, Value, WINDOW, adopt};
use lockkeeper::io::journal::{Journal, new_run};
use lockkeeper::io::perform::{Act, Finished, Performed, Setting, in_child, perform};
use lockkeeper::io::process::Identity;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::support::act::{confirmed, plan, until};
use crate::support::server::LOCKKEEPER;
use crate::support::until::LONG;

struct Bench {
    dir: TempDir,
    journal: Journal,
    stop: watch::Sender<Stop>,
    env: Vec<(String, Value)>,
    grace: Duration,
}

/// What one act showed.
struct Seen {
    performed: Performed,
    lines: Vec<Untrusted>,
    dropped: u64,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let journal = Journal::create(&dir.path().join("runs"), &new_run().expect("a name"));
        let (stop, _) = watch::channel(Stop::No);
        let (journal, grace) = (journal.expect("a run can be created"), Duration::from_millis(50));
        Self { journal, dir, stop, env: Vec::new(), grace }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn plan(&self, script: &str) -> Plan {
        plan(script, self.dir.path())
    }

    fn run(&self, plan: Plan) -> Seen {
        self.run_if(plan, Ok(()))
    }

    fn run_if(&self, plan: Plan, recheck: Result<(), Outcome>) -> Seen {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let act = Act { id: "1".into(), step: None };
        let setting =
            Setting { env: self.env.clone(), grace: self.grace, lockkeeper: LOCKKEEPER.into() };
        let (mut lines, mut dropped) = (Vec::new(), 0);
        let on_output = |batch: Batch| {
            lines.extend(batch.lines);
            dropped += batch.dropped;
        };
        let stop = self.stop.subscribe();
        let run = async |confirmed: &Confirmed| {
            in_child(&self.journal, &act, confirmed, &setting, on_output, stop, classified).await
        };
        let performed = perform(&self.journal, &act, confirmed(plan), async |_| recheck, run);
        let performed = runtime.expect("a runtime can be made").block_on(performed);
        Seen { performed, lines, dropped }
    }

    fn job(&self) -> Job {
        Job::of(self.journal.dir(), "1", 1).expect("a plain name")
    }

    fn kinds(&self) -> Vec<Kind> {
        let reading = self.journal.read().expect("it reads");
        reading.records.iter().map(|record| record.kind).collect()
    }
}

fn elsewhere() -> Outcome {
    Outcome::new(Ending::NotRun, "another server answers")
}

async fn classified(finished: Finished) -> Outcome {
    let message = finished.output.last().cloned().unwrap_or_default();
    classify(&finished.exit, &After { message, ..After::default() })
}

#[test]
fn the_intent_is_recorded_before_the_program_and_the_outcome_after_it() {
    let bench = Bench::new();
    let journal = bench.journal.path();
    let seen = bench.run(bench.plan(&format!("cat {}; echo done", journal.display())));
    assert_eq!(seen.performed.outcome.ending, Ending::Done);
    assert!(seen.lines[0].raw().contains("\"kind\":\"intent\""));
    assert_eq!(seen.lines.len(), 2, "the journal had one record while the program ran");
    assert_eq!(bench.kinds(), [Kind::Intent, Kind::Outcome]);
}

#[test]
fn an_exit_code_and_the_last_words_make_the_outcome() {
    let bench = Bench::new();
    let seen = bench.run(bench.plan("echo one; echo two >&2; exit 3"));
    let outcome = &seen.performed.outcome;
    assert_eq!((outcome.ending, outcome.exit_code), (Ending::Failed, Some(3)));
    assert_eq!(outcome.message.raw(), "two");
    assert_eq!(fs::read(bench.job().out()).expect("the file"), b"one\ntwo\n");
}

#[test]
fn a_changed_target_stops_the_act_after_its_intent_and_is_recorded() {
    let bench = Bench::new();
    let seen = bench.run_if(bench.plan("touch ran"), Err(elsewhere()));
    assert_eq!(seen.performed.outcome.ending, Ending::NotRun);
    assert!(!bench.path("ran").exists());
    assert_eq!(bench.kinds(), [Kind::Intent, Kind::Outcome]);
}

#[test]
fn a_program_that_is_not_there_did_not_run() {
    let bench = Bench::new();
    let mut plan = bench.plan("");
    plan.command.as_mut().expect("a command").argv = vec!["no-such-program".into()];
    let outcome = bench.run(plan).performed.outcome;
    assert_eq!(outcome.ending, Ending::NotRun);
    assert!(outcome.message.raw().contains("no-such-program"), "{:?}", outcome.message);
}

#[test]
fn the_same_attempt_never_starts_a_second_job() {
    let bench = Bench::new();
    let append = "echo ran >> oracle";
    assert_eq!(bench.run(bench.plan(append)).performed.outcome.ending, Ending::Done);
    assert_eq!(bench.run(bench.plan(append)).performed.outcome.ending, Ending::NotRun);
    assert_eq!(fs::read_to_string(bench.path("oracle")).expect("it ran"), "ran\n");
}

#[test]
fn a_variable_that_the_plan_does_not_name_is_not_set() {
    let mut bench = Bench::new();
    bench.env = vec![("PGHOST".into(), Value::Plain("elsewhere".into()))];
    let outcome = bench.run(bench.plan("touch ran")).performed.outcome;
    assert_eq!(outcome.ending, Ending::NotRun);
    assert!(!bench.path("ran").exists());
}

#[test]
fn a_program_is_not_started_without_a_variable_that_the_plan_names() {
    let bench = Bench::new();
    let mut plan = bench.plan("touch ran");
    plan.command.as_mut().expect("a command").env = vec!["PGDATABASE".into()];
    let outcome = bench.run(plan).performed.outcome;
    assert_eq!(outcome.ending, Ending::NotRun);
    assert!(outcome.message.raw().contains("PGDATABASE"), "{outcome:?}");
    assert!(!bench.path("ran").exists());
}

#[test]
fn the_program_gets_what_the_plan_names_and_nothing_of_libpq_else() {
    let mut bench = Bench::new();
    bench.env = vec![("PGDATABASE".into(), Value::Plain("shop".into()))];
    let mut plan = bench.plan("env");
    plan.command.as_mut().expect("a command").env = vec!["PGDATABASE".into()];
    let lines = bench.run(plan).lines;
    let pg: Vec<_> = lines.iter().map(Untrusted::raw).filter(|l| l.starts_with("PG")).collect();
    assert_eq!(pg, ["PGDATABASE=shop"]);
    assert!(lines.iter().any(|line| line.raw() == "PYTHONUNBUFFERED=1"));
    assert!(!lines.iter().any(|line| line.raw().starts_with("CARGO")));
}

#[test]
fn a_secret_that_the_program_prints_is_masked_on_screen_and_in_the_journal() {
    let mut bench = Bench::new();
    bench.env = vec![("PGPASSWORD".into(), Value::Secret("canary-73".into()))];
    let mut plan = bench.plan("echo password is $PGPASSWORD; exit 1");
    plan.command.as_mut().expect("a command").env = vec!["PGPASSWORD".into()];
    let seen = bench.run(plan);
    assert_eq!(seen.lines, [Untrusted::from("password is •••")]);
    assert_eq!(seen.performed.outcome.message.raw(), "password is •••");
    let journal = fs::read_to_string(bench.journal.path()).expect("it reads");
    assert!(!journal.contains("canary-73"));
}

#[test]
fn a_flood_of_output_blocks_nobody_and_what_was_dropped_is_counted() {
    let bench = Bench::new();
    let seen = bench.run(bench.plan("yes 0123456 | head -c 104857600"));
    assert_eq!(seen.performed.outcome.ending, Ending::Done);
    assert_eq!(fs::metadata(bench.job().out()).expect("the file").len(), 104_857_600);
    let shown: u64 = seen.lines.iter().map(|line| line.raw().len() as u64 + 1).sum();
    assert_eq!(shown + seen.dropped, 104_857_600);
}

#[test]
fn bytes_that_are_no_text_reach_the_file_raw_and_the_screen_marked() {
    let bench = Bench::new();
    let seen = bench.run(bench.plan(r"printf 'a\377\376b\033[2J\n'"));
    assert_eq!(fs::read(bench.job().out()).expect("the file"), b"a\xff\xfeb\x1b[2J\n");
    assert_eq!(seen.lines[0].one_line(), "a\u{fffd}\u{fffd}b␛[2J");
}

#[test]
fn the_output_is_cut_to_windows_and_lines() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let path = dir.path().join("out");
    let mut tail = Tail::new(path.clone());
    assert_eq!(tail.look().expect("no file yet"), Batch::default());
    fs::write(&path, [vec![b'x'; LINE + 5], b"\nshort\r\nbegun".to_vec()].concat())
        .expect("written");
    let batch = tail.look().expect("it reads");
    assert_eq!(batch.lines.iter().map(|l| l.raw().len()).collect::<Vec<_>>(), [LINE, 5]);
    assert_eq!(batch.dropped, 5);
    assert_eq!(tail.finish().expect("it reads").lines, [Untrusted::from("begun")]);
    fs::write(&path, vec![b'\n'; 3 * WINDOW]).expect("written");
    assert_eq!(Tail::new(path).look().expect("it reads").dropped, 2 * WINDOW as u64);
}

fn pid_in(path: &Path) -> Option<Identity> {
    Identity::of(fs::read_to_string(path).ok()?.trim().parse().ok()?)
}

#[test]
fn a_program_and_its_grandchild_that_ignore_signals_are_stopped() {
    let bench = Bench::new();
    let stubborn = "trap '' INT TERM
        sh -c 'trap \"\" INT TERM; echo $$ > grandchild; while :; do sleep 0.05; done' &
        echo $$ > leader; while :; do sleep 0.05; done";
    let processes = std::thread::scope(|scope| {
        let run = scope.spawn(|| bench.run(bench.plan(stubborn)));
        let of = |name| until(name, || pid_in(&bench.path(name)));
        let processes = [of("leader"), of("grandchild")];
        bench.stop.send_replace(Stop::Interrupt);
        let outcome = run.join().expect("the act ends").performed.outcome;
        assert_eq!((outcome.ending, outcome.exit_code), (Ending::Stopped, None));
        processes
    });
    for process in processes {
        until("the process to be gone", || (!process.is_alive()).then_some(()));
    }
}

#[test]
fn an_interrupt_lets_a_program_end_by_itself() {
    let bench = Bench { grace: LONG, ..Bench::new() };
    let tidy = "trap 'echo tidied; exit 7' INT; echo > ready; while :; do sleep 0.02; done";
    std::thread::scope(|scope| {
        let run = scope.spawn(|| bench.run(bench.plan(tidy)));
        until("the program", || bench.path("ready").exists().then_some(()));
        bench.stop.send_replace(Stop::Interrupt);
        let outcome = run.join().expect("the act ends").performed.outcome;
        assert_eq!((outcome.ending, outcome.exit_code), (Ending::Stopped, Some(7)));
        assert_eq!(outcome.message.raw(), "tidied");
    });
}

#[test]
fn a_job_that_was_given_up_starts_nothing_any_more() {
    let bench = Bench::new();
    let job = bench.job();
    assert_eq!(adopt(&job), resolve::Job::Unclaimed);
    assert_eq!(adopt(&job), resolve::Job::Unclaimed, "it stays certain");
    assert_eq!(bench.run(bench.plan("touch ran")).performed.outcome.ending, Ending::NotRun);
    assert!(!bench.path("ran").exists());
}

#[test]
fn a_process_that_comes_late_starts_nothing_of_a_job_that_was_given_up() {
    for given_up in [false, true] {
        let bench = Bench::new();
        let (job, plan) = (bench.job(), bench.plan("touch ran"));
        let command = plan.command.clone().expect("a command");
        let spec = Spec {
            act: "1".into(),
            attempt: 1,
            plan: plan.hash().to_string(),
            argv: command.argv,
            env: Vec::new(),
            cwd: command.cwd.into(),
            grace_ms: 50,
        };
        fs::create_dir_all(job.dir()).expect("a directory can be made");
        let text = serde_json::to_vec(&spec).expect("it is JSON");
        fs::write(job.dir().join("job.json"), text).expect("written");
        if given_up {
            assert_eq!(adopt(&job), resolve::Job::Unclaimed);
        }
        let late = Command::new(LOCKKEEPER).arg("__act").arg(job.dir()).output();
        let late = late.expect("lockkeeper starts");
        assert_eq!(bench.path("ran").exists(), !given_up, "{late:?}");
    }
}

#[test]
fn a_job_of_another_boot_is_dead() {
    let bench = Bench::new();
    let job = bench.job();
    fs::create_dir_all(job.dir()).expect("a directory can be made");
    let process = Identity { boot: "another".into(), ..Identity::own() };
    let claim = serde_json::json!({ "by": "act", "process": process });
    fs::write(job.dir().join("claim"), claim.to_string()).expect("written");
    assert_eq!(adopt(&job), resolve::Job::Dead);
}

//! Probes that leave the database: what they say of every kind of answer, and of none.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use lockkeeper::domain::evidence::{Probe, Value, Verdict};
use lockkeeper::domain::health::Sample;
use lockkeeper::io::probe::{command, http};
use lockkeeper::io::process::Identity;
use lockkeeper::session::effect::{Effect, Event};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::drive::{Drive, site};
use crate::support::server;
use crate::support::until::until;

/// Longer than an answer of this machine takes.
const PATIENT: Duration = Duration::from_secs(20);
/// What never comes is waited for so long.
const BRIEF: Duration = Duration::from_millis(300);

/// Serves `answer` to everybody; an empty one leaves the client waiting.
async fn serve(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

async fn get(address: SocketAddr, limit: Duration) -> Value {
    let url = format!("http://{address}/health");
    tokio::task::spawn_blocking(move || http::get(&url, limit)).await.expect("it does not panic")
}

fn answer(status: u16, text: &str) -> Value {
    Value::Answer { status, text: text.to_owned() }
}

fn probe(text: &str) -> Probe {
    toml::from_str(text).expect("it is a probe")
}

/// Returns the verdict over what `text`'s probe would say.
fn judged(text: &str, value: Value) -> Verdict {
    Sample::new(&probe(text), value, 1.0, chrono::Utc::now()).verdict
}

const HTTP: &str = "http = \"http://h/\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_good_answer_is_its_status_and_first_line() {
    let address = serve("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\n up\nmore").await;
    let value = get(address, PATIENT).await;
    assert_eq!(value, answer(200, "up"));
    assert_eq!(judged(HTTP, value.clone()), Verdict::Pass);
    let expects = |text: &str| judged(&format!("{HTTP}\nexpect = {text}"), value.clone());
    assert_eq!(expects("{ matches = \"u*\" }"), Verdict::Pass);
    assert_eq!(expects("{ matches = \"down\" }"), Verdict::Fail);
    assert_eq!(expects("{ status = 204 }"), Verdict::Fail);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_status_is_an_answer_and_a_failure_whatever_was_expected_of_its_text() {
    let address = serve("HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nok").await;
    let value = get(address, PATIENT).await;
    assert_eq!(value, answer(500, "ok"));
    assert_eq!(judged(HTTP, value.clone()), Verdict::Fail);
    assert_eq!(judged(&format!("{HTTP}\nexpect = {{ matches = \"ok\" }}"), value), Verdict::Fail);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_in_time_garbage_and_a_refusal_cannot_tell() {
    let slow = get(serve("").await, BRIEF).await;
    assert_eq!(slow, Value::unknown("no answer within 0.3 s"));
    let garbage = get(serve("SSH-2.0-OpenSSH_9.6\r\n\r\n").await, PATIENT).await;
    let cut = get(serve("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nok").await, PATIENT).await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    drop(listener);
    let refused = get(address, PATIENT).await;
    for value in [slow, garbage, cut, refused] {
        assert!(value.is_unknown(), "{value}");
        assert_eq!(judged(HTTP, value), Verdict::Unknown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_redirects_are_no_answer() {
    let address =
        serve("HTTP/1.1 302 Found\r\nlocation: /health\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(get(address, PATIENT).await, Value::unknown("more than 3 redirects"));
}

async fn sh(script: &str, limit: Duration) -> Value {
    let argv = ["sh", "-c", script].map(str::to_owned);
    command::run(&argv, Path::new("/"), &Vec::new(), limit).await
}

#[tokio::test]
async fn a_program_answers_with_its_exit_status_and_first_line() {
    assert_eq!(sh("echo; echo fine; echo more", PATIENT).await, answer(0, "fine"));
    assert_eq!(sh("echo broken >&2; exit 3", PATIENT).await, answer(3, "broken"));
    assert_eq!(judged("command = [\"x\"]", answer(3, "broken")), Verdict::Fail);
    assert!(sh("kill -9 $$", PATIENT).await.is_unknown());
    let argv = ["/nowhere/at/all".to_owned()];
    let value = command::run(&argv, Path::new("/"), &Vec::new(), PATIENT).await;
    assert_eq!(judged("command = [\"x\"]", value), Verdict::Unknown);
}

#[tokio::test]
async fn a_flood_of_output_neither_blocks_a_program_nor_is_kept() {
    let value = sh("echo first; head -c 3000000 /dev/zero", PATIENT).await;
    assert_eq!(value, answer(0, "first"));
}

#[tokio::test]
async fn a_program_gets_nothing_of_our_environment_but_what_an_act_gets() {
    assert_eq!(sh("echo \"${CARGO_MANIFEST_DIR:-none}\"", PATIENT).await, answer(0, "none"));
}

#[tokio::test]
async fn a_program_that_hangs_cannot_tell_and_leaves_no_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let pids = dir.path().join("pids");
    // A child of its own too, which ignores what would end it politely.
    let script = format!(
        "trap '' TERM INT HUP; (trap '' TERM INT HUP; sleep 600) & echo $! $$ > {0}.new; mv {0}.new {0}; wait",
        pids.display()
    );
    let value = sh(&script, Duration::from_secs(10)).await;
    assert_eq!(value, Value::unknown("it did not end within 10 s"));
    let text = fs::read_to_string(&pids).expect("it has begun");
    for pid in text.split_whitespace() {
        let pid: u32 = pid.parse().expect("a pid");
        until("it is gone", || Identity::of(pid).is_none());
    }
}

#[tokio::test]
async fn what_a_program_leaves_behind_does_not_hold_up_its_answer() {
    let value = sh("sleep 600 & echo done", PATIENT).await;
    assert_eq!(value, answer(0, "done"));
}

/// Returns what the driver says of these probes, with this configuration in force.
async fn driven(name: &str, config: &str, probes: &[&str]) -> Vec<Value> {
    let database = server::database(name);
    let (project, state) =
        (tempfile::tempdir().expect("a dir"), tempfile::tempdir().expect("a dir"));
    let mut site = site(&database.dsn(), project.path(), state.path());
    let file = project.path().join("lockkeeper.toml");
    fs::write(&file, format!("schema = 1\n{config}")).expect("it can be written");
    site.loaded = lockkeeper::io::config::load(Some(&file), project.path()).expect("it loads");
    let mut drive = Drive::start(site);
    let probes: Vec<Probe> = probes.iter().map(|text| probe(text)).collect();
    drive.driver.effect(Effect::Probe(7, probes));
    let values = drive.probed(7).await;
    drive.driver.close().await;
    values.into_iter().map(|reading| reading.value).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_takes_binds_and_only_reads() {
    let probes = [
        "sql = \"select $1 + 1\"\nbinds = [41]",
        "sql = \"select upper($1)\"\nbinds = [\"o'hara\"]",
        "sql = \"select count(*) from pg_class where relname = $1 and $2\"\nbinds = [\"pg_class\", true]",
        "sql = \"select $1\"\nbinds = [\"{var.table}\"]",
        "sql = \"select pg_terminate_backend($1)\"\nbinds = [1]",
        "sql = \"select 1 where false\"",
        "sql = \"select pg_backend_pid(\"",
    ];
    let values = driven("probe_binds", "", &probes).await;
    assert_eq!(values[..3], [Value::Int(42), Value::Text("O'HARA".to_owned()), Value::Int(1)]);
    assert_eq!(values[3], Value::unknown("{var.table} has no known value"));
    assert!(values[3..].iter().all(Value::is_unknown), "{values:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_a_file_that_was_not_allowed_do_not_run_and_the_way_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let trace = dir.path().join("ran");
    let config = format!("[probes.health]\ncommand = [\"touch\", \"{}\"]", trace.display());
    let probes = ["configured = \"health\"", "configured = \"nothing\""];
    let values = driven("probe_not_allowed", &config, &probes).await;
    let Value::Unknown(why) = &values[0] else { panic!("{values:?}") };
    assert!(why.contains("lockkeeper runbook allow"), "{why}");
    assert_eq!(values[1], Value::unknown("the configuration has no probe nothing"));
    assert!(!trace.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_probes_are_sampled_in_the_background() {
    let address = serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let database = server::database("probe_sampled");
    let (project, state) =
        (tempfile::tempdir().expect("a dir"), tempfile::tempdir().expect("a dir"));
    let mut site = site(&database.dsn(), project.path(), state.path());
    let config = format!(
        "[probes.health]\nhttp = \"http://{address}/\"\n[probes.rows]\nsql = \"select 1\"\n\
         [probes.disk]\nsql = \"select 40\"\n[probes.auth]\nfile = \"nothing\""
    );
    site.loaded.config = toml::from_str(&config).expect("it is a configuration");
    let mut drive = Drive::start(site);
    let all = ["health", "rows", "disk", "auth"];
    drive
        .until("all were sampled", |d| {
            all.iter().all(|name| d.facts.vitals.health.newest(name).is_some())
        })
        .await;
    let health = &drive.facts.vitals.health;
    let verdict = |name: &str| health.newest(name).map(|one| (one.verdict, one.took_ms.is_some()));
    assert_eq!(verdict("health"), Some((Verdict::Pass, true)));
    assert_eq!(verdict("rows"), Some((Verdict::Pass, true)));
    assert_eq!(verdict("auth"), Some((Verdict::Fail, true)));
    drive.driver.effect(Effect::Probe(1, vec![probe("builtin = \"disk_free\"")]));
    let free = drive.probed(1).await;
    assert_eq!(free[0].value.to_string(), "40%");
    drive.driver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_named_disk_that_measures_nothing_itself_cannot_tell() {
    let why = "the probe named disk has to measure it: by sql, command, http or file";
    let asked = ["builtin = \"disk_free\"", "configured = \"disk\"", "configured = \"space\""];
    for (name, config) in [
        ("probe_disk_itself", "[probes.disk]\nbuiltin = \"disk_free\""),
        ("probe_disk_named", "[probes.disk]\nconfigured = \"space\""),
    ] {
        let config = format!("{config}\n[probes.space]\nbuiltin = \"disk_free\"");
        let values = driven(name, &config, &asked).await;
        assert_eq!(values[0], Value::unknown(why), "{config}");
        assert!(values.iter().all(Value::is_unknown), "{config}: {values:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_probe_may_be_one_of_the_programs_own_queries() {
    let config = "[probes.orphans]\nbuiltin = \"orphan_rows\"\n\
                  [probes.unchecked]\nbuiltin = \"unvalidated_constraints\"";
    let asked = ["configured = \"orphans\"", "configured = \"unchecked\""];
    let values = driven("probe_own_queries", config, &asked).await;
    assert_eq!(values, [Value::Int(0), Value::List(Vec::new())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_query_is_its_own_whoever_went_before_it() {
    let database = server::database("probe_latency");
    let (project, state) =
        (tempfile::tempdir().expect("a dir"), tempfile::tempdir().expect("a dir"));
    let mut site = site(&database.dsn(), project.path(), state.path());
    let slow = "sql = \"select count(*) from pg_class a, pg_class b, generate_series(1, 80)\"\n\
                timeout = \"10s\"";
    let config = format!(
        "[probes.one]\n{slow}\n[probes.other]\n{slow}\n[probes.third]\n{slow}\n\
         [probes.quick]\nsql = \"select 1\""
    );
    site.loaded.config = toml::from_str(&config).expect("it is a configuration");
    let mut drive = Drive::start(site);
    let took = |d: &Drive, name: &str| d.facts.vitals.health.newest(name)?.took_ms;
    let all = ["one", "other", "third", "quick"];
    drive.until("all were sampled", |d| all.iter().all(|name| took(d, name).is_some())).await;
    let quick = took(&drive, "quick").expect("it was sampled");
    for name in ["one", "other", "third"] {
        let slow = took(&drive, name).expect("it was sampled");
        assert!(quick < slow / 2.0, "{quick} ms beside {slow} ms");
    }
    drive.driver.close().await;
}

#[test]
fn a_measured_baseline_is_recorded() {
    let baseline = lockkeeper::domain::baseline::Baseline::default();
    let mut session = lockkeeper::session::machine::Session::default();
    let effects = session.update(Event::Measured(Box::new(baseline)));
    assert!(matches!(&effects[..], [Effect::Record(_)]), "{effects:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_files_age_and_size_are_read_and_a_file_that_is_not_there_has_none() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("done");
    fs::write(&file, "12345").expect("it can be written");
    let hour = std::time::SystemTime::now() - HOUR;
    let written = fs::File::options().append(true).open(&file).expect("it opens");
    written.set_modified(hour).expect("its time can be set");
    let future = dir.path().join("future");
    fs::File::create(&future)
        .and_then(|file| file.set_modified(std::time::SystemTime::now() + HOUR))
        .expect("its time can be set");
    let at = |path: &Path, rest: &str| format!("file = \"{}\"\n{rest}", path.display());
    let probes = [
        at(&file, ""),
        at(&file, "measure = \"age\""),
        at(&file, "measure = \"size\""),
        at(&dir.path().join("nothing"), "measure = \"age\""),
        at(&dir.path().join("nothing"), ""),
        at(dir.path(), "measure = \"size\""),
        at(&future, "measure = \"age\""),
    ];
    let probes: Vec<&str> = probes.iter().map(String::as_str).collect();
    let values = driven("probe_file", "", &probes).await;
    assert_eq!((&values[0], &values[2]), (&Value::Bool(true), &Value::Int(5)));
    let Value::Period(age) = &values[1] else { panic!("{values:?}") };
    assert!((3_600..4_000).contains(&age.duration().as_secs()), "{age}");
    assert!(values[3].is_unknown() && values[5].is_unknown() && values[6].is_unknown());
    assert_eq!(values[4], Value::Bool(false));
    let old = probe(&at(&file, "measure = \"age\"\nexpect = { max = \"30m\" }"));
    assert_eq!(old.expected().expect("it says").test(&values[1]), Verdict::Fail);
    let kept: Probe = toml::from_str(&toml::to_string(&old).expect("it writes")).expect("it reads");
    assert_eq!(kept, old);
    let wrong = toml::from_str::<Probe>("sql = \"select 1\"\nmeasure = \"age\"");
    assert!(wrong.expect_err("it is refused").to_string().contains("belongs to `file`"));
}

const HOUR: std::time::Duration = std::time::Duration::from_hours(1);

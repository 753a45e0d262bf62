//! HTTP requests of a run, by the real child on a real socket: sent once, and unknown where no
//! answer was read.

use lockkeeper::domain::journal::{self, Kind};
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Plan, Risk};
use lockkeeper::session::effect::Request;
use lockkeeper::session::sending::{Hidden, Job};
use tempfile::TempDir;

use crate::support::drive::{Drive, site};
use crate::support::server::{self, Database};
use crate::support::service::{Reply, Service};
use crate::support::tcp::unused_port;

struct Scene {
    _database: Database,
    state: TempDir,
    drive: Drive,
}

fn scene(name: &str) -> Scene {
    let database = server::database(name);
    let state = tempfile::tempdir().expect("a directory");
    let drive = Drive::start(site(&database.dsn(), state.path(), state.path()));
    Scene { _database: database, state, drive }
}

fn job(url: String) -> Job {
    Job {
        method: "POST".into(),
        url,
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: Some("{\"on\": true}".into()),
        limit_ms: 20_000,
        ..Job::default()
    }
}

impl Scene {
    async fn sends(&mut self, job: Job) -> (Plan, Outcome) {
        let request = Request::Http { job: Box::new(job), risk: Risk::Safe };
        let plan = self.drive.plan(request).await;
        (plan, self.drive.confirm().await)
    }

    fn endings(&self) -> Vec<String> {
        let runs = lockkeeper::io::journal::list(&self.state.path().join("runs"));
        let runs = runs.expect("they can be listed");
        let records = runs.iter().flat_map(|run| {
            let reading: &journal::Reading = run.reading.as_ref().expect("it reads");
            reading.records.clone()
        });
        let outcomes = records.filter(|record| record.kind == Kind::Outcome);
        outcomes.map(|one| one.data["ending"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_sent_once_as_its_plan_shows_it() {
    let service = Service::start(Reply::of("202 Accepted", "", "it is on\n"));
    let mut scene = scene("http_sent");
    let (plan, outcome) = scene.sends(job(service.url("/maintenance?x=1"))).await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    assert!(outcome.message.raw().starts_with("answered 202 Accepted"), "{outcome:?}");
    let url = service.url("/maintenance?x=1");
    assert_eq!(
        plan.preview.touches[..4],
        [
            format!("POST {url}"),
            "Content-Type: application/json".to_owned(),
            "a body of 12 bytes:".to_owned(),
            "{\"on\": true}".to_owned(),
        ]
    );
    let heard = service.heard();
    let [request] = heard.as_slice() else { panic!("one request: {heard:#?}") };
    assert!(request.starts_with("POST /maintenance?x=1 HTTP/1.1\r\n"), "{request}");
    let lower = request.to_lowercase();
    assert!(lower.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"on\": true}"), "{request}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_expected_fails_and_no_redirect_is_followed() {
    let other = Service::start(Reply::of("200 OK", "", "elsewhere"));
    let to = format!("location: {}\r\n", other.url("/"));
    let mut scene = scene("http_redirect");
    for status in ["302 Found", "307 Temporary Redirect"] {
        let service = Service::start(Reply::of(status, &to, ""));
        let (_, outcome) = scene.sends(job(service.url("/"))).await;
        assert_eq!(outcome.ending, Ending::Failed, "{outcome:?}");
        let said = outcome.message.raw();
        assert!(said.contains(status) && said.contains("was not followed"), "{said}");
        assert_eq!(service.heard().len(), 1);
    }
    assert_eq!(other.heard(), [""; 0], "nothing goes to another host");
    let service = Service::start(Reply::of("503 Service Unavailable", "", "busy"));
    let (_, outcome) = scene.sends(job(service.url("/"))).await;
    assert_eq!(outcome.ending, Ending::Failed);
    let only = Job { statuses: vec![503], ..job(service.url("/")) };
    assert_eq!(scene.sends(only).await.1.ending, Ending::Done, "it was the expected one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_unknown_and_nothing_is_sent_again() {
    let mut scene = scene("http_lost");
    let broken = Service::start(Reply::Nothing);
    let (_, outcome) = scene.sends(job(broken.url("/"))).await;
    assert_eq!(outcome.ending, Ending::Unknown, "{outcome:?}");
    assert!(outcome.message.raw().contains("ask the service whether it has arrived"));
    let silent = Service::start(Reply::Silence);
    let short = Job { limit_ms: 5_000, ..job(silent.url("/")) };
    let (_, outcome) = scene.sends(short).await;
    assert_eq!(outcome.ending, Ending::Unknown, "{outcome:?}");
    let garbled = Service::start(Reply::Text("what?\r\n\r\n".into()));
    assert_eq!(scene.sends(job(garbled.url("/"))).await.1.ending, Ending::Unknown);
    let heard = [broken.heard().len(), silent.heard().len(), garbled.heard().len()];
    assert_eq!(heard, [1, 1, 1]);
    assert_eq!(scene.endings(), ["unknown"; 3], "the journal says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reaches_nobody_was_not_run() {
    let mut scene = scene("http_nobody");
    let nobody = format!("http://127.0.0.1:{}/", unused_port());
    let (_, outcome) = scene.sends(job(nobody)).await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    assert!(outcome.message.raw().contains("nothing was sent"), "{outcome:?}");
    // Whoever answers does not speak TLS: its handshake comes before any request.
    let plain = Service::start(Reply::Text("no TLS here\r\n".into()));
    let (_, outcome) = scene.sends(job(plain.url("/").replace("http:", "https:"))).await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
}

/// A service that tells what it was sent: as it is, in an address, and where the answer is cut.
#[test]
fn no_part_of_a_secret_is_printed_however_the_answer_holds_it() {
    let (long, short) = ("s3cr/et token-long", "s3cr");
    let told = format!("{long} s3cr%2Fet%20token-long {short}\n");
    // So many bytes are read: with what the longest one takes in an address.
    let read = 8 * 1024 + 3 * long.len();
    let cut = format!("{told}{}{long}", "x".repeat(read - told.len() - 6));
    let header = "location: /?t=s3cr%2Fet%20token-long\r\n";
    for reply in [
        Reply::of("200 OK", "", &cut),
        Reply::of("302 Found", header, &told),
        Reply::of("200 OK", "", &"x".repeat(20_000)),
    ] {
        let service = Service::start(reply);
        let hidden = |header: &str, env: &str| Hidden {
            header: header.into(),
            prefix: String::new(),
            env: env.into(),
        };
        let secrets = vec![hidden("X-Short", "LK_SHORT"), hidden("X-Long", "LK_LONG")];
        let job = Job { secrets, ..job(service.url("/")) };
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_lockkeeper"))
            .args(&job.argv()[1..])
            .env("LK_SHORT", short)
            .env("LK_LONG", long)
            .output()
            .expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains("answered "), "{said}");
        for part in ["s3cr", "et token", "token-long", "%2Fet"] {
            assert!(!said.contains(part), "{part}: {said}");
        }
    }
}

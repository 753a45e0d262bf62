//! The real Liquibase on a real server: by the words of our acts, and with what it leaves in
//! the database read as we read it.

use std::path::Path;
use std::time::Duration;

use lockkeeper::domain::evidence::Verdict as Outcome;
use lockkeeper::domain::graph::{State, Trouble};
use lockkeeper::domain::hazard::Transactions;
use lockkeeper::domain::rehearsal::Verdict;
use lockkeeper::io::postgres::reader::Reader;
use lockkeeper::io::rehearsal::Order;
use lockkeeper::io::tree::Disk;
use lockkeeper::tools::{FailureKind, Intent, Project, by_name};

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use super::rehearsal::{is, of, order, rehearse};
use crate::support::alembic::copy;
use crate::support::liquibase::{Project as Team, liquibase};
use crate::support::node::samples;
use crate::support::server;
use crate::support::tcp::Tcp;

async fn loaded(directory: &Path, tcp: &Tcp) -> Project {
    let (tree, tool) = (Disk::new(directory), by_name("liquibase").expect("it is known"));
    let detected = tool.detect(&tree).expect("it is detected");
    let query = tool.version_query(&tree);
    let rows = Reader::new(tcp.local("")).version_rows(&query).await.expect("it can be read");
    tool.load(&tree, &detected.directory, &rows)
}

async fn execute(tcp: &Tcp, sql: &'static str) {
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(tcp.port)
        .username("postgres")
        .database("postgres");
    let mut connection = options.connect().await.expect("it trusts");
    sqlx::query(sql).execute(&mut connection).await.expect("the server answers");
}

/// Runs an act's own words; returns what it said, unless it succeeded.
fn acted(directory: &Path, tcp: &Tcp, project: &Project, intent: &Intent) -> Result<(), String> {
    let tool = by_name("liquibase").expect("it is known");
    let act = tool.act(project, intent).expect("it can run");
    let (program, words) = act.command.argv.split_first().expect("a program");
    assert_eq!(program, "liquibase");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = liquibase(directory, tcp.port, &words);
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or(said.into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_goes_up_one_by_one_and_comes_back_as_far_as_it_can() {
    let directory = tempfile::tempdir().expect("a directory");
    let own = directory.path();
    copy(&samples("liquibase"), own);
    let tcp = Tcp::start("host all all 127.0.0.1/32 trust", None, &[]);
    for (at, id) in ["1", "2", "3", "4"].into_iter().enumerate() {
        let project = loaded(own, &tcp).await;
        // Of changes in XML it is not told whether they are still what ran.
        let wrong = project.problems.iter().find(|problem| problem.kind != Trouble::Uncompared);
        assert!(wrong.is_none(), "{wrong:?}");
        assert_eq!(project.graph.applied().count(), at);
        assert_eq!(project.graph.pending().next().map(|node| node.id.as_str()), Some(id));
        acted(own, &tcp, &project, &Intent::Up(id.into())).unwrap_or_else(|said| panic!("{said}"));
    }
    let project = loaded(own, &tcp).await;
    assert!(project.graph.nodes.iter().all(|node| node.state == State::Applied));
    assert!(project.graph.nodes.iter().all(|node| node.applied_at.is_some()));
    let said =
        acted(own, &tcp, &project, &Intent::Down("4".into())).expect_err("it has no inverse");
    let failure = by_name("liquibase").expect("it is known").explain(&said, Some(1));
    assert_eq!(failure.kind, FailureKind::Raised, "{said}");
    // By hand: with its column the index went, too.
    for sql in [
        "DELETE FROM databasechangelog WHERE id = '4'",
        "ALTER TABLE users ADD COLUMN email varchar(255)",
        "CREATE INDEX users_email_idx ON users (email)",
    ] {
        execute(&tcp, sql).await;
    }
    let project = loaded(own, &tcp).await;
    acted(own, &tcp, &project, &Intent::Down("3".into())).unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(loaded(own, &tcp).await.graph.current(), ["2"]);
    execute(
        &tcp,
        "UPDATE databasechangeloglock SET locked = true, lockedby = 'somebody (10.0.0.1)', lockgranted = now()",
    )
    .await;
    let project = loaded(own, &tcp).await;
    let locked = project.problems.iter().find(|problem| problem.kind == Trouble::Locked);
    let detail = &locked.expect("it is told").detail;
    assert!(detail.contains("somebody (10.0.0.1) since 2"), "{detail}");
}

/// How the projects are told their database.
const URL: &str = "${target.url+jdbc}";

/// Its program takes seconds to start, and many where the machine has much else to do.
fn patient() -> Order {
    Order { limit: Duration::from_mins(10), ..order() }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_told_its_database_is_never_run() {
    let (database, state) =
        (server::database("liqui_untold"), tempfile::tempdir().expect("a directory"));
    let team = Team::of(&[]);
    copy(&samples("liquibase"), team.path());
    // A driver of JDBC opens no socket, which is all that this leads to.
    let site = team.site(&database, "${target.url}", state.path());
    let report = rehearse(&site, &patient()).await;
    assert_eq!((report.verdict, report.migrations.len()), (Outcome::Unknown, 0));
    let why = report.why.unwrap_or_default();
    assert!(why.contains("cannot tell where liquibase connects, so it is not run"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_changeset_of_the_sample_gets_the_verdict_of_its_own_way_back() {
    let (database, state) =
        (server::database("liqui_sample"), tempfile::tempdir().expect("a directory"));
    let team = Team::of(&[]);
    copy(&samples("liquibase"), team.path());
    let report = rehearse(&team.site(&database, URL, state.path()), &patient()).await;
    assert_eq!(report.why, None, "{report:#?}");
    // It is taken back by itself, with all that is in it.
    is(&report, "1", Verdict::Lossy, "public.users");
    is(&report, "2", Verdict::Lossy, "public.users.email");
    is(&report, "3", Verdict::Reversible, "same schema and rows");
    is(&report, "4", Verdict::Irreversible, "No inverse to");
    assert_eq!(report.verdict, Outcome::Fail);
    let index = &of(&report, "3").statements;
    assert!(index[0].sql.starts_with("CREATE INDEX CONCURRENTLY"), "{index:#?}");
    assert!(of(&report, "4").statements[0].dropped.iter().any(|what| what.contains("users.email")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rollback_says_is_believed_only_as_far_as_it_leads_back() {
    let (database, state) =
        (server::database("liqui_forms"), tempfile::tempdir().expect("a directory"));
    let changelog = "--liquibase formatted sql
--changeset ops:given
CREATE TABLE u (id int PRIMARY KEY, n int);
INSERT INTO u VALUES (1, 1);
--rollback DROP TABLE u;
--changeset ops:nothing
CREATE INDEX u_n ON u (n);
--rollback not required
--changeset ops:empty
CREATE INDEX u_m ON u (n);
--rollback empty
--changeset ops:bare
ALTER TABLE u ADD COLUMN m int;
--rollback
--changeset ops:blocked
UPDATE u SET n = NULL;
--rollback ALTER TABLE u ALTER COLUMN n SET NOT NULL;
--changeset ops:half runInTransaction:false
CREATE INDEX CONCURRENTLY u_i ON u (n);
--rollback DROP INDEX CONCURRENTLY u_i;
--rollback DROP TABLE nowhere;
";
    let team = Team::of(&[("changelog.sql", changelog)]);
    let report = rehearse(&team.site(&database, URL, state.path()), &patient()).await;
    assert_eq!(report.why, None, "{report:#?}");
    is(&report, "given", Verdict::Lossy, "public.u");
    is(&report, "nothing", Verdict::FalseDown, "index u_n");
    // This version takes it for SQL.
    is(&report, "empty", Verdict::Irreversible, "syntax error");
    is(&report, "bare", Verdict::Irreversible, "No inverse to");
    is(&report, "blocked", Verdict::Blocked, "contains null values");
    is(&report, "half", Verdict::Partial, "nowhere");
    let index = &of(&report, "half").statements;
    assert_eq!(index.len(), 1, "{index:#?}");
    assert_eq!(of(&report, "given").transaction, Transactions::One);
}

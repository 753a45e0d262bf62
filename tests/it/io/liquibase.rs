//! The real Liquibase on a real server: by the words of our acts, and with what it leaves in
//! the database read as we read it.

use std::path::Path;

use lockkeeper::domain::graph::{State, Trouble};
use lockkeeper::io::postgres::reader::Reader;
use lockkeeper::io::tree::Disk;
use lockkeeper::tools::{FailureKind, Intent, Project, by_name};

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use crate::support::alembic::copy;
use crate::support::liquibase::liquibase;
use crate::support::node::samples;
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

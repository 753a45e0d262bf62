//! Rehearsals by the real tools on a real server.

use std::fs;
use std::path::Path;
use std::time::Duration;

use lockkeeper::domain::evidence::Verdict as Outcome;
use lockkeeper::domain::hazard::Transactions;
use lockkeeper::domain::identity::Class;
use lockkeeper::domain::locks::Mode;
use lockkeeper::domain::rehearsal::{Rehearsed, Report, Verdict};
use lockkeeper::io::cluster;
use lockkeeper::io::rehearsal::{self, From, Order};
use lockkeeper::io::site::Site;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::support::alembic::{self, Revision};
use crate::support::server::{self, Database};
use crate::support::until::until;
use crate::support::{dbmate, django, drive, node};

pub(super) const URL: &str = "${target.url+psycopg2}";

pub(super) fn order() -> Order {
    Order {
        on: None,
        from: From::Target,
        schema_only: false,
        exclude: Vec::new(),
        limit: Duration::from_mins(1),
        strict: false,
    }
}

/// Rehearses, and checks that nothing is left of the copy.
pub(super) async fn rehearse(site: &Site, order: &Order) -> Report {
    let report = Box::pin(rehearsal::rehearse(site, order, &mut |_| {})).await;
    assert_eq!(cluster::registered(&site.paths.state), Vec::<std::path::PathBuf>::new());
    report
}

#[track_caller]
pub(super) fn of<'a>(report: &'a Report, id: &str) -> &'a Rehearsed {
    let found = report.migrations.iter().find(|one| one.id == id);
    found.unwrap_or_else(|| panic!("{id} was not rehearsed: {report:#?}"))
}

#[track_caller]
pub(super) fn is(report: &Report, id: &str, verdict: Verdict, why: &str) {
    let one = of(report, id);
    assert_eq!(one.verdict, Some(verdict), "{one:#?}");
    assert!(one.why.contains(why), "{one:#?}");
}

async fn text(database: &Database, sql: &str) -> String {
    let mut connection = database.connect().await;
    let found = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await;
    connection.close().await.expect("it closes");
    found.expect("the server answers")
}

/// What a rehearsal must leave as it is.
async fn untouched(database: &Database) -> String {
    let sql =
        "SELECT coalesce(string_agg(c.oid::text || c.relname::text || c.relkind::text, ',' ORDER BY c.oid), '')
               FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace";
    text(database, sql).await
}

const SHOP: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE TABLE users (id serial PRIMARY KEY, name varchar(10) NOT NULL UNIQUE, mood mood,
                        age int CHECK (age BETWEEN 18 AND 99), note text);
    CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                         user_id int NOT NULL REFERENCES users, paid numeric(6,2) NOT NULL,
                         state text NOT NULL CHECK (state IN ('open', 'done')));
    INSERT INTO users (name, mood, age, note) VALUES ('ann', 'glad', 30, 'a'), ('bob', NULL, NULL, NULL);
    INSERT INTO orders (user_id, paid, state) VALUES (1, 1.5, 'open'), (2, 2.5, 'done');";

fn shop(name: &str) -> Database {
    let database = server::database(name);
    database.execute(SHOP);
    database
}

async fn alembic(name: &str, revisions: &[Revision<'_>]) -> Report {
    let (database, state) = (shop(name), tempfile::tempdir().expect("a directory"));
    let project = alembic::Project::of(revisions);
    let before = untouched(&database).await;
    let report = rehearse(&project.site(&database, URL, state.path()), &order()).await;
    assert_eq!(untouched(&database).await, before, "the target is as it was");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn each_migration_of_alembic_gets_its_verdict() {
    let add = "op.add_column('users', sa.Column('status', sa.Text))";
    let wide = "op.alter_column('users', 'name', type_=sa.String(20))";
    let narrow = "op.alter_column('users', 'name', type_=sa.String(10))";
    let big = "op.alter_column('orders', 'user_id', type_=sa.BigInteger)";
    let small = "op.alter_column('orders', 'user_id', type_=sa.Integer)";
    let revisions: [Revision; 9] = [
        ("a1", "None", "op.create_index('by_age', 'users', ['age'])", "op.drop_index('by_age')"),
        ("a2", "\"a1\"", add, "op.drop_column('users', 'status')"),
        ("a3", "\"a2\"", "op.create_index('by_note', 'users', ['note'])", "pass"),
        ("a4", "\"a3\"", "op.drop_column('users', 'note')", "raise NotImplementedError('no')"),
        ("a5", "\"a4\"", wide, narrow),
        ("a6", "\"a5\"", "op.execute(\"UPDATE users SET age = 40\")", "pass"),
        (
            "a7",
            "\"a6\"",
            "op.drop_column('users', 'mood')",
            "op.add_column('users', sa.Column('mood', sa.Enum('sad', 'glad', name='mood', create_type=False)))",
        ),
        ("a8", "\"a7\"", big, small),
        (
            "a9",
            "\"a8\"",
            "op.create_table('notes', sa.Column('id', sa.Integer, primary_key=True), sa.Column('text', sa.Text, nullable=False))",
            "op.drop_table('notes')",
        ),
    ];
    let report = alembic("reh_alembic", &revisions).await;
    assert_eq!(report.why, None, "{report:#?}");
    is(&report, "a1", Verdict::Reversible, "same schema");
    is(&report, "a2", Verdict::Lossy, "public.users.status");
    is(&report, "a3", Verdict::FalseDown, "index by_note of public.users created");
    is(&report, "a4", Verdict::Irreversible, "no");
    is(&report, "a5", Verdict::Blocked, "value too long");
    is(&report, "a6", Verdict::Lossy, "public.users.age");
    is(&report, "a7", Verdict::Lossy, "public.users.mood: 1 of 1 values are gone");
    is(&report, "a8", Verdict::Reversible, "");
    is(&report, "a9", Verdict::Lossy, "public.notes");
    assert_eq!(report.verdict, Outcome::Fail);
    assert!(of(&report, "a7").reordered.iter().any(|line| line.contains("public.users")));
    let index = &of(&report, "a1").statements[0];
    assert!(index.sql.starts_with("CREATE INDEX by_age"), "{index:?}");
    let locks: Vec<_> = index.locks.iter().map(|l| (l.relation.as_str(), l.mode)).collect();
    assert_eq!(locks, [("public.users", Mode::Share)]);
    let retype = &of(&report, "a8").statements[0];
    assert_eq!(retype.rewrite, ["public.orders"]);
    assert!(of(&report, "a4").statements[0].dropped.iter().any(|what| what.contains("users.note")));
    assert_eq!(of(&report, "a2").schema_diff, ["column status of public.users created: text"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_behind_is_seen_in_whatever_part_of_the_schema_it_is() {
    let remake = "op.execute('CREATE MATERIALIZED VIEW ages AS SELECT age FROM users{}')";
    let (with, without) = (remake.replace("{}", ""), remake.replace("{}", " WITH NO DATA"));
    let revisions: [Revision; 4] = [
        ("h1", "None", "op.execute('CREATE PUBLICATION reh_news FOR TABLE users')", "pass"),
        (
            "h2",
            "\"h1\"",
            "op.execute('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor')",
            "pass",
        ),
        ("h3", "\"h2\"", &with, "op.execute('DROP MATERIALIZED VIEW ages')"),
        ("h4", "\"h3\"", "op.execute('DROP MATERIALIZED VIEW ages')", &without),
    ];
    let report = alembic("reh_parts", &revisions).await;
    is(&report, "h1", Verdict::FalseDown, "publication");
    is(&report, "h2", Verdict::FalseDown, "default privileges");
    is(&report, "h3", Verdict::Reversible, "");
    is(&report, "h4", Verdict::FalseDown, "materialized view");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_may_be_named_as_the_database_that_every_server_has() {
    let server = server::private(&[]);
    let (database, state) =
        (server.existing("postgres"), tempfile::tempdir().expect("a directory"));
    database.execute(SHOP);
    let project = alembic::Project::of(&[ADD]);
    let report = rehearse(&project.site(&database, URL, state.path()), &order()).await;
    assert_eq!((report.why.as_deref(), report.migrations.len()), (None, 1), "{report:#?}");
}

/// Of definitions alone no view is populated, and that is no work of the migration.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_is_made_anew_is_the_same_also_where_only_definitions_were_copied() {
    let (database, state) = (shop("reh_views"), tempfile::tempdir().expect("a directory"));
    database.execute("CREATE MATERIALIZED VIEW ages AS SELECT age FROM users");
    let (gone, back) = (
        "op.execute('DROP MATERIALIZED VIEW ages')",
        "op.execute('CREATE MATERIALIZED VIEW ages AS SELECT age FROM users')",
    );
    let project = alembic::Project::of(&[("i1", "None", gone, back)]);
    let order = Order { schema_only: true, ..order() };
    let report = rehearse(&project.site(&database, URL, state.path()), &order).await;
    is(&report, "i1", Verdict::Reversible, "");
}

/// A target that does not answer any more cannot tell that the tool never came to it.
#[tokio::test(flavor = "multi_thread")]
async fn what_ran_while_the_target_could_not_be_looked_at_proves_nothing() {
    let (database, state) = (shop("reh_blind"), tempfile::tempdir().expect("a directory"));
    let (running, shut_out) = (state.path().join("running"), state.path().join("shut_out"));
    let body = format!(
        "open({:?}, 'w').close()\nimport os, time\nwhile not os.path.exists({:?}):\n    \
         time.sleep(0.05)\ntime.sleep(3)",
        running.display(),
        shut_out.display()
    );
    let project = alembic::Project::of(&[("j1", "None", &body, "pass")]);
    let server = server::database("reh_blind_beside");
    let shut = format!(
        "ALTER DATABASE \"{0}\" ALLOW_CONNECTIONS false;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{0}'",
        database.name
    );
    let shuts = async {
        let waits = move || until("the migration runs", || running.exists());
        tokio::task::spawn_blocking(waits).await.expect("it runs");
        server.execute(&shut);
        fs::write(&shut_out, "").expect("it can be written");
    };
    let site = project.site(&database, URL, state.path());
    let order = order();
    let (report, ()) = tokio::join!(rehearse(&site, &order), shuts);
    let one = of(&report, "j1");
    assert_eq!(one.verdict, None, "{one:#?}");
    assert!(one.why.contains("whether it came to the target itself cannot be told"), "{one:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_on_rows_is_blocked_and_what_comes_after_it_cannot_be_told() {
    let not_null = "op.alter_column('users', 'age', nullable=False)";
    let revisions: [Revision; 2] =
        [("b1", "None", not_null, "pass"), ("b2", "\"b1\"", "pass", "pass")];
    let report = alembic("reh_blocked", &revisions).await;
    is(&report, "b1", Verdict::Blocked, "contains null values");
    assert!(report.why.as_deref().is_some_and(|why| why.contains("b1 does not go up")));
    assert_eq!(report.verdict, Outcome::Fail);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_committed_before_it_failed_is_partial_and_its_transactions_are_told() {
    let up = "op.create_table('half', sa.Column('id', sa.Integer))\nwith op.get_context().autocommit_block():\n    op.create_index('c', 'users', ['age'], postgresql_concurrently=True)\nop.execute('DROP TABLE nowhere')";
    let report = alembic("reh_partial", &[("c1", "None", up, "pass")]).await;
    is(&report, "c1", Verdict::Partial, "nowhere");
    let one = of(&report, "c1");
    assert_eq!(one.transaction, Transactions::None, "{one:#?}");
    let index = one.statements.iter().find(|s| s.sql.contains("CONCURRENTLY"));
    assert!(index.is_some(), "{one:#?}");
}

/// The sample's `env.py`, led by nothing but this URL.
fn env(url: &str) -> String {
    format!(
        "from alembic import context\nfrom sqlalchemy import create_engine\nengine = create_engine({url:?})\n\
         with engine.connect() as connection:\n    context.configure(connection=connection)\n    with context.begin_transaction():\n        context.run_migrations()\n"
    )
}

fn url(database: &Database) -> String {
    database.dsn().replacen("postgresql:", "postgresql+psycopg2:", 1)
}

const ADD: Revision =
    ("d1", "None", "op.create_table('made', sa.Column('id', sa.Integer))", "op.drop_table('made')");

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_connects_elsewhere_whatever_it_is_told_is_never_run() {
    let (target, other) = (shop("reh_target"), shop("reh_elsewhere"));
    let away = server::private(&[]);
    let far = away.database("far");
    for (led_to, why) in [
        (&target, "connects to"),
        (&other, "connects to"),
        (&far, "cannot tell where alembic connects"),
    ] {
        let state = tempfile::tempdir().expect("a directory");
        let project = alembic::Project::of(&[ADD]);
        project.write("migrations/env.py", &env(&url(led_to)));
        let report = rehearse(&project.site(&target, URL, state.path()), &order()).await;
        assert_eq!(report.verdict, Outcome::Unknown);
        let said = report.why.clone().unwrap_or_default();
        assert!(said.contains(why) && said.contains("not run"), "{said}");
        assert!(report.migrations.is_empty());
        for database in [&target, &other, &far] {
            let made = "SELECT (to_regclass('made') IS NULL AND to_regclass('alembic_version') IS NULL)::text";
            assert_eq!(text(database, made).await, "true", "{}", database.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_connects_here_first_and_to_the_target_next_is_never_run() {
    let target = shop("reh_both");
    let state = tempfile::tempdir().expect("a directory");
    let project = alembic::Project::of(&[ADD]);
    let both = format!(
        "import os, time\nfrom sqlalchemy import create_engine\nfirst = create_engine(os.environ['DATABASE_URL']).connect()\nsecond = create_engine({:?}).connect()\ntime.sleep(3)\n{}",
        url(&target),
        env(&url(&target))
    );
    project.write("migrations/env.py", &both);
    let report = rehearse(&project.site(&target, URL, state.path()), &order()).await;
    let said = report.why.clone().unwrap_or_default();
    assert!(said.contains("of the target itself"), "{said}");
    assert!(report.migrations.is_empty());
}

/// On the target's own server only the database tells the copy from the target.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_goes_on_to_the_target_beside_its_copy_is_never_run() {
    let (target, staging) = (shop("reh_beside"), server::database("reh_beside_staging"));
    let state = tempfile::tempdir().expect("a directory");
    let project = alembic::Project::of(&[ADD]);
    let mut site = project.site(&target, URL, state.path());
    site.target.class = Class::Development;
    let staging = format!("class = \"staging\"\ndsn = \"{}\"", staging.dsn());
    let staging = toml::from_str(&staging).expect("it is a target");
    site.loaded.config.targets.insert("staging".to_owned(), staging);
    let order = Order { on: Some("staging".to_owned()), ..order() };
    let report = rehearse(&site, &order).await;
    assert_eq!((report.why.as_deref(), report.migrations.len()), (None, 1), "{report:#?}");
    let both = format!(
        "import os, time\nfrom sqlalchemy import create_engine\nfirst = create_engine(os.environ['DATABASE_URL']).connect()\nsecond = create_engine({:?}).connect()\ntime.sleep(3)\n{}",
        url(&target),
        env(&url(&target))
    );
    project.write("migrations/env.py", &both);
    let report = rehearse(&site, &order).await;
    let said = report.why.clone().unwrap_or_default();
    assert!(said.contains("of the target itself"), "{said}");
    assert!(report.migrations.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_or_asks_is_ended_in_time_and_cannot_be_told() {
    for (body, limit, why) in [
        ("import time\ntime.sleep(600)", 6, "was not done within 6 s"),
        ("input('sure? ')", 60, "standard input"),
    ] {
        let (database, state) = (shop("reh_hangs"), tempfile::tempdir().expect("a directory"));
        let project = alembic::Project::of(&[("e1", "None", body, "pass")]);
        let limited = Order { limit: Duration::from_secs(limit), ..order() };
        let report = rehearse(&project.site(&database, URL, state.path()), &limited).await;
        let one = of(&report, "e1");
        assert_eq!(one.verdict, None, "{one:#?}");
        assert!(one.why.contains(why), "{one:#?}");
        assert_eq!(report.verdict, Outcome::Unknown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_dumped_is_a_reason_and_leaves_nothing() {
    let (database, state) = (shop("reh_denied"), tempfile::tempdir().expect("a directory"));
    database.execute("CREATE ROLE reh_denied LOGIN");
    let project = alembic::Project::of(&[ADD]);
    let mut site = project.site(&database, URL, state.path());
    site.target.spec.user = "reh_denied".to_owned();
    let report = rehearse(&site, &order()).await;
    assert_eq!(report.verdict, Outcome::Unknown);
    let why = report.why.unwrap_or_default();
    assert!(why.contains("cannot be dumped") && why.contains("permission denied"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_left_out_are_missed_and_definitions_alone_are_enough_to_go_up() {
    let (database, state) = (shop("reh_schema"), tempfile::tempdir().expect("a directory"));
    let not_null = "op.alter_column('users', 'age', nullable=False)";
    let back = "op.alter_column('users', 'age', nullable=True)";
    let project = alembic::Project::of(&[("f1", "None", not_null, back)]);
    let site = project.site(&database, URL, state.path());
    for order in [
        Order { schema_only: true, ..order() },
        Order { exclude: vec!["public.users".into(), "public.orders".into()], ..order() },
    ] {
        let report = rehearse(&site, &order).await;
        is(&report, "f1", Verdict::Reversible, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_kept_for_the_target_and_goes_stale_with_its_schema() {
    use lockkeeper::io::postgres::reader::Reader;
    let (database, state) = (shop("reh_evidence"), tempfile::tempdir().expect("a directory"));
    let add = "op.add_column('users', sa.Column('status', sa.Text))";
    let project = alembic::Project::of(&[
        ("g1", "None", add, "op.drop_column('users', 'status')"),
        ("g2", "\"g1\"", "op.create_index('s', 'users', ['status'])", "op.drop_index('s')"),
    ]);
    let site = project.site(&database, URL, state.path());
    let report = rehearse(&site, &order()).await;
    assert_eq!((report.verdict, report.unkept.clone()), (Outcome::Pass, None), "{report:#?}");
    let stale = async || {
        let mut reader = Reader::new(site.target.spec.clone());
        let identity = reader.identity().await.expect("it answers");
        let evidence = rehearsal::read(&site.paths.state, &identity).expect("it was kept");
        let (tool, detected) = site.tool().expect("a tool");
        let query = tool.version_query(&site.tree());
        let rows = reader.version_rows(&query).await.expect("it reads");
        let known = tool.load(&site.tree(), &detected.directory, &rows);
        let now = rehearsal::now(&site, &mut reader, &identity, tool, &known, None)
            .await
            .expect("it reads");
        reader.close().await;
        assert!(now.tool.version.as_deref().is_some_and(|v| v.contains("1.20.1")), "{now:?}");
        evidence.stale(&now)
    };
    assert_eq!(stale().await, None);
    // The first one runs on the target, and leads where it led on the copy.
    assert_eq!(project.alembic(&database, &["upgrade", "g1"]).0, 0);
    assert_eq!(stale().await, None);
    database.execute("ALTER TABLE orders ADD COLUMN other int");
    assert_eq!(stale().await.as_deref(), Some("the schema is not the one that was rehearsed on"));
    database.execute("ALTER TABLE orders DROP COLUMN other");
    assert_eq!(stale().await, None);
    let versions = fs::read_dir(project.path().join("migrations/versions")).expect("it is there");
    let mut files = versions.map(|file| file.expect("a file").path());
    let second = files.find(|file| {
        fs::read_to_string(file).is_ok_and(|text| text.contains("revision: str = \"g2\""))
    });
    let second = second.expect("its file");
    let text = fs::read_to_string(&second).expect("it reads");
    fs::write(&second, format!("{text}\n# changed\n")).expect("it writes");
    assert_eq!(stale().await.as_deref(), Some("the files of g2 have changed"));
    fs::write(&second, text).expect("it writes");
    assert_eq!(stale().await, None);
    let env = fs::read_to_string(project.path().join("migrations/env.py")).expect("it reads");
    project.write("migrations/env.py", &format!("{env}\n# changed\n"));
    assert!(stale().await.is_some_and(|why| why.contains("env.py has changed")));
}

async fn sample(site: Site) -> Report {
    let report = rehearse(&site, &order()).await;
    assert_eq!(report.why, None, "{report:#?}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn knex_is_rehearsed() {
    let (database, state) =
        (server::database("reh_knex"), tempfile::tempdir().expect("a directory"));
    let project = node::Project::sample("knex");
    let report = sample(project.site(&database, "${target.url}", state.path())).await;
    is(&report, "20240101000000_create_users.js", Verdict::Lossy, "public.users");
}

#[tokio::test(flavor = "multi_thread")]
async fn sequelize_cli_is_rehearsed() {
    let (database, state) =
        (server::database("reh_seq"), tempfile::tempdir().expect("a directory"));
    let project = node::Project::sample("sequelize-cli");
    let config = "{ \"development\": { \"use_env_variable\": \"DATABASE_URL\", \"dialect\": \"postgres\", \"logging\": false } }";
    project.write("config/config.json", config);
    let report = sample(project.site(&database, "${target.url}", state.path())).await;
    is(&report, "20240101000000-create-users.js", Verdict::Lossy, "public.users");
}

#[tokio::test(flavor = "multi_thread")]
async fn umzug_is_rehearsed_and_a_missing_down_is_not_believed() {
    let (database, state) =
        (server::database("reh_umzug"), tempfile::tempdir().expect("a directory"));
    let project = node::Project::sample("umzug");
    let report = sample(project.site(&database, "${target.url}", state.path())).await;
    for one in &report.migrations {
        assert!(one.verdict.is_some(), "{one:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn node_pg_migrate_is_rehearsed() {
    let (database, state) =
        (server::database("reh_npm"), tempfile::tempdir().expect("a directory"));
    let project = node::Project::sample("node-pg-migrate");
    let report = sample(project.site(&database, "${target.url}", state.path())).await;
    is(&report, "1704067200000_create-users", Verdict::Lossy, "public.users");
}

#[tokio::test(flavor = "multi_thread")]
async fn django_is_rehearsed() {
    let (database, state) =
        (server::database("reh_django"), tempfile::tempdir().expect("a directory"));
    let project = django::Project::sample();
    let report = sample(project.site(&database, state.path())).await;
    // Two follow the same one: Django takes both of them back or none.
    let unknown: Vec<&str> = report
        .migrations
        .iter()
        .filter(|one| one.verdict.is_none())
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(unknown, ["app.0003_backfill_status"]);
    assert!(of(&report, unknown[0]).why.contains("Django has no target"));
    is(&report, "app.0001_initial", Verdict::Lossy, "gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn dbmate_is_rehearsed_and_an_empty_down_is_a_false_one() {
    let (database, state) =
        (server::database("reh_dbmate"), tempfile::tempdir().expect("a directory"));
    let project = dbmate::Project::empty();
    let write = |name: &str, text: &str| {
        fs::write(project.migrations().join(name), text).expect("it can be written");
    };
    write(
        "20240101000000_a.sql",
        "-- migrate:up\nCREATE TABLE a (id int PRIMARY KEY);\n-- migrate:down\nDROP TABLE a;\n",
    );
    write(
        "20240102000000_b.sql",
        "-- migrate:up\nCREATE INDEX b ON a (id);\n-- migrate:down\n-- nothing\n",
    );
    let report = sample(project.site(&database, state.path())).await;
    is(&report, "20240101000000_a.sql", Verdict::Lossy, "public.a");
    is(&report, "20240102000000_b.sql", Verdict::FalseDown, "index b");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlx_is_rehearsed() {
    let (database, state) =
        (server::database("reh_sqlx"), tempfile::tempdir().expect("a directory"));
    let project = tempfile::tempdir().expect("a directory");
    let dir = project.path().join("migrations");
    fs::create_dir(&dir).expect("it can be made");
    let write = |name: &str, text: &str| fs::write(dir.join(name), text).expect("it writes");
    write("1_a.up.sql", "CREATE TABLE a (id int PRIMARY KEY, x int NOT NULL);");
    write("1_a.down.sql", "DROP TABLE a;");
    write("2_b.up.sql", "CREATE UNIQUE INDEX b ON a (x);");
    write("2_b.down.sql", "DROP INDEX b;");
    let report = sample(drive_site(&database, project.path(), state.path())).await;
    is(&report, "1", Verdict::Lossy, "public.a");
    is(&report, "2", Verdict::Reversible, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_comes_back_without_its_values_is_lossy_within_one_migration_too() {
    let (database, state) =
        (server::database("reh_again"), tempfile::tempdir().expect("a directory"));
    database.execute("CREATE TABLE a (id int PRIMARY KEY, x int); INSERT INTO a VALUES (1, 7)");
    let project = tempfile::tempdir().expect("a directory");
    let dir = project.path().join("migrations");
    fs::create_dir(&dir).expect("it can be made");
    let write = |name: &str, text: &str| fs::write(dir.join(name), text).expect("it writes");
    write("1_a.up.sql", "ALTER TABLE a DROP COLUMN x; ALTER TABLE a ADD COLUMN x int;");
    write("1_a.down.sql", "SELECT 1;");
    let report = sample(drive_site(&database, project.path(), state.path())).await;
    is(&report, "1", Verdict::Lossy, "public.a.x");
}

pub(super) fn drive_site(database: &Database, project: &Path, state: &Path) -> Site {
    let mut site = drive::site(&database.dsn(), project, state);
    let environment = &mut site.loaded.config.project.environment;
    environment.insert("DATABASE_URL".to_owned(), "${target.url}".to_owned());
    site
}

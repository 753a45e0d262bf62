//! The real sequelize-cli, umzug, Knex and node-pg-migrate on a real server, through the
//! machine and the driver.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Plan, Risk};
use lockkeeper::io::tree::Disk;
use lockkeeper::session::effect::{Goal, Request};

use crate::support::drive::Drive;
use crate::support::node::Project;
use crate::support::server::{self, Database};

const URL: &str = "${target.url}";

fn up() -> Request {
    Request::Migrate { direction: Direction::Up, goal: Goal::One, risk: Risk::Safe }
}

fn down() -> Request {
    Request::Migrate { direction: Direction::Down, goal: Goal::One, risk: Risk::Safe }
}

fn start(project: &Project, database: &Database, state: &Path) -> Drive {
    Drive::start(project.site(database, URL, state))
}

fn argv(plan: &Plan) -> String {
    plan.command.as_ref().expect("a command").argv.join(" ")
}

async fn has(database: &Database, relation: &str) -> bool {
    let mut connection = database.connect().await;
    sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(relation)
        .fetch_one(&mut connection)
        .await
        .expect("the server answers")
}

/// A tool's sample: one goes up, the next fails, the first comes back down.
struct Walk {
    database: &'static str,
    /// The file of the second, which fails.
    failing: (&'static str, &'static str),
    /// The commands: up, and the way back.
    argv: [&'static str; 2],
    ending: Ending,
}

async fn walk(project: &Project, walk: &Walk) {
    let database = server::database(walk.database);
    let state = tempfile::tempdir().expect("a directory");
    let (name, text) = walk.failing;
    project.write(&format!("migrations/{name}"), text);
    let mut drive = start(project, &database, state.path());
    let plan = drive.plan(up()).await;
    assert_eq!(argv(&plan), walk.argv[0]);
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    assert!(has(&database, "users").await);
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, walk.ending, "{outcome:?}");
    assert!(outcome.message.raw().contains("nowhere"), "{outcome:?}");
    assert!(!outcome.message.raw().contains('\u{1b}'), "{outcome:?}");
    let plan = drive.plan(down()).await;
    assert_eq!(argv(&plan), walk.argv[1]);
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    assert!(!has(&database, "users").await);
    drive.driver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn knex_goes_up_fails_and_comes_back_one_at_a_time() {
    let project = Project::sample("knex");
    let failing = "exports.up = (knex) => knex.raw('DROP TABLE nowhere');\nexports.down = (knex) => knex.raw('SELECT 1');\n";
    let own = Walk {
        database: "node_knex",
        failing: ("20240101500000_fails.js", failing),
        argv: [
            "node_modules/.bin/knex migrate:up 20240101000000_create_users.js",
            "node_modules/.bin/knex migrate:down 20240101000000_create_users.js",
        ],
        ending: Ending::RolledBack,
    };
    walk(&project, &own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_pg_migrate_goes_up_fails_and_comes_back_one_at_a_time() {
    let project = Project::sample("node-pg-migrate");
    let failing = "export const up = (pgm) => { pgm.dropTable('nowhere'); };\n";
    let own = Walk {
        database: "node_pg_migrate",
        failing: ("1704067300000_fails.js", failing),
        argv: [
            "node_modules/.bin/node-pg-migrate up 1704067200000_create-users",
            "node_modules/.bin/node-pg-migrate down 1704067200000_create-users",
        ],
        ending: Ending::RolledBack,
    };
    walk(&project, &own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequelize_cli_goes_up_fails_and_comes_back_one_at_a_time() {
    let project = Project::sample("sequelize-cli");
    let config = "{ \"development\": { \"use_env_variable\": \"DATABASE_URL\", \"dialect\": \"postgres\", \"logging\": false } }";
    project.write("config/config.json", config);
    let failing = "module.exports = {\n  up: (q) => q.sequelize.query('DROP TABLE nowhere'),\n  down: async () => {},\n};\n";
    let own = Walk {
        database: "node_sequelize",
        failing: ("20240101500000-fails.js", failing),
        argv: [
            "node_modules/.bin/sequelize-cli db:migrate --to 20240101000000-create-users.js",
            "node_modules/.bin/sequelize-cli db:migrate:undo --name 20240101000000-create-users.js",
        ],
        ending: Ending::RolledBack,
    };
    walk(&project, &own).await;
}

/// The sample's umzug, with umzug's own command line and nothing else.
fn umzug() -> Project {
    let project = Project::sample("umzug");
    let script = std::fs::read_to_string(project.path().join("migrate.ts")).expect("it reads");
    let (setup, _) = script.split_once("const [verb").expect("it reads its arguments");
    let script = format!("{setup}await umzug.runAsCLI();\nawait sequelize.close();\n");
    project.write("migrate.ts", &script.replace("logger: undefined", "logger: console"));
    project
}

#[tokio::test(flavor = "multi_thread")]
async fn umzug_goes_through_the_project_s_own_command_line_one_at_a_time() {
    let (project, database) = (Project::sample("umzug"), server::database("node_umzug_own"));
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&project, &database, state.path());
    let names = ["20240101000000-initial-schema.ts", "20240102000000-add-user-fields.ts"];
    for name in names {
        let plan = drive.plan(up()).await;
        assert_eq!(argv(&plan), format!("node_modules/.bin/tsx migrate.ts up {name}"));
        let outcome = drive.confirm().await;
        assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    }
    let plan = drive.plan(down()).await;
    assert_eq!(argv(&plan), format!("node_modules/.bin/tsx migrate.ts down {}", names[1]));
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    assert!(has(&database, "users").await);
    drive.driver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn umzug_goes_up_fails_and_comes_back_one_at_a_time() {
    let failing = "export const up = async ({ context: q }) => { await q.sequelize.query('DROP TABLE nowhere'); };\nexport const down = async () => {};\n";
    let own = Walk {
        database: "node_umzug",
        failing: ("20240101500000-fails.ts", failing),
        argv: [
            "node_modules/.bin/tsx migrate.ts up --name 20240101000000-initial-schema.ts",
            "node_modules/.bin/tsx migrate.ts down --name 20240101000000-initial-schema.ts",
        ],
        ending: Ending::RolledBack,
    };
    walk(&umzug(), &own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leads_elsewhere_is_denied_and_the_look_leaves_no_table_behind() {
    let project = Project::sample("knex");
    let (database, other) = (server::database("node_ours"), server::database("node_other"));
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = Drive::start(project.site(&database, &other.dsn(), state.path()));
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    assert!(outcome.message.raw().contains("knex connects to the database"), "{outcome:?}");
    assert!(!has(&other, "knex_migrations").await && !has(&database, "knex_migrations").await);
    drive.driver.close().await;
}

/// What Sequelize's errors hold: the whole connection, with passwords that nobody has told us of.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_a_tool_prints_is_on_no_screen_and_in_no_journal() {
    let (project, database) = (Project::sample("umzug"), server::database("node_secret"));
    let failing = "import { Sequelize } from 'sequelize';\n\
        const other = new Sequelize('postgres://app:urlsecret@db1/shop', { dialect: 'postgres', \
          username: 'app', password: 'hunter2secret', logging: false });\n\
        export const up = async () => { console.error(other); \
          console.log('connects to postgres://app:urlsecret@db1/shop'); \
          throw Object.assign(new Error('nowhere'), { sequelize: other.config }); };\n\
        export const down = async () => {};\n";
    project.write("migrations/20230101000000-prints.ts", failing);
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&project, &database, state.path());
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_ne!(outcome.ending, Ending::Done, "{outcome:?}");
    let shown: Vec<String> = drive
        .facts
        .output
        .lines
        .iter()
        .map(lockkeeper::domain::untrusted::Untrusted::visible)
        .collect();
    let shown = shown.join("\n");
    assert!(shown.contains("password: '•••'"), "the object was printed: {shown}");
    drive.driver.close().await;
    let files = crate::support::act::files(&state.path().join("runs"));
    let told = |name: &str| {
        let own = files.iter().filter(|path| path.file_name().is_some_and(|own| own == name));
        own.map(|path| std::fs::read_to_string(path).expect("it reads")).collect::<String>()
    };
    let said = format!("{:?} {:?}", outcome, drive.said);
    for (place, text) in [("screen", &shown), ("journal", &told("journal.jsonl")), ("said", &said)]
    {
        for secret in ["hunter2secret", "urlsecret"] {
            assert!(!text.contains(secret), "{secret} is in the {place}: {text}");
        }
    }
    // The tool's own words stay in a file that nobody else may read.
    assert!(told("out").contains("hunter2secret"), "what is masked was really printed");
    for out in files.iter().filter(|path| path.ends_with("out")) {
        let mode = std::fs::metadata(out).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", out.display());
    }
}

/// Its kind, then name or lock, batch and time.
type LockRow = (String, Option<String>, Option<String>, Option<String>);

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_of_knex_is_read_with_its_rows_and_may_be_missing() {
    let project = Project::sample("knex");
    let database = server::database("node_lock");
    let tool = lockkeeper::tools::by_name("knex").expect("it is known");
    let query = tool.version_query(&Disk::new(project.path()));
    let mut connection = database.connect().await;
    let table = "CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch int, migration_time timestamptz); INSERT INTO knex_migrations (name, batch, migration_time) VALUES ('a.js', 1, now())";
    sqlx::raw_sql(table).execute(&mut connection).await.expect("it is made");
    let lock = "CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked int); INSERT INTO knex_migrations_lock (is_locked) VALUES (0)";
    for (before, held) in [
        ("SELECT 1", None),
        (lock, Some("false")),
        ("UPDATE knex_migrations_lock SET is_locked = 1", Some("true")),
    ] {
        sqlx::raw_sql(before).execute(&mut connection).await.expect("it runs");
        let sql = sqlx::AssertSqlSafe(query.rows.clone());
        let rows: Vec<LockRow> =
            sqlx::query_as(sql).fetch_all(&mut connection).await.expect("it is read");
        assert_eq!((rows[0].0.as_str(), rows[0].1.as_deref()), ("lock", held));
        assert_eq!((rows[1].0.as_str(), rows[1].1.as_deref()), ("row", Some("a.js")));
        assert!(rows[1].3.is_some());
    }
}

//! Which database is meant.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lockkeeper::domain::config::{self, Dsn};
use lockkeeper::domain::connection::Environment;
use lockkeeper::domain::identity::Class;
use lockkeeper::io::postgres::target::{Request, Source, Target, environment, resolve};
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// An environment with a home directory of its own, so that nobody's real files are read.
fn world(home: &Path, variables: &[(&str, &str)]) -> Environment {
    let home = home.display().to_string();
    let own = [("HOME", home.as_str()), ("PGSYSCONFDIR", home.as_str())];
    own.iter().chain(variables).copied().collect()
}

fn resolved(variables: &[(&str, &str)]) -> Target {
    let home = TempDir::new().expect("a directory can be made");
    resolve(Request::default(), &world(home.path(), variables)).expect("there is a target")
}

fn profile(source: config::Source) -> config::Target {
    config::Target {
        class: Class::Staging,
        source,
        pin: None,
        maintenance_db: "maintenance".into(),
        replicas: Vec::new(),
        pooler_admin: None,
    }
}

#[test]
fn the_argument_beats_database_url_and_that_beats_the_variables() {
    let home = TempDir::new().expect("a directory can be made");
    let world = world(
        home.path(),
        &[("DATABASE_URL", "postgresql+asyncpg://bob@db2/two"), ("PGDATABASE", "three")],
    );
    let dsn = Some("host=db1 dbname=one user=ann");
    let argument = resolve(Request { dsn, profile: None }, &world).expect("there is a target");
    assert_eq!((argument.spec.database.as_str(), argument.source), ("one", Source::Argument));
    let url = resolve(Request::default(), &world).expect("there is a target");
    assert_eq!(url.spec.describe(), "bob@db2:5432/two, sslmode=verify-full (default)");
    assert_eq!(url.source, Source::Variable("DATABASE_URL".into()));
    assert_eq!(url.class, Class::Production, "nobody declared another class");
}

#[test]
fn without_anything_the_variables_and_the_account_decide() {
    let target = resolved(&[("PGHOST", "db3"), ("PGDATABASE", "three")]);
    let user = whoami::username().expect("the account has a name");
    assert_eq!(
        target.spec.describe(),
        format!("{user}@db3:5432/three, sslmode=verify-full (default)")
    );
    assert_eq!(target.source, Source::Defaults);
    assert_eq!(target.maintenance().database, "postgres");
}

#[test]
fn a_profile_gives_its_class_and_its_variable_the_address() {
    let home = TempDir::new().expect("a directory can be made");
    let profile = profile(config::Source::Env("PROD".into()));
    let request = Request { dsn: None, profile: Some(("production", &profile)) };
    let error = resolve(request, &world(home.path(), &[])).unwrap_err().to_string();
    assert!(error.contains("PROD, which is not set"), "{error}");
    let target = resolve(request, &world(home.path(), &[("PROD", "host=db1 dbname=shop user=x")]));
    let target = target.expect("the variable is set");
    assert_eq!((target.class, target.name.as_deref()), (Class::Staging, Some("production")));
    assert_eq!(target.maintenance().describe().split(',').next(), Some("x@db1:5432/maintenance"));
}

#[test]
fn a_service_fills_what_the_string_leaves_open() {
    let home = TempDir::new().expect("a directory can be made");
    fs::write(home.path().join(".pg_service.conf"), "[shop]\nhost=db1\ndbname=shop\nuser=svc\n")
        .expect("the file can be written");
    let world = world(home.path(), &[("PGHOST", "db9"), ("PGPORT", "6000")]);
    let dsn = Dsn::new("service=shop user=ann").expect("it holds no password");
    let profile = profile(config::Source::Dsn(dsn));
    let request = Request { dsn: None, profile: Some(("staging", &profile)) };
    let target = resolve(request, &world).expect("there is a target");
    assert!(target.spec.describe().starts_with("ann@db1:6000/shop"));
    assert_eq!(target.source, Source::Profile("staging".into()));
}

#[test]
fn a_missing_service_is_answered_with_the_files_and_the_nearest_name() {
    let home = TempDir::new().expect("a directory can be made");
    fs::write(home.path().join("pg_service.conf"), "[shop]\nhost=db1\n").expect("it is written");
    let world = world(home.path(), &[("PGSERVICE", "shpo")]);
    let error = resolve(Request::default(), &world).unwrap_err().to_string();
    assert!(error.contains("pg_service.conf"), "{error}");
    assert!(error.contains(r#"did you mean "shop"?"#), "{error}");
    let named = [("PGSERVICE", "shop"), ("PGSERVICEFILE", "/nowhere/services")];
    let error = resolve(Request::default(), &self::world(home.path(), &named)).unwrap_err();
    assert!(error.to_string().contains("/nowhere/services cannot be read"), "{error}");
}

#[test]
fn a_password_file_serves_only_while_nobody_else_can_read_it() {
    let home = TempDir::new().expect("a directory can be made");
    let path = home.path().join(".pgpass");
    fs::write(&path, "db1:*:*:ann:s3cret\n").expect("the file can be written");
    let world = world(home.path(), &[("PGHOST", "db1"), ("PGUSER", "ann")]);
    let resolve = || resolve(Request::default(), &world).expect("there is a target").spec;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the mode can be set");
    let private = resolve();
    assert_eq!(private.password().map(ExposeSecret::expose_secret), Some("s3cret"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("the mode can be set");
    let open = resolve();
    assert!(open.password().is_none());
    assert!(open.notes[0].contains("others than its owner can read it"), "{:?}", open.notes);
}

#[test]
fn a_certificate_that_is_missing_is_named_before_anything_is_connected() {
    let home = TempDir::new().expect("a directory can be made");
    let world = world(home.path(), &[("PGHOST", "db1"), ("PGSSLROOTCERT", "/nowhere/ca.crt")]);
    let error = resolve(Request::default(), &world).unwrap_err().to_string();
    assert!(error.starts_with("the root certificate (sslrootcert) /nowhere/ca.crt"), "{error}");
}

#[test]
fn two_ways_to_name_a_target_are_one_too_many() {
    let profile = profile(config::Source::Env("X".into()));
    let request = Request { dsn: Some("host=x"), profile: Some(("x", &profile)) };
    let error = resolve(request, &Environment::default()).unwrap_err().to_string();
    assert!(error.contains("leave one of them out"), "{error}");
}

#[test]
fn a_broken_string_says_where_it_came_from() {
    let world: Environment = [("DATABASE_URL", "postgres://u:p%zz@h/d")].into_iter().collect();
    let error = resolve(Request::default(), &world).unwrap_err().to_string();
    assert!(error.starts_with("the variable DATABASE_URL: the password"), "{error}");
}

#[test]
fn the_environment_is_that_of_this_process() {
    assert_eq!(environment().get("PATH"), std::env::var("PATH").ok().as_deref());
}

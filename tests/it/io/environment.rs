//! What the program of an act is told about its database.

use lockkeeper::domain::config::Config;
use lockkeeper::domain::plan::Timeouts;
use lockkeeper::io::act::Value;
use lockkeeper::io::driver::environment::{asks_for_jdbc, names, variables};
use secrecy::ExposeSecret as _;

use crate::support::tcp::spec;

fn value(dsn: &str, config: &Config, timeouts: Option<Timeouts>, name: &str) -> String {
    let all = variables(&spec(dsn), config, "test", timeouts);
    match all.into_iter().find(|(given, _)| given == name) {
        Some((_, Value::Plain(text))) => text,
        Some((_, Value::Secret(secret))) => secret.expose_secret().to_owned(),
        None => panic!("{name} is not set"),
    }
}

#[test]
fn settings_of_the_target_stay_whole_and_the_plans_limits_come_last() {
    let dsn = r"host=/tmp dbname=shop options='-c a.b=x\\ y\\	z -c lock_timeout=7'";
    let limits = Timeouts { lock_ms: Some(250), statement_ms: Some(9_000), ..Timeouts::default() };
    let options = value(dsn, &Config::default(), Some(limits), "PGOPTIONS");
    assert_eq!(
        options,
        "-c a.b=x\\ y\\\tz -c lock_timeout=7 -c lock_timeout=250 -c statement_timeout=9000"
    );
    let options = value(dsn, &Config::default(), None, "PGOPTIONS");
    assert_eq!(options, "-c a.b=x\\ y\\\tz -c lock_timeout=7");
}

#[test]
fn a_limit_that_must_not_be_is_taken_away_and_not_left_to_the_role() {
    let limits = Timeouts { lock_ms: None, statement_ms: Some(1), ..Timeouts::default() };
    let options = value("host=/tmp", &Config::default(), Some(limits), "PGOPTIONS");
    assert_eq!(options, "-c lock_timeout=0 -c statement_timeout=1");
}

#[test]
fn the_targets_url_is_a_url_also_for_addresses_and_odd_names() {
    let mut config = Config::default();
    config.project.environment.insert("URL".to_owned(), "${target.url}".to_owned());
    let url = value("host=::1 user='a b' dbname='x/y' password='p@:'", &config, None, "URL");
    assert_eq!(url, "postgresql://a%20b:p%40%3A@[::1]:5432/x%2Fy?sslmode=prefer");
    assert!(names(&spec("host=::1"), &config).contains(&"URL".to_owned()));
    config.project.environment.insert("URL".to_owned(), "${target.url+psycopg2}".to_owned());
    let url = value("host=::1 user=a_b dbname=x-y", &config, None, "URL");
    assert_eq!(url, "postgresql+psycopg2://a_b@[::1]:5432/x-y?sslmode=prefer");
}

/// Its driver reads no variable of libpq, and opens no socket by itself.
#[test]
fn the_url_of_jdbc_says_what_the_environment_says_to_others() {
    let mut config = Config::default();
    assert!(!asks_for_jdbc(&config));
    config.project.environment.insert("URL".to_owned(), "${target.url+jdbc}".to_owned());
    assert!(asks_for_jdbc(&config));
    let limits = Timeouts { lock_ms: Some(250), statement_ms: None, ..Timeouts::default() };
    let url = value("host=::1 user=a dbname=x/y password='p&='", &config, Some(limits), "URL");
    assert_eq!(
        url,
        "jdbc:postgresql://[::1]:5432/x%2Fy?user=a&password=p%26%3D&ApplicationName=test\
         &options=-c%20lock_timeout%3D250%20-c%20statement_timeout%3D0&sslmode=prefer"
    );
    let url = value("host=/tmp port=5433 user=a dbname=x", &config, None, "URL");
    assert_eq!(
        url,
        "jdbc:postgresql://localhost/x?user=a&ApplicationName=test\
         &socketFactory=org.newsclub.net.unix.AFUNIXSocketFactory%24FactoryArg\
         &socketFactoryArg=%2Ftmp%2F.s.PGSQL.5433"
    );
}

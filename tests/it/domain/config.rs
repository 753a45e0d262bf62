//! The configuration: its defaults, its secrets, its placeholders.

use lockkeeper::domain::config::{Config, Contact, Dsn, POLICY_NAMES, Tool};
use lockkeeper::domain::evidence::{Level, Value};
use lockkeeper::domain::problem::nearest;
use lockkeeper::domain::quantity::{Percent, Period};
use proptest::prelude::*;

#[test]
fn the_defaults_contradict_nothing_and_name_no_commands() {
    let config = Config::default();
    assert_eq!(config.check(), []);
    assert!(!config.names_commands());
    assert_eq!(config.policy.lock_timeout, Period::from_secs(5));
    assert_eq!(config.backups.required_level, Level::L3);
    assert_eq!(config.triggers.slowdown, Percent::new(30.0));
}

#[test]
fn every_policy_name_has_a_value() {
    for name in POLICY_NAMES {
        assert!(Config::default().policy_value(name).is_some(), "{name}");
    }
    assert_eq!(Config::default().policy_value("attempts"), Some(Value::Int(5)));
    assert_eq!(Config::default().policy_value("nonsense"), None);
}

#[test]
fn a_connection_string_with_a_password_is_refused_in_every_notation() {
    for secret in [
        "postgresql://u:pw@h/d",
        "postgresql://u:p@ss/word@h/d",
        "postgresql://u@h/d?password=pw",
        "postgresql://u@h/d?sslmode=require&sslpassword=pw",
        "host=h password=pw",
        "host=h PASSWORD = 'p w'",
    ] {
        assert!(Dsn::new(secret).is_err(), "{secret}");
    }
    for open in [
        "service=shop",
        "postgresql://u@h:5432/d",
        "postgresql://h:5432/d",
        "postgresql:///d?host=/run/postgresql",
        "host=h dbname=d passfile=/etc/pgpass",
    ] {
        assert!(Dsn::new(open).is_ok(), "{open}");
    }
}

#[test]
fn what_nobody_has_filled_in_is_named() {
    let mut config = Config::default();
    let contact = |name: &str, reach: &str| Contact { name: name.into(), reach: reach.into() };
    config.contacts.insert("owner".to_owned(), contact("…", "#ops"));
    config.contacts.insert("lead".to_owned(), contact("Ada", "<PHONE>"));
    config.links.insert("Board".to_owned(), String::new());
    let places: Vec<String> = config.placeholders().iter().map(ToString::to_string).collect();
    assert_eq!(places, ["contacts.lead.reach", "contacts.owner.name", "links.Board"]);
}

#[test]
fn a_prefix_or_an_environment_counts_as_commands() {
    let mut config = Config::default();
    config.project.prefix = vec!["poetry".to_owned()];
    assert!(config.names_commands());
    let mut config = Config::default();
    config.project.environment.insert("PATH".to_owned(), "bin".to_owned());
    assert!(config.names_commands());
    config.project.tool = Some(Tool::Command);
    assert_eq!(config.check().len(), 1);
}

#[test]
fn a_name_is_suggested_only_if_it_is_near() {
    let known = ["lock_timeout", "attempts", "production"];
    assert_eq!(nearest("lock_timout", known).as_deref(), Some("lock_timeout"));
    assert_eq!(nearest("prod", known).as_deref(), Some("production"));
    assert_eq!(nearest("zebra", known), None);
    assert_eq!(nearest("attempts", known), None);
    assert_eq!(nearest("", []), None);
}

proptest! {
    #[test]
    fn no_password_in_a_url_is_let_through(
        user in "[a-z]{1,8}", password in "[!-~]{1,12}", host in "[a-z]{1,8}",
    ) {
        let url = format!("postgresql://{user}:{password}@{host}/shop");
        prop_assert!(Dsn::new(url).is_err());
    }
}

#[test]
fn a_trigger_of_ones_own_names_a_probe_that_is_there_and_bears_a_name_of_its_own() {
    let read = |name: &str, probe: &str, samples: usize| {
        let text = format!(
            "[probes.jobs]\nhttp = \"http://localhost/jobs\"\n[triggers.own.{name}]\n\
             probe = \"{probe}\"\nfire = {{ above = 100 }}\nsamples = {samples}\n"
        );
        let config: Config = toml::from_str(&text).expect("it parses");
        (config.triggers.armed().len(), config.check())
    };
    assert_eq!(read("jobs", "jobs", 2), (6, Vec::new()));
    for (name, probe, samples, says) in [
        ("jobs", "jbos", 2, "jobs"),
        ("jobs", "jobs", 0, "at least one sample"),
        ("slowdown", "jobs", 1, "choose another"),
    ] {
        let (_, flaws) = read(name, probe, samples);
        let [flaw] = &flaws[..] else { panic!("{flaws:?}") };
        assert!(format!("{flaw:?}").contains(says), "{flaw:?}");
    }
}

#[test]
fn the_name_of_a_version_table_is_one_bare_name_with_its_schema_beside() {
    let flaws = |table: &str| {
        let mut config = Config::default();
        config.project.version_table = Some(table.to_owned());
        config.check().into_iter().map(|flaw| flaw.what).collect::<Vec<_>>()
    };
    assert!(flaws("Shop versions").is_empty());
    let [said] = &flaws("audit.versions")[..] else { panic!("one flaw") };
    assert!(
        said.contains("version_table = \"versions\" and version_table_schema = \"audit\""),
        "{said}"
    );
    assert!(flaws("\"Versions\"")[0].contains("without quotes, as the server has it: Versions"));
    assert!(flaws("")[0].contains("leave the key out"));
    assert_eq!(flaws(&"v".repeat(64)).len(), 1);
    let mut config = Config::default();
    config.project.version_table_schema = Some("audit".to_owned());
    assert_eq!(config.check(), []);
}

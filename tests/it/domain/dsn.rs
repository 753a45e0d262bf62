//! Connection strings, services and password files, as libpq reads them.

use lockkeeper::domain::connection::tls::{Files, Mode};
use lockkeeper::domain::connection::{
    Environment, Invalid, Local, Params, Passfile, Place, Spec, dsn, service,
};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;

fn parsed(text: &str) -> Params {
    dsn::parse(text).unwrap_or_else(|invalid| panic!("{text} parses: {invalid}"))
}

fn spec(text: &str) -> Spec {
    spec_with(text, Local { user: "ann".into(), ..Local::default() })
}

fn spec_with(text: &str, local: Local) -> Spec {
    Spec::new(parsed(text), local).unwrap_or_else(|invalid| panic!("{text} is a spec: {invalid}"))
}

fn password(spec: &Spec) -> Option<&str> {
    spec.password().map(secrecy::SecretBox::expose_secret)
}

fn refusal(text: &str) -> String {
    let local = Local { user: "ann".into(), ..Local::default() };
    dsn::parse(text).and_then(|params| Spec::new(params, local)).unwrap_err().to_string()
}

#[test]
fn a_url_and_its_pairs_mean_the_same() {
    let url = spec("postgresql://bob:s%40fe@db1.example:6543/shop?connect_timeout=9");
    let pairs =
        spec("host = db1.example port=6543 dbname='shop' user=bob password=s@fe connect_timeout=9");
    assert_eq!(url.describe(), pairs.describe());
    assert_eq!(url.describe(), "bob@db1.example:6543/shop, sslmode=verify-full (default)");
    assert_eq!((password(&url), password(&pairs)), (Some("s@fe"), Some("s@fe")));
    assert_eq!(url.timeout.as_secs(), 9);
}

#[test]
fn driver_suffixes_of_other_tools_are_stripped() {
    for scheme in ["postgres", "postgresql+asyncpg", "postgresql+psycopg2", "jdbc:postgresql"] {
        assert_eq!(spec(&format!("{scheme}://db1/shop")).database, "shop", "{scheme}");
    }
    assert!(refusal("mysql://db1/shop").contains("begins with mysql://"));
}

#[test]
fn socket_directories_are_found_in_every_notation() {
    for text in [
        "postgresql:///shop?host=/run/pg&port=5433",
        "postgresql://%2Frun%2Fpg:5433/shop",
        "host=/run/pg port=5433 dbname=shop",
    ] {
        let spec = spec(text);
        assert_eq!(spec.place, Place::Socket("/run/pg".into()), "{text}");
        assert_eq!((spec.port, spec.database.as_str()), (5433, "shop"), "{text}");
    }
}

#[test]
fn addresses_of_version_six_stand_in_brackets() {
    let spec = spec("postgresql://[::1]:5433/shop");
    assert_eq!(spec.place, Place::Host("::1".into()));
    assert_eq!(spec.tls.mode, Mode::Prefer, "it is this machine");
    assert!(refusal("postgresql://[::1/shop").contains("never closed"));
}

#[test]
fn quoting_of_pairs_is_libpqs() {
    let params = parsed(r"user='an\'n b' dbname=a\ b host='' port=5432");
    assert_eq!(params.get("user"), Some("an'n b"));
    assert_eq!(params.get("dbname"), Some("a b"));
    assert_eq!(params.get("host"), None, "an empty value is the default");
}

#[test]
fn defaults_are_the_account_its_database_and_its_socket() {
    let local = Local {
        user: "ann".into(),
        socket_directory: Some("/var/run/postgresql".into()),
        ..Local::default()
    };
    let spec = Spec::new(Params::default(), local).expect("defaults are enough");
    assert_eq!(spec.describe(), "ann@/var/run/postgresql:5432/ann, Unix socket");
    assert_eq!(self::spec("dbname=x").place, Place::Host("localhost".into()));
}

#[test]
fn an_account_without_a_name_must_name_its_role() {
    let nameless = Spec::new(parsed("host=db1"), Local::default()).unwrap_err().to_string();
    assert!(nameless.contains("user must be given"), "{nameless}");
}

#[test]
fn several_hosts_are_refused_with_the_way_out() {
    for text in [
        "postgresql://db1,db2/shop",
        "postgresql://db1:5432,db2:5433/shop",
        "host=db1,db2 dbname=shop",
    ] {
        let text = refusal(text);
        assert!(text.contains("several hosts (db1,db2)"), "{text}");
        assert!(text.contains("name the primary alone"), "{text}");
    }
}

#[test]
fn a_misspelt_keyword_names_the_right_one() {
    assert!(refusal("host=x pasword=y").contains(r#"did you mean "password"?"#));
    assert!(refusal("postgresql://x/y?ssl_mode=require").contains(r#"did you mean "sslmode"?"#));
    assert!(refusal("database=shop").contains(r#"did you mean "dbname"?"#));
}

#[test]
fn what_would_weaken_the_connection_silently_is_refused() {
    assert!(refusal("host=db1 requirepeer=postgres").contains("cannot honour requirepeer"));
    assert!(refusal("host=db1 sslcrl=/x").contains("cannot honour sslcrl"));
}

#[test]
fn parameters_of_other_drivers_are_left_out_with_a_note() {
    let spec = spec("postgresql://db1/shop?schema=public&connection_limit=5");
    assert_eq!(spec.notes.len(), 2);
    assert!(spec.notes[0].starts_with("schema is no keyword"));
}

#[test]
fn no_message_repeats_a_piece_of_a_password() {
    for text in [
        "postgresql://bob:hun/ter2@db1/shop",
        "postgresql://bob:5432/hunter2@db1/shop",
        "postgresql://bob:hun@ter2@db1/shop",
        "postgresql://bob:hunter2%zz@db1/shop",
        "host=db1 password=x hunter2",
        "host=db1 password='hunter2",
        "host=db1 password=hunter2 port=none",
        "hunter2",
    ] {
        let message = refusal(text);
        assert!(!message.contains("hun") && !message.contains("ter2"), "{text}: {message}");
    }
}

#[test]
fn nothing_that_is_shown_holds_the_password() {
    let spec = spec("postgresql://bob:hunter2@db1/shop");
    let params = parsed("postgresql://bob:hunter2@db1/shop");
    let environment: Environment = [("PGPASSWORD", "hunter2")].into_iter().collect();
    let shown = format!("{spec:?}{params:?}{environment:?}{}", spec.describe());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_strange_host_is_verified_unless_somebody_chose_otherwise() {
    assert_eq!(spec("host=db1").tls.mode, Mode::VerifyFull);
    assert_eq!(spec("host=10.0.0.1").tls.mode, Mode::VerifyFull);
    assert_eq!(spec("host=localhost").tls.mode, Mode::Prefer);
    assert_eq!(spec("host=127.3.2.1").tls.mode, Mode::Prefer);
    let chosen = spec("host=db1 sslmode=disable");
    assert_eq!(chosen.tls.mode, Mode::Disable);
    assert_eq!(
        chosen.describe(),
        "ann@db1:5432/ann, sslmode=disable (as asked for), NOT encrypted"
    );
    assert!(spec("host=db1 sslmode=require").describe().contains("the server is NOT verified"));
    assert!(refusal("host=db1 sslmode=requird").contains("verify-ca or verify-full"));
}

#[test]
fn sslmode_means_nothing_on_a_socket() {
    let spec = spec("host=/run/pg sslmode=require");
    assert_eq!(spec.tls.mode, Mode::Disable);
    assert!(spec.notes[0].contains("no meaning on a Unix socket"));
    assert_eq!(spec.proved_name(), None);
}

#[test]
fn require_with_a_root_certificate_verifies_the_authority() {
    let files = Files { root: Some("/home/ann/.postgresql/root.crt".into()), ..Files::default() };
    let local = Local { user: "ann".into(), certificates: files, ..Local::default() };
    let spec = spec_with("host=db1 sslmode=require", local);
    assert_eq!(spec.tls.mode, Mode::VerifyCa);
    assert_eq!(spec.tls.root.as_deref(), Some("/home/ann/.postgresql/root.crt".as_ref()));
}

#[test]
fn channel_binding_is_replaced_by_verification() {
    let spec = spec("postgresql://db1/shop?sslmode=require&channel_binding=require");
    assert_eq!(spec.proved_name(), Some("db1"));
    assert!(spec.notes.iter().any(|note| note.contains("verify-full takes its place")));
}

#[test]
fn the_systems_authorities_ask_for_full_verification() {
    assert_eq!(spec("host=db1 sslrootcert=system").tls.mode, Mode::VerifyFull);
    assert!(refusal("host=db1 sslrootcert=system sslmode=require").contains("verify-full"));
}

#[test]
fn settings_for_the_session_are_read_from_options() {
    let spec = spec(r"host=db1 options='-c a.b=c\\ d -cwork_mem=1MB --search-path=x'");
    let expected = [("a.b", "c d"), ("work_mem", "1MB"), ("search_path", "x")];
    assert_eq!(spec.settings, expected.map(|(name, value)| (name.into(), value.into())));
    assert!(refusal("options=-k").contains("options must be"));
}

#[test]
fn a_timeout_of_zero_does_not_wait_for_ever() {
    assert_eq!(spec("connect_timeout=0").timeout.as_secs(), 5);
    assert_eq!(spec("connect_timeout=1").timeout.as_secs(), 2);
    assert!(refusal("connect_timeout=soon").contains("whole number of seconds"));
}

#[test]
fn variables_fill_what_the_string_leaves_open() {
    let environment: Environment =
        [("PGHOST", "db9"), ("PGUSER", "eve"), ("PGPASSWORD", "x"), ("PGPORT", "")]
            .into_iter()
            .collect();
    let mut params = parsed("host=db1 dbname=shop");
    params.fill(Params::from_environment(&environment).expect("they are fine"));
    let spec = Spec::new(params, Local::default()).expect("it is a spec");
    assert!(spec.describe().starts_with("eve@db1:5432/shop"));
    assert_eq!(password(&spec), Some("x"));
}

#[test]
fn a_variable_that_cannot_be_honoured_is_refused() {
    let environment = [("PGREQUIREPEER", "postgres")].into_iter().collect();
    let refused = Params::from_environment(&environment).unwrap_err();
    assert!(matches!(refused, Invalid::Unsupported { keyword: "requirepeer", .. }));
}

const SERVICES: &str = "# ours\n[shop]\nhost=db1\nport=5433\nhost=db2\n\n[shop]\nhost=db3\n\
                        [broken]\nhost db1\n[nested]\nservice=shop\n[typo]\nprot=1\n";

#[test]
fn a_service_is_the_first_section_of_its_name() {
    let params = service::find(SERVICES, "shop").expect("it parses").expect("it is there");
    assert_eq!((params.get("host"), params.get("port")), (Some("db1"), Some("5433")));
    assert!(service::find(SERVICES, "other").expect("it parses").is_none());
    assert_eq!(service::names(SERVICES), ["shop", "shop", "broken", "nested", "typo"]);
}

#[test]
fn a_wrong_line_of_a_service_is_named() {
    let wrong = |name| service::find(SERVICES, name).unwrap_err().to_string();
    assert_eq!(wrong("broken"), "line 10 of the service file: expected keyword=value");
    assert!(wrong("nested").contains("cannot name another service"));
    assert!(wrong("typo").contains("line 14 of the service file: unknown connection keyword"));
    assert!(wrong("typo").contains(r#"did you mean "port"?"#));
}

const PASSWORDS: &str = "# host:port:database:user:password\n\
    db1:5432:shop:ann:first\n\
    db1:*:*:ann:second\n\
    too:short\n\
    localhost:5432:*:ann:loc\\:al\n\
    /run/pg:5432:*:ann:socket\n\
    *:*:*:*:any\\\\\n";

#[test]
fn the_first_entry_that_matches_gives_the_password() {
    let file = Passfile::parse(PASSWORDS);
    let find = |host, port, database, user| {
        file.find(host, port, database, user).map(|found| found.expose_secret().to_owned())
    };
    assert_eq!(find("db1", 5432, "shop", "ann").as_deref(), Some("first"));
    assert_eq!(find("db1", 5433, "shop", "ann").as_deref(), Some("second"));
    assert_eq!(find("localhost", 5432, "x", "ann").as_deref(), Some("loc:al"));
    assert_eq!(find("/var/run/postgresql", 5432, "x", "ann").as_deref(), Some("loc:al"));
    assert_eq!(find("/run/pg", 5432, "x", "ann").as_deref(), Some("socket"));
    assert_eq!(find("db1", 5432, "shop", "bob").as_deref(), Some("any\\"));
}

#[test]
fn another_database_of_the_server_may_have_another_password() {
    let local = Local {
        user: "ann".into(),
        passfile: Passfile::parse("db1:5432:shop:ann:one\ndb1:5432:postgres:ann:two\n"),
        ..Local::default()
    };
    let shop = spec_with("host=db1 dbname=shop", local);
    assert_eq!(password(&shop), Some("one"));
    assert_eq!(password(&shop.in_database("postgres")), Some("two"));
    assert_eq!(password(&shop.in_database("other")), None);
}

/// Quotes a value the way libpq's documentation says.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

fn percent(value: &str) -> String {
    use std::fmt::Write as _;
    value.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
}

proptest! {
    #[test]
    fn any_value_survives_both_notations(user in "\\PC{1,12}", password in "\\PC{1,12}") {
        let pairs = format!("user={} password={} host=h", quoted(&user), quoted(&password));
        let url = format!("postgresql://{}:{}@h/", percent(&user), percent(&password));
        for text in [pairs, url] {
            let params = dsn::parse(&text).expect("it is well formed");
            prop_assert_eq!(params.get("user"), Some(user.as_str()));
            let found = params.password().map(|found| found.expose_secret().to_owned());
            prop_assert_eq!(found, Some(password.clone()));
        }
    }

    #[test]
    fn no_text_at_all_makes_the_parsers_panic(text in "\\PC{0,40}") {
        let _ = dsn::parse(&text);
        let _ = dsn::parse(&format!("postgresql://{text}"));
        let _ = dsn::parse(&format!("host={text}"));
        let _ = service::find(&text, "shop");
        let _ = Passfile::parse(&text);
    }
}

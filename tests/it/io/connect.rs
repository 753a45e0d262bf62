//! Opening connections to real servers, and what is said when it does not work.

use std::net::TcpListener;
use std::time::Duration;

use lockkeeper::domain::identity::{Refused, require_primary};
use lockkeeper::io::cluster::Stop;
use lockkeeper::io::postgres::identity::{self, identity};
use lockkeeper::io::postgres::{ConnectError, Fault, Purpose, connect};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sqlx::Row as _;
use sqlx::error::DatabaseError;
use tempfile::TempDir;

use crate::support::pooler;
use crate::support::server::{database, private};
use crate::support::tcp::{Pair, Tcp, file, spec, unused_port};

async fn refused(spec: &lockkeeper::domain::connection::Spec) -> ConnectError {
    connect(spec, Purpose::Monitor).await.expect_err("it cannot connect")
}

async fn setting(connection: &mut sqlx::PgConnection, name: &str) -> String {
    let row = sqlx::query("SELECT current_setting($1)::text").bind(name);
    row.fetch_one(connection).await.expect("it answers").get(0)
}

#[tokio::test]
async fn a_monitor_is_named_reads_only_and_never_waits() {
    let spec = spec(&database("monitor").dsn());
    let mut connection = connect(&spec, Purpose::Monitor).await.expect("it connects");
    for (name, value) in [
        ("application_name", "lockkeeper/monitor"),
        ("statement_timeout", "2s"),
        ("lock_timeout", "200ms"),
        ("default_transaction_read_only", "on"),
        ("search_path", "pg_catalog"),
    ] {
        assert_eq!(setting(&mut connection, name).await, value, "{name}");
    }
    let error = sqlx::query("CREATE TABLE public.t ()").execute(&mut connection).await;
    let error = error.expect_err("it reads only");
    assert_eq!(error.as_database_error().and_then(DatabaseError::code).as_deref(), Some("25006"));
}

#[tokio::test]
async fn work_is_noticed_to_be_orphaned_and_keeps_the_operators_settings() {
    let text = format!("{}&options=-c%20work_mem%3D7MB", database("work").dsn());
    let mut connection = connect(&spec(&text), Purpose::Work).await.expect("it connects");
    assert_eq!(setting(&mut connection, "work_mem").await, "7MB");
    assert_eq!(setting(&mut connection, "application_name").await, "lockkeeper/work");
    if connection.server_version_num().is_some_and(|version| version >= 140_000) {
        let interval = setting(&mut connection, "client_connection_check_interval").await;
        assert_eq!(interval, "500ms");
    }
}

#[tokio::test]
async fn a_server_says_who_it_is() {
    let database = database("identity");
    let spec = spec(&database.dsn());
    let mut connection = connect(&spec, Purpose::Control).await.expect("it connects");
    let found = identity(&mut connection, &spec).await.expect("everybody may ask");
    assert_eq!(found.database, database.name);
    assert_eq!(found.host, database.socket_dir.display().to_string());
    assert!(found.primary && found.system_identifier.parse::<u64>().is_ok());
    assert_eq!(connection.server_version_num(), Some(found.version_num));
}

#[tokio::test]
async fn a_role_that_may_not_ask_for_the_identity_is_told_the_grant() {
    let server = private(&[]);
    let admin = server.existing("postgres");
    admin.execute(
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC; CREATE ROLE poor LOGIN",
    );
    let spec = spec(&admin.dsn().replace("user=postgres", "user=poor"));
    let mut connection = connect(&spec, Purpose::Control).await.expect("it connects");
    let error = identity(&mut connection, &spec).await.expect_err("it may not");
    assert!(matches!(error, identity::Error::NotPermitted { .. }), "{error}");
    assert!(error.to_string().contains("GRANT EXECUTE ON FUNCTION"), "{error}");
}

#[tokio::test]
async fn a_replica_is_known_as_one() {
    let server = private(&[]);
    server.cluster.stop_server(Stop::Fast).expect("it stops");
    let signal = server.cluster.socket_dir().join("data/standby.signal");
    std::fs::write(signal, "").expect("the file can be written");
    server.cluster.start_server().expect("it starts");
    let spec = spec(&server.existing("postgres").dsn());
    let mut connection = connect(&spec, Purpose::Monitor).await.expect("it connects");
    let found = identity(&mut connection, &spec).await.expect("it may ask");
    assert!(matches!(require_primary(&found), Err(Refused::Replica { .. })));
}

#[tokio::test]
async fn a_server_without_tls_and_a_wrong_password_are_told_apart() {
    let tcp = Tcp::start("host all all 127.0.0.1/32 scram-sha-256", None, &[]);
    let mut admin = connect(&tcp.local(""), Purpose::Work).await.expect("the socket trusts");
    // PostgreSQL 13 keeps passwords as md5 unless it is told otherwise.
    let create = "SET password_encryption = 'scram-sha-256'; \
                  CREATE ROLE ann LOGIN PASSWORD 'right'";
    sqlx::raw_sql(create).execute(&mut admin).await.expect("the role is made");
    let ann = "user=ann dbname=postgres";

    let error = refused(&tcp.spec(&format!("{ann} password=right sslmode=verify-full"))).await;
    assert_eq!(error.fault, Fault::NoTls);
    assert!(error.advice().contains("sslmode=disable"), "{error}");

    let error = refused(&tcp.spec(&format!("{ann} password=hunter2"))).await;
    assert!(matches!(error.fault, Fault::WrongPassword(_)), "{error}");
    assert!(!error.is_transient() && !format!("{error}{error:?}").contains("hunter2"));

    let error = refused(&tcp.spec(ann)).await;
    assert_eq!(error.fault, Fault::NoPassword);

    let error = refused(&tcp.local("user=nobody_here")).await;
    assert!(matches!(error.fault, Fault::NotAllowed(_)), "{error}");

    let right = tcp.spec(&format!("{ann} password=right"));
    connect(&right, Purpose::Control).await.expect("the password is right");
}

#[tokio::test]
async fn nobody_listens() {
    let error = refused(&spec(&format!("host=127.0.0.1 port={}", unused_port()))).await;
    assert_eq!(error.fault, Fault::Refused);
    assert!(error.is_transient());
    let error = refused(&spec("host=/nowhere port=1 user=ann dbname=shop")).await;
    assert_eq!(error.fault, Fault::NoSocket);
    assert_eq!(
        error.to_string(),
        "cannot connect to ann@/nowhere:1/shop, Unix socket: there is no such socket. \
         Start the server, or correct host and port (PGHOST, PGPORT, --dsn)"
    );
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_said_to() {
    let mut spec = spec("host=nowhere.invalid user=ann");
    spec.timeout = Duration::from_secs(30);
    assert_eq!(refused(&spec).await.fault, Fault::NoSuchHost);
}

#[tokio::test]
async fn a_black_hole_ends_in_a_timeout() {
    let hole = TcpListener::bind(("127.0.0.1", 0)).expect("a port can be bound");
    let port = hole.local_addr().expect("it is bound").port();
    let mut spec = spec(&format!("host=127.0.0.1 port={port}"));
    spec.timeout = Duration::from_millis(200);
    let error = refused(&spec).await;
    assert_eq!(error.fault, Fault::TimedOut(spec.timeout));
    assert!(error.is_transient() && error.to_string().contains("no answer within 200ms"));
}

#[tokio::test]
async fn what_is_no_postgres_is_said_to_be_none() {
    let other = TcpListener::bind(("127.0.0.1", 0)).expect("a port can be bound");
    let port = other.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        use std::io::Write as _;
        if let Ok((mut stream, _)) = other.accept() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = refused(&spec(&format!("host=127.0.0.1 port={port}"))).await;
    assert!(matches!(error.fault, Fault::Protocol(_)), "{error}");
}

#[tokio::test]
async fn full_slots_are_told_and_may_pass() {
    let server = private(&[("max_connections", "5"), ("superuser_reserved_connections", "3")]);
    let admin = server.existing("postgres");
    admin.execute("CREATE ROLE web LOGIN");
    let spec = spec(&admin.dsn().replace("user=postgres", "user=web"));
    let mut open = Vec::new();
    let error = loop {
        match connect(&spec, Purpose::Work).await {
            Ok(connection) => open.push(connection),
            Err(error) => break error,
        }
    };
    assert!(matches!(error.fault, Fault::TooManyConnections(_)), "{error}");
    assert!(error.is_transient() && open.len() <= 5);
    for connection in &mut open {
        sqlx::query("SELECT 1").execute(connection).await.expect("open ones go on");
    }
}

#[tokio::test]
async fn a_missing_database_is_named_and_does_not_pass_by_itself() {
    let mut spec = spec(&database("present").dsn());
    spec.database = "absent".into();
    let error = refused(&spec).await;
    assert_eq!(error.fault, Fault::NoDatabase(r#"database "absent" does not exist"#.into()));
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_database_that_shuts_us_out_is_answered_with_the_grant() {
    let database = database("closed");
    let name = &database.name;
    database.execute(&format!(
        "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; CREATE ROLE {name}_out LOGIN"
    ));
    let mut spec = spec(&database.dsn());
    spec.user = format!("{name}_out");
    let error = refused(&spec).await;
    assert!(matches!(error.fault, Fault::Permission(_)), "{error}");
    assert!(error.advice().contains(&format!("GRANT CONNECT ON DATABASE \"{name}\"")), "{error}");
}

#[tokio::test]
async fn a_pooler_is_refused_with_the_way_around_it() {
    let database = database("pooled");
    for kind in [pooler::Kind::Refuses, pooler::Kind::Swallows] {
        let port = pooler::start(&database, kind).await;
        let text = format!("host=127.0.0.1 port={port} user=postgres sslmode=disable dbname=");
        let error = refused(&spec(&format!("{text}{}", database.name))).await;
        assert_eq!(error.fault, Fault::Pooler, "{kind:?}");
        assert!(error.to_string().contains("the server's own address and port"), "{error}");
    }
}

/// Makes a certificate authority and a server certificate for 127.0.0.1 signed by it.
fn signed() -> (String, Pair) {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names are fine");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key can be made");
    let root = authority.self_signed(&key).expect("it signs itself").pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().expect("a key can be made");
    let leaf = CertificateParams::new(vec!["127.0.0.1".into()]).expect("the name is fine");
    let leaf = leaf.signed_by(&key, &issuer).expect("the authority signs").pem();
    (root, Pair { certificate: leaf, key: key.serialize_pem() })
}

/// Makes what `openssl req -x509` makes: a server certificate that is its own authority.
fn self_signed() -> Pair {
    let mut params = CertificateParams::new(vec!["127.0.0.1".into()]).expect("the name is fine");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = params.self_signed(&key).expect("it signs itself").pem();
    Pair { certificate, key: key.serialize_pem() }
}

const AS_POSTGRES: &str = "user=postgres dbname=postgres";

#[tokio::test]
async fn a_server_certificate_of_a_private_authority_is_verified() {
    let directory = TempDir::new().expect("a directory can be made");
    let (root, pair) = signed();
    let root = file(directory.path(), "root.crt", &root);
    let tcp = Tcp::start("hostssl all all 127.0.0.1/32 trust", Some(&pair), &[]);
    let with_root = format!("{AS_POSTGRES} sslrootcert={}", root.display());

    let full = tcp.spec(&format!("{with_root} sslmode=verify-full"));
    let mut connection = connect(&full, Purpose::Control).await.expect("the authority is known");
    let sql = "SELECT ssl::bool FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = sqlx::query(sql).fetch_one(&mut connection).await.expect("it answers");
    assert!(row.get::<bool, _>(0));

    let error = refused(&tcp.spec(&format!("{AS_POSTGRES} sslmode=verify-full"))).await;
    assert_eq!(error.fault, Fault::UnknownAuthority);
    assert!(error.advice().contains("sslrootcert"), "{error}");

    let name = format!("{with_root} sslmode=verify-full").replace("host=", "");
    let other = spec(&format!("host=localhost port={} {name}", tcp.port));
    let error = refused(&other).await;
    assert_eq!(error.fault, Fault::WrongName, "{error}");

    let error = refused(&tcp.spec(&format!("{AS_POSTGRES} sslmode=disable"))).await;
    assert!(matches!(error.fault, Fault::NotAllowed(_)), "{error}");
    assert!(error.advice().contains("insist on TLS"), "{error}");
}

#[tokio::test]
async fn a_self_signed_server_certificate_has_a_message_of_its_own() {
    let directory = TempDir::new().expect("a directory can be made");
    let pair = self_signed();
    let root = file(directory.path(), "server.crt", &pair.certificate);
    let tcp = Tcp::start("hostssl all all 127.0.0.1/32 trust", Some(&pair), &[]);
    let text = format!("{AS_POSTGRES} sslmode=verify-full sslrootcert={}", root.display());
    let error = refused(&tcp.spec(&text)).await;
    assert_eq!(error.fault, Fault::SelfSigned, "{error}");
    assert!(error.advice().contains("signed by an authority"), "{error}");
    assert!(!error.is_transient());
    connect(&tcp.spec(&format!("{AS_POSTGRES} sslmode=require")), Purpose::Control)
        .await
        .expect("require verifies nothing");
}

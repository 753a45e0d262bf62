//! Integrity by query, as the server itself understands its constraints.

use lockkeeper::domain::evidence::{Builtin, Probe, Value};

use crate::support::drive::{Drive, site};
use crate::support::server::{self, Database};

async fn read(database: &Database, builtin: Builtin) -> Value {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let drive = Drive::start(site(&database.dsn(), dirs[0].path(), dirs[1].path()));
    let mut readings = drive.driver.read(&[Probe::builtin(builtin)]).await;
    drive.driver.close().await;
    readings.remove(0).value
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_an_orphan_by_the_keys_own_operator_and_only_where_the_key_holds() {
    let database = server::database("integrity_orphans");
    assert_eq!(read(&database, Builtin::OrphanRows).await, Value::Int(0), "there is no key");
    database.execute(
        "CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext;
         CREATE TABLE person (mail ext.citext PRIMARY KEY);
         CREATE TABLE letter (mail ext.citext REFERENCES person);
         INSERT INTO person VALUES ('Ann@x'); INSERT INTO letter VALUES ('ann@X'), (NULL);
         CREATE TABLE parent (id int, part int, PRIMARY KEY (id, part));
         CREATE TABLE heir () INHERITS (parent); INSERT INTO heir VALUES (7, 7);
         CREATE TABLE child (id int, part int, FOREIGN KEY (id, part) REFERENCES parent);
         CREATE TABLE grandchild () INHERITS (child); INSERT INTO grandchild VALUES (9, 9);
         INSERT INTO child VALUES (1, NULL)",
    );
    assert_eq!(read(&database, Builtin::OrphanRows).await, Value::Int(0));
    database.execute("SET session_replication_role = replica; INSERT INTO child VALUES (7, 7)");
    assert_eq!(read(&database, Builtin::OrphanRows).await, Value::Int(1), "a heir is no parent");
    database.execute(
        "CREATE TABLE split (id int PRIMARY KEY) PARTITION BY LIST (id);
         CREATE TABLE split_1 PARTITION OF split DEFAULT; INSERT INTO split VALUES (1);
         CREATE TABLE day (id int REFERENCES split) PARTITION BY LIST (id);
         CREATE TABLE day_1 PARTITION OF day DEFAULT;
         SET session_replication_role = replica; INSERT INTO day VALUES (1), (2)",
    );
    assert_eq!(read(&database, Builtin::OrphanRows).await, Value::Int(2), "partitions are whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_columns_differ_in_collation_is_compared_by_the_referenced_ones() {
    let database = server::database("integrity_collation");
    database.execute(
        "CREATE TABLE word (w text COLLATE \"C\" PRIMARY KEY);
         CREATE TABLE said (w text COLLATE \"POSIX\" REFERENCES word);
         INSERT INTO word VALUES ('a'); INSERT INTO said VALUES ('a');
         SET session_replication_role = replica; INSERT INTO said VALUES ('A')",
    );
    assert_eq!(read(&database, Builtin::OrphanRows).await, Value::Int(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_constraint_that_is_not_validated_is_named_those_of_domains_too() {
    let database = server::database("integrity_unvalidated");
    database.execute(
        "CREATE TABLE parent (id int PRIMARY KEY);
         CREATE TABLE child (id int CONSTRAINT sound CHECK (id > 0));
         ALTER TABLE child ADD CONSTRAINT key FOREIGN KEY (id) REFERENCES parent NOT VALID;
         ALTER TABLE child ADD CONSTRAINT small CHECK (id < 9) NOT VALID;
         CREATE DOMAIN age AS int; CREATE TABLE person (age age);
         ALTER DOMAIN age ADD CONSTRAINT sane CHECK (VALUE < 200) NOT VALID",
    );
    let value = read(&database, Builtin::UnvalidatedConstraints).await;
    let expected = ["age: sane", "child: key", "child: small"].map(str::to_owned);
    assert_eq!(value, Value::List(expected.to_vec()));
}

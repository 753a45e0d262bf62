//! Throwaway servers.

use crate::support::server;

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, two) = (server::database("same name"), server::database("same name"));
    assert_ne!(one.name, two.name);
    let name: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(&mut one.connect().await)
        .await
        .expect("it answers");
    assert_eq!(name, one.name);
}

#[tokio::test]
async fn the_uri_leads_to_the_same_database() {
    use sqlx::Connection as _;
    let database = server::database("uri");
    let mut connection = sqlx::PgConnection::connect(&database.dsn()).await.expect("it accepts");
    let who: (String, String) =
        sqlx::query_as("SELECT current_database()::text, current_user::text")
            .fetch_one(&mut connection)
            .await
            .expect("it answers");
    assert_eq!(who, (database.name, database.superuser));
}

//! Twelve connections that read, add and change expenses, as a web application would.

use std::path::Path;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::time::sleep;

use super::super::{DATABASE, options};

const CONNECTIONS: u64 = 12;
const RETRY: Duration = Duration::from_millis(500);

/// One kind of request, and how many of a hundred are of it.
struct Request {
    share: u64,
    sql: &'static str,
}

// The results are cast, so that a widened column does not break the cached plans.
const REQUESTS: [Request; 4] = [
    Request {
        share: 55,
        sql: "SELECT sum(amount)::bigint FROM expenses WHERE user_id = 1 + $1 % 2000",
    },
    Request {
        share: 20,
        sql: "SELECT e.id::bigint, c.name::text FROM expenses e \
              JOIN categories c ON c.id = e.category_id \
              WHERE e.user_id = 1 + $1 % 2000 ORDER BY e.id DESC LIMIT 20",
    },
    Request {
        share: 10,
        sql: "INSERT INTO expenses (user_id, category_id, amount, spent_on, status) \
              VALUES (1 + $1 % 2000, 1 + $1 % 12, 100 + $1 % 50000, current_date, 'submitted')",
    },
    Request {
        share: 15,
        sql: "UPDATE expenses SET category_id = 1 + category_id % 12 WHERE id = 1 + $1 % 210000",
    },
];

pub(super) async fn run(directory: &Path, announce: impl Fn(Result<(), sqlx::Error>)) {
    let options = options(directory, "web", DATABASE).disable_statement_logging();
    match try_join_all((0..CONNECTIONS).map(|_| options.connect())).await {
        Ok(connections) => {
            announce(Ok(()));
            let clients = (0u64..).zip(connections);
            join_all(clients.map(|(number, open)| client(&options, number, open))).await;
        }
        Err(error) => announce(Err(error)),
    }
}

/// Makes requests for ever, on a new connection when the last one is lost.
async fn client(options: &PgConnectOptions, number: u64, mut connection: PgConnection) {
    for turn in 1.. {
        let chance = scatter(turn * CONNECTIONS + number);
        match request(&mut connection, chance).await {
            Ok(()) => {}
            Err(error) if is_answer(&error) => {}
            Err(_) => connection = reconnect(options).await,
        }
        sleep(Duration::from_millis(30 + chance % 60)).await;
    }
}

async fn reconnect(options: &PgConnectOptions) -> PgConnection {
    loop {
        sleep(RETRY).await;
        if let Ok(connection) = options.connect().await {
            return connection;
        }
    }
}

async fn request(connection: &mut PgConnection, chance: u64) -> Result<(), sqlx::Error> {
    // The parameter stays below the range of integer, whatever column it meets.
    let value = i32::try_from(chance >> 10 & 0x7fff_ffff).unwrap_or_default();
    sqlx::query(chosen(chance % 100)).bind(value).execute(connection).await.map(|_| ())
}

fn chosen(mut draw: u64) -> &'static str {
    for request in &REQUESTS {
        match draw.checked_sub(request.share) {
            Some(rest) => draw = rest,
            None => return request.sql,
        }
    }
    REQUESTS[0].sql
}

/// Returns whether the server answered with an error and the session goes on.
/// Class 57P is the end of a session (PostgreSQL's Appendix A).
fn is_answer(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| !code.starts_with("57P"))
}

/// Returns a number that looks random, the same in every demo (splitmix64's last steps).
fn scatter(n: u64) -> u64 {
    let n = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n ^ (n >> 31)
}

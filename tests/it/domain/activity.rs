//! The list of backends: filtered and sorted.

use chrono::{DateTime, TimeDelta, Utc};
use lockkeeper::domain::activity::filter::Filter;
use lockkeeper::domain::activity::sort::{Column, Direction, sort};
use lockkeeper::domain::activity::{Age, Backend, State};

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a valid time")
}

/// As backends hold their times.
#[expect(clippy::unnecessary_wraps, reason = "every time of a backend is optional")]
pub fn ago(seconds: i64) -> Option<DateTime<Utc>> {
    Some(now() - TimeDelta::seconds(seconds))
}

pub fn backend(pid: i32) -> Backend {
    Backend {
        pid,
        leader_pid: None,
        backend_start: ago(3600),
        backend_type: "client backend".to_owned(),
        database: Some("shop".into()),
        user: Some("web".into()),
        application: "api".into(),
        client: Some("local".into()),
        state: Some(State::Active),
        wait: None,
        xact_start: None,
        query_start: None,
        state_change: None,
        wait_start: None,
        has_written: Some(false),
        xmin_age: None,
        query: "SELECT 1".into(),
        ours: false,
        can_signal: true,
    }
}

fn pids(backends: &[Backend], column: Column, direction: Direction) -> Vec<i32> {
    let mut list: Vec<&Backend> = backends.iter().collect();
    sort(&mut list, column, direction);
    list.into_iter().map(|backend| backend.pid).collect()
}

#[test]
fn the_oldest_transaction_comes_first_and_the_unknown_last_in_both_directions() {
    let aged = |pid, seconds| Backend { xact_start: ago(seconds), ..backend(pid) };
    let backends = [backend(1), aged(2, 10), aged(3, 500), aged(4, 10)];
    let column = Column::TransactionAge;
    assert_eq!(pids(&backends, column, column.natural()), [3, 2, 4, 1]);
    assert_eq!(pids(&backends, column, Direction::Ascending), [2, 4, 3, 1]);
}

#[test]
fn every_column_keeps_equals_in_the_order_of_their_pids() {
    let backends = [backend(3), backend(1), backend(2)];
    for column in Column::ALL {
        let expected = match (column, column.natural()) {
            (Column::Pid, Direction::Descending) => [3, 2, 1],
            _ => [1, 2, 3],
        };
        assert_eq!(pids(&backends, column, column.natural()), expected, "{column:?}");
    }
}

#[test]
fn every_word_must_occur_in_some_column_in_any_case() {
    let shown = |text: &str| Filter::new(text, false).shows(&backend(4121), false);
    assert!(shown("") && shown("SHOP select") && shown("4121") && shown("active"));
    assert!(!shown("shop delete"));
}

#[test]
fn an_idle_session_is_hidden_unless_it_blocks_somebody() {
    let idle = Backend { state: Some(State::Idle), ..backend(1) };
    let hiding = Filter::new("", true);
    assert!(!hiding.shows(&idle, false));
    assert!(hiding.shows(&idle, true));
    let in_transaction = Backend { state: Some(State::IdleInTransaction), ..backend(1) };
    assert!(hiding.shows(&in_transaction, false));
    let walwriter = Backend { state: None, backend_type: "walwriter".to_owned(), ..backend(1) };
    assert!(!hiding.shows(&walwriter, false));
}

#[test]
fn an_age_counts_from_its_own_beginning() {
    let backend = Backend { xact_start: ago(90), query_start: ago(5), ..backend(1) };
    assert_eq!(backend.age_s(Age::Transaction, now()), Some(90.0));
    assert_eq!(backend.age_s(Age::Query, now()), Some(5.0));
    assert_eq!(backend.age_s(Age::Wait, now()), None);
}

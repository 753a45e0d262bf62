//! The order of the list of backends.

use std::cmp::{Ordering, Reverse};

use chrono::{DateTime, Utc};

use super::{Age, Backend, State};
use crate::domain::untrusted::Untrusted;

/// A column of the activity list, by which it can be sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// Process id.
    Pid,
    /// Kind of backend.
    Type,
    /// Database.
    Database,
    /// Role.
    User,
    /// `application_name`.
    Application,
    /// Client address.
    Client,
    /// State.
    State,
    /// Wait event.
    Wait,
    /// Age of the transaction.
    TransactionAge,
    /// Age of the query.
    QueryAge,
    /// Age of the wait for a lock.
    WaitAge,
    /// Whether it has written.
    Written,
    /// How far it holds vacuum back.
    XminAge,
    /// Query text.
    Query,
    /// Ours first.
    Ours,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest, youngest, first of the alphabet.
    #[default]
    Ascending,
    /// Largest, oldest.
    Descending,
}

impl Column {
    /// Every column, in the order in which a key steps through them.
    pub const ALL: [Self; 15] = [
        Self::Pid,
        Self::Type,
        Self::Database,
        Self::User,
        Self::Application,
        Self::Client,
        Self::State,
        Self::Wait,
        Self::TransactionAge,
        Self::QueryAge,
        Self::WaitAge,
        Self::Written,
        Self::XminAge,
        Self::Query,
        Self::Ours,
    ];

    /// Returns the column's title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Pid => "pid",
            Self::Type => "type",
            Self::Database => "database",
            Self::User => "user",
            Self::Application => "application",
            Self::Client => "client",
            Self::State => "state",
            Self::Wait => "wait",
            Self::TransactionAge => "transaction",
            Self::QueryAge => "query for",
            Self::WaitAge => "waits",
            Self::Written => "wrote",
            Self::XminAge => "xmin",
            Self::Query => "query",
            Self::Ours => "ours",
        }
    }

    /// Returns the direction that is meant when nobody chose one: ages, distances and
    /// what is true are looked at from the large end.
    #[must_use]
    pub fn natural(self) -> Direction {
        match self {
            Self::TransactionAge
            | Self::QueryAge
            | Self::WaitAge
            | Self::Written
            | Self::XminAge
            | Self::Ours => Direction::Descending,
            _ => Direction::Ascending,
        }
    }
}

/// Sorts by `column`; what is unknown comes last in both directions, and equals are
/// in the order of their pids, so that rows don't dance between refreshes.
pub fn sort(backends: &mut [&Backend], column: Column, direction: Direction) {
    backends.sort_by(|a, b| compare(a, b, column, direction).then(a.pid.cmp(&b.pid)));
}

fn compare(a: &Backend, b: &Backend, column: Column, direction: Direction) -> Ordering {
    let text = |a: &Untrusted, b: &Untrusted| known(Some(a), Some(b), direction);
    let age = |age| known(elapsed(a, age), elapsed(b, age), direction);
    match column {
        Column::Pid => known(Some(a.pid), Some(b.pid), direction),
        Column::Type => known(Some(&a.backend_type), Some(&b.backend_type), direction),
        Column::Database => known(a.database.as_ref(), b.database.as_ref(), direction),
        Column::User => known(a.user.as_ref(), b.user.as_ref(), direction),
        Column::Application => text(&a.application, &b.application),
        Column::Client => known(a.client.as_ref(), b.client.as_ref(), direction),
        Column::State => known(a.state.map(State::word), b.state.map(State::word), direction),
        Column::Wait => known(a.wait.as_ref(), b.wait.as_ref(), direction),
        Column::TransactionAge => age(Age::Transaction),
        Column::QueryAge => age(Age::Query),
        Column::WaitAge => age(Age::Wait),
        Column::Written => known(a.has_written, b.has_written, direction),
        Column::XminAge => known(a.xmin_age, b.xmin_age, direction),
        Column::Query => text(&a.query, &b.query),
        Column::Ours => known(Some(a.ours), Some(b.ours), direction),
    }
}

/// Returns something that grows with the age: the older began earlier.
fn elapsed(backend: &Backend, age: Age) -> Option<Reverse<DateTime<Utc>>> {
    backend.since(age).map(Reverse)
}

/// Compares two values of which either may be unknown.
fn known<T: Ord>(a: Option<T>, b: Option<T>, direction: Direction) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if direction == Direction::Descending => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

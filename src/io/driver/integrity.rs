//! Integrity by query: keys that point to nothing, and constraints that nobody has validated.

use std::time::Duration;

use tokio::sync::Mutex;

use super::Inner;
use crate::domain::evidence::{Builtin, Value};
use crate::io::postgres::reader::Reader;

const UNVALIDATED: &str = include_str!("../../../assets/sql/unvalidated.sql");
const ORPHANS: &str = include_str!("../../../assets/sql/orphans.sql");

/// Returns true for the probes of the program's own that are answered by a query.
pub(super) fn is_queried(builtin: Builtin) -> bool {
    matches!(builtin, Builtin::OrphanRows | Builtin::UnvalidatedConstraints)
}

impl Inner {
    /// Returns what a probe of the program's own says that is answered by a query through
    /// `reader`, each of at most `limit`; `None` for any other one.
    pub(super) async fn queried(
        &self,
        builtin: Builtin,
        reader: &Mutex<Reader>,
        limit: Duration,
    ) -> Option<Value> {
        match builtin {
            Builtin::OrphanRows => Some(orphans(&mut *reader.lock().await, limit).await),
            Builtin::UnvalidatedConstraints => {
                Some(unvalidated(&mut *reader.lock().await, limit).await)
            }
            _ => None,
        }
    }
}

/// Returns the constraints that are not validated, or why that cannot be told.
async fn unvalidated(reader: &mut Reader, limit: Duration) -> Value {
    match reader.value(UNVALIDATED, &[], limit).await {
        Ok(Some(text)) => Value::List(text.lines().map(str::to_owned).collect()),
        Ok(None) => Value::List(Vec::new()),
        Err(error) => Value::unknown(error.to_string()),
    }
}

/// Returns how many rows have a foreign key that points to nothing, or why that cannot be told.
async fn orphans(reader: &mut Reader, limit: Duration) -> Value {
    let counting = match reader.value(ORPHANS, &[], limit).await {
        Ok(Some(counting)) => counting,
        Ok(None) => return Value::unknown("a foreign key is over periods, and is not counted"),
        Err(error) => return Value::unknown(error.to_string()),
    };
    match reader.value(&counting, &[], limit).await {
        Ok(text) => match text.unwrap_or_default().parse() {
            Ok(rows) => Value::Int(rows),
            Err(_) => Value::unknown("the count is no number"),
        },
        Err(error) => Value::unknown(error.to_string()),
    }
}

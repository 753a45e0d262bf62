//! Integrity by query: keys that point to nothing, and constraints that nobody has validated.

use std::time::Duration;

use super::Inner;
use crate::domain::evidence::Value;

/// Counting over large tables ends by this; what was not counted is unknown.
const LIMIT: Duration = Duration::from_secs(20);

/// Constraints of this database whose rows from before were never checked, a line each.
const UNVALIDATED: &str = "SELECT coalesce(string_agg(format('%s: %I', conrelid::regclass, \
    conname), E'\\n' ORDER BY conrelid::regclass::text, conname), '') \
    FROM pg_constraint WHERE NOT convalidated AND contype IN ('f', 'c')";

/// A SELECT that counts, over all foreign keys, the rows whose key points to nothing; a key
/// that is NULL in one of its columns points nowhere by right (MATCH SIMPLE).
const ORPHANS: &str = "SELECT coalesce('SELECT sum(n) FROM (' || string_agg(format(\
    'SELECT count(*) AS n FROM %s c WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s)', \
    f.conrelid::regclass, k.given, f.confrelid::regclass, k.same), ' UNION ALL ') || ') AS all_keys', \
    'SELECT 0') FROM pg_constraint f, LATERAL (SELECT string_agg(format('c.%I IS NOT NULL', \
    a.attname), ' AND ') AS given, string_agg(format('p.%I = c.%I', b.attname, a.attname), \
    ' AND ') AS same FROM unnest(f.conkey, f.confkey) AS u(child, parent) \
    JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = u.child \
    JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = u.parent) k \
    WHERE f.contype = 'f' AND f.conparentid = 0";

impl Inner {
    /// Returns the constraints that are not validated, or why that cannot be told.
    pub(super) async fn unvalidated(&self) -> Value {
        match self.reader.lock().await.value(UNVALIDATED, &[], LIMIT).await {
            Ok(Some(text)) => Value::List(text.lines().map(str::to_owned).collect()),
            Ok(None) => Value::List(Vec::new()),
            Err(error) => Value::unknown(error.to_string()),
        }
    }

    /// Returns how many rows have a foreign key that points to nothing, or why that cannot be
    /// told.
    pub(super) async fn orphans(&self) -> Value {
        let mut reader = self.reader.lock().await;
        let counting = match reader.value(ORPHANS, &[], LIMIT).await {
            Ok(counting) => counting.unwrap_or_else(|| "SELECT 0".to_owned()),
            Err(error) => return Value::unknown(error.to_string()),
        };
        match reader.value(&counting, &[], LIMIT).await {
            Ok(text) => match text.unwrap_or_default().parse() {
                Ok(rows) => Value::Int(rows),
                Err(_) => Value::unknown("the count is no number"),
            },
            Err(error) => Value::unknown(error.to_string()),
        }
    }
}

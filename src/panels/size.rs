//! Amounts of bytes, in the units of `pg_size_pretty`.

use crate::domain::quantity::size;

/// Returns `bytes` in the largest unit that leaves at least one: `812 B`, `1.4 GB`.
#[must_use]
pub fn bytes(bytes: i64) -> String {
    size(u64::try_from(bytes).unwrap_or(0))
}

/// Returns a rate: `1.4 MB/s`.
#[expect(clippy::cast_possible_truncation, reason = "no server writes 2^63 bytes per second")]
pub(super) fn per_second(rate: f64) -> String {
    format!("{}/s", bytes(rate as i64))
}

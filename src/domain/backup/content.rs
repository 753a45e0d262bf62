//! A sum over the contents of a table: equal where the same rows are in it, in whatever order.
//!
//! It is the sum of a 64-bit hash of each row's text, so it notices what happens by accident,
//! not who means to deceive. It can be compared only among servers of one major version and
//! encoding, which stand before it: `UTF8/15:-81723…`.

use std::collections::BTreeMap;

/// Sums by `schema.table`.
pub type Contents = BTreeMap<String, String>;

/// Settings under which a row has the same text wherever it lies.
pub const SETTINGS: [(&str, &str); 8] = [
    ("datestyle", "ISO, MDY"),
    ("timezone", "UTC"),
    ("intervalstyle", "postgres"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("lc_monetary", "C"),
    ("xmlbinary", "base64"),
    ("search_path", "pg_catalog"),
];

/// Returns the expression that sums the rows of a table with these columns, quoted and in an
/// order that does not depend on how the table was made.
#[must_use]
pub fn sum(columns: &str) -> String {
    format!(
        "current_setting('server_encoding') || '/' \
         || current_setting('server_version_num')::int4 / 10000 || ':' \
         || coalesce(sum(hashtextextended(ROW({columns})::text COLLATE \"C\", 0)), 0)"
    )
}

/// SQL that reads the columns of a table `c` of `pg_class` for [`sum`]: those that a dump
/// holds, by name.
pub const COLUMNS: &str = "coalesce((SELECT string_agg(format('%I', a.attname), ', '
                ORDER BY a.attname::text COLLATE \"C\")
       FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attgenerated = ''), '')";

/// What comparing two collections of sums came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// How many tables hold the same.
    pub same: usize,
    /// Tables that hold something else.
    pub other: Vec<String>,
    /// How many cannot be compared: of another version or encoding, or not summed here.
    pub unknown: usize,
}

/// Compares what was loaded with what the source held.
#[must_use]
pub fn compare(loaded: &Contents, told: &Contents) -> Compared {
    let mut compared = Compared::default();
    for (table, told) in told {
        let of = |sum: &str| sum.split_once(':').map(|(of, _)| of.to_owned());
        match loaded.get(table) {
            Some(found) if found == told => compared.same += 1,
            Some(found) if of(found).is_some() && of(found) == of(told) => {
                compared.other.push(table.clone());
            }
            _ => compared.unknown += 1,
        }
    }
    compared
}

//! A plain script on its way into `psql`: decompressed here, and stopped at the first line
//! that would lead `psql` elsewhere.
//!
//! `pg_dump --create` writes `\connect`, which would load into a database of that name; `\!`
//! runs a program. A script of `pg_dump` for one database needs none of them but `\restrict`
//! and `\unrestrict` (15.14, 16.10, 17.6, 18 and later).

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use crate::io::store;
use crate::tools::pg_dump;

/// What may begin with a backslash outside of rows.
const HARMLESS: [&[u8]; 2] = [b"\\restrict ", b"\\unrestrict "];

/// Writes the script to `psql`.
///
/// # Errors
/// When it cannot be read or written, or holds what it must not: then `psql` gets no end, and
/// its one transaction is rolled back.
pub(super) fn feed(path: &Path, into: &mut dyn Write) -> io::Result<()> {
    let mut file = store::open(path)?;
    copy(&mut BufReader::new(pg_dump::text(&mut file)?), into)
}

fn copy(from: &mut dyn BufRead, into: &mut dyn Write) -> io::Result<()> {
    let (mut line, mut in_rows) = (Vec::new(), false);
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return into.flush();
        }
        let text = line.trim_ascii_end();
        if in_rows {
            in_rows = text != b"\\.";
        } else if text.first() == Some(&b'\\') {
            if !HARMLESS.iter().any(|begin| text.starts_with(begin)) {
                let shown = String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned();
                let why = format!("the script holds {shown}, which leads psql elsewhere");
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        } else {
            in_rows = text.starts_with(b"COPY ") && text.ends_with(b" FROM stdin;");
        }
        into.write_all(&line)?;
    }
}

#[cfg(test)]
mod tests {
    use super::copy;

    fn copied(text: &str) -> Result<String, String> {
        let mut out = Vec::new();
        copy(&mut text.as_bytes(), &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).expect("it was text"))
    }

    #[test]
    fn a_script_that_leads_elsewhere_is_not_fed() {
        for line in ["\\connect other", "\\! rm -rf /", "\\i more.sql"] {
            assert!(copied(&format!("SELECT 1;\n{line}\n")).is_err(), "{line}");
        }
    }

    #[test]
    fn rows_may_hold_anything() {
        let text =
            "\\restrict abc\nCOPY public.t (a) FROM stdin;\n\\connect x\n\\N\n\\.\n\nSELECT 1;\n";
        assert_eq!(copied(text).as_deref(), Ok(text));
    }
}

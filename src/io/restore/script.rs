//! A plain script on its way into `psql`: decompressed here, and stopped at the first line
//! that would lead `psql` elsewhere.
//!
//! `pg_dump --create` writes `\connect`, which would load into a database of that name; `\!`
//! runs a program. A script of `pg_dump` for one database needs none of them but `\restrict`
//! and `\unrestrict` (15.14, 16.10, 17.6, 18 and later).

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use super::scan::{Refused, Scan};
use crate::io::store;
use crate::tools::pg_dump;

/// What may begin with a backslash outside of rows, before its key.
const HARMLESS: [&[u8]; 2] = [b"\\restrict ", b"\\unrestrict "];
/// Where a script may lead `psql`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::io) enum May {
    /// Nowhere. With a key psql itself is told so before: what a statement that is put together
    /// on the server makes of quotes no reading of the script can tell.
    Stay(Option<String>),
    /// To other databases of the same server, which nobody else uses.
    Connect,
}

/// So much of what is refused is told.
const SHOWN: usize = 40;

/// Writes the script to `psql`.
///
/// # Errors
/// When it cannot be read or written, or holds what it must not: then `psql` gets no end, and
/// its one transaction is rolled back.
pub(in crate::io) fn feed(path: &Path, may: &May, into: &mut dyn Write) -> io::Result<()> {
    let mut file = store::open(path)?;
    copy(&mut BufReader::new(pg_dump::text(&mut file)?), may, into)
}

fn copy(from: &mut dyn BufRead, may: &May, into: &mut dyn Write) -> io::Result<()> {
    let is_restricted = match may {
        May::Stay(Some(key)) => writeln!(into, "\\restrict {key}").map(|()| true)?,
        _ => false,
    };
    let (mut line, mut scan, mut rows) = (Vec::new(), Scan::default(), 0_usize);
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return into.flush();
        }
        // psql reads a line no further.
        if memchr::memchr(0, &line).is_some() {
            return Err(refused("a byte 0, which no dump has"));
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if rows > 0 {
            rows -= usize::from(text.strip_suffix(b"\r").unwrap_or(text) == b"\\.");
        } else if *may == May::Connect && scan.is_outside() && connects(text) {
            // A new session reads as its server does.
            scan = Scan::default();
        } else if scan.is_outside() && is_harmless(text) {
            if is_restricted {
                // Within ours theirs would be refused; the lines keep their numbers.
                line = b"\n".to_vec();
            }
        } else {
            rows = scan.line(&scan.seen(text)).map_err(|found| match found {
                Refused::Command(rest) => {
                    refused(&format!("{}, which leads psql elsewhere", shown(rest)))
                }
                Refused::Doubtful(rest) => {
                    refused(&format!("{}, which can be read in two ways", shown(rest)))
                }
                Refused::Blind(why) => refused(why),
            })?;
        }
        into.write_all(&line)?;
    }
}

/// Behind the key nothing may follow: psql would take it for more words, or another command.
fn is_harmless(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let key = HARMLESS.iter().find_map(|begin| line.strip_prefix(*begin));
    key.is_some_and(|key| key.iter().all(u8::is_ascii_alphanumeric))
}

/// Returns true for a line that leads to another database and to no other server, as
/// `appendPsqlMetaConnect` of PostgreSQL writes it.
fn connects(line: &[u8]) -> bool {
    let Some(rest) = line.trim_ascii_end().strip_prefix(b"\\connect ") else { return false };
    let quoted = |begin: &[u8], end: &[u8]| rest.strip_prefix(begin)?.strip_suffix(end);
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let is_literal = |byte: &u8| !b"'\"\\`".contains(byte);
    match quoted(b"-reuse-previous=on \"dbname='", b"'\"") {
        Some(name) => name.iter().all(is_literal),
        None => quoted(b"\"", b"\"").unwrap_or(rest).iter().all(is_plain),
    }
}

fn refused(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the script holds {what}"))
}

fn shown(rest: &[u8]) -> String {
    String::from_utf8_lossy(&rest[..rest.len().min(SHOWN)]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{May, copy};

    fn copied(text: &str) -> Result<String, String> {
        let mut out = Vec::new();
        copy(&mut text.as_bytes(), &May::Stay(None), &mut out)
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).expect("it was text"))
    }

    #[test]
    fn a_script_that_leads_elsewhere_is_not_fed() {
        for line in ["\\connect other", "\\! rm -rf /", "\\i more.sql"] {
            assert!(copied(&format!("SELECT 1;\n{line}\n")).is_err(), "{line}");
        }
    }

    #[test]
    fn on_a_server_of_its_own_a_script_leads_to_other_databases_and_no_further() {
        let fed = |line: &str| {
            let text = format!("SET standard_conforming_strings = off;\n{line}\nSELECT 'a\\';\n");
            copy(&mut text.as_bytes(), &May::Connect, &mut Vec::new()).is_ok()
        };
        for line in [
            "\\connect shop",
            "\\connect \"Shop\"",
            "\\connect -reuse-previous=on \"dbname='a b=c'\"",
        ] {
            assert!(fed(line), "{line}");
            assert!(copied(&format!("{line}\n")).is_err(), "{line}");
        }
        for line in [
            "\\connect shop other",
            "\\connect \"host=prod dbname=shop\"",
            "\\connect postgresql://prod/shop",
            "\\connect -reuse-previous=on \"dbname='a' host='prod'\"",
            "\\connect `x`",
            "\\! x",
            "SELECT 1; \\connect shop",
        ] {
            assert!(!fed(line), "{line}");
        }
    }

    /// psql 15.18 runs each of them, with `\\echo` in the place of `\\!`.
    #[test]
    fn a_command_is_found_wherever_psql_finds_it() {
        for script in [
            "  \\! x",
            "\t\\! x",
            "SELECT 1 \\! x",
            "SELECT 'a'; \\! x",
            "SELECT (1 \n\\! x",
            "SELECT $$\nCOPY a FROM stdin;\n$$;\n\\! x",
            "SELECT 'COPY a FROM stdin;\nCOPY a FROM stdin;\n';\n\\! x",
            "/* COPY a FROM stdin;\n*/\n\\! x",
            "SELECT (;\nCOPY a FROM stdin;\n\\! x",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC;\nCOPY a FROM stdin;\n\\! x",
            "SELECT 1 AS a$$;\n\\! x\n$$",
            "SELECT $1;\n\\! x",
            "SELECT E'\\\\';\n\\! x\n'",
            "SELECT 'a\\';\n\\! x\n'",
            "SELECT U&'a\\';\n\\! x\n'",
            "SELECT /* /* */ */ 1;\n\\! x",
            "-- '\n\\! x",
            "-- a\r\\! x",
            "SELECT \"a\"\"\";\n\\! x",
            "\\restrict `x`",
            "COPY a FROM stdin; \\! x\n\\.\n",
            "COPY a FROM stdin;\n\\.\n\\! x",
            "COPY a FROM stdin;\n\\. \n'\n\\.\n\\! x\n'",
            "copy a (b) from /* */ STDIN with (format csv);\n'\n\\.\n\\! x\n'",
            "SET standard_conforming_strings = off;\nSELECT 'a\\\\';\n\\! x\n'",
        ] {
            let found = copied(&format!("{script}\n")).err();
            assert!(found.is_some(), "{script}");
        }
    }

    #[test]
    fn a_backslash_inside_of_something_leads_nowhere() {
        for script in [
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $_$\n\\! x\n$_$;\n",
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\nCOPY a FROM stdin;\n\\! x $a$\n$$;\n",
            "COMMENT ON TABLE a IS 'one\n\\! two';\n",
            "INSERT INTO a VALUES ('C:\\');\nINSERT INTO a VALUES ('\n\\. x');\n",
            "INSERT INTO a VALUES (E'it\\'s\n\\! x');\n",
            "SET standard_conforming_strings = 'off';\nINSERT INTO a VALUES ('it\\'s\n\\! x');\n",
            "SELECT 1; -- \\! x\n",
            "/* a /* b */\n\\! x */ SELECT 1;\n",
            "SELECT 1 AS \"a\n\\! x\";\n",
            "COPY a FROM stdin;\n\\! x\n\\. \n'\n\\.\nSELECT 1;\n",
            "COPY a FROM stdin; COPY b FROM stdin;\n\\! x\n\\.\n\\! x\n\\.\n",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 END;\nEND;\nCOPY a FROM stdin;\n\\! x\n\\.\n",
            "SELECT B'101'::\"bit\", X'', N'a', U&'\\0061', a::text, $1, 1.5e3;\r\n-- x\r\n",
            "\\restrict aB1\nSELECT 1;\n\\unrestrict aB1\n",
        ] {
            assert_eq!(copied(script).as_deref(), Ok(script));
        }
    }

    fn fed(encoding: &str, script: &[u8]) -> Result<(), String> {
        let text = [format!("SET client_encoding = '{encoding}';\n").as_bytes(), script].concat();
        let mut out = Vec::new();
        copy(&mut text.as_slice(), &May::Stay(None), &mut out)
            .map_err(|error| error.to_string())?;
        assert_eq!(out, text);
        Ok(())
    }

    /// What psql 15.18 runs of each was seen with `\\echo` in the place of `\\!`: 0x5c is the
    /// second byte of a letter in the first three, 0x40 to 0x7e in the last.
    #[test]
    fn a_backslash_that_is_half_a_letter_is_none_where_psql_reads_letters() {
        for encoding in ["SJIS", "shift_jis_2004", "GBK", "BIG5", "UHC", "gb18030", "Win936"] {
            let text = b"SELECT 1 AS \x95\x5c;\nINSERT INTO a VALUES (E'\x95\x5c');\nSELECT 1;\n";
            assert_eq!(fed(encoding, text), Ok(()), "{encoding}");
            let command = b"INSERT INTO a VALUES (E'\x95\x5c'); \\! x\n";
            assert!(fed(encoding, command).is_err(), "{encoding}");
        }
        // A half-width kana is one byte in SJIS, and two bytes begin with it in GBK.
        let kana = b"INSERT INTO a VALUES (E'\xb1\x5c'';\n\\! x\n');\n";
        assert_eq!((fed("SJIS", kana).is_err(), fed("GBK", kana)), (true, Ok(())));
        // Four bytes of GB18030 hold no sign, and end where a text ends.
        assert_eq!(fed("GB18030", b"SELECT '\x81\x30\x81\x30';\n"), Ok(()));
        // In UTF-8 every later byte is above ASCII.
        assert!(fed("UTF8", b"SELECT '\xe8\xa1\xa8'; \\! x\n").is_err());
        let back = b"SET NAMES 'UTF8';\nSELECT 1 AS \x95\\! x\n";
        assert!(fed("SJIS", back).is_err());
    }

    #[test]
    fn what_changes_how_psql_reads_in_another_way_than_a_dump_does_is_not_fed() {
        for script in [
            "SET client_encoding TO JOHAB",
            "SET NAMES 'what'",
            "SET client_encoding TO DEFAULT",
            "SET LOCAL client_encoding = 'SJIS'",
            "RESET ALL",
            "SELECT pg_catalog.set_config('client_encoding', 'SJIS', false)",
            "SELECT set_config('standard_conforming_strings', 'off', false)",
            "ROLLBACK",
        ] {
            let why = copied(&format!("{script};\nSELECT 1;\n")).expect_err(script);
            assert!(why.contains("client_encoding"), "{why}");
        }
        for script in [
            "SET SESSION client_encoding = 'LATIN1';\n",
            "SET client_encoding = 'ISO_8859_5';\n",
            "SET client_encoding TO SQL_ASCII;\n",
            "SELECT pg_catalog.set_config('search_path', '', false);\n",
            "RESET SESSION AUTHORIZATION;\n",
            "INSERT INTO a VALUES ('set_config', 'client_encoding');\n",
        ] {
            assert_eq!(copied(script).as_deref(), Ok(script));
        }
    }

    #[test]
    fn what_no_dump_has_and_versions_read_in_two_ways_is_not_fed() {
        for script in [
            "\\restrict a \\! x",
            "SELECT 1a$$;\n$$",
            "SELECT 1e'a'",
            "SELECT 'a'\r'b'",
            "SELECT 1\0",
        ] {
            assert!(copied(&format!("{script}\n")).is_err(), "{script}");
        }
    }

    #[test]
    fn psql_is_restricted_before_the_script_and_the_scripts_own_lines_are_left_out() {
        let text = "\\restrict abc\nCOPY t FROM stdin;\n\\restrict x\n\\.\n\\unrestrict abc\n";
        let mut out = Vec::new();
        let may = May::Stay(Some("k1".to_owned()));
        copy(&mut text.as_bytes(), &may, &mut out).expect("it is fed");
        let fed = "\\restrict k1\n\nCOPY t FROM stdin;\n\\restrict x\n\\.\n\n";
        assert_eq!(String::from_utf8(out).expect("it was text"), fed);
    }

    #[test]
    fn rows_may_hold_anything() {
        let text =
            "\\restrict abc\nCOPY public.t (a) FROM stdin;\n\\connect x\n\\N\n\\.\n\nSELECT 1;\n";
        assert_eq!(copied(text).as_deref(), Ok(text));
    }
}

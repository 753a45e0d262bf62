//! Rows of the snapshot statement as domain values.
//!
//! Its branches share generic columns: the tag, ten numbers, eight texts, two truths and
//! four times; each branch's SQL file says what it puts where.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{Row as _, ValueRef as _};

use super::snapshot::Placed;
use crate::domain::activity::{Backend, State};
use crate::domain::counters::{Counters, Prepared, Replica};
use crate::domain::locks::{Holder, Mode, Object, Row};
use crate::domain::progress::Progress;
use crate::domain::untrusted::Untrusted;

const NUMBERS: usize = 0;
const TEXTS: usize = 10;
const TRUTHS: usize = 18;
const TIMES: usize = 20;

/// A row, read by kind of column and place, counted from 1 as in the SQL files.
pub(super) struct Cells<'a>(pub &'a PgRow);

type Read<T> = Result<T, sqlx::Error>;

impl Cells<'_> {
    pub fn tag(&self) -> Read<i32> {
        self.0.try_get(0)
    }

    fn number(&self, at: usize) -> Read<Option<i64>> {
        self.0.try_get(NUMBERS + at)
    }

    fn oid(&self, at: usize) -> Read<Option<u32>> {
        Ok(self.number(at)?.and_then(|number| u32::try_from(number).ok()))
    }

    fn pid(&self, at: usize) -> Read<Option<i32>> {
        Ok(self.number(at)?.and_then(|number| i32::try_from(number).ok()))
    }

    /// Reads bytes: a query text of another database need not be UTF-8.
    fn bytes<T>(&self, at: usize, read: impl FnOnce(&[u8]) -> T) -> Read<Option<T>> {
        let value = self.0.try_get_raw(TEXTS + at)?;
        if value.is_null() {
            return Ok(None);
        }
        value.as_bytes().map(|bytes| Some(read(bytes))).map_err(sqlx::Error::Decode)
    }

    fn text(&self, at: usize) -> Read<Option<Untrusted>> {
        self.bytes(at, Untrusted::from_bytes)
    }

    /// Reads a word of the server's own. There are thousands in a refresh, nearly all of
    /// them one plain word, which needs no escaping.
    fn word(&self, at: usize) -> Read<Option<String>> {
        self.bytes(at, |bytes| match std::str::from_utf8(bytes) {
            Ok(word) if bytes.iter().all(u8::is_ascii_graphic) => word.to_owned(),
            _ => Untrusted::from_bytes(bytes).one_line(),
        })
    }

    /// Reads a word that `parse` knows.
    fn known<T>(&self, at: usize, parse: impl Fn(&str) -> Option<T>) -> Read<Option<T>> {
        let parsed = self.bytes(at, |bytes| std::str::from_utf8(bytes).ok().and_then(parse))?;
        Ok(parsed.flatten())
    }

    fn truth(&self, at: usize) -> Read<Option<bool>> {
        self.0.try_get(TRUTHS + at)
    }

    fn time(&self, at: usize) -> Read<Option<DateTime<Utc>>> {
        self.0.try_get(TIMES + at)
    }

    pub fn backend(&self, ours: &impl Fn(i32, &str) -> bool) -> Read<Backend> {
        let pid = self.pid(1)?.unwrap_or_default();
        let application = self.text(4)?.unwrap_or_default();
        Ok(Backend {
            pid,
            leader_pid: self.pid(2)?,
            backend_start: self.time(1)?,
            backend_type: self.word(1)?.unwrap_or_default(),
            database: self.text(2)?,
            user: self.text(3)?,
            ours: ours(pid, application.raw()),
            application,
            client: self.text(5)?,
            state: self.known(6, State::parse)?,
            wait: self.word(7)?,
            xact_start: self.time(2)?,
            query_start: self.time(3)?,
            state_change: self.time(4)?,
            wait_start: None,
            has_written: self.truth(1)?,
            xmin_age: self.number(3)?,
            query: self.text(8)?.unwrap_or_default(),
            can_signal: self.truth(2)?.unwrap_or_default(),
        })
    }

    /// Reads a row of `pg_locks`; `None` for one whose holder is gone or whose mode is
    /// no lock's.
    pub fn lock(&self) -> Read<Option<Row>> {
        let holder = match (self.pid(1)?, self.oid(10)?) {
            (Some(pid), _) => Holder::Session(pid),
            (None, Some(xid)) => Holder::Prepared(xid),
            (None, None) => return Ok(None),
        };
        let Some(mode) = self.known(2, Mode::parse)? else { return Ok(None) };
        let granted = self.truth(1)?.unwrap_or_default();
        let waitstart = self.time(1)?;
        Ok(Some(Row { holder, object: self.object()?, mode, granted, waitstart }))
    }

    fn object(&self) -> Read<Object> {
        Ok(Object {
            locktype: self.word(1)?.unwrap_or_default(),
            database: self.oid(2)?,
            relation: self.oid(3)?,
            page: self.number(4)?,
            tuple: self.number(5)?,
            virtualxid: self.word(3)?,
            transactionid: self.oid(9)?,
            classid: self.oid(6)?,
            objid: self.oid(7)?,
            objsubid: self.number(8)?,
        })
    }

    pub fn prepared(&self) -> Read<Prepared> {
        Ok(Prepared {
            xid: self.oid(1)?.unwrap_or_default(),
            gid: self.text(1)?.unwrap_or_default(),
            prepared: self.time(1)?,
            owner: self.text(2)?,
            database: self.text(3)?,
            xid_age: self.number(2)?,
        })
    }

    pub fn progress(&self) -> Read<Progress> {
        Ok(Progress {
            pid: self.pid(1)?.unwrap_or_default(),
            command: self.word(1)?.unwrap_or_default(),
            phase: self.word(2)?.unwrap_or_default(),
            relation: None,
            done: self.number(2)?.unwrap_or_default(),
            total: self.number(3)?.unwrap_or_default(),
            waiting_for: self.pid(4)?,
            eta_s: None,
        })
    }

    /// Reads where a progress report belongs: database and relation.
    pub fn place(&self) -> Read<Placed> {
        Ok(self.oid(6)?.zip(self.oid(5)?))
    }

    pub fn counters(&self, counters: &mut Counters) -> Read<()> {
        counters.at = self.time(1)?.unwrap_or_default();
        counters.transactions = self.number(1)?;
        counters.rollbacks = self.number(2)?;
        counters.wal = self.number(3)?;
        counters.max_connections = self.number(4)?.unwrap_or_default();
        counters.in_recovery = self.truth(1)?.unwrap_or_default();
        Ok(())
    }

    /// Reads the pid of a WAL sender, and its replica, whose name is the session's.
    pub fn replica(&self) -> Read<(i32, Replica)> {
        let replica = Replica {
            name: Untrusted::default(),
            state: self.word(1)?,
            sync: self.word(2)?,
            lag_bytes: self.number(2)?,
        };
        Ok((self.pid(1)?.unwrap_or_default(), replica))
    }
}

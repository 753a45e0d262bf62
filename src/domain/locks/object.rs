//! What a lock is on.

use crate::domain::untrusted::Untrusted;

/// The key of a lockable object, as in `pg_locks`; absent parts are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// `relation`, `transactionid`, `tuple`, `advisory`, `virtualxid`…
    pub locktype: String,
    /// OID of its database; 0 for a shared object, `None` for transactions.
    pub database: Option<u32>,
    /// OID of the relation.
    pub relation: Option<u32>,
    /// Page of the relation.
    pub page: Option<i64>,
    /// Tuple on the page.
    pub tuple: Option<i64>,
    /// Virtual transaction, e.g. `3/12`.
    pub virtualxid: Option<String>,
    /// Transaction id.
    pub transactionid: Option<u32>,
    /// Catalog of a general object, or the high half of an advisory key.
    pub classid: Option<u32>,
    /// OID of a general object, or the low half of an advisory key.
    pub objid: Option<u32>,
    /// Column, or the kind of an advisory key: 1 one bigint, 2 two ints.
    pub objsubid: Option<i64>,
}

impl Object {
    /// Returns the object that stands for a whole relation.
    #[must_use]
    pub fn relation(database: u32, relation: u32) -> Self {
        Self {
            locktype: "relation".to_owned(),
            database: Some(database),
            relation: Some(relation),
            ..Self::default()
        }
    }

    /// Returns true if its database is neither `ours` nor none in particular:
    /// its names cannot be read from here.
    #[must_use]
    pub fn is_elsewhere(&self, ours: u32) -> bool {
        self.database.is_some_and(|database| database != 0 && database != ours)
    }

    /// Returns the words for it; `name` is its relation's name, if known.
    #[must_use]
    pub fn describe(&self, name: Option<&Untrusted>) -> Untrusted {
        let table = || self.relation_words(name);
        Untrusted::new(match self.locktype.as_str() {
            "relation" => table(),
            "extend" => format!("extension of {}", table()),
            "page" => format!("{} page {}", table(), self.page.unwrap_or_default()),
            "tuple" => format!("{} row {}", table(), self.row_words()),
            "transactionid" => format!("transaction {}", self.transactionid.unwrap_or_default()),
            "virtualxid" => {
                format!("virtual transaction {}", self.virtualxid.as_deref().unwrap_or("?"))
            }
            "advisory" => format!("advisory lock {}", self.advisory_words()),
            other => self.general_words(other),
        })
    }

    fn relation_words(&self, name: Option<&Untrusted>) -> String {
        let oid = self.relation.unwrap_or_default();
        name.map_or_else(|| format!("relation {oid}"), |name| name.raw().to_owned())
    }

    /// Returns the tuple's address as `ctid` shows it.
    fn row_words(&self) -> String {
        format!("({},{})", self.page.unwrap_or_default(), self.tuple.unwrap_or_default())
    }

    /// Returns the key as the caller of `pg_advisory_lock` wrote it.
    fn advisory_words(&self) -> String {
        let (high, low) = (self.classid.unwrap_or_default(), self.objid.unwrap_or_default());
        if self.objsubid == Some(1) {
            return (u64::from(high) << 32 | u64::from(low)).cast_signed().to_string();
        }
        format!("({}, {})", high.cast_signed(), low.cast_signed())
    }

    fn general_words(&self, locktype: &str) -> String {
        let ids = [self.classid, self.objid, self.transactionid].into_iter().flatten();
        let ids = ids.map(|id| id.to_string()).collect::<Vec<_>>().join("/");
        format!("{locktype} {ids}").trim_end().to_owned()
    }
}

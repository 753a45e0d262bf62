//! The schema around an act: read and recorded right before it, and read again after it.

use serde_json::json;

use super::Inner;
use crate::domain::fingerprint::{Compared, Fingerprint, Schema};
use crate::domain::journal::{Entry, Kind, Open, Record};
use crate::domain::plan::Confirmed;
use crate::io::blocking::blocking;
use crate::io::journal::Journal;
use crate::io::perform::Act;

/// The schema from before an act.
pub(super) struct Before {
    fingerprint: Fingerprint,
    /// All of it; after a crash only the fingerprint is left.
    schema: Option<Schema>,
}

impl Inner {
    /// Reads the schema right before an act, and records its fingerprint, or why there is
    /// none: then a failure of the act proves nothing about what it left.
    ///
    /// # Errors
    /// When that cannot be recorded: nothing may run then.
    pub(super) async fn schema_before(
        &self,
        journal: &Journal,
        act: &Act,
        confirmed: &Confirmed,
    ) -> Result<Option<Before>, String> {
        let read = self.schema().await;
        let data = match &read {
            Ok(schema) => {
                json!({ "fingerprint": schema.fingerprint(), "parts": schema.parts() })
            }
            Err(why) => json!({ "why": why }),
        };
        let entry = Entry {
            step: act.step.clone(),
            act: Some(act.id.clone()),
            attempt: Some(confirmed.attempt()),
            ..Entry::new(Kind::Schema, data)
        };
        blocking(|| journal.append(entry)).map_err(|error| error.to_string())?;
        let before =
            |schema: Schema| Before { fingerprint: schema.fingerprint(), schema: Some(schema) };
        Ok(read.ok().map(before))
    }

    /// Compares the schema with what it was before.
    pub(super) async fn compared(&self, before: Option<&Before>) -> Compared {
        let Some(before) = before else { return Compared::Unknown };
        match self.schema().await {
            Ok(after) => Compared::of(&before.fingerprint, before.schema.as_ref(), &after),
            Err(_) => Compared::Unknown,
        }
    }

    /// Reads the schema, but for the tables that a tool keeps its own books in.
    async fn schema(&self) -> Result<Schema, String> {
        let schema = self.reader.lock().await.schema().await.map_err(|e| e.to_string())?;
        Ok(match blocking(|| self.books()) {
            Some(table) => schema.without(&table),
            None => schema,
        })
    }

    /// Returns the name of the tool's version table, without its schema.
    fn books(&self) -> Option<String> {
        let (tool, _) = self.site.tool().ok()?;
        let name = tool.version_table(&self.site.tree()).name;
        (!name.is_empty()).then_some(name)
    }
}

/// Returns what was recorded of the schema before an act that nobody saw the end of.
pub(super) fn recorded(records: &[Record], open: &Open) -> Option<Before> {
    let is_its = |record: &&Record| {
        record.kind == Kind::Schema
            && record.act.as_deref() == Some(open.act.as_str())
            && record.attempt == Some(open.attempt)
    };
    let record = records.iter().rev().find(is_its)?;
    let fingerprint = serde_json::from_value(record.data.get("fingerprint")?.clone()).ok()?;
    Some(Before { fingerprint, schema: None })
}

//! `schema`: the JSON Schemas of the documents that `--json` prints.

use std::process::ExitCode;

use color_eyre::eyre::{Result, eyre};

use super::args;
use super::print;

/// The documents by name, embedded.
pub const SCHEMAS: &[(&str, &str)] = &[
    ("approve", include_str!("../../assets/schema/approve.json")),
    ("backups", include_str!("../../assets/schema/backups.json")),
    ("check", include_str!("../../assets/schema/check.json")),
    ("demo", include_str!("../../assets/schema/demo.json")),
    ("doctor", include_str!("../../assets/schema/doctor.json")),
    ("follow", include_str!("../../assets/schema/follow.json")),
    ("journal", include_str!("../../assets/schema/journal.json")),
    ("journal-verify", include_str!("../../assets/schema/journal-verify.json")),
    ("lint", include_str!("../../assets/schema/lint.json")),
    ("outcome", include_str!("../../assets/schema/outcome.json")),
    ("plan", include_str!("../../assets/schema/plan.json")),
    ("recovery-doc", include_str!("../../assets/schema/recovery-doc.json")),
    ("rehearse", include_str!("../../assets/schema/rehearse.json")),
    ("report", include_str!("../../assets/schema/report.json")),
    ("runbook-check", include_str!("../../assets/schema/runbook-check.json")),
    ("snapshot", include_str!("../../assets/schema/snapshot.json")),
    ("status", include_str!("../../assets/schema/status.json")),
    ("verify", include_str!("../../assets/schema/verify.json")),
];

/// Prints a schema, or the names of all.
///
/// # Errors
/// When there is no such document.
pub fn run(args: &args::Schema) -> Result<ExitCode> {
    let names = || SCHEMAS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let Some(wanted) = &args.name else {
        print(&names().join("\n"));
        return Ok(ExitCode::SUCCESS);
    };
    let (_, schema) = SCHEMAS
        .iter()
        .find(|(name, _)| name == wanted)
        .ok_or_else(|| eyre!("there is no document {wanted}; there are: {}", names().join(", ")))?;
    print(schema.trim_end());
    Ok(ExitCode::SUCCESS)
}

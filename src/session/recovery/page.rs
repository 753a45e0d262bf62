//! The document as Markdown, to be printed and to be read where nothing else works.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::{Document, Doing, Plan};
use crate::domain::graph::State;
use crate::domain::markdown::{code, text};

/// Returns the document as Markdown.
#[must_use]
pub fn markdown(document: &Document) -> String {
    let mut page = head(document);
    page.push_str(&people(document));
    page.push_str(
        "## Immediate steps\n\n\
         1. **Stop all application instances.**\n\
         2. **Run no further migration**, up or down.\n\
         3. Call the first contact above.\n\
         4. Go to the migration's own plan below.\n\
         5. Restore only by that plan, beside the database and never into it.\n\n",
    );
    page.push_str(&migrations(document));
    page.push_str(GENERAL);
    page
}

const GENERAL: &str = "## In general\n\n\
- Before each migration of this list: `lockkeeper backup`, proven, from right before it.\n\
- `lockkeeper lint` and `lockkeeper status` say what a migration destroys before it runs.\n\
- Rehearse the way down on a copy: that there is one does not mean that it works.\n\
- Prove restores regularly: `lockkeeper verify FILE`, and a restore into an empty database.\n\
- Tell everybody concerned, note every act (the journal does), and write the report afterwards.\n";

fn head(document: &Document) -> String {
    let mut page = format!(
        "# Migration recovery\n\nWritten {} by lockkeeper {} for {} in {}.\n",
        time(document.generated_at),
        env!("CARGO_PKG_VERSION"),
        text(&document.tool),
        code(&document.directory)
    );
    let database = match &document.database {
        Some(found) => format!(
            "Database {} at {}, cluster {}.\n\n",
            code(&found.name),
            code(&found.host),
            code(&found.system_identifier)
        ),
        None => "\n**The database was not asked**: which migrations it has is not known here.\n\n"
            .to_owned(),
    };
    page.push_str(&database);
    if !document.problems.is_empty() {
        page.push_str("**The migrations have problems; this may not be all:**\n\n");
        for problem in &document.problems {
            line(&mut page, &format!("- {}", text(problem)));
        }
        page.push('\n');
    }
    page
}

fn people(document: &Document) -> String {
    let mut page = "## Contacts\n\n".to_owned();
    if document.contacts.is_empty() {
        page.push_str("**Nobody is named.** Fill in `[contacts]` of lockkeeper.toml.\n");
    }
    for one in &document.contacts {
        let (role, name, reach) = (text(&one.role), text(&one.name), text(&one.reach));
        line(&mut page, &format!("- **{role}**: {name}, {reach}"));
    }
    page.push_str("\n### Escalation\n\n");
    if document.escalation.is_empty() {
        page.push_str("**No level is named.** Fill in `[[escalation]]` of lockkeeper.toml.\n");
    }
    for one in &document.escalation {
        let names = one.contacts.iter().map(|name| text(name)).collect::<Vec<_>>().join(", ");
        let when = one.when.iter().map(|when| text(when)).collect::<Vec<_>>().join("; ");
        line(&mut page, &format!("- **{}**: {names}. When: {when}", text(&one.level)));
    }
    if !document.placeholders.is_empty() {
        let keys = document.placeholders.iter().map(|key| code(key)).collect::<Vec<_>>();
        line(&mut page, &format!("\n**Not filled in yet:** {}", keys.join(", ")));
    }
    if !document.links.is_empty() {
        page.push_str("\n### Links\n\n");
        for link in &document.links {
            line(&mut page, &format!("- {}: {}", text(&link.title), code(&link.address)));
        }
    }
    page.push('\n');
    page
}

fn migrations(document: &Document) -> String {
    if document.migrations.is_empty() {
        let all = match (document.count, document.problems.is_empty()) {
            (0, _) => "There is no migration at all.".to_owned(),
            (n, true) => {
                format!("All {n} migrations have a way back that loses nothing they made.")
            }
            (n, false) => format!("Of the {n} that could be read, each has a way back."),
        };
        return format!("## No irreversible migration\n\nNone is irreversible or lossy. {all}\n\n");
    }
    let mut page = format!(
        "## Migrations without a whole way back: {} of {}\n\n",
        document.migrations.len(),
        document.count
    );
    for plan in &document.migrations {
        page.push_str(&migration(plan));
    }
    page
}

fn migration(plan: &Plan) -> String {
    let name = if plan.name == plan.id { String::new() } else { format!(" {}", text(&plan.name)) };
    let mut page = format!("### {}{name}\n\n", code(&plan.id));
    let state = match plan.state {
        Some(State::Applied) => "applied",
        Some(State::Pending) => "pending",
        Some(State::Orphan) => "in the database, its file is gone",
        Some(State::Dirty) => "BEGAN AND DID NOT END",
        None => "not known",
    };
    let at = plan.applied_at.map(|at| format!(", {}", time(at))).unwrap_or_default();
    line(&mut page, &format!("- State: {state}{at}"));
    if let Some(file) = &plan.file {
        line(&mut page, &format!("- File: {}", code(file)));
    }
    line(&mut page, &format!("- Way down: **{}**: {}", plan.reversal.words(), text(&plan.why)));
    for loss in &plan.losses {
        let rows = loss.rows.map(|rows| format!(" ({rows} rows)")).unwrap_or_default();
        line(
            &mut page,
            &format!("- Lost going {}: {}{rows}", loss.direction.word(), text(&loss.what)),
        );
    }
    match &plan.backup {
        Some(backup) => {
            let at = match backup.revision.as_slice() {
                [] => "before every migration".to_owned(),
                ids => ids.iter().map(|id| code(id)).collect::<Vec<_>>().join(", "),
            };
            line(
                &mut page,
                &format!(
                    "- Backup from before: {} ({}), at {at}; {}",
                    code(&backup.location),
                    backup.kind,
                    text(&plan.backup_says)
                ),
            );
        }
        None => line(&mut page, &format!("- Backup from before: **{}**", text(&plan.backup_says))),
    }
    page.push_str("\n**Steps**\n\n");
    numbered(&mut page, &plan.steps);
    if !plan.checks.is_empty() {
        page.push_str("\n**Checks**\n\n");
        numbered(&mut page, &plan.checks);
    }
    page.push('\n');
    page
}

fn numbered(page: &mut String, all: &[Doing]) {
    for (at, one) in all.iter().enumerate() {
        let command = one.command.as_ref().map(|command| format!(": {}", code(command)));
        line(page, &format!("{}. {}{}", at + 1, text(&one.text), command.unwrap_or_default()));
    }
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a String cannot fail");
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

//! `doctor --pin`: binds a target of `lockkeeper.toml` to what answers now.

use std::process::ExitCode;

use color_eyre::eyre::{Result, eyre};

use crate::cli::lines::Lines;
use crate::cli::site::Loose;
use crate::cli::{print, say};
use crate::domain::identity::Pin;
use crate::domain::untrusted::Untrusted;
use crate::io::allowed::Allowed;
use crate::io::doctor;
use crate::io::pin::{self, Edit};

/// Writes the pin of the target after the line was shown and confirmed: with `y` or `yes`
/// where there was none, with the database's name where there was another one.
///
/// # Errors
/// When the target is none of the file's, does not answer, or the file cannot be written.
pub async fn pin(loose: &Loose, yes: bool) -> Result<ExitCode> {
    let loaded = loose.loaded.as_ref().map_err(|refused| eyre!("{refused}"))?;
    let target = loose.target.as_ref().map_err(|why| eyre!("{why}"))?.as_ref();
    let named = target.and_then(|target| Some((target, target.name.as_deref()?)));
    let (Some((target, name)), Some(file)) = (named, &loaded.file) else {
        return Err(eyre!(
            "a pin belongs to a target of lockkeeper.toml: name it with --target NAME"
        ));
    };
    let reached = doctor::reach(target).await.map_err(|findings| {
        let said = findings.into_iter().filter_map(|finding| finding.value).collect::<Vec<_>>();
        eyre!("{} cannot be pinned: {}", target.spec.describe(), said.join("; "))
    })?;
    let (_, identity) = reached;
    let found = pin::of(&identity, target.spec.proved_name());
    if target.pin.as_ref() == Some(&found) {
        print(&format!("{name} is pinned to exactly this already; nothing was written"));
        return Ok(ExitCode::SUCCESS);
    }
    let edit = pin::edit(&file.path, name, &found)?;
    show(&edit, name);
    if !agreed(target.pin.as_ref(), &found, yes).await {
        say("nothing was written");
        return Ok(ExitCode::from(2));
    }
    // Whether it was allowed is asked of the content that goes.
    let was_allowed = loaded.commands_allowed(&Allowed::in_state(&loose.paths.state)).is_ok();
    edit.write()?;
    print(&format!("written: {}", edit.path().display()));
    if was_allowed && loaded.config.names_commands() {
        print(&format!(
            "its content is new, and it names commands: lockkeeper runbook allow {}",
            edit.path().display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(edit: &Edit, name: &str) {
    // With the question, on one stream: what is asked about stands above it.
    say(&format!("{}, [targets.{name}]:", edit.path().display()));
    for (sign, line) in [("-", edit.before.as_ref()), ("+", Some(&edit.after))] {
        if let Some(line) = line {
            say(&format!("{sign} {}", Untrusted::from(line.as_str()).one_line()));
        }
    }
}

/// Returns whether the operator wants it. Another pin is never replaced by a mere yes.
async fn agreed(before: Option<&Pin>, found: &Pin, yes: bool) -> bool {
    let Some(before) = before else {
        let question = "Type y to write it; anything else leaves the file as it is: ";
        return yes || answer(question).await == "y";
    };
    let told = [
        ("system", &before.system_identifier, &found.system_identifier),
        ("database", &before.database, &found.database),
    ];
    for (what, before, found) in told {
        if before != found {
            say(&format!("it was pinned to another {what}: {before}, and {found} answers now"));
        }
    }
    let name = Untrusted::from(found.database.as_str()).one_line();
    let question = format!("Type {name} to replace the pin; anything else leaves it: ");
    answer(&question).await == found.database
}

/// Returns what is typed after the question; nothing where nothing can be read.
async fn answer(question: &str) -> String {
    Lines::stdin().answer(question).await.unwrap_or_default()
}

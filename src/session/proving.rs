//! The plan of a proof: which backup, and how far.

use crate::domain::backup::{Backup, Inventory};
use crate::domain::evidence::Level;
use crate::domain::plan::{Action, Command, Plan, Preview, Risk};
use crate::domain::quantity::size;
use crate::domain::untrusted::Untrusted;
use crate::domain::verify::estimated;

use super::preview::{Ground, bare};

/// What a runbook calls the newest full backup of the target.
pub const NEWEST: &str = "newest";

/// Plans the proof of `backup`: [`NEWEST`], or where it lies.
///
/// # Errors
/// Why there can be none.
pub fn plan(backup: &str, level: Level, ground: &Ground<'_>) -> Result<Plan, String> {
    let known = ground.backups.ok_or("the backups were not read")?;
    let (file, found) = match backup {
        NEWEST => {
            let newest = newest(known, ground)?;
            (newest.location.as_str(), Some(newest))
        }
        named => (named, known.at(named)),
    };
    let action = Action::VerifyBackup { file: file.to_owned(), level: level.to_string() };
    let mut plan = bare(action, Risk::Read, ground);
    let word = level.to_string();
    let argv = ["lockkeeper", "verify", "--level", &word, "--", file];
    plan.command = Some(Command {
        argv: argv.map(str::to_owned).to_vec(),
        // Where its scratch server is registered, for whoever sweeps after us.
        env: vec!["XDG_STATE_HOME".to_owned()],
        cwd: ground.cwd.to_owned(),
    });
    plan.preview = preview(file, level, found);
    Ok(plan)
}

fn newest<'a>(known: &'a Inventory, ground: &'a Ground<'_>) -> Result<&'a Backup, String> {
    known.newest(ground.identity).ok_or_else(|| {
        "no full backup of this database and of a known age was found: make one (b on the panel \
         Backups)"
            .to_owned()
    })
}

fn preview(file: &str, level: Level, found: Option<&Backup>) -> Preview {
    let shown = Untrusted::from(file).one_line();
    let bytes = found.and_then(|backup| backup.size);
    let of = bytes.map(|bytes| format!(", {}", size(bytes))).unwrap_or_default();
    let now = match found {
        Some(_) => Vec::new(),
        None => vec!["it is not among the backups that the configuration names".to_owned()],
    };
    let mut touches = vec![
        format!("{shown}{of}: read to its end, on this machine"),
        "its manifest, if it has one: the result is added to it".to_owned(),
    ];
    touches.extend(drill(level));
    touches.push("nothing in the database".to_owned());
    Preview {
        rehearsal: false,
        title: format!("prove a backup to {level}"),
        sql: Vec::new(),
        touches,
        now,
        takes: Some(estimated(level, bytes)),
        stall: None,
        counts: Vec::new(),
        untimely: None,
        back: "none needed: it only reads".to_owned(),
    }
}

/// Returns what a drill makes and runs beside reading.
fn drill(level: Level) -> Option<String> {
    let what = "a scratch server on this machine, on a private socket and without fsync: all of \
                the backup is loaded there, what its definitions call runs there, and it goes at \
                the end";
    (level >= Level::L4).then(|| what.to_owned())
}

//! Acts: exactly one action, and the risk that it carries at least.

use super::super::raw::{self, BackupScope, RestoreScope, Rows};
use super::super::{Act, Action, Backup, Down, Endpoint, Kind, Migrate, Restore, Up};
use super::Builder;
use crate::domain::evidence::Word;
use crate::domain::plan::{Direction, Risk};
use crate::domain::problem::{Flaw, Place};
use crate::domain::quantity::Period;
use crate::domain::tables::Classes;

const ACTIONS: &str =
    "sql, command, migrate, backup, verify_backup, restore, signal, http, configured, undo_of";

impl Builder<'_> {
    pub(super) fn act(&mut self, raw: &raw::Step, place: &Place) -> Option<Kind> {
        let action = self.action(raw, place);
        let act = Act {
            gates: self.gate_names(raw.gates.as_ref(), &place.key("gates")),
            verify: self.claims(raw.verify.as_ref(), &place.key("verify")),
            undo: self.undo(raw.undo.as_ref(), &place.key("undo")),
            timeout: raw.timeout,
            rehearse: raw.rehearse.unwrap_or(false),
            risk: self.risk(raw.risk, action.as_ref(), place)?,
            action: action?,
        };
        Some(Kind::Act(Box::new(act)))
    }

    /// An act without a declared risk is safe at least; declaring less than the
    /// action can do is refused rather than mended, since somebody relies on it.
    fn risk(
        &mut self,
        declared: Option<Risk>,
        action: Option<&Action>,
        place: &Place,
    ) -> Option<Risk> {
        let least = action.map_or(Risk::Safe, Action::least_risk);
        match declared {
            None => Some(least.max(Risk::Safe)),
            Some(risk) if risk >= least => Some(risk),
            Some(risk) => {
                let what =
                    format!("\"{}\" is too little: it is {} at least", risk.word(), least.word());
                self.flaw(place.key("risk"), what)
            }
        }
    }

    fn action(&mut self, raw: &raw::Step, place: &Place) -> Option<Action> {
        let binds = raw.binds.clone().unwrap_or_default();
        if raw.sql.is_none() && raw.binds.is_some() {
            self.flaw::<()>(place.key("binds"), "binds belong to `sql`");
        }
        let actions = [
            raw.sql.clone().map(|text| Some(Action::Sql { text, binds })),
            raw.command.as_ref().map(|argv| self.command(argv, place)),
            raw.migrate.as_ref().map(|migrate| self.migrate(migrate, place)),
            raw.backup.as_ref().map(|backup| self.backup(backup, place)),
            raw.verify_backup.clone().map(|verify| Some(Action::VerifyBackup(verify))),
            raw.restore.as_ref().map(|restore| self.restore(restore, place)),
            raw.signal.clone().map(|signalled| Some(Action::Signal(signalled))),
            raw.http.as_ref().map(|endpoint| self.http(endpoint, raw.timeout, place)),
            raw.configured.clone().map(|name| Some(Action::Configured(name))),
            raw.undo_of.as_ref().map(|step| self.undo_of(step, place)),
        ];
        let mut actions = actions.into_iter().flatten();
        let (Some(action), None) = (actions.next(), actions.next()) else {
            return self.flaw(place.clone(), format!("an act has exactly one of: {ACTIONS}"));
        };
        action
    }

    fn undo(&mut self, raw: Option<&raw::Undo>, place: &Place) -> Option<Action> {
        let raw = raw?;
        let binds = raw.binds.clone().unwrap_or_default();
        let actions = [
            raw.sql.clone().map(|text| Some(Action::Sql { text, binds })),
            raw.command.as_ref().map(|argv| self.command(argv, place)),
            raw.migrate.as_ref().map(|migrate| self.migrate(migrate, place)),
            raw.http.as_ref().map(|endpoint| self.http(endpoint, None, place)),
            raw.configured.clone().map(|name| Some(Action::Configured(name))),
        ];
        let mut actions = actions.into_iter().flatten();
        let (Some(action), None) = (actions.next(), actions.next()) else {
            let what =
                "what undoes an act is exactly one of: sql, command, migrate, http, configured";
            return self.flaw(place.clone(), what);
        };
        action
    }

    /// The step that is named has to be one whose act has an `undo`.
    fn undo_of(&mut self, step: &str, place: &Place) -> Option<Action> {
        let steps = || self.raw.section.iter().flat_map(|section| &section.step);
        let with_undo = || steps().filter(|step| step.undo.is_some()).map(|step| step.id.as_str());
        if !with_undo().any(|id| id == step) {
            let known: Vec<String> = with_undo().map(str::to_owned).collect();
            let known = known.iter().map(String::as_str);
            let place = place.key("undo_of");
            let flaw = Flaw::unknown_name(place, "step with an `undo`", step, known);
            self.flaws.push(flaw);
            return None;
        }
        Some(Action::UndoOf(step.to_owned()))
    }

    fn command(&mut self, argv: &[Word], place: &Place) -> Option<Action> {
        if argv.is_empty() {
            return self.flaw(place.key("command"), "the command names no program");
        }
        Some(Action::Command(argv.to_vec()))
    }

    /// Returns the request, bounded by its own time or else by that of its step.
    fn http(&mut self, raw: &Endpoint, limit: Option<Period>, place: &Place) -> Option<Action> {
        let flaws = raw.flaws();
        for (keys, what) in &flaws {
            let place = keys.iter().fold(place.key("http"), |place, key| place.key(*key));
            self.flaws.push(Flaw::new(place, what.clone()));
        }
        let endpoint = Endpoint { timeout: raw.timeout.or(limit), ..raw.clone() };
        flaws.is_empty().then_some(Action::Http(endpoint))
    }

    fn migrate(&mut self, raw: &raw::Migrate, place: &Place) -> Option<Action> {
        let place = place.key("migrate").key("to");
        let to = raw.to.to_string();
        let migrate = match (raw.direction, to.as_str()) {
            (Direction::Up, "head") => Migrate::Up(Up::Head),
            (Direction::Up, "next") => Migrate::Up(Up::Next),
            (Direction::Down, "previous") => Migrate::Down(Down::Previous),
            (Direction::Up, "previous") => {
                return self.flaw(place, "up leads to \"next\", \"head\" or a revision");
            }
            (Direction::Down, "head" | "next") => {
                return self.flaw(place, "down leads to \"previous\" or a revision");
            }
            (Direction::Up, _) => Migrate::Up(Up::Revision(raw.to.clone())),
            (Direction::Down, _) => Migrate::Down(Down::Revision(raw.to.clone())),
        };
        Some(Action::Migrate(migrate))
    }

    fn backup(&mut self, raw: &raw::Backup, place: &Place) -> Option<Action> {
        let place = place.key("backup");
        let backup = match (raw.scope, raw.tables.as_slice()) {
            (BackupScope::Full, []) => Backup::Full,
            (BackupScope::Schema, []) => Backup::Schema,
            (BackupScope::Full | BackupScope::Schema, _) => {
                return self.flaw(place.key("tables"), "this scope takes no tables");
            }
            (_, []) => return self.flaw(place, "this scope needs `tables`"),
            (BackupScope::Tables, tables) => Backup::Tables(tables.to_vec()),
            (BackupScope::Csv, tables) => Backup::Csv(tables.to_vec()),
        };
        Some(Action::Backup(backup))
    }

    fn restore(&mut self, raw: &raw::Restore, place: &Place) -> Option<Action> {
        let place = place.key("restore");
        let backup = raw.backup.clone();
        let restore = match (raw.scope, raw.tables.as_slice()) {
            (RestoreScope::Full, _) if raw.rows.is_some() => {
                return self.flaw(place.key("rows"), "a full restore takes no choice of rows");
            }
            (RestoreScope::Full, []) => Restore::Full { backup },
            (RestoreScope::Full, _) => {
                return self.flaw(place.key("tables"), "a full restore takes no tables");
            }
            (RestoreScope::Tables, []) => return self.flaw(place, "this scope needs `tables`"),
            (RestoreScope::Tables, _) if raw.rows.as_ref().is_some_and(Vec::is_empty) => {
                let what = "no rows are chosen: write missing, changed, only_live, or several";
                return self.flaw(place.key("rows"), what);
            }
            (RestoreScope::Tables, tables) => {
                let rows = classes(raw.rows.as_deref().unwrap_or(&[Rows::Missing]));
                Restore::Tables { backup, tables: tables.to_vec(), rows }
            }
        };
        Some(Action::Restore(restore))
    }
}

fn classes(rows: &[Rows]) -> Classes {
    Classes {
        missing: rows.contains(&Rows::Missing),
        changed: rows.contains(&Rows::Changed),
        only_live: rows.contains(&Rows::OnlyLive),
    }
}

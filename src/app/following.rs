//! The console on a run that somebody else executes: the same panels, and no key that acts.

use chrono::{DateTime, Utc};

use crate::domain::age;
use crate::domain::untrusted::Untrusted;
use crate::panels::Command;
use crate::session::acting::Acting;
use crate::session::news::{Followed, Stand};
use crate::ui::bindings::{Binding, Reason};
use crate::ui::theme::Tone;
use crate::ui::widgets::message::Message;

use super::App;

/// The run that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// Its name.
    pub run: String,
    /// Who executes it, as the last record of theirs says.
    pub who: String,
    /// When its last record was written.
    pub last: Option<DateTime<Utc>>,
    /// How its journal stands.
    pub stand: Stand,
}

impl Following {
    /// Returns why nothing can be done here.
    pub(super) fn why(&self) -> String {
        format!(
            "{} executes this run: you follow it",
            Untrusted::from(self.who.as_str()).one_line()
        )
    }

    /// Returns who executes, how old the last record is, and how the run stands.
    fn message(&self, now: DateTime<Utc>) -> Message {
        let who = Untrusted::from(self.who.as_str()).one_line();
        let age = self.last.map_or_else(
            || "nothing is recorded yet".to_owned(),
            |at| format!("last record {} ago", age::clock(now - at)),
        );
        let head = format!("FOLLOWING {} · executed by {who} · {age}", self.run);
        match &self.stand {
            Stand::Open => Message::new(Tone::Accent, head),
            Stand::Torn => {
                Message::new(Tone::Warn, format!("{head} · a record is not finished yet"))
            }
            Stand::Over(end) => {
                Message::new(Tone::Ok, format!("{head} · THE RUN IS OVER: {end}; q leaves"))
            }
            Stand::Broken(why) => {
                let why = Untrusted::from(why.as_str()).one_line();
                Message::new(Tone::Alarm, format!("{head} · it cannot be followed on: {why}"))
            }
        }
    }
}

impl App {
    /// Returns the run that is followed, if the console does not walk one itself.
    #[must_use]
    pub fn following(&self) -> Option<&Following> {
        self.following.as_ref()
    }

    /// Takes what was recorded elsewhere.
    pub(super) fn followed(&mut self, followed: Followed) {
        let Followed { run, records, walk, stand } = followed;
        let before = self.following.take().filter(|one| one.run == run);
        let (mut who, mut last) = before.map_or_else(
            || {
                // What this console has recorded itself is read again with the rest.
                self.facts.records.clear();
                (String::new(), None)
            },
            |one| (one.who, one.last),
        );
        for record in records {
            if record.is_of_executor() {
                who.clone_from(&record.operator);
            }
            last = Some(record.at);
            self.facts.record_arrived(record);
        }
        let acting = Acting::recorded(&self.facts.records);
        self.session.follows(&run, walk, acting);
        self.following = Some(Following { run, who, last, stand });
    }

    /// Returns the exit code of leaving now: 2 for a run that cannot be followed any further.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let stand = self.following.as_ref().map(|one| &one.stand);
        if matches!(stand, Some(Stand::Broken(_))) { 2 } else { 0 }
    }

    /// Turns the keys off that would act.
    pub(super) fn only_looking(&self, bindings: Vec<Binding<Command>>) -> Vec<Binding<Command>> {
        let Some(following) = &self.following else { return bindings };
        let off = |binding: Binding<Command>| {
            if looks(&binding.command) {
                return binding;
            }
            binding.when(Err(Reason::new(following.why())))
        };
        bindings.into_iter().map(off).collect()
    }

    /// Returns why a command does nothing here, if it would act.
    pub(super) fn refused_here(&self, command: &Command) -> Option<String> {
        let following = self.following.as_ref()?;
        (!looks(command)).then(|| following.why())
    }

    /// Returns the line that says whose run this is.
    pub(super) fn whose(&self) -> Option<Message> {
        self.following.as_ref().map(|following| following.message(self.facts.now))
    }
}

/// Returns true for what only looks. What is not named here acts.
fn looks(command: &Command) -> bool {
    use Command::{
        Back, Direction, Filter, Follow, Freeze, Go, Help, Idle, NextPanel, Open, Palette, Panel,
        PreviousPanel, Quit, Refresh, Reverse, Sort,
    };
    matches!(
        command,
        Quit | Help
            | Palette
            | Filter
            | Freeze
            | Refresh
            | Panel(_)
            | NextPanel
            | PreviousPanel
            | Back
            | Go(_)
            | Open
            | Follow
            | Sort
            | Reverse
            | Idle
            | Direction
    )
}

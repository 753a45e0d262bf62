//! The panels, each a vertical slice: its state, its keys and its view live together,
//! and no panel knows another.

pub mod activity;
pub mod backups;
mod fold;
pub mod journal;
pub mod locks;
mod making;
mod may;
mod migrating;
pub mod migrations;
mod rehearsing;
mod restoring;
pub mod rollback;
pub mod runbook;
mod signal;
pub mod size;
pub mod walk;
pub mod watch;
pub mod way_back;
mod who;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::activity::BackendKey;
use crate::domain::backup::Tending;
use crate::domain::plan::Direction;
use crate::domain::report::Part;
use crate::session::effect::{Event, How, Request};
use crate::session::facts::Facts;
use crate::session::machine::Session;
use crate::session::pick::Choices;
use crate::session::walk::Move;
use crate::ui::bindings::Binding;
pub use crate::ui::step::Step;
use crate::ui::theme::Theme;

/// Names a panel, in the order of the tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// Verdict, migration in flight, top of the tree, next step.
    Watch,
    /// Every backend.
    Activity,
    /// The lock forest.
    Locks,
    /// The migrations and their dangers.
    Migrations,
    /// The backups, and how far each is proven.
    Backups,
    /// The runbook that is walked.
    Runbook,
    /// What going back means, and the questions on the way.
    Rollback,
    /// What was recorded, and the running act's output.
    Journal,
}

impl Id {
    /// Every panel, in the order of the tabs.
    pub const ALL: [Self; 8] = [
        Self::Watch,
        Self::Activity,
        Self::Locks,
        Self::Migrations,
        Self::Backups,
        Self::Runbook,
        Self::Rollback,
        Self::Journal,
    ];

    /// Returns the panel's title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Watch => "Watch",
            Self::Activity => "Activity",
            Self::Locks => "Locks",
            Self::Migrations => "Migrations",
            Self::Backups => "Backups",
            Self::Runbook => "Runbook",
            Self::Rollback => "Rollback",
            Self::Journal => "Journal",
        }
    }

    /// Returns the digit that opens it.
    #[must_use]
    pub fn digit(self) -> char {
        match self {
            Self::Watch => '1',
            Self::Activity => '2',
            Self::Locks => '3',
            Self::Migrations => '4',
            Self::Backups => '5',
            Self::Runbook => '6',
            Self::Rollback => '7',
            Self::Journal => '8',
        }
    }
}

/// What a key commands. One enum for all panels, so that help, footer, palette and
/// dispatch read the same record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Leaves the console.
    Quit,
    /// Shows the keys of this panel.
    Help,
    /// Finds a command by its name.
    Palette,
    /// Filters the list by a text.
    Filter,
    /// Holds the data still, or lets it go on.
    Freeze,
    /// Reads everything anew.
    Refresh,
    /// Goes to a panel.
    Panel(Id),
    /// Goes to the next panel.
    NextPanel,
    /// Goes to the panel before.
    PreviousPanel,
    /// Leaves what is open: a filter, a detail.
    Back,
    /// Moves in the list.
    Go(Step),
    /// Shows everything about what is selected, or folds it.
    Open,
    /// Goes to what is selected on the panel that shows it best.
    Follow,
    /// Sorts by the next column.
    Sort,
    /// Turns the order of sorting round.
    Reverse,
    /// Shows or hides idle sessions.
    Idle,
    /// Shows the other direction's SQL.
    Direction,
    /// Asks to cancel the selected backend's statement.
    CancelBackend,
    /// Asks to end the selected backend.
    TerminateBackend,
    /// Asks to cancel our own running act.
    CancelAct,
    /// Ends our own running act, when cancelling its statement was not enough.
    KillAct,
    /// Saves what the shown migration destroys.
    Salvage,
    /// Asks for a rehearsal of what is pending.
    Rehearse,
    /// Proves the selected backup.
    Verify,
    /// Asks for this to be done to the selected backup, or to all that may go.
    Tend(Tending),
    /// Count the rows that a way would lose, or be refused by.
    Count,
    /// Asks for the next migration.
    Up,
    /// Asks to take the last migration back.
    Down,
    /// Asks to mend what a failure has left.
    Mend,
    /// Asks for a full backup.
    Backup,
    /// Asks for the next act of a restore of the selected backup.
    Restore,
    /// Asks to swap back to the database from before the last swap.
    SwapBack,
    /// Asks to drop what a restore has left over.
    DropLeftOver,
    /// Begins to walk the runbook of that name.
    Begin(String),
    /// Goes on in the runbook: reads on, runs, reads the probes again.
    Advance,
    /// Answers the question with the answer of that id.
    Choose(String),
    /// Leaves the step out, with a reason.
    Skip,
    /// Overrides a gate, with a reason.
    Override,
    /// Writes a note.
    Note,
    /// Puts the offer of the triggers that fire aside, with a reason.
    PutAside,
    /// Pauses the run, or goes on.
    Pause,
    /// Pauses after this step.
    StopAfter,
    /// Gives the value that the step asks for, or an approval.
    Give,
    /// Asks the question before anew.
    Rewind,
    /// Hands the run over to somebody.
    HandOver,
    /// Ends the run here and hands it to a person.
    Escalate,
    /// Leaves the run, with a reason.
    Abandon,
    /// Writes the incident report of the run that is shown.
    Report,
}

/// What a text is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Why a step is skipped.
    Skip,
    /// Why what a run has opened is left as it is.
    LeaveOpen,
    /// Why a gate is overridden.
    Override,
    /// A note.
    Note,
    /// Why an act goes on without the second person that policy asks for.
    Alone,
    /// Why the offer of the triggers that fire is put aside.
    Aside,
    /// Why the run is abandoned.
    Abandon,
    /// The value of a manual item or of a variable: what is asked for.
    Value(String),
    /// The approver's name: the role.
    Approval(String),
    /// Who goes on with the run, and what they have to know.
    HandOver,
    /// What the next level has to know.
    Escalate,
    /// Why an answer goes against the suggestion: the answer's id.
    Answer(String),
    /// What only a person can say in the report of a run.
    Report(Part),
}

impl Wanted {
    /// Returns what a text makes happen.
    #[must_use]
    pub fn entered(self, text: String, facts: &Facts) -> Event {
        Event::Moved(match self {
            Self::Aside => {
                return Event::PutAside { triggers: facts.offering(), reason: text };
            }
            Self::Alone => return Event::Alone(text),
            Self::Skip | Self::LeaveOpen => Move::Skip(text),
            Self::Override => Move::Override(text),
            Self::Note => Move::Note(text),
            Self::Abandon => Move::Abandon(text),
            Self::Value(_) => Move::Give(text),
            Self::Approval(_) => Move::Approve(text),
            Self::HandOver => {
                let (to, note) = text.split_once([':', ',', ' ']).unwrap_or((&text, ""));
                Move::Handover { to: to.to_owned(), note: note.trim().to_owned() }
            }
            Self::Escalate => Move::Escalate(text),
            Self::Answer(answer) => Move::Choose { answer, reason: Some(text) },
            // The report is no part of the walk; in one it would be a note.
            Self::Report(part) => Move::Note(format!("{}: {text}", part.word())),
        })
    }

    /// Returns the question that the text answers.
    #[must_use]
    pub fn question(&self) -> String {
        match self {
            Self::Skip => "Why is this step skipped? The report shows it.".to_owned(),
            Self::LeaveOpen => "Why is it not undone? The report shows it.".to_owned(),
            Self::Override => "Why is it overridden? The report shows it in red.".to_owned(),
            Self::Note => "Note for the record".to_owned(),
            Self::Alone => {
                "A second person approves it (lockkeeper approve). Alone? Why".to_owned()
            }
            Self::Aside => "Why is it put aside? The report shows it.".to_owned(),
            Self::Abandon => "Why is the run abandoned? The report shows it.".to_owned(),
            Self::Value(what) => what.clone(),
            Self::Approval(role) => {
                format!("The approver ({role}) types their name; not who runs this")
            }
            Self::HandOver => "To whom? Their name, then what they have to know".to_owned(),
            Self::Escalate => "What does the next level have to know?".to_owned(),
            Self::Answer(_) => "This goes against the evidence. Why?".to_owned(),
            Self::Report(part) => format!("{} (- leaves it blank)", part.question()),
        }
    }
}

/// What a panel asks the application for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing: it is done.
    Nothing,
    /// Plan an act and show it.
    Plan(Request),
    /// Stop our own running act.
    Stop(How),
    /// Move in the runbook.
    Move(Move),
    /// Ask for a text first.
    Text(Wanted),
    /// Let the value be picked.
    Pick(Wanted, Choices),
    /// Walk a runbook.
    Begin(String),
    /// Go to a panel, with a backend selected there.
    Show(Id, Option<BackendKey>),
    /// Show everything about a backend.
    Backend(BackendKey),
    /// Let it be picked how far the backup at this location is proven.
    Prove(String, Choices),
    /// Let one of these be picked and planned: its label, and what is asked for.
    Which(String, Vec<(String, Request)>),
    /// Count the rows that one way of a migration would lose or be refused by.
    Count(String, Direction),
    /// Say why nothing happened.
    Say(String),
}

/// What a panel sees.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// What is known of the outside.
    pub facts: &'a Facts,
    /// The run.
    pub session: &'a Session,
    /// The text that this panel's list is filtered by; empty shows everything.
    pub filter: &'a str,
}

/// A panel: a vertical slice.
pub trait Panel {
    /// Returns its own keys, the most important first; the application adds those that
    /// work everywhere.
    fn bindings(&self, scene: &Scene<'_>) -> Vec<Binding<Command>>;

    /// Takes a command that one of its bindings, or a movement, gave.
    fn on(&mut self, command: &Command, scene: &Scene<'_>) -> Ask;

    /// Paints itself.
    fn view(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer);

    /// Selects a backend, when somebody came here for it.
    fn select(&mut self, _backend: BackendKey) {}
}

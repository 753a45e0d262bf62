//! The panels, each a vertical slice: its state, its keys and its view live together,
//! and no panel knows another.

pub mod activity;
pub mod backups;
mod fold;
pub mod journal;
pub mod locks;
mod making;
pub mod migrations;
pub mod runbook;
mod signal;
pub mod size;
pub mod watch;
mod who;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::activity::BackendKey;
use crate::session::effect::{How, Request};
use crate::session::facts::Facts;
use crate::session::machine::Session;
use crate::session::walk::Move;
use crate::ui::bindings::Binding;
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
    /// What was recorded, and the running act's output.
    Journal,
}

impl Id {
    /// Every panel, in the order of the tabs.
    pub const ALL: [Self; 7] = [
        Self::Watch,
        Self::Activity,
        Self::Locks,
        Self::Migrations,
        Self::Backups,
        Self::Runbook,
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
            Self::Journal => '7',
        }
    }
}

/// A movement in a list or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// One up.
    Up,
    /// One down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
    /// To the left, in wide rows.
    Left,
    /// To the right.
    Right,
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
    /// Proves the selected backup.
    Verify,
    /// Asks for the next migration.
    Up,
    /// Asks to take the last migration back.
    Down,
    /// Asks for a full backup.
    Backup,
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
    /// Pauses the run, or goes on.
    Pause,
    /// Pauses after this step.
    StopAfter,
    /// Leaves the run, with a reason.
    Abandon,
}

/// What a text is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Why a step is skipped.
    Skip,
    /// Why a gate is overridden.
    Override,
    /// A note.
    Note,
    /// Why the run is abandoned.
    Abandon,
    /// Why an answer goes against the suggestion: the answer's id.
    Answer(String),
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
    /// Walk a runbook.
    Begin(String),
    /// Go to a panel, with a backend selected there.
    Show(Id, Option<BackendKey>),
    /// Show everything about a backend.
    Backend(BackendKey),
    /// Prove the backup at this location, which only reads.
    Verify(String),
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

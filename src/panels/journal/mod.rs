//! The panel Journal: what was recorded, live, and what the running act prints.

mod words;

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Ask, Command, Panel, Scene, Step, Wanted};
use crate::domain::journal::Record;
use crate::domain::report;
use crate::domain::untrusted::Untrusted;
use crate::ui::bindings::{Binding, Key, Reason};
use crate::ui::text;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::line::{self, Part};
use crate::ui::widgets::table::{self, Cell, Column, Table};
use crate::ui::widgets::{pager, tail};

/// From this width on the selected record's data stands beside the list.
const WIDE: u16 = 130;

/// What the keys move in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focus {
    /// The records.
    #[default]
    Records,
    /// The selected record's data.
    Data,
    /// The act's output.
    Output,
}

/// The panel's own state.
#[derive(Debug, Default)]
pub struct Journal {
    table: table::State<u64>,
    data: pager::State,
    focus: Focus,
    /// False while the newest record is followed.
    stays: bool,
    /// How many lines the output is scrolled back from its end.
    back: usize,
}

impl Panel for Journal {
    fn bindings(&self, scene: &Scene<'_>) -> Vec<Binding<Command>> {
        let help = "show the record's data, or the records again; G follows the end";
        let output = "the output in full, or the records again; G follows its end";
        let unless = |empty: bool, why: &'static str| {
            if empty { Err(Reason::new(why)) } else { Ok(()) }
        };
        let facts = scene.facts;
        let report = "write the incident report; asks only for what the journal cannot know";
        vec![
            Binding::new(Key::code(KeyCode::Enter), "data", help, Command::Open)
                .when(unless(facts.records.is_empty(), "nothing is recorded yet")),
            Binding::new(Key::char('o'), "output", output, Command::Follow)
                .when(unless(facts.output.lines.is_empty(), "nothing was printed yet")),
            Binding::new(Key::char('w'), "report", report, Command::Report)
                .when(unless(facts.records.is_empty(), "nothing is recorded yet")),
        ]
    }

    fn on(&mut self, command: &Command, scene: &Scene<'_>) -> Ask {
        match (command, self.focus) {
            (Command::Go(step), Focus::Records) => self.go(*step, &seqs(scene)),
            (Command::Go(step), Focus::Data) => self.data.go(*step),
            (Command::Go(step), Focus::Output) => self.output(*step, scene),
            (Command::Open, _) => self.turn_to(Focus::Data),
            (Command::Follow, _) => self.turn_to(Focus::Output),
            (Command::Report, _) => return Ask::Text(Wanted::Report(report::Part::Reason)),
            _ => {}
        }
        Ask::Nothing
    }

    fn view(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        match self.focus {
            Focus::Output => self.tail(scene, theme, area, buf),
            Focus::Data if area.width < WIDE => self.record(scene, theme, area, buf),
            _ => {
                let (top, bottom) = halves(scene, area);
                let (left, right) = beside(top);
                self.records(scene, theme, left, buf);
                self.record(scene, theme, right, buf);
                self.tail(scene, theme, bottom, buf);
            }
        }
    }
}

/// Returns the records that the filter leaves, by their numbers.
fn seqs(scene: &Scene<'_>) -> Vec<u64> {
    let filter = scene.filter.to_lowercase();
    let fits = |record: &&Record| {
        let (said, _) = words::of(record);
        let step = record.step.as_deref().unwrap_or_default();
        let all = [words::kind(record.kind), step, said.as_str()];
        filter.is_empty() || all.iter().any(|text| text.to_lowercase().contains(&filter))
    };
    scene.facts.records.iter().filter(fits).map(|record| record.seq).collect()
}

/// The output gets a third, once something was printed.
fn halves(scene: &Scene<'_>, area: Rect) -> (Rect, Rect) {
    let below = if scene.facts.output.lines.is_empty() { 0 } else { (area.height / 3).max(3) };
    let below = below.min(area.height);
    let height = area.height - below;
    (Rect { height, ..area }, Rect { y: area.y + height, height: below, ..area })
}

fn beside(area: Rect) -> (Rect, Rect) {
    if area.width < WIDE {
        return (area, Rect { width: 0, height: 0, ..area });
    }
    let width = area.width * 3 / 5;
    let right = Rect { x: area.x + width + 2, width: area.width - width - 2, ..area };
    (Rect { width, ..area }, right)
}

impl Journal {
    fn turn_to(&mut self, focus: Focus) {
        self.focus = if self.focus == focus { Focus::Records } else { focus };
    }

    fn go(&mut self, step: Step, seqs: &[u64]) {
        if !self.stays {
            self.table.last(seqs);
        }
        self.table.go(step, seqs);
        self.stays = self.table.selected(seqs) != seqs.last();
        self.data = pager::State::default();
    }

    fn output(&mut self, step: Step, scene: &Scene<'_>) {
        const PAGE: usize = 10;
        let most = scene.facts.output.lines.len();
        self.back = match step {
            Step::Up => self.back + 1,
            Step::Down => self.back.saturating_sub(1),
            Step::PageUp => self.back + PAGE,
            Step::PageDown => self.back.saturating_sub(PAGE),
            Step::First => most,
            Step::Last => 0,
            Step::Left | Step::Right => self.back,
        }
        .min(most);
    }

    /// Returns the selected record: the newest, while the end is followed.
    fn selected<'a>(&self, scene: &Scene<'a>, seqs: &[u64]) -> Option<&'a Record> {
        let chosen = self.table.selected(seqs).filter(|_| self.stays);
        let seq = chosen.or(seqs.last())?;
        scene.facts.records.iter().find(|record| record.seq == *seq)
    }

    fn records(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let seqs = seqs(scene);
        let columns = [
            Column::text("time", 8, 1),
            Column::text("kind", 9, 0),
            Column::text("step", 14, 3).growing(1),
            Column::text("act", 6, 2),
            Column::text("what", 20, 0).growing(4),
        ];
        let row = |at: usize| {
            let found = scene.facts.records.iter().find(|record| record.seq == seqs[at]);
            found.map(cells).unwrap_or_default()
        };
        let empty = "nothing is recorded yet: the first act begins a journal";
        let table = Table { columns: &columns, keys: &seqs, row: &row, empty };
        let mut state = self.table.clone();
        if !self.stays {
            state.last(&seqs);
        }
        let state = if self.stays { &self.table } else { &state };
        table::render(&table, state, theme, area, buf);
    }

    fn record(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let Some(record) = self.selected(scene, &seqs(scene)).filter(|_| !area.is_empty()) else {
            return;
        };
        let left = vec![
            Part::new(format!(" record {}", record.seq), theme.style(Tone::Strong), 0),
            Part::new(format!(" · {}", words::kind(record.kind)), Style::new(), 1),
            Part::new(
                format!(" · {}", Untrusted::from(record.operator.as_str()).one_line()),
                theme.style(Tone::Dim),
                2,
            ),
        ];
        line::render(left, Vec::new(), Rect { height: 1, ..area }, buf);
        let pretty = serde_json::to_string_pretty(&record.data).unwrap_or_default();
        let page = pager::Page::new(&Untrusted::new(pretty));
        let inside =
            Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: area.height - 1 };
        pager::render(&page, &self.data, theme, inside, buf);
    }

    /// Paints the output's heading and its lines.
    fn tail(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let output = &scene.facts.output;
        let (text, tone) = match output.act.as_str() {
            "" => (" nothing was printed yet".to_owned(), Tone::Dim),
            act => (format!(" output of {}", Untrusted::from(act).one_line()), Tone::Strong),
        };
        let mut left = vec![Part::new(text, theme.style(tone), 0)];
        if self.back > 0 {
            let text = format!(" · {} lines back, G follows the end", self.back);
            left.push(Part::new(text, theme.style(Tone::Warn), 1));
        }
        let dropped = match output.dropped {
            0 => String::new(),
            bytes => format!("{} earlier bytes are only in the file ", text::count(bytes)),
        };
        let right = vec![Part::new(dropped, theme.style(Tone::Dim), 2)];
        line::render(left, right, Rect { height: 1, ..area }, buf);
        let inside =
            Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: area.height - 1 };
        tail::render(&output.lines, self.back, theme, inside, buf);
    }
}

fn cells(record: &Record) -> Vec<Cell> {
    let (said, tone) = words::of(record);
    let shown =
        |text: &Option<String>| Untrusted::from(text.as_deref().unwrap_or_default()).one_line();
    let act = match (&record.act, record.attempt) {
        (Some(act), Some(attempt)) if attempt > 1 => format!("{act}·{attempt}"),
        (act, _) => act.clone().unwrap_or_default(),
    };
    let mark = tone.symbol();
    let gap = if mark.is_empty() { "" } else { " " };
    vec![
        Cell::new(record.at.format("%H:%M:%S").to_string(), Tone::Dim),
        Cell::new(words::kind(record.kind), tone),
        shown(&record.step).into(),
        Untrusted::from(act).one_line().into(),
        Cell::new(format!("{mark}{gap}{said}"), tone),
    ]
}

//! What is selected and what is seen, both told by key, never by row number.

use std::cell::Cell;
use std::ops::Range;

use crate::ui::step::Step;

/// Selection and scroll position of a table, kept between paintings.
///
/// A selected row that vanishes is not replaced by its neighbour: the next
/// command would then hit something that nobody chose. The cursor keeps its
/// place, and the next movement goes on from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State<K> {
    selected: Option<K>,
    /// The row where the selected key was last seen.
    row: Cell<usize>,
    /// The first seen row.
    top: Cell<usize>,
    /// Rows of the last painting: what a page is.
    page: Cell<usize>,
    shift: usize,
    /// How much of the widest growing text did not fit in the last painting.
    hidden: Cell<usize>,
}

impl<K> Default for State<K> {
    fn default() -> Self {
        let [row, top, page, hidden] = [0; 4].map(Cell::new);
        Self { selected: None, row, top, page, shift: 0, hidden }
    }
}

impl<K: Clone + PartialEq> State<K> {
    /// Returns the selected key, if it is still among `keys`.
    #[must_use]
    pub fn selected<'a>(&self, keys: &'a [K]) -> Option<&'a K> {
        self.index(keys).map(|at| &keys[at])
    }

    /// Returns the row of the selected key among `keys`.
    #[must_use]
    pub fn index(&self, keys: &[K]) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        keys.iter().position(|key| key == selected)
    }

    /// Returns the key that was selected last, whether or not it is still there.
    #[must_use]
    pub fn chosen(&self) -> Option<&K> {
        self.selected.as_ref()
    }

    /// Selects `key`.
    pub fn select(&mut self, key: K) {
        self.selected = Some(key);
    }

    /// Moves the selection, or sideways what does not fit.
    pub fn go(&mut self, step: Step, keys: &[K]) {
        match step {
            Step::Up => self.step(keys, -1),
            Step::Down => self.step(keys, 1),
            Step::PageUp => self.page(keys, -1),
            Step::PageDown => self.page(keys, 1),
            Step::First => self.first(keys),
            Step::Last => self.last(keys),
            Step::Left => self.scroll(-8),
            Step::Right => self.scroll(8),
        }
    }

    /// Moves the selection by `rows`, up when negative, stopping at the ends.
    /// The first movement of all selects the first row.
    pub fn step(&mut self, keys: &[K], rows: isize) {
        let at = match (self.index(keys), &self.selected) {
            (Some(at), _) => at.saturating_add_signed(rows),
            (None, Some(_)) => self.row.get().saturating_add_signed(rows.min(0)),
            (None, None) => 0,
        };
        self.to(keys, at);
    }

    /// Moves the selection by `pages` of the height last painted.
    pub fn page(&mut self, keys: &[K], pages: isize) {
        let page = isize::try_from(self.page.get().max(1)).unwrap_or(1);
        self.step(keys, pages.saturating_mul(page));
    }

    /// Selects the first row.
    pub fn first(&mut self, keys: &[K]) {
        self.to(keys, 0);
    }

    /// Selects the last row.
    pub fn last(&mut self, keys: &[K]) {
        self.to(keys, usize::MAX);
    }

    /// Scrolls the growing columns sideways by `cells`, as far as text was cut when it was
    /// last painted.
    pub fn scroll(&mut self, cells: isize) {
        self.shift = self.shift.saturating_add_signed(cells).min(self.hidden.get());
    }

    /// Notes how many cells of the widest text do not fit.
    pub(super) fn hides(&self, cells: usize) {
        self.hidden.set(cells);
    }

    /// Returns by how many cells the growing columns are scrolled.
    pub(super) fn shift(&self) -> usize {
        self.shift.min(self.hidden.get())
    }

    pub(super) fn is_selected(&self, key: &K) -> bool {
        self.selected.as_ref() == Some(key)
    }

    fn to(&mut self, keys: &[K], row: usize) {
        let row = row.min(keys.len().saturating_sub(1));
        if let Some(key) = keys.get(row) {
            self.selected = Some(key.clone());
            self.row.set(row);
        }
    }

    /// Returns the rows to paint in `height`, the selected one among them; the
    /// first row changes only if it has to.
    pub(super) fn show(&self, keys: &[K], height: usize) -> Range<usize> {
        self.page.set(height);
        let mut top = self.top.get().min(keys.len().saturating_sub(height));
        if let Some(at) = self.index(keys) {
            self.row.set(at);
            top = top.min(at).max((at + 1).saturating_sub(height));
        }
        self.top.set(top);
        top..keys.len().min(top + height)
    }
}

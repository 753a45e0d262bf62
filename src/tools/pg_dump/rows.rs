//! Counting the rows of a table's data without keeping any of it.

/// Counts the lines before the line `\.`, however long a line is.
#[derive(Debug, Default)]
pub(super) struct Counter {
    rows: u64,
    /// The first bytes of the line that is read now, and how long it is so far.
    begin: [u8; 2],
    length: usize,
    has_ended: bool,
    has_more: bool,
}

impl Counter {
    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.has_ended {
                self.has_more |= rest.iter().any(|byte| *byte != b'\n');
                return;
            }
            let newline = memchr::memchr(b'\n', rest);
            let end = newline.unwrap_or(rest.len());
            self.line(&rest[..end]);
            if newline.is_some() {
                self.end_line();
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }

    fn line(&mut self, piece: &[u8]) {
        let free = self.begin.iter_mut().skip(self.length);
        free.zip(piece).for_each(|(kept, byte)| *kept = *byte);
        self.length = self.length.saturating_add(piece.len());
    }

    fn end_line(&mut self) {
        if self.length == 2 && self.begin == *b"\\." {
            self.has_ended = true;
        } else {
            self.rows += 1;
        }
        self.length = 0;
    }

    /// Returns how many rows there were.
    ///
    /// # Errors
    /// If the line `\.` is missing, or something stands behind it.
    pub fn end(&self) -> Result<u64, &'static str> {
        match (self.has_ended, self.has_more) {
            (false, _) => Err("its rows do not end"),
            (true, true) => Err("something stands behind the end of its rows"),
            (true, false) => Ok(self.rows),
        }
    }
}

//! What a script's statement is, as far as it tells whether rows follow it, and how texts and
//! letters are read behind it.

use super::encoding::Encoding;

/// So many bytes of a statement tell that it is a setting.
const LONGEST: usize = 128;
const CONFORMING: &[u8] = b"standard_conforming_strings";
const ENCODING: &[u8] = b"client_encoding";

/// A client encoding whose letters are not read here as `psql` does.
pub(super) const FOREIGN: &str = "a client_encoding that psql may read in another way than this \
    program does: dump it anew with --encoding=UTF8";
/// What no dump has, and nobody could follow.
pub(super) const UNSEEN: &str = "client_encoding or standard_conforming_strings changed in another \
    way than by SET, or a ROLLBACK, which no dump has";

/// A statement, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Statement {
    /// Its first words and signs, in small letters, a blank between them.
    head: Vec<u8>,
    words: usize,
    is_copy: bool,
    /// The last word was FROM, outside of parentheses.
    from: bool,
    /// FROM STDIN.
    copies: bool,
    parentheses: u32,
    /// The beginnings of the words that make it a function or procedure, by their place.
    made: [u8; 4],
    /// BEGIN ATOMIC, and CASE in it.
    blocks: u32,
    /// Whether a backslash escapes in plain texts from now on, if it has set that.
    pub escapes: Option<bool>,
    /// How letters are told apart from now on, if it has set that.
    pub encoding: Option<Encoding>,
}

impl Statement {
    /// Takes a word.
    pub fn word(&mut self, word: &[u8]) {
        self.note(word);
        let word = word.to_ascii_lowercase();
        if self.words == 0 {
            self.is_copy = word == b"copy";
        }
        if let b"create" | b"or" | b"replace" | b"function" | b"procedure" = word.as_slice()
            && let Some(made) = self.made.get_mut(self.words)
        {
            *made = word[0];
        }
        self.words += 1;
        if self.parentheses > 0 {
            return;
        }
        self.copies |= self.is_copy && self.from && word == b"stdin";
        self.from = word == b"from";
        if self.makes_routine() {
            match word.as_slice() {
                b"begin" => self.blocks += 1,
                b"case" if self.blocks > 0 => self.blocks += 1,
                b"end" => self.blocks = self.blocks.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// CREATE [OR REPLACE] FUNCTION or PROCEDURE: only in such a statement `;` may be inside of
    /// a block (psql 14 and later; an earlier server knows no such blocks and refuses them).
    fn makes_routine(&self) -> bool {
        matches!(self.made, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p'])
    }

    /// Takes what is no word; returns its length.
    pub fn other(&mut self, sign: &[u8]) -> usize {
        self.note(sign);
        self.from = false;
        sign.len()
    }

    pub fn open(&mut self) {
        self.parentheses += 1;
    }

    pub fn close(&mut self) {
        self.parentheses = self.parentheses.saturating_sub(1);
    }

    /// Ends it, unless the `;` is inside of it; returns true if rows follow.
    ///
    /// # Errors
    /// What it does that makes what follows unreadable.
    pub fn end(&mut self) -> Result<bool, &'static str> {
        if self.parentheses > 0 || self.blocks > 0 {
            return Ok(false);
        }
        let done = std::mem::take(self);
        if done.is_unseen() {
            return Err(UNSEEN);
        }
        self.escapes = done.sets().or(done.escapes);
        self.encoding = done.encodes()?.or(done.encoding);
        Ok(done.copies)
    }

    /// Takes what is in quotes too.
    pub fn note(&mut self, what: &[u8]) {
        if self.head.len() < LONGEST {
            self.head.extend(what.iter().take(LONGEST).map(u8::to_ascii_lowercase));
            self.head.push(b' ');
        }
    }

    fn head(&self) -> impl Iterator<Item = &[u8]> {
        self.head.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
    }

    /// Returns true for what changes how psql reads in a way that is not followed here.
    fn is_unseen(&self) -> bool {
        let names = |word: &[u8]| [CONFORMING, ENCODING].contains(&word);
        let mut words = self.head();
        match words.next() {
            Some(b"rollback" | b"abort") => true,
            Some(b"reset" | b"discard") => words.any(|word| names(word) || word == b"all"),
            // Until the transaction ends, which a dump may do itself.
            Some(b"set") => words.next() == Some(b"local") && words.next().is_some_and(names),
            Some(b"select") => words.any(|word| word == b"set_config") && self.head().any(names),
            _ => false,
        }
    }

    /// Returns how letters are told apart, if the statement sets that.
    fn encodes(&self) -> Result<Option<Encoding>, &'static str> {
        let mut words = self.head();
        if words.next() != Some(b"set") {
            return Ok(None);
        }
        let mut words = words.skip_while(|word| *word == b"session");
        if !matches!(words.next(), Some(name) if name == ENCODING || name == b"names") {
            return Ok(None);
        }
        let value: Vec<u8> = words
            .filter(|word| ![b"=".as_slice(), b"to"].contains(word))
            .collect::<Vec<_>>()
            .concat();
        Encoding::named(&value).map(Some).ok_or(FOREIGN)
    }

    /// Returns whether a plain text has escapes, if the statement sets that.
    fn sets(&self) -> Option<bool> {
        let mut words = self.head();
        if words.next() != Some(b"set") || !words.any(|word| word == CONFORMING) {
            return None;
        }
        Some(words.any(|word| matches!(word, b"off" | b"false" | b"no" | b"0")))
    }
}

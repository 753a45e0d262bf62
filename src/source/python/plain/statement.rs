//! Statements, and blocks of them.

use super::Plain;

impl Plain<'_> {
    /// Reads a statement or a comment, with the comment that stands behind it, up to the end
    /// of its line. `indent` is how far it is indented.
    pub(super) fn line(&mut self, indent: usize) -> Option<()> {
        if self.peek() != Some(b'#') {
            let is_block = self.statement(indent)?;
            if is_block {
                return Some(());
            }
        }
        self.ends()
    }

    /// Reads the comment at the end of a line, if there is one.
    fn ends(&mut self) -> Option<()> {
        self.space();
        if self.peek() == Some(b'#') {
            self.comment();
        }
        (self.peek().is_none() || self.eat(b'\n')).then_some(())
    }

    /// Reads a statement; returns true if it ended with a block.
    fn statement(&mut self, indent: usize) -> Option<bool> {
        let from = self.at;
        match self.name().unwrap_or_default() {
            "import" => self.import()?,
            "from" => self.import_from()?,
            "pass" => self.leaf("pass_statement", "", 4),
            "return" => self.with_value("return_statement", "return")?,
            "raise" => self.with_value("raise_statement", "raise")?,
            "def" => return self.compound(indent, Self::function),
            "with" => return self.compound(indent, Self::with),
            "if" => return self.compound(indent, Self::choice),
            _ => self.simple(from)?,
        }
        Some(false)
    }

    fn compound(
        &mut self,
        indent: usize,
        read: impl FnOnce(&mut Self, usize) -> Option<()>,
    ) -> Option<bool> {
        self.within(|plain| read(plain, indent))?;
        Some(true)
    }

    fn with_value(&mut self, kind: &'static str, word: &str) -> Option<()> {
        let statement = self.planted.open(kind, "", self.at);
        self.at += word.len();
        self.planted.close(statement, self.at);
        self.space();
        if !matches!(self.peek(), None | Some(b'\n' | b'#')) {
            self.expression()?;
            self.planted.close(statement, self.at);
        }
        Some(())
    }

    /// Reads an expression, or an assignment to a name.
    fn simple(&mut self, from: usize) -> Option<()> {
        let statement = self.planted.open("expression_statement", "", from);
        let first = self.planted.here();
        self.expression()?;
        let mut end = self.at;
        self.space();
        let is_given = matches!(self.peek(), Some(b'=' | b':'));
        if is_given {
            self.planted.is("identifier", first).then_some(())?;
            self.planted.wrap(first, "assignment", "left");
        }
        if self.eat(b':') {
            self.space();
            self.annotation("type")?;
            end = self.at;
            self.space();
        }
        if is_given && self.eat(b'=') {
            self.space();
            let right = self.planted.here();
            self.expression()?;
            self.planted.name(right, "right");
            end = self.at;
        }
        if is_given {
            self.planted.close(first, end);
        }
        self.at = end;
        self.planted.close(statement, end);
        Some(())
    }

    fn import(&mut self) -> Option<()> {
        let statement = self.planted.open("import_statement", "", self.at);
        self.at += "import".len();
        self.imported()?;
        self.planted.close(statement, self.at);
        Some(())
    }

    fn import_from(&mut self) -> Option<()> {
        let statement = self.planted.open("import_from_statement", "", self.at);
        self.at += "from".len();
        self.space();
        (self.name() != Some("__future__")).then_some(())?;
        self.dotted("module_name")?;
        self.space();
        self.word("import").then_some(())?;
        self.space();
        if self.eat(b'(') {
            self.brackets += 1;
            self.imported()?;
            self.expect(b')')?;
            self.brackets -= 1;
        } else {
            self.imported()?;
        }
        self.planted.close(statement, self.at);
        Some(())
    }

    /// Reads names with what they are called here.
    fn imported(&mut self) -> Option<()> {
        loop {
            self.space();
            let first = self.planted.here();
            self.dotted("name")?;
            let end = self.at;
            self.space();
            if self.word("as") {
                self.planted.wrap(first, "aliased_import", "name");
                self.space();
                self.identifier("alias")?;
                self.planted.close(first, self.at);
            } else {
                self.at = end;
            }
            let end = self.at;
            self.space();
            if !self.eat(b',') {
                self.at = end;
                return Some(());
            }
            self.space();
            if self.brackets > 0 && self.peek() == Some(b')') {
                return Some(());
            }
        }
    }

    fn dotted(&mut self, field: &'static str) -> Option<()> {
        let dotted = self.planted.open("dotted_name", field, self.at);
        self.identifier("")?;
        while self.eat(b'.') {
            self.identifier("")?;
        }
        self.planted.close(dotted, self.at);
        Some(())
    }

    fn function(&mut self, indent: usize) -> Option<()> {
        let function = self.planted.open("function_definition", "", self.at);
        self.at += "def".len();
        self.space();
        self.identifier("name")?;
        self.space();
        let parameters = self.planted.open("parameters", "parameters", self.at);
        self.expect(b'(')?;
        while !self.eat(b')') {
            self.identifier("")?;
            (self.eat(b',') || self.peek() == Some(b')')).then_some(())?;
            self.space();
        }
        self.planted.close(parameters, self.at);
        self.space();
        if self.eat(b'-') {
            self.eat(b'>').then_some(())?;
            self.space();
            self.annotation("return_type")?;
        }
        let end = self.block("body", indent)?;
        self.planted.close(function, end);
        Some(())
    }

    fn with(&mut self, indent: usize) -> Option<()> {
        let with = self.planted.open("with_statement", "", self.at);
        self.at += "with".len();
        self.space();
        // Brackets around what is opened are of the statement, or of a value.
        (self.peek() != Some(b'(')).then_some(())?;
        let clause = self.planted.open("with_clause", "", self.at);
        let item = self.planted.open("with_item", "", self.at);
        let value = self.planted.here();
        self.expression()?;
        let mut end = self.at;
        self.space();
        if self.word("as") {
            self.planted.wrap(value, "as_pattern", "");
            self.space();
            let target = self.planted.open("as_pattern_target", "alias", self.at);
            self.identifier("")?;
            end = self.at;
            self.planted.close(target, end);
            self.planted.close(value, end);
        }
        self.at = end;
        self.planted.name(value, "value");
        self.planted.close(item, end);
        self.planted.close(clause, end);
        let end = self.block("body", indent)?;
        self.planted.close(with, end);
        Some(())
    }

    fn choice(&mut self, indent: usize) -> Option<()> {
        let choice = self.planted.open("if_statement", "", self.at);
        self.at += "if".len();
        let mut end = self.condition(indent)?;
        while self.is_at(indent, "elif") {
            self.at += indent;
            let clause = self.planted.open("elif_clause", "alternative", self.at);
            self.at += "elif".len();
            end = self.condition(indent)?;
            self.planted.close(clause, end);
        }
        if self.is_at(indent, "else") {
            self.at += indent;
            let clause = self.planted.open("else_clause", "alternative", self.at);
            self.at += "else".len();
            end = self.block("body", indent)?;
            self.planted.close(clause, end);
        }
        self.planted.close(choice, end);
        Some(())
    }

    fn condition(&mut self, indent: usize) -> Option<usize> {
        self.space();
        let condition = self.planted.here();
        self.expression()?;
        self.planted.name(condition, "condition");
        self.block("consequence", indent)
    }

    /// Returns true if a line comes next that is indented so far and begins with this word.
    fn is_at(&mut self, indent: usize, word: &str) -> bool {
        let from = self.at;
        self.at += self.indent();
        let is_there = self.at == from + indent && self.name() == Some(word);
        self.at = from;
        is_there
    }

    fn indent(&self) -> usize {
        self.bytes()[self.at..].iter().take_while(|byte| **byte == b' ').count()
    }

    /// Reads a colon and the lines that are indented further below; returns where they end. A
    /// comment below them belongs to them if it is indented as they are.
    fn block(&mut self, field: &'static str, outer: usize) -> Option<usize> {
        self.expect(b':')?;
        self.ends()?;
        let mut block = None;
        let mut end = self.at;
        loop {
            let (line, indent) = (self.at, self.indent());
            self.at += indent;
            match self.peek() {
                Some(b'\n') => {
                    self.at += 1;
                    continue;
                }
                Some(_) if indent > outer => {}
                _ => {
                    self.at = line;
                    break;
                }
            }
            let is_comment = self.peek() == Some(b'#');
            if block.is_none() && !is_comment {
                block = Some((self.planted.open("block", field, self.at), indent));
            }
            match block {
                Some((_, own)) => (own == indent).then_some(())?,
                // Whose a comment is that stands before tells the next line only.
                None => self.is_followed(indent).then_some(())?,
            }
            self.line(indent)?;
            end = self.planted.end();
        }
        let (block, _) = block?;
        self.planted.close(block, end);
        Some(end)
    }

    /// Returns true if the next line is indented as far.
    fn is_followed(&self, indent: usize) -> bool {
        let next = memchr::memchr(b'\n', &self.bytes()[self.at..]).map(|at| self.at + at + 1);
        let rest = &self.bytes()[next.unwrap_or(self.text.len())..];
        rest.iter().take_while(|byte| **byte == b' ').count() == indent
            && rest.get(indent).is_some_and(|byte| *byte != b'\n')
    }
}

//! Expressions: names, calls and literals.

use super::Plain;

/// Operators of which several in a row are read from the left.
const OPERATORS: [(u8, &str); 2] = [(b'+', "+"), (b'|', "|")];

/// So many steps of one chain are followed: each moves all that was read of it.
const CHAIN: u32 = 128;

impl Plain<'_> {
    /// Reads an expression; the caller looks at what follows it.
    pub(super) fn expression(&mut self) -> Option<()> {
        self.within(Self::compared)
    }

    /// Reads `a == b`, at most one comparison.
    fn compared(&mut self) -> Option<()> {
        let first = self.planted.here();
        self.joined()?;
        let end = self.at;
        self.space();
        let rest = &self.bytes()[self.at..];
        let sign = match rest {
            [b'=', b'=', ..] => "==",
            [b'!', b'=', ..] => "!=",
            _ => {
                self.at = end;
                return Some(());
            }
        };
        self.planted.wrap(first, "comparison_operator", "");
        self.planted.sign(sign, "operators", self.at);
        self.at += sign.len();
        self.space();
        self.joined()?;
        self.planted.close(first, self.at);
        Some(())
    }

    /// Reads `a + b + c`, of one operator.
    fn joined(&mut self) -> Option<()> {
        let first = self.planted.here();
        self.primary()?;
        let mut only = None;
        for _ in 0..CHAIN {
            let end = self.at;
            self.space();
            let next = self.peek();
            let Some((byte, sign)) = OPERATORS.into_iter().find(|(byte, _)| Some(*byte) == next)
            else {
                self.at = end;
                return Some(());
            };
            if only.is_some_and(|only| only != byte) || self.bytes().get(self.at + 1) == Some(&b'=')
            {
                return None;
            }
            only = Some(byte);
            self.planted.wrap(first, "binary_operator", "left");
            self.planted.sign(sign, "operator", self.at);
            self.at += 1;
            self.space();
            let right = self.planted.here();
            self.primary()?;
            self.planted.name(right, "right");
            self.planted.close(first, self.at);
        }
        None
    }

    /// Reads a name or a literal with all that is done to it: `a.b(c)[0]`.
    fn primary(&mut self) -> Option<()> {
        let first = self.planted.here();
        self.atom()?;
        for _ in 0..CHAIN {
            let end = self.at;
            self.space();
            match self.peek() {
                Some(b'.') => {
                    self.at += 1;
                    self.space();
                    self.planted.wrap(first, "attribute", "object");
                    self.identifier("attribute")?;
                }
                Some(b'(') => {
                    self.planted.wrap(first, "call", "function");
                    self.within(Self::arguments)?;
                }
                Some(b'[') => {
                    self.planted.wrap(first, "subscript", "value");
                    self.within(Self::index)?;
                }
                _ => {
                    self.at = end;
                    return Some(());
                }
            }
            self.planted.close(first, self.at);
        }
        None
    }

    fn atom(&mut self) -> Option<()> {
        if self.begins_text() {
            return self.texts();
        }
        match self.peek()? {
            b'(' => self.within(|plain| plain.listed(b')', "tuple")),
            b'[' => self.within(|plain| plain.listed(b']', "list")),
            b'{' => self.within(|plain| plain.listed(b'}', "dictionary")),
            b'0'..=b'9' => self.number(),
            b'-' => self.negative(),
            b'.' if self.bytes()[self.at..].starts_with(b"...") => {
                self.leaf("ellipsis", "", 3);
                Some(())
            }
            _ => {
                let kind = match self.name()? {
                    "None" => "none",
                    "True" => "true",
                    "False" => "false",
                    _ => return self.identifier("").map(|_| ()),
                };
                self.leaf(kind, "", self.name()?.len());
                Some(())
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let rest = &self.bytes()[self.at..];
        let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let whole = digits(rest);
        // What begins with a zero may be of another base.
        (whole == 1 || whole > 1 && rest[0] != b'0').then_some(())?;
        let (kind, length) = match rest.get(whole) {
            Some(b'.') => ("float", whole + 1 + digits(&rest[whole + 1..])),
            _ => ("integer", whole),
        };
        let next = rest.get(length).copied().unwrap_or(b' ');
        let goes_on =
            next.is_ascii_alphanumeric() || matches!(next, b'_' | b'.') || !next.is_ascii();
        let is_bare = kind == "float" && length == whole + 1;
        (!goes_on && !is_bare).then_some(())?;
        self.leaf(kind, "", length);
        Some(())
    }

    fn negative(&mut self) -> Option<()> {
        let unary = self.planted.open("unary_operator", "", self.at);
        self.planted.sign("-", "operator", self.at);
        self.at += 1;
        let argument = self.planted.here();
        self.number()?;
        self.planted.name(argument, "argument");
        self.planted.close(unary, self.at);
        Some(())
    }

    /// Reads what stands in brackets; in round ones without a comma it is only one value.
    fn listed(&mut self, close: u8, kind: &'static str) -> Option<()> {
        let list = self.planted.open(kind, "", self.at);
        self.at += 1;
        self.brackets += 1;
        let (mut commas, mut values, mut pairs) = (0, 0, 0);
        loop {
            self.gap();
            if self.eat(close) {
                break;
            }
            (values == commas).then_some(())?;
            values += 1;
            if close == b'}' {
                pairs += usize::from(self.pair()?);
            } else {
                self.expression()?;
            }
            self.gap();
            commas += usize::from(self.eat(b','));
        }
        self.brackets -= 1;
        match close {
            b')' if values == 1 && commas == 0 => {
                self.planted.rename(list, "parenthesized_expression");
            }
            b'}' if pairs == 0 && values > 0 => self.planted.rename(list, "set"),
            b'}' if pairs != values => return None,
            _ => {}
        }
        self.planted.close(list, self.at);
        Some(())
    }

    /// Reads `key: value`; returns false if it is only a value.
    fn pair(&mut self) -> Option<bool> {
        let first = self.planted.here();
        self.expression()?;
        self.space();
        if !self.eat(b':') {
            return Some(false);
        }
        self.planted.wrap(first, "pair", "key");
        self.space();
        let value = self.planted.here();
        self.expression()?;
        self.planted.name(value, "value");
        self.planted.close(first, self.at);
        Some(true)
    }

    fn arguments(&mut self) -> Option<()> {
        let list = self.planted.open("argument_list", "arguments", self.at);
        self.at += 1;
        self.brackets += 1;
        loop {
            self.gap();
            if self.eat(b')') {
                break;
            }
            self.argument()?;
            self.gap();
            if !self.eat(b',') {
                self.eat(b')').then_some(())?;
                break;
            }
        }
        self.brackets -= 1;
        self.planted.close(list, self.at);
        Some(())
    }

    fn argument(&mut self) -> Option<()> {
        let first = self.planted.here();
        if self.peek() == Some(b'*') {
            let is_double = self.bytes().get(self.at + 1) == Some(&b'*');
            let (kind, width) = if is_double { ("dictionary_splat", 2) } else { ("list_splat", 1) };
            self.planted.open(kind, "", self.at);
            self.at += width;
            self.primary()?;
            self.planted.close(first, self.at);
            return Some(());
        }
        self.expression()?;
        let end = self.at;
        self.space();
        if self.peek() != Some(b'=') {
            self.at = end;
            return Some(());
        }
        self.planted.is("identifier", first).then_some(())?;
        self.at += 1;
        self.planted.wrap(first, "keyword_argument", "name");
        self.space();
        let value = self.planted.here();
        self.expression()?;
        self.planted.name(value, "value");
        self.planted.close(first, self.at);
        Some(())
    }

    /// Reads `[value]` behind a value.
    fn index(&mut self) -> Option<()> {
        self.at += 1;
        self.brackets += 1;
        loop {
            self.space();
            let one = self.planted.here();
            self.expression()?;
            self.planted.name(one, "subscript");
            self.space();
            if !self.eat(b',') {
                break;
            }
        }
        self.eat(b']').then_some(())?;
        self.brackets -= 1;
        Some(())
    }

    /// Reads what stands behind the colon of a name.
    pub(super) fn annotation(&mut self, field: &'static str) -> Option<()> {
        let kind = self.planted.open("type", field, self.at);
        let is_bare = |word: &str| self.bytes().get(self.at + word.len()) == Some(&b'[');
        if self.name().is_some_and(is_bare) {
            self.within(Self::generic)?;
        } else {
            let begins_name =
                |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'"' | b'\'');
            self.peek().filter(|byte| begins_name(*byte))?;
            let first = self.planted.here();
            self.joined()?;
            // Behind the name of a module it is another thing again.
            (!self.planted.begins_with("subscript", first)).then_some(())?;
        }
        self.planted.close(kind, self.at);
        Some(())
    }

    /// Reads `Union[str, None]`, nothing more.
    fn generic(&mut self) -> Option<()> {
        let generic = self.planted.open("generic_type", "", self.at);
        self.identifier("")?;
        let list = self.planted.open("type_parameter", "", self.at);
        self.at += 1;
        self.brackets += 1;
        loop {
            self.space();
            self.annotation("")?;
            self.space();
            if !self.eat(b',') {
                break;
            }
        }
        self.eat(b']').then_some(())?;
        self.brackets -= 1;
        self.planted.close(list, self.at);
        self.planted.close(generic, self.at);
        Some(())
    }
}

//! The password file (`.pgpass`).

use std::fmt;

use secrecy::SecretString;

/// The socket directories that PostgreSQL's packages are built with: libpq looks these up as
/// `localhost` in the password file, and any other directory under its own path.
pub const DEFAULT_SOCKET_DIRECTORIES: &[&str] = &["/var/run/postgresql", "/tmp", "/private/tmp"];

/// The entries of a password file.
#[derive(Clone, Default)]
pub struct Passfile(Vec<Entry>);

#[derive(Clone)]
struct Entry {
    /// Host, port, database, user; `None` is `*`.
    fields: [Option<String>; 4],
    password: SecretString,
}

impl Passfile {
    /// Parses the text: lines `host:port:database:user:password` with `\:` and `\\`;
    /// comments and lines of another form are passed over, as libpq does.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(entry).collect())
    }

    /// Returns the password of the first entry that matches.
    #[must_use]
    pub fn find(&self, host: &str, port: u16, database: &str, user: &str) -> Option<&SecretString> {
        let host = if DEFAULT_SOCKET_DIRECTORIES.contains(&host) { "localhost" } else { host };
        let port = port.to_string();
        let wanted = [host, &port, database, user];
        self.0.iter().find(|entry| entry.matches(wanted)).map(|entry| &entry.password)
    }
}

impl Entry {
    fn matches(&self, wanted: [&str; 4]) -> bool {
        self.fields
            .iter()
            .zip(wanted)
            .all(|(field, wanted)| field.as_deref().is_none_or(|field| field == wanted))
    }
}

impl fmt::Debug for Passfile {
    /// Shows how many entries there are, and nothing of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passfile({} entries)", self.0.len())
    }
}

fn entry(line: &str) -> Option<Entry> {
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    let mut field = || {
        let (text, remainder) = cut(rest)?;
        rest = remainder;
        Some(text)
    };
    let fields = [field()?, field()?, field()?, field()?];
    let password = unescape(rest);
    (!password.is_empty()).then(|| Entry {
        fields: fields.map(|field| (field != "*").then(|| unescape(field))),
        password: password.into(),
    })
}

/// Cuts at the first colon that no backslash protects.
fn cut(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            ':' if !escaped => return Some((&text[..at], &text[at + 1..])),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => plain.extend(rest.next()),
            c => plain.push(c),
        }
    }
    plain
}

//! Client encodings in which a byte of a letter may look like a sign: in SJIS and its like the
//! second byte may be a backslash. `psql` reads a line by the letters of its connection's encoding
//! and takes none of their later bytes for a sign (`psqlscan_prepare_buffer` of PostgreSQL).

use std::borrow::Cow;

/// How `psql` tells letters apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// No later byte of a letter is one of ASCII.
    #[default]
    Apart,
    /// Two bytes, but for half-width kana (`pg_sjis_mblen`).
    Sjis,
    /// Two bytes, whatever the second one is (`pg_big5_mblen` and the like).
    Two,
    /// Two bytes, or four where the second one is a digit (`pg_gb18030_mblen`).
    Gb18030,
}

/// Names of encodings in which no later byte is one of ASCII (`pg_encname_tbl`).
const APART: [&str; 21] = [
    "utf8",
    "unicode",
    "sqlascii",
    "eucjp",
    "eucjis2004",
    "euccn",
    "euckr",
    "euctw",
    "muleinternal",
    "koi8",
    "koi8r",
    "koi8u",
    "abc",
    "alt",
    "tcvn",
    "tcvn5712",
    "vscii",
    "win",
    "win866",
    "win874",
    "windows866",
];
/// How further ones begin.
const FAMILIES: [&str; 5] = ["latin", "iso8859", "win125", "windows125", "windows874"];

impl Encoding {
    /// Returns the encoding of that name, which is read as the server does: without signs, in
    /// small letters. `None`: it is not known here, or versions of `psql` read it differently
    /// (JOHAB).
    pub fn named(name: &[u8]) -> Option<Self> {
        let name: String = name
            .iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect();
        Some(match name.as_str() {
            "sjis" | "shiftjis" | "mskanji" | "win932" | "windows932" | "shiftjis2004" => {
                Self::Sjis
            }
            "big5" | "win950" | "windows950" | "gbk" | "win936" | "windows936" | "uhc"
            | "win949" | "windows949" => Self::Two,
            "gb18030" => Self::Gb18030,
            apart if APART.contains(&apart) => Self::Apart,
            apart if FAMILIES.iter().any(|begin| apart.starts_with(begin)) => Self::Apart,
            _ => return None,
        })
    }

    /// Returns the line as `psql` reads it: the later bytes of letters are no signs.
    pub fn seen(self, line: &[u8]) -> Cow<'_, [u8]> {
        if self == Self::Apart || line.is_ascii() {
            return Cow::Borrowed(line);
        }
        let (mut seen, mut at) = (line.to_vec(), 0);
        while at < line.len() {
            let end = (at + self.letter(&line[at..])).min(line.len());
            seen[at + 1..end].fill(0xff);
            at = end;
        }
        Cow::Owned(seen)
    }

    /// Returns how many bytes the first letter has.
    fn letter(self, rest: &[u8]) -> usize {
        match (self, rest) {
            (Self::Apart, _) | (_, [..=0x7f, ..]) | (Self::Sjis, [0xa1..=0xdf, ..]) => 1,
            (Self::Gb18030, [_, b'0'..=b'9', ..]) => 4,
            _ => 2,
        }
    }
}

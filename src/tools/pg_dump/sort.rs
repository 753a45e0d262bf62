//! What a file is, from its first bytes: names lie.

/// How something is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, or the same inside of an archive.
    Gzip,
    /// LZ4 frames.
    Lz4,
    /// Zstandard.
    Zstd,
    /// bzip2, which this version does not read.
    Bzip2,
    /// xz, which this version does not read.
    Xz,
}

impl Compression {
    /// Returns its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "not compressed",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }
}

/// What a file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    /// A custom archive, or the table of contents of a directory.
    Archive,
    /// A tar file, perhaps an archive.
    Tar,
    /// A plain script of `pg_dump` or `pg_dumpall`.
    Plain,
    /// Something compressed, perhaps a script.
    Compressed(Compression),
    /// Something encrypted, with its kind.
    Encrypted(&'static str),
}

/// How a script of `pg_dump` begins.
pub(super) const SCRIPT: &[u8] = b"--\n-- PostgreSQL database dump\n";
/// How a script of `pg_dumpall` begins.
pub(super) const CLUSTER: &[u8] = b"--\n-- PostgreSQL database cluster dump\n";
/// How a script looks whose line ends were changed on the way.
const CHANGED: [&[u8]; 2] =
    [b"--\r\n-- PostgreSQL database dump\r\n", b"--\r\n-- PostgreSQL database cluster dump\r\n"];

/// How many first bytes tell what a file is.
pub(super) const HEAD: usize = 512;

/// Returns what a file with these first bytes (up to 512 are looked at) may be.
#[must_use]
pub fn sort(head: &[u8]) -> Option<Sort> {
    const MAGIC: &[(&[u8], Sort)] = &[
        (b"PGDMP", Sort::Archive),
        (SCRIPT, Sort::Plain),
        (CLUSTER, Sort::Plain),
        (CHANGED[0], Sort::Plain),
        (CHANGED[1], Sort::Plain),
        (b"\x1f\x8b", Sort::Compressed(Compression::Gzip)),
        (b"\x28\xb5\x2f\xfd", Sort::Compressed(Compression::Zstd)),
        (b"\x04\x22\x4d\x18", Sort::Compressed(Compression::Lz4)),
        (b"BZh", Sort::Compressed(Compression::Bzip2)),
        (b"\xfd7zXZ\0", Sort::Compressed(Compression::Xz)),
        (b"age-encryption.org/", Sort::Encrypted("age")),
        (b"-----BEGIN AGE ENCRYPTED FILE-----", Sort::Encrypted("age")),
        (b"-----BEGIN PGP MESSAGE-----", Sort::Encrypted("OpenPGP")),
        (b"Salted__", Sort::Encrypted("openssl enc")),
    ];
    // A byte order mark before a script was put there by an editor.
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let found = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
    let found = found.map(|(_, sort)| *sort);
    found
        .or_else(|| is_tar(head).then_some(Sort::Tar))
        .or_else(|| is_open_pgp(head).then_some(Sort::Encrypted("OpenPGP")))
}

/// A message for keys or a passphrase begins with a packet that holds its session key, of tag 1
/// or 3, whose first byte is its version (RFC 9580, 4.2, 5.1 and 5.3).
fn is_open_pgp(head: &[u8]) -> bool {
    let (tag, version) = match *head {
        // Of the old form, whose last two bits tell how many bytes the length has.
        [first @ (0x84 | 0x8c), _, version, ..] | [first @ (0x85 | 0x8d), _, _, version, ..] => {
            ((first >> 2) & 0xf, version)
        }
        [first @ (0xc1 | 0xc3), 0..=191, version, ..]
        | [first @ (0xc1 | 0xc3), 192..=223, _, version, ..] => (first & 0x3f, version),
        _ => return false,
    };
    matches!((tag, version), (1, 3 | 6) | (3, 4..=6))
}

/// `pg_dump` writes `ustar` with a version of `00`; GNU tar and others differ only there.
fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

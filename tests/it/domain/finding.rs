//! Versions as PostgreSQL's programs tell them, and which of them are patched.

use lockkeeper::domain::finding::Version;

fn version(major: u32, minor: u32) -> Version {
    Version { major, minor }
}

#[test]
fn versions_are_read_as_the_programs_print_them() {
    let cases = [
        ("pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", Some(version(15, 14))),
        ("psql (PostgreSQL) 17.6 (Homebrew)", Some(version(17, 6))),
        ("postgres (PostgreSQL) 18beta1", Some(version(18, 0))),
        ("postgres (PostgreSQL) 18.0", Some(version(18, 0))),
        ("command not found", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(Version::parse(text), expected, "{text}");
    }
}

#[test]
fn the_release_before_the_patch_is_unpatched_and_the_patch_is_not() {
    for (major, minor) in [(13, 22), (14, 19), (15, 14), (16, 10), (17, 6)] {
        let patched = version(major, minor);
        assert_eq!(patched.unpatched(), None);
        assert_eq!(version(major, minor + 3).unpatched(), None);
        assert_eq!(version(major, minor - 1).unpatched(), Some(patched));
    }
    assert_eq!(version(18, 0).unpatched(), None);
    assert_eq!(version(12, 22).unpatched(), Some(version(13, 22)), "12 gets no patches any more");
}

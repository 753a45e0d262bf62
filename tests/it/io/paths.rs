//! Where things are kept.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use lockkeeper::io::paths::create_private;
use tempfile::tempdir;

#[test]
fn a_private_directory_is_closed_to_others_even_if_it_was_open() {
    let dir = tempdir().expect("a temporary directory can be made");
    let path = dir.path().join("a/b");
    create_private(&path).expect("it can be made");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("it is ours");
    create_private(&path).expect("it can be closed");
    for path in [path.as_path(), &dir.path().join("a")] {
        let mode = fs::metadata(path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", path.display());
    }
}

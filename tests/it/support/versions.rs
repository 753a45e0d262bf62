//! Servers of other major versions than the installed one: npm carries their programs.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use lockkeeper::io::cluster::Programs;

use super::alembic::run;

/// The packages, by major version.
const PACKAGES: [(u32, &str); 5] = [
    (13, "13.23.0-beta.16"),
    (14, "14.23.0-beta.17"),
    (16, "16.14.0-beta.17"),
    (17, "17.10.0-beta.17"),
    (18, "18.4.0-beta.17"),
];

static HOME: OnceLock<()> = OnceLock::new();

/// Returns the server programs of a major version; the installed ones where npm is not asked
/// for that version.
pub fn programs(major: u32) -> Programs {
    if !PACKAGES.iter().any(|(known, _)| *known == major) {
        return Programs::find().expect("the tests need PostgreSQL's server programs");
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../versions");
    HOME.get_or_init(|| install(&home));
    let bin = home.join(format!("node_modules/pg{major}/native/bin"));
    Programs::find_in(vec![bin]).expect("the package holds them")
}

/// Installs all of them once below `target`.
fn install(home: &Path) {
    fs::create_dir_all(home).expect("it can be made");
    let lock = fs::File::create(home.join("lock")).expect("the lock can be made");
    // Held until it is closed: other test processes wait here.
    lock.lock().expect("the lock can be taken");
    let is_there =
        |major: &u32| home.join(format!("node_modules/pg{major}/native/bin/postgres")).is_file();
    if PACKAGES.iter().all(|(major, _)| is_there(major)) {
        return;
    }
    let arch = if ARCH == "aarch64" { "arm64" } else { "x64" };
    let system = if OS == "macos" { "darwin" } else { "linux" };
    let package = |(major, version): &(u32, &str)| {
        format!("pg{major}@npm:@embedded-postgres/{system}-{arch}@{version}")
    };
    let packages: Vec<String> = PACKAGES.iter().map(package).collect();
    let prefix = home.display().to_string();
    let mut words = vec!["install", "--silent", "--no-save", "--prefix", &prefix];
    words.extend(packages.iter().map(String::as_str));
    run("npm", &words, "these tests need npm and its registry, or a mirror");
}

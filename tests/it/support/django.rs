//! The real Django, and projects for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lockkeeper::io::cluster::PORT;
use lockkeeper::io::site::Site;
use tempfile::TempDir;

use super::alembic::{copy, venv};
use super::drive;
use super::server::Database;

/// The versions that the golden samples were taken from.
const PACKAGES: [&str; 2] = ["django==5.2.19", "psycopg2-binary==2.9.13"];

static BIN: OnceLock<PathBuf> = OnceLock::new();

/// Returns the directory with a `python` that has Django, made once below `target`.
pub fn bin() -> &'static Path {
    BIN.get_or_init(|| venv("django-5.2.19", &PACKAGES))
}

/// Leaves everything but the name to libpq's environment.
const SETTINGS: &str = "\
import os
SECRET_KEY = 'sample-only'
INSTALLED_APPS = ['app'] + [name for name in ['shop'] if os.path.isdir(name)]
DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['PGDATABASE']}}
";

/// A project below a temporary directory.
pub struct Project {
    dir: TempDir,
}

impl Project {
    /// Returns a copy of the sample project that connects by the environment.
    pub fn sample() -> Self {
        let project = Self { dir: tempfile::tempdir().expect("a directory") };
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tools/samples/django");
        copy(&samples, project.path());
        project.write("proj/settings.py", SETTINGS);
        project
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    /// Adds a migration without operations; `more` stands in its class.
    pub fn migration(&self, app: &str, name: &str, dependencies: &str, more: &str) {
        for package in [format!("{app}/__init__.py"), format!("{app}/migrations/__init__.py")] {
            self.write(&package, "");
        }
        let text = format!(
            "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = {dependencies}\n    {more}\n    operations = []\n"
        );
        self.write(&format!("{app}/migrations/{name}.py"), &text);
    }

    /// Runs `manage.py` on `database`.
    pub fn run(&self, database: &Database, words: &[&str]) {
        let mut command = Command::new(bin().join("python"));
        command.arg("manage.py").args(words).current_dir(self.path());
        command.env("PGDATABASE", &database.name).env("PGHOST", &database.socket_dir);
        command.env("PGPORT", PORT.to_string()).env("PGUSER", &database.superuser);
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns the site on `database`.
    pub fn site(&self, database: &Database, state: &Path) -> Site {
        let mut site = drive::site(&database.dsn(), self.path(), state);
        let path = format!("PATH={}:/usr/bin:/bin", bin().display());
        site.loaded.config.project.prefix = vec!["env".to_owned(), path];
        site
    }
}

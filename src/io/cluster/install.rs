//! The platform's command that installs PostgreSQL's server.

use std::fmt;
use std::path::Path;

/// A package system that lockkeeper knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packages {
    /// Debian, Ubuntu and kin.
    Apt,
    /// Fedora, RHEL and kin.
    Dnf,
    /// Homebrew on macOS or Linux.
    Brew,
}

/// A command that installs the server and upgrades nothing that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// Variables that it needs.
    pub environment: Vec<(&'static str, &'static str)>,
    /// The program and its arguments; no shell is involved.
    pub argv: Vec<&'static str>,
}

impl Install {
    /// Returns the command that installs the client programs of one major version, in words;
    /// Debian's, Fedora's and PGDG's packages bear the version in their names.
    #[must_use]
    pub fn clients(major: u32) -> String {
        let sudo = if rustix::process::geteuid().is_root() { "" } else { "sudo " };
        match Self::packages() {
            Some(Packages::Apt) => {
                format!("{sudo}apt-get install --yes postgresql-client-{major}")
            }
            Some(Packages::Dnf) => format!("{sudo}dnf install --assumeyes postgresql{major}"),
            Some(Packages::Brew) => format!("brew install postgresql@{major}"),
            None => format!("the package of PostgreSQL {major}'s client programs"),
        }
    }

    /// Returns the command for this machine and user, if its package system is known.
    #[must_use]
    pub fn here() -> Option<Self> {
        let root = rustix::process::geteuid().is_root();
        Self::packages().map(|packages| Self::with(packages, root))
    }

    /// Returns the package system of this machine, if it is known.
    fn packages() -> Option<Packages> {
        let packages = [
            ("/usr/bin/apt-get", Packages::Apt),
            ("/usr/bin/dnf", Packages::Dnf),
            ("/opt/homebrew/bin/brew", Packages::Brew),
            ("/usr/local/bin/brew", Packages::Brew),
            ("/home/linuxbrew/.linuxbrew/bin/brew", Packages::Brew),
        ];
        packages.into_iter().find(|(path, _)| Path::new(path).exists()).map(|(_, found)| found)
    }

    /// Returns the command of `packages`, through sudo where root is needed.
    #[must_use]
    pub fn with(packages: Packages, root: bool) -> Self {
        let (environment, command): (Vec<_>, Vec<_>) = match packages {
            Packages::Apt => {
                (vec![], vec!["apt-get", "install", "--yes", "--no-upgrade", "postgresql"])
            }
            Packages::Dnf => (vec![], vec!["dnf", "install", "--assumeyes", "postgresql-server"]),
            Packages::Brew => (
                vec![("HOMEBREW_NO_AUTO_UPDATE", "1"), ("HOMEBREW_NO_INSTALL_UPGRADE", "1")],
                vec!["brew", "install", "postgresql@17"],
            ),
        };
        let through_sudo = packages != Packages::Brew && !root;
        let argv = through_sudo.then_some("sudo").into_iter().chain(command).collect();
        Self { environment, argv }
    }
}

impl fmt::Display for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={value} ")?;
        }
        f.write_str(&self.argv.join(" "))
    }
}

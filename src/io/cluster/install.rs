//! The platform's commands that install or upgrade PostgreSQL's programs.

use std::fmt;
use std::fs;
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

impl Packages {
    /// Returns the package system of this machine, if it is known: that of its distribution,
    /// else the first whose program is there.
    #[must_use]
    pub fn here() -> Option<Self> {
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let packages = [
            ("/usr/bin/apt-get", Self::Apt),
            ("/usr/bin/dnf", Self::Dnf),
            ("/opt/homebrew/bin/brew", Self::Brew),
            ("/usr/local/bin/brew", Self::Brew),
            ("/home/linuxbrew/.linuxbrew/bin/brew", Self::Brew),
        ];
        let there = || packages.into_iter().find(|(path, _)| Path::new(path).exists());
        Self::of_release(&release).or_else(|| there().map(|(_, packages)| packages))
    }

    /// Returns the package system that the text of `/etc/os-release` stands for
    /// (os-release(5): `ID`, then the `ID_LIKE` of its kin).
    #[must_use]
    pub fn of_release(text: &str) -> Option<Self> {
        let values = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
        };
        let words = format!("{} {}", values("ID"), values("ID_LIKE"));
        words.split_whitespace().find_map(|word| match word {
            "debian" | "ubuntu" => Some(Self::Apt),
            "fedora" | "rhel" | "centos" => Some(Self::Dnf),
            _ => None,
        })
    }
}

/// A command that installs or upgrades, and touches nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// Variables that it needs.
    pub environment: Vec<(&'static str, &'static str)>,
    /// The program and its arguments; no shell is involved.
    pub argv: Vec<String>,
}

/// What Homebrew is not to do beside what it was asked for.
const BREW: [(&str, &str); 2] =
    [("HOMEBREW_NO_AUTO_UPDATE", "1"), ("HOMEBREW_NO_INSTALL_UPGRADE", "1")];

impl Install {
    /// Returns the command that installs the server on this machine as this user, if its
    /// package system is known.
    #[must_use]
    pub fn here() -> Option<Self> {
        Packages::here().map(|packages| Self::with(packages, is_root()))
    }

    /// Returns the command that installs the client programs of one major version, in words.
    #[must_use]
    pub fn clients(major: u32) -> String {
        match Packages::here() {
            Some(packages) => Self::client(packages, is_root(), Some(major)).to_string(),
            None => format!("the package of PostgreSQL {major}'s client programs"),
        }
    }

    /// Returns the command of `packages` that installs the server, through sudo where root is
    /// needed.
    #[must_use]
    pub fn with(packages: Packages, root: bool) -> Self {
        let words = match packages {
            Packages::Apt => "apt-get install --yes --no-upgrade postgresql",
            Packages::Dnf => "dnf install --assumeyes postgresql-server",
            Packages::Brew => "brew install postgresql@17",
        };
        Self::of(packages, root, words)
    }

    /// Returns the command of `packages` that installs `psql`, `pg_dump` and `pg_restore`;
    /// of that major version where the packages tell majors apart.
    #[must_use]
    pub fn client(packages: Packages, root: bool, major: Option<u32>) -> Self {
        let words = match (packages, major) {
            (Packages::Apt, Some(major)) => {
                format!("apt-get install --yes postgresql-client-{major}")
            }
            (Packages::Apt, None) => "apt-get install --yes postgresql-client".to_owned(),
            (Packages::Dnf, _) => "dnf install --assumeyes postgresql".to_owned(),
            (Packages::Brew, major) => format!("brew install postgresql@{}", major.unwrap_or(17)),
        };
        Self::of(packages, root, &words)
    }

    /// Returns the command of `packages` that brings the client programs of that major version
    /// to their newest release.
    #[must_use]
    pub fn upgrade(packages: Packages, root: bool, major: u32) -> Self {
        let words = match packages {
            Packages::Apt => {
                format!("apt-get install --yes --only-upgrade postgresql-client-{major}")
            }
            Packages::Dnf => "dnf upgrade --assumeyes postgresql".to_owned(),
            Packages::Brew => format!("brew upgrade postgresql@{major}"),
        };
        Self::of(packages, root, &words)
    }

    fn of(packages: Packages, root: bool, words: &str) -> Self {
        let through_sudo = packages != Packages::Brew && !root;
        let argv = through_sudo.then_some("sudo").into_iter().chain(words.split(' '));
        let environment = if packages == Packages::Brew { BREW.to_vec() } else { Vec::new() };
        Self { environment, argv: argv.map(str::to_owned).collect() }
    }
}

/// Returns true if this process may install without sudo.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl fmt::Display for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={value} ")?;
        }
        f.write_str(&self.argv.join(" "))
    }
}

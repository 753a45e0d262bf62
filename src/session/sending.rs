//! The plan of an HTTP request: every byte of it that is no secret, and which program sends it.

use crate::domain::plan::{Action, Command, Plan, Preview, Risk};
use crate::domain::secret::MASK;
use crate::domain::untrusted::Untrusted;

use super::options::{self, Given, list, read, value};
use super::preview::{Ground, bare};

/// The hidden command that sends.
pub const PROGRAM: &str = "__http";

/// How long an answer may take where nothing is said, in milliseconds.
pub const LIMIT: u64 = 30_000;

/// The longest body, in bytes: it is an argument of the program that sends it.
const LONGEST: usize = crate::tools::sql::LONGEST;

/// What the child sends, and what it takes for a success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The method.
    pub method: String,
    /// The address.
    pub url: String,
    /// The headers that may be shown: name and value.
    pub headers: Vec<(String, String)>,
    /// The headers that may not.
    pub secrets: Vec<Hidden>,
    /// The body.
    pub body: Option<String>,
    /// The statuses that are a success; empty: any of 200 to 299.
    pub statuses: Vec<u16>,
    /// How long the answer may take, in milliseconds.
    pub limit_ms: u64,
}

/// A header whose value is in the environment alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The header's name.
    pub header: String,
    /// The variable that holds the secret.
    pub env: String,
    /// What stands before it.
    pub prefix: String,
}

const METHOD: &str = "--method";
const URL: &str = "--url";
const HEADER: &str = "--header";
const SECRET: &str = "--secret";
const BODY: &str = "--body";
const STATUS: &str = "--status";
const LIMIT_MS: &str = "--limit-ms";
const OPTIONS: [&str; 7] = [METHOD, URL, HEADER, SECRET, BODY, STATUS, LIMIT_MS];

impl Job {
    /// Returns the command line, the program's name first.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        let mut argv = vec!["lockkeeper".to_owned(), PROGRAM.to_owned()];
        let mut option = |name: &str, value: String| argv.extend([name.to_owned(), value]);
        option(METHOD, self.method.clone());
        option(URL, self.url.clone());
        for (name, value) in &self.headers {
            option(HEADER, format!("{name}: {value}"));
        }
        for Hidden { header, env, prefix } in &self.secrets {
            // Neither of the first two can hold a blank.
            option(SECRET, format!("{header} {env} {prefix}"));
        }
        if let Some(body) = &self.body {
            option(BODY, body.clone());
        }
        for status in &self.statuses {
            option(STATUS, status.to_string());
        }
        option(LIMIT_MS, self.limit_ms.to_string());
        argv
    }

    /// Reads the command line behind the program's name.
    ///
    /// # Errors
    /// If a word is unknown, missing or not what it must be.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let given: Given<'_> = read(words, &OPTIONS)?;
        let header = |text: &String| {
            let split = text.split_once(": ").ok_or("a header has no value")?;
            Ok((split.0.to_owned(), split.1.to_owned()))
        };
        let status = |text: &String| text.parse().map_err(|_| format!("{text} is no status"));
        Ok(Self {
            method: value(&given, METHOD)?,
            url: value(&given, URL)?,
            headers: list(words, HEADER).iter().map(header).collect::<Result<_, String>>()?,
            secrets: list(words, SECRET)
                .iter()
                .map(|one| hidden(one))
                .collect::<Result<_, String>>()?,
            body: given.get(BODY).map(|body| (*body).to_owned()),
            statuses: list(words, STATUS).iter().map(status).collect::<Result<_, String>>()?,
            limit_ms: options::number(&given, LIMIT_MS)?,
        })
    }

    /// Returns the job that a command is, if it is one of these.
    #[must_use]
    pub fn of(argv: &[String]) -> Option<Self> {
        Self::parse(options::of(argv, PROGRAM)?).ok()
    }

    /// Returns true if that status is a success.
    #[must_use]
    pub fn expects(&self, status: u16) -> bool {
        match self.statuses.as_slice() {
            [] => (200..=299).contains(&status),
            some => some.contains(&status),
        }
    }

    /// Returns the statuses that are a success, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        match self.statuses.as_slice() {
            [] => "any of 200 to 299".to_owned(),
            some => some.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "),
        }
    }

    /// Returns the variables that hold its secrets, each once.
    #[must_use]
    pub fn variables(&self) -> Vec<String> {
        let mut names: Vec<String> = self.secrets.iter().map(|one| one.env.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns what is sent, a line each.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{} {}", self.method, self.url)];
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.extend(self.secrets.iter().map(|Hidden { header, env, prefix }| {
            format!("{header}: {prefix}{MASK} (the value of {env})")
        }));
        match &self.body {
            Some(body) => {
                lines.push(format!("a body of {} bytes:", body.len()));
                lines.push(Untrusted::from(body.as_str()).visible());
            }
            None => lines.push("no body".to_owned()),
        }
        lines
    }
}

fn hidden(text: &str) -> Result<Hidden, String> {
    let mut parts = text.splitn(3, ' ').map(str::to_owned);
    let mut part = || parts.next().ok_or_else(|| format!("{SECRET} takes three words"));
    Ok(Hidden { header: part()?, env: part()?, prefix: part()? })
}

/// Plans the request.
///
/// # Errors
/// Why there can be none.
pub(super) fn plan(job: &Job, declared: Risk, ground: &Ground<'_>) -> Result<Plan, String> {
    if job.body.as_ref().is_some_and(|body| body.len() > LONGEST || body.contains('\0')) {
        let longest = LONGEST / 1000;
        return Err(format!("the body is longer than {longest} kB, or holds a zero byte"));
    }
    if let Some((name, _)) = job.headers.iter().find(|(_, v)| v.chars().any(char::is_control)) {
        return Err(format!("the value of the header {name} holds a control character"));
    }
    let action = Action::Http { method: job.method.clone(), url: job.url.clone() };
    let mut plan = bare(action, declared.max(Risk::Safe), ground);
    plan.command =
        Some(Command { argv: job.argv(), env: job.variables(), cwd: ground.cwd.to_owned() });
    let mut touches = job.lines();
    touches.push(format!(
        "sent once, by no proxy; a redirect is not followed; a success is {} within {} s",
        job.expected(),
        seconds(job.limit_ms),
    ));
    plan.preview = Preview {
        title: format!("{} {}", job.method, shown(&job.url)),
        touches,
        now: vec![
            "an answer that is lost leaves it UNKNOWN: it is not sent again by itself".to_owned(),
        ],
        back: super::preview::NO_WAY_BACK.to_owned(),
        ..Preview::default()
    };
    Ok(plan)
}

fn seconds(ms: u64) -> String {
    match ms % 1000 {
        0 => (ms / 1000).to_string(),
        rest => format!("{}.{rest:03}", ms / 1000),
    }
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

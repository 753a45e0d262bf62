//! `doctor`: what is found, what is missing, and where things are.

mod pin;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::Result;
use serde::Serialize;

use super::site::{self, Loose};
use super::{args, json, print};
use crate::domain::config::Config;
use crate::domain::finding::{Finding, State};
use crate::domain::untrusted::Untrusted;
use crate::io::allowed::Allowed;
use crate::io::doctor;
use crate::io::postgres::target;
use crate::io::runbook::Places;
use crate::io::site::Site;

/// How long the whole look at the target may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    findings: &'a [Finding],
}

/// Looks at everything; exits with 1 if a finding fails. With `--pin` writes the pin instead.
///
/// # Errors
/// When there is no working or home directory, or when a pin cannot be written.
pub fn run(args: &args::Doctor) -> Result<ExitCode> {
    let runtime = crate::cli::runtime()?;
    let loose = site::loose(&args.target)?;
    let code = if args.pin {
        runtime.block_on(pin::pin(&loose, args.yes))
    } else {
        let is_named = matches!(loose.target, Ok(Some(_)));
        let site = site::open(&args.target).ok().filter(|_| is_named);
        let findings = runtime.block_on(examine(&loose, site, args.target.config.is_some()));
        tell(&findings, args.target.json);
        let fails = findings.iter().any(|finding| finding.state == State::Fail);
        Ok(ExitCode::from(u8::from(fails)))
    };
    // A name that does not resolve is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    code
}

async fn examine(loose: &Loose, site: Option<Site>, named: bool) -> Vec<Finding> {
    let (target, server) = look_at_target(loose).await;
    let allowed = Allowed::in_state(&loose.paths.state);
    let mut findings = doctor::programs(site.as_ref(), &allowed, server).await;
    let (defaults, directory) = (Config::default(), None);
    let (config, directory) = match &loose.loaded {
        Ok(loaded) => (&loaded.config, loaded.directory()),
        Err(_) => (&defaults, directory),
    };
    findings.extend(doctor::configuration(&loose.loaded, named, &allowed));
    findings.push(doctor::placeholders(config));
    findings.push(doctor::triggers(config));
    if let Some(site) = &site {
        findings.extend(doctor::probes(site, &allowed).await);
    }
    findings.extend(doctor::tool(config, &loose.project));
    let places = Places::new(directory.map(Path::new), Some(&loose.paths.config));
    findings.extend(doctor::runbooks(&places, &allowed));
    findings.extend(doctor::state(&loose.paths));
    findings.extend(target);
    findings.extend(doctor::terminal(&target::environment()));
    findings
}

/// Returns what is found of the target, and its version if it told one.
async fn look_at_target(loose: &Loose) -> (Vec<Finding>, Option<crate::domain::finding::Version>) {
    let target = match &loose.target {
        Ok(Some(target)) => target,
        Ok(None) => {
            let advice = "name one with --target, --dsn or DATABASE_URL to have it looked at";
            return (vec![Finding::warn("target", "", advice).missing()], None);
        }
        Err(why) => return (vec![Finding::fail("target", why.clone(), "correct it")], None),
    };
    let named = format!("{} (from {})", target.spec.describe(), target.source);
    let mut findings = vec![Finding::ok("target", named)];
    match tokio::time::timeout(LIMIT, doctor::target(target)).await {
        Ok(Ok(reached)) => {
            let version = reached.version();
            findings.extend(reached.findings);
            (findings, Some(version))
        }
        Ok(Err(why)) => {
            findings.extend(why);
            (findings, None)
        }
        Err(_) => {
            let told = format!("no answer within {} s", LIMIT.as_secs());
            findings.push(Finding::fail("connection", told, "look at the network and the server"));
            (findings, None)
        }
    }
}

fn tell(findings: &[Finding], as_json: bool) {
    if as_json {
        json::print(&Document { schema: 1, findings });
        return;
    }
    let width = findings.iter().map(|finding| finding.id.chars().count()).max().unwrap_or(0);
    let shown = |text: &str| Untrusted::from(text).one_line();
    for finding in findings {
        let (symbol, word) = match finding.state {
            State::Ok => ("✓", "ok  "),
            State::Warn => ("▲", "look"),
            State::Fail => ("✖", "FAIL"),
        };
        let value = finding.value.as_deref().map_or_else(|| "not found".to_owned(), shown);
        print(&format!("{symbol} {word}  {:<width$}  {value}", shown(&finding.id)));
        if let Some(advice) = &finding.advice {
            print(&format!("{:width$}          {}", "", shown(advice)));
        }
    }
}

//! What is said of the step: why, what it does, what was read, what is possible now.

use crate::domain::age;
use crate::domain::evidence::{Claim, Expect, Value, Verdict};
use crate::domain::gate::Asks;
use crate::domain::runbook::{
    Act, Action, Backup, Decide, Down, From, Goto, Kind, Migrate, Restore, Skip, Target, Up,
};
use crate::domain::trigger::State;
use crate::domain::untrusted::Untrusted;
use crate::domain::verdict::Level;
use crate::panels::Scene;
use crate::session::walk::{ESCALATE, End, Evidence, Phase, Purpose, Walk};
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::pairs::Pair;

use super::keys;
use super::moves::form;

/// Returns what can be begun, and how it goes.
#[must_use]
pub fn nothing() -> Vec<Pair> {
    vec![
        Pair::new("", "No runbook is being walked.").tone(Tone::Strong),
        Pair::new(
            "m",
            "begins migrate: it looks whether the database is fit for a migration, runs the pending ones one at a time, then looks whether all is well.",
        ),
        Pair::new(
            "",
            "What a probe can tell ticks itself (◉); what only a person can tell is vouched for (☑). What cannot be told stops, and never passes.",
        ),
        Pair::new(
            "",
            "Each act shows its plan first and waits for your yes. Pause, stop after a step, cancel and abandon each have their own key.",
        ),
        Pair::new(
            "",
            "Everything is recorded; after a crash, lockkeeper resume goes on where it was.",
        )
        .tone(Tone::Dim),
    ]
}

/// Returns the answers given so far, and the question that stands: `half done? no ▸ data
/// damaged? no ▸ way down safe?`; `None` before the first question.
#[must_use]
pub fn path(walk: &Walk) -> Option<String> {
    let title = |id: &str| {
        let id = id.rsplit('/').next().unwrap_or(id);
        walk.book().step(id).map_or_else(|| id.to_owned(), |step| step.title.clone())
    };
    let answered = walk.path().iter().map(|one| format!("{} {}", title(&one.step), one.answer));
    let mut parts: Vec<String> = answered.collect();
    let asks = matches!(walk.current().kind, Kind::Decide(_)) && walk.end().is_none();
    if parts.is_empty() && !asks {
        return None;
    }
    if walk.end().is_none() {
        parts.push(walk.current().title.clone());
    }
    Some(shown(&parts.join(" ▸ ")))
}

/// Returns everything about the current step, or about the end.
#[must_use]
pub fn of(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    if let Some(end) = walk.end() {
        return ended(end, scene);
    }
    let about = about(walk, scene);
    let mut now = phase(walk, scene);
    now.extend(offers(walk));
    let is_urgent =
        walk.failure().is_some() || matches!(walk.phase(), Phase::Denied { .. } | Phase::Acting);
    // What went wrong must be seen on the smallest screen.
    let (first, second) = if is_urgent { (now, about) } else { (about, now) };
    first.into_iter().chain(second).chain(replaced(walk)).collect()
}

/// Returns what the step is, and what was read for it.
fn about(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let step = walk.current();
    let mut lines = Vec::new();
    if let Some(handed) = walk.handed().filter(|_| walk.is_paused()) {
        let note = shown(&format!("{} to {}: {}", handed.from, handed.to, handed.note));
        lines.push(Pair::new("handed over", note).tone(Tone::Accent));
    }
    lines.extend(step.why.as_ref().map(|why| Pair::new("why", why.clone())));
    lines.extend(what(walk));
    match &step.kind {
        Kind::Decide(decide) => lines.extend(decision(decide, walk, scene)),
        _ => lines.extend(evidence(walk, scene)),
    }
    lines
}

fn ended(end: &End, scene: &Scene<'_>) -> Vec<Pair> {
    let (text, tone) = match end {
        End::Completed => {
            ("✓ completed: every step that applies passed or was skipped".to_owned(), Tone::Ok)
        }
        End::Abandoned { reason } => (format!("▲ abandoned: {}", shown(reason)), Tone::Warn),
        End::Escalated { question } => {
            (format!("▲ escalated: nobody could tell: {}", shown(question)), Tone::Warn)
        }
    };
    let run = scene.session.run().unwrap_or("unknown");
    let mut lines = vec![Pair::new("end", text).tone(tone)];
    if *end != End::Completed {
        lines.extend(call(&scene.facts.target.contacts));
    }
    lines.extend([
        Pair::new(
            "journal",
            format!(
                "run {run}; the panel Journal shows it, lockkeeper journal show {run} prints it"
            ),
        ),
        Pair::new("m", "begins migrate anew"),
    ]);
    lines
}

/// Returns whom to call.
fn call(contacts: &[String]) -> Vec<Pair> {
    if contacts.is_empty() {
        let text = "nobody is named: fill in [contacts] of lockkeeper.toml";
        return vec![Pair::new("call", text).tone(Tone::Warn)];
    }
    contacts.iter().map(|line| Pair::new("call", shown(line)).tone(Tone::Strong)).collect()
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

fn what(walk: &Walk) -> Vec<Pair> {
    match &walk.current().kind {
        Kind::Notice { text } => vec![Pair::new("read", text.trim().to_owned())],
        Kind::Check(claim) => {
            vec![Pair::new("expects", format!("{}: {}", claim.name, expected(claim, walk)))]
        }
        Kind::Act(act) => acts(act, walk),
        Kind::Manual(manual) => {
            let mut lines = vec![Pair::new("do", manual.text.trim().to_owned()).tone(Tone::Strong)];
            lines.push(Pair::new("answer", form(manual)));
            let shows: Vec<String> = manual
                .verify
                .iter()
                .map(|c| format!("{}: {}", c.name, expected(c, walk)))
                .collect();
            if !shows.is_empty() {
                lines.push(Pair::new("shown by", shows.join("; ")));
            }
            lines
        }
        Kind::Ask(ask) => vec![Pair::new("asks", from(&ask.from))],
        Kind::Approve { role } => vec![Pair::new(
            "approves",
            format!("{role}: somebody other than who runs this; the name is recorded, unverified"),
        )],
        Kind::Watch(watch) => {
            let names: Vec<&str> = watch.probes.iter().map(|(name, _)| name.as_str()).collect();
            let text = format!("{} at least: {}", watch.min_duration, names.join(", "));
            vec![Pair::new("watches", text)]
        }
        Kind::Call { target: Target::Section(id) | Target::Runbook(id) } => {
            vec![Pair::new("goes to", section(walk, id))]
        }
        Kind::Decide(_) => Vec::new(),
    }
}

fn from(from: &From) -> String {
    match from {
        From::Text => "a text".to_owned(),
        From::Number => "a number".to_owned(),
        From::Choice(choices) => format!("one of: {}", choices.join(", ")),
        From::Revision => "a migration, picked from those that are known".to_owned(),
        From::Backup => "a backup".to_owned(),
        From::Table => "a table, picked from those that the migrations touch".to_owned(),
        From::Session => "a session, picked from those that are live".to_owned(),
    }
}

fn expected(claim: &Claim, walk: &Walk) -> Expect {
    claim.expect.resolved(walk)
}

fn acts(act: &Act, walk: &Walk) -> Vec<Pair> {
    let mut lines = vec![Pair::new("runs", action(&act.action))];
    for name in &act.gates {
        let rules = walk.book().gates.get(name).map(|gate| gate.rules.as_slice());
        let says: Vec<&str> = rules.unwrap_or_default().iter().map(|r| r.says.as_str()).collect();
        lines.push(Pair::new("gate", format!("{name}: {}", says.join("; "))));
    }
    let holds: Vec<String> =
        act.verify.iter().map(|c| format!("{}: {}", c.name, expected(c, walk))).collect();
    if !holds.is_empty() {
        lines.push(Pair::new("after", holds.join("; ")));
    }
    lines
}

fn action(action: &Action) -> String {
    match action {
        Action::Migrate(Migrate::Up(Up::Head)) => {
            "every pending migration, each with a plan and a yes of its own".to_owned()
        }
        Action::Migrate(Migrate::Up(Up::Next)) => "the next migration".to_owned(),
        Action::Migrate(Migrate::Up(Up::Revision(to))) => format!("the migrations up to {to}"),
        Action::Migrate(Migrate::Down(Down::Previous)) => {
            "the last migration's way down".to_owned()
        }
        Action::Migrate(Migrate::Down(Down::Revision(to))) => {
            format!("the ways down until the database is at {to}")
        }
        Action::Command(words) => {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            shown(&words.join(" "))
        }
        Action::Sql { text, .. } => Untrusted::from(text.as_str()).visible(),
        Action::Backup(Backup::Full) => "a full backup of the database".to_owned(),
        Action::Backup(Backup::Schema) => "a backup of the schema, without rows".to_owned(),
        Action::Backup(_) => "a backup of some tables".to_owned(),
        Action::VerifyBackup(verify) => {
            format!("a proof of the backup {} to {}", verify.backup, verify.level)
        }
        Action::Restore(Restore::Full { backup }) => format!(
            "a restore of the backup {backup}: a new database is loaded and counted, then swapped in; \
             each act with a plan and a yes of its own"
        ),
        Action::Restore(Restore::Tables { .. }) => "a restore of tables".to_owned(),
        Action::Signal(_) => "a signal to a session".to_owned(),
        Action::Http(_) => "an HTTP request".to_owned(),
    }
}

fn replaced(walk: &Walk) -> Option<Pair> {
    let replaced = walk.current().replaced.as_ref()?;
    let text = format!("{}\nis not run: {}", replaced.instead_of, replaced.because);
    Some(Pair::new("source", text).tone(Tone::Dim))
}

/// Returns what was read, each with its verdict and its age.
fn evidence(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    walk.evidence().iter().map(|one| reading(one, claim(walk, &one.label), walk, scene)).collect()
}

fn reading(one: &Evidence, claim: Option<&Claim>, walk: &Walk, scene: &Scene<'_>) -> Pair {
    let value = match &one.reading.value {
        Value::Unknown(why) => shown(why),
        value => shown(&value.to_string()),
    };
    let ago = age::rough(scene.facts.now - one.reading.at);
    let verdict = match claim {
        Some(claim) => Some(expected(claim, walk).test(&one.reading.value)),
        None if one.reading.value.is_unknown() => Some(Verdict::Unknown),
        None => None,
    };
    let (word, tone) = match verdict {
        Some(Verdict::Pass) => (format!("{} pass · ", symbol::OK), Tone::Ok),
        Some(Verdict::Fail) => (format!("{} fail · ", symbol::BAD), Tone::Alarm),
        Some(Verdict::Unknown) => (format!("{} cannot tell · ", symbol::WARN), Tone::Warn),
        None => (String::new(), Tone::Plain),
    };
    Pair::new(one.label.clone(), format!("{word}{value} · {ago} ago")).tone(tone)
}

/// Returns what the current step expects of the probe of that name.
fn claim<'a>(walk: &'a Walk, name: &str) -> Option<&'a Claim> {
    let named = |claim: &&Claim| claim.name == name;
    match &walk.current().kind {
        Kind::Check(claim) => Some(claim).filter(named),
        Kind::Act(act) => act.verify.iter().find(named).or_else(|| {
            let gates = act.gates.iter().filter_map(|gate| walk.book().gates.get(gate));
            let mut claims =
                gates.flat_map(|gate| &gate.rules).filter_map(|rule| match &rule.asks {
                    Asks::Probe(claim) => Some(claim),
                    _ => None,
                });
            claims.find(named)
        }),
        _ => None,
    }
}

/// Returns the question: evidence first, then the suggestion in plain type, then the
/// answers, none of them preselected.
fn decision(decide: &Decide, walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let mut lines = Vec::new();
    if decide.question != walk.current().title {
        lines.push(Pair::new("question", decide.question.clone()).tone(Tone::Strong));
    }
    lines.extend(evidence(walk, scene));
    if *walk.phase() != Phase::Deciding {
        return lines;
    }
    let label =
        |id: &str| decide.answers.iter().find(|one| one.id == id).map(|one| one.label.clone());
    let suggestion = walk.suggestion().and_then(label);
    let suggestion =
        suggestion.unwrap_or_else(|| "none: the evidence speaks for no answer".to_owned());
    let fell = scene.session.fell();
    lines.extend(fell.map(|said| Pair::new("last act", shown(said)).tone(Tone::Warn)));
    lines.push(Pair::new("suggestion", suggestion));
    for answer in &decide.answers {
        let to = goto(&answer.goto, walk);
        lines.push(Pair::new(answer.key.to_string(), format!("{} → {to}", answer.label)));
    }
    lines.push(Pair::new("u", "cannot tell → escalate: the run ends and goes to a person"));
    lines
}

fn goto(goto: &Goto, walk: &Walk) -> String {
    match goto {
        Goto::Section(id) => section(walk, id),
        Goto::Next => "the next step".to_owned(),
        Goto::End => "the end".to_owned(),
        Goto::Escalate => "a person".to_owned(),
    }
}

fn section(walk: &Walk, id: &str) -> String {
    walk.book().section(id).map_or_else(|| id.to_owned(), |section| section.title.clone())
}

/// Returns where the step stands.
fn phase(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let now = |text: &str, tone| vec![Pair::new("now", text).tone(tone)];
    match walk.phase() {
        Phase::Notice => now("read it, then r goes on", Tone::Plain),
        Phase::Held => {
            now("▲ paused before this step: nothing of it is read yet; p goes on", Tone::Warn)
        }
        Phase::Probing(purpose) => now(probing(*purpose), Tone::Dim),
        Phase::Ready => now("r plans it and asks you before it runs", Tone::Plain),
        Phase::Acting => [now(acting(scene), Tone::Accent), stuck(scene)].concat(),
        Phase::Deciding => Vec::new(),
        Phase::Refused(why) => {
            let now = "s skips it with a reason; ! hands it to a person";
            failed(false, why, now, walk)
        }
        Phase::Doing => now("do it, then v records what came of it", Tone::Plain),
        Phase::Asking => now("v answers; what is live can be picked", Tone::Plain),
        Phase::Approving => now(
            "v lets the approver type their name (unverified); o goes on without, for a typed reason shown in red",
            Tone::Plain,
        ),
        Phase::Watching => watching(walk, scene),
        Phase::Denied { reasons, overridable } => denied(reasons, *overridable),
        Phase::CheckFailed { unknown, why } if walk.given().is_some() => {
            failed(*unknown, why, "r looks again; v says anew what came of it", walk)
        }
        Phase::CheckFailed { unknown, why } => {
            let skip = match walk.current().skip {
                Skip::Never => "it is required, so the run stays here",
                _ => "s skips it with a reason",
            };
            failed(*unknown, why, &format!("{}r reads it again; {skip}", remedy(walk)), walk)
        }
        Phase::Unproven { unknown, why } => {
            failed(*unknown, why, "r reads it again; the act itself is not run again", walk)
        }
        Phase::Failed { why, may_retry: true } => {
            failed(false, why, "r plans it again and asks you; 3 shows who stands in the way", walk)
        }
        Phase::Failed { why, may_retry: false } => {
            failed(false, why, "it is not tried again here: take one of the ways below", walk)
        }
    }
}

/// Returns how long the live view goes on, and how the armed triggers stand.
fn watching(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let left = walk.watch_left(scene.facts.now).unwrap_or_default();
    let now = if left.is_zero() {
        "long enough: it ends when what it waits for holds; s ends it with a reason".to_owned()
    } else {
        format!("watching for {} more; s ends it now, with a reason", age::clock(left))
    };
    let mut lines = vec![Pair::new("now", now).tone(Tone::Accent)];
    for armed in walk.armed() {
        let (word, tone) = match armed.state {
            State::Calm => ("✓ calm", Tone::Ok),
            State::Warn => ("▲ warns", Tone::Warn),
            State::Fire => ("✖ FIRES", Tone::Alarm),
            State::Unknown => ("▲ cannot tell", Tone::Warn),
        };
        let text = format!("{word} · {} · {}", armed.says, shown(&armed.found));
        lines.push(Pair::new("trigger", text).tone(tone));
    }
    lines
}

/// Returns what an operator can do about what a check found, where this console can.
fn remedy(walk: &Walk) -> &'static str {
    let Kind::Check(claim) = &walk.current().kind else { return "" };
    match claim.name.as_str() {
        "lock_holders_conflicting" | "long_transactions" => {
            "wait for it, or end it: 2 lists the sessions, t there ends one; "
        }
        "blocked_sessions" => "3 shows who stands in the way, t there ends one; ",
        "tool_problems" => "4 names them; ",
        _ => "",
    }
}

fn denied(reasons: &[String], overridable: bool) -> Vec<Pair> {
    let line = |reason: &String| Pair::new("✖ denied", shown(reason)).tone(Tone::Alarm);
    let mut lines: Vec<Pair> = reasons.iter().map(line).collect();
    let now = if overridable {
        "r asks its gates again; o overrides them with a typed reason, shown in red"
    } else {
        "r asks its gates again; these are never overridden"
    };
    lines.push(Pair::new("now", now));
    lines
}

/// Returns what holds the running act up, if something does.
fn stuck(scene: &Scene<'_>) -> Vec<Pair> {
    let verdict = scene.facts.verdict.as_ref().filter(|verdict| verdict.level != Level::Ok);
    let Some(verdict) = verdict.filter(|_| scene.session.job().is_some()) else {
        return Vec::new();
    };
    let text = format!("{}; 1 has the ways out", verdict.text);
    vec![Pair::new(format!("{} stuck", symbol::WARN), text).tone(Tone::Warn)]
}

fn acting(scene: &Scene<'_>) -> &'static str {
    match scene.session.job() {
        Some(job) if job.retry_due().is_some() => "it waits for its next attempt",
        Some(_) => "its act is running",
        None if scene.session.is_planning() => "its act is being planned",
        None => "its plan is shown: nothing runs before your yes",
    }
}

fn probing(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Check => "reading",
        Purpose::Gates => "reading what its gates ask for",
        Purpose::Yes => "reading once more what its gates ask for: what they find now decides",
        Purpose::Verify => "reading what must hold afterwards",
        Purpose::Already => "reading whether it is done already",
        Purpose::Evidence => "reading the evidence",
        Purpose::Vouched => "reading what shows that it was done",
    }
}

/// Returns what failed, and the scenarios that know such a failure.
fn failed(unknown: bool, why: &str, now: &str, walk: &Walk) -> Vec<Pair> {
    let why = shown(why);
    let (label, tone) =
        if unknown { ("▲ cannot tell", Tone::Warn) } else { ("✖ failed", Tone::Alarm) };
    let mut lines = vec![Pair::new(label, why).tone(tone)];
    for scenario in walk.scenarios() {
        let text = scenario.text.as_deref().unwrap_or_default();
        lines.push(Pair::new("known as", format!("{}. {text}", scenario.title)));
    }
    lines.extend(walk.advice().map(|next| Pair::new("next", next)));
    lines.push(Pair::new("now", now));
    lines
}

/// Returns the ways on that the failure offers.
fn offers(walk: &Walk) -> Vec<Pair> {
    let line = |(key, offer): (char, String)| {
        let text = match offer.as_str() {
            ESCALATE => "escalate: the run ends and goes to a person".to_owned(),
            id => format!("go on at: {}", section(walk, id)),
        };
        Pair::new(key.to_string(), text)
    };
    keys::offered(walk).into_iter().map(line).collect()
}

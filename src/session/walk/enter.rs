//! What a step asks for when it becomes the current one, and before its act.

use crate::domain::backup::Scope;
use crate::domain::evidence::{Operand, Probe, Value, Word};
use crate::domain::plan::{Bind, Direction, Risk};
use crate::domain::restore::{self, Order};
use crate::domain::runbook::{Act, Action, Backup, Down, Goto, Kind, Migrate, Restore, Skip, Up};
use crate::session::effect::{Goal, Request};
use crate::session::making::Parts;
use crate::session::pick;
use crate::session::tables;

use super::{Means, Phase, Purpose, Status, Walk, Want, sent};

impl Walk {
    /// Begins the current step, or reads its probes again.
    pub(super) fn enter_step(&mut self) -> Vec<Want> {
        self.evidence.clear();
        self.given = None;
        self.watching = None;
        self.missing = None;
        if self.paused {
            return self.wait(Phase::Held);
        }
        let kind = self.current().kind.clone();
        match kind {
            Kind::Notice { .. } => self.wait(Phase::Notice),
            Kind::Check(claim) => self.probe(Purpose::Check, vec![(claim.name, claim.probe)]),
            Kind::Act(_) => self.wait(Phase::Ready),
            Kind::Decide(decide) if decide.evidence.is_empty() => self.wait(Phase::Deciding),
            Kind::Decide(decide) => self.probe(Purpose::Evidence, decide.evidence),
            Kind::Manual(_) => match self.waive_vouched() {
                Some(waived) => waived,
                None => self.wait(Phase::Doing),
            },
            Kind::Ask(_) => self.wait(Phase::Asking),
            Kind::Approve { .. } => self.await_approval(),
            Kind::Watch(watch) => self.begin_watch(&watch),
            Kind::Call { target } => self.call(&target),
        }
    }

    pub(super) fn wait(&mut self, phase: Phase) -> Vec<Want> {
        self.phase = phase;
        Vec::new()
    }

    /// Asks for probes, remembering under which names their readings come back.
    pub(super) fn probe(&mut self, purpose: Purpose, named: Vec<(String, Probe)>) -> Vec<Want> {
        self.phase = Phase::Probing(purpose);
        let resolved = named.into_iter().map(|(name, probe)| (name, probe.resolved(self)));
        let (names, probes) = resolved.unzip();
        self.asked = names;
        vec![Want::Probe(probes)]
    }

    /// Returns the act of the current step.
    pub(super) fn act(&self) -> Option<&Act> {
        match &self.current().kind {
            Kind::Act(act) => Some(act),
            _ => None,
        }
    }

    /// Asks for the plan of the current step's next act. Only reached through its gates.
    pub(super) fn plan_act(&mut self) -> Vec<Want> {
        let Some(act) = self.act() else { return Vec::new() };
        match request(&self.here(), &act.action, act.risk, self) {
            Ok(request) => {
                self.phase = Phase::Acting;
                vec![Want::Preview { step: self.here(), request }]
            }
            Err(why) => self.wait(Phase::Refused(why)),
        }
    }

    /// Passes the current step.
    pub(super) fn pass(&mut self, means: Means, value: impl Into<String>) -> Vec<Want> {
        self.leave(Status::Passed { means, value: value.into() })
    }

    /// Returns why the current step cannot be skipped for `reason`, if it cannot.
    pub(super) fn unskippable(&self, reason: &str) -> Option<&'static str> {
        match self.current().skip {
            _ if self.phase == Phase::Acting || self.holds_a_yes() => {
                Some("the step's act is under way: leave its plan, or stop it, first")
            }
            Skip::Never => {
                Some("this step is required: it cannot be skipped; abandon the run instead")
            }
            Skip::WithReason if reason.trim().is_empty() => {
                Some("say why the step is skipped: the report needs it")
            }
            Skip::WithReason | Skip::Freely => None,
        }
    }

    /// Returns the question of the current step, or its title.
    pub(super) fn question(&self) -> String {
        match &self.current().kind {
            Kind::Decide(decide) => decide.question.clone(),
            _ => self.current().title.clone(),
        }
    }

    /// Returns the label and the way on of an answer of the current question.
    pub(super) fn answer(&self, id: &str) -> Option<(String, Goto)> {
        let Kind::Decide(decide) = &self.current().kind else { return None };
        let answer = decide.answers.iter().find(|answer| answer.id == id)?;
        Some((answer.label.clone(), answer.goto.clone()))
    }

    /// Returns the id of the answer that the evidence speaks for, if it speaks.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        use crate::domain::evidence::Verdict;
        let Kind::Decide(decide) = &self.current().kind else { return None };
        let spoken = |s: &&crate::domain::runbook::Suggestion| s.when.holds(self) == Verdict::Pass;
        decide.suggest.iter().find(spoken).map(|s| s.answer.as_str())
    }
}

/// Returns what an act of that step asks to be planned, or why it cannot be planned.
pub(super) fn request(
    step: &str,
    action: &Action,
    risk: Risk,
    walk: &Walk,
) -> Result<Request, String> {
    let migrate = |direction, goal| Ok(Request::Migrate { direction, goal, risk });
    match action {
        Action::Migrate(Migrate::Up(Up::Head)) => migrate(Direction::Up, Goal::End),
        Action::Migrate(Migrate::Up(Up::Next)) => migrate(Direction::Up, Goal::One),
        Action::Migrate(Migrate::Down(Down::Previous)) => migrate(Direction::Down, Goal::One),
        Action::Migrate(Migrate::Up(Up::Revision(word))) => {
            migrate(Direction::Up, Goal::Revision(resolve(word, walk)?))
        }
        Action::Migrate(Migrate::Down(Down::Revision(word))) => {
            migrate(Direction::Down, Goal::Revision(resolve(word, walk)?))
        }
        Action::Command(words) => {
            let argv = words.iter().map(|word| resolve(word, walk)).collect::<Result<_, _>>()?;
            Ok(Request::Command { argv, risk })
        }
        Action::Configured(name) => match walk.place().commands.get(name) {
            Some(argv) => Ok(Request::Command { argv: argv.clone(), risk }),
            None => Err(format!(
                "the configuration has no command {name}: write it into [commands] of lockkeeper.toml"
            )),
        },
        Action::UndoOf(done) => match walk.undoing(done) {
            Some(due) => request(step, &due.action, risk.max(due.action.least_risk()), walk),
            None => Err(format!("nothing of the step {done} is to be undone")),
        },
        Action::Signal(signalled) => {
            let session = resolve(&signalled.session, walk)?;
            let backend = pick::session(&session)
                .ok_or_else(|| format!("{session} names no session: pick it from the list"))?;
            Ok(Request::Signal { backend, signal: signalled.kind })
        }
        Action::Backup(Backup::Full) => Ok(Request::Backup { scope: Scope::Full, to: None }),
        Action::Backup(Backup::Schema) => Ok(Request::Backup { scope: Scope::Schema, to: None }),
        Action::Backup(Backup::Tables(tables)) => parts(tables, false, walk),
        Action::Backup(Backup::Csv(tables)) => parts(tables, true, walk),
        Action::VerifyBackup(verify) => Ok(Request::VerifyBackup {
            backup: resolve(&verify.backup, walk)?,
            level: verify.level,
        }),
        Action::Sql { text, binds } if binds.is_empty() => {
            Ok(Request::Sql { text: text.clone(), risk })
        }
        Action::Restore(Restore::Full { backup }) => {
            Ok(Request::Restore(Order::to(restore::Goal::Backup(resolve(backup, walk)?))))
        }
        Action::Restore(Restore::Tables { backup, tables, rows }) => {
            let tables = tables.iter().map(|word| resolve(word, walk)).collect::<Result<_, _>>()?;
            let (backup, classes) = (resolve(backup, walk)?, *rows);
            Ok(Request::Tables(tables::Order { backup, tables, classes, risk }))
        }
        Action::Sql { text, binds } => {
            let binds = binds.iter().map(|bind| bound(bind, walk)).collect::<Result<_, _>>()?;
            Ok(Request::Bound { text: text.clone(), binds, risk })
        }
        Action::Http(endpoint) => {
            let job = Box::new(sent::job(step, endpoint, walk)?);
            Ok(Request::Http { job, risk })
        }
    }
}

/// Returns what a backup of tables asks to be planned; all of it is of one snapshot.
fn parts(tables: &[Word], csv: bool, walk: &Walk) -> Result<Request, String> {
    let tables: Vec<String> =
        tables.iter().map(|word| resolve(word, walk)).collect::<Result<_, _>>()?;
    let csv = if csv { tables.clone() } else { Vec::new() };
    Ok(Request::BackupOf(Parts { scope: Scope::Tables, to: None, tables, csv }))
}

/// Returns the value that a statement is run with.
fn bound(operand: &Operand, walk: &Walk) -> Result<Bind, String> {
    use crate::domain::evidence::Scope as _;
    let (value, name) = match operand {
        Operand::Literal(value) => (Some(value.clone()), None),
        Operand::Named(name) => (walk.value(name), Some(name.to_string())),
    };
    let named = || name.clone().unwrap_or_default();
    let value = match value {
        None => return Err(format!("{} has no value yet: its step was left out", named())),
        Some(Value::Unknown(why)) => return Err(format!("{} is not known: {why}", named())),
        Some(Value::List(_)) => return Err(format!("{} is a list: bind one value", named())),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Period(period)) => format!("{} milliseconds", period.duration().as_millis()),
        Some(Value::Percent(percent)) => percent.value().to_string(),
        Some(Value::Answer { text, .. }) => text,
        Some(other) => other.to_string(),
    };
    Ok(Bind { value, name })
}

/// Returns the text that a word stands for.
pub(super) fn resolve(word: &Word, walk: &Walk) -> Result<String, String> {
    use crate::domain::evidence::Scope as _;
    match word {
        Word::Text(text) => Ok(text.clone()),
        Word::Named(name) => match walk.value(name) {
            Some(Value::Unknown(why)) => Err(format!("{name} is not known: {why}")),
            Some(value) => Ok(value.to_string()),
            None => Err(format!("{name} has no value yet: its step was left out")),
        },
    }
}

//! Steps: what all kinds share, and what each kind needs.

use super::super::raw::{self, Kind as Word};
use super::super::{
    Answer, Ask, Decide, From, Kind, Manual, OnFail, Replaced, Resume, SHIPPED, Skip, Step,
    Suggestion, Target, Watch,
};
use super::Builder;
use crate::domain::problem::{Place, nearest};
use crate::domain::quantity::Period;

/// The keys that a step of any kind may have.
const COMMON: &[&str] = &[
    "id",
    "kind",
    "title",
    "why",
    "when",
    "required",
    "skip",
    "on_fail",
    "resume",
    "source",
    "instead_of",
    "because",
    "contacts",
    "links",
];

/// Keys that no answer may have.
const KEPT: [(char, &str); 3] = [
    ('u', "`u` is kept for \"cannot tell\""),
    ('b', "`b` is kept for going back to the question before"),
    ('r', "`r` is kept for reading the evidence again"),
];

/// Returns the keys that belong to a kind, besides those of all.
fn keys(kind: Word) -> &'static [&'static str] {
    match kind {
        Word::Notice => &["text"],
        Word::Check => &["probe", "expect"],
        Word::Manual => &["do", "respond", "verify"],
        Word::Ask => &["var", "from", "choices"],
        Word::Act => &[
            "sql",
            "binds",
            "command",
            "migrate",
            "backup",
            "verify_backup",
            "restore",
            "signal",
            "http",
            "configured",
            "undo_of",
            "risk",
            "gates",
            "verify",
            "undo",
            "timeout",
            "rehearse",
        ],
        Word::Watch => &["min_duration", "probes", "until"],
        Word::Decide => &["ask", "evidence", "suggest", "answers"],
        Word::Approve => &["role", "not_self"],
        Word::Call => &["target"],
    }
}

impl Builder<'_> {
    pub(super) fn step(&mut self, raw: &raw::Step, place: &Place) -> Option<Step> {
        let foreign = self.foreign_keys(raw, place);
        let kind = self.kind(raw, place);
        let step = Step {
            id: raw.id.clone(),
            title: raw.title.clone(),
            why: raw.why.clone(),
            when: self.when(raw.when.as_ref(), &place.key("when")),
            skip: self.skip(raw, place),
            on_fail: self.on_fail(raw.on_fail.as_ref(), &place.key("on_fail")),
            resume: raw.resume.unwrap_or_else(|| resume(raw.kind)),
            source: raw.source.clone(),
            replaced: self.replaced(raw, place),
            contacts: raw.contacts.clone(),
            links: raw.links.clone(),
            kind: kind?,
        };
        (!foreign).then_some(step)
    }

    fn foreign_keys(&mut self, raw: &raw::Step, place: &Place) -> bool {
        // What serde wrote into the step tells which keys the file has.
        let written = serde_json::to_value(raw).unwrap_or_default();
        let word = serde_json::to_value(raw.kind).unwrap_or_default();
        let word = word.as_str().unwrap_or_default();
        let before = self.flaws.len();
        for (key, value) in written.as_object().into_iter().flatten() {
            let belongs = COMMON.contains(&key.as_str()) || keys(raw.kind).contains(&key.as_str());
            if !belongs && !value.is_null() {
                let what = format!("this key does not belong to a step of kind `{word}`");
                self.flaw::<()>(place.key(key), what);
            }
        }
        self.flaws.len() > before
    }

    fn kind(&mut self, raw: &raw::Step, place: &Place) -> Option<Kind> {
        match raw.kind {
            Word::Notice => {
                let text = self.given(raw.text.as_ref(), "text", place)?;
                Some(Kind::Notice { text })
            }
            Word::Check => self.check(raw, place),
            Word::Manual => self.manual(raw, place),
            Word::Ask => self.ask(raw, place),
            Word::Act => self.act(raw, place),
            Word::Watch => self.watch(raw, place),
            Word::Decide => self.decide(raw, place),
            Word::Approve => {
                self.never_self(raw.not_self, place)?;
                Some(Kind::Approve { role: self.given(raw.role.as_ref(), "role", place)? })
            }
            Word::Call => self.call(raw, place),
        }
    }

    fn check(&mut self, raw: &raw::Step, place: &Place) -> Option<Kind> {
        let probe = self.given(raw.probe.as_ref(), "probe", place)?;
        let (name, probe) = self.named(&probe, &place.key("probe"))?;
        self.claim(name, probe, raw.expect.as_ref(), place).map(Kind::Check)
    }

    fn manual(&mut self, raw: &raw::Step, place: &Place) -> Option<Kind> {
        let respond = self.given(raw.respond.as_ref(), "respond", place)?;
        let text = raw.r#do.clone().unwrap_or_else(|| raw.title.clone());
        let verify = self.claims(raw.verify.as_ref(), &place.key("verify"));
        Some(Kind::Manual(Manual { text, respond, verify }))
    }

    fn ask(&mut self, raw: &raw::Step, place: &Place) -> Option<Kind> {
        let var = self.given(raw.var.as_ref(), "var", place)?;
        let from = self.given(raw.from.as_ref(), "from", place)?;
        let choices = raw.choices.clone().unwrap_or_default();
        if raw.choices.is_some() && from != raw::FromWord::Choice {
            return self.flaw(place.key("choices"), "choices belong to `from = \"choice\"`");
        }
        let from = match from {
            raw::FromWord::Choice if choices.len() < 2 => {
                return self.flaw(place.clone(), "a choice needs at least two `choices`");
            }
            raw::FromWord::Choice => From::Choice(choices),
            raw::FromWord::Text => From::Text,
            raw::FromWord::Number => From::Number,
            raw::FromWord::Revision => From::Revision,
            raw::FromWord::Backup => From::Backup,
            raw::FromWord::Table => From::Table,
            raw::FromWord::Session => From::Session,
        };
        Some(Kind::Ask(Ask { var, from }))
    }

    fn watch(&mut self, raw: &raw::Step, place: &Place) -> Option<Kind> {
        let min_duration: Period = self.given(raw.min_duration.as_ref(), "min_duration", place)?;
        let probes = self.all_named(raw.probes.as_ref(), &place.key("probes"));
        let here = place.key("until");
        let until = match &raw.until {
            Some(until) => {
                let (name, probe) = self.named(&until.probe, &here.key("probe"))?;
                Some(self.claim(name, probe, until.expect.as_ref(), &here)?)
            }
            None => None,
        };
        Some(Kind::Watch(Watch { min_duration, probes, until }))
    }

    fn decide(&mut self, raw: &raw::Step, place: &Place) -> Option<Kind> {
        let here = place.key("answers");
        let written = raw.answers.as_deref().unwrap_or_default();
        if written.len() < 2 {
            let what = "a decision needs at least two answers (\"cannot tell\" is always added)";
            let at = if raw.answers.is_some() { here } else { place.clone() };
            return self.flaw(at, what);
        }
        let answers = written.iter().enumerate();
        let answers: Vec<Answer> =
            answers.filter_map(|(at, one)| self.answer(one, written, at, &here)).collect();
        let evidence = self.all_named(raw.evidence.as_ref(), &place.key("evidence"));
        let suggest = self.suggestions(raw, place);
        let question = raw.ask.clone().unwrap_or_else(|| raw.title.clone());
        Some(Kind::Decide(Decide { question, evidence, suggest, answers }))
    }

    fn answer(
        &mut self,
        raw: &raw::Answer,
        all: &[raw::Answer],
        index: usize,
        answers: &Place,
    ) -> Option<Answer> {
        let place = answers.index(index);
        if let Some((_, what)) = KEPT.iter().find(|(key, _)| *key == raw.key) {
            return self.flaw(place.key("key"), *what);
        }
        if all[..index].iter().any(|other| other.key == raw.key || other.id == raw.id) {
            let what = "another answer of this decision has the same key or id";
            return self.flaw(place.key("key"), what);
        }
        let goto = self.goto(raw.goto.as_deref(), &place.key("goto"))?;
        Some(Answer { key: raw.key, id: raw.id.clone(), label: raw.label.clone(), goto })
    }

    fn suggestions(&mut self, raw: &raw::Step, place: &Place) -> Vec<Suggestion> {
        let mut built = Vec::new();
        let here = place.key("suggest");
        for (index, one) in raw.suggest.iter().flatten().enumerate() {
            let place = here.index(index);
            let ids = || raw.answers.iter().flatten().map(|answer| answer.id.as_str());
            if !ids().any(|id| id == one.answer) {
                let at = place.key("answer");
                let flaw = super::Flaw::unknown_name(at, "answer", &one.answer, ids());
                self.flaws.push(flaw);
                continue;
            }
            let when = self.when(Some(&one.when), &place.key("when"));
            built.push(Suggestion { when, answer: one.answer.clone() });
        }
        built
    }

    /// A name that is no section is a runbook's, unless it is nearly a section's.
    fn call(&mut self, raw: &raw::Step, place: &Place) -> Option<Kind> {
        let name = self.given(raw.target.as_ref(), "target", place)?;
        if self.has_section(&name) {
            return Some(Kind::Call { target: Target::Section(name) });
        }
        if let Some((book, section)) = name.split_once('/') {
            let (name, section) = (book.to_owned(), Some(section.to_owned()));
            return Some(Kind::Call { target: Target::Runbook { name, section } });
        }
        let sections = self.raw.section.iter().map(|section| section.id.as_str());
        let is_typo = nearest(&name, sections).is_some() && !SHIPPED.contains(&name.as_str());
        if is_typo {
            self.section_name(&name, &place.key("target"))?;
        }
        Some(Kind::Call { target: Target::Runbook { name, section: None } })
    }

    fn skip(&mut self, raw: &raw::Step, place: &Place) -> Skip {
        match (raw.required, &raw.skip) {
            (Some(true), Some(_)) => {
                let what = "a required step is never skipped: keep `required` or `skip`";
                self.flaw::<()>(place.key("skip"), what);
                Skip::Never
            }
            (Some(true), None) => Skip::Never,
            (_, Some(raw::Skip { reason: false })) => Skip::Freely,
            _ => Skip::WithReason,
        }
    }

    fn on_fail(&mut self, raw: Option<&raw::OnFail>, place: &Place) -> OnFail {
        let Some(raw) = raw else { return OnFail::default() };
        let here = place.key("offer");
        let offers = raw.offer.iter().enumerate();
        OnFail {
            retry: raw.retry,
            offer: offers.filter_map(|(at, to)| self.offer(to, &here.index(at))).collect(),
            never: raw.never.clone(),
        }
    }

    fn replaced(&mut self, raw: &raw::Step, place: &Place) -> Option<Replaced> {
        match (&raw.instead_of, &raw.because) {
            (Some(instead_of), Some(because)) => {
                Some(Replaced { instead_of: instead_of.clone(), because: because.clone() })
            }
            (None, None) => None,
            (Some(_), None) => self.flaw(place.key("instead_of"), "the key `because` is missing"),
            (None, Some(_)) => self.flaw(place.key("because"), "the key `instead_of` is missing"),
        }
    }

    /// Returns the value of a key that this kind of step must have.
    fn given<T: Clone>(&mut self, value: Option<&T>, key: &str, place: &Place) -> Option<T> {
        match value {
            Some(value) => Some(value.clone()),
            None => self.flaw(place.clone(), format!("the key `{key}` is missing")),
        }
    }
}

/// What a resumed run does by default: what changes nothing is done again. An act is only
/// passed by what its `verify` finds where the file says so: most of what must hold after an
/// act can hold before it too.
fn resume(kind: Word) -> Resume {
    match kind {
        Word::Notice | Word::Check | Word::Watch | Word::Call => Resume::Rerun,
        Word::Act | Word::Manual | Word::Ask | Word::Decide | Word::Approve => Resume::Ask,
    }
}

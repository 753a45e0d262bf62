//! Runbooks, generated: of every kind of step, with gates of every kind of rule.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;

/// A rule of a gate: what the account judges by its own reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A builtin says that nobody waits.
    Calm,
    /// A query says 0.
    Counted,
    /// A variable says yes.
    Said,
    /// A second person approved.
    Approved,
    /// It is the pinned database: never overridden.
    Pinned,
}

const RULES: [Rule; 5] = [Rule::Calm, Rule::Counted, Rule::Said, Rule::Approved, Rule::Pinned];

/// A gate.
#[derive(Clone, Debug)]
pub struct Gate {
    pub all: bool,
    pub rules: BTreeSet<Rule>,
}

/// What a step is.
#[derive(Clone, Debug)]
pub enum Is {
    Notice,
    Check { counted: bool },
    Act { gates: BTreeSet<usize>, migrates: bool, verify: bool, retry: u32 },
    Decide { to: Option<usize>, suggests: bool },
    Manual { verify: bool },
    Approve,
    Watch { until: bool },
    Call(usize),
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    pub is: Is,
    pub required: bool,
    offers: Option<usize>,
    elsewhere: bool,
}

/// A runbook. Its ways only lead forward, so that every one of them ends.
#[derive(Clone, Debug)]
pub struct Book {
    pub gates: Vec<Gate>,
    sections: Vec<Vec<Step>>,
    triggers: Option<usize>,
}

/// Returns all runbooks, one after the other.
pub fn all() -> impl Strategy<Value = Book> {
    let gates = prop::collection::vec(gate(), 3);
    let sections = prop::collection::vec(prop::collection::vec(step(), 1..4), 3..5);
    let triggers = prop::option::of(1usize..3);
    (gates, sections, triggers).prop_map(|(gates, sections, triggers)| Book {
        gates,
        sections,
        triggers,
    })
}

fn gate() -> impl Strategy<Value = Gate> {
    let rules = prop::collection::btree_set(prop::sample::select(RULES.to_vec()), 1..4);
    (any::<bool>(), rules).prop_map(|(all, rules)| Gate { all, rules })
}

fn step() -> impl Strategy<Value = Step> {
    let gates = prop::collection::btree_set(0usize..3, 0..3);
    let act = (gates, any::<bool>(), any::<bool>(), 0u32..3)
        .prop_map(|(gates, migrates, verify, retry)| Is::Act { gates, migrates, verify, retry });
    let to = prop::option::of(1usize..4);
    let is = prop_oneof![
        1 => Just(Is::Notice),
        2 => any::<bool>().prop_map(|counted| Is::Check { counted }),
        5 => act,
        2 => (to, any::<bool>()).prop_map(|(to, suggests)| Is::Decide { to, suggests }),
        1 => any::<bool>().prop_map(|verify| Is::Manual { verify }),
        1 => Just(Is::Approve),
        1 => any::<bool>().prop_map(|until| Is::Watch { until }),
        1 => (1usize..4).prop_map(Is::Call),
    ];
    let required = prop::bool::weighted(0.4);
    let offers = prop::option::weighted(0.3, 1usize..4);
    (is, required, offers, prop::bool::weighted(0.1))
        .prop_map(|(is, required, offers, elsewhere)| Step { is, required, offers, elsewhere })
}

impl Book {
    /// Returns the step of that id, e.g. `s1_0`.
    pub fn step(&self, id: &str) -> Option<&Step> {
        let (section, step) = id.strip_prefix('s')?.split_once('_')?;
        self.sections.get(section.parse::<usize>().ok()?)?.get(step.parse::<usize>().ok()?)
    }

    /// Returns the section that is `by` ahead of `from`, if there is one.
    fn ahead(&self, from: usize, by: usize) -> Option<usize> {
        Some(from + by).filter(|to| *to < self.sections.len())
    }

    /// Returns it as a file would have it.
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (at, gate) in self.gates.iter().enumerate() {
            let mode = if gate.all { "all" } else { "any" };
            let rules: Vec<&str> = gate.rules.iter().map(|rule| rule.text()).collect();
            let rules = rules.join(", ");
            let _ = writeln!(text, "[gate.g{at}]\nmode = \"{mode}\"\nrules = [{rules}]");
        }
        for (at, offer) in self.triggers.into_iter().enumerate() {
            let fire = "builtin = \"blocked_sessions\"\nfire = { min = 1 }\nsamples = 2";
            let _ =
                writeln!(text, "[trigger.t{at}]\nsays = \"a queue\"\n{fire}\noffer = \"s{offer}\"");
        }
        for (at, steps) in self.sections.iter().enumerate() {
            let _ = writeln!(text, "[[section]]\nid = \"s{at}\"\ntitle = \"Section {at}\"");
            if at == 0 {
                text.push_str(ASK);
            }
            for (index, step) in steps.iter().enumerate() {
                text.push_str(&self.step_text(at, index, step));
            }
        }
        text
    }

    fn step_text(&self, section: usize, index: usize, step: &Step) -> String {
        let mut text = format!("[[section.step]]\nid = \"s{section}_{index}\"\ntitle = \"Step\"\n");
        text.push_str(&self.kind_text(section, step));
        if step.required {
            text.push_str("required = true\n");
        }
        if step.elsewhere {
            text.push_str("when = { class = [\"scratch\"] }\n");
        }
        let offer = step.offers.and_then(|by| self.ahead(section, by));
        let retry = match step.is {
            Is::Act { retry, .. } => format!("retry = {retry}, "),
            _ => String::new(),
        };
        let offer = offer.map_or(String::new(), |to| format!("\"s{to}\", "));
        let _ = writeln!(text, "on_fail = {{ {retry}offer = [{offer}\"escalate\"] }}");
        text
    }

    fn kind_text(&self, section: usize, step: &Step) -> String {
        match &step.is {
            Is::Notice => "kind = \"notice\"\ntext = \"Read\"\n".to_owned(),
            Is::Check { counted: true } => {
                "kind = \"check\"\nprobe = \"counted\"\nexpect = { equals = 0 }\n".to_owned()
            }
            Is::Check { .. } => "kind = \"check\"\nprobe = \"blocked_sessions\"\n".to_owned(),
            Is::Act { gates, migrates, verify, .. } => act_text(gates, *migrates, *verify),
            Is::Decide { to, suggests } => {
                let to = to.and_then(|by| self.ahead(section, by));
                decide_text(to, *suggests)
            }
            Is::Manual { verify } => {
                let verify = if *verify { "verify = \"blocked_sessions\"\n" } else { "" };
                format!("kind = \"manual\"\ndo = \"It\"\nrespond = \"text\"\n{verify}")
            }
            Is::Approve => "kind = \"approve\"\nrole = \"lead\"\nnot_self = true\n".to_owned(),
            Is::Watch { until } => {
                let until = if *until { "until = { probe = \"blocked_sessions\" }\n" } else { "" };
                let probes = "probes = [\"active_sessions\"]\nmin_duration = \"10s\"\n";
                format!("kind = \"watch\"\n{probes}{until}")
            }
            Is::Call(by) => match self.ahead(section, *by) {
                Some(to) => format!("kind = \"call\"\ntarget = \"s{to}\"\n"),
                None => "kind = \"notice\"\ntext = \"Read\"\n".to_owned(),
            },
        }
    }
}

fn act_text(gates: &BTreeSet<usize>, migrates: bool, verify: bool) -> String {
    let act = if migrates {
        "migrate = { direction = \"up\", to = \"head\" }"
    } else {
        "command = [\"act\"]"
    };
    let gates: Vec<String> = gates.iter().map(|gate| format!("\"g{gate}\"")).collect();
    let verify = if verify { "verify = [\"blocked_sessions\"]\n" } else { "" };
    format!("kind = \"act\"\n{act}\ngates = [{}]\n{verify}", gates.join(", "))
}

fn decide_text(to: Option<usize>, suggests: bool) -> String {
    let goto = to.map_or("end".to_owned(), |to| format!("s{to}"));
    let suggest = "suggest = [{ when = { probe = \"blocked_sessions\", expect = { min = 1 } }, \
                   answer = \"a1\" }]\n";
    let suggest = if suggests { suggest } else { "" };
    format!(
        "kind = \"decide\"\nevidence = [\"blocked_sessions\"]\n{suggest}answers = [\n\
         {{ key = \"a\", id = \"a0\", label = \"on\" }},\n\
         {{ key = \"d\", id = \"a1\", label = \"there\", goto = \"{goto}\" }},\n\
         {{ key = \"f\", id = \"a2\", label = \"to a person\", goto = \"escalate\" }},\n]\n"
    )
}

impl Rule {
    fn text(self) -> &'static str {
        match self {
            Self::Calm => "{ builtin = \"blocked_sessions\", says = \"nobody waits\" }",
            Self::Counted => {
                "{ probe = \"counted\", expect = { equals = 0 }, says = \"none is left\" }"
            }
            Self::Said => "{ var = \"word\", expect = { equals = \"yes\" }, says = \"said\" }",
            Self::Approved => "{ approval = \"lead\", not_self = true, says = \"approved\" }",
            Self::Pinned => "{ builtin = \"identity_pinned\", says = \"it is pinned\" }",
        }
    }

    /// Returns the probe that it asks, by its label.
    pub fn probe(self) -> Option<&'static str> {
        match self {
            Self::Calm => Some("blocked_sessions"),
            Self::Counted => Some("select 7"),
            Self::Pinned => Some("identity_pinned"),
            Self::Said | Self::Approved => None,
        }
    }
}

const HEAD: &str = "schema = 1\nid = \"generated\"\ntitle = \"Generated\"\nentry = \"s0\"\n\
                    [probe.counted]\nsql = \"select 7\"\n";

const ASK: &str = "[[section.step]]\nid = \"word\"\nkind = \"ask\"\ntitle = \"Which?\"\n\
                   var = \"word\"\nfrom = \"choice\"\nchoices = [\"yes\", \"no\"]\n";

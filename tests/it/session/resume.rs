//! A walk that is rebuilt from its records stands where it stood.

use lockkeeper::domain::evidence::{Reading, Value};
use lockkeeper::domain::journal::{Entry, Kind, Record};
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Answer, Direction, Plan, Risk};
use lockkeeper::session::walk::{Means, Move, Phase, Place, Status, Walk, Want};

use super::{at, book, migration, small};

/// A walk with all that it has recorded.
struct Recorded {
    walk: Walk,
    records: Vec<Record>,
}

fn reading(value: Value) -> Reading {
    Reading { value, at: at(1) }
}

impl Recorded {
    fn begin() -> Self {
        let walk = Walk::new(small(), Place::default());
        let mut recorded = Self { walk, records: Vec::new() };
        recorded.append(Entry::new(Kind::Opened, serde_json::Value::Null));
        recorded.step(Walk::begin);
        recorded
    }

    fn step(&mut self, step: impl FnOnce(&mut Walk) -> Vec<Want>) {
        for want in step(&mut self.walk) {
            if let Want::Record(entry) = want {
                self.append(entry);
            }
        }
    }

    fn append(&mut self, entry: Entry) {
        let seq = self.records.len() as u64 + 1;
        let Entry { kind, step, act, attempt, plan, data } = entry;
        self.records.push(Record {
            v: 1,
            seq,
            at: at(i64::try_from(seq).expect("few records")),
            mono: 0.0,
            boot: String::new(),
            kind,
            run: "r".into(),
            step,
            act,
            attempt,
            plan,
            operator: "kim@desk".into(),
            data,
            prev: String::new(),
        });
    }

    fn moved(&mut self, step: Move) {
        self.step(|walk| walk.moved(step));
    }

    fn found(&mut self, value: Value) {
        self.step(|walk| walk.probed(vec![reading(value)]));
    }

    /// Goes to the step `up`, past a check, and past an act that is skipped.
    fn to_up() -> Self {
        let mut recorded = Self::begin();
        recorded.moved(Move::Continue);
        recorded.found(Value::Int(0));
        recorded.found(Value::Bool(true));
        recorded.moved(Move::Skip("not here".into()));
        assert_eq!(recorded.walk.current().id, "up");
        recorded
    }

    /// Records an act of the current step, ended so, or not at all.
    fn act(&mut self, act: &str, plan: Plan, ending: Option<Ending>) {
        let step = self.walk.current().id.clone();
        let answer = Answer::Script(plan.hash());
        let confirmed = plan.confirm(&answer).expect("a script confirms");
        self.append(Entry::intent(&confirmed, act, Some(&step)));
        if let Some(ending) = ending {
            self.append(Entry::outcome(&Outcome::new(ending, "said"), act, 1, Some(&step)));
        }
    }

    fn resumed(&self) -> (Walk, Vec<Want>) {
        let resumed = Walk::resume(
            small(),
            std::collections::BTreeMap::default(),
            Place::default(),
            &self.records,
        );
        let mut walk = resumed.expect("the records are the runbook's");
        let wants = walk.begin();
        (walk, wants)
    }
}

fn up() -> Plan {
    migration(5, Direction::Up, Risk::Safe)
}

#[test]
fn it_stands_at_the_same_step_with_the_same_past() {
    let mut recorded = Recorded::begin();
    let moves: [&dyn Fn(&mut Recorded); 4] = [
        &|r| r.moved(Move::Continue),
        &|r| r.found(Value::Int(0)),
        &|r| r.found(Value::Bool(true)),
        &|r| r.moved(Move::Skip("not here".into())),
    ];
    for step in moves {
        let (walk, _) = recorded.resumed();
        assert_eq!(walk.current().id, recorded.walk.current().id);
        assert_eq!(walk.phase(), recorded.walk.phase());
        for step in recorded.walk.book().steps() {
            assert_eq!(walk.status(&step.id), recorded.walk.status(&step.id), "{}", step.id);
        }
        step(&mut recorded);
    }
}

#[test]
fn a_check_is_read_anew() {
    let mut recorded = Recorded::begin();
    recorded.moved(Move::Continue);
    let (walk, wants) = recorded.resumed();
    assert_eq!(walk.current().id, "calm");
    assert!(matches!(wants.as_slice(), [Want::Probe(_)]), "{wants:?}");
}

#[test]
fn a_procedure_goes_on_only_when_somebody_asks() {
    let mut recorded = Recorded::to_up();
    recorded.act("a1", up(), Some(Ending::Done));
    let (walk, wants) = recorded.resumed();
    assert_eq!((walk.phase(), walk.acts_done()), (&Phase::Ready, 1));
    assert_eq!(wants, []);
}

#[test]
fn an_act_that_is_unknown_cannot_be_tried_again() {
    for ending in [None, Some(Ending::Unknown)] {
        let mut recorded = Recorded::to_up();
        recorded.act("a1", up(), ending);
        let (walk, wants) = recorded.resumed();
        assert!(matches!(walk.phase(), Phase::Failed { may_retry: false, .. }), "{ending:?}");
        assert_eq!(wants, []);
    }
}

#[test]
fn an_act_that_was_rolled_back_may_be_tried_again() {
    let mut recorded = Recorded::to_up();
    recorded.act("a1", up(), Some(Ending::RolledBack));
    let (walk, _) = recorded.resumed();
    assert!(matches!(walk.phase(), Phase::Failed { may_retry: true, .. }), "{:?}", walk.phase());
}

#[test]
fn a_pause_after_the_step_holds_also_when_the_console_died_in_it() {
    let mut recorded = Recorded::begin();
    recorded.moved(Move::StopAfter);
    recorded.moved(Move::Continue);
    let (walk, wants) = recorded.resumed();
    assert!(walk.is_paused());
    assert_eq!((walk.phase(), wants), (&Phase::Held, vec![]));
}

#[test]
fn a_step_that_had_ended_is_not_taken_again() {
    let mut recorded = Recorded::begin();
    recorded.moved(Move::Continue);
    let reached = recorded.records.iter().rposition(|record| record.kind == Kind::Step);
    recorded.records.truncate(reached.expect("the next step was reached"));
    let (walk, _) = recorded.resumed();
    assert_eq!(walk.current().id, "calm");
}

#[test]
fn records_of_another_runbook_are_refused() {
    let mut recorded = Recorded::begin();
    recorded.append(Entry::new(Kind::Step, serde_json::Value::Null).at_step("elsewhere"));
    let refused = Walk::resume(
        small(),
        std::collections::BTreeMap::default(),
        Place::default(),
        &recorded.records,
    );
    assert_eq!(refused.expect_err("it is refused"), "the runbook has no step elsewhere");
}

/// A step whose act was never begun, resumed as its file says.
fn left_before_its_act(resume: &str) -> Walk {
    let text = format!(
        "schema = 1\nid = \"t\"\ntitle = \"T\"\n[[section]]\nid = \"main\"\ntitle = \"Main\"\n\
         [[section.step]]\nid = \"up\"\nkind = \"act\"\ntitle = \"Up\"\nrisk = \"safe\"\n\
         migrate = {{ direction = \"up\", to = \"head\" }}\n\
         verify = {{ builtin = \"pending_migrations\", expect = {{ equals = 0 }} }}\n{resume}\n\
         [[section.step]]\nid = \"last\"\nkind = \"notice\"\ntitle = \"Last\"\ntext = \"x\"\n"
    );
    let walk = Walk::new(book(&text), Place::default());
    let mut recorded = Recorded { walk, records: Vec::new() };
    recorded.append(Entry::new(Kind::Opened, serde_json::Value::Null));
    recorded.step(Walk::begin);
    let library = std::collections::BTreeMap::default();
    Walk::resume(book(&text), library, Place::default(), &recorded.records).expect("it is its own")
}

#[test]
fn verify_first_passes_what_is_done_already_and_else_waits_for_the_act() {
    let mut walk = left_before_its_act("resume = \"verify_first\"");
    assert!(matches!(walk.begin().as_slice(), [Want::Probe(_)]));
    walk.probed(vec![reading(Value::Int(0))]);
    assert_eq!(walk.current().id, "last");
    let value = "found done already: pending_migrations 0".to_owned();
    assert_eq!(walk.status("up"), Some(&Status::Passed { means: Means::Sensed, value }));
    for found in [Value::Int(2), Value::unknown("timed out")] {
        let mut walk = left_before_its_act("resume = \"verify_first\"");
        walk.begin();
        walk.probed(vec![reading(found)]);
        assert_eq!((walk.current().id.as_str(), walk.phase()), ("up", &Phase::Ready));
    }
}

#[test]
fn an_act_waits_for_a_person_however_its_file_resumes_it() {
    for resume in ["", "resume = \"ask\"", "resume = \"rerun\""] {
        let mut walk = left_before_its_act(resume);
        assert_eq!(walk.begin(), [], "{resume}");
        assert_eq!(walk.phase(), &Phase::Ready, "{resume}");
    }
}

#[test]
fn a_paused_run_is_paused_when_it_is_resumed() {
    let mut recorded = Recorded::to_up();
    recorded.moved(Move::Pause);
    let (walk, wants) = recorded.resumed();
    assert!(walk.is_paused());
    assert_eq!(wants, []);
    recorded.moved(Move::Pause);
    assert!(!recorded.resumed().0.is_paused());
}

#[test]
fn what_would_go_on_by_itself_waits_for_a_person_where_its_step_says_so() {
    let text = |resume: &str| {
        format!(
            "schema = 1\nid = \"t\"\ntitle = \"T\"\n[[section]]\nid = \"main\"\ntitle = \
             \"Main\"\n[[section.step]]\nid = \"calm\"\nkind = \"check\"\ntitle = \"Calm\"\n\
             probe = \"blocked_sessions\"\n{resume}\n"
        )
    };
    let resumed = |resume: &str| {
        let walk = Walk::new(book(&text(resume)), Place::default());
        let mut recorded = Recorded { walk, records: Vec::new() };
        recorded.append(Entry::new(Kind::Opened, serde_json::Value::Null));
        recorded.step(Walk::begin);
        let library = std::collections::BTreeMap::default();
        let walk = Walk::resume(book(&text(resume)), library, Place::default(), &recorded.records);
        let mut walk = walk.expect("it is its own");
        let wants = walk.begin();
        (walk.is_paused(), wants.len())
    };
    assert_eq!(resumed("resume = \"ask\""), (true, 0));
    assert_eq!(resumed(""), (false, 1), "others are read anew");
}

#[test]
fn whoever_the_run_was_handed_to_does_not_approve_it_after_the_resume() {
    let text = "schema = 1\nid = \"t\"\ntitle = \"T\"\n[[section]]\nid = \"main\"\ntitle = \
        \"Main\"\n[[section.step]]\nid = \"lead\"\nkind = \"approve\"\ntitle = \"Lead\"\nrole = \
        \"lead\"\nnot_self = true\n";
    let walk = Walk::new(book(text), Place { executor: "kim".into(), ..Place::default() });
    let mut recorded = Recorded { walk, records: Vec::new() };
    recorded.append(Entry::new(Kind::Opened, serde_json::Value::Null));
    recorded.step(Walk::begin);
    recorded.moved(Move::Handover { to: "lee".into(), note: String::new() });
    let place = Place { executor: "lee@laptop".into(), ..Place::default() };
    for (place, own) in
        [(place, "lee"), (Place { executor: "x".into(), ..Place::default() }, "LEE")]
    {
        let library = std::collections::BTreeMap::default();
        let walk = Walk::resume(book(text), library, place, &recorded.records);
        let mut walk = walk.expect("it is its own");
        walk.begin();
        walk.moved(Move::Pause);
        walk.moved(Move::Approve(own.into()));
        assert_eq!((walk.approvals().len(), walk.end()), (0, None));
        walk.moved(Move::Approve("pat".into()));
        assert_eq!(walk.approvals().len(), 1);
    }
}

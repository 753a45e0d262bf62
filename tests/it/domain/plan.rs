//! What a confirmation is bound to.

use lockkeeper::domain::identity::Class;
use lockkeeper::domain::plan::{Answer, Digest, Hash, Plan, Refused, Risk, Timeouts};

use crate::support::act::plan as plan_of;

fn plan() -> Plan {
    plan_of("true", "/".as_ref())
}

/// Every way in which a plan can differ that a person must be asked about again.
fn changed() -> Vec<(&'static str, Plan)> {
    let with = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan();
        change(&mut plan);
        plan
    };
    let command = |change: &dyn Fn(&mut lockkeeper::domain::plan::Command)| {
        with(&|plan| change(plan.command.as_mut().expect("it has a command")))
    };
    vec![
        ("argument", command(&|c| c.argv.push("-x".into()))),
        ("variable", command(&|c| c.env.push("PGHOST".into()))),
        ("directory", command(&|c| c.cwd = "/tmp".into())),
        ("server", with(&|p| p.target.system_identifier = "1".into())),
        ("database", with(&|p| p.target.database = "shop2".into())),
        ("database of the same name", with(&|p| p.target.database_oid += 1)),
        ("class", with(&|p| p.class = Class::Staging)),
        ("host", with(&|p| p.target.host = "db2".into())),
        ("port", with(&|p| p.target.port += 1)),
        ("replica", with(&|p| p.target.primary = !p.target.primary)),
        ("role", with(&|p| p.target.role = "app".into())),
        ("file", with(&|p| p.files.push(Digest::of("up.sql", b"DROP TABLE t")))),
        ("revision", with(&|p| p.revision_before = vec!["1".into()])),
        (
            "timeout",
            with(&|p| {
                p.timeouts =
                    Timeouts { lock_ms: Some(1), statement_ms: None, ..Timeouts::default() }
            }),
        ),
        ("attempts", with(&|p| p.attempts = 9)),
        ("risk", with(&|p| p.risk = Risk::Destructive)),
    ]
}

#[test]
fn an_answer_to_another_plan_confirms_nothing() {
    let answer = Answer::Script(plan().hash());
    for (what, changed) in changed() {
        assert_eq!(changed.confirm(&answer), Err(Refused::Changed), "another {what}");
    }
}

#[test]
fn what_is_measured_live_does_not_change_the_plan() {
    let mut later = plan();
    later.preview.now.push("3 sessions wait".into());
    assert_eq!(later.hash(), plan().hash());
}

#[test]
fn what_can_lose_something_needs_the_name_typed_exactly() {
    let destructive = Plan { risk: Risk::Destructive, ..plan() };
    let hash = destructive.hash();
    let by = |answer| destructive.clone().confirm(&answer);
    assert_eq!(by(Answer::Key(hash.clone())), Err(Refused::NeedsTyping("shop".into())));
    let wrong = Err(Refused::WrongToken { expected: "shop".into() });
    assert_eq!(by(Answer::Typed(hash.clone(), "Shop".into())), wrong);
    assert!(by(Answer::Typed(hash, "shop".into())).is_ok());
}

#[test]
fn a_confirmation_allows_as_many_attempts_as_were_shown() {
    let twice = Plan { attempts: 2, ..plan() };
    let answer = Answer::Key(twice.hash());
    let first = twice.confirm(&answer).expect("the key confirms");
    let second = first.next_attempt().expect("two attempts were shown");
    assert_eq!(second.attempt(), 2);
    assert_eq!(second.next_attempt(), None);
}

#[test]
fn a_plan_read_back_from_its_record_is_the_same_plan() {
    let json = serde_json::to_vec(&plan()).expect("a plan is JSON");
    let back: Plan = serde_json::from_slice(&json).expect("it reads back");
    assert_eq!(back.hash(), plan().hash());
    assert_ne!(back.hash(), Hash::new("0"));
}

//! What an exit, the revisions and the evidence after a crash say.

use chrono::DateTime;
use lockkeeper::domain::fingerprint::{Compared, Part, Schema};
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::resolve::{
    After, Backend, Evidence, Exit, Failure, Job, Postcondition, Resolution, classify, resolve,
};
use lockkeeper::domain::scenario::Scenario;
use proptest::prelude::*;

fn exit(code: i32) -> Exit {
    Exit {
        code: Some(code),
        signal: None,
        not_started: None,
        stopped: false,
        started_at: DateTime::UNIX_EPOCH,
        ended_at: DateTime::UNIX_EPOCH,
        took_ms: 7,
    }
}

fn stopped() -> Exit {
    Exit { code: None, signal: Some(2), stopped: true, ..exit(0) }
}

fn schema(tables: &[&str]) -> Schema {
    let part = |name: &&str| Part {
        kind: "table".into(),
        space: "public".into(),
        owner: (*name).to_owned(),
        name: String::new(),
    };
    Schema::new(tables.iter().map(|name| (part(name), "1".to_owned())))
}

fn same() -> Compared {
    let schema = schema(&["t"]);
    Compared::of(&schema.fingerprint(), Some(&schema), &schema)
}

fn moved() -> Compared {
    let before = schema(&["t"]);
    Compared::of(&before.fingerprint(), Some(&before), &schema(&["t", "left"]))
}

/// An act from revision 1 to revision 2, found at `revision`.
fn at(revision: Option<&str>) -> After {
    After {
        before: vec!["1".into()],
        expected: Some(vec!["2".into()]),
        revision: revision.map(|one| vec![one.into()]),
        schema: same(),
        rows: true,
        ..After::default()
    }
}

fn saying(failure: Failure, after: After) -> After {
    After { failure: Some(failure), ..after }
}

#[test]
fn success_needs_both_exit_code_and_revision() {
    let ending = |after: &After| classify(&exit(0), after).ending;
    assert_eq!(ending(&at(Some("2"))), Ending::Done);
    assert_eq!(ending(&at(Some("1"))), Ending::RanElsewhere);
    assert_eq!(ending(&at(Some("7"))), Ending::Failed);
    assert_eq!(ending(&at(None)), Ending::Unknown);
    assert_eq!(ending(&After::default()), Ending::Done, "a command has no revision");
}

#[test]
fn the_order_of_several_heads_says_nothing() {
    let heads = |all: [&str; 2]| Some(all.map(String::from).to_vec());
    let after = After { expected: heads(["a", "b"]), revision: heads(["b", "a"]), ..at(None) };
    assert_eq!(classify(&exit(0), &after).ending, Ending::Done);
}

#[test]
fn a_failure_may_be_tried_again_only_if_the_revision_did_not_move() {
    let ending = |failure, revision| classify(&exit(1), &saying(failure, at(revision))).ending;
    assert_eq!(ending(Failure::LockTimeout, Some("1")), Ending::LockTimeout);
    assert_eq!(ending(Failure::RolledBack, Some("1")), Ending::RolledBack);
    for failure in [Failure::LockTimeout, Failure::RolledBack] {
        assert!(!ending(failure, None).may_retry(), "the revision was not read");
        assert_eq!(ending(failure, Some("2")), Ending::Partial);
    }
    assert_eq!(ending(Failure::Partial, Some("1")), Ending::Partial);
    assert_eq!(classify(&exit(1), &at(Some("1"))).ending, Ending::Failed, "it said nothing");
}

#[test]
fn what_is_called_rolled_back_was_read_and_is_as_before() {
    let failures =
        [None, Some(Failure::LockTimeout), Some(Failure::RolledBack), Some(Failure::Partial)];
    let schemas = [Compared::Unknown, same(), moved()];
    let exits = [exit(1), exit(255), stopped(), Exit { code: None, signal: Some(9), ..exit(0) }];
    let mut kept_nothing = 0;
    for (failure, schema) in failures.iter().flat_map(|f| schemas.iter().map(move |s| (*f, s))) {
        for (revision, rows) in [None, Some("1"), Some("2"), Some("7")]
            .into_iter()
            .flat_map(|r| [(r, true), (r, false)])
        {
            for exit in &exits {
                let after = After { failure, schema: schema.clone(), rows, ..at(revision) };
                let outcome = classify(exit, &after);
                let clean = revision == Some("1") && *schema == same();
                if outcome.ending.kept_nothing() {
                    kept_nothing += 1;
                    assert!(clean, "{after:?} is called {:?}", outcome.ending);
                }
                if matches!(schema, Compared::Moved { .. }) {
                    assert_eq!(outcome.ending, Ending::Partial, "{after:?}");
                    assert!(outcome.message.raw().contains("table public.left created"));
                    let next = outcome.next().expect("it is told");
                    assert!(next.contains("do not run it again"), "{next}");
                }
            }
        }
    }
    assert!(kept_nothing > 0);
}

#[test]
fn a_failure_that_says_nothing_is_rolled_back_where_only_the_schema_could_have_stayed() {
    let ending = |rows| classify(&exit(1), &After { rows, ..at(Some("1")) }).ending;
    assert_eq!((ending(false), ending(true)), (Ending::RolledBack, Ending::Failed));
}

#[test]
fn a_success_of_which_the_schema_shows_nothing_says_so() {
    let idle = After { alters: true, ..at(Some("2")) };
    let outcome = classify(&exit(0), &idle);
    assert_eq!((outcome.ending, outcome.scenario), (Ending::Done, Some(Scenario::NothingChanged)));
    assert_eq!(classify(&exit(0), &After { schema: moved(), ..idle }).scenario, None);
    let elsewhere = classify(&exit(0), &After { schema: moved(), ..at(Some("1")) });
    assert_eq!(elsewhere.ending, Ending::Partial, "the schema moved, the revision did not");
}

#[test]
fn a_stop_that_came_too_late_did_not_stop_anything() {
    assert_eq!(classify(&stopped(), &at(Some("1"))).ending, Ending::Stopped);
    assert_eq!(classify(&stopped(), &at(Some("2"))).ending, Ending::Partial);
    let late = Exit { stopped: true, ..exit(0) };
    assert_eq!(classify(&late, &at(Some("2"))).ending, Ending::Done);
}

#[test]
fn a_program_that_could_not_start_did_not_run() {
    let missing = Exit { code: None, not_started: Some("no such file".into()), ..exit(0) };
    let outcome = classify(&missing, &at(Some("1")));
    assert_eq!(outcome.ending, Ending::NotRun);
    assert!(outcome.message.raw().contains("no such file"));
}

fn evidence(job: Job) -> Evidence {
    Evidence {
        job,
        backend: Backend::Gone,
        postcondition: Postcondition::CannotTell,
        verdict: None,
        after: at(Some("2")),
    }
}

fn ending(evidence: &Evidence) -> Option<Ending> {
    resolve(evidence).outcome().map(|outcome: Outcome| outcome.ending)
}

#[test]
fn a_claim_taken_by_the_resolver_is_certain() {
    let hopeless = Evidence { backend: Backend::CannotTell, ..evidence(Job::Unclaimed) };
    assert_eq!(resolve(&hopeless), Resolution::NeverStarted);
    assert_eq!(ending(&hopeless), Some(Ending::NotRun));
}

#[test]
fn an_exit_file_speaks_before_everything_else() {
    let contradicted = Evidence {
        postcondition: Postcondition::Untouched,
        verdict: Some(Ending::Failed),
        ..evidence(Job::Exited(exit(0)))
    };
    assert_eq!(ending(&contradicted), Some(Ending::Done));
}

#[test]
fn a_live_process_is_running_whatever_the_database_says() {
    let done = Evidence {
        postcondition: Postcondition::Holds,
        verdict: Some(Ending::Done),
        ..evidence(Job::Running { pid: 7 })
    };
    assert!(matches!(resolve(&done), Resolution::StillRunning { .. }));
}

#[test]
fn a_killed_tool_whose_backend_works_on_is_still_running() {
    let killed = Exit { code: None, signal: Some(9), ..exit(0) };
    for job in [Job::Dead, Job::Exited(killed)] {
        let working = Evidence {
            backend: Backend::Present { pid: 42 },
            verdict: Some(Ending::Failed),
            ..evidence(job)
        };
        assert!(matches!(resolve(&working), Resolution::StillRunning { .. }));
    }
}

#[test]
fn the_postcondition_decides_only_when_no_backend_is_left() {
    let dead = |backend, postcondition| Evidence { backend, postcondition, ..evidence(Job::Dead) };
    assert_eq!(ending(&dead(Backend::Gone, Postcondition::Holds)), Some(Ending::Done));
    assert_eq!(ending(&dead(Backend::Gone, Postcondition::Untouched)), Some(Ending::RolledBack));
    assert_eq!(ending(&dead(Backend::Gone, Postcondition::SchemaMoved)), Some(Ending::Partial));
    assert_eq!(ending(&dead(Backend::CannotTell, Postcondition::Holds)), None);
    assert_eq!(ending(&dead(Backend::Gone, Postcondition::RevisionUnmoved)), None);
    assert_eq!(ending(&dead(Backend::Gone, Postcondition::Neither)), None);
    assert_eq!(ending(&dead(Backend::Gone, Postcondition::OnlyPartial)), Some(Ending::Failed));
    assert_eq!(ending(&dead(Backend::Gone, Postcondition::NoFile)), Some(Ending::NotRun));
}

fn any_schema() -> impl Strategy<Value = Compared> {
    prop::sample::select(vec![Compared::Unknown, same(), moved()])
}

fn any_revision() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![None, Some("1"), Some("2"), Some("7")])
}

proptest! {
    /// What could not be read is never taken for good: an act whose end nobody saw is only
    /// called rolled back where revision and schema were read and are those from before, and
    /// done only where the revision was read and is the expected one.
    #[test]
    fn unknown_never_passes(
        schema in any_schema(),
        revision in any_revision(),
        (rows, whole) in any::<(bool, bool)>(),
        backend in prop::sample::select(vec![Backend::Gone, Backend::CannotTell]),
        job in prop::sample::select(vec![Job::Dead, Job::Unreadable("torn".into())]),
    ) {
        let after = After { schema: schema.clone(), rows, ..at(revision) };
        let postcondition = after.postcondition(whole);
        let found = resolve(&Evidence { job, backend, postcondition, verdict: None, after });
        let is_read = backend == Backend::Gone && revision.is_some();
        match found.outcome().map(|outcome| outcome.ending) {
            Some(Ending::RolledBack) => {
                prop_assert!(is_read && revision == Some("1"));
                prop_assert_eq!(&schema, &same());
                prop_assert!(whole || !rows, "rows may have been committed on the way");
            }
            Some(Ending::Done) => prop_assert!(is_read && revision == Some("2")),
            Some(Ending::Partial) => {
                prop_assert!(is_read);
                prop_assert_eq!(&schema, &moved());
            }
            Some(other) => prop_assert!(false, "called {other:?}"),
            None => {
                let unknown = matches!(found, Resolution::Unknown { .. });
                prop_assert!(unknown);
            }
        }
        if schema == Compared::Unknown && revision == Some("1") {
            let asked = matches!(found, Resolution::Unknown { .. });
            prop_assert!(asked, "a person is asked");
        }
    }
}

#[test]
fn one_transaction_is_no_proof_without_its_schema() {
    let blind = After { schema: Compared::Unknown, ..at(Some("1")) };
    assert_eq!(blind.postcondition(true), Postcondition::RevisionUnmoved);
    assert_eq!(at(Some("1")).postcondition(true), Postcondition::Untouched);
    assert_eq!(at(Some("1")).postcondition(false), Postcondition::RevisionUnmoved);
    let rowless = After { rows: false, ..at(Some("1")) };
    assert_eq!(rowless.postcondition(false), Postcondition::Untouched);
}

#[test]
fn what_nobody_can_tell_is_unknown_until_the_operator_says() {
    for job in [Job::Dead, Job::InProcess, Job::Unreadable("no permission".into())] {
        let unknown = evidence(job);
        assert!(matches!(resolve(&unknown), Resolution::Unknown { .. }));
        let judged = Evidence { verdict: Some(Ending::RolledBack), ..unknown };
        assert_eq!(ending(&judged), Some(Ending::RolledBack));
    }
}

#[test]
fn an_exit_of_zero_without_a_readable_revision_stays_unknown() {
    let blind = Evidence { after: at(None), ..evidence(Job::Exited(exit(0))) };
    assert!(matches!(resolve(&blind), Resolution::Unknown { .. }));
}

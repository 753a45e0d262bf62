//! Who may approve, and how far that is proven.

use lockkeeper::domain::approval::{
    Approval, Approver, Executor, Known, Refused, Subject, each_once, same_person,
};
use proptest::prelude::*;

/// Its login sets the role `deployer`.
fn executor() -> Executor {
    let people = vec!["kim@desk".into(), "ann".into()];
    Executor { role: "deployer".into(), login: "ci".into(), people }
}

fn judge(login: Option<&str>, account: &str, name: Option<&str>) -> Result<Known, Refused> {
    let text = |text: &str| text.to_owned();
    Approver { login: login.map(text), account: account.into(), name: name.map(text) }
        .judge(&executor())
}

#[test]
fn only_a_login_with_another_role_verifies() {
    let lead = judge(Some("lead"), "kim@desk", None).expect("a role of their own");
    assert!(lead.verified && lead.by == "lead" && lead.why.is_none());
    let named = judge(Some("deployer"), "kim@desk", Some("Lee")).expect("a name");
    assert!(!named.verified && named.by == "Lee");
    assert!(named.why.expect("a reason").contains("the role that the run uses"));
    let other = judge(None, "lee@desk", None).expect("another account");
    assert!(!other.verified && other.by == "lee@desk");
}

#[test]
fn the_executor_is_refused_under_each_of_their_names() {
    for (login, account, name) in [
        (Some("kim"), "kim@desk", None),
        (Some("KIM"), "lee@desk", None),
        (Some("ann"), "lee@desk", None),
        (Some("deployer"), "kim@desk", None),
        (None, "kim@desk", None),
        (None, "kim@desk", Some("Kim")),
        (Some("deployer"), "lee@desk", Some("deployer")),
        (Some("ci"), "kim@lap", None),
        (Some("ci"), "lee@desk", Some("CI")),
        (Some("kim@example.com"), "lee@desk", None),
        (None, "lee@desk", Some("kim@lap")),
        (None, "ann@lap", None),
        (None, "kim@desk", Some("  ")),
    ] {
        let judged = judge(login, account, name);
        assert!(judged.is_err(), "{login:?} {account} {name:?}: {judged:?}");
    }
}

#[test]
fn the_login_that_the_run_uses_verifies_nobody_also_where_it_sets_another_role() {
    let named = judge(Some("ci"), "lee@desk", Some("Lee")).expect("a name");
    assert!(!named.verified && named.by == "Lee");
}

fn names() -> impl Strategy<Value = String> {
    "[ ]?(kim|KIM|Kim|lee|ann)(@(desk|lap|Desk)?)?[ ]?"
}

/// How many people approve by these names.
fn people<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    let given = |by: &String| Approval {
        role: String::new(),
        by: by.clone(),
        verified: false,
        subject: Subject::default(),
    };
    let given: Vec<Approval> = names.map(given).collect();
    each_once(given.iter()).len()
}

proptest! {
    #[test]
    fn to_be_the_same_person_is_an_equivalence(one in names(), two in names(), three in names()) {
        prop_assert!(same_person(&one, &one));
        prop_assert_eq!(same_person(&one, &two), same_person(&two, &one));
        if same_person(&one, &two) && same_person(&two, &three) {
            prop_assert!(same_person(&one, &three), "{one} {two} {three}");
        }
    }

    #[test]
    fn nobody_counts_twice_in_whatever_order_the_names_come(
        names in prop::collection::vec(names(), 0..8),
        at in 0usize..8,
    ) {
        let count = people(names.iter());
        prop_assert_eq!(count, people(names.iter().rev()));
        let ahead = names.iter().skip(at).chain(names.iter().take(at));
        prop_assert_eq!(count, people(ahead));
        prop_assert!(count <= 3, "there are three people: {names:?}");
    }

    #[test]
    fn nobody_who_has_run_it_approves_it(
        people in prop::collection::vec(names(), 1..4),
        login in prop::option::of(names()),
        account in names(),
        name in prop::option::of(names()),
    ) {
        let executor = Executor { people, ..executor() };
        let approver = Approver { login, account, name };
        if let Ok(known) = approver.judge(&executor) {
            prop_assert!(!executor.is(&known.by), "{known:?} {executor:?}");
        }
    }
}

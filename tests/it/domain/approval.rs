//! Who may approve, and how far that is proven.

use lockkeeper::domain::approval::{Approver, Executor, Known, Refused};

fn executor() -> Executor {
    Executor { role: "deployer".into(), people: vec!["kim@desk".into(), "ann".into()] }
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
        (None, "kim@desk", Some("  ")),
    ] {
        let judged = judge(login, account, name);
        assert!(judged.is_err(), "{login:?} {account} {name:?}: {judged:?}");
    }
}

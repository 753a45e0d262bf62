//! Runbooks: risks, conditions, scenarios, and what the shipped ones hold.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use lockkeeper::domain::config::Tool;
use lockkeeper::domain::evidence::{Expect, Name, Reading, Scope, Value, Verdict};
use lockkeeper::domain::identity::Class;
use lockkeeper::domain::plan::Risk;
use lockkeeper::domain::runbook::{
    Action, Context, Deed, Down, Goto, Kind, Migrate, Resume, Runbook, SHIPPED, Skip, Target, When,
};
use lockkeeper::io::runbook::{self, Places};

fn kinds() -> Runbook {
    let text = include_str!("../../samples/files/kinds.toml");
    runbook::parse(Path::new("kinds.toml"), text).expect("the sample is good")
}

fn risk(runbook: &Runbook, step: &str) -> Risk {
    match &runbook.step(step).expect("the step is there").kind {
        Kind::Act(act) => act.risk,
        _ => panic!("{step} is no act"),
    }
}

#[test]
fn an_act_carries_at_least_the_risk_of_its_action() {
    let runbook = kinds();
    assert_eq!(risk(&runbook, "sql"), Risk::Read);
    assert_eq!(risk(&runbook, "command"), Risk::Safe);
    assert_eq!(risk(&runbook, "backup"), Risk::Safe);
    assert_eq!(risk(&runbook, "verify"), Risk::Safe);
    assert_eq!(risk(&runbook, "down"), Risk::Lossy);
    assert_eq!(risk(&runbook, "signal"), Risk::Lossy);
    assert_eq!(risk(&runbook, "restore"), Risk::Lossy, "rows that are missing come back");
}

#[test]
fn a_step_is_skipped_and_resumed_as_its_file_says() {
    let runbook = kinds();
    let step = |id| runbook.step(id).expect("the step is there");
    assert_eq!(step("notice").skip, Skip::Freely);
    assert_eq!(step("manual").skip, Skip::Never);
    assert_eq!(step("ask").skip, Skip::WithReason);
    assert_eq!(step("command").resume, Resume::Ask);
    assert_eq!(step("check").resume, Resume::Rerun);
    assert_eq!(
        step("call").kind,
        Kind::Call { target: Target::Runbook { name: "validate".to_owned(), section: None } }
    );
}

#[test]
fn a_section_is_reached_by_a_trigger_and_a_scenario_fits_its_error() {
    let runbook = kinds();
    let error = "ERROR: canceling statement due to LOCK TIMEOUT";
    let found: Vec<_> = runbook.scenarios_of(error).map(|one| one.title.as_str()).collect();
    assert_eq!(found, ["no lock"]);
    assert_eq!(runbook.scenarios_of("syntax error").count(), 0);
}

struct Situation {
    class: Class,
    tool: Option<Tool>,
    vars: BTreeMap<String, Value>,
    reading: Option<Reading>,
}

impl Scope for Situation {
    fn value(&self, name: &Name) -> Option<Value> {
        match name {
            Name::Var(name) => self.vars.get(name).cloned(),
            Name::Policy(_) | Name::Probe(_) => None,
        }
    }
}

impl Context for Situation {
    fn class(&self) -> Class {
        self.class
    }

    fn tool(&self) -> Option<Tool> {
        self.tool
    }

    fn reading(&self, _: &str) -> Option<&Reading> {
        self.reading.as_ref()
    }

    fn is_configured(&self, name: &str) -> bool {
        name == "maintenance_on"
    }
}

fn situation() -> Situation {
    Situation { class: Class::Production, tool: None, vars: BTreeMap::new(), reading: None }
}

#[test]
fn a_condition_holds_only_if_all_of_it_does() {
    assert_eq!(When::default().holds(&situation()), Verdict::Pass);
    let when = When { class: vec![Class::Staging], tool: vec![Tool::Sqlx], ..When::default() };
    assert_eq!(when.holds(&situation()), Verdict::Fail, "the class decides, whatever the tool");
    let when = When { tool: vec![Tool::Sqlx], ..When::default() };
    assert_eq!(when.holds(&situation()), Verdict::Unknown);
    let sqlx = Situation { tool: Some(Tool::Sqlx), ..situation() };
    assert_eq!(when.holds(&sqlx), Verdict::Pass);
}

#[test]
fn a_variable_or_probe_that_nobody_answered_is_unknown() {
    let table = || Value::Text("table".to_owned());
    let when = When { var: BTreeMap::from([("kind".to_owned(), table())]), ..When::default() };
    assert_eq!(when.holds(&situation()), Verdict::Unknown);
    let vars = BTreeMap::from([("kind".to_owned(), table())]);
    assert_eq!(when.holds(&Situation { vars, ..situation() }), Verdict::Pass);

    let expect = Expect::equals(Value::Bool(true));
    let when = When { probe: Some(("primary".to_owned(), expect)), ..When::default() };
    assert_eq!(when.holds(&situation()), Verdict::Unknown);
    let at = DateTime::<Utc>::UNIX_EPOCH;
    let reading = Some(Reading { value: Value::Bool(false), at });
    assert_eq!(when.holds(&Situation { reading, ..situation() }), Verdict::Fail);
}

fn migrate() -> Runbook {
    runbook::find("migrate", &Places::default()).expect("it is shipped").runbook
}

fn rollback() -> Runbook {
    runbook::find("rollback", &Places::default()).expect("it is shipped").runbook
}

#[test]
fn every_step_of_the_shipped_runbooks_says_where_it_comes_from() {
    for name in SHIPPED {
        let book = runbook::find(name, &Places::default()).expect("it is shipped").runbook;
        for step in book.steps().filter(|step| step.id != "what_this_does") {
            assert!(step.source.is_some(), "{} cites nothing", step.id);
        }
    }
}

#[test]
fn migrating_ends_with_the_choice_to_keep_or_to_go_back() {
    let runbook = migrate();
    let Some(Kind::Decide(decide)) = runbook.step("keep").map(|step| &step.kind) else {
        panic!("there is no decision");
    };
    let goto = |id: &str| {
        decide.answers.iter().find(|answer| answer.id == id).map(|answer| answer.goto.clone())
    };
    assert_eq!(goto("keep"), Some(Goto::Section("kept".to_owned())));
    assert_eq!(goto("down"), Some(Goto::Section("back".to_owned())));
}

#[test]
fn a_failed_way_down_is_not_followed_by_another_migration() {
    let runbook = rollback();
    let action = |id: &str| match &runbook.step(id).expect("the step is there").kind {
        Kind::Act(act) => act.action.clone(),
        _ => panic!("{id} is no act"),
    };
    assert_eq!(action("down_one"), Action::Migrate(Migrate::Down(Down::Previous)));
    let down = runbook.step("down_one").expect("the step is there");
    assert_eq!(
        (down.on_fail.retry, down.on_fail.never.as_slice()),
        (Some(0), [Deed::Migrate].as_slice())
    );
}

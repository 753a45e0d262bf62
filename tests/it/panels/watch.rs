//! The panel Watch.

use insta::assert_snapshot;
use lockkeeper::domain::activity::BackendKey;
use lockkeeper::domain::evidence::Value;
use lockkeeper::domain::health::Health;
use lockkeeper::domain::signal::Kind;
use lockkeeper::panels::watch::Watch;
use lockkeeper::panels::{Ask, Command, Id, Panel, Scene, Wanted};
use lockkeeper::session::effect::{Event, How, Request};
use lockkeeper::session::facts::{Facts, Feed};
use lockkeeper::session::machine::Session;

use crate::support::facts::{
    World, ago, answered, connecting, measured, migrations, now, plan, running, sampled,
};
use crate::support::facts::{stale, surroundings};
use crate::support::panel::{assert_harmless, binding, off, paint, paint_everywhere, scene, wide};
use crate::support::screen::{SIZES, painted, text};

fn snapshots(name: &str, facts: &Facts, session: &Session) {
    for size in SIZES {
        let buf = paint(&Watch, &scene(facts, session), size);
        assert_snapshot!(format!("{name}_{}", size.0), painted(&buf));
    }
}

fn blocked() -> Facts {
    let mut facts = World::blocked().replicas().facts();
    facts.project.arrived(migrations(2), now());
    facts.slow.arrived(surroundings(), now());
    facts
}

fn reporting() -> BackendKey {
    let facts = World::blocked().facts();
    let snapshot = facts.snapshot.value().expect("there is one");
    snapshot.backend(3988).expect("it reports").key()
}

#[test]
fn our_blocked_migration_is_seen_with_its_cause_and_the_ways_out() {
    snapshots("blocked", &blocked(), &running(plan()));
}

#[test]
fn a_quiet_server_is_calm_and_offers_the_next_migration() {
    let mut facts = World::quiet().facts();
    facts.project.arrived(migrations(2), now());
    snapshots("quiet", &facts, &Session::default());
}

#[test]
fn a_run_is_held_against_the_time_before_it() {
    let facts = measured(&World::blocked().replicas(), &answered(503), 0.39);
    snapshots("baseline", &facts, &running(plan()));
}

#[test]
fn what_cannot_be_told_of_a_run_is_called_unknown() {
    let refused = Value::unknown("connection refused");
    let mut facts = measured(&World::quiet(), &refused, 1.0);
    facts.slow = Feed::default();
    let seen = wide(&Watch, &scene(&facts, &Session::default()));
    assert!(seen.contains("health 1/2 (1 unknown)"), "{seen}");
    assert!(seen.contains("rows unknown"), "{seen}");
    assert!(seen.contains("LOOK"), "{seen}");
    assert!(seen.contains("health 1/2 cannot tell for 0:55: api: connection refused"), "{seen}");
}

#[test]
fn before_any_run_only_the_configured_probes_are_told() {
    let mut facts = World::quiet().facts();
    let seen = |facts: &Facts| wide(&Watch, &scene(facts, &Session::default()));
    assert!(!seen(&facts).contains("HEALTH"));
    facts.arm(Vec::new(), ["api".to_owned()]);
    assert!(seen(&facts).contains("health unknown"));
    facts.hear(sampled("api", answered(200), 8.0, 0), now());
    assert!(seen(&facts).contains("health 1/1"));
    assert!(!seen(&facts).contains("BASELINE"));
}

#[test]
fn before_the_first_answer_there_is_a_calm_skeleton() {
    snapshots("connecting", &connecting(), &Session::default());
}

#[test]
fn a_refused_connection_is_said_with_what_happens_next() {
    let mut facts = connecting();
    facts.identity.failed("password authentication failed for user \"deployer\"");
    snapshots("refused", &facts, &Session::default());
}

#[test]
fn dead_data_is_shown_with_its_age() {
    snapshots("stale", &stale(blocked()), &running(plan()));
}

#[test]
fn progress_is_told_by_phase_with_an_honest_end() {
    let facts = World::quiet().progress().facts();
    let session = running(plan());
    assert_snapshot!(wide(&Watch, &scene(&facts, &session)));
}

#[test]
fn look_leads_to_the_culprit_among_the_locks() {
    let (facts, session) = (blocked(), Session::default());
    let ask = Watch.on(&Command::Follow, &scene(&facts, &session));
    assert_eq!(ask, Ask::Show(Id::Locks, Some(reporting())));
}

#[test]
fn ending_the_culprit_names_pid_and_start_and_is_only_asked_for() {
    let (facts, session) = (blocked(), Session::default());
    let scene = scene(&facts, &session);
    assert_eq!(binding(&Watch, &scene, &Command::TerminateBackend).enabled, Ok(()));
    let ask = Watch.on(&Command::TerminateBackend, &scene);
    assert_eq!(reporting().backend_start, ago(7_200 + 28));
    let request = Request::Signal { backend: reporting(), signal: Kind::Terminate };
    assert_eq!(ask, Ask::Plan(request));
}

#[test]
fn a_prepared_transaction_cannot_be_ended_and_the_reason_names_what_can() {
    let (facts, session) = (World::quiet().transfer().facts(), Session::default());
    let scene = scene(&facts, &session);
    assert!(off(&Watch, &scene, &Command::TerminateBackend).contains("ROLLBACK PREPARED"));
    assert_eq!(Watch.on(&Command::TerminateBackend, &scene), Ask::Nothing);
}

#[test]
fn of_a_cycle_nobody_is_ended_unseen() {
    let (facts, session) = (World::blocked().cycle(true).facts(), Session::default());
    let scene = scene(&facts, &session);
    assert!(off(&Watch, &scene, &Command::TerminateBackend).contains("choose one in Locks"));
    assert_eq!(Watch.on(&Command::TerminateBackend, &scene), Ask::Nothing);
}

#[test]
fn keys_say_why_they_are_off() {
    let (facts, session) = (World::quiet().facts(), Session::default());
    let scene = scene(&facts, &session);
    assert_eq!(off(&Watch, &scene, &Command::Follow), "nobody waits for a lock");
    assert_eq!(off(&Watch, &scene, &Command::CancelAct), "nothing of ours is running");
    assert_eq!(
        off(&Watch, &scene, &Command::TerminateBackend),
        "nobody stands in anybody's way; 2 lists all, and t there ends one"
    );
    assert_eq!(off(&Watch, &scene, &Command::Up), "the migrations are not read yet");
}

#[test]
fn with_everything_applied_up_and_migrate_are_off_because_nothing_is_pending() {
    let (mut facts, session) = (World::quiet().facts(), Session::default());
    facts.project.arrived(migrations(4), now());
    for command in [Command::Up, Command::Begin("migrate".to_owned())] {
        assert_eq!(off(&Watch, &scene(&facts, &session), &command), "nothing is pending");
    }
}

#[test]
fn while_an_act_runs_it_can_be_cancelled_and_no_other_begun() {
    let (facts, session) = (blocked(), running(plan()));
    let scene = scene(&facts, &session);
    assert_eq!(Watch.on(&Command::CancelAct, &scene), Ask::Stop(How::Cancel));
    assert_eq!(off(&Watch, &scene, &Command::Up), "up 7 widen amount is running");
    let begin = Command::Begin("migrate".to_owned());
    assert_eq!(off(&Watch, &scene, &begin), "up 7 widen amount is running");
}

#[test]
fn on_another_target_than_the_pinned_one_nothing_may_run() {
    let (mut facts, session) = (blocked(), Session::default());
    facts.mismatch = Some("another system".to_owned());
    let scene = scene(&facts, &session);
    for command in [Command::Up, Command::TerminateBackend] {
        assert!(off(&Watch, &scene, &command).contains("not the pinned target"));
    }
}

#[test]
fn what_the_role_cannot_see_is_said() {
    let mut world = World::quiet();
    world.limits.push("other roles' queries are hidden: grant pg_monitor".to_owned());
    let (facts, session) = (world.facts(), Session::default());
    assert!(wide(&Watch, &scene(&facts, &session)).contains("grant pg_monitor"));
}

#[test]
fn hostile_text_leaves_no_control_character_on_the_screen() {
    let (facts, session) = (World::hostile().facts(), Session::default());
    for size in SIZES {
        assert_harmless(&paint(&Watch, &scene(&facts, &session), size));
    }
}

#[test]
fn no_size_is_too_small() {
    for facts in [blocked(), World::everything().facts(), connecting()] {
        paint_everywhere(&Watch, &scene(&facts, &running(plan())));
    }
}

#[test]
fn the_verdict_stays_when_there_is_room_for_nothing_else() {
    let (facts, session) = (blocked(), running(plan()));
    let buf = paint(&Watch, &scene(&facts, &session), (60, 8));
    assert!(text(&buf).contains("ALARM"));
}

#[test]
fn a_trigger_that_fires_names_the_way_back_with_its_reason() {
    let facts = measured(&World::quiet(), &answered(200), 0.39);
    let seen = wide(&Watch, &scene(&facts, &Session::default()));
    let offered = "R open the rollback tree: 61% fewer transactions than before the run";
    assert!(seen.contains(offered), "{seen}");
    let seen = wide(&Watch, &scene(&facts, &running(plan())));
    assert!(seen.contains("R is offered: 61% fewer"), "{seen}");
    assert!(seen.contains("(off: an act is running"), "{seen}");
    let calm = measured(&World::quiet(), &answered(200), 1.0);
    assert!(!wide(&Watch, &scene(&calm, &Session::default())).contains("R open"));
}

#[test]
fn the_triggers_are_gauges_and_what_cannot_tell_is_never_calm() {
    let mut facts = measured(&World::quiet(), &answered(200), 0.39);
    facts.vitals.health = Health::of(["api".to_owned()]);
    for seconds in [-5, -10, -15] {
        let at = ago(seconds).expect("a time");
        facts.hear(sampled("api", answered(500), 9.0, seconds), at);
    }
    snapshots("gauges", &facts, &Session::default());
    let seen = wide(&Watch, &scene(&facts, &Session::default()));
    assert!(seen.contains("▲ unknown  authentication"), "{seen}");
}

#[test]
fn a_fired_offer_is_put_aside_by_a_key_that_asks_for_the_reason() {
    let facts = measured(&World::quiet(), &answered(200), 0.39);
    let session = Session::default();
    let scene = scene(&facts, &session);
    assert_eq!(Watch.on(&Command::PutAside, &scene), Ask::Text(Wanted::Aside));
    let has = |scene: &Scene<'_>| {
        Watch.bindings(scene).iter().any(|binding| binding.command == Command::PutAside)
    };
    assert!(has(&scene));
    let calm = measured(&World::quiet(), &answered(200), 1.0);
    assert!(!has(&Scene { facts: &calm, ..scene }));
    let event = Wanted::Aside.entered("known".to_owned(), &facts);
    assert_eq!(
        event,
        Event::PutAside { triggers: vec!["slowdown".to_owned()], reason: "known".to_owned() }
    );
}

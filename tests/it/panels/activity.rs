//! The panel Activity.

use insta::assert_snapshot;
use lockkeeper::domain::activity::{Backend, BackendKey};
use lockkeeper::domain::signal::Kind;
use lockkeeper::panels::activity::{Activity, pairs};
use lockkeeper::panels::{Ask, Command, Id, Panel, Scene, Step};
use lockkeeper::session::effect::Request;
use lockkeeper::session::facts::Facts;
use lockkeeper::session::machine::Session;

use crate::support::facts::{World, connecting, stale};
use crate::support::panel::{assert_harmless, binding, off, paint, paint_everywhere, scene, wide};
use crate::support::screen::{SIZES, painted};

fn snapshots(name: &str, panel: &Activity, facts: &Facts) {
    let session = Session::default();
    for size in SIZES {
        let buf = paint(panel, &scene(facts, &session), size);
        assert_snapshot!(format!("{name}_{}", size.0), painted(&buf));
    }
}

fn key(facts: &Facts, pid: i32) -> BackendKey {
    backend(facts, pid).key()
}

fn backend(facts: &Facts, pid: i32) -> &Backend {
    facts.snapshot.value().and_then(|snapshot| snapshot.backend(pid)).expect("it is there")
}

/// Returns the panel with `pid` selected, as if a person had moved there.
fn on(facts: &Facts, pid: i32) -> Activity {
    let mut panel = Activity::default();
    panel.select(key(facts, pid));
    panel
}

#[test]
fn who_waits_and_who_is_in_the_way_are_at_the_top() {
    let facts = World::everything().facts();
    snapshots("everything", &on(&facts, 3988), &facts);
}

#[test]
fn before_the_first_answer_it_says_so() {
    snapshots("connecting", &Activity::default(), &connecting());
}

#[test]
fn dead_data_is_shown_with_its_age() {
    snapshots("stale", &Activity::default(), &stale(World::blocked().facts()));
}

#[test]
fn without_any_answer_the_error_is_said() {
    let facts = stale(connecting());
    let text = wide(&Activity::default(), &scene(&facts, &Session::default()));
    assert!(text.contains("connection refused") && text.contains("tried again by itself"));
}

#[test]
fn idle_sessions_are_hidden_until_asked_for_but_never_who_blocks() {
    let (facts, session) = (World::everything().facts(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = Activity::default();
    let before = wide(&panel, &scene);
    assert!(before.contains("14 idle hidden") && !before.contains("6001"));
    assert!(before.contains("2040"), "the idle holder of the advisory lock blocks");
    assert_eq!(panel.on(&Command::Idle, &scene), Ask::Nothing);
    let after = wide(&panel, &scene);
    assert!(after.contains("6001") && !after.contains("hidden"));
}

#[test]
fn every_column_can_be_sorted_by_and_is_marked() {
    let (facts, session) = (World::everything().facts(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = Activity::default();
    let mut titles = Vec::new();
    for _ in 0..15 {
        let text = wide(&panel, &scene);
        let title = text.lines().nth(1).expect("there are titles").to_owned();
        let marked: Vec<&str> =
            title.split_whitespace().filter(|word| word.contains(['↑', '↓'])).collect();
        assert_eq!(marked.len(), 1, "{title}");
        titles.push(title.clone());
        panel.on(&Command::Sort, &scene);
    }
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), 15);
    let down = wide(&panel, &scene);
    panel.on(&Command::Reverse, &scene);
    assert_ne!(wide(&panel, &scene), down);
}

#[test]
fn the_filter_narrows_the_list_and_says_how_much() {
    let (facts, session) = (World::everything().facts(), Session::default());
    let scene = Scene { filter: "REPORTING", ..scene(&facts, &session) };
    let text = wide(&Activity::default(), &scene);
    assert!(text.contains("3988") && !text.contains("5001") && text.contains("filtered out"));
}

#[test]
fn a_filter_that_only_idle_sessions_match_says_that_they_are_hidden() {
    let (facts, session) = (World::quiet().facts(), Session::default());
    let empty =
        |filter: &str| wide(&Activity::default(), &Scene { filter, ..scene(&facts, &session) });
    let said = empty("6001");
    assert!(said.contains("only idle sessions match the filter; i shows them"), "{said}");
    let said = empty("nobody is called so");
    assert!(said.contains("no session matches the filter; Esc shows everything"), "{said}");
}

#[test]
fn without_a_selection_the_keys_say_how_to_choose() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = Activity::default();
    for command in [Command::Open, Command::Follow, Command::CancelBackend] {
        assert!(off(&panel, &scene, &command).contains("choose a session first"));
        assert_eq!(panel.on(&command, &scene), Ask::Nothing);
    }
}

#[test]
fn a_key_on_a_vanished_row_asks_for_nothing() {
    let (before, session) = (World::blocked().facts(), Session::default());
    let mut panel = on(&before, 3988);
    let after = World::quiet().facts();
    let scene = scene(&after, &session);
    let commands =
        [Command::Open, Command::Follow, Command::CancelBackend, Command::TerminateBackend];
    for command in commands {
        assert!(off(&panel, &scene, &command).contains("has ended"));
        assert_eq!(panel.on(&command, &scene), Ask::Nothing);
    }
}

#[test]
fn a_pid_that_was_used_again_is_not_the_session_that_was_chosen() {
    let (before, session) = (World::blocked().facts(), Session::default());
    let mut panel = on(&before, 3988);
    let mut world = World::blocked();
    let reused = world.reading.backends.iter_mut().find(|b| b.pid == 3988).expect("it is there");
    reused.backend_start = reused.backend_start.map(|at| at + chrono::TimeDelta::microseconds(1));
    let after = world.facts();
    assert_eq!(panel.on(&Command::TerminateBackend, &scene(&after, &session)), Ask::Nothing);
}

#[test]
fn what_the_filter_hides_is_not_acted_on() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let mut panel = on(&facts, 3988);
    let scene = Scene { filter: "nobody is called so", ..scene(&facts, &session) };
    assert_eq!(panel.on(&Command::TerminateBackend, &scene), Ask::Nothing);
}

#[test]
fn the_signals_ask_for_a_plan_of_exactly_the_selected_session() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = on(&facts, 5001);
    for (command, signal) in
        [(Command::CancelBackend, Kind::Cancel), (Command::TerminateBackend, Kind::Terminate)]
    {
        assert_eq!(binding(&panel, &scene, &command).enabled, Ok(()));
        let request = Request::Signal { backend: key(&facts, 5001), signal };
        assert_eq!(panel.on(&command, &scene), Ask::Plan(request));
    }
}

#[test]
fn cancel_is_off_for_idle_in_transaction_and_says_what_works() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let scene = scene(&facts, &session);
    let panel = on(&facts, 3988);
    let why = off(&panel, &scene, &Command::CancelBackend);
    assert!(why.contains("cancelling does nothing") && why.contains("terminate"), "{why}");
    assert_eq!(binding(&panel, &scene, &Command::TerminateBackend).enabled, Ok(()));
}

#[test]
fn our_own_instruments_cannot_be_ended() {
    let (facts, session) = (World::quiet().facts(), Session::default());
    let why = off(&on(&facts, 4100), &scene(&facts, &session), &Command::TerminateBackend);
    assert!(why.contains("lockkeeper's own"), "{why}");
}

#[test]
fn a_key_leads_to_the_sessions_place_among_the_locks_if_it_has_one() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let scene = scene(&facts, &session);
    let ask = on(&facts, 5001).on(&Command::Follow, &scene);
    assert_eq!(ask, Ask::Show(Id::Locks, Some(key(&facts, 5001))));
    let why = off(&on(&facts, 6101), &scene, &Command::Follow);
    assert!(why.contains("neither waits"), "{why}");
}

#[test]
fn whom_somebody_came_for_is_shown_even_if_idle() {
    let (facts, session) = (World::quiet().facts(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = on(&facts, 6001);
    assert!(wide(&panel, &scene).contains("6001"));
    assert_eq!(panel.on(&Command::Open, &scene), Ask::Backend(key(&facts, 6001)));
}

#[test]
fn movements_select_by_key_and_stay_with_it() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let mut panel = Activity::default();
    panel.on(&Command::Go(Step::First), &scene(&facts, &session));
    panel.on(&Command::Go(Step::Down), &scene(&facts, &session));
    let mut world = World::blocked();
    world.reading.backends.retain(|backend| backend.pid != 3988);
    let fewer = world.facts();
    let scene = scene(&fewer, &session);
    assert_eq!(panel.on(&Command::Open, &scene), Ask::Backend(key(&facts, 4121)));
}

#[test]
fn the_page_of_a_session_says_what_ending_it_would_do() {
    let facts = World::everything().facts();
    let page = pairs(backend(&facts, 3988), &facts);
    let page: Vec<String> =
        page.iter().map(|pair| format!("{:12} {}", pair.label, pair.value)).collect();
    assert_snapshot!(page.join("\n"));
}

#[test]
fn hostile_text_leaves_no_control_character_on_the_screen() {
    let (facts, session) = (World::hostile().facts(), Session::default());
    let panel = on(&facts, 6661);
    for size in SIZES {
        assert_harmless(&paint(&panel, &scene(&facts, &session), size));
    }
    for pair in pairs(backend(&facts, 6661), &facts) {
        assert!(!pair.value.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", pair.value);
    }
}

#[test]
fn no_size_is_too_small() {
    let session = Session::default();
    for facts in [World::everything().facts(), World::crowd(900).facts(), connecting()] {
        paint_everywhere(&Activity::default(), &scene(&facts, &session));
    }
}

//! The panel Locks.

use insta::assert_snapshot;
use lockkeeper::domain::activity::BackendKey;
use lockkeeper::domain::signal::Kind;
use lockkeeper::panels::locks::Locks;
use lockkeeper::panels::{Ask, Command, Id, Panel, Scene, Step};
use lockkeeper::session::effect::Request;
use lockkeeper::session::facts::Facts;
use lockkeeper::session::machine::Session;

use crate::support::facts::{World, connecting, stale};
use crate::support::panel::{assert_harmless, binding, off, paint, paint_everywhere, scene, wide};
use crate::support::screen::{SIZES, painted};

fn snapshots(name: &str, panel: &Locks, facts: &Facts) {
    let session = Session::default();
    for size in SIZES {
        let buf = paint(panel, &scene(facts, &session), size);
        assert_snapshot!(format!("{name}_{}", size.0), painted(&buf));
    }
}

fn key(facts: &Facts, pid: i32) -> BackendKey {
    let snapshot = facts.snapshot.value().expect("there is one");
    snapshot.backend(pid).expect("it is there").key()
}

/// Returns the panel with the node of `pid` selected.
fn on(facts: &Facts, pid: i32) -> Locks {
    let mut panel = Locks::default();
    panel.select(key(facts, pid));
    panel
}

/// Returns the panel after moving down `rows` times from the first line.
fn down(facts: &Facts, rows: usize) -> Locks {
    let session = Session::default();
    let mut panel = Locks::default();
    panel.on(&Command::Go(Step::First), &scene(facts, &session));
    for _ in 0..rows {
        panel.on(&Command::Go(Step::Down), &scene(facts, &session));
    }
    panel
}

#[test]
fn the_root_cause_comes_first_and_the_queue_is_folded() {
    snapshots("blocked", &Locks::default(), &World::blocked().facts());
}

#[test]
fn everything_that_a_forest_can_hold_has_its_form() {
    let facts = World::everything().facts();
    snapshots("everything", &on(&facts, 4121), &facts);
}

#[test]
fn a_quiet_server_has_no_forest() {
    snapshots("quiet", &Locks::default(), &World::quiet().facts());
}

#[test]
fn dead_data_is_shown_with_its_age() {
    snapshots("stale", &Locks::default(), &stale(World::blocked().facts()));
}

#[test]
fn without_any_answer_the_error_is_said() {
    let session = Session::default();
    let calm = wide(&Locks::default(), &scene(&connecting(), &session));
    assert!(calm.contains("connecting…"));
    let failed = wide(&Locks::default(), &scene(&stale(connecting()), &session));
    assert!(failed.contains("connection refused"));
}

#[test]
fn what_is_partial_says_so_loudly() {
    let (mut world, session) = (World::blocked(), Session::default());
    world.partial = true;
    let facts = world.facts();
    assert!(wide(&Locks::default(), &scene(&facts, &session)).contains("✖  PARTIAL"));
}

#[test]
fn a_cycle_is_only_possible_until_the_server_confirmed_it() {
    let session = Session::default();
    let possible = World::quiet().cycle(false).facts();
    let text = wide(&Locks::default(), &scene(&possible, &session));
    assert!(text.contains("possible cycle of 2: 511 ⇄ 512"), "{text}");
    let confirmed = World::quiet().cycle(true).facts();
    let text = wide(&Locks::default(), &scene(&confirmed, &session));
    assert!(!text.contains("possible") && text.contains("cycle of 2: 511 ⇄ 512"), "{text}");
}

#[test]
fn identical_waiters_unfold_and_fold_again() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = down(&facts, 2);
    let folded = wide(&panel, &scene);
    assert!(folded.contains("×15 web SELECT * FROM expenses") && !folded.contains("5015"));
    assert_eq!(binding(&panel, &scene, &Command::Open).label, "unfold");
    assert_eq!(panel.on(&Command::Open, &scene), Ask::Nothing);
    assert!(wide(&panel, &scene).contains("5015 web"));
    panel.on(&Command::Open, &scene);
    assert_eq!(wide(&panel, &scene), folded);
}

#[test]
fn a_group_stays_unfolded_while_its_members_come_and_go() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let mut panel = down(&facts, 2);
    panel.on(&Command::Open, &scene(&facts, &session));
    let mut world = World::blocked();
    world.reading.backends.retain(|backend| backend.pid != 5001);
    world.reading.locks.retain(|row| row.holder.pid() != Some(5001));
    let fewer = world.facts();
    let text = wide(&panel, &scene(&fewer, &session));
    assert!(text.contains("×14 web") && text.contains("5015 web"), "{text}");
}

#[test]
fn a_tree_folds_under_its_root() {
    let (facts, session) = (World::everything().facts(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = down(&facts, 0);
    panel.on(&Command::Open, &scene);
    let text = wide(&panel, &scene);
    assert!(text.contains("▸ 3988") && !text.contains("◆ migrate"), "{text}");
    assert!(text.contains("transfer_77"), "the other trees stay");
}

#[test]
fn before_anything_is_selected_the_keys_mean_the_root() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let request = Request::Signal { backend: key(&facts, 3988), signal: Kind::Terminate };
    let ask = Locks::default().on(&Command::TerminateBackend, &scene(&facts, &session));
    assert_eq!(ask, Ask::Plan(request));
}

#[test]
fn a_key_on_a_vanished_row_asks_for_nothing() {
    let (before, session) = (World::everything().facts(), Session::default());
    let after = World::quiet().transfer().facts();
    for mut panel in [down(&before, 0), on(&before, 3988)] {
        let scene = scene(&after, &session);
        for command in [Command::Follow, Command::CancelBackend, Command::TerminateBackend] {
            assert!(off(&panel, &scene, &command).contains("choose again"));
            assert_eq!(panel.on(&command, &scene), Ask::Nothing);
        }
    }
}

#[test]
fn several_sessions_told_as_one_get_no_signal() {
    let (facts, session) = (World::everything().facts(), Session::default());
    let scene = scene(&facts, &session);
    for mut panel in [down(&facts, 2), on(&facts, 511)] {
        assert!(off(&panel, &scene, &Command::TerminateBackend).contains("unfold it"));
        assert_eq!(panel.on(&Command::TerminateBackend, &scene), Ask::Nothing);
    }
}

#[test]
fn a_member_of_an_unfolded_cycle_can_be_ended() {
    let (facts, session) = (World::quiet().cycle(true).facts(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = down(&facts, 0);
    panel.on(&Command::Open, &scene);
    panel.on(&Command::Go(Step::Down), &scene);
    let request = Request::Signal { backend: key(&facts, 511), signal: Kind::Cancel };
    assert_eq!(panel.on(&Command::CancelBackend, &scene), Ask::Plan(request));
}

#[test]
fn a_prepared_transaction_says_what_alone_ends_it() {
    let (facts, session) = (World::quiet().transfer().facts(), Session::default());
    let scene = scene(&facts, &session);
    let panel = down(&facts, 0);
    assert!(wide(&panel, &scene).contains("only COMMIT PREPARED or ROLLBACK PREPARED"));
    assert!(off(&panel, &scene, &Command::TerminateBackend).contains("ROLLBACK PREPARED"));
    assert!(off(&panel, &scene, &Command::Follow).contains("prepared transaction"));
}

#[test]
fn a_key_leads_from_the_node_to_the_session() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let ask = down(&facts, 1).on(&Command::Follow, &scene(&facts, &session));
    assert_eq!(ask, Ask::Show(Id::Activity, Some(key(&facts, 4121))));
}

#[test]
fn whom_somebody_came_for_is_unfolded_and_selected() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = on(&facts, 5007);
    assert!(wide(&panel, &scene).contains("5007 web"));
    let request = Request::Signal { backend: key(&facts, 5007), signal: Kind::Cancel };
    assert_eq!(panel.on(&Command::CancelBackend, &scene), Ask::Plan(request));
    panel.on(&Command::Go(Step::Down), &scene);
    let request = Request::Signal { backend: key(&facts, 5008), signal: Kind::Cancel };
    assert_eq!(panel.on(&Command::CancelBackend, &scene), Ask::Plan(request));
}

#[test]
fn the_filter_keeps_whole_trees() {
    let (facts, session) = (World::everything().facts(), Session::default());
    let scene = Scene { filter: "node-migrate", ..scene(&facts, &session) };
    let text = wide(&Locks::default(), &scene);
    assert!(text.contains("2040") && text.contains("2041") && !text.contains("3988"), "{text}");
}

#[test]
fn the_detail_says_who_else_is_in_the_way() {
    let (facts, session) = (World::blocked().facts(), Session::default());
    let text = wide(&on(&facts, 4121), &scene(&facts, &session));
    let why = "ACCESS EXCLUSIVE on public.expenses, which pid 3988 reporting@bi holds as \
               ACCESS SHARE (hard)";
    assert!(text.contains(why), "{text}");
    assert!(text.contains("15 behind it, ending it releases 15 at once"), "{text}");
}

#[test]
fn hostile_text_leaves_no_control_character_on_the_screen() {
    let (facts, session) = (World::hostile().facts(), Session::default());
    for panel in [down(&facts, 0), down(&facts, 1), on(&facts, 6662)] {
        for size in SIZES {
            assert_harmless(&paint(&panel, &scene(&facts, &session), size));
        }
    }
}

#[test]
fn no_size_is_too_small() {
    let session = Session::default();
    for facts in [World::everything().facts(), World::crowd(900).facts(), connecting()] {
        paint_everywhere(&down(&facts, 3), &scene(&facts, &session));
    }
}

//! A swap behind a pooler: its clients wait meanwhile, and go on however it ends.

use super::{DAMAGED, GOOD, Scene};
use crate::support::act::{files, until};
use crate::support::console::{Console, Manner};

const RESTORE: [&str; 4] = ["restore", "newest", "--target", "test"];

/// A scene whose next act is the swap, behind a pooler.
fn pooled(manner: Manner) -> (Scene, Console) {
    let scene = Scene::new();
    let console = Console::of(&scene.database.name, manner);
    scene.lk.write(
        "lockkeeper.toml",
        &format!(
            "schema = 1\n[targets.test]\nclass = \"scratch\"\ndsn = \"{}\"\n\
             pooler_admin = \"{}\"\n",
            scene.lk.dsn(),
            console.dsn()
        ),
    );
    for expected in ["load", "settle"] {
        let (act, answer) = scene.act(&RESTORE);
        assert_eq!((act.as_str(), answer.code()), (expected, 0), "{}", answer.said());
    }
    assert_eq!(console.told(), [""; 0], "nobody is cut off yet");
    (scene, console)
}

fn said(scene: &Scene) -> [String; 2] {
    ["PAUSE", "RESUME"].map(|verb| format!("{verb} \"{}\"", scene.database.name))
}

#[test]
fn a_swap_pauses_the_pooler_and_lets_it_go_on() {
    let (scene, console) = pooled(Manner::Ready);
    let (plan, _) = scene.lk.plan(&RESTORE);
    let now = plan["preview"]["now"].to_string();
    assert!(now.contains("is paused before and resumed after"), "{now}");
    let (act, answer) = scene.act(&RESTORE);
    assert_eq!((act.as_str(), answer.code()), ("swap", 0), "{}", answer.said());
    assert_eq!((console.told(), console.is_paused()), (said(&scene).to_vec(), false));
    assert_eq!(scene.reads(), GOOD);

    // What somebody else has paused is left to them, and they are told.
    console.turn(Manner::Ready, true);
    let (act, answer) = scene.act(&["restore", "--undo", "--target", "test"]);
    assert_eq!((act.as_str(), answer.code()), ("undo", 0), "{}", answer.said());
    assert_eq!((console.told(), console.is_paused()), (Vec::new(), true));
    let outcome = answer.document("outcome")["message"].to_string();
    assert!(outcome.contains("RESUME"), "{outcome}");
    assert_eq!(scene.reads(), DAMAGED);
}

#[test]
fn a_swap_that_comes_to_nothing_lets_the_pooler_go_on() {
    let (scene, console) = pooled(Manner::Ready);
    let (act, mut swap) = scene.child_of(&RESTORE);
    assert_eq!(act, "swap");
    // It holds the rename up, and came after the plan.
    scene.database.execute("BEGIN; UPDATE state SET what = what; PREPARE TRANSACTION 'late'");
    let output = swap.output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("rolled back"), "{told}");
    assert_eq!((console.told(), console.is_paused()), (said(&scene).to_vec(), false));
    scene.database.execute("ROLLBACK PREPARED 'late'");
    assert_eq!(scene.reads(), DAMAGED);

    // One that refuses keeps everything as it is.
    console.turn(Manner::Refusing, false);
    let (act, answer) = scene.act(&RESTORE);
    assert_eq!((act.as_str(), answer.code()), ("swap", 2), "{}", answer.said());
    assert!(answer.said().contains("cannot be paused: not now"), "{}", answer.said());
    assert_eq!(scene.reads(), DAMAGED);

    // One that waits for its clients is not waited for: the swap ends them.
    console.turn(Manner::Waiting, false);
    console.told();
    let (act, answer) = scene.act(&RESTORE);
    assert_eq!((act.as_str(), answer.code()), ("swap", 0), "{}", answer.said());
    assert_eq!((console.told(), console.is_paused()), (said(&scene).to_vec(), false));
    assert_eq!(scene.reads(), GOOD);
}

#[test]
fn a_swap_that_was_killed_behind_a_paused_pooler_is_told_by_resume_with_the_way_out() {
    let (scene, console) = pooled(Manner::Mute);
    let (_, hash) = scene.lk.plan(&RESTORE);
    let args = [RESTORE.as_slice(), &["--confirm", &hash]].concat();
    let mut swap = scene.lk.command(&args).spawn().expect("it starts");
    until("the pooler to be paused", || console.is_paused().then_some(()));
    until("the program of each job to be written down", || {
        let all = files(&scene.lk.state());
        let many = |name: &str| all.iter().filter(|file| file.ends_with(name)).count();
        (many("claim") == many("program")).then_some(())
    });
    swap.kill().expect("it can be killed");
    swap.wait().expect("it is gone");
    scene.lk.kill_jobs();
    until("the server to be done with it", || {
        let sql = "SELECT count(*) FROM pg_stat_activity \
                   WHERE application_name LIKE 'lockkeeper/restore%'";
        (scene.ask::<i64>("postgres", sql) == 0).then_some(())
    });
    console.turn(Manner::Ready, true);
    let told = scene.lk.run(&["resume"]);
    assert_eq!(told.code(), 0, "{}", told.said());
    let [_, resume] = said(&scene);
    for words in ["is the OLD", "still holds its clients back", &resume] {
        assert!(told.said().contains(words), "{words}: {}", told.said());
    }
    assert_eq!(scene.reads(), DAMAGED);
}

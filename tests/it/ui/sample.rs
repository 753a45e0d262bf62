//! What the screens of these tests show.

use std::time::Duration;

use crossterm::event::KeyCode;
use lockkeeper::domain::identity::Class;
use lockkeeper::ui::bindings::{Binding, Group, Key, Reason};
use lockkeeper::ui::widgets::header::{Age, Header, Mode, Run, Server, Tab, Triggers, Window};

/// The header of a production run, as the design draws it.
pub fn header() -> Header {
    let labels = ["Watch", "Activity", "Locks", "Migrations"];
    let labels = labels.into_iter().chain(["Backups", "Runbook", "Rollback", "Journal"]);
    Header {
        class: Class::Production,
        rehearsal: false,
        database: "shop".into(),
        host: "db1:5432".into(),
        role: "deployer".into(),
        server: Some(Server { primary: true, version: "15.20".into() }),
        mode: Mode::Watching,
        revision: Some("0006 add_status".into()),
        recording: true,
        age: Age::Fresh(Duration::from_millis(400)),
        run: Some(Run {
            title: "migrate".into(),
            step: (4, 11),
            name: "backfill status".into(),
            in_step: Duration::from_secs(42),
            in_run: Duration::from_secs(370),
        }),
        window: Some(Window {
            left: Duration::from_secs(192),
            written: Some(0),
            measured: Some(Duration::from_secs(12)),
        }),
        blocked: Some(16),
        triggers: Triggers { armed: 5, ..Triggers::default() },
        tabs: ('1'..).zip(labels).map(|(key, label)| Tab { key, label }).collect(),
        focused: 5,
        next: Some(("r".into(), "run".into())),
    }
}

/// A staging replica that does not answer, with nothing running.
pub fn stale() -> Header {
    Header {
        class: Class::Staging,
        server: Some(Server { primary: false, version: "17.2".into() }),
        recording: false,
        age: Age::Stale(Duration::from_secs(12)),
        run: None,
        window: None,
        blocked: None,
        triggers: Triggers::default(),
        next: None,
        mode: Mode::Armed,
        ..header()
    }
}

/// The bindings of a runbook panel, one of them off, and those of every panel.
pub fn groups() -> Vec<Group<&'static str>> {
    let off = Err(Reason::new("the step is required by the policy"));
    let own = vec![
        Binding::new(Key::char('r'), "run", "Run the step: shows its plan and asks", "run"),
        Binding::new(Key::char('s'), "skip", "Skip the step; a reason is recorded", "skip")
            .when(off),
        Binding::new(Key::char('n'), "note", "Write a note into the journal", "note"),
        Binding::new(Key::char('o'), "output", "Show the step's output", "output"),
        Binding::new(Key::char('p'), "pause", "Pause before the next step", "pause"),
        Binding::new(Key::char('x'), "stop after", "Stop after this step", "stop"),
        Binding::new(Key::char('!'), "escalate", "Abandon the run and escalate", "escalate"),
    ];
    let all = vec![
        Binding::new(Key::char('?'), "help", "Show this page", "help"),
        Binding::new(Key::char(':'), "commands", "Find a command by name", "palette"),
        Binding::new(Key::char('/'), "filter", "Filter the list", "filter"),
        Binding::new(Key::char('f'), "freeze", "Hold the data still, or let it go on", "freeze"),
        Binding::new(Key::code(KeyCode::Tab), "next", "Go to the next panel", "next"),
        Binding::new(
            Key::ctrl('z'),
            "suspend",
            "Suspend the console; fg brings it back",
            "suspend",
        ),
    ];
    vec![Group { title: "Runbook", bindings: own }, Group { title: "Everywhere", bindings: all }]
}

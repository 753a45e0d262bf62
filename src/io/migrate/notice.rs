//! The server's NOTICEs, which sqlx gives out only as tracing events.

use std::fmt;
use std::io::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Prints every NOTICE and WARNING to stderr from here on, for the whole process.
pub(super) fn to_stderr() {
    let subscriber = tracing_subscriber::registry().with(Notices);
    // Somebody else's subscriber stays; then the NOTICEs are theirs to show.
    drop(tracing::subscriber::set_global_default(subscriber));
}

struct Notices;

impl<S: Subscriber> Layer<S> for Notices {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::postgres::notice" {
            let mut message = Message::default();
            event.record(&mut message);
            let level = event.metadata().level();
            drop(writeln!(io::stderr().lock(), "{}: {}", word(*level), message.0));
        }
    }
}

fn word(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warning",
        _ => "notice",
    }
}

/// The text of an event.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

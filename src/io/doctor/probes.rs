//! The configured probes, each read once.

use futures_util::future::join_all;
use tokio::sync::Mutex;

use crate::domain::evidence::{Probe, Sense, Value, Verdict};
use crate::domain::finding::Finding;
use crate::io::allowed::Allowed;
use crate::io::driver;
use crate::io::postgres::reader::Reader;
use crate::io::site::Site;

/// Reads every probe of the configuration once, side by side, each within its timeout.
pub async fn probes(site: &Site, allowed: &Allowed) -> Vec<Finding> {
    let reader = Mutex::new(Reader::new(site.target.spec.clone()));
    let probes = site.config().probes.iter();
    let read = probes.map(async |(name, probe)| {
        let limit = probe.timeout.duration();
        // A query waits for those before it, and for the connection.
        let read = driver::sense(probe, site, allowed, &reader);
        let value = match tokio::time::timeout(limit * 2, read).await {
            Ok(value) => value,
            Err(_) => Value::unknown(format!("no answer within {} s", (limit * 2).as_secs())),
        };
        finding(name, probe, &value)
    });
    let findings = join_all(read).await;
    reader.lock().await.close().await;
    findings
}

fn finding(name: &str, probe: &Probe, value: &Value) -> Finding {
    let id = format!("probe.{name}");
    if let Sense::Builtin(builtin) = probe.sense {
        return Finding::ok(id, format!("{}: the console measures it", builtin.name()));
    }
    let told = format!("{}: {value}", probe.label());
    let expected = probe.expected();
    let verdict = match &expected {
        Some(expect) => expect.test(value),
        None if value.is_unknown() => Verdict::Unknown,
        None => Verdict::Pass,
    };
    match (verdict, expected) {
        (Verdict::Pass, _) => Finding::ok(id, told),
        (Verdict::Fail, Some(expect)) => {
            Finding::fail(id, told, format!("expected {expect}: the triggers would count this"))
        }
        _ => Finding::warn(id, told, "until it answers, nothing can be told by it"),
    }
}

//! What must never be written: passwords and tokens that this program was given.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

pub use crate::domain::secret::MASK;

/// The secrets of this session, longest first, so that none is masked by half.
#[derive(Debug, Default)]
pub struct Secrets(Vec<SecretString>);

impl FromIterator<SecretString> for Secrets {
    fn from_iter<I: IntoIterator<Item = SecretString>>(all: I) -> Self {
        let mut secrets = Self::default();
        all.into_iter().for_each(|secret| secrets.add(&secret));
        secrets
    }
}

impl Secrets {
    /// Adds a secret, as it is and as it stands in an address (RFC 3986).
    pub fn add(&mut self, secret: &SecretString) {
        let plain = secret.expose_secret();
        if plain.is_empty() || self.0.iter().any(|known| known.expose_secret() == plain) {
            return;
        }
        self.0.push(plain.into());
        let encoded = percent_encoded(plain);
        if encoded != plain {
            self.0.push(encoded.into());
        }
        self.0.sort_by_key(|known| std::cmp::Reverse(known.expose_secret().len()));
    }

    /// Returns `text` with every secret masked.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            let secret = secret.expose_secret();
            if text.contains(secret) { text.replace(secret, MASK) } else { text }
        })
    }

    /// Masks every secret in the data of a record.
    ///
    /// The target's names stay: `postgres` as a password must not hide the role and the
    /// database of that name, which a crashed act is recognised by.
    pub fn redact_data(&self, data: &mut Value) {
        let target = data.pointer_mut("/plan/target").map(Value::take);
        self.redact_value(data);
        if let (Some(place), Some(target)) = (data.pointer_mut("/plan/target"), target) {
            *place = target;
        }
    }

    fn redact_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.redact_value(value)),
            Value::Object(fields) => {
                fields.iter_mut().for_each(|(_, value)| self.redact_value(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn percent_encoded(text: &str) -> String {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes()
        .map(|b| if unreserved(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

//! An HTTP request of a runbook: what is sent, and which answer is the expected one.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::domain::connection::Place;
use crate::domain::evidence::{Name, Word};
use crate::domain::quantity::Period;

/// An HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// The address, without secrets.
    pub url: String,
    /// The headers, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Header>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Word>,
    /// The statuses that are a success; empty: any of 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "statuses")]
    pub status: Vec<u16>,
    /// The header that carries a key of this one request, by which a service tells that the
    /// same is sent to it again (IETF draft "The Idempotency-Key HTTP Header Field").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// How long the answer may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Period>,
}

/// The method of an HTTP request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// POST.
    #[default]
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// GET.
    Get,
}

impl Method {
    /// Returns the method as the request writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Get => "GET",
        }
    }
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Header {
    /// As written, or what a variable holds.
    Shown(Word),
    /// A secret, which is in no file.
    Secret(Secret),
}

/// Where a secret is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// The variable of lockkeeper's own environment that holds it.
    pub env: String,
    /// What stands before it, e.g. `Bearer `.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a secret such as { env = \"TOKEN\", prefix = \"Bearer \" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Header, E> {
        Word::try_from(text.to_owned()).map(Header::Shown).map_err(E::custom)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Header, M::Error> {
        Secret::deserialize(MapAccessDeserializer::new(map)).map(Header::Secret)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeaderVisitor)
    }
}

struct StatusVisitor;

impl<'de> Visitor<'de> for StatusVisitor {
    type Value = Vec<u16>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status such as 204, or a list of them")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Vec<u16>, E> {
        status(value).map(|one| vec![one])
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Vec<u16>, S::Error> {
        let mut all = Vec::new();
        while let Some(value) = seq.next_element::<i64>()? {
            all.push(status(value)?);
        }
        Ok(all)
    }
}

fn status<E: de::Error>(value: i64) -> Result<u16, E> {
    let status = u16::try_from(value).ok().filter(|status| (200..=599).contains(status));
    status.ok_or_else(|| E::custom(format!("{value} is no HTTP status of an answer")))
}

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    deserializer.deserialize_any(StatusVisitor)
}

impl Endpoint {
    /// Returns the names that it needs values for.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        let shown = self.headers.values().filter_map(|header| match header {
            Header::Shown(word) => word.name(),
            Header::Secret(_) => None,
        });
        shown.chain(self.body.iter().filter_map(Word::name))
    }

    /// Returns what is wrong with it, each with the key below `http` that holds it.
    #[must_use]
    pub fn flaws(&self) -> Vec<(Vec<&str>, String)> {
        let mut flaws = Vec::new();
        if let Err(why) = host(&self.url) {
            flaws.push((vec!["url"], why));
        } else if self.tells_a_secret() {
            let what = "a secret goes to another machine over https only".to_owned();
            flaws.push((vec!["url"], what));
        }
        if matches!(self.method, Method::Get | Method::Delete) && self.body.is_some() {
            let what = format!("{} carries no body", self.method.word());
            flaws.push((vec!["body"], what));
        }
        for (name, header) in &self.headers {
            flaws.extend(header_flaw(name, header).map(|what| (vec!["headers", name], what)));
        }
        if let Some(key) = &self.idempotency_key {
            if !is_token(key) {
                let what = format!("{key:?} is no name of a header");
                flaws.push((vec!["idempotency_key"], what));
            } else if self.headers.keys().any(|name| name.eq_ignore_ascii_case(key)) {
                let what = format!("{key} is written in `headers` too: leave it to one of both");
                flaws.push((vec!["idempotency_key"], what));
            }
        }
        flaws
    }

    /// Returns true if a secret would cross the network unencrypted.
    fn tells_a_secret(&self) -> bool {
        let has_secret = self.headers.values().any(|one| matches!(one, Header::Secret(_)));
        has_secret && self.url.starts_with("http:") && !host(&self.url).is_ok_and(is_local)
    }
}

fn header_flaw(name: &str, header: &Header) -> Option<String> {
    const OURS: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];
    if !is_token(name) {
        return Some(format!("{name:?} is no name of a header"));
    }
    if OURS.contains(&name.to_ascii_lowercase().as_str()) {
        return Some(format!("{name} follows from the request: leave it out"));
    }
    let variable = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match header {
        Header::Shown(Word::Text(text)) if text.chars().any(char::is_control) => {
            Some("a header holds no line break and no control character".to_owned())
        }
        Header::Secret(Secret { env, .. }) if env.is_empty() || !env.chars().all(variable) => {
            Some(format!("{env:?} is no name of a variable of the environment"))
        }
        Header::Secret(Secret { prefix, .. }) if prefix.chars().any(char::is_control) => {
            Some("a header holds no line break and no control character".to_owned())
        }
        _ => None,
    }
}

/// Returns true for what RFC 9110 calls a token: the name of a header is one.
fn is_token(name: &str) -> bool {
    let is = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(is)
}

/// Returns the host of an address.
///
/// # Errors
/// Why it is no address to send something to.
fn host(url: &str) -> Result<&str, String> {
    if Name::parse(url) != Ok(None) {
        return Err("an address is written out: a variable is never put into it".to_owned());
    }
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.ok_or("it has to begin with https:// or http://")?;
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("an address holds no blank and no control character".to_owned());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("no user and no password in an address: a header takes a secret by \
                    { env = \"NAME\" }"
            .to_owned());
    }
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if host.is_empty() { Err("it names no host".to_owned()) } else { Ok(host) }
}

fn is_local(host: &str) -> bool {
    Place::Host(host.to_owned()).is_loopback()
}

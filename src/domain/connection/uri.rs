//! Connection URLs: `user:password@host:port/dbname?keyword=value&…`, each part optional.

use super::{Invalid, Params};

/// Parses what follows `postgresql://`.
pub(super) fn parse(text: &str) -> Result<Params, Invalid> {
    let mut params = Params::default();
    let rest = credentials(text, &mut params)?;
    let (authority, rest) = cut_before(rest, &['/', '?']);
    place(authority, &mut params)?;
    let (path, query) = cut_before(rest, &['?']);
    database(path.strip_prefix('/').unwrap_or(path), &mut params)?;
    for pair in query.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty()) {
        parameter(pair, &mut params)?;
    }
    Ok(params)
}

fn cut_before<'a>(text: &'a str, ends: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// Reads `user:password@`, which ends at the first `@` before a slash, and returns the rest.
fn credentials<'a>(text: &'a str, params: &mut Params) -> Result<&'a str, Invalid> {
    let (head, _) = cut_before(text, &['/']);
    let Some((both, _)) = head.split_once('@') else {
        return Ok(text);
    };
    let (user, password) = both.split_once(':').unwrap_or((both, ""));
    set(params, "user", &decode("user name", user)?)?;
    set(params, "password", &decode("password", password)?)?;
    Ok(&text[both.len() + 1..])
}

fn set(params: &mut Params, keyword: &'static str, value: &str) -> Result<(), Invalid> {
    if value.is_empty() { Ok(()) } else { params.set(keyword, value) }
}

/// Reads `host:port`, several of them separated by commas, an IPv6 address in brackets.
fn place(authority: &str, params: &mut Params) -> Result<(), Invalid> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for one in authority.split(',') {
        let (host, port) = host_and_port(one)?;
        hosts.push(decode("host", host)?);
        ports.push(decode("port", port)?);
    }
    set(params, "host", &hosts.join(","))?;
    let several = ports.len() > 1 && ports.iter().any(|port| !port.is_empty());
    let ports = if several || ports.len() == 1 { ports.join(",") } else { String::new() };
    if !ports.chars().all(|c| c.is_ascii_digit() || c == ',') {
        return Err(Invalid::Uri { part: "port", what: "it is not a number" });
    }
    set(params, "port", &ports)
}

fn host_and_port(text: &str) -> Result<(&str, &str), Invalid> {
    let wrong = |what| Invalid::Uri { part: "host", what };
    if text.contains('@') {
        return Err(wrong("there is a second @"));
    }
    let Some(bracketed) = text.strip_prefix('[') else {
        return Ok(text.split_once(':').unwrap_or((text, "")));
    };
    let (address, rest) = bracketed.split_once(']').ok_or(wrong("a [ is never closed"))?;
    if address.is_empty() || !(rest.is_empty() || rest.starts_with(':')) {
        return Err(wrong("an IPv6 address is written [::1]:5432"));
    }
    Ok((address, rest.trim_start_matches(':')))
}

fn database(path: &str, params: &mut Params) -> Result<(), Invalid> {
    // A slash inside an unescaped password makes the rest of it look like the path.
    if path.contains('@') {
        return Err(Invalid::Uri { part: "database name", what: "it holds an @" });
    }
    set(params, "dbname", &decode("database name", path)?)
}

fn parameter(pair: &str, params: &mut Params) -> Result<(), Invalid> {
    let missing = Invalid::Uri { part: "list of parameters", what: "one of them has no =" };
    let (name, value) = pair.split_once('=').ok_or(missing)?;
    let (name, value) = (decode("parameter", name)?, decode("parameter", value)?);
    match (name.as_str(), value.as_str()) {
        // JDBC's way to ask for TLS, which libpq reads too; asyncpg gives the mode itself.
        ("ssl", "true") => params.set("sslmode", "require"),
        ("ssl", "false") => params.set("sslmode", "disable"),
        ("ssl", mode) => params.set("sslmode", mode),
        (name, value) => params.set(name, value),
    }
}

/// Decodes `%XX`; strictly, as libpq does: a stray `%` and `%00` are errors.
fn decode(part: &'static str, text: &str) -> Result<String, Invalid> {
    let wrong = |what| Invalid::Uri { part, what };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        match (rest.next().and_then(hex), rest.next().and_then(hex)) {
            (Some(0), Some(0)) => return Err(wrong("%00 cannot stand in it")),
            (Some(high), Some(low)) => bytes.push(high << 4 | low),
            _ => return Err(wrong("a % is not followed by two hexadecimal digits")),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

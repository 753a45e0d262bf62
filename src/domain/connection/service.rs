//! The connection service file (`pg_service.conf`).

use super::{Invalid, Params};

/// Reads the section `[name]` of a service file's text; `None` if there is no such section.
///
/// As in libpq there is no quoting, no space around `=`, and the first of two sections of
/// one name counts.
///
/// # Errors
/// [`Invalid::Service`] with the line; keywords are checked only inside the section.
pub fn find(text: &str, name: &str) -> Result<Option<Params>, Invalid> {
    let mut section: Option<Params> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if section.is_some() {
                break;
            }
            section = (header.strip_suffix(']') == Some(name)).then(Params::default);
        } else if let Some(params) = &mut section {
            entry(line, params).map_err(|what| Invalid::Service { line: index + 1, what })?;
        }
    }
    Ok(section)
}

fn entry(line: &str, params: &mut Params) -> Result<(), String> {
    if line.starts_with("ldap") {
        return Err("LDAP look-up is not supported; write the parameters out".into());
    }
    let (keyword, value) = line.split_once('=').ok_or("expected keyword=value")?;
    if matches!(keyword, "service" | "servicefile") {
        return Err("a service cannot name another service".into());
    }
    // libpq lets the first of two entries win, and a connection string the last.
    if params.get(keyword).is_some() {
        return Ok(());
    }
    params.set(keyword, value).map_err(|invalid| invalid.to_string())
}

/// Returns the names of the sections, in the file's order, to suggest one.
#[must_use]
pub fn names(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim().strip_prefix('[')?.strip_suffix(']')).collect()
}

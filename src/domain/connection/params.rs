//! Keywords with their values, before defaults are filled in.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

use super::keyword::{self, Found, Treatment};
use super::{Environment, Invalid};

/// What a connection string, a service or the environment says; the password apart.
#[derive(Clone, Default)]
pub struct Params {
    values: BTreeMap<&'static str, String>,
    password: Option<SecretString>,
    notes: Vec<String>,
}

impl Params {
    /// Returns the value of a keyword other than `password`; an empty value counts as absent.
    #[must_use]
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.values.get(keyword).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the password, if one is given here.
    #[must_use]
    pub fn password(&self) -> Option<&SecretString> {
        self.password.as_ref()
    }

    /// Returns what was left out or changed, for the operator.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Adds what was left out or changed.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Sets a keyword; a later value wins, as in libpq.
    ///
    /// # Errors
    /// See [`keyword::find`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Invalid> {
        match keyword::find(name)? {
            Found::Used("password") => {
                self.password = (!value.is_empty()).then(|| value.into());
            }
            Found::Used(name) => {
                self.values.insert(name, value.to_owned());
            }
            Found::Ignored => {}
            Found::Foreign => {
                self.note(format!("{name} is no keyword of libpq and is left out"));
            }
        }
        Ok(())
    }

    /// Fills what is absent here from `other`.
    pub fn fill(&mut self, other: Self) {
        for (keyword, value) in other.values {
            if self.get(keyword).is_none() {
                self.values.insert(keyword, value);
            }
        }
        self.password = self.password.take().or(other.password);
        self.notes.extend(other.notes);
    }

    /// Reads the `PG*` variables.
    ///
    /// # Errors
    /// [`Invalid::Unsupported`] for one that cannot be honoured.
    pub fn from_environment(environment: &Environment) -> Result<Self, Invalid> {
        let mut params = Self::default();
        for keyword in keyword::ALL {
            let Some(value) = keyword.variable.and_then(|name| environment.get(name)) else {
                continue;
            };
            match keyword.treatment {
                Treatment::Refused(why) => {
                    return Err(Invalid::Unsupported { keyword: keyword.name, why });
                }
                _ => params.set(keyword.name, value)?,
            }
        }
        Ok(params)
    }
}

impl fmt::Debug for Params {
    /// Shows everything but the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Params")
            .field("values", &self.values)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("notes", &self.notes)
            .finish()
    }
}

//! What the copy of a rehearsal that an operator asks for is made of.

use serde::{Deserialize, Serialize};

/// What the copy is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Material {
    /// A dump of the target, made for it.
    #[default]
    Target,
    /// The newest full backup of the target.
    Newest,
    /// The definitions of the target, without a row.
    SchemaOnly,
}

impl Material {
    /// All of them, the one that proves most first.
    pub const ALL: [Self; 3] = [Self::Target, Self::Newest, Self::SchemaOnly];

    /// Returns it in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Target => "a dump of the target, made now",
            Self::Newest => "the newest full backup of the target",
            Self::SchemaOnly => "the schema alone: no row is copied, nothing is proven of rows",
        }
    }
}

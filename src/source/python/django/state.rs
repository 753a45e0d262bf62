//! The models as the migrations before have left them.

use std::collections::HashMap;

use super::field::Field;

/// The models of all apps.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// By app and by the model's name in lower case.
    models: HashMap<(String, String), Model>,
}

/// A model.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub table: String,
    /// In their order; `None`: its type is not known.
    pub fields: Vec<(String, Option<Field>)>,
    /// The indexes and constraints that have names, as the SQL that makes each.
    pub named: HashMap<String, String>,
}

impl State {
    pub(super) fn model(&self, app: &str, name: &str) -> Option<&Model> {
        self.models.get(&(app.to_owned(), name.to_lowercase()))
    }

    pub(super) fn model_mut(&mut self, app: &str, name: &str) -> Option<&mut Model> {
        self.models.get_mut(&(app.to_owned(), name.to_lowercase()))
    }

    pub(super) fn put(&mut self, app: &str, name: &str, model: Model) {
        self.models.insert((app.to_owned(), name.to_lowercase()), model);
    }

    pub(super) fn take(&mut self, app: &str, name: &str) -> Option<Model> {
        self.models.remove(&(app.to_owned(), name.to_lowercase()))
    }

    /// Returns the table of a model, also of one that nobody has seen.
    pub(super) fn table(&self, app: &str, name: &str) -> String {
        let known = self.model(app, name).map(|model| model.table.clone());
        known.unwrap_or_else(|| format!("{app}_{}", name.to_lowercase()))
    }

    /// Returns the table and the key's column and type of what a field refers to.
    pub(super) fn key(&self, app: &str, to: &str) -> (String, String, String) {
        let (app, name) = to.split_once('.').unwrap_or((app, to));
        let fields = self.model(app, name).map(|model| model.fields.as_slice()).unwrap_or_default();
        let key = fields.iter().find_map(|(_, field)| field.as_ref().filter(|f| f.primary_key));
        let column = key.map_or("id", |key| key.column.as_str());
        let kind = key.map_or("bigint", |key| key.kind.as_str());
        (self.table(app, name), column.to_owned(), kind.to_owned())
    }
}

impl Model {
    /// Returns a field, if it is there and its type is known.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|(own, _)| own == name)?.1.as_ref()
    }

    /// Returns the column of a field.
    pub(super) fn column(&self, name: &str) -> String {
        self.field(name).map_or_else(|| name.to_owned(), |field| field.column.clone())
    }
}

//! What happens to a field when a state is carried, in the words of reports.

use super::step::{Operation, VersionInfo};
use crate::event::FieldChange;

/// A field that was touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// The field.
    pub field: String,
    /// What happened to it.
    pub what: FieldChange,
    /// Types and reasons, for people.
    pub detail: String,
    /// How many values it happened to, where they are counted: those of versioned types.
    pub count: usize,
}

impl Touched {
    /// A change that is not counted.
    #[must_use]
    pub fn new(field: impl Into<String>, what: FieldChange, detail: impl Into<String>) -> Self {
        Self { field: field.into(), what, detail: detail.into(), count: 0 }
    }
}

/// The operations of the hop that leads on from a version.
pub(crate) fn operations(version: &VersionInfo) -> &[Operation] {
    version.hop.as_ref().map_or(&[], |hop| &hop.operations)
}

/// What an operation of `#[migrate]` does to its field.
pub(crate) fn forward(operation: &Operation) -> Touched {
    let detail = operation.detail.as_deref().unwrap_or_default();
    let (what, detail) = match operation.kind.as_str() {
        "rename" => (FieldChange::Renamed, format!("was `{detail}`")),
        "add" => (FieldChange::Added, String::new()),
        "remove" => (FieldChange::Removed, detail.to_owned()),
        "change" => (FieldChange::Changed, format!("was `{detail}`")),
        _ => (FieldChange::ByHand, String::new()),
    };
    Touched::new(&operation.field, what, detail)
}

/// What stepping down over an operation does to its field.
pub(crate) fn backward(operation: &Operation, in_attic: bool) -> Touched {
    let detail = operation.detail.as_deref().unwrap_or_default();
    let (field, what, detail) = match operation.kind.as_str() {
        "rename" => (detail, FieldChange::Renamed, format!("was `{}`", operation.field)),
        "add" => (operation.field.as_str(), FieldChange::Attic, String::new()),
        "remove" if in_attic => (operation.field.as_str(), FieldChange::Restored, String::new()),
        "remove" => (operation.field.as_str(), FieldChange::Defaulted, String::new()),
        "change" => (operation.field.as_str(), FieldChange::Changed, format!("back to `{detail}`")),
        _ => (operation.field.as_str(), FieldChange::ByHand, String::new()),
    };
    Touched::new(field, what, detail)
}

//! What `cargo shrine bump` leaves to the author of a hop: `..` in the place of a value, and `todo_rename(old => new)`.

use proc_macro2::TokenStream;
use syn::{Expr, ExprRange};

use super::model::Operation;
use crate::errors::Errors;
use crate::names::plain;
use crate::state::StateType;
use crate::state::model::Body;

/// The operation for what may be a rename, with an example.
pub(super) const UNDECIDED_RENAME: (&str, &str) = ("todo_rename", "rename(old => new)");

/// Reports a value that is only `..`: the type of it would be told otherwise, and nothing of the question.
pub(super) fn undecided(value: &Expr, message: String, help: impl std::fmt::Display, errors: &Errors) {
    if let Expr::Range(ExprRange { start: None, end: None, .. }) = value {
        errors.report(value, message, help);
    }
}

/// Reports what may be renames. For all else they count as such.
pub(super) fn undecided_rename(
    tokens: &TokenStream,
    renames: &[Operation],
    head: &StateType,
    errors: &Errors,
) {
    for rename in renames {
        let Operation::Rename { old, new } = rename else { continue };
        let (old, new) = (plain(old), plain(new));
        let apart = match head.body {
            Body::Enum(_) => format!("`remove({old}, up = ..), add({new})`"),
            _ => format!("`remove({old}: ..), add({new} = ..)`"),
        };
        let message = format!("whether `{new}` is the former `{old}` is not decided");
        let help = format!("write `rename({old} => {new})` if it is, and {apart} if it is another one");
        errors.report(tokens, message, help);
    }
}

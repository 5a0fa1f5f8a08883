//! What a hop says, and what follows from it for the two versions that it connects.

use proc_macro2::{Ident, Span};
use syn::{Expr, Path, Type};

use crate::state::StateType;
use crate::state::model::Field;
use crate::version::Version;

/// One `#[migrate]`, as it was written.
pub(crate) struct Hop {
    /// Where messages about the whole hop point.
    pub(crate) place: Span,
    pub(crate) from: Option<Version>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) with: Option<Path>,
    pub(crate) down: Option<Path>,
    /// Whether all of it could be read.
    pub(crate) valid: bool,
}

pub(crate) enum Operation {
    Rename { old: Ident, new: Ident },
    Add { field: Ident, value: Option<Expr> },
    Remove { field: Ident, ty: Type, down: Option<Expr> },
    Change { field: Ident, change: Change },
}

/// A field that had another type.
#[derive(Clone)]
pub(crate) struct Change {
    pub(crate) ty: Type,
    pub(crate) up: Up,
    pub(crate) down: Option<Expr>,
}

/// How the older value of a changed field becomes the newer one.
#[derive(Clone)]
pub(crate) enum Up {
    /// By itself: see `ConvertFrom`.
    Lossless,
    By(Expr),
    Try(Expr),
}

/// A hop between two known versions. The newer one is that of the link before, or the head.
pub(crate) struct Link {
    pub(crate) hop: Hop,
    pub(crate) version: Version,
    /// The type at the older version.
    pub(crate) older: StateType,
    /// Where each field of the newer version comes from.
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) removed: Vec<Removed>,
    /// Whether the step can be written. If not, its implementation only keeps further errors away.
    pub(crate) valid: bool,
}

pub(crate) struct Transfer {
    /// The field at the newer version.
    pub(crate) field: Field,
    pub(crate) how: How,
}

pub(crate) enum How {
    /// It is the older field of that name.
    Move {
        from: Ident,
    },
    /// It is the older field of that name and contains the type itself, at its older version.
    Carry {
        from: Ident,
        ty: Type,
    },
    Add {
        value: Option<Expr>,
    },
    Change(Box<Change>),
    /// It is not part of the state.
    Default,
}

pub(crate) struct Removed {
    pub(crate) field: Ident,
    pub(crate) ty: Type,
    pub(crate) down: Option<Expr>,
}

impl Link {
    /// Why there is no way back, if it is known that there is none.
    pub(crate) fn one_way(&self) -> Option<String> {
        if self.hop.down.is_some() {
            return None;
        }
        if self.hop.with.is_some() {
            return Some("the function of `with`".to_owned());
        }
        let stuck = |transfer: &&Transfer| matches!(&transfer.how, How::Change(change) if change.down.is_none() && !matches!(change.up, Up::Lossless));
        self.transfers.iter().find(stuck).map(|transfer| format!("the change of `{}`", transfer.field.name()))
    }
}

//! What a hop says, and what follows from it for the two versions that it connects.

use proc_macro2::{Ident, Span};
use syn::{Expr, Path, Type};

use crate::state::StateType;
use crate::state::fixture::Fixture;
use crate::state::model::{Field, Keeping, Variant};
use crate::version::Version;

/// One `#[migrate]`, as it was written.
pub(crate) struct Hop {
    /// Where messages about the whole hop point.
    pub(crate) place: Span,
    pub(crate) from: Option<Version>,
    /// The newer version, if the hop is a shortcut beside the chain.
    pub(crate) to: Option<Version>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) with: Option<Path>,
    pub(crate) down: Option<Path>,
    /// What has to hold between the older state and the newer one.
    pub(crate) check: Option<Expr>,
    /// The word `manual`: a function elsewhere makes the step.
    pub(crate) manual: Option<Ident>,
    /// Whether all of it could be read.
    pub(crate) valid: bool,
}

impl Hop {
    /// What makes the whole state, so that values and converters of operations are never used.
    pub(crate) fn whole(&self) -> Option<&'static str> {
        match (&self.with, &self.manual) {
            (Some(_), _) => Some("`with`"),
            (None, Some(_)) => Some("the function of a `manual` hop"),
            (None, None) => None,
        }
    }
}

/// One operation. The first of them is for fields and variants, then those for fields, then those for variants.
pub(crate) enum Operation {
    Rename { old: Ident, new: Ident },
    Add { field: Ident, value: Option<Expr> },
    Remove(Removed),
    Change { field: Ident, change: Change },
    AddVariant { variant: Ident, down: Option<Expr> },
    RemoveVariant(RemovedVariant),
    ChangeVariant(ChangedVariant),
}

/// A field that had another type.
#[derive(Clone)]
pub(crate) struct Change {
    pub(crate) ty: Type,
    /// How the older field takes part in the state.
    pub(crate) keeping: Keeping,
    pub(crate) fixture: Option<Fixture>,
    pub(crate) up: Up,
    pub(crate) down: Option<Expr>,
}

/// How an older value becomes the newer one.
#[derive(Clone)]
pub(crate) enum Up {
    /// By itself: see `ConvertFrom`.
    Lossless,
    By(Expr),
    Try(Expr),
}

impl Up {
    /// What the user wrote for it.
    pub(crate) fn expression(&self) -> Option<&Expr> {
        match self {
            Self::Lossless => None,
            Self::By(by) | Self::Try(by) => Some(by),
        }
    }
}

/// A hop between two known versions. The newer one is that of the link before, or the head.
pub(crate) struct Link {
    pub(crate) hop: Hop,
    pub(crate) version: Version,
    /// The type at the older version.
    pub(crate) older: StateType,
    pub(crate) parts: Parts,
    /// Whether the step can be written. If not, its implementation only keeps further errors away.
    pub(crate) valid: bool,
}

/// A hop over several versions, beside the chain. Versions are counted from the head, which is 0.
pub(crate) struct Shortcut {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) link: Link,
}

/// Where each part of the newer version comes from, and what only the older one has.
pub(crate) enum Parts {
    Fields { transfers: Vec<Transfer>, removed: Vec<Removed> },
    Variants { transfers: Vec<VariantTransfer>, removed: Vec<RemovedVariant> },
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

/// A field that only the older version has.
#[derive(Clone)]
pub(crate) struct Removed {
    pub(crate) field: Ident,
    pub(crate) ty: Type,
    pub(crate) keeping: Keeping,
    pub(crate) fixture: Option<Fixture>,
    pub(crate) down: Option<Expr>,
}

pub(crate) struct VariantTransfer {
    /// The variant at the newer version.
    pub(crate) variant: Variant,
    pub(crate) how: VariantHow,
}

pub(crate) enum VariantHow {
    /// It is this variant at the older version; what it carries moves.
    Move {
        older: Variant,
    },
    Add {
        down: Option<Expr>,
    },
    Change(Box<ChangedVariant>),
}

/// A variant that carried something else.
#[derive(Clone)]
pub(crate) struct ChangedVariant {
    /// The variant at the older version.
    pub(crate) older: Variant,
    pub(crate) up: Up,
    pub(crate) down: Option<Expr>,
}

/// A variant that only the older version has.
#[derive(Clone)]
pub(crate) struct RemovedVariant {
    pub(crate) variant: Variant,
    /// What becomes of such a value; `Lossless` if that was not said.
    pub(crate) up: Up,
}

impl Link {
    /// Why there is no way back, if it is known that there is none.
    ///
    /// A variant without a counterpart is no such reason: only values that are that variant cannot go back.
    pub(crate) fn one_way(&self) -> Option<String> {
        if self.hop.down.is_some() {
            return None;
        }
        if self.hop.with.is_some() {
            return Some("the function of `with`".to_owned());
        }
        let Parts::Fields { transfers, .. } = &self.parts else { return None };
        let stuck = |transfer: &&Transfer| matches!(&transfer.how, How::Change(change) if change.down.is_none() && !matches!(change.up, Up::Lossless));
        transfers.iter().find(stuck).map(|transfer| format!("the change of `{}`", transfer.field.name()))
    }

    /// Whether a field contains the type itself, so that its older version has to become the newer one there.
    pub(crate) fn carries_itself(&self) -> bool {
        match &self.parts {
            Parts::Fields { transfers, .. } => {
                transfers.iter().any(|transfer| matches!(transfer.how, How::Carry { .. }))
            }
            Parts::Variants { .. } => true,
        }
    }
}

//! What a state type is, whether it stands in the source or follows from a hop.

use proc_macro2::Ident;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Generics, Type, Visibility, parse_quote};

use super::fixture::Fixture;
use crate::names;
use crate::version::Version;

/// A struct or enum that describes state.
#[derive(Clone)]
pub(crate) struct StateType {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) vis: Visibility,
    /// The `#[derive]` attributes, which older versions get too.
    pub(crate) derives: Vec<Attribute>,
    pub(crate) deprecated: bool,
    /// The declared version of a nested type, which is part of its fingerprint.
    pub(crate) version: Option<Version>,
    pub(crate) body: Body,
    /// What the definition says about its layout beside the fields; none for an older version, and where nothing can be
    /// said of it.
    pub(crate) form: Option<String>,
    /// Whether nothing was wrong with it. If not, its implementation only keeps further errors away.
    pub(crate) usable: bool,
}

#[derive(Clone)]
pub(crate) enum Body {
    Named(Vec<Field>),
    /// One field without a name: transparent.
    Newtype(Box<Field>),
    Tuple(Vec<Field>),
    Unit,
    Enum(Vec<Variant>),
}

#[derive(Clone)]
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    /// Whether it has braces.
    pub(crate) named: bool,
    pub(crate) fields: Vec<Field>,
    /// The user's own attributes.
    pub(crate) attributes: Vec<Attribute>,
}

#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) ident: Option<Ident>,
    pub(crate) ty: Type,
    pub(crate) vis: Visibility,
    pub(crate) keeping: Keeping,
    /// What generated states have there.
    pub(crate) fixture: Option<Fixture>,
    /// The user's own attributes.
    pub(crate) attributes: Vec<Attribute>,
}

/// How a field takes part in the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keeping {
    Kept,
    /// Under the codec of that name, because its type is a foreign one.
    Opaque(String),
    /// Its type leads back to this one, so its fingerprint stops here.
    Recursive,
    /// Not at all: rebuilt by `Default`.
    Transient,
}

impl StateType {
    /// The fields of a struct with named fields.
    pub(crate) fn named(&self) -> Option<&[Field]> {
        match &self.body {
            Body::Named(fields) => Some(fields),
            _ => None,
        }
    }
}

impl Variant {
    /// The variant as a person would write it: `Legacy(u32)`.
    pub(crate) fn described(&self) -> String {
        let field = |field: &Field| match &field.ident {
            Some(ident) => format!("{}: {}", names::plain(ident), names::of_type(&field.ty)),
            None => names::of_type(&field.ty),
        };
        let name = names::plain(&self.ident);
        let fields: Vec<_> = self.fields.iter().map(field).collect();
        match (fields.is_empty(), self.named) {
            (true, _) => name,
            (false, true) => format!("{name} {{ {} }}", fields.join(", ")),
            (false, false) => format!("{name}({})", fields.join(", ")),
        }
    }
}

impl Field {
    /// The name as it is encoded; empty for a field without one.
    pub(crate) fn name(&self) -> String {
        self.ident.as_ref().map(names::plain).unwrap_or_default()
    }

    pub(crate) fn is_transient(&self) -> bool {
        self.keeping == Keeping::Transient
    }

    /// The name of its codec, if it is opaque.
    pub(crate) fn codec(&self) -> Option<&str> {
        match &self.keeping {
            Keeping::Opaque(name) => Some(name),
            _ => None,
        }
    }
}

/// The type with every mention of `own` (or `Self`) replaced by `by`, and whether there was one.
pub(crate) fn replaced(ty: &Type, own: &Ident, by: &Type) -> (Type, bool) {
    let mut replace = Replace { own, by, found: false };
    let mut ty = ty.clone();
    replace.visit_type_mut(&mut ty);
    (ty, replace.found)
}

/// Whether the type mentions `own` or `Self`.
pub(crate) fn mentions(ty: &Type, own: &Ident) -> bool {
    replaced(ty, own, &parse_quote!(_)).1
}

struct Replace<'a> {
    own: &'a Ident,
    by: &'a Type,
    found: bool,
}

impl VisitMut for Replace<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let own = matches!(ty, Type::Path(path) if path.qself.is_none()
            && (path.path.is_ident(self.own) || path.path.is_ident("Self")));
        if own {
            self.found = true;
            *ty = self.by.clone();
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::{ToTokens as _, format_ident};

    #[test]
    fn only_the_types_own_name_is_replaced() {
        let ty: Type = parse_quote!(HashMap<Item, (Self, other::Item, ItemV1)>);
        let (ty, found) = replaced(&ty, &format_ident!("Item"), &parse_quote!(New));
        let expected: Type = parse_quote!(HashMap<New, (New, other::Item, ItemV1)>);
        assert!(found);
        assert_eq!(ty.to_token_stream().to_string(), expected.to_token_stream().to_string());
    }
}

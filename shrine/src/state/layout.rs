//! How a type lies in memory, told by the type itself, so that two builds of it can be compared.
//!
//! A state may be moved from one build to another as it lies in memory only if both mean the same by every byte of it.
//! What cannot be measured is not described, and what is not described is not moved:
//!
//! - **Structs** are measured: size, alignment, and the offset of each field, with the names in their order, and what each
//!   field is made of.
//! - **Enums** cannot be measured, because nothing says where a variant has its fields or how variants are told apart. They
//!   are described by their definition: the variants in their order, what each carries, `repr` and discriminants. One
//!   compiler lays one definition out in one way, unless it is asked to do so at random, which `IS_ORDERED` notices.
//! - **Types of std** are told by name, size, alignment and what they hold. Their insides are those of the one std.
//! - **Keys** of ordered and hashed collections lie where the code that compares and hashes them has put them. Another build
//!   may compare otherwise and would not find them, so keys have to be types of std, whose order is that of the one std.
//!
//! Not described are: fields that are not part of the state or foreign to it, types whose `State` is written by hand, types
//! with a `Drop` of their own (whoever counts on it running when an instance leaves its code is to see it run), and
//! [`PathBuf`](std::path::PathBuf), whose encoding may differ from it.

use std::any::TypeId;
use std::fmt::Write as _;
use std::marker::PhantomData;
use std::mem::offset_of;

use super::State;
use super::described::{self, Payload};

/// Collects how a type lies in memory.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Layout {
    text: String,
    /// The structs and enums that were described, or are being described: each is described once.
    seen: Vec<TypeId>,
    /// What is described is a key: see the module.
    in_key: bool,
    /// Why it cannot be described.
    unknown: Option<String>,
}

/// Describes one part of a type.
type Part = fn(&mut Layout);

/// Why nothing is known of a type that says nothing.
pub(super) const UNTOLD: &str = "a type in it does not say how it lies in memory";

impl Layout {
    /// The layout of a type, as text that is equal for two builds if nothing in it differs.
    ///
    /// # Errors
    ///
    /// Why some part of it cannot be described, as the end of a sentence.
    pub fn of<T: State>() -> Result<String, String> {
        let mut layout = Self::default();
        if !IS_ORDERED {
            layout.unknown("the compiler was told to order fields at random");
        }
        T::layout(&mut layout);
        layout.unknown.map_or(Ok(layout.text), Err)
    }

    /// Says that a part cannot be described; the first reason counts.
    pub fn unknown(&mut self, why: &str) {
        self.unknown.get_or_insert_with(|| why.to_owned());
    }

    /// A type of std that holds nothing else.
    pub fn leaf<T>(&mut self, name: &str) {
        self.made_of::<T>(name, &[]);
    }

    /// A type of std that holds others.
    pub fn made_of<T>(&mut self, name: &str, parts: &[Part]) {
        self.of_std(name, size_of::<T>(), align_of::<T>(), parts);
    }

    fn of_std(&mut self, name: &str, size: usize, align: usize, parts: &[Part]) {
        // Writing into text cannot fail.
        let _ = write!(self.text, "{name} {size}/{align}");
        self.parts(parts);
    }

    /// A collection of std that finds its keys by their order or hash.
    pub fn keyed<T>(&mut self, name: &str, key: Part, others: &[Part]) {
        let _ = write!(self.text, "{name} {}/{} by ", size_of::<T>(), align_of::<T>());
        let before = std::mem::replace(&mut self.in_key, true);
        key(self);
        self.in_key = before;
        self.parts(others);
    }

    /// A type of std that holds others, of that size and alignment.
    pub(super) fn holding(&mut self, name: &str, size: usize, align: usize, items: &[described::Part]) {
        let _ = write!(self.text, "{name} {size}/{align}");
        self.listed(items, |layout, item| item.layout(layout));
    }

    /// A struct: the name, offset and type of each field, in the order of the definition.
    pub(super) fn structure<'a>(
        &mut self,
        size: usize,
        align: usize,
        fields: impl IntoIterator<Item = (&'a str, usize, &'a described::Part)>,
    ) {
        let _ = write!(self.text, "struct {size}/{align} {{");
        for (name, offset, part) in fields {
            let _ = write!(self.text, " {name}@{offset} ");
            part.layout(self);
        }
        self.text.push_str(" }");
    }

    /// An enum: its `repr` and discriminants, and the fields of each variant, in the order of the definition.
    pub(super) fn enumeration<'a>(
        &mut self,
        size: usize,
        align: usize,
        form: &str,
        variants: impl Iterator<Item = (&'a str, &'a Payload)>,
    ) {
        let _ = write!(self.text, "enum {size}/{align} [{form}] {{");
        for (name, payload) in variants {
            let _ = write!(self.text, " {name}(");
            for (name, part) in payload.fields() {
                let _ = write!(self.text, " {name} ");
                part.layout(self);
            }
            self.text.push_str(" )");
        }
        self.text.push_str(" }");
    }

    fn parts(&mut self, parts: &[Part]) {
        self.listed(parts, |layout, part| part(layout));
    }

    fn listed<P>(&mut self, parts: &[P], layout: impl Fn(&mut Self, &P)) {
        if !parts.is_empty() {
            self.text.push('<');
            for part in parts {
                self.text.push(' ');
                layout(self, part);
            }
            self.text.push_str(" >");
        }
    }

    /// Begins with a struct or enum; false if it was described already, or cannot be.
    pub(super) fn begin(&mut self, id: TypeId, has_drop: bool) -> bool {
        if has_drop {
            self.unknown("a type in it has a `Drop` of its own");
        }
        if self.in_key {
            self.unknown("a key in it is of a type that says itself how it is ordered or hashed");
        }
        if self.unknown.is_some() {
            return false;
        }
        if let Some(number) = self.seen.iter().position(|seen| *seen == id) {
            let _ = write!(self.text, "#{number}");
            return false;
        }
        self.seen.push(id);
        true
    }
}

/// Whether fields lie in the order that the compiler always gives them: those of one type as they are written. With
/// `-Z randomize-layout` these would lie so once in 40,320 builds.
const IS_ORDERED: bool = {
    struct Probe {
        _a: u64,
        _b: u64,
        _c: u64,
        _d: u64,
        _e: u64,
        _f: u64,
        _g: u64,
        _h: u64,
    }
    let offsets = [
        offset_of!(Probe, _a),
        offset_of!(Probe, _b),
        offset_of!(Probe, _c),
        offset_of!(Probe, _d),
        offset_of!(Probe, _e),
        offset_of!(Probe, _f),
        offset_of!(Probe, _g),
        offset_of!(Probe, _h),
    ];
    let mut at = 0;
    while at < offsets.len() && offsets[at] == at * size_of::<u64>() {
        at += 1;
    }
    at == offsets.len()
};

/// Finds out without a bound whether a type has a `Drop` of its own, not counting those of its fields:
/// `Ends::<T>::HAS_DROP` is the inherent constant where it has, and that of [`EndsPlainly`] elsewhere. Works for concrete
/// types only, which is what macros have.
#[doc(hidden)]
#[derive(Debug)]
pub struct Ends<T>(PhantomData<T>);

#[doc(hidden)]
#[expect(drop_bounds, reason = "it asks for the type's own, which the bound means")]
impl<T: Drop> Ends<T> {
    pub const HAS_DROP: bool = true;
}

#[doc(hidden)]
pub trait EndsPlainly {
    const HAS_DROP: bool = false;
}

impl<T> EndsPlainly for Ends<T> {}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};
    use std::hash::BuildHasherDefault;
    use std::num::NonZero;

    use super::*;

    fn of<T: State>() -> String {
        Layout::of::<T>().expect("can be described")
    }

    #[test]
    fn types_of_one_shape_that_lie_otherwise_differ() {
        assert_ne!(of::<u32>(), of::<NonZero<u32>>());
        assert_ne!(of::<String>(), of::<Box<str>>());
        assert_ne!(of::<Vec<u8>>(), of::<Box<[u8]>>());
        assert_ne!(of::<u64>(), of::<Box<u64>>());
        assert_ne!(of::<Vec<Option<u32>>>(), of::<Vec<Option<NonZero<u32>>>>());
        assert_ne!(of::<[u8; 2]>(), of::<[u8; 3]>());
        assert_ne!(of::<u64>(), of::<usize>());
        assert_eq!(of::<HashMap<String, Vec<(u8, f64)>>>(), of::<HashMap<String, Vec<(u8, f64)>>>());
    }

    #[test]
    fn what_hashes_in_its_own_way_is_not_described() {
        type Own = BuildHasherDefault<std::hash::DefaultHasher>;
        let why = Layout::of::<HashMap<u8, u8, Own>>().expect_err("another hasher");
        assert!(why.contains("hasher"), "{why}");
        assert!(Layout::of::<HashSet<u8>>().is_ok());
        assert!(Layout::of::<BTreeMap<Vec<(String, Option<i8>)>, ()>>().is_ok());
    }

    #[test]
    fn a_path_may_be_more_than_its_encoding() {
        assert!(Layout::of::<Option<std::path::PathBuf>>().is_err());
    }

    mod first {
        use crate::prelude::*;

        #[state]
        pub(super) struct S {
            a: u64,
            b: Vec<Option<N>>,
        }
        #[state]
        pub(super) struct N {
            n: u32,
            #[state(recursive)]
            next: Option<Box<S>>,
        }
        #[state]
        pub(super) enum E {
            A,
            B(u32),
            C { s: String },
        }
        #[state]
        pub(super) enum Numbered {
            A = 1,
            B = -4,
        }
    }

    /// The same, in another build.
    mod same {
        use crate::prelude::*;

        #[state]
        pub(super) struct S {
            a: u64,
            b: Vec<Option<N>>,
        }
        #[state]
        pub(super) struct N {
            n: u32,
            #[state(recursive)]
            next: Option<Box<S>>,
        }
        #[state]
        pub(super) enum E {
            A,
            B(u32),
            C { s: String },
        }
        #[state]
        pub(super) enum Numbered {
            A = 1,
            B = -4,
        }
    }

    /// The same shapes, and none of them lies as it did.
    mod other {
        use crate::prelude::*;

        #[state]
        pub(super) struct S {
            b: Vec<Option<N>>,
            a: u64,
        }
        #[state]
        pub(super) struct N {
            n: Box<u32>,
            #[state(recursive)]
            next: Option<Box<S>>,
        }
        #[state]
        pub(super) enum E {
            B(u32),
            A,
            C { s: String },
        }
        #[state]
        pub(super) enum Numbered {
            A = 1,
            B = -5,
        }
    }

    #[test]
    fn one_definition_lies_alike_and_another_of_its_shape_does_not() {
        assert_eq!(of::<first::S>(), of::<same::S>());
        assert_eq!(of::<first::E>(), of::<same::E>());
        assert_eq!(of::<first::Numbered>(), of::<same::Numbered>());
        assert_ne!(of::<first::S>(), of::<other::S>());
        assert_ne!(of::<first::N>(), of::<other::N>());
        assert_ne!(of::<first::E>(), of::<other::E>());
        assert_ne!(of::<first::Numbered>(), of::<other::Numbered>());
        assert_eq!(first::S::FINGERPRINT, other::S::FINGERPRINT);
        assert_eq!(first::E::FINGERPRINT, other::E::FINGERPRINT);
    }

    #[test]
    fn it_goes_through_nested_types_and_ends_at_those_that_it_knows() {
        let text = of::<first::S>();
        assert_eq!(
            text,
            "struct 32/8 { a@24 u64 8/8 b@0 Vec 24/8< Option 24/8< \
             struct 16/8 { n@8 u32 4/4 next@0 Option 8/8< Box 8/8< #0 > > } > > }"
        );
    }

    #[test]
    fn what_is_not_all_there_is_to_a_value_is_named() {
        #[crate::state]
        #[derive(Default)]
        struct Cached {
            n: u32,
            #[state(transient)]
            #[expect(dead_code, reason = "it is only not described")]
            cache: Vec<u32>,
        }
        #[crate::state]
        struct Nested(Vec<Cached>);
        #[crate::state]
        struct Ending(u8);
        impl Drop for Ending {
            fn drop(&mut self) {}
        }
        #[crate::state]
        struct Inside(Option<Ending>, u8);
        #[crate::state]
        #[derive(PartialEq, Eq, PartialOrd, Ord)]
        struct Key(u8);
        let why = |why: Result<String, String>| why.expect_err("is not described");
        assert!(why(Layout::of::<Nested>()).contains("`cache` of `Cached` is transient"));
        assert!(why(Layout::of::<Inside>()).contains("`Drop`"));
        assert!(why(Layout::of::<BTreeMap<Key, u8>>()).contains("key"));
        assert!(why(Layout::of::<BTreeMap<(Key, u8), u8>>()).contains("key"));
        assert!(Layout::of::<(Key, BTreeMap<u8, Key>)>().is_ok());
        assert!(why(Layout::of::<(Key, BTreeMap<Key, u8>)>()).contains("key"));
    }
}

//! What `#[state]` and `#[widget]` write down of a type, once, and what follows from it: fingerprint, shape, layout, and the
//! versioned types inside.
//!
//! It is a constant and no code. What works with it is compiled with this crate, so that the crate of a type has nothing
//! to compile for it, which it would have to do again after every edit.

use std::any::TypeId;

use super::State;
use super::codec::Encoder;
use super::layout::Layout;
use super::payload::Upgrades;
use super::shape::{EnumShape, FieldShape, Shape, ShapeContext, StructShape, VariantShape, fingerprint};

/// What is written down of a type.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Described {
    id: TypeId,
    size: usize,
    align: usize,
    name: &'static str,
    /// The declared version, and the hash of it if it takes part in the fingerprint.
    version: Option<(&'static str, Option<u64>)>,
    body: Body,
    /// Encodes the type's own `Default`, where it has one.
    default: Option<Default>,
    memory: Memory,
    /// What a type with a version does in place of what follows from its fields.
    upgrades: Option<fn(&mut Upgrades)>,
}

/// Encodes the `Default` of a type.
pub type Default = fn(&mut Encoder);

/// The name of a field with its hash, its offset, and what it is made of.
pub type Named = (&'static str, u64, usize, Part);

/// The name of a variant with its hash, and what it carries.
pub type Variant = (&'static str, u64, Payload);

/// Members are in the order of the definition; `sorted` has their indices in the order of their names.
#[derive(Debug, Clone, Copy)]
enum Body {
    /// Nothing was written down: the type says each thing itself.
    ByHand {
        shape: fn(&mut ShapeContext) -> Shape,
        upgrades: fn(&mut Upgrades),
        layout: fn(&mut Layout),
    },
    Struct {
        fields: &'static [Named],
        sorted: &'static [usize],
    },
    /// One field without a name, which the type is transparent for.
    Newtype(Part),
    /// The fields with their offsets.
    Tuple(&'static [(usize, Part)]),
    Unit,
    Enum {
        variants: &'static [Variant],
        sorted: &'static [usize],
    },
}

/// What a variant carries.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Payload {
    Nothing,
    One(Part),
    Tuple(&'static [Part]),
    Struct(&'static [Named], &'static [usize]),
}

/// How the type lies in memory.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Memory {
    /// Nothing is said of it.
    Unknown,
    /// As the fields say, and as the definition says beside them.
    Form { form: &'static str, has_drop: bool },
    /// Why what a value is made of is not all there is to it.
    Unmeasured(&'static str),
}

/// What a field is made of, without its type.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Part {
    fingerprint: u64,
    kind: Kind,
    /// What `#[fixture(..)]` says.
    narrow: Option<fn(Shape) -> Shape>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// What is written down of a type. A function, because types may lead back to themselves.
    Type(fn() -> &'static Described),
    /// A type of std that holds others.
    Holding(Holding),
    /// A foreign type under the codec of that name.
    Opaque(&'static str),
}

/// A type of std that holds others.
#[derive(Debug, Clone, Copy)]
struct Holding {
    /// What it is called where layouts are told.
    name: &'static str,
    size: usize,
    align: usize,
    shape: Holder,
    items: &'static [Part],
}

/// The shape of a type that holds others.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder {
    /// The shape of what it holds.
    Alike,
    Option,
    Seq,
    Array(u64),
    Tuple,
}

impl Part {
    /// The part that a type is, but for its fingerprint.
    pub(super) const fn unprinted<T: State>() -> Self {
        Self { fingerprint: 0, kind: Kind::Type(described::<T>), narrow: None }
    }

    /// The same for a type of std that holds others.
    pub(super) const fn holding<T>(shape: Holder, name: &'static str, items: &'static [Self]) -> Self {
        let kind =
            Kind::Holding(Holding { name, size: size_of::<T>(), align: align_of::<T>(), shape, items });
        Self { fingerprint: 0, kind, narrow: None }
    }

    /// A foreign type under the codec of that name, which the fingerprint is of.
    #[must_use]
    pub const fn opaque(codec: &'static str, fingerprint: u64) -> Self {
        Self { fingerprint, kind: Kind::Opaque(codec), narrow: None }
    }

    /// The part with that fingerprint.
    #[must_use]
    pub const fn printed(self, fingerprint: u64) -> Self {
        Self { fingerprint, ..self }
    }

    /// The part of which only some values are generated as fixtures.
    #[must_use]
    pub const fn narrowed(self, by: fn(Shape) -> Shape) -> Self {
        Self { narrow: Some(by), ..self }
    }

    pub(super) fn shape(&self, context: &mut ShapeContext) -> Shape {
        let shape = match self.kind {
            Kind::Type(of) => of().shape(context),
            Kind::Holding(holding) => holding.shape(context),
            Kind::Opaque(codec) => Shape::Opaque(codec.to_owned()),
        };
        match self.narrow {
            Some(narrow) => narrow(shape),
            None => shape,
        }
    }

    pub(super) fn upgrades(&self, found: &mut Upgrades) {
        match self.kind {
            Kind::Type(of) => match of() {
                Described { body: Body::ByHand { upgrades, .. }, .. }
                | Described { upgrades: Some(upgrades), .. } => upgrades(found),
                described => found.inside(described),
            },
            Kind::Holding(Holding { items, .. }) => items.iter().for_each(|item| item.upgrades(found)),
            Kind::Opaque(_) => {}
        }
    }

    /// How it lies in memory; of a foreign type nothing can be said.
    pub(super) fn layout(&self, layout: &mut Layout) {
        match self.kind {
            Kind::Type(of) => match of() {
                Described { body: Body::ByHand { layout: of, .. }, .. } => of(layout),
                described => described.layout(layout),
            },
            Kind::Holding(Holding { name, size, align, items, .. }) => {
                layout.holding(name, size, align, items);
            }
            Kind::Opaque(_) => layout.unknown("a field in it is of a foreign type"),
        }
    }
}

impl Holding {
    fn shape(&self, context: &mut ShapeContext) -> Shape {
        let mut items = self.items.iter().map(|item| item.shape(context));
        let mut next = || Box::new(items.next().unwrap_or(Shape::Unit));
        match self.shape {
            Holder::Alike => *next(),
            Holder::Option => Shape::Option(next()),
            Holder::Seq => Shape::Seq(next()),
            Holder::Array(len) => Shape::Array { len, item: next() },
            Holder::Tuple => Shape::Tuple(items.collect()),
        }
    }
}

impl Described {
    const fn new<T: 'static>(name: &'static str, body: Body, memory: Memory) -> Self {
        let (id, size, align) = (TypeId::of::<T>(), size_of::<T>(), align_of::<T>());
        Self { id, size, align, name, version: None, body, default: None, memory, upgrades: None }
    }

    /// A type that says each thing itself.
    pub(super) const fn by_hand<T: State>() -> Self {
        let body = Body::ByHand { shape: T::shape, upgrades: T::upgrades, layout: T::layout };
        Self::new::<T>("", body, Memory::Unknown)
    }

    /// A struct with named fields.
    #[must_use]
    pub const fn structure<T: 'static>(
        name: &'static str,
        fields: &'static [Named],
        sorted: &'static [usize],
        default: Option<Default>,
        memory: Memory,
    ) -> Self {
        Self { default, ..Self::new::<T>(name, Body::Struct { fields, sorted }, memory) }
    }

    /// A struct with one field without a name.
    #[must_use]
    pub const fn newtype<T: 'static>(name: &'static str, field: Part, memory: Memory) -> Self {
        Self::new::<T>(name, Body::Newtype(field), memory)
    }

    /// A struct with several fields without names.
    #[must_use]
    pub const fn tuple<T: 'static>(
        name: &'static str,
        fields: &'static [(usize, Part)],
        memory: Memory,
    ) -> Self {
        Self::new::<T>(name, Body::Tuple(fields), memory)
    }

    /// A struct without fields.
    #[must_use]
    pub const fn unit<T: 'static>(name: &'static str, memory: Memory) -> Self {
        Self::new::<T>(name, Body::Unit, memory)
    }

    /// An enum.
    #[must_use]
    pub const fn enumeration<T: 'static>(
        name: &'static str,
        variants: &'static [Variant],
        sorted: &'static [usize],
        default: Option<Default>,
        memory: Memory,
    ) -> Self {
        Self { default, ..Self::new::<T>(name, Body::Enum { variants, sorted }, memory) }
    }

    /// The same type with a version of its own. A type without one is at version 1, whose hash is none.
    #[must_use]
    pub const fn version(
        self,
        version: &'static str,
        hash: Option<u64>,
        upgrades: fn(&mut Upgrades),
    ) -> Self {
        Self { version: Some((version, hash)), upgrades: Some(upgrades), ..self }
    }

    /// The fingerprint of its shape; of nothing that was written down, none.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        let hash = match self.body {
            Body::ByHand { .. } => 0,
            Body::Struct { fields, sorted } => named(fields, sorted),
            Body::Newtype(field) => field.fingerprint,
            Body::Tuple(fields) => {
                let mut hash = fingerprint::begin(fingerprint::TUPLE, fields.len());
                let mut index = 0;
                while index < fields.len() {
                    hash = fingerprint::member(hash, index as u64, fields[index].1.fingerprint);
                    index += 1;
                }
                hash
            }
            Body::Unit => fingerprint::UNIT,
            Body::Enum { variants, sorted } => {
                let mut hash = fingerprint::begin(fingerprint::ENUM, variants.len());
                let mut index = 0;
                while index < sorted.len() {
                    let (_, name, payload) = &variants[sorted[index]];
                    hash = fingerprint::member(hash, *name, payload.fingerprint());
                    index += 1;
                }
                hash
            }
        };
        match self.version {
            Some((_, Some(version))) => fingerprint::mix(hash, version),
            _ => hash,
        }
    }

    /// The name of the field of that index, in the order of the definition.
    pub(super) fn field_names(&self) -> impl Fn(usize) -> Option<&'static str> {
        let fields = match self.body {
            Body::Struct { fields, .. } => fields,
            _ => &[],
        };
        |index| fields.get(index).map(|(name, ..)| *name)
    }

    /// The shape of the type.
    pub(super) fn shape(&self, context: &mut ShapeContext) -> Shape {
        match self.body {
            Body::ByHand { shape, .. } => shape(context),
            Body::Newtype(field) => field.shape(context),
            Body::Tuple(fields) => {
                Shape::Tuple(fields.iter().map(|(_, field)| field.shape(context)).collect())
            }
            Body::Unit => Shape::Unit,
            Body::Struct { fields, .. } => context.of(self.id, |context| {
                Shape::Struct(StructShape {
                    name: self.name.to_owned(),
                    version: self.version.map(|(version, _)| version.to_owned()),
                    fields: fields_of(fields, context),
                    default: self.default(),
                })
            }),
            Body::Enum { variants, .. } => context.of(self.id, |context| {
                let variant = |(name, _, payload): &Variant| VariantShape {
                    name: (*name).to_owned(),
                    payload: payload.shape(context),
                };
                Shape::Enum(EnumShape {
                    name: self.name.to_owned(),
                    version: self.version.map(|(version, _)| version.to_owned()),
                    variants: variants.iter().map(variant).collect(),
                    default: self.default(),
                })
            }),
        }
    }

    fn default(&self) -> Option<Vec<u8>> {
        let mut out = Encoder::new();
        self.default?(&mut out);
        out.finish().ok()
    }

    /// The type that it is of.
    pub(super) fn id(&self) -> TypeId {
        self.id
    }

    /// Adds the versioned types inside of it.
    pub(super) fn upgrades(&self, found: &mut Upgrades) {
        match self.body {
            Body::ByHand { .. } | Body::Unit => {}
            Body::Struct { fields, .. } => fields.iter().for_each(|(.., field)| field.upgrades(found)),
            Body::Newtype(field) => field.upgrades(found),
            Body::Tuple(fields) => fields.iter().for_each(|(_, field)| field.upgrades(found)),
            Body::Enum { variants, .. } => {
                for (.., payload) in variants {
                    match payload {
                        Payload::Nothing => {}
                        Payload::One(field) => field.upgrades(found),
                        Payload::Tuple(fields) => fields.iter().for_each(|field| field.upgrades(found)),
                        Payload::Struct(fields, _) => {
                            fields.iter().for_each(|(.., field)| field.upgrades(found));
                        }
                    }
                }
            }
        }
    }

    /// Describes how values of the type lie in memory.
    pub(super) fn layout(&self, layout: &mut Layout) {
        let (size, align) = (self.size, self.align);
        let (form, has_drop) = match self.memory {
            Memory::Unknown => return layout.unknown(super::layout::UNTOLD),
            Memory::Unmeasured(why) => return layout.unknown(why),
            Memory::Form { form, has_drop } => (form, has_drop),
        };
        if !layout.begin(self.id, has_drop) {
            return;
        }
        let index_names: Vec<String>;
        match self.body {
            Body::ByHand { .. } => layout.unknown(super::layout::UNTOLD),
            Body::Enum { variants, .. } => {
                layout.enumeration(
                    size,
                    align,
                    form,
                    variants.iter().map(|(name, _, payload)| (*name, payload)),
                );
            }
            Body::Struct { fields, .. } => {
                let fields = fields.iter().map(|(name, _, offset, field)| (*name, *offset, field));
                layout.structure(size, align, fields);
            }
            Body::Newtype(ref field) => layout.structure(size, align, [("0", 0, field)]),
            Body::Tuple(fields) => {
                index_names = (0..fields.len()).map(|index| index.to_string()).collect();
                let fields = index_names.iter().zip(fields);
                let fields = fields.map(|(name, (offset, field))| (name.as_str(), *offset, field));
                layout.structure(size, align, fields);
            }
            Body::Unit => layout.structure(size, align, []),
        }
    }
}

impl Payload {
    const fn fingerprint(&self) -> u64 {
        match self {
            Self::Nothing => fingerprint::UNIT,
            Self::One(field) => field.fingerprint,
            Self::Tuple(fields) => {
                let mut hash = fingerprint::begin(fingerprint::TUPLE, fields.len());
                let mut index = 0;
                while index < fields.len() {
                    hash = fingerprint::member(hash, index as u64, fields[index].fingerprint);
                    index += 1;
                }
                hash
            }
            Self::Struct(fields, sorted) => named(fields, sorted),
        }
    }

    fn shape(&self, context: &mut ShapeContext) -> Shape {
        match self {
            Self::Nothing => Shape::Unit,
            Self::One(field) => field.shape(context),
            Self::Tuple(fields) => Shape::Tuple(fields.iter().map(|field| field.shape(context)).collect()),
            Self::Struct(fields, _) => Shape::Struct(StructShape {
                name: String::new(),
                version: None,
                fields: fields_of(fields, context),
                default: None,
            }),
        }
    }

    /// Its fields with their names; those without one are counted.
    pub(super) fn fields(&self) -> Vec<(String, &Part)> {
        match self {
            Self::Nothing => Vec::new(),
            Self::One(field) => vec![("0".to_owned(), field)],
            Self::Tuple(fields) => {
                fields.iter().enumerate().map(|(index, field)| (index.to_string(), field)).collect()
            }
            Self::Struct(fields, _) => {
                fields.iter().map(|(name, _, _, field)| ((*name).to_owned(), field)).collect()
            }
        }
    }
}

/// The fingerprint of named fields.
const fn named(fields: &[Named], sorted: &[usize]) -> u64 {
    let mut hash = fingerprint::begin(fingerprint::STRUCT, fields.len());
    let mut index = 0;
    while index < sorted.len() {
        let (_, name, _, field) = &fields[sorted[index]];
        hash = fingerprint::member(hash, *name, field.fingerprint);
        index += 1;
    }
    hash
}

fn fields_of(fields: &[Named], context: &mut ShapeContext) -> Vec<FieldShape> {
    let field =
        |(name, _, _, field): &Named| FieldShape { name: (*name).to_owned(), shape: field.shape(context) };
    fields.iter().map(field).collect()
}

/// What is written down of a type.
fn described<T: State>() -> &'static Described {
    &T::TYPE
}

/// The shape of a type that has written down what it is.
#[doc(hidden)]
#[must_use]
pub fn shape<T: State>(context: &mut ShapeContext) -> Shape {
    T::TYPE.shape(context)
}

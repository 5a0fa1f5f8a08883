//! A message of one shape becomes a message of another, without loss or not at all.
//!
//! Source and target of a connection are built apart, so one may send another version of a type than the other takes. The
//! target's code knows its own chains and asks here whether every message of that shape has a counterpart; only then is
//! any converted. In this order, for each part of the type:
//!
//! 1. equal shapes are equal;
//! 2. a version that the chain of a `#[state(version = "..")]` type knows goes through its `#[migrate]` hops; one that was
//!    edited since is first brought to the shape that the chain knows;
//! 3. otherwise by structure: numbers that widen without loss, `T` to `Option<T>`, fields that are new and have a value in
//!    the type's `Default`, and the same inside of lists, maps, tuples, options and enums.
//!
//! Unlike [`reconcile`](super::reconcile), nothing depends on the value, no field may get lost, and nothing is replaced.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ptr::from_ref;

use super::attic::Attic;
use super::codec::{Decoder, Encoder};
use super::described::Described;
use super::nested::{self, NestedChain};
use super::shape::{EnumShape, FieldShape, Shape, StructShape};
use super::step::{Chain, MigrateError, StepContext, VersionInfo};
use super::value::Value;
use super::{State, from_bytes, to_bytes};

/// The versioned types that a type contains, with the way from their older versions.
#[derive(Debug, Default)]
pub struct Upgrades {
    seen: HashSet<TypeId>,
    types: Vec<Upgrade>,
}

#[derive(Debug)]
struct Upgrade {
    versions: fn(&mut Vec<VersionInfo>),
    load: Way,
    store: Way,
}

/// Carries an encoded value of that version to the head, or from the head to that version.
pub(crate) type Way = fn(&str, &[u8], &mut StepContext) -> Result<Vec<u8>, MigrateError>;

impl Upgrades {
    /// Those of `T`.
    #[must_use]
    pub fn of<T: State>() -> Self {
        let mut found = Self::default();
        T::upgrades(&mut found);
        found
    }

    /// Whether `T` was not looked into yet; it is now.
    pub fn enter<T: 'static>(&mut self) -> bool {
        self.enter_id(TypeId::of::<T>())
    }

    fn enter_id(&mut self, id: TypeId) -> bool {
        self.seen.insert(id)
    }

    /// Adds a type with a chain, and what its older versions contain.
    pub fn add<T: Chain>(&mut self) {
        self.push(Upgrade { versions: T::versions, load: load::<T>, store: store::<T> });
        T::older(self);
    }

    fn push(&mut self, upgrade: Upgrade) {
        self.types.push(upgrade);
    }

    /// Adds a type with a chain, and what it and its older versions contain, if that was not done yet.
    pub fn versioned<T: Chain>(&mut self) {
        if self.enter::<T>() {
            self.add::<T>();
            T::TYPE.upgrades(self);
        }
    }

    /// Adds what is inside of a type, if that was not done yet.
    pub(super) fn inside(&mut self, described: &Described) {
        if self.enter_id(described.id()) {
            described.upgrades(self);
        }
    }

    /// The chains, in the order in which [`Upgrades::carry`] counts them.
    pub(crate) fn chains(&self) -> Vec<NestedChain> {
        let chain = |upgrade: &Upgrade| {
            let mut versions = Vec::new();
            (upgrade.versions)(&mut versions);
            NestedChain { versions }
        };
        self.types.iter().map(chain).collect()
    }

    /// Carries an encoded value from or to an older version of the chain of that index: `back` from what it leads to.
    /// `attic` is that of the instance below `path`.
    pub(crate) fn carry(
        &self,
        chain: usize,
        back: bool,
        version: &str,
        value: &[u8],
        attic: Attic,
        path: &str,
    ) -> Result<(Vec<u8>, Attic), MigrateError> {
        let missing = || MigrateError::new("the code does not know that type");
        let upgrade = self.types.get(chain).ok_or_else(missing)?;
        let carry = if back { upgrade.store } else { upgrade.load };
        let mut context = StepContext::new(attic);
        let carried = context.within(path.to_owned(), |context| carry(version, value, context));
        Ok((carried.map_err(|error| error.at(path))?, context.into_attic()))
    }
}

fn load<T: Chain>(version: &str, bytes: &[u8], context: &mut StepContext) -> Result<Vec<u8>, MigrateError> {
    let mut input = Decoder::new(bytes);
    let value = T::load(version, &mut input, context)?;
    input.finish()?;
    Ok(to_bytes(&value)?)
}

pub(crate) fn store<T: Chain>(
    version: &str,
    bytes: &[u8],
    context: &mut StepContext,
) -> Result<Vec<u8>, MigrateError> {
    let mut out = Encoder::new();
    from_bytes::<T>(bytes)?.store(version, &mut out, context)?;
    Ok(out.finish()?)
}

/// Why messages of a shape cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The part of the message, as `items[].unit`; empty for all of it.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Misfit {}

/// How each message of one shape becomes one of another.
#[derive(Debug)]
pub struct Conversion {
    /// The steps; those of types that contain themselves lead back.
    nodes: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    Same,
    /// Each field of the target: where it comes from.
    Struct(Vec<(String, Field)>),
    /// Each variant of the source, with what it carries.
    Enum(HashMap<String, Option<usize>>),
    /// An option; whether the items on each side are wrapped.
    Option(usize, bool, bool),
    /// What becomes `Some`, and whether it is wrapped.
    Some(usize, bool),
    List(usize),
    Map(usize, usize),
    Tuple(Vec<usize>),
    Float(u8),
    /// To the shape of that version, and through the chain from there.
    Upgrade(usize, String, Way),
}

#[derive(Debug)]
enum Field {
    Kept(usize),
    New(Value),
}

impl Conversion {
    /// Plans the way from one shape to another.
    ///
    /// # Errors
    ///
    /// When some message of the one has no counterpart in the other.
    pub fn plan(from: &Shape, to: &Shape, upgrades: &Upgrades) -> Result<Self, Misfit> {
        let chains = upgrades.chains();
        let mut work = Planner {
            upgrades,
            chains: &chains,
            nodes: Vec::new(),
            known: HashMap::new(),
            from: Vec::new(),
            to: Vec::new(),
            path: String::new(),
        };
        if from.matches(to) {
            return Ok(Self { nodes: vec![Node::Same] });
        }
        work.node(from, to, None)?;
        Ok(Self { nodes: work.nodes })
    }

    /// Converts an encoded message.
    ///
    /// # Errors
    ///
    /// When the bytes are not of the shape, or a hop of `#[migrate]` refuses the value.
    pub fn apply(&self, payload: &[u8]) -> Result<Vec<u8>, MigrateError> {
        if let Some(Node::Same) = self.nodes.first() {
            return Ok(payload.to_vec());
        }
        Ok(to_bytes(&self.value(0, from_bytes(payload)?)?)?)
    }

    fn value(&self, node: usize, value: Value) -> Result<Value, MigrateError> {
        let other = || MigrateError::new("the message is not of the shape that its source declares");
        Ok(match (&self.nodes[node], value) {
            (Node::Same, value) | (Node::Option(..), value @ Value::Nil) => value,
            (Node::Struct(fields), Value::Map(mut entries)) => {
                let mut converted = Vec::with_capacity(fields.len());
                for (name, field) in fields {
                    let value = match field {
                        Field::New(value) => value.clone(),
                        Field::Kept(node) => {
                            let found = entries.iter().position(|(key, _)| key.as_str() == Some(name));
                            let value = entries.swap_remove(found.ok_or_else(other)?).1;
                            self.value(*node, value).map_err(|error| error.at(name.as_str()))?
                        }
                    };
                    converted.push((Value::Str(name.clone()), value));
                }
                Value::Map(converted)
            }
            (Node::Enum(variants), Value::Str(name)) if variants.get(&name) == Some(&None) => {
                Value::Str(name)
            }
            (Node::Enum(variants), Value::Map(mut entries)) if entries.len() == 1 => {
                let (key, payload) = entries.swap_remove(0);
                let name = key.as_str().ok_or_else(other)?.to_owned();
                let node = variants.get(&name).copied().flatten().ok_or_else(other)?;
                let payload = self.value(node, payload).map_err(|error| error.at(name))?;
                Value::Map(vec![(key, payload)])
            }
            (Node::Option(inner, unwrap, wrap), value) => {
                let value = match (unwrap, value) {
                    (true, Value::Seq(mut items)) if items.len() == 1 => items.swap_remove(0),
                    (true, _) => return Err(other()),
                    (false, value) => value,
                };
                wrapped(self.value(*inner, value)?, *wrap)
            }
            (Node::Some(inner, wrap), value) => wrapped(self.value(*inner, value)?, *wrap),
            (Node::List(inner), value) => {
                let items = match value {
                    Value::Seq(items) => items,
                    Value::Bytes(bytes) => bytes.into_iter().map(|byte| Value::Int(byte.into())).collect(),
                    _ => return Err(other()),
                };
                let item =
                    |(index, item)| self.value(*inner, item).map_err(|error| error.at(format!("[{index}]")));
                Value::Seq(items.into_iter().enumerate().map(item).collect::<Result<_, _>>()?)
            }
            (Node::Map(key, value), Value::Map(entries)) => {
                let entry = |(k, v)| Ok((self.value(*key, k)?, self.value(*value, v)?));
                Value::Map(entries.into_iter().map(entry).collect::<Result<_, MigrateError>>()?)
            }
            (Node::Tuple(nodes), Value::Seq(items)) if items.len() == nodes.len() => {
                let items = nodes.iter().zip(items).map(|(node, item)| self.value(*node, item));
                Value::Seq(items.collect::<Result<_, _>>()?)
            }
            (Node::Float(32), Value::Int(number)) => Value::F32(number as f32),
            (Node::Float(_), Value::Int(number)) => Value::F64(number as f64),
            (Node::Float(_), Value::F32(float)) => Value::F64(float.into()),
            (Node::Upgrade(first, version, load), value) => {
                let value = to_bytes(&self.value(*first, value)?)?;
                from_bytes(&load(version, &value, &mut StepContext::default())?)?
            }
            _ => return Err(other()),
        })
    }
}

fn wrapped(value: Value, wrap: bool) -> Value {
    if wrap { Value::Seq(vec![value]) } else { value }
}

struct Planner<'a> {
    upgrades: &'a Upgrades,
    chains: &'a [NestedChain],
    nodes: Vec<Node>,
    /// The node for a place in both shapes, by address: so that types that contain themselves come to an end.
    known: HashMap<(*const Shape, *const Shape), usize>,
    /// The structs and enums around this place, on both sides: what `Shape::Recurse` counts.
    from: Vec<&'a Shape>,
    to: Vec<&'a Shape>,
    path: String,
}

impl<'a> Planner<'a> {
    /// The node that turns `from` into `to`. `default` is what the `Default` around it has in this place.
    fn node(&mut self, from: &'a Shape, to: &'a Shape, default: Option<&Value>) -> Result<usize, Misfit> {
        let (from, to) = (from.bare(), to.bare());
        if let Shape::Recurse(levels) = from {
            return self.outwards(*levels, |work| &mut work.from, |work, from| work.node(from, to, None));
        }
        if let Shape::Recurse(levels) = to {
            return self.outwards(*levels, |work| &mut work.to, |work, to| work.node(from, to, None));
        }
        let place = (from_ref(from), from_ref(to));
        if let Some(known) = self.known.get(&place) {
            return Ok(*known);
        }
        let index = self.nodes.len();
        self.nodes.push(Node::Same);
        self.known.insert(place, index);
        self.nodes[index] = self.way(from, to, default)?;
        Ok(index)
    }

    fn way(&mut self, from: &'a Shape, to: &'a Shape, default: Option<&Value>) -> Result<Node, Misfit> {
        if matches!(to, Shape::Any) || (from.matches(to) && !from.is_recursive()) {
            return Ok(Node::Same);
        }
        if let Some(upgrade) = self.upgrade(from, to)? {
            return Ok(upgrade);
        }
        match (from, to) {
            (Shape::Struct(old), Shape::Struct(new)) => {
                self.inside(from, to, |work| work.structs(old, new, default))
            }
            (Shape::Enum(old), Shape::Enum(new)) => self.inside(from, to, |work| work.enums(old, new)),
            (Shape::Option(old), Shape::Option(new)) => {
                Ok(Node::Option(self.node(old, new, None)?, old.is_nullable(), new.is_nullable()))
            }
            (Shape::Option(_), _) => Err(self.misfit(format!("`None` is no `{to}`"))),
            (_, Shape::Option(new)) => Ok(Node::Some(self.node(from, new, None)?, new.is_nullable())),
            (Shape::Seq(old) | Shape::Set(old) | Shape::Array { item: old, .. }, Shape::Seq(new))
            | (Shape::Set(old), Shape::Set(new)) => {
                self.at("[]", |work| Ok(Node::List(work.node(old, new, None)?)))
            }
            (Shape::Array { len, item: old }, Shape::Array { len: n, item: new }) if len == n => {
                self.at("[]", |work| Ok(Node::List(work.node(old, new, None)?)))
            }
            (Shape::Map { key: k, value: v }, Shape::Map { key, value }) => {
                self.at("[]", |work| Ok(Node::Map(work.node(k, key, None)?, work.node(v, value, None)?)))
            }
            (Shape::Tuple(old), Shape::Tuple(new)) if old.len() == new.len() => {
                let items = old.iter().zip(new).enumerate();
                let item = |(index, (old, new)): (usize, (&'a Shape, &'a Shape))| {
                    self.at(&index.to_string(), |work| work.node(old, new, None))
                };
                items.map(item).collect::<Result<_, _>>().map(Node::Tuple)
            }
            _ => self.scalar(from, to),
        }
    }

    /// The way through the chain of a versioned type.
    fn upgrade(&mut self, from: &'a Shape, to: &'a Shape) -> Result<Option<Node>, Misfit> {
        let Some((name, sent, taken)) = nested::moved(from, to) else { return Ok(None) };
        let Some((chain, entry)) = nested::entry(self.chains, to, from) else {
            if !(is_versioned(from) && is_versioned(to)) {
                return Ok(None);
            }
            let reason = format!(
                "`{name}` is sent at version {sent}, and no `#[migrate]` leads from there to version {taken}"
            );
            return Err(self.misfit(reason));
        };
        // The shape of the entry is no part of the target: nothing around it counts.
        let around = std::mem::take(&mut self.to);
        let first = self.node(from, &entry.shape, None);
        self.to = around;
        Ok(Some(Node::Upgrade(first?, entry.version.clone(), self.upgrades.types[chain].load)))
    }

    fn structs(
        &mut self,
        old: &'a StructShape,
        new: &'a StructShape,
        default: Option<&Value>,
    ) -> Result<Node, Misfit> {
        if let Some(lost) = old.fields.iter().find(|field| new.field(&field.name).is_none()) {
            let reason =
                format!("the field `{}` is sent, and {} has no place for it", lost.name, title(&new.name));
            return Err(self.misfit(reason));
        }
        let own: Option<Value> = new.default.as_deref().and_then(|bytes| from_bytes(bytes).ok());
        let default = own.as_ref().or(default);
        let mut fields = Vec::with_capacity(new.fields.len());
        for FieldShape { name, shape } in &new.fields {
            let value = default.and_then(|default| default.get(name));
            let field = match (old.field(name), value) {
                (Some(before), value) => Field::Kept(self.at(name, |work| work.node(before, shape, value))?),
                (None, Some(value)) => Field::New(value.clone()),
                (None, None) => {
                    let title = title(&new.name);
                    let reason = format!(
                        "{title} has a field `{name}` that is not sent, and no `Default` to take it from"
                    );
                    return Err(self.misfit(reason));
                }
            };
            fields.push((name.clone(), field));
        }
        Ok(Node::Struct(fields))
    }

    fn enums(&mut self, old: &'a EnumShape, new: &'a EnumShape) -> Result<Node, Misfit> {
        let mut variants = HashMap::new();
        for variant in &old.variants {
            let name = &variant.name;
            let payload = match (&variant.payload, new.variant(name)) {
                (_, None) => {
                    return Err(self.misfit(format!("`{}` has no variant `{name}`", new.name)));
                }
                (Shape::Unit, Some(Shape::Unit)) => None,
                (Shape::Unit, Some(_)) | (_, Some(Shape::Unit)) => {
                    let reason = format!("the variant `{name}` of `{}` carries something else", new.name);
                    return Err(self.misfit(reason));
                }
                (before, Some(after)) => Some(self.at(name, |work| work.node(before, after, None))?),
            };
            variants.insert(name.clone(), payload);
        }
        Ok(Node::Enum(variants))
    }

    /// Between kinds without parts: only what holds every value of the other exactly.
    fn scalar(&self, from: &Shape, to: &Shape) -> Result<Node, Misfit> {
        match (from, to) {
            (Shape::Int { bits, signed }, Shape::Int { bits: wide, signed: wide_signed }) => {
                let widens = match (signed, wide_signed) {
                    (true, false) => false,
                    (false, true) => wide > bits,
                    _ => wide >= bits,
                };
                if widens {
                    Ok(Node::Same)
                } else {
                    Err(self.misfit(format!("not every `{from}` is a `{to}`")))
                }
            }
            (Shape::Int { bits, .. }, Shape::Float { bits: float }) if 2 * bits <= *float => {
                Ok(Node::Float(*float))
            }
            (Shape::Float { bits: 32 }, Shape::Float { bits: 64 }) => Ok(Node::Float(64)),
            (Shape::Char, Shape::String) => Ok(Node::Same),
            (Shape::Int { .. } | Shape::Float { .. }, Shape::Int { .. } | Shape::Float { .. }) => {
                Err(self.misfit(format!("not every `{from}` is exact as `{to}`")))
            }
            _ => Err(self.misfit(format!("`{from}` is sent, and `{to}` is taken"))),
        }
    }

    /// Runs `work` inside a struct or enum. The fields of a struct variant are no type of their own, so recursive shapes do
    /// not count them.
    fn inside<T>(&mut self, from: &'a Shape, to: &'a Shape, work: impl FnOnce(&mut Self) -> T) -> T {
        let counts = |shape: &Shape| !matches!(shape, Shape::Struct(of) if of.name.is_empty());
        let depths = (self.from.len(), self.to.len());
        self.from.extend(counts(from).then_some(from));
        self.to.extend(counts(to).then_some(to));
        let result = work(self);
        self.from.truncate(depths.0);
        self.to.truncate(depths.1);
        result
    }

    /// Runs `work` at the enclosing type that a recursive shape refers back to, as seen from there.
    fn outwards<T>(
        &mut self,
        levels: u32,
        side: impl Fn(&mut Self) -> &mut Vec<&'a Shape>,
        work: impl FnOnce(&mut Self, &'a Shape) -> Result<T, Misfit>,
    ) -> Result<T, Misfit> {
        let enclosing = side(self);
        let Some(at) = enclosing.len().checked_sub(1 + levels as usize) else {
            return Err(self.misfit("the shape refers to a type around the message".to_owned()));
        };
        let inner = enclosing.split_off(at);
        let result = work(self, inner[0]);
        side(self).extend(inner);
        result
    }

    fn at<T>(&mut self, step: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        let result = work(self);
        self.path.truncate(length);
        result
    }

    fn misfit(&self, reason: String) -> Misfit {
        Misfit { path: self.path.clone(), reason }
    }
}

/// Whether a struct or enum says which version it is.
fn is_versioned(shape: &Shape) -> bool {
    matches!(
        shape,
        Shape::Struct(StructShape { version: Some(_), .. }) | Shape::Enum(EnumShape { version: Some(_), .. })
    )
}

/// How messages call a struct; that of a variant has no name.
fn title(name: &str) -> String {
    if name.is_empty() { "the variant".to_owned() } else { format!("`{name}`") }
}

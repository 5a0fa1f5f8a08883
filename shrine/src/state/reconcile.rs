//! Structural reconciliation: a state of one shape becomes a state of another, field by field, by name.
//!
//! This is what happens on an edit without a version bump. Equal fields move; a change of type that loses nothing
//! converts; a new field takes its value from the attic, if it was there before, or else from the widget's own
//! `Default`; the value of a field that is gone, or does not fit its new type, goes to the attic. Every touched field
//! is reported. Nothing is guessed: a field under another name is one gone and one come.
//!
//! A versioned type inside of the state that is at another version goes there over its own hops, wherever it stands.
//!
//! Pure: values in, values out.

use std::fmt;

use super::attic::Attic;
use super::convert::step_of;
use super::nested::ways::{Chains, Known, Way};
use super::shape::{EnumShape, FieldShape, Shape, StructShape};
use super::touched::{self, Touched};
use super::value::Value;
use super::{from_bytes, to_bytes};
use crate::event::FieldChange;

/// A state in its new shape, and what happened to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciled {
    /// The state.
    pub value: Value,
    /// The fields that were touched, once each: `items[].done` stands for all items.
    pub report: Vec<Touched>,
}

/// Why a state has no counterpart in the new shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where.
    pub field: String,
    /// Why.
    pub reason: String,
    /// Whether a migration said no. No default stands in for that.
    pub is_final: bool,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.field, if self.field.is_empty() { "" } else { ": " }, self.reason)
    }
}

impl std::error::Error for Mismatch {}

/// The versioned types inside of a state.
#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct Nested<'a> {
    /// What the code on each side knows of them.
    pub chains: Chains<'a>,
    /// Calls that code: the way, the encoded value, what the attic has below its place, and the place. Answers with the
    /// value, and with that part of the attic.
    pub carry: &'a mut Carry<'a>,
}

/// See [`Nested::carry`].
pub type Carry<'a> = dyn FnMut(&Way<'_>, &[u8], &Attic, &str) -> Result<(Vec<u8>, Attic), String> + 'a;

/// Turns `value`, of shape `from`, into one of shape `to`. `version` is the version of both, under which the attic
/// keeps what has no place.
///
/// # Errors
///
/// When something new has neither an attic value nor a default, something does not fit and has no default, or a
/// migration says no.
pub fn reconcile<'a>(
    value: Value,
    from: &'a Shape,
    to: &'a Shape,
    attic: &'a mut Attic,
    version: &'a str,
    nested: Nested<'a>,
) -> Result<Reconciled, Mismatch> {
    let mut work = Work {
        attic,
        version,
        nested,
        ways: Known::default(),
        path: Path::default(),
        report: Vec::new(),
        touches: 0,
        from: Vec::new(),
        to: Vec::new(),
    };
    let value = work.convert(value, from, to, default_of(to).as_ref())?;
    Ok(Reconciled { value, report: work.report })
}

struct Work<'a> {
    attic: &'a mut Attic,
    version: &'a str,
    nested: Nested<'a>,
    ways: Known<'a>,
    path: Path,
    report: Vec<Touched>,
    /// How often something was touched, whether the report said so before or not.
    touches: usize,
    /// The structs and enums around this place, on both sides: what `Shape::Recurse` counts.
    from: Vec<&'a Shape>,
    to: Vec<&'a Shape>,
}

impl<'a> Work<'a> {
    fn convert(
        &mut self,
        value: Value,
        from: &'a Shape,
        to: &'a Shape,
        default: Option<&Value>,
    ) -> Result<Value, Mismatch> {
        let (from, to) = (from.bare(), to.bare());
        if let Shape::Recurse(levels) = from {
            return self.outwards(
                *levels,
                |work| &mut work.from,
                |work, from| work.convert(value, from, to, default),
            );
        }
        if let Shape::Recurse(levels) = to {
            return self.outwards(
                *levels,
                |work| &mut work.to,
                |work, to| work.convert(value, from, to, default),
            );
        }
        if from.matches(to) && !from.is_recursive() {
            return Ok(value);
        }
        if let Some(way) = self.ways.way(&self.nested.chains, from, to) {
            return self.migrate(value, from, to, &way, default);
        }
        match (from, to) {
            (Shape::Struct(old), Shape::Struct(new)) => {
                self.inside(from, to, |work| work.structs(value, old, new, default))
            }
            (Shape::Enum(_), Shape::Enum(new)) => self.inside(from, to, |work| work.enums(value, from, new)),
            (Shape::Option(old), Shape::Option(new)) => match value {
                Value::Nil => Ok(Value::Nil),
                value => {
                    let inner = self.convert(unwrap(value, old), old, new, None)?;
                    Ok(wrap(inner, new))
                }
            },
            (_, Shape::Option(new)) => {
                let inner = self.convert(value, from, new, None)?;
                Ok(wrap(inner, new))
            }
            (Shape::Option(old), _) => match value {
                Value::Nil => Err(self.mismatch("`None` has no value")),
                value => self.convert(unwrap(value, old), old, to, default),
            },
            (
                Shape::Seq(old) | Shape::Set(old) | Shape::Array { item: old, .. },
                Shape::Seq(new) | Shape::Set(new) | Shape::Array { item: new, .. },
            ) => self.lists(value, old, new, to),
            (_, Shape::Seq(new)) => Ok(Value::Seq(vec![self.convert(value, from, new, None)?])),
            (Shape::Map { key: k, value: v }, Shape::Map { key, value: val }) => {
                self.maps(value, (k, v), (key, val))
            }
            (Shape::Tuple(old), Shape::Tuple(new)) if old.len() == new.len() => self.tuples(value, old, new),
            (_, Shape::Any) => Ok(value),
            _ => scalar(value, to).map_err(|value| self.mismatch(format!("{} is not `{to}`", brief(&value)))),
        }
    }

    /// A value of a versioned type, over the hops of that type.
    fn migrate(
        &mut self,
        value: Value,
        from: &'a Shape,
        to: &'a Shape,
        way: &Way<'a>,
        default: Option<&Value>,
    ) -> Result<Value, Mismatch> {
        // What the chain knows of the version at its far end stands by itself: nothing around it counts.
        if way.back {
            let value = self.cross(&value, way)?;
            let around = std::mem::take(&mut self.from);
            let value = self.convert(value, &way.entry.shape, to, default);
            self.from = around;
            return value;
        }
        let around = std::mem::take(&mut self.to);
        let value = self.convert(value, from, &way.entry.shape, None);
        self.to = around;
        self.cross(&value?, way)
    }

    /// Has the code of the type carry a value.
    fn cross(&mut self, value: &Value, way: &Way<'a>) -> Result<Value, Mismatch> {
        let stop = |reason: String| Mismatch { field: String::new(), reason, is_final: true };
        let path = self.path.exact.clone();
        let at = |reason: String| stop(format!("{path}: {reason}"));
        let bytes = to_bytes(value).map_err(|error| at(error.to_string()))?;
        let mine = self.attic.split(&path);
        let (bytes, left) = (self.nested.carry)(way, &bytes, &mine, &path).map_err(stop)?;
        self.attic.merge(left);
        self.migrated(way, &mine, &path);
        from_bytes(&bytes).map_err(|error| at(error.to_string()))
    }

    /// Reports a value that was carried; `attic` is what there was below it.
    fn migrated(&mut self, way: &Way<'a>, attic: &Attic, path: &str) {
        self.touches += 1;
        let Way { name, from, to, .. } = way;
        let (field, detail) = (self.path.general.clone(), format!("{name} {from} -> {to}"));
        let mut of_type = self.report.iter_mut().filter(|touched| touched.what == FieldChange::Migrated);
        match of_type.find(|touched| touched.field == field && touched.detail == detail) {
            Some(line) => line.count += 1,
            None => {
                let first = Touched::new(field, FieldChange::Migrated, detail);
                self.report.push(Touched { count: 1, ..first });
            }
        }
        let (back, hops) = (way.back, way.hops.iter());
        let hops: Vec<_> = if back { hops.collect() } else { hops.rev().collect() };
        for hop in hops {
            for operation in touched::operations(hop) {
                let had = || attic.has(&hop.version, &join(path, &operation.field));
                let Touched { field, what, detail, .. } = match back {
                    true => touched::backward(operation, had()),
                    false => touched::forward(operation),
                };
                self.at(&field, |work| work.touch(what, detail));
            }
        }
    }

    fn structs(
        &mut self,
        value: Value,
        old: &'a StructShape,
        new: &'a StructShape,
        default: Option<&Value>,
    ) -> Result<Value, Mismatch> {
        let Value::Map(entries) = value else { return Err(self.mismatch("the state is not a struct")) };
        let own_default = default.is_none().then(|| decoded(new.default.as_deref())).flatten();
        let default = default.or(own_default.as_ref());
        let mut entries: Vec<(String, Value)> =
            entries.into_iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value))).collect();
        let mut fields = Vec::with_capacity(new.fields.len());
        for FieldShape { name, shape } in &new.fields {
            let live = entries.iter().position(|(key, _)| key == name).map(|at| entries.swap_remove(at).1);
            let default = default.and_then(|default| default.get(name));
            let value = self.at(name, |work| match (live, old.field(name)) {
                (Some(value), Some(before)) => work.kept(value, before, shape, default),
                _ => work.come(shape, default),
            })?;
            fields.push((Value::Str(name.clone()), value));
        }
        for (name, value) in entries {
            if let Some(shape) = old.field(&name) {
                self.at(&name, |work| work.gone(&value, shape));
            }
        }
        Ok(Value::Map(fields))
    }

    /// A field that is there on both sides.
    fn kept(
        &mut self,
        value: Value,
        from: &'a Shape,
        to: &'a Shape,
        default: Option<&Value>,
    ) -> Result<Value, Mismatch> {
        let (kept, reported, touches) = (value.clone(), self.report.len(), self.touches);
        match self.convert(value, from, to, default) {
            Err(mismatch) if mismatch.is_final => Err(mismatch),
            Ok(value) => {
                let nested = self.touches > touches;
                if !nested && !from.matches(to) {
                    self.touch(FieldChange::Converted, format!("{from} to {to}"));
                }
                Ok(value)
            }
            Err(mismatch) => {
                let Some(fallback) = default.cloned().or_else(|| default_of(to)) else {
                    return Err(mismatch);
                };
                self.report.truncate(reported);
                self.put_away(&kept, from);
                let fallback = self.take_back(to).unwrap_or(fallback);
                self.touch(FieldChange::Replaced, format!("{from} to {to}: {}", mismatch.reason));
                Ok(fallback)
            }
        }
    }

    /// A field that is new.
    fn come(&mut self, shape: &'a Shape, default: Option<&Value>) -> Result<Value, Mismatch> {
        if let Some(value) = self.take_back(shape) {
            self.touch(FieldChange::Restored, String::new());
            return Ok(value);
        }
        let Some(value) = default.cloned().or_else(|| default_of(shape)) else {
            return Err(self.mismatch(format!("it is new, and `{shape}` has no default")));
        };
        self.touch(FieldChange::Defaulted, brief(&value));
        Ok(value)
    }

    /// A field that is gone.
    fn gone(&mut self, value: &Value, shape: &Shape) {
        self.put_away(value, shape);
        self.touch(FieldChange::Attic, String::new());
    }

    fn enums(&mut self, value: Value, from: &'a Shape, new: &'a EnumShape) -> Result<Value, Mismatch> {
        let Shape::Enum(old) = from else { return Err(self.mismatch("the state is not an enum")) };
        let (name, payload) = match value {
            Value::Str(name) => (name, None),
            Value::Map(mut entries) if entries.len() == 1 => match entries.remove(0) {
                (Value::Str(name), payload) => (name, Some(payload)),
                _ => return Err(self.mismatch("the state is not an enum")),
            },
            _ => return Err(self.mismatch("the state is not an enum")),
        };
        let (Some(before), Some(after)) = (old.variant(&name), new.variant(&name)) else {
            return Err(self.mismatch(format!("there is no variant `{name}` any more")));
        };
        let payload = match (payload, after) {
            (None, Shape::Unit) | (Some(_), Shape::Unit) if matches!(before, Shape::Unit) => None,
            (Some(payload), Shape::Unit) => {
                self.at(&name, |work| work.gone(&payload, before));
                None
            }
            (None, after) => Some(self.at(&name, |work| work.come(after, None))?),
            (Some(payload), after) => {
                Some(self.at(&name, |work| work.convert(payload, before, after, None))?)
            }
        };
        Ok(match payload {
            None => Value::Str(name),
            Some(payload) => Value::Map(vec![(Value::Str(name), payload)]),
        })
    }

    fn lists(&mut self, value: Value, old: &'a Shape, new: &'a Shape, to: &Shape) -> Result<Value, Mismatch> {
        let items = match value {
            Value::Seq(items) => items,
            Value::Bytes(bytes) => bytes.into_iter().map(|byte| Value::Int(byte.into())).collect(),
            _ => return Err(self.mismatch("the state is not a list")),
        };
        let mut converted = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let item = self.at_one(&format!("[{index}]"), |work| work.convert(item, old, new, None))?;
            converted.push(item);
        }
        match to {
            Shape::Array { len, .. } if *len != converted.len() as u64 => {
                return Err(self.mismatch(format!("{} items do not fill an array of {len}", converted.len())));
            }
            Shape::Set(_) if repeats(&converted) => return Err(self.mismatch("an item is there twice")),
            _ => {}
        }
        Ok(Value::Seq(converted))
    }

    fn maps(
        &mut self,
        value: Value,
        old: (&'a Shape, &'a Shape),
        new: (&'a Shape, &'a Shape),
    ) -> Result<Value, Mismatch> {
        let Value::Map(entries) = value else { return Err(self.mismatch("the state is not a map")) };
        let mut converted = Vec::with_capacity(entries.len());
        let mut keys = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            // By its key, which stays when others come and go.
            let entry = self.at_one(&step_of(&key), |work| {
                Ok((work.convert(key, old.0, new.0, None)?, work.convert(value, old.1, new.1, None)?))
            })?;
            keys.push(entry.0.clone());
            converted.push(entry);
        }
        if repeats(&keys) {
            return Err(self.mismatch("two keys become one"));
        }
        Ok(Value::Map(converted))
    }

    fn tuples(&mut self, value: Value, old: &'a [Shape], new: &'a [Shape]) -> Result<Value, Mismatch> {
        match value {
            Value::Seq(items) if items.len() == new.len() => {
                let mut converted = Vec::with_capacity(items.len());
                for ((index, item), (old, new)) in items.into_iter().enumerate().zip(old.iter().zip(new)) {
                    converted.push(self.at(&index.to_string(), |work| work.convert(item, old, new, None))?);
                }
                Ok(Value::Seq(converted))
            }
            _ => Err(self.mismatch("the state is not a tuple")),
        }
    }

    /// Runs `work` inside a struct or enum. The fields of a struct variant are no type of their own, so recursive
    /// shapes do not count them.
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
    fn outwards(
        &mut self,
        levels: u32,
        side: impl Fn(&mut Self) -> &mut Vec<&'a Shape>,
        work: impl FnOnce(&mut Self, &'a Shape) -> Result<Value, Mismatch>,
    ) -> Result<Value, Mismatch> {
        let enclosing = side(self);
        let Some(at) = enclosing.len().checked_sub(1 + levels as usize) else {
            return Err(self.mismatch("the shape refers to a type around the state"));
        };
        let inner = enclosing.split_off(at);
        let result = work(self, inner[0]);
        side(self).extend(inner);
        result
    }

    fn at<T>(&mut self, step: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let lengths = self.path.push(step, step);
        let result = work(self);
        self.path.truncate(lengths);
        result
    }

    /// At one item of many, which reports do not tell apart.
    fn at_one<T>(&mut self, step: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let lengths = self.path.push(step, "[]");
        let result = work(self);
        self.path.truncate(lengths);
        result
    }

    fn touch(&mut self, what: FieldChange, detail: String) {
        self.touches += 1;
        let field = &self.path.general;
        if !self.report.iter().any(|touched| touched.field == *field && touched.what == what) {
            self.report.push(Touched::new(field, what, detail));
        }
    }

    fn put_away(&mut self, value: &Value, shape: &Shape) {
        if let Ok(bytes) = to_bytes(value) {
            let (version, path) = (self.version.to_owned(), self.path.exact.clone());
            self.attic.put_encoded(version, path, shape.fingerprint(), bytes);
        }
    }

    fn take_back(&mut self, shape: &Shape) -> Option<Value> {
        let bytes = self.attic.take_encoded(self.version, &self.path.exact, shape.fingerprint())?;
        from_bytes(&bytes).ok()
    }

    fn mismatch(&self, reason: impl Into<String>) -> Mismatch {
        Mismatch { field: self.path.general.clone(), reason: reason.into(), is_final: false }
    }
}

/// Where in the state: `items[2].done`, and `items[].done` for what is said once about all items.
#[derive(Default)]
struct Path {
    exact: String,
    general: String,
}

impl Path {
    fn push(&mut self, exact: &str, general: &str) -> (usize, usize) {
        let lengths = (self.exact.len(), self.general.len());
        for (path, step) in [(&mut self.exact, exact), (&mut self.general, general)] {
            extend(path, step);
        }
        lengths
    }

    fn truncate(&mut self, (exact, general): (usize, usize)) {
        self.exact.truncate(exact);
        self.general.truncate(general);
    }
}

fn extend(path: &mut String, step: &str) {
    if !path.is_empty() && !step.starts_with('[') {
        path.push('.');
    }
    path.push_str(step);
}

fn join(path: &str, step: &str) -> String {
    let mut joined = path.to_owned();
    extend(&mut joined, step);
    joined
}

/// The value that a type has by itself.
fn default_of(shape: &Shape) -> Option<Value> {
    match shape.bare() {
        Shape::Struct(StructShape { default, .. }) | Shape::Enum(EnumShape { default, .. }) => {
            decoded(default.as_deref())
        }
        Shape::Unit | Shape::Option(_) | Shape::Any => Some(Value::Nil),
        Shape::Bool => Some(Value::Bool(false)),
        Shape::Int { .. } => Some(Value::Int(0)),
        Shape::Float { bits: 32 } => Some(Value::F32(0.0)),
        Shape::Float { .. } => Some(Value::F64(0.0)),
        Shape::String => Some(Value::Str(String::new())),
        Shape::Char => Some(Value::Str("\0".to_owned())),
        Shape::Seq(_) | Shape::Set(_) => Some(Value::Seq(Vec::new())),
        Shape::Map { .. } => Some(Value::Map(Vec::new())),
        Shape::Array { len, item } => {
            let len = usize::try_from(*len).ok().filter(|len| *len <= 32)?;
            Some(Value::Seq(vec![default_of(item)?; len]))
        }
        Shape::Tuple(items) => items.iter().map(default_of).collect::<Option<_>>().map(Value::Seq),
        Shape::Opaque(_) | Shape::Recurse(_) | Shape::Narrowed(_) => None,
    }
}

fn decoded(bytes: Option<&[u8]>) -> Option<Value> {
    from_bytes(bytes?).ok()
}

fn wrap(value: Value, shape: &Shape) -> Value {
    if shape.is_nullable() { Value::Seq(vec![value]) } else { value }
}

fn unwrap(value: Value, shape: &Shape) -> Value {
    match value {
        Value::Seq(mut items) if shape.is_nullable() && items.len() == 1 => items.remove(0),
        value => value,
    }
}

/// Converts between kinds without parts, where no bit is lost.
fn scalar(value: Value, to: &Shape) -> Result<Value, Value> {
    match (&value, to) {
        (Value::Int(number), Shape::Int { bits, signed }) if fits(*number, *bits, *signed) => Ok(value),
        (Value::Uint(_), Shape::Int { bits: 128, signed: false }) => Ok(value),
        (Value::Bool(bit), Shape::Int { .. }) => Ok(Value::Int((*bit).into())),
        (Value::Int(number), Shape::Float { bits }) => exact_float(*number, *bits).ok_or(value),
        (Value::F32(float), Shape::Float { bits: 64 }) => Ok(Value::F64((*float).into())),
        (Value::F64(float), Shape::Float { bits: 32 }) => {
            let narrow = *float as f32;
            if f64::from(narrow) == *float || float.is_nan() { Ok(Value::F32(narrow)) } else { Err(value) }
        }
        (Value::F32(float), Shape::Int { bits, signed }) => {
            exact_int((*float).into(), *bits, *signed).ok_or(value)
        }
        (Value::F64(float), Shape::Int { bits, signed }) => exact_int(*float, *bits, *signed).ok_or(value),
        (Value::Str(text), Shape::Char) if text.chars().count() == 1 => Ok(value),
        (Value::Str(_), Shape::String) | (Value::Bool(_), Shape::Bool) | (Value::Nil, Shape::Unit) => {
            Ok(value)
        }
        (Value::F32(_), Shape::Float { bits: 32 }) | (Value::F64(_), Shape::Float { bits: 64 }) => Ok(value),
        _ => Err(value),
    }
}

pub(super) fn fits(number: i128, bits: u8, signed: bool) -> bool {
    match (bits, signed) {
        (128, true) => true,
        (128, false) => number >= 0,
        (bits, true) => (-(1_i128 << (bits - 1))..1_i128 << (bits - 1)).contains(&number),
        (bits, false) => (0..1_i128 << bits).contains(&number),
    }
}

fn exact_float(number: i128, bits: u8) -> Option<Value> {
    let float = number as f64;
    let exact = float as i128 == number && float.abs() < 1.7e38;
    match bits {
        32 => (exact && f64::from(float as f32) == float).then_some(Value::F32(float as f32)),
        _ => exact.then_some(Value::F64(float)),
    }
}

fn exact_int(float: f64, bits: u8, signed: bool) -> Option<Value> {
    let number = float as i128;
    (float.abs() < 1.7e38 && number as f64 == float && fits(number, bits, signed))
        .then_some(Value::Int(number))
}

fn repeats(items: &[Value]) -> bool {
    let mut encoded: Vec<_> = items.iter().map(to_bytes).collect::<Result<_, _>>().unwrap_or_default();
    encoded.sort_unstable();
    encoded.windows(2).any(|pair| pair[0] == pair[1])
}

/// A value in a few words.
fn brief(value: &Value) -> String {
    match value {
        Value::Nil => "none".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::F32(value) => value.to_string(),
        Value::F64(value) => value.to_string(),
        Value::Str(text) if text.chars().count() <= 40 => format!("{text:?}"),
        Value::Str(text) => format!("{:?}..", text.chars().take(40).collect::<String>()),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Seq(items) => format!("{} items", items.len()),
        Value::Map(entries) => format!("{} entries", entries.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::VariantShape;
    use super::*;

    const I32: Shape = Shape::Int { bits: 32, signed: true };
    const I64: Shape = Shape::Int { bits: 64, signed: true };

    fn strukt(default: Option<Value>, fields: &[(&str, Shape)]) -> Shape {
        let field =
            |(name, shape): &(&str, Shape)| FieldShape { name: (*name).to_owned(), shape: shape.clone() };
        Shape::Struct(StructShape {
            name: "S".to_owned(),
            version: None,
            fields: fields.iter().map(field).collect(),
            default: default.map(|value| to_bytes(&value).expect("encodes")),
        })
    }

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(
            entries.iter().map(|(name, value)| (Value::Str((*name).to_owned()), value.clone())).collect(),
        )
    }

    fn text(text: &str) -> Value {
        Value::Str(text.to_owned())
    }

    fn done(
        value: Value,
        from: &Shape,
        to: &Shape,
        attic: &mut Attic,
    ) -> (Value, Vec<(String, FieldChange)>) {
        let nested =
            Nested { chains: Chains::default(), carry: &mut |_, _, _, _| Err("no chains".to_owned()) };
        let done = reconcile(value, from, to, attic, "1.0.0", nested).expect("reconciles");
        (done.value, done.report.into_iter().map(|touched| (touched.field, touched.what)).collect())
    }

    #[test]
    fn a_new_field_takes_the_default_of_the_widget_and_not_of_its_type() {
        let from = strukt(None, &[("n", I64)]);
        let to =
            strukt(Some(map(&[("n", Value::Int(0)), ("step", Value::Int(7))])), &[("n", I64), ("step", I64)]);
        let (value, report) = done(map(&[("n", Value::Int(3))]), &from, &to, &mut Attic::default());
        assert_eq!(value, map(&[("n", Value::Int(3)), ("step", Value::Int(7))]));
        assert_eq!(report, [("step".to_owned(), FieldChange::Defaulted)]);
    }

    #[test]
    fn a_field_that_comes_back_brings_its_value() {
        let (with, without) =
            (strukt(None, &[("n", I64), ("name", Shape::String)]), strukt(None, &[("n", I64)]));
        let mut attic = Attic::default();
        let full = map(&[("n", Value::Int(3)), ("name", text("Ada"))]);
        let (value, report) = done(full.clone(), &with, &without, &mut attic);
        assert_eq!(report, [("name".to_owned(), FieldChange::Attic)]);
        let (value, report) = done(value, &without, &with, &mut attic);
        assert_eq!((value, report), (full, vec![("name".to_owned(), FieldChange::Restored)]));
        assert!(attic.is_empty());
    }

    #[test]
    fn what_widens_or_fits_converts_and_what_does_not_goes_to_the_attic() {
        let (wide, narrow) = (strukt(None, &[("n", I64)]), strukt(None, &[("n", I32)]));
        let mut attic = Attic::default();
        let small = map(&[("n", Value::Int(5))]);
        assert_eq!(
            done(small.clone(), &narrow, &wide, &mut attic).1,
            [("n".to_owned(), FieldChange::Converted)]
        );
        assert_eq!(done(small.clone(), &wide, &narrow, &mut attic).0, small);
        let big = map(&[("n", Value::Int(1 << 40))]);
        let (value, report) = done(big.clone(), &wide, &narrow, &mut attic);
        assert_eq!(
            (value, report),
            (map(&[("n", Value::Int(0))]), vec![("n".to_owned(), FieldChange::Replaced)])
        );
        assert_eq!(attic.entries().len(), 1, "the big number waits in the attic");
    }

    #[test]
    fn options_wrap_and_unwrap() {
        let optional = |inner: Shape| Shape::Option(Box::new(inner));
        let (plain, maybe) = (strukt(None, &[("n", I64)]), strukt(None, &[("n", optional(I64))]));
        let five = map(&[("n", Value::Int(5))]);
        assert_eq!(done(five.clone(), &plain, &maybe, &mut Attic::default()).0, five);
        assert_eq!(done(five.clone(), &maybe, &plain, &mut Attic::default()).0, five);
        let twice = strukt(None, &[("n", optional(optional(I64)))]);
        let nested = map(&[("n", Value::Seq(vec![Value::Int(5)]))]);
        assert_eq!(done(five.clone(), &maybe, &twice, &mut Attic::default()).0, nested);
        assert_eq!(done(nested, &twice, &maybe, &mut Attic::default()).0, five);
    }

    #[test]
    fn elements_of_lists_are_reconciled_and_reported_once() {
        let list =
            |fields: &[(&str, Shape)]| strukt(None, &[("items", Shape::Seq(Box::new(strukt(None, fields))))]);
        let (from, to) =
            (list(&[("text", Shape::String)]), list(&[("text", Shape::String), ("done", Shape::Bool)]));
        let items = |items: Vec<Value>| map(&[("items", Value::Seq(items))]);
        let old = items(vec![map(&[("text", text("a"))]), map(&[("text", text("b"))])]);
        let new = |name| map(&[("text", text(name)), ("done", Value::Bool(false))]);
        let mut attic = Attic::default();
        let (value, report) = done(old.clone(), &from, &to, &mut attic);
        assert_eq!(value, items(vec![new("a"), new("b")]));
        assert_eq!(report, [("items[].done".to_owned(), FieldChange::Defaulted)]);
        let (value, _) = done(value, &to, &from, &mut attic);
        assert_eq!(value, old);
        assert_eq!(attic.entries()[1].path, "items[1].done");
    }

    #[test]
    fn a_variant_that_is_gone_is_replaced_and_kept() {
        let variants = |names: &[&str]| {
            let variant = |name: &&str| VariantShape { name: (*name).to_owned(), payload: Shape::Unit };
            Shape::Enum(EnumShape {
                name: "Mode".to_owned(),
                version: None,
                variants: names.iter().map(variant).collect(),
                default: to_bytes(&text(names[0])).ok(),
            })
        };
        let (from, to) =
            (strukt(None, &[("mode", variants(&["A", "B"]))]), strukt(None, &[("mode", variants(&["A"]))]));
        let mut attic = Attic::default();
        let (value, report) = done(map(&[("mode", text("B"))]), &from, &to, &mut attic);
        assert_eq!(
            (value, report),
            (map(&[("mode", text("A"))]), vec![("mode".to_owned(), FieldChange::Replaced)])
        );
        assert_eq!(attic.entries()[0].path, "mode");
    }

    #[test]
    fn a_type_that_contains_itself_is_reconciled_at_every_depth() {
        let tree = |extra: bool| {
            let mut fields = vec![("n", I64), ("children", Shape::Seq(Box::new(Shape::Recurse(0))))];
            if extra {
                fields.push(("open", Shape::Bool));
            }
            strukt(None, &fields)
        };
        let leaf = map(&[("n", Value::Int(2)), ("children", Value::Seq(vec![]))]);
        let root = map(&[("n", Value::Int(1)), ("children", Value::Seq(vec![leaf]))]);
        let (value, _) = done(root.clone(), &tree(false), &tree(true), &mut Attic::default());
        let Some(Value::Seq(children)) = value.get("children") else { panic!("children") };
        assert_eq!(children[0].get("open"), Some(&Value::Bool(false)));
        assert_eq!(done(value, &tree(true), &tree(false), &mut Attic::default()).0, root);
    }

    #[test]
    fn an_enum_that_contains_itself_in_a_struct_variant_is_reconciled_at_every_depth() {
        let tree = |extra: bool| {
            let mut fields = vec![("left", Shape::Option(Box::new(Shape::Recurse(0))))];
            if extra {
                fields.push(("open", Shape::Bool));
            }
            let Shape::Struct(mut payload) = strukt(None, &fields) else { panic!("a struct") };
            payload.name = String::new();
            let node = VariantShape { name: "Node".to_owned(), payload: Shape::Struct(payload) };
            Shape::Enum(EnumShape {
                name: "Tree".to_owned(),
                version: None,
                variants: vec![node],
                default: None,
            })
        };
        let node = |left: Value| map(&[("Node", map(&[("left", left)]))]);
        let (value, report) = done(node(node(Value::Nil)), &tree(false), &tree(true), &mut Attic::default());
        let inner = value.get("Node").and_then(|node| node.get("left")).and_then(|left| left.get("Node"));
        assert_eq!(inner.and_then(|node| node.get("open")), Some(&Value::Bool(false)));
        assert_eq!(report.len(), 2, "{report:?}");
        assert_eq!(done(value, &tree(true), &tree(false), &mut Attic::default()).0, node(node(Value::Nil)));
    }

    #[test]
    fn numbers_convert_only_when_they_stay_exact() {
        let float = Shape::Float { bits: 64 };
        assert_eq!(scalar(Value::Int(1 << 53), &float), Ok(Value::F64((1_i64 << 53) as f64)));
        assert!(scalar(Value::Int((1 << 53) + 1), &float).is_err());
        assert_eq!(scalar(Value::F64(3.0), &I64), Ok(Value::Int(3)));
        assert!(scalar(Value::F64(3.5), &I64).is_err());
        assert!(scalar(Value::F64(f64::NAN), &I64).is_err());
        assert!(scalar(Value::Int(-1), &Shape::Int { bits: 128, signed: false }).is_err());
    }
}

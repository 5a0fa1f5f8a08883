//! The state with which an instance begins: held against the shape of its widget, and completed.

use serde_json::{Map, Value};

use super::Scene;
use super::error::{SceneError, suggest};
use super::source::{Part, Path, Source, down};
use crate::state::json::{from_json, to_json};
use crate::state::shape::{EnumShape, Shape, StructShape};
use crate::state::{from_bytes, value::Value as State};

/// Adds what does not fit to `errors`, each at its place. Fields that are left out are none of it.
pub(super) fn check_state(
    state: &Map<String, Value>,
    shape: &Shape,
    path: &[String],
    source: &Source,
    errors: &mut Vec<SceneError>,
) {
    let mut reader = Reader { enclosing: Vec::new(), path: path.to_vec(), source, errors };
    reader.value(&Value::Object(state.clone()), shape, Missing::KeepsDefault);
}

/// What a field that is left out means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// It stays as in the widget's `Default`.
    KeepsDefault,
    /// It has no value, unless its type has a default: there is none around it in a list.
    HasNone,
}

struct Reader<'a> {
    enclosing: Vec<&'a Shape>,
    path: Path,
    source: &'a Source,
    errors: &'a mut Vec<SceneError>,
}

impl<'a> Reader<'a> {
    fn value(&mut self, value: &Value, shape: &'a Shape, missing: Missing) {
        match (shape, value) {
            (Shape::Recurse(levels), value) => {
                let Some(at) = self.enclosing.len().checked_sub(1 + *levels as usize) else { return };
                let inner = self.enclosing.split_off(at);
                self.value(value, inner[0], missing);
                self.enclosing.extend(inner);
            }
            (Shape::Struct(of), Value::Object(fields)) => {
                self.enclosing.push(shape);
                self.fields(fields, of, missing);
                self.enclosing.pop();
            }
            (Shape::Enum(of), value) => {
                self.enclosing.push(shape);
                self.variant(value, of);
                self.enclosing.pop();
            }
            (Shape::Option(inner), Value::Array(items)) if inner.is_nullable() && items.len() == 1 => {
                self.at("0", |reader| reader.value(&items[0], inner, Missing::HasNone));
            }
            (Shape::Option(inner), value) if !inner.is_nullable() => {
                self.value(value, inner, Missing::HasNone);
            }
            (Shape::Seq(item) | Shape::Set(item), Value::Array(items)) => {
                self.items(items, |_| item);
            }
            (Shape::Array { len, item }, Value::Array(items)) if items.len() as u64 == *len => {
                self.items(items, |_| item);
            }
            (Shape::Tuple(shapes), Value::Array(items)) if items.len() == shapes.len() => {
                self.items(items, |index| &shapes[index]);
            }
            (Shape::Map { value: shape, .. }, Value::Object(entries)) => {
                for (key, value) in entries {
                    self.at(key, |reader| reader.value(value, shape, Missing::HasNone));
                }
            }
            (shape, value) => self.leaf(value, shape),
        }
    }

    fn items(&mut self, items: &[Value], shape: impl Fn(usize) -> &'a Shape) {
        for (index, item) in items.iter().enumerate() {
            self.at(&index.to_string(), |reader| reader.value(item, shape(index), Missing::HasNone));
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>, of: &'a StructShape, missing: Missing) {
        for (name, value) in fields {
            match of.fields.iter().find(|field| field.name == *name) {
                Some(field) => self.at(name, |reader| reader.value(value, &field.shape, missing)),
                None => {
                    let what = if of.name.is_empty() { "this".to_owned() } else { format!("`{}`", of.name) };
                    let help = suggest(name, of.fields.iter().map(|field| field.name.as_str()));
                    let path = down(&self.path, name);
                    self.error(&path, Part::Key, format!("{what} has no field `{name}`"), Some(help));
                }
            }
        }
        let needed = of.fields.iter().filter(|field| {
            missing == Missing::HasNone && of.default.is_none() && !matches!(field.shape, Shape::Option(_))
        });
        let absent: Vec<_> =
            needed.filter(|field| !fields.contains_key(&field.name)).map(|field| &field.name).collect();
        if let [first, ..] = absent.as_slice() {
            let help = format!("add `{first} = ..`");
            let path = self.path.clone();
            self.error(&path, Part::Value, format!("the field `{first}` is missing"), Some(help));
        }
    }

    fn variant(&mut self, value: &Value, of: &'a EnumShape) {
        let names = || of.variants.iter().map(|variant| variant.name.as_str());
        let (name, payload) = match value {
            Value::String(name) => (name, None),
            Value::Object(object) if object.len() == 1 => match object.iter().next() {
                Some((name, payload)) => (name, Some(payload)),
                None => return,
            },
            _ => {
                let reason =
                    format!("this must be a variant of `{}`: `\"Name\"`, or `{{ Name = .. }}`", of.name);
                let path = self.path.clone();
                return self.error(&path, Part::Value, reason, Some(suggest("", names())));
            }
        };
        let path = self.path.clone();
        match (of.variant(name), payload) {
            (Some(Shape::Unit), None) => {}
            (Some(Shape::Unit), Some(_)) => {
                let reason = format!("the variant `{name}` carries nothing");
                self.error(&path, Part::Value, reason, Some(format!("write `\"{name}\"`")));
            }
            (Some(_), None) => {
                let reason = format!("the variant `{name}` carries something");
                self.error(&path, Part::Value, reason, Some(format!("write `{{ {name} = .. }}`")));
            }
            (Some(shape), Some(payload)) => self.at(name, |reader| match (shape, payload) {
                // A struct variant is no type of its own, so recursive shapes do not count it.
                (Shape::Struct(of), Value::Object(fields)) if of.name.is_empty() => {
                    reader.fields(fields, of, Missing::HasNone);
                }
                (shape, payload) => reader.value(payload, shape, Missing::HasNone),
            }),
            (None, _) => {
                let reason = format!("`{}` has no variant `{name}`", of.name);
                self.error(&path, Part::Value, reason, Some(suggest(name, names())));
            }
        }
    }

    fn leaf(&mut self, value: &Value, shape: &Shape) {
        if let Err(mismatch) = from_json(value, shape) {
            let written = self.source.written(&self.path).lines().next().unwrap_or_default();
            let reason = match written {
                "" => mismatch.to_string(),
                written => format!("this must be `{shape}`, and is `{written}`"),
            };
            let path = self.path.clone();
            self.error(&path, Part::Value, reason, None);
        }
    }

    fn at(&mut self, step: &str, read: impl FnOnce(&mut Self)) {
        self.path.push(step.to_owned());
        read(self);
        self.path.pop();
    }

    fn error(&mut self, path: &[String], part: Part, reason: String, help: Option<String>) {
        self.errors.push(self.source.error(path, part, reason, help));
    }
}

impl Scene {
    /// The whole state of an instance: what is said of it, and for the rest, field by field, `default`.
    ///
    /// Inside of lists, maps and options there is no default around a field: what is left out there is `null`, or as
    /// in the `Default` of its own type.
    #[must_use]
    pub fn complete(state: &Map<String, Value>, default: &Value, shape: &Shape) -> Value {
        Filler { enclosing: Vec::new() }.value(&Value::Object(state.clone()), Some(default), shape)
    }
}

struct Filler<'a> {
    enclosing: Vec<&'a Shape>,
}

impl<'a> Filler<'a> {
    fn value(&mut self, value: &Value, default: Option<&Value>, shape: &'a Shape) -> Value {
        match (shape, value) {
            (Shape::Recurse(levels), value) => {
                let Some(at) = self.enclosing.len().checked_sub(1 + *levels as usize) else {
                    return value.clone();
                };
                let inner = self.enclosing.split_off(at);
                let filled = self.value(value, default, inner[0]);
                self.enclosing.extend(inner);
                filled
            }
            (Shape::Struct(of), Value::Object(fields)) => {
                let own = default.is_none().then(|| own_default(of, shape)).flatten();
                self.enclosing.push(shape);
                let filled = self.fields(fields, default.or(own.as_ref()), of);
                self.enclosing.pop();
                filled
            }
            (Shape::Enum(of), Value::Object(object)) => {
                self.enclosing.push(shape);
                let payload = |(name, payload): (&String, &Value)| {
                    let filled = match (of.variant(name), payload) {
                        (Some(Shape::Struct(of)), Value::Object(fields)) if of.name.is_empty() => {
                            self.fields(fields, None, of)
                        }
                        (Some(shape), payload) => self.value(payload, None, shape),
                        (None, payload) => payload.clone(),
                    };
                    (name.clone(), filled)
                };
                let filled = object.iter().map(payload).collect();
                self.enclosing.pop();
                Value::Object(filled)
            }
            (Shape::Option(inner), Value::Array(items)) if inner.is_nullable() => {
                Value::Array(items.iter().map(|item| self.value(item, None, inner)).collect())
            }
            (Shape::Option(inner), value) => self.value(value, None, inner),
            (Shape::Seq(item) | Shape::Set(item) | Shape::Array { item, .. }, Value::Array(items)) => {
                Value::Array(items.iter().map(|value| self.value(value, None, item)).collect())
            }
            (Shape::Tuple(shapes), Value::Array(items)) => Value::Array(
                items.iter().zip(shapes).map(|(value, shape)| self.value(value, None, shape)).collect(),
            ),
            (Shape::Map { value: shape, .. }, Value::Object(entries)) => Value::Object(
                entries.iter().map(|(key, value)| (key.clone(), self.value(value, None, shape))).collect(),
            ),
            (_, value) => value.clone(),
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>, default: Option<&Value>, of: &'a StructShape) -> Value {
        let field = |field: &'a crate::state::shape::FieldShape| {
            let default = default.and_then(|default| default.get(&field.name));
            let filled = match (fields.get(&field.name), default) {
                (Some(value), default) => self.value(value, default, &field.shape),
                (None, Some(default)) => default.clone(),
                (None, None) => Value::Null,
            };
            (field.name.clone(), filled)
        };
        Value::Object(of.fields.iter().map(field).collect())
    }
}

/// The `Default` of a type, where it has one.
fn own_default(of: &StructShape, shape: &Shape) -> Option<Value> {
    let state: State = from_bytes(of.default.as_ref()?).ok()?;
    Some(to_json(&state, shape))
}

//! State as people read and write it. Guided by the shape, because JSON has fewer kinds than Rust.
//!
//! | shape | JSON |
//! |---|---|
//! | integers | number; text when it does not fit in 64 bits |
//! | floats | number; `"NaN"`, `"inf"`, `"-inf"` |
//! | maps | object when the keys are text, characters, numbers or truth values, else a list of pairs |
//! | enums | `"Name"`, or `{"Name": payload}` |
//! | `Option<T>` | `null` or `T`; `[T]` when `T` itself can be `null` |

use serde_json::{Map, Number, Value as Json};

use super::reconcile::Mismatch;
use super::shape::{FieldShape, Shape, StructShape};
use super::value::Value;

/// Renders a value.
#[must_use]
pub fn to_json(value: &Value, shape: &Shape) -> Json {
    Writer { enclosing: Vec::new() }.json(value, shape)
}

/// Reads a value of that shape.
///
/// # Errors
///
/// When the JSON is of another shape; says where and what was expected.
pub fn from_json(json: &Json, shape: &Shape) -> Result<Value, Mismatch> {
    Reader { enclosing: Vec::new(), path: String::new() }.value(json, shape)
}

struct Writer<'a> {
    enclosing: Vec<&'a Shape>,
}

impl<'a> Writer<'a> {
    fn json(&mut self, value: &Value, shape: &'a Shape) -> Json {
        let shape = shape.bare();
        match (value, shape) {
            (value, Shape::Recurse(levels)) => {
                let Some(at) = self.enclosing.len().checked_sub(1 + *levels as usize) else {
                    return plain(value);
                };
                let inner = self.enclosing.split_off(at);
                let json = self.json(value, inner[0]);
                self.enclosing.extend(inner);
                json
            }
            (Value::Nil, _) => Json::Null,
            (Value::Seq(items), Shape::Option(inner)) if inner.is_nullable() => {
                Json::Array(items.iter().map(|item| self.json(item, inner)).collect())
            }
            (value, Shape::Option(inner)) => self.json(value, inner),
            (Value::Seq(items), Shape::Seq(item) | Shape::Set(item) | Shape::Array { item, .. }) => {
                Json::Array(items.iter().map(|value| self.json(value, item)).collect())
            }
            (Value::Seq(items), Shape::Tuple(shapes)) => {
                Json::Array(items.iter().zip(shapes).map(|(value, shape)| self.json(value, shape)).collect())
            }
            (Value::Map(entries), Shape::Struct(of)) => {
                self.inside(shape, |writer| writer.fields(entries, of))
            }
            (Value::Map(entries), Shape::Enum(of)) => self.inside(shape, |writer| {
                let variant = |(key, value): &(Value, Value)| {
                    let name = key.as_str()?;
                    let json = match (value, of.variant(name)) {
                        // A struct variant is no type of its own, so recursive shapes do not count it.
                        (Value::Map(fields), Some(Shape::Struct(of))) if of.name.is_empty() => {
                            writer.fields(fields, of)
                        }
                        (value, Some(shape)) => writer.json(value, shape),
                        (value, None) => plain(value),
                    };
                    Some((name.to_owned(), json))
                };
                Json::Object(entries.iter().filter_map(variant).collect())
            }),
            (Value::Map(entries), Shape::Map { key, value }) => self.map(entries, key, value),
            (value, _) => plain(value),
        }
    }

    fn fields(&mut self, entries: &[(Value, Value)], of: &'a StructShape) -> Json {
        let field = |(key, value): &(Value, Value)| {
            let name = key.as_str()?;
            let json = of.field(name).map_or_else(|| plain(value), |shape| self.json(value, shape));
            Some((name.to_owned(), json))
        };
        Json::Object(entries.iter().filter_map(field).collect())
    }

    fn map(&mut self, entries: &[(Value, Value)], key: &'a Shape, value: &'a Shape) -> Json {
        if has_text_form(key) {
            let mut object = Map::new();
            for (k, v) in entries {
                let k = match plain(k) {
                    Json::String(text) => text,
                    other => other.to_string(),
                };
                object.insert(k, self.json(v, value));
            }
            return Json::Object(object);
        }
        Json::Array(
            entries.iter().map(|(k, v)| Json::Array(vec![self.json(k, key), self.json(v, value)])).collect(),
        )
    }

    fn inside(&mut self, shape: &'a Shape, write: impl FnOnce(&mut Self) -> Json) -> Json {
        self.enclosing.push(shape);
        let json = write(self);
        self.enclosing.pop();
        json
    }
}

/// A value without its shape.
fn plain(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
            (Ok(value), _) => Json::from(value),
            (_, Ok(value)) => Json::from(value),
            _ => Json::from(value.to_string()),
        },
        Value::Uint(value) => Json::from(value.to_string()),
        // Through its shortest text: 0.1_f32 is 0.1, not 0.10000000149011612.
        Value::F32(value) => float(value.to_string().parse().unwrap_or_else(|_| f64::from(*value))),
        Value::F64(value) => float(*value),
        Value::Str(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(bytes.as_slice()),
        Value::Seq(items) => Json::Array(items.iter().map(plain).collect()),
        Value::Map(entries) if entries.iter().all(|(key, _)| key.as_str().is_some()) => {
            let entry = |(key, value): &(Value, Value)| Some((key.as_str()?.to_owned(), plain(value)));
            Json::Object(entries.iter().filter_map(entry).collect())
        }
        Value::Map(entries) => Json::Array(
            entries.iter().map(|(key, value)| Json::Array(vec![plain(key), plain(value)])).collect(),
        ),
    }
}

fn float(value: f64) -> Json {
    Number::from_f64(value).map_or_else(|| Json::from(value.to_string()), Json::Number)
}

/// Whether keys of this shape can be the names of an object.
fn has_text_form(key: &Shape) -> bool {
    match key.bare() {
        Shape::String | Shape::Char | Shape::Bool | Shape::Int { .. } => true,
        Shape::Enum(shape) => shape.variants.iter().all(|variant| matches!(variant.payload, Shape::Unit)),
        _ => false,
    }
}

struct Reader<'a> {
    enclosing: Vec<&'a Shape>,
    path: String,
}

impl<'a> Reader<'a> {
    fn value(&mut self, json: &Json, shape: &'a Shape) -> Result<Value, Mismatch> {
        let shape = shape.bare();
        match shape {
            Shape::Recurse(levels) => {
                let Some(at) = self.enclosing.len().checked_sub(1 + *levels as usize) else {
                    return self.mismatch("the shape refers to a type around the state");
                };
                let inner = self.enclosing.split_off(at);
                let value = self.value(json, inner[0]);
                self.enclosing.extend(inner);
                value
            }
            Shape::Unit if json.is_null() => Ok(Value::Nil),
            Shape::Any | Shape::Opaque(_) => Ok(untyped(json)),
            Shape::Bool => self.some(json.as_bool().map(Value::Bool), shape, json),
            Shape::Int { bits, signed } => self.some(integer(json, *bits, *signed), shape, json),
            Shape::Float { bits } => self.some(
                number(json).map(|value| match bits {
                    32 => Value::F32(value as f32),
                    _ => Value::F64(value),
                }),
                shape,
                json,
            ),
            Shape::Char => {
                let one = json.as_str().filter(|text| text.chars().count() == 1);
                self.some(one.map(|text| Value::Str(text.to_owned())), shape, json)
            }
            Shape::String => self.some(json.as_str().map(|text| Value::Str(text.to_owned())), shape, json),
            Shape::Option(_) if json.is_null() => Ok(Value::Nil),
            Shape::Option(inner) if inner.is_nullable() => match json.as_array().map(Vec::as_slice) {
                Some([json]) => Ok(Value::Seq(vec![self.value(json, inner)?])),
                _ => self
                    .mismatch(format!("expected `null` or a list of one `{inner}`, found {}", brief(json))),
            },
            Shape::Option(inner) => self.value(json, inner),
            Shape::Seq(item) | Shape::Set(item) => self.list(json, shape, None, |_| item),
            Shape::Array { len, item } => self.list(json, shape, usize::try_from(*len).ok(), |_| item),
            Shape::Tuple(items) => self.list(json, shape, Some(items.len()), |index| &items[index]),
            Shape::Map { key, value } => self.map(json, shape, key, value),
            Shape::Struct(of) => self.inside(shape, |reader| reader.fields(json, shape, &of.fields)),
            Shape::Enum(_) => self.inside(shape, |reader| reader.variant(json, shape)),
            Shape::Unit | Shape::Narrowed(_) => self.some(None, shape, json),
        }
    }

    fn list(
        &mut self,
        json: &Json,
        shape: &Shape,
        len: Option<usize>,
        item: impl Fn(usize) -> &'a Shape,
    ) -> Result<Value, Mismatch> {
        let Some(items) = json.as_array().filter(|items| len.is_none_or(|len| items.len() == len)) else {
            return self.some(None, shape, json);
        };
        let read = |(index, json)| self.at(&format!("[{index}]"), |reader| reader.value(json, item(index)));
        items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Value::Seq)
    }

    fn map(
        &mut self,
        json: &Json,
        shape: &Shape,
        key: &'a Shape,
        value: &'a Shape,
    ) -> Result<Value, Mismatch> {
        let mut entries = Vec::new();
        match json {
            Json::Object(object) if has_text_form(key) => {
                for (name, json) in object {
                    // `"1"` names the number 1 unless the keys are text.
                    let bare = serde_json::from_str(name)
                        .ok()
                        .filter(|_| !matches!(key, Shape::String | Shape::Char));
                    let name_json = bare.unwrap_or_else(|| Json::from(name.as_str()));
                    entries.push(self.at(name, |reader| {
                        Ok((reader.value(&name_json, key)?, reader.value(json, value)?))
                    })?);
                }
            }
            Json::Array(pairs) if !has_text_form(key) => {
                for (index, pair) in pairs.iter().enumerate() {
                    let [k, v] = pair.as_array().map_or(&[][..], Vec::as_slice) else {
                        return self.mismatch(format!("expected a pair at [{index}]"));
                    };
                    let read = |reader: &mut Self| Ok((reader.value(k, key)?, reader.value(v, value)?));
                    entries.push(self.at(&format!("[{index}]"), read)?);
                }
            }
            _ => return self.some(None, shape, json),
        }
        Ok(Value::Map(entries))
    }

    fn fields(&mut self, json: &Json, shape: &Shape, fields: &'a [FieldShape]) -> Result<Value, Mismatch> {
        let Some(object) = json.as_object() else { return self.some(None, shape, json) };
        if let Some(unknown) = object.keys().find(|name| fields.iter().all(|field| field.name != **name)) {
            let known: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
            return self.mismatch(format!("unknown field `{unknown}`; there are {}", known.join(", ")));
        }
        let mut entries = Vec::with_capacity(fields.len());
        for field in fields {
            let Some(json) = object.get(&field.name) else {
                return self.mismatch(format!("field `{}` is missing", field.name));
            };
            let value = self.at(&field.name, |reader| reader.value(json, &field.shape))?;
            entries.push((Value::Str(field.name.clone()), value));
        }
        Ok(Value::Map(entries))
    }

    fn variant(&mut self, json: &Json, shape: &'a Shape) -> Result<Value, Mismatch> {
        let Shape::Enum(of) = shape else { return self.some(None, shape, json) };
        let (name, payload) = match json {
            Json::String(name) => (name, None),
            Json::Object(object) if object.len() == 1 => match object.iter().next() {
                Some((name, payload)) => (name, Some(payload)),
                None => return self.some(None, shape, json),
            },
            _ => return self.some(None, shape, json),
        };
        match (of.variant(name), payload) {
            (Some(Shape::Unit), None) => Ok(Value::Str(name.clone())),
            (Some(Shape::Unit), Some(_)) => {
                self.mismatch(format!("variant `{name}` carries nothing: write {name:?}"))
            }
            (Some(inner), Some(json)) => {
                let payload = self.at(name, |reader| match inner {
                    // A struct variant is no type of its own, so recursive shapes do not count it.
                    Shape::Struct(of) if of.name.is_empty() => reader.fields(json, inner, &of.fields),
                    inner => reader.value(json, inner),
                })?;
                Ok(Value::Map(vec![(Value::Str(name.clone()), payload)]))
            }
            (Some(_), None) => {
                self.mismatch(format!("variant `{name}` carries something: write {{{name:?}: ..}}"))
            }
            (None, _) => {
                let known: Vec<_> = of.variants.iter().map(|variant| format!("`{}`", variant.name)).collect();
                self.mismatch(format!("unknown variant `{name}`; there are {}", known.join(", ")))
            }
        }
    }

    fn inside<T>(&mut self, shape: &'a Shape, read: impl FnOnce(&mut Self) -> T) -> T {
        self.enclosing.push(shape);
        let result = read(self);
        self.enclosing.pop();
        result
    }

    fn at<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let len = self.path.len();
        if len > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        let result = read(self);
        self.path.truncate(len);
        result
    }

    fn some(&self, value: Option<Value>, shape: &Shape, json: &Json) -> Result<Value, Mismatch> {
        value.map_or_else(|| self.mismatch(format!("expected `{shape}`, found {}", brief(json))), Ok)
    }

    fn mismatch(&self, reason: impl Into<String>) -> Result<Value, Mismatch> {
        Err(Mismatch { field: self.path.clone(), reason: reason.into(), is_final: false })
    }
}

fn integer(json: &Json, bits: u8, signed: bool) -> Option<Value> {
    let value: i128 = match json {
        Json::Number(number) => number.to_string().parse().ok()?,
        Json::String(text) => match text.parse() {
            Ok(value) => value,
            Err(_) if bits == 128 && !signed => return text.parse().ok().map(Value::Uint),
            Err(_) => return None,
        },
        _ => return None,
    };
    super::reconcile::fits(value, bits, signed).then_some(Value::Int(value))
}

fn number(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) if matches!(text.as_str(), "NaN" | "inf" | "-inf") => text.parse().ok(),
        _ => None,
    }
}

fn untyped(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.to_string().parse() {
            Ok(integer) => Value::Int(integer),
            Err(_) => Value::F64(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Str(text.clone()),
        Json::Array(items) => Value::Seq(items.iter().map(untyped).collect()),
        Json::Object(object) => {
            Value::Map(object.iter().map(|(name, json)| (Value::Str(name.clone()), untyped(json))).collect())
        }
    }
}

/// JSON in a few words.
fn brief(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(40) {
        None => text,
        Some((cut, _)) => format!("{}..", &text[..cut]),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::{State, from_bytes, shape_of, to_bytes};
    use super::*;

    /// What people see of a value; what they write back is the same value.
    fn round_trip<T: State + PartialEq + std::fmt::Debug>(value: T) -> Json {
        let encoded = from_bytes(&to_bytes(&value).expect("encodes")).expect("decodes");
        let shape = shape_of::<T>();
        let json = to_json(&encoded, &shape);
        let read = from_json(&json, &shape).expect("reads");
        assert_eq!(from_bytes::<T>(&to_bytes(&read).expect("encodes")).expect("fits"), value, "{json}");
        json
    }

    #[test]
    fn every_kind_can_be_written_and_read() {
        assert_eq!(round_trip((1_u8, -2_i64, u64::MAX, 0.1_f32)), json!([1, -2, u64::MAX, 0.1]));
        assert_eq!(round_trip((i128::MIN, u128::MAX)), json!([i128::MIN.to_string(), u128::MAX.to_string()]));
        assert_eq!(round_trip((f64::INFINITY, f32::NEG_INFINITY)), json!(["inf", "-inf"]));
        assert_eq!(round_trip(vec![1_u8, 255]), json!([1, 255]));
        assert_eq!(round_trip(BTreeMap::from([(1_u32, 'a'), (20, 'b')])), json!({"1": "a", "20": "b"}));
        assert_eq!(round_trip(BTreeMap::from([("1".to_owned(), true)])), json!({"1": true}));
        assert_eq!(round_trip(BTreeMap::from([((1_u8, 2_u8), ())])), json!([[[1, 2], null]]));
        assert_eq!(round_trip(vec![None, Some(None), Some(Some(3_i8))]), json!([null, [null], [3]]));
        assert_eq!(round_trip::<Result<u8, String>>(Err("no".to_owned())), json!({"Err": "no"}));
    }

    #[test]
    fn what_does_not_fit_says_where_and_what_is_expected() {
        let read = |json: Json| {
            from_json(&json, &shape_of::<Vec<(u8, String)>>()).expect_err("does not fit").to_string()
        };
        assert_eq!(read(json!([[1, "a"], [300, "b"]])), "[1][0]: expected `u8`, found 300");
        assert_eq!(read(json!({"a": 1})), "expected `Vec<(u8, String)>`, found {\"a\":1}");
        assert_eq!(read(json!([[1]])), "[0]: expected `(u8, String)`, found [1]");
    }
}

//! Values as they are written in Rust, where that is plain.

use shrine::state::from_bytes;
use shrine::state::shape::Shape;
use shrine::state::value::Value;

/// What the `Default` of a struct gives to a field, if it is a number, a truth value, a character, a text or `None`.
pub(super) fn default_of(shape: &Shape, field: &str) -> Option<String> {
    let Shape::Struct(shape) = shape else { return None };
    let default: Value = from_bytes(shape.default.as_deref()?).ok()?;
    written(default.get(field)?, shape.field(field)?)
}

fn written(value: &Value, shape: &Shape) -> Option<String> {
    match (value, shape) {
        (Value::Bool(value), Shape::Bool) => Some(value.to_string()),
        (Value::Int(value), Shape::Int { .. }) => Some(value.to_string()),
        (Value::Uint(value), Shape::Int { .. }) => Some(value.to_string()),
        (Value::F32(value), Shape::Float { .. }) if value.is_finite() => Some(format!("{value:?}")),
        (Value::F64(value), Shape::Float { .. }) if value.is_finite() => Some(format!("{value:?}")),
        (Value::Str(text), Shape::Char) => Some(format!("{:?}", text.chars().next()?)),
        (Value::Str(text), Shape::String) if text.is_empty() => Some("String::new()".to_owned()),
        (Value::Str(text), Shape::String) => Some(format!("{text:?}.to_owned()")),
        (Value::Nil, Shape::Option(_)) => Some("None".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrine::state::shape::{FieldShape, StructShape};
    use shrine::state::to_bytes;

    #[test]
    fn only_what_is_plain_is_written() {
        let fields = [
            ("on", Value::Bool(true), Shape::Bool, Some("true")),
            ("n", Value::Int(-3), Shape::Int { bits: 8, signed: true }, Some("-3")),
            ("f", Value::F64(1.0), Shape::Float { bits: 64 }, Some("1.0")),
            ("nan", Value::F64(f64::NAN), Shape::Float { bits: 64 }, None),
            ("c", Value::Str("'".into()), Shape::Char, Some("'\\''")),
            ("empty", Value::Str(String::new()), Shape::String, Some("String::new()")),
            ("text", Value::Str("a\"b".into()), Shape::String, Some("\"a\\\"b\".to_owned()")),
            ("none", Value::Nil, Shape::Option(Box::new(Shape::Bool)), Some("None")),
            ("list", Value::Seq(vec![]), Shape::Seq(Box::new(Shape::Bool)), None),
        ];
        let entries = fields.iter().map(|(name, value, ..)| (Value::Str((*name).to_owned()), value.clone()));
        let default = to_bytes(&Value::Map(entries.collect())).ok();
        let field = |(name, _, shape, _): &(&str, Value, Shape, Option<&str>)| FieldShape {
            name: (*name).to_owned(),
            shape: shape.clone(),
        };
        let shape = Shape::Struct(StructShape {
            name: "S".to_owned(),
            version: None,
            fields: fields.iter().map(field).collect(),
            default,
        });
        for (name, _, _, expected) in &fields {
            assert_eq!(default_of(&shape, name).as_deref(), *expected, "{name}");
        }
        assert_eq!(default_of(&shape, "other"), None);
    }
}

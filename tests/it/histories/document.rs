//! Documents that were not written by shrine, read by the shape of a state.

use serde_json::{Map, Value as Json};
use shrine::State;
use shrine::state::json::{from_json, to_json};
use shrine::state::shape::{FieldShape, Shape};
use shrine::state::{from_bytes, shape_of, to_bytes};

/// Reads a document: camel case is snake case, what is left out is empty, lists of lines are text, and a variant is
/// named by a field `.._type` or known by what it carries. Panics where a field is unknown.
pub(super) fn read<T: State>(document: &Json) -> T {
    let shape = shape_of::<T>();
    let value = from_json(&adapted(document, &shape, &[]), &shape).unwrap_or_else(|error| panic!("{error}"));
    from_bytes(&to_bytes(&value).unwrap()).unwrap()
}

/// A state as JSON, to compare it.
pub(super) fn show<T: State>(state: &T) -> String {
    let value = from_bytes(&to_bytes(state).unwrap()).unwrap();
    serde_json::to_string_pretty(&to_json(&value, &shape_of::<T>())).unwrap()
}

/// `within` are the structs and enums around the place, the outermost first.
fn adapted(json: &Json, shape: &Shape, within: &[&Shape]) -> Json {
    // What a variant carries has no name and is no level of its own.
    let is_level = !matches!(shape, Shape::Struct(of) if of.name.is_empty());
    let inside = if is_level { [within, &[shape]].concat() } else { within.to_vec() };
    match (json, shape) {
        (json, Shape::Recurse(levels)) => {
            let at = within.len().checked_sub(1 + *levels as usize);
            at.map_or_else(|| json.clone(), |at| adapted(json, within[at], &within[..at]))
        }
        (Json::Null, Shape::Option(_)) => Json::Null,
        (json, Shape::Option(inner)) => adapted(json, inner, within),
        (Json::Null, Shape::Seq(_)) => Json::Array(Vec::new()),
        (Json::Null, Shape::Map { .. }) => Json::Object(Map::new()),
        (Json::Array(items), Shape::Seq(item)) => {
            items.iter().map(|json| adapted(json, item, within)).collect()
        }
        (Json::Array(lines), Shape::String) => {
            lines.iter().filter_map(Json::as_str).collect::<String>().into()
        }
        (Json::Object(object), Shape::Map { value, .. }) => {
            let entry = |(key, json): (&String, &Json)| (key.clone(), adapted(json, value, within));
            Json::Object(object.iter().map(entry).collect())
        }
        (Json::Object(object), Shape::Struct(of)) => fields(object.clone(), &of.fields, &inside),
        (json, Shape::Enum(of)) => {
            let name = json.as_object().and_then(tag).map(|(_, name)| name);
            let variant = of.variants.iter().find(|variant| match &name {
                Some(name) => variant.name == *name,
                None => from_json(&adapted(json, &variant.payload, &inside), &variant.payload).is_ok(),
            });
            let Some(variant) = variant else { return json.clone() };
            let mut payload = json.clone();
            if let Some(object) = payload.as_object_mut()
                && let Some((field, _)) = tag(object)
            {
                object.remove(&field);
            }
            Json::Object(
                [(variant.name.clone(), adapted(&payload, &variant.payload, &inside))].into_iter().collect(),
            )
        }
        (json, _) => json.clone(),
    }
}

fn fields(mut object: Map<String, Json>, fields: &[FieldShape], within: &[&Shape]) -> Json {
    let mut adapted_fields = Map::new();
    for field in fields {
        let given = object.remove(&field.name).or_else(|| object.remove(&camel(&field.name, false)));
        adapted_fields.insert(field.name.clone(), adapted(&given.unwrap_or_default(), &field.shape, within));
    }
    adapted_fields.extend(object);
    Json::Object(adapted_fields)
}

/// The field that names the variant, and the variant.
fn tag(object: &Map<String, Json>) -> Option<(String, String)> {
    let (field, name) = object.iter().find(|(field, _)| field.ends_with("_type"))?;
    Some((field.clone(), camel(name.as_str()?, true)))
}

fn camel(snake: &str, first: bool) -> String {
    let mut upper = first;
    let mut text = String::new();
    for char in snake.chars() {
        match char {
            '_' => upper = true,
            _ if std::mem::take(&mut upper) => text.extend(char.to_uppercase()),
            _ => text.push(char),
        }
    }
    text
}

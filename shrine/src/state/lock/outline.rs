//! Shapes as `shrine.lock` has them: one line for each field or variant, the same whatever the order in the source.

use crate::state::shape::{EnumShape, FieldShape, Shape, StructShape, VariantShape};

/// A struct or enum inside of a shape.
#[derive(Debug)]
pub struct Nested<'a> {
    /// Its name in the source, also that of an older version.
    pub name: &'a str,
    /// The version that it declares.
    pub version: Option<&'a str>,
    /// Its shape.
    pub shape: &'a Shape,
}

/// The lines of a type: its fields (`count: i64`) or variants (`Active { since: u64 }`), sorted. What is neither struct
/// nor enum is one line. A nested type with a version is named by it (`Item@2`), all others are spelt out.
#[must_use]
pub fn lines(shape: &Shape) -> Vec<String> {
    match shape {
        Shape::Struct(shape) => {
            fields(&shape.fields).iter().map(|(name, ty)| format!("{name}: {ty}")).collect()
        }
        Shape::Enum(shape) => variants(&shape.variants),
        other => vec![text(other)],
    }
}

/// The name that a line is about.
#[must_use]
pub fn name(line: &str) -> &str {
    split(line).0
}

/// The name that a line is about, and what it says of it.
#[must_use]
pub fn split(line: &str) -> (&str, &str) {
    let end = line.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    (name, rest.trim_start_matches(':').trim())
}

/// The fields of a struct with their types, in the order of their names.
fn fields(fields: &[FieldShape]) -> Vec<(String, String)> {
    let mut fields: Vec<_> = fields.iter().map(|field| (field.name.clone(), text(&field.shape))).collect();
    fields.sort();
    fields
}

fn variants(variants: &[VariantShape]) -> Vec<String> {
    let variant = |variant: &VariantShape| match &variant.payload {
        Shape::Unit => variant.name.clone(),
        Shape::Struct(shape) if shape.name.is_empty() => {
            format!("{} {}", variant.name, body(&fields(&shape.fields)))
        }
        Shape::Tuple(_) => format!("{}{}", variant.name, text(&variant.payload)),
        payload => format!("{}({})", variant.name, text(payload)),
    };
    let mut variants: Vec<_> = variants.iter().map(variant).collect();
    variants.sort();
    variants
}

fn body(fields: &[(String, String)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

/// A type in one line: what has a version is named by it, everything else is spelt out.
fn text(shape: &Shape) -> String {
    match shape {
        Shape::Option(item) => format!("Option<{}>", text(item)),
        Shape::Seq(item) => format!("Vec<{}>", text(item)),
        Shape::Set(item) => format!("BTreeSet<{}>", text(item)),
        Shape::Array { len, item } => format!("[{}; {len}]", text(item)),
        Shape::Map { key, value } => format!("BTreeMap<{}, {}>", text(key), text(value)),
        Shape::Tuple(items) => match items.as_slice() {
            [item] => format!("({},)", text(item)),
            items => format!("({})", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        },
        Shape::Struct(StructShape { name, version: Some(version), .. })
        | Shape::Enum(EnumShape { name, version: Some(version), .. }) => {
            format!("{}@{version}", base(name, version))
        }
        Shape::Struct(StructShape { name, fields: members, .. }) => {
            format!("{name} {}", body(&fields(members)))
        }
        Shape::Enum(EnumShape { name, variants: members, .. }) => {
            format!("{name} {{ {} }}", variants(members).join(", "))
        }
        Shape::Recurse(0) => "Self".to_owned(),
        Shape::Recurse(levels) => format!("Self^{levels}"),
        other => other.to_string(),
    }
}

/// The name of a nested type in its source: its older versions are called after theirs, as `ItemV1`.
fn base<'a>(name: &'a str, version: &str) -> &'a str {
    name.strip_suffix(&suffix(version)).filter(|base| !base.is_empty()).unwrap_or(name)
}

/// What the macro adds to the name of a type for one of its older versions.
fn suffix(version: &str) -> String {
    format!("V{}", version.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_"))
}

/// The structs and enums inside of a shape, those with the deepest after what contains them.
#[must_use]
pub fn nested(shape: &Shape) -> Vec<Nested<'_>> {
    let mut found = Vec::new();
    inside(shape, &mut found);
    found
}

/// Appends what is inside of a shape.
fn inside<'a>(shape: &'a Shape, found: &mut Vec<Nested<'a>>) {
    match shape {
        Shape::Option(item) | Shape::Seq(item) | Shape::Set(item) | Shape::Array { item, .. } => {
            visit(item, found);
        }
        Shape::Map { key, value } => [key, value].into_iter().for_each(|shape| visit(shape, found)),
        Shape::Tuple(items) => items.iter().for_each(|shape| visit(shape, found)),
        Shape::Struct(of) => of.fields.iter().for_each(|field| visit(&field.shape, found)),
        Shape::Enum(of) => of.variants.iter().for_each(|variant| visit(&variant.payload, found)),
        _ => {}
    }
}

fn visit<'a>(shape: &'a Shape, found: &mut Vec<Nested<'a>>) {
    if let Shape::Struct(StructShape { name, version, .. }) | Shape::Enum(EnumShape { name, version, .. }) =
        shape
        && !name.is_empty()
    {
        let version = version.as_deref();
        let name = version.map_or(name.as_str(), |version| base(name, version));
        found.push(Nested { name, version, shape });
    }
    inside(shape, found);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strukt(name: &str, version: Option<&str>, fields: &[(&str, Shape)]) -> Shape {
        let field =
            |(name, shape): &(&str, Shape)| FieldShape { name: (*name).to_owned(), shape: shape.clone() };
        Shape::Struct(StructShape {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            fields: fields.iter().map(field).collect(),
            default: None,
        })
    }

    fn mode() -> Shape {
        let variant = |name: &str, payload| VariantShape { name: name.to_owned(), payload };
        let variants = vec![
            variant("Off", Shape::Unit),
            variant("At", Shape::Tuple(vec![Shape::Bool, Shape::Char])),
            variant("In", strukt("", None, &[("ms", Shape::Int { bits: 64, signed: false })])),
        ];
        Shape::Enum(EnumShape { name: "Mode".to_owned(), version: None, variants, default: None })
    }

    #[test]
    fn a_shape_has_a_line_for_each_field_in_the_order_of_names() {
        let older = strukt("ItemV1_5", Some("1.5"), &[]);
        assert_eq!(text(&older), "Item@1.5");
        let item = strukt("Item", Some("2"), &[("next", Shape::Option(Box::new(Shape::Recurse(0))))]);
        let list = Shape::Seq(Box::new(item.clone()));
        let whole = strukt("Counter", None, &[("total", Shape::Bool), ("mode", mode()), ("items", list)]);
        let expected =
            ["items: Vec<Item@2>", "mode: Mode { At(bool, char), In { ms: u64 }, Off }", "total: bool"];
        assert_eq!(lines(&whole), expected);
        assert_eq!(lines(&mode()), ["At(bool, char)", "In { ms: u64 }", "Off"]);
        assert_eq!(lines(&item), ["next: Option<Self>"]);
        let nested: Vec<_> = nested(&whole).iter().map(|nested| (nested.name, nested.version)).collect();
        assert_eq!(nested, [("Mode", None), ("Item", Some("2"))]);
    }

    #[test]
    fn a_line_begins_with_a_name() {
        assert_eq!(split("n: BTreeMap<String, u8>"), ("n", "BTreeMap<String, u8>"));
        assert_eq!(split("At(bool, char)"), ("At", "(bool, char)"));
        assert_eq!(split("Off"), ("Off", ""));
    }

    #[test]
    fn types_of_std_are_lines_too() {
        let shape = crate::state::shape_of::<Result<(u8, String), Option<i64>>>();
        assert_eq!(lines(&shape), ["Err(Option<i64>)", "Ok(u8, String)"]);
        let shape = crate::state::shape_of::<std::time::Duration>();
        assert_eq!(lines(&shape), ["nanos: u32", "secs: u64"]);
    }
}

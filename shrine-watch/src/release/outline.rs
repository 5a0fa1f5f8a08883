//! Shapes as `shrine.lock` has them: one line for each field, the same whatever the order in the source.

use shrine::state::shape::{EnumShape, FieldShape, Shape, StructShape, VariantShape};

/// A nested type with a version of its own.
#[derive(Debug)]
pub(crate) struct Nested<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) shape: &'a Shape,
}

/// The lines of a type: its fields, or its variants.
pub(crate) fn lines(shape: &Shape) -> Vec<String> {
    match shape {
        Shape::Struct(shape) => {
            fields(&shape.fields).iter().map(|(name, ty)| format!("{name}: {ty}")).collect()
        }
        Shape::Enum(shape) => variants(&shape.variants),
        other => vec![text(other)],
    }
}

/// The name that a line is about.
pub(crate) fn name(line: &str) -> &str {
    split(line).0
}

/// The name that a line is about, and what it says of it.
pub(crate) fn split(line: &str) -> (&str, &str) {
    let end = line.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    (name, rest.trim_start_matches(':').trim())
}

/// The fields of a struct with their types, in the order of their names.
pub(crate) fn fields(fields: &[FieldShape]) -> Vec<(String, String)> {
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
        Shape::Tuple(items) => format!("({})", items.iter().map(text).collect::<Vec<_>>().join(", ")),
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

/// The type of such a line as it is written in Rust. `current` says which versions nested types have now: an older one
/// is a type of its own, as `ItemV1`.
pub(crate) fn rust_type(line: &str, current: impl Fn(&str) -> Option<String>) -> String {
    let mut rust = String::new();
    let mut depth = 0_usize;
    let mut rest = line;
    while let Some(letter) = rest.chars().next() {
        let after = &rest[letter.len_utf8()..];
        rest = after;
        match letter {
            '{' => {
                depth += 1;
                rust.truncate(rust.trim_end().len());
            }
            '}' => depth = depth.saturating_sub(1),
            '@' | '^' => {
                let is_version = |letter: char| letter.is_ascii_alphanumeric() || ".-+".contains(letter);
                let end = after.find(|letter| !is_version(letter)).unwrap_or(after.len());
                let start = rust.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_');
                let name = &rust[start.map_or(0, |before| before + 1)..];
                let version = &after[..end];
                if letter == '@' && depth == 0 && current(name).is_some_and(|now| now != version) {
                    rust.push_str(&suffix(version));
                }
                rest = &after[end..];
            }
            _ if depth > 0 => {}
            letter => rust.push(letter),
        }
    }
    rust
}

/// The name of a nested type in its source: its older versions are called after theirs, as `ItemV1`.
fn base<'a>(name: &'a str, version: &str) -> &'a str {
    name.strip_suffix(&suffix(version)).filter(|base| !base.is_empty()).unwrap_or(name)
}

/// What the macro adds to the name of a type for one of its older versions.
fn suffix(version: &str) -> String {
    format!("V{}", version.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_"))
}

/// The nested types with versions in a shape.
pub(crate) fn nested(shape: &Shape) -> Vec<Nested<'_>> {
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
    if let Shape::Struct(StructShape { name, version: Some(version), .. })
    | Shape::Enum(EnumShape { name, version: Some(version), .. }) = shape
    {
        found.push(Nested { name: base(name, version), version, shape });
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
        assert_eq!(nested, [("Item", "2")]);
    }

    #[test]
    fn a_line_begins_with_a_name() {
        assert_eq!(split("n: BTreeMap<String, u8>"), ("n", "BTreeMap<String, u8>"));
        assert_eq!(split("At(bool, char)"), ("At", "(bool, char)"));
        assert_eq!(split("Off"), ("Off", ""));
    }

    #[test]
    fn a_line_can_be_written_as_rust() {
        let rust = |line| rust_type(line, |name| (name == "Item").then(|| "2".to_owned()));
        assert_eq!(rust("Vec<Item@2>"), "Vec<Item>");
        assert_eq!(rust("(Vec<Item@1.5>, Other@1)"), "(Vec<ItemV1_5>, Other)");
        assert_eq!(rust("BTreeMap<String, Point { x: i32, y: Inner { z: u8 } }>"), "BTreeMap<String, Point>");
        assert_eq!(rust("Option<Self^1>"), "Option<Self>");
    }
}

//! Types and parts of types as `shrine.lock` and sources write them, read so that they can be compared and written again.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

use super::outline::{Crates, Location, Named};

/// A field with its type, or a variant with what it carries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Its name, without `r#`.
    pub name: String,
    /// What stands behind it.
    pub carries: Carries,
}

/// What stands behind a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carries {
    /// `Idle`.
    Nothing,
    /// `count: i64`.
    Type(Type),
    /// `Pair(u8, String)`.
    Unnamed(Vec<Type>),
    /// `Active { since: u64 }`.
    Named(Vec<Part>),
}

/// A type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// By its name: `Vec<u8>`, `Item@2`, or spelt out as `Point { x: i32, y: i32 }`.
    Of {
        /// The last part of its path.
        name: String,
        /// What stands between `<` and `>`.
        arguments: Vec<Type>,
        /// The version behind `@`.
        version: Option<String>,
        /// Its parts, where it is spelt out.
        body: Option<Vec<Part>>,
    },
    /// `(u8, String)`.
    Tuple(Vec<Type>),
    /// `[u8; 3]`.
    Array(Box<Type>, String),
    /// Under the codec of that name.
    Opaque(String),
}

/// The nested types of a crate, as one module of it writes them.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The version that each has.
    pub versions: BTreeMap<String, String>,
    /// Where each is declared.
    pub places: BTreeMap<String, Location>,
    /// Where it is written.
    pub here: Location,
    /// What is known of the crates.
    pub crates: Arc<Crates>,
}

impl Names {
    /// How a nested type of this version is named, with its path where it needs one. `written` is how the source names the
    /// type that it has become.
    #[must_use]
    pub fn named(&self, name: &str, version: Option<&str>, written: Option<&str>) -> Named {
        let now = self.versions.get(name);
        let older = version.filter(|version| now.is_some_and(|now| now != version));
        let wanted = match older {
            Some(version) => {
                let suffix = version.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
                format!("{name}V{suffix}")
            }
            None => name.to_owned(),
        };
        let there = self.places.get(name);
        match there.filter(|_| now.is_some() && !self.knows(&wanted)) {
            Some(there) => self.crates.name(&self.here, there, name, &wanted, written),
            None => Named { path: wanted, to_export: None },
        }
    }

    /// Whether the name means something where it is written.
    fn knows(&self, name: &str) -> bool {
        let outline = self.crates.outlines.get(&self.here.home);
        outline.is_some_and(|outline| outline.knows(&self.here.module, name))
    }

    /// A type of std, by its path where nothing brings its name.
    fn of_std(&self, name: &str) -> String {
        match name {
            "BTreeMap" | "BTreeSet" if !self.knows(name) => format!("std::collections::{name}"),
            _ => name.to_owned(),
        }
    }
}

/// The version of a type that declares none.
pub const FIRST: &str = "1";

/// Reads a line of the lock, or a variant of a source.
#[must_use]
pub fn part(text: &str) -> Option<Part> {
    let mut reader = Reader { rest: text.chars().peekable(), keeps_paths: false };
    let part = reader.part()?;
    reader.ends().then_some(part)
}

/// Reads a type.
#[must_use]
pub fn ty(text: &str) -> Option<Type> {
    read(text, false)
}

/// Reads a type; names in it keep their paths.
#[must_use]
pub fn spelt(text: &str) -> Option<Type> {
    read(text, true)
}

fn read(text: &str, keeps_paths: bool) -> Option<Type> {
    let mut reader = Reader { rest: text.chars().peekable(), keeps_paths };
    let ty = reader.ty()?;
    reader.ends().then_some(ty)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    keeps_paths: bool,
}

impl Reader<'_> {
    fn ends(&mut self) -> bool {
        self.blank();
        self.rest.peek().is_none()
    }

    fn blank(&mut self) {
        while self.rest.next_if(|letter| letter.is_whitespace()).is_some() {}
    }

    /// Takes the letter if it is the next one.
    fn take(&mut self, letter: char) -> bool {
        self.blank();
        self.rest.next_if_eq(&letter).is_some()
    }

    fn while_is(&mut self, is: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(letter) = self.rest.next_if(|letter| is(*letter)) {
            text.push(letter);
        }
        text
    }

    fn name(&mut self) -> Option<String> {
        self.blank();
        let name = self.while_is(|letter| letter.is_alphanumeric() || letter == '_');
        if name == "r" && self.rest.next_if_eq(&'#').is_some() {
            return self.name();
        }
        (!name.is_empty()).then_some(name)
    }

    /// What stands before the closing letter, with commas between.
    fn list<T>(&mut self, close: char, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(read(self)?);
            if !self.take(',') && self.rest.peek() != Some(&close) {
                return None;
            }
        }
        Some(items)
    }

    fn part(&mut self) -> Option<Part> {
        let name = self.name()?;
        let carries = if self.take(':') {
            Carries::Type(self.ty()?)
        } else if self.take('(') {
            Carries::Unnamed(self.list(')', Self::ty)?)
        } else if self.take('{') {
            Carries::Named(self.list('}', Self::part)?)
        } else {
            Carries::Nothing
        };
        Some(Part { name, carries })
    }

    fn ty(&mut self) -> Option<Type> {
        if self.take('(') {
            let items = self.list(')', Self::ty)?;
            return Some(Type::Tuple(items));
        }
        if self.take('[') {
            let item = self.ty()?;
            let len = if self.take(';') { self.while_is(|letter| letter != ']') } else { String::new() };
            return self.take(']').then(|| Type::Array(Box::new(item), len.trim().to_owned()));
        }
        if self.take('\'') {
            // A lifetime: `Cow<'static, str>` has one.
            let name = format!("'{}", self.name()?);
            return Some(Type::Of { name, arguments: Vec::new(), version: None, body: None });
        }
        let mut name = self.name()?;
        if name == "opaque" && self.rest.next_if_eq(&' ').is_some() {
            return Some(Type::Opaque(
                self.while_is(|letter| letter.is_ascii_alphanumeric() || "@_.-".contains(letter)),
            ));
        }
        while self.take(':') {
            self.take(':');
            let inner = self.name()?;
            name = if self.keeps_paths { format!("{name}::{inner}") } else { inner };
        }
        let arguments = if self.take('<') { self.list('>', Self::ty)? } else { Vec::new() };
        let is_version = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
        let version = self.take('@').then(|| self.while_is(is_version));
        if self.take('^') {
            name = format!("{name}^{}", self.while_is(is_version));
        }
        let body = if self.take('{') { Some(self.list('}', Self::part)?) } else { None };
        Some(Type::Of { name, arguments, version, body })
    }
}

impl Part {
    /// The same with each type replaced.
    #[must_use]
    pub fn map(&self, with: &dyn Fn(Type) -> Type) -> Self {
        let carries = match &self.carries {
            Carries::Nothing => Carries::Nothing,
            Carries::Type(ty) => Carries::Type(ty.map(with)),
            Carries::Unnamed(types) => Carries::Unnamed(types.iter().map(|ty| ty.map(with)).collect()),
            Carries::Named(parts) => {
                Carries::Named(sorted(parts.iter().map(|part| part.map(with)).collect()))
            }
        };
        Self { name: self.name.clone(), carries }
    }

    /// Shows each type in it, those inside of others too.
    pub fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Type)) {
        match &self.carries {
            Carries::Nothing => {}
            Carries::Type(ty) => ty.visit(see),
            Carries::Unnamed(types) => types.iter().for_each(|ty| ty.visit(see)),
            Carries::Named(parts) => parts.iter().for_each(|part| part.visit(see)),
        }
    }

    /// As it is written in Rust, where a type without a version, or of this one, has the name of today. `spelt` is how the
    /// source writes what it has become: what did not change there is written in the same way.
    #[must_use]
    pub fn rust(&self, spelt: Option<&Self>, names: &Names) -> String {
        let name = ident(&self.name);
        let spelt = spelt.map(|spelt| &spelt.carries);
        match &self.carries {
            Carries::Nothing => name,
            Carries::Type(ty) => {
                let spelt =
                    spelt.and_then(|spelt| if let Carries::Type(ty) = spelt { Some(ty) } else { None });
                format!("{name}: {}", ty.rust(spelt, names))
            }
            Carries::Unnamed(types) => {
                let spelt = match spelt {
                    Some(Carries::Unnamed(spelt)) if spelt.len() == types.len() => &spelt[..],
                    _ => &[],
                };
                format!("{name}({})", list(types, spelt, names))
            }
            Carries::Named(parts) => {
                let spelt_of = |part: &Self| match spelt {
                    Some(Carries::Named(spelt)) => spelt.iter().find(|spelt| spelt.name == part.name),
                    _ => None,
                };
                let parts: Vec<_> = parts.iter().map(|part| part.rust(spelt_of(part), names)).collect();
                format!("{name} {{ {} }}", parts.join(", "))
            }
        }
    }
}

/// Types with commas between.
fn list(types: &[Type], spelt: &[Type], names: &Names) -> String {
    let types = types.iter().enumerate().map(|(index, ty)| ty.rust(spelt.get(index), names));
    types.collect::<Vec<_>>().join(", ")
}

impl Type {
    /// The same with each type in it replaced, the innermost first.
    #[must_use]
    pub fn map(&self, with: &dyn Fn(Self) -> Self) -> Self {
        with(match self {
            Self::Tuple(items) => Self::Tuple(items.iter().map(|item| item.map(with)).collect()),
            Self::Array(item, len) => Self::Array(Box::new(item.map(with)), len.clone()),
            Self::Opaque(codec) => Self::Opaque(codec.clone()),
            Self::Of { name, arguments, version, body } => Self::Of {
                name: name.clone(),
                arguments: arguments.iter().map(|argument| argument.map(with)).collect(),
                version: version.clone(),
                body: body.as_ref().map(|parts| parts.iter().map(|part| part.map(with)).collect()),
            },
        })
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Of { name, .. } => Some(name),
            _ => None,
        }
    }

    fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Self)) {
        see(self);
        match self {
            Self::Tuple(items) => items.iter().for_each(|item| item.visit(see)),
            Self::Array(item, _) => item.visit(see),
            Self::Opaque(_) => {}
            Self::Of { arguments, body, .. } => {
                arguments.iter().for_each(|argument| argument.visit(see));
                body.iter().flatten().for_each(|part| part.visit(see));
            }
        }
    }

    /// As [`Part::rust`].
    #[must_use]
    pub fn rust(&self, spelt: Option<&Self>, names: &Names) -> String {
        if let Some(text) = spelt.and_then(|spelt| self.rust_like(spelt, names)) {
            return text;
        }
        match self {
            Self::Tuple(items) if items.len() == 1 => format!("({},)", list(items, &[], names)),
            Self::Tuple(items) => format!("({})", list(items, &[], names)),
            Self::Array(item, len) => format!("[{}; {len}]", item.rust(None, names)),
            // What a codec hides has a type that only the source knows.
            Self::Opaque(_) => "ForeignType".to_owned(),
            Self::Of { name, arguments, version, .. } => {
                let name = match name.split_once('^') {
                    Some((name, _)) => name.to_owned(),
                    None if names.versions.contains_key(name) => {
                        names.named(name, version.as_deref(), None).path
                    }
                    None => names.of_std(name),
                };
                if arguments.is_empty() { name } else { format!("{name}<{}>", list(arguments, &[], names)) }
            }
        }
    }

    /// In the words of the source, where those say the same: `HashMap<u32, Box<ItemV1>>` and not `BTreeMap<u32, ItemV1>`.
    fn rust_like(&self, spelt: &Self, names: &Names) -> Option<String> {
        match (self, spelt) {
            (Self::Tuple(items), Self::Tuple(spelt)) if items.len() == spelt.len() => {
                let comma = if items.len() == 1 { "," } else { "" };
                Some(format!("({}{comma})", list(items, spelt, names)))
            }
            (Self::Array(item, len), Self::Array(spelt, _)) => {
                Some(format!("[{}; {len}]", item.rust(Some(spelt), names)))
            }
            (_, Self::Of { name: path, arguments: spelt, .. }) => {
                let last = path.rsplit("::").next().unwrap_or(path);
                match (self, last, &spelt[..]) {
                    (Self::Of { name, arguments, .. }, "Box", [Self::Array(spelt, len)])
                        if len.is_empty() =>
                    {
                        let item = arguments.first().filter(|_| name == "Vec")?;
                        Some(format!("{path}<[{}]>", item.rust(Some(spelt), names)))
                    }
                    (_, "Box" | "Wrapping" | "NonZero", [spelt]) => {
                        Some(format!("{path}<{}>", self.rust(Some(spelt), names)))
                    }
                    (Self::Of { name, arguments, version, .. }, ..) => {
                        if last == name && arguments.is_empty() && names.versions.contains_key(name) {
                            let now = names.versions.get(name);
                            return match version {
                                Some(version) if now != Some(version) => {
                                    Some(names.named(name, Some(version), Some(path)).path)
                                }
                                _ => Some(path.clone()),
                            };
                        }
                        if canonical(last) != name || spelt.len() < arguments.len() {
                            return None;
                        }
                        // What the shape does not know comes last, as the hasher of a map does.
                        let more = spelt[arguments.len()..].iter().map(|spelt| spelt.rust(None, names));
                        let all = arguments.iter().zip(spelt).map(|(ty, spelt)| ty.rust(Some(spelt), names));
                        let all: Vec<_> = all.chain(more).collect();
                        Some(if all.is_empty() {
                            path.clone()
                        } else {
                            format!("{path}<{}>", all.join(", "))
                        })
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether `change` needs no converter to make `new` of it, as far as the names tell: as in `shrine::state::convert`.
    #[must_use]
    pub fn becomes(&self, new: &Self) -> bool {
        if self == new {
            return true;
        }
        let all = |old: &[Self], new: &[Self]| {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.becomes(new))
        };
        match (self, new) {
            (Self::Tuple(old), Self::Tuple(new)) => all(old, new),
            (Self::Array(old, len), Self::Array(new, same)) => len == same && old.becomes(new),
            (
                Self::Of { name: old, arguments: from, body, .. },
                Self::Of { name: new, arguments: to, .. },
            ) => match (old.as_str(), new.as_str()) {
                (old, new) if old == new && from.is_empty() && to.is_empty() => body.is_none(),
                ("Option" | "Vec" | "Box" | "Result", _) if old == new => all(from, to),
                ("BTreeMap", "BTreeMap") => {
                    matches!((&from[..], &to[..]), ([key, old], [same, new]) if key == same && old.becomes(new))
                }
                (_, "Option") => to.first().is_some_and(|inner| inner == self),
                (old, new) => from.is_empty() && to.is_empty() && widens(old, new),
            },
            (old, Self::Of { name, arguments, .. }) if name == "Option" => arguments.first() == Some(old),
            _ => false,
        }
    }
}

/// The name by which the lock knows a type of std.
#[must_use]
pub fn canonical(name: &str) -> &str {
    match name {
        "usize" => "u64",
        "isize" => "i64",
        "HashMap" => "BTreeMap",
        "HashSet" => "BTreeSet",
        "VecDeque" | "LinkedList" | "BinaryHeap" => "Vec",
        "PathBuf" | "IpAddr" | "Ipv4Addr" | "Ipv6Addr" | "SocketAddr" | "Cow" | "str" => "String",
        "NonZeroU8" => "u8",
        "NonZeroU16" => "u16",
        "NonZeroU32" => "u32",
        "NonZeroU64" | "NonZeroUsize" => "u64",
        "NonZeroU128" => "u128",
        "NonZeroI8" => "i8",
        "NonZeroI16" => "i16",
        "NonZeroI32" => "i32",
        "NonZeroI64" | "NonZeroIsize" => "i64",
        "NonZeroI128" => "i128",
        other => other,
    }
}

/// Whether every value of the one scalar is one of the other.
fn widens(old: &str, new: &str) -> bool {
    let number = |name: &str| -> Option<(char, u32)> {
        let kind = name.chars().next().filter(|kind| "iuf".contains(*kind))?;
        Some((kind, name[1..].parse().ok()?))
    };
    match (old, new) {
        ("char", "String") | ("u8", "char") => return true,
        _ => {}
    }
    match (number(old), number(new)) {
        (Some((from, old)), Some((to, new))) => match (from, to) {
            ('i' | 'u', 'f') => old <= if new == 32 { 16 } else { 32 },
            ('f', 'f') => old < new,
            ('u', 'i') => old < new,
            (from, to) => from == to && old < new,
        },
        _ => false,
    }
}

/// The parts in the order of their names, as the lock has them.
#[must_use]
pub fn sorted(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort();
    parts
}

/// A name as it is written: keywords need `r#`.
#[must_use]
pub fn ident(name: &str) -> String {
    if crate::cli::new::is_keyword(name) { format!("r#{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::outline::Outline;
    use super::*;

    #[test]
    fn what_is_read_can_be_written_again() {
        let rust = |text: &str| part(text).map(|part| part.rust(None, &names("")));
        let same = |text: &str| assert_eq!(rust(text).as_deref(), Some(text));
        same("count: i64");
        same("Off");
        same("At(bool, (char,), [u8; 3])");
        same("In { ms: std::collections::BTreeMap<String, Vec<u64>>, of: () }");
        assert_eq!(rust("type: Vec<Item@2>").as_deref(), Some("r#type: Vec<Item>"));
        assert_eq!(rust("a: (Item@1.5, Other@1, Self^1)").as_deref(), Some("a: (ItemV1_5, Other, Self)"));
        assert_eq!(rust("f: Vec<Far@1>").as_deref(), Some("f: Vec<crate::a::b::FarV1>"));
        assert_eq!(rust("f: Vec<Far@2>").as_deref(), Some("f: Vec<crate::a::b::Far>"));
        assert_eq!(rust("p: Point { x: i32, in: Inner { A, B(u8) } }").as_deref(), Some("p: Point"));
        assert_eq!(rust("a: std::collections::HashMap<r#type,u8>").as_deref(), Some("a: HashMap<type, u8>"));
        assert_eq!(rust("a: &'static str"), None);
        assert_eq!(rust("a: Cow<'static, str>").as_deref(), Some("a: Cow<'static, str>"));
        assert_eq!(rust("a: u8 b"), None);
    }

    fn names(file: &str) -> Names {
        let mut outline = Outline::default();
        outline.read(file, &[]);
        let far = Location { module: vec!["a".to_owned(), "b".to_owned()], ..Location::default() };
        Names {
            versions: ["Item", "Far"].map(|name| (name.to_owned(), "2".to_owned())).into(),
            places: [("Far".to_owned(), far), ("Item".to_owned(), Location::default())].into(),
            here: Location::default(),
            crates: Arc::new(Crates { outlines: [("".into(), outline)].into(), ..Crates::default() }),
        }
    }

    #[test]
    fn an_older_type_is_written_as_its_successor_is() {
        let names = names("use std::collections::BTreeMap; use a::b::Far;");
        let rust = |old: &str, now: &str| ty(old).unwrap().rust(spelt(now).as_ref(), &names);
        for (old, now, expected) in [
            (
                "BTreeMap<u64, Item@1>",
                "std::collections::HashMap<usize, Box<Item>>",
                "std::collections::HashMap<usize, Box<ItemV1>>",
            ),
            ("BTreeMap<String, Item@1>", "HashMap<PathBuf, Item, Fast>", "HashMap<PathBuf, ItemV1, Fast>"),
            ("BTreeMap<String, Item@1>", "Items", "BTreeMap<String, ItemV1>"),
            ("Vec<Far@1>", "Box<[a::b::Far]>", "Box<[crate::a::b::FarV1]>"),
            ("Vec<Item@1>", "VecDeque<Item>", "VecDeque<ItemV1>"),
            ("(u8, [Option<Item@1>; 3])", "(u8, [Option<Box<Item>>; LEN])", "(u8, [Option<Box<ItemV1>>; 3])"),
            ("Vec<u8>", "Vec<String>", "Vec<u8>"),
            (
                "(String, String, u8, Item@1)",
                "(Cow<'static, str>, Box<str>, NonZeroU8, Item)",
                "(Cow<'static, str>, Box<str>, NonZeroU8, ItemV1)",
            ),
            ("Item@1", "Vec<Item>", "ItemV1"),
            ("Far@2", "a::b::Far", "a::b::Far"),
            ("Far@2", "u8", "Far"),
        ] {
            assert_eq!(rust(old, now), expected, "{old} {now}");
        }
    }

    #[test]
    fn what_widens_needs_no_converter() {
        let becomes = |old: &str, new: &str| ty(old).unwrap().becomes(&ty(new).unwrap());
        for (old, new) in [
            ("i32", "i64"),
            ("u8", "i16"),
            ("u32", "f64"),
            ("f32", "f64"),
            ("char", "String"),
            ("Vec<u8>", "Option<Vec<u8>>"),
            ("(Item@1, u8)", "(Item@2, u8)"),
            ("BTreeMap<String, u8>", "BTreeMap<String, u16>"),
        ] {
            assert!(becomes(old, new), "{old} {new}");
        }
        for (old, new) in [
            ("i64", "i32"),
            ("u64", "f64"),
            ("String", "u8"),
            ("BTreeSet<u8>", "BTreeSet<u16>"),
            ("u8", "Option<u16>"),
            ("Vec<u8>", "u8"),
        ] {
            assert!(!becomes(old, new), "{old} {new}");
        }
    }
}

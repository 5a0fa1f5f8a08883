//! Types and parts of types as `shrine.lock` and sources write them, read so that they can be compared and written again.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

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
    /// The module that each is in.
    pub modules: BTreeMap<String, Vec<String>>,
    /// The module that writes.
    pub here: Vec<String>,
}

impl Names {
    /// The name of an older version, with its path if it is in another module; none for the version that the type has.
    fn older(&self, name: &str, version: &str) -> Option<String> {
        self.versions.get(name).filter(|now| *now != version)?;
        let suffix = version.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
        let path = self.modules.get(name).filter(|module| **module != self.here);
        let path: String = path.iter().flat_map(|path| *path).map(|module| format!("{module}::")).collect();
        let root = if path.is_empty() && self.modules.get(name).is_none_or(|module| *module == self.here) {
            ""
        } else {
            "crate::"
        };
        Some(format!("{root}{path}{name}V{suffix}"))
    }
}

/// The version of a type that declares none.
pub const FIRST: &str = "1";

/// Reads a line of the lock, or a variant of a source.
#[must_use]
pub fn part(text: &str) -> Option<Part> {
    let mut reader = Reader { rest: text.chars().peekable() };
    let part = reader.part()?;
    reader.ends().then_some(part)
}

/// Reads a type.
#[must_use]
pub fn ty(text: &str) -> Option<Type> {
    let mut reader = Reader { rest: text.chars().peekable() };
    let ty = reader.ty()?;
    reader.ends().then_some(ty)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
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
        let mut name = self.name()?;
        if name == "opaque" && self.rest.next_if_eq(&' ').is_some() {
            return Some(Type::Opaque(
                self.while_is(|letter| letter.is_ascii_alphanumeric() || "@_.-".contains(letter)),
            ));
        }
        while self.take(':') {
            self.take(':');
            name = self.name()?;
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

    /// As it is written in Rust, where a type without a version, or of this one, has the plain name.
    #[must_use]
    pub fn rust(&self, names: &Names) -> String {
        let list = |types: &[Type]| types.iter().map(|ty| ty.rust(names)).collect::<Vec<_>>().join(", ");
        let name = ident(&self.name);
        match &self.carries {
            Carries::Nothing => name,
            Carries::Type(ty) => format!("{name}: {}", ty.rust(names)),
            Carries::Unnamed(types) => format!("{name}({})", list(types)),
            Carries::Named(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.rust(names)).collect();
                format!("{name} {{ {} }}", parts.join(", "))
            }
        }
    }
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
    pub fn rust(&self, names: &Names) -> String {
        let list = |types: &[Self]| types.iter().map(|ty| ty.rust(names)).collect::<Vec<_>>().join(", ");
        match self {
            Self::Tuple(items) if items.len() == 1 => format!("({},)", list(items)),
            Self::Tuple(items) => format!("({})", list(items)),
            Self::Array(item, len) => format!("[{}; {len}]", item.rust(names)),
            // What a codec hides has a type that only the source knows.
            Self::Opaque(_) => "ForeignType".to_owned(),
            Self::Of { name, arguments, version, .. } => {
                let plain = || name.split('^').next().unwrap_or_default().to_owned();
                let older = version.as_ref().and_then(|version| names.older(name, version));
                let name = older.unwrap_or_else(plain);
                if arguments.is_empty() { name } else { format!("{name}<{}>", list(arguments)) }
            }
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
    use super::*;

    #[test]
    fn what_is_read_can_be_written_again() {
        let names = Names {
            versions: ["Item", "Far"].map(|name| (name.to_owned(), "2".to_owned())).into(),
            modules: [("Far".to_owned(), vec!["a".to_owned(), "b".to_owned()])].into(),
            here: Vec::new(),
        };
        let rust = |text: &str| part(text).map(|part| part.rust(&names));
        let same = |text: &str| assert_eq!(rust(text).as_deref(), Some(text));
        same("count: i64");
        same("Off");
        same("At(bool, (char,), [u8; 3])");
        same("In { ms: BTreeMap<String, Vec<u64>>, of: () }");
        assert_eq!(rust("type: Vec<Item@2>").as_deref(), Some("r#type: Vec<Item>"));
        assert_eq!(rust("a: (Item@1.5, Other@1, Self^1)").as_deref(), Some("a: (ItemV1_5, Other, Self)"));
        assert_eq!(rust("f: Vec<Far@1>").as_deref(), Some("f: Vec<crate::a::b::FarV1>"));
        assert_eq!(rust("p: Point { x: i32, in: Inner { A, B(u8) } }").as_deref(), Some("p: Point"));
        assert_eq!(rust("a: std::collections::HashMap<r#type,u8>").as_deref(), Some("a: HashMap<type, u8>"));
        assert_eq!(rust("a: &'static str"), None);
        assert_eq!(rust("a: u8 b"), None);
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

//! Which modules a crate has and what they bring into scope, as far as its files tell, so that a line that is written into
//! one module can name a type of another, or of another crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The modules of a crate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// How far each is seen.
    modules: BTreeMap<Vec<String>, Seen>,
    uses: Vec<Use>,
    /// The names of the types that are declared with `#[state]`, with what else is declared.
    items: BTreeSet<(Vec<String>, String)>,
}

/// From where a module is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    /// From the module around it.
    Around,
    /// From its crate.
    Crate,
    /// From everywhere.
    Everywhere,
}

/// One name of a `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Use {
    module: Vec<String>,
    seen: Seen,
    /// As it is written; the last part may be `*`.
    path: Vec<String>,
    /// What it is called there.
    name: String,
}

/// Where something is declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    /// The directory of the crate.
    pub home: PathBuf,
    /// The module in it.
    pub module: Vec<String>,
}

/// The crates that lines are written in and name types of.
#[derive(Debug, Clone, Default)]
pub struct Crates {
    /// By their directories.
    pub outlines: BTreeMap<PathBuf, Outline>,
    /// What the one calls the other.
    pub calls: BTreeMap<(PathBuf, PathBuf), String>,
    /// The names of their packages.
    pub packages: BTreeMap<PathBuf, String>,
}

/// How a type is named, and what has to be done for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The path.
    pub path: String,
    /// The module that has to export it, as it does the type of today, and the package of that.
    pub to_export: Option<String>,
}

impl Outline {
    /// Reads a file that is this module. What is no Rust says nothing.
    pub fn read(&mut self, text: &str, module: &[String]) {
        if let Ok(tokens) = TokenStream::from_str(text) {
            self.tokens(tokens, module);
        }
    }

    fn tokens(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            let TokenTree::Ident(word) = token else { continue };
            let seen = || seen(&tokens[..index]);
            match (word.to_string().as_str(), tokens.get(index + 1)) {
                ("mod", Some(TokenTree::Ident(name))) => {
                    let inner = [module, &[plain(&name.to_string())]].concat();
                    self.modules.insert(inner.clone(), seen());
                    if let Some(TokenTree::Group(body)) = tokens.get(index + 2) {
                        self.tokens(body.stream(), &inner);
                    }
                }
                ("use", Some(_)) => {
                    let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';');
                    let end = tokens[index..].iter().position(is_end).map_or(tokens.len(), |end| index + end);
                    let mut found = Vec::new();
                    tree(&tokens[index + 1..end], &[], &mut found);
                    let seen = seen();
                    self.uses.extend(found.into_iter().map(|(path, name)| Use {
                        module: module.to_vec(),
                        seen,
                        path,
                        name,
                    }));
                }
                ("struct" | "enum" | "type", Some(TokenTree::Ident(name))) => {
                    self.items.insert((module.to_vec(), plain(&name.to_string())));
                }
                _ => {}
            }
        }
    }

    /// Whether the module knows the name by itself or by a `use` of just that name.
    #[must_use]
    pub fn knows(&self, module: &[String], name: &str) -> bool {
        self.items.contains(&(module.to_vec(), name.to_owned()))
            || self.uses.iter().any(|one| one.module == module && one.name == name)
    }

    /// The path by which the module has imported the name.
    fn imported(&self, module: &[String], name: &str) -> Option<&[String]> {
        let one = self.uses.iter().find(|one| one.module == module && one.name == name)?;
        (one.path.len() > 1 && one.path.last().is_some_and(|last| last == name)).then_some(&one.path)
    }

    /// Whether all modules on the way are seen from `here`, or from another crate.
    fn is_seen(&self, module: &[String], here: Option<&[String]>) -> bool {
        (1..=module.len()).all(|len| {
            let (inner, around) = (&module[..len], &module[..len - 1]);
            let seen = self.modules.get(inner).copied();
            match here {
                Some(here) => here.starts_with(around) || seen.is_none_or(|seen| seen != Seen::Around),
                None => seen == Some(Seen::Everywhere),
            }
        })
    }

    /// The nearest module to the root that is seen and exports the name from `module`, and whether it exports all of it.
    fn exporting(&self, module: &[String], name: &str, here: Option<&[String]>) -> Option<(&[String], bool)> {
        let mut found: Vec<(&[String], bool)> = self
            .uses
            .iter()
            .filter(|one| here.map_or(one.seen == Seen::Everywhere, |_| one.seen != Seen::Around))
            .filter(|one| self.is_seen(&one.module, here))
            .filter_map(|one| {
                let (last, from) = one.path.split_last()?;
                let leads_there = from.last() == module.last() || from.is_empty();
                (leads_there && (last == "*" || last == name)).then_some((&one.module[..], last == "*"))
            })
            .collect();
        found.sort_by_key(|(module, all)| (!all, module.len()));
        found.first().copied()
    }
}

impl Crates {
    /// How `here` names a type of `there`, called `name` today, whose name is `wanted`.
    #[must_use]
    pub fn name(
        &self,
        here: &Location,
        there: &Location,
        name: &str,
        wanted: &str,
        written: Option<&str>,
    ) -> Named {
        let is_same = here.home == there.home;
        if is_same && here.module == there.module {
            return Named { path: wanted.to_owned(), to_export: None };
        }
        let empty = Outline::default();
        let outline = self.outlines.get(&there.home).unwrap_or(&empty);
        let from = is_same.then_some(&here.module[..]);
        let root = match is_same {
            true => Some("crate".to_owned()),
            false => self.calls.get(&(here.home.clone(), there.home.clone())).cloned(),
        };
        let path = |module: &[String]| {
            let module = module.iter().map(|part| super::words::ident(part));
            let parts: Vec<_> = root.iter().cloned().chain(module).chain([wanted.to_owned()]).collect();
            parts.join("::")
        };
        if root.is_some() {
            if outline.is_seen(&there.module, from) {
                return Named { path: path(&there.module), to_export: None };
            }
            if let Some((module, all)) = outline.exporting(&there.module, name, from) {
                let is_exported =
                    all || outline.uses.iter().any(|one| one.module == module && one.name == wanted);
                let to_export = (!is_exported).then(|| self.shown(&there.home, module));
                return Named { path: path(module), to_export };
            }
        }
        // As the type of today is named there, or was brought there.
        let around = |path: &str| path.rsplit_once("::").map(|(around, _)| around.to_owned());
        let imported = || {
            let path = self.outlines.get(&here.home)?.imported(&here.module, name)?;
            around(&path.join("::"))
        };
        let prefix = written.and_then(around).or_else(imported).or(root);
        let path = prefix.map_or_else(|| wanted.to_owned(), |prefix| format!("{prefix}::{wanted}"));
        let to_export = self.packages.contains_key(&there.home).then(|| self.shown(&there.home, &[]));
        Named { path, to_export }
    }

    /// A module of a crate, for people.
    fn shown(&self, home: &PathBuf, module: &[String]) -> String {
        let package = self.packages.get(home).map_or("", String::as_str);
        match module {
            [] => format!("`{package}`"),
            module => format!("`{}` of `{package}`", module.join("::")),
        }
    }
}

/// What the words before `mod` and `use` say.
fn seen(before: &[TokenTree]) -> Seen {
    match before {
        [.., TokenTree::Ident(public)] if public == "pub" => Seen::Everywhere,
        [.., TokenTree::Ident(public), TokenTree::Group(within)]
            if public == "pub" && within.delimiter() == Delimiter::Parenthesis =>
        {
            Seen::Crate
        }
        _ => Seen::Around,
    }
}

/// The names in the tree of a `use`, with their paths.
fn tree(tokens: &[TokenTree], before: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) if word == "as" => {
                if let Some(TokenTree::Ident(name)) = tokens.get(index + 1) {
                    found.push((path, plain(&name.to_string())));
                }
                return;
            }
            TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
            TokenTree::Ident(word) => path.push(plain(&word.to_string())),
            TokenTree::Punct(star) if star.as_char() == '*' => path.push("*".to_owned()),
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma =
                    |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
                inner.split(is_comma).filter(|one| !one.is_empty()).for_each(|one| tree(one, &path, found));
                return;
            }
            _ => {}
        }
    }
    if let Some(name) = path.last().cloned() {
        found.push((path, name));
    }
}

fn plain(name: &str) -> String {
    name.trim_start_matches("r#").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBRARY: &str =
        "pub mod open { pub mod deep {} mod shut { pub struct Mark {} } pub use shut::Mark; }
        mod hidden { pub struct Item {} pub struct Other {} pub struct Far {} }
        mod all { pub struct Any {} }
        pub use hidden::{Item, Other, OtherV1}; pub use self::all::*;
        pub(crate) mod within { pub mod most {} }";
    const WIDGET: &str = "use std::{collections::{self, BTreeMap as Map, HashMap}, fmt}; use middle::things::Far; struct Own {}";

    fn location(home: &str, module: &str) -> Location {
        let module = module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Location { home: home.into(), module }
    }

    fn crates() -> Crates {
        let outline = |text: &str| {
            let mut outline = Outline::default();
            outline.read(text, &[]);
            outline
        };
        Crates {
            outlines: [("lib".into(), outline(LIBRARY)), ("w".into(), outline(WIDGET))].into(),
            calls: [(("w".into(), "lib".into()), "model".to_owned())].into(),
            packages: [("lib".into(), "the-model".to_owned())].into(),
        }
    }

    #[test]
    fn a_type_of_another_crate_is_named_where_it_can_be_seen() {
        let named = |module: &str, name: &str| {
            let named =
                crates().name(&location("w", ""), &location("lib", module), name, &format!("{name}V1"), None);
            (named.path, named.to_export)
        };
        let plain = |path: &str| (path.to_owned(), None);
        let to_export = |path: &str, by: &str| (path.to_owned(), Some(by.to_owned()));
        assert_eq!(named("", "Root"), plain("model::RootV1"));
        assert_eq!(named("open::deep", "Deep"), plain("model::open::deep::DeepV1"));
        assert_eq!(named("hidden", "Item"), to_export("model::ItemV1", "`the-model`"));
        assert_eq!(named("hidden", "Other"), plain("model::OtherV1"));
        assert_eq!(named("all", "Any"), plain("model::AnyV1"));
        assert_eq!(named("open::shut", "Mark"), to_export("model::open::MarkV1", "`open` of `the-model`"));
        assert_eq!(named("hidden", "Far"), to_export("middle::things::FarV1", "`the-model`"));
    }

    #[test]
    fn a_type_of_the_same_crate_is_named_where_it_can_be_seen() {
        let named = |here: &str, there: &str, name: &str| {
            crates()
                .name(&location("lib", here), &location("lib", there), name, &format!("{name}V1"), None)
                .path
        };
        assert_eq!(named("hidden", "hidden", "Item"), "ItemV1");
        assert_eq!(named("", "hidden", "Item"), "crate::hidden::ItemV1");
        assert_eq!(named("hidden", "within::most", "Most"), "crate::within::most::MostV1");
        assert_eq!(named("hidden", "open::shut", "Mark"), "crate::open::MarkV1");
        assert_eq!(named("open::shut", "", "Root"), "crate::RootV1");
    }

    #[test]
    fn names_are_known_where_they_were_brought() {
        let crates = crates();
        let knows = |name: &str| crates.outlines[&PathBuf::from("w")].knows(&[], name);
        for (name, known) in
            [("Own", true), ("Map", true), ("BTreeMap", false), ("HashMap", true), ("collections", true)]
        {
            assert_eq!(knows(name), known, "{name}");
        }
    }
}

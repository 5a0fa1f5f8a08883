//! Reads attributes: which are ours, and what is in their parentheses.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path, Token, parenthesized};

use crate::errors::Errors;
use crate::names::{did_you_mean, list};

/// Whether the attribute is `#[name]` or `#[shrine::name]`.
pub(crate) fn is(attribute: &Attribute, name: &str) -> bool {
    let path = attribute.path();
    path.is_ident(name)
        || (path.segments.len() == 2 && path.segments[0].ident == "shrine" && path.segments[1].ident == name)
}

/// Removes and returns the attributes of that name.
pub(crate) fn take(attributes: &mut Vec<Attribute>, name: &str) -> Vec<Attribute> {
    attributes.extract_if(.., |attribute| is(attribute, name)).collect()
}

/// What stands in the parentheses of an attribute.
pub(crate) fn arguments(attribute: &Attribute, errors: &Errors) -> TokenStream {
    match &attribute.meta {
        Meta::Path(_) => TokenStream::new(),
        Meta::List(list) => list.tokens.clone(),
        Meta::NameValue(meta) => {
            let name = meta.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
            errors.report(
                meta,
                format!("`{name}` takes its options in parentheses"),
                format!("write `#[{name}(..)]`"),
            );
            TokenStream::new()
        }
    }
}

/// An option: `name`, `name = value` or `name(..)`.
pub(crate) struct Entry {
    pub(crate) name: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    None,
    Is(Expr),
    List(TokenStream),
}

/// The options of one attribute. Each accessor takes its option out; [`Options::finish`] reports those that are left.
pub(crate) struct Options<'a> {
    /// The attribute, as messages name it.
    owner: &'a str,
    known: &'a [&'a str],
    entries: Vec<Entry>,
    /// Whether all of them could be read.
    sound: bool,
    errors: &'a Errors,
}

impl<'a> Options<'a> {
    /// Splits the tokens in the parentheses of an attribute.
    pub(crate) fn read(
        owner: &'a str,
        known: &'a [&'a str],
        tokens: TokenStream,
        errors: &'a Errors,
    ) -> Self {
        let mut entries = Vec::new();
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                entries.push(entry(input)?);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        let sound = errors.ok(read.parse2(tokens)).is_some();
        Self { owner, known, entries, sound, errors }
    }

    /// The text of `name = "text"`.
    pub(crate) fn text(&mut self, name: &str, example: &str) -> Option<LitStr> {
        let entry = self.once(name)?;
        match entry.value {
            Value::Is(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Some(text),
            // A version is easily written as the number that it looks like.
            Value::Is(Expr::Lit(ExprLit { lit: ref number @ (Lit::Int(_) | Lit::Float(_)), .. }))
                if name == "version" =>
            {
                let help = format!("{name} = \"{}\"", number.to_token_stream());
                self.wrong(&entry, "is text", &help)
            }
            _ => self.wrong(&entry, "is text", &format!("{name} = \"{example}\"")),
        }
    }

    /// The texts of `name = "text"` or `name = ["text", ..]`.
    pub(crate) fn texts(&mut self, name: &str, example: &str) -> Vec<LitStr> {
        let text = |expression: &Expr| match expression {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
            _ => None,
        };
        let text = |expression: &Expr| text(&ungrouped(expression.clone()));
        let Some(entry) = self.once(name) else { return Vec::new() };
        let texts = match &entry.value {
            Value::Is(Expr::Array(array)) => array.elems.iter().map(text).collect(),
            Value::Is(expression) => text(expression).map(|text| vec![text]),
            Value::None | Value::List(_) => None,
        };
        let texts = texts.filter(|texts: &Vec<_>| !texts.is_empty());
        texts.or_else(|| self.wrong(&entry, "is text, or a list of texts", example)).unwrap_or_default()
    }

    /// The path of `name = path`.
    pub(crate) fn path(&mut self, name: &str) -> Option<Path> {
        let entry = self.once(name)?;
        match entry.value {
            Value::Is(Expr::Path(path)) if path.qself.is_none() => Some(path.path),
            _ => self.wrong(&entry, "is the path of a function", &format!("{name} = path")),
        }
    }

    /// The same, with the name.
    pub(crate) fn named_path(&mut self, name: &str) -> Option<(Ident, Path)> {
        let word = self.entries.iter().find(|entry| entry.name == name)?.name.clone();
        self.path(name).map(|path| (word, path))
    }

    /// The name and what stands in the parentheses of `name(..)`.
    pub(crate) fn list(&mut self, name: &str, example: &str) -> Option<(Ident, TokenStream)> {
        let entry = self.once(name)?;
        match entry.value {
            Value::List(tokens) => Some((entry.name, tokens)),
            _ => self.wrong(&entry, "takes a list in parentheses", example),
        }
    }

    /// The expression of `name = expression`.
    pub(crate) fn expression(&mut self, name: &str, example: &str) -> Option<Expr> {
        let entry = self.once(name)?;
        match entry.value {
            Value::Is(expression) => Some(expression),
            _ => self.wrong(&entry, "is an expression", &format!("{name} = {example}")),
        }
    }

    /// Whether the option is there, without a value.
    pub(crate) fn flag(&mut self, name: &str) -> Option<Ident> {
        let entry = self.once(name)?;
        match entry.value {
            Value::None => Some(entry.name),
            _ => self.wrong(&entry, "takes no value", name),
        }
    }

    /// What stands in the parentheses of every `name(..)` of the known names, in their order, with the index of the
    /// name. What is known is a name with an example.
    pub(crate) fn lists(&mut self, known: &[(&str, &str)]) -> Vec<(usize, TokenStream)> {
        let index = |entry: &Entry| known.iter().position(|(name, _)| entry.name == name);
        let entries: Vec<_> = self.entries.extract_if(.., |entry| index(entry).is_some()).collect();
        let tokens = entries.into_iter().filter_map(|entry| {
            let index = index(&entry)?;
            match entry.value {
                Value::List(tokens) => Some((index, tokens)),
                _ => self.wrong(&entry, "takes a list in parentheses", known[index].1),
            }
        });
        tokens.collect()
    }

    /// Whether the option is there, or may be meant by what is misspelt or could not be read; takes nothing.
    pub(crate) fn may_have(&self, name: &str) -> bool {
        !self.sound || self.has(name) || self.entries.iter().any(|entry| !self.knows(entry))
    }

    fn knows(&self, entry: &Entry) -> bool {
        self.known.iter().any(|known| entry.name == known)
    }

    /// Whether the option is there; takes nothing.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// Reports every option that is left.
    pub(crate) fn finish(self) {
        for entry in &self.entries {
            let name = entry.name.to_string();
            let help = format!("{}there is {}", did_you_mean(&name, self.known), list(self.known));
            self.errors.report(&entry.name, format!("`{}` has no option `{name}`", self.owner), help);
        }
    }

    fn once(&mut self, name: &str) -> Option<Entry> {
        let mut found = self.entries.extract_if(.., |entry| entry.name == name);
        let first = found.next();
        for again in found {
            self.errors.report(&again.name, format!("`{name}` is given twice"), "remove one of the two");
        }
        first
    }

    fn wrong<T>(&self, entry: &Entry, what: &str, example: &str) -> Option<T> {
        let (message, help) = (format!("`{}` {what}", entry.name), format!("write `{example}`"));
        match &entry.value {
            Value::Is(value) => self.errors.report(value, message, help),
            Value::None | Value::List(_) => self.errors.report_at(entry.name.span(), message, help),
        }
        None
    }
}

fn entry(input: ParseStream<'_>) -> syn::Result<Entry> {
    let name = input.call(Ident::parse_any)?;
    let value = if input.peek(syn::token::Paren) {
        let content;
        parenthesized!(content in input);
        Value::List(content.parse()?)
    } else if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        if input.is_empty() {
            let message = format!("`{name}` has no value\n\n  = help: write `{name} = ..`");
            return Err(syn::Error::new(name.span(), message));
        }
        Value::Is(ungrouped(input.parse()?))
    } else {
        Value::None
    };
    Ok(Entry { name, value })
}

/// What a fragment of `macro_rules!` stands for, as `$id:literal`: it comes in a group that nobody sees.
pub(crate) fn ungrouped(expression: Expr) -> Expr {
    match expression {
        Expr::Group(group) if group.attrs.is_empty() => ungrouped(*group.expr),
        other => other,
    }
}

/// The first attribute that makes the item exist only under some configurations.
pub(crate) fn conditional(attributes: &[Attribute]) -> Option<&Attribute> {
    attributes.iter().find(|attribute| attribute.path().is_ident("cfg"))
}

/// The attributes that say what is derived.
pub(crate) fn derives(attributes: &[Attribute]) -> Vec<Attribute> {
    let derives = |attribute: &&Attribute| {
        attribute.path().is_ident("derive")
            || (attribute.path().is_ident("cfg_attr")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("derive")))
    };
    attributes.iter().filter(derives).cloned().collect()
}

/// Whether one of the attributes derives `name`.
pub(crate) fn derive(derives: &[Attribute], name: &str) -> bool {
    derives.iter().filter_map(paths).flatten().any(|path| ends_in(&path, name))
}

/// The same attributes without `name` in any `derive(..)`.
pub(crate) fn without_derive(derives: &[Attribute], name: &str) -> Vec<Attribute> {
    let without = |attribute: &Attribute| {
        let mut attribute = attribute.clone();
        if let Some(paths) = paths(&attribute)
            && let Meta::List(list) = &mut attribute.meta
        {
            let kept = paths.iter().filter(|path| !ends_in(path, name));
            list.tokens = quote::quote! { #(#kept),* };
        }
        attribute
    };
    derives.iter().map(without).collect()
}

/// What `#[derive(..)]` derives.
fn paths(attribute: &Attribute) -> Option<Vec<Path>> {
    let Meta::List(list) = &attribute.meta else { return None };
    let paths = list.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
    paths.ok().filter(|_| attribute.path().is_ident("derive")).map(|paths| paths.into_iter().collect())
}

fn ends_in(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// The documentation.
pub(crate) fn documentation(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect()
}

/// The place of an attribute, for what is missing in it.
pub(crate) fn place(attribute: &Attribute) -> proc_macro2::Span {
    attribute.path().span()
}

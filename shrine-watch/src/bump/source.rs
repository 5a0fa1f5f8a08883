//! Finds the declaration of a widget or of a nested type in a source file, and edits it: two places change, and nothing
//! else.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, Ident, LexError, TokenStream, TokenTree};

use super::words::{self, Carries, Part, Type};

/// How wide a line may be.
const WIDTH: usize = 110;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// `#[widget(id = "..", version = "..")]` of that id.
    Widget(&'a str),
    /// `#[state]` on the type of that name.
    Nested(&'a str),
    /// `#[state]` on any type.
    AnyNested,
}

/// Where the attribute stands, and what it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bytes of the attribute.
    attribute: Range<usize>,
    version_at: VersionAt,
    /// The version; none for a nested type without one.
    pub version: Option<String>,
    /// The versions that its `#[migrate]` lines lead from.
    pub chain: Vec<String>,
    /// The name of the type.
    pub name: String,
    /// The module that it is in, from the root of the file on; who knows the file puts its own before it.
    pub module: Vec<String>,
    /// The directory of the crate that it is in, as who knows the file says.
    pub home: PathBuf,
    /// Whether it is an enum.
    pub is_enum: bool,
    /// The fields that are state, or the variants.
    pub parts: Vec<Written>,
}

/// Where the version is written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum VersionAt {
    /// The bytes of the literal, with its quotes.
    Literal(Range<usize>),
    /// Nowhere yet: the bytes that its parentheses take the place of.
    Nowhere(Range<usize>),
}

/// A field or variant, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name, without `r#`.
    pub name: String,
    /// What it says, if that can be understood.
    pub part: Option<Part>,
    /// The same with the paths that names have.
    pub spelt: Option<Part>,
}

/// The declarations in a file.
///
/// # Errors
///
/// When the file is no Rust.
pub fn find(source: &str, target: Target<'_>) -> Result<Vec<Place>, LexError> {
    let mut found = Vec::new();
    search(TokenStream::from_str(source)?, target, &[], &mut found);
    Ok(found)
}

/// The file with another version, and with a `#[migrate]` of these options below the attribute.
#[must_use]
pub fn edit(source: &str, place: &Place, version: &str, options: &[String]) -> String {
    let end = place.attribute.end;
    let rest = &source[end..];
    let comment = rest.find('\n').filter(|newline| {
        let behind = rest[..*newline].trim();
        behind.is_empty() || behind.starts_with("//")
    });
    let insert_at = comment.map_or(end, |newline| end + rest[..newline].trim_end().len());
    let line_start = source[..place.attribute.start].rfind('\n').map_or(0, |newline| newline + 1);
    let before = &source[line_start..place.attribute.start];
    let indent: String = before.chars().take_while(|letter| letter.is_whitespace()).collect();
    let newline = if source.contains("\r\n") { "\r\n" } else { "\n" };
    let (written, at) = match &place.version_at {
        VersionAt::Literal(at) => (format!("\"{version}\""), at),
        VersionAt::Nowhere(at) => (format!("(version = \"{version}\")"), at),
    };
    let attribute = attribute(options, &indent, newline);
    format!(
        "{}{written}{}{newline}{indent}{attribute}{}",
        &source[..at.start],
        &source[at.end..insert_at],
        &source[insert_at..]
    )
}

/// The attribute, in one line if it fits.
fn attribute(options: &[String], indent: &str, newline: &str) -> String {
    let line = line(options);
    if indent.chars().count() + line.chars().count() <= WIDTH {
        return line;
    }
    let options = options.join(&format!(",{newline}{indent}    "));
    format!("#[migrate({newline}{indent}    {options}{newline}{indent})]")
}

/// The same in one line.
#[must_use]
pub fn line(options: &[String]) -> String {
    format!("#[migrate({})]", options.join(", "))
}

fn search(tokens: TokenStream, target: Target<'_>, module: &[String], found: &mut Vec<Place>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                let Some(TokenTree::Group(group)) = tokens.get(index + 1) else { continue };
                let Some((version_at, version)) = version_of(group, target) else { continue };
                let Some((item, name)) = item(&tokens[index + 2..]) else { continue };
                if matches!(target, Target::Nested(wanted) if name != wanted) {
                    continue;
                }
                let attribute = punct.span().byte_range().start..group.span().byte_range().end;
                let is_enum = matches!(item.first(), Some(TokenTree::Ident(word)) if word == "enum");
                let (chain, parts) = (chain(&tokens[index + 2..]), parts(item, is_enum));
                let module = module.to_vec();
                let home = PathBuf::new();
                found.push(Place {
                    attribute,
                    version_at,
                    version,
                    chain,
                    name,
                    module,
                    home,
                    is_enum,
                    parts,
                });
            }
            TokenTree::Group(group) => {
                let before = index.checked_sub(2).map(|start| &tokens[start..index]);
                let inner = match before {
                    Some([TokenTree::Ident(word), TokenTree::Ident(name)]) if word == "mod" => {
                        &[module, &[plain(name)]].concat()
                    }
                    _ => module,
                };
                search(group.stream(), target, inner, found);
            }
            _ => {}
        }
    }
}

/// Where the attribute gives a version, and which, if it can be that of the target.
fn version_of(attribute: &Group, target: Target<'_>) -> Option<(VersionAt, Option<String>)> {
    let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
    let (name, options) = match &tokens[..] {
        [.., TokenTree::Ident(name), TokenTree::Group(options)]
            if options.delimiter() == Delimiter::Parenthesis =>
        {
            (name, Some(options))
        }
        [.., TokenTree::Ident(name)] => (name, None),
        _ => return None,
    };
    let wanted = if matches!(target, Target::Widget(_)) { "widget" } else { "state" };
    if name != wanted {
        return None;
    }
    let option = |wanted: &str| option(options?.stream(), wanted);
    if let Target::Widget(id) = target
        && option("id").is_none_or(|(_, found)| found != id)
    {
        return None;
    }
    let nowhere = match options {
        Some(options) if options.stream().is_empty() => options.span().byte_range(),
        Some(_) => option("version")?.0,
        None => name.span().byte_range().end..name.span().byte_range().end,
    };
    match (option("version"), target) {
        (Some((at, version)), _) => Some((VersionAt::Literal(at), Some(version))),
        (None, Target::Widget(_)) => None,
        (None, _) => Some((VersionAt::Nowhere(nowhere), None)),
    }
}

/// The literal of `wanted = ".."` among options.
fn option(options: TokenStream, wanted: &str) -> Option<(Range<usize>, String)> {
    let options: Vec<TokenTree> = options.into_iter().collect();
    options.windows(3).find_map(|option| match option {
        [TokenTree::Ident(name), TokenTree::Punct(equals), TokenTree::Literal(literal)]
            if name == wanted && equals.as_char() == '=' =>
        {
            Some((literal.span().byte_range(), unquoted(&literal.to_string())))
        }
        _ => None,
    })
}

/// The versions of the `#[migrate(from = "..")]` before the item.
fn chain(tokens: &[TokenTree]) -> Vec<String> {
    let mut chain = Vec::new();
    for pair in tokens.chunks(2) {
        let [TokenTree::Punct(punct), TokenTree::Group(group)] = pair else { break };
        if punct.as_char() != '#' {
            break;
        }
        let attribute: Vec<TokenTree> = group.stream().into_iter().collect();
        if let [.., TokenTree::Ident(name), TokenTree::Group(options)] = &attribute[..]
            && name == "migrate"
        {
            chain.extend(option(options.stream(), "from").map(|(_, version)| version));
        }
    }
    chain
}

/// The text of a literal. Ids and versions have no escapes.
fn unquoted(literal: &str) -> String {
    literal.trim_start_matches('r').trim_matches('#').trim_matches('"').to_owned()
}

/// The struct or enum that the attribute is on, from its keyword on, and its name.
fn item(mut tokens: &[TokenTree]) -> Option<(&[TokenTree], String)> {
    loop {
        tokens = match tokens {
            [TokenTree::Punct(punct), TokenTree::Group(_), rest @ ..] if punct.as_char() == '#' => rest,
            [TokenTree::Ident(public), TokenTree::Group(within), rest @ ..]
                if public == "pub" && within.delimiter() == Delimiter::Parenthesis =>
            {
                rest
            }
            [TokenTree::Ident(public), rest @ ..] if public == "pub" => rest,
            [TokenTree::Ident(keyword), TokenTree::Ident(name), ..]
                if keyword == "struct" || keyword == "enum" =>
            {
                return Some((tokens, plain(name)));
            }
            _ => return None,
        };
    }
}

/// The fields of a struct, or the variants of an enum. A struct without names of fields has none.
fn parts(item: &[TokenTree], is_enum: bool) -> Vec<Written> {
    let body = item.iter().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    });
    let entries = body.map(entries).unwrap_or_default();
    let read = if is_enum { variant } else { field };
    entries.iter().filter_map(|entry| read(entry)).collect()
}

/// What stands between the commas. Those between `<` and `>` count as inside.
fn entries(body: TokenStream) -> Vec<Vec<TokenTree>> {
    let (mut entries, mut entry, mut depth) = (Vec::new(), Vec::new(), 0_usize);
    for token in body {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' && depth == 0 => {
                entries.push(std::mem::take(&mut entry));
                continue;
            }
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        entry.push(token);
    }
    entries.push(entry);
    entries.retain(|entry| !entry.is_empty());
    entries
}

/// `#[..] pub name: Type`; none for a field that is no state.
fn field(tokens: &[TokenTree]) -> Option<Written> {
    let colon =
        tokens.iter().position(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':'))?;
    let TokenTree::Ident(name) = tokens.get(colon.checked_sub(1)?)? else { return None };
    let said = |word: &str| {
        tokens[..colon].iter().find_map(|token| {
            let text = token.to_string().replace(' ', "");
            (matches!(token, TokenTree::Group(_)) && text.contains("state(") && text.contains(word))
                .then_some(text)
        })
    };
    if said("transient").is_some() {
        return None;
    }
    let text = tokens[colon + 1..].iter().cloned().collect::<TokenStream>().to_string();
    let ty = match said("opaque=").as_deref().and_then(|text| text.split('"').nth(1)) {
        Some(codec) => Some(Type::Opaque(codec.to_owned())),
        None => words::ty(&text),
    };
    let name = plain(name);
    let part = |ty| Part { name: name.clone(), carries: Carries::Type(ty) };
    Some(Written { part: ty.map(part), spelt: words::spelt(&text).map(part), name })
}

/// `#[..] Name(Type, ..)`, `Name { field: Type, .. }` or `Name = 3`.
fn variant(tokens: &[TokenTree]) -> Option<Written> {
    let at = tokens.iter().position(|token| matches!(token, TokenTree::Ident(_)))?;
    let TokenTree::Ident(name) = &tokens[at] else { return None };
    let name = plain(name);
    let carries = |read: fn(&str) -> Option<Type>, of: fn(Written) -> Option<Part>| match tokens.get(at + 1) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let fields: Vec<_> = entries(group.stream()).iter().filter_map(|entry| field(entry)).collect();
            fields.into_iter().map(of).collect::<Option<Vec<_>>>().map(Carries::Named)
        }
        Some(TokenTree::Group(group)) => {
            let types = entries(group.stream()).into_iter().map(|entry| {
                let ty: TokenStream = entry.into_iter().skip_while(|token| {
                    matches!(token, TokenTree::Punct(_)) || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket)
                }).collect();
                read(&ty.to_string())
            });
            types.collect::<Option<Vec<_>>>().map(Carries::Unnamed)
        }
        _ => Some(Carries::Nothing),
    };
    let part = |carries| Part { name: name.clone(), carries };
    let spelt = carries(words::spelt, |written| written.spelt).map(part);
    Some(Written { part: carries(words::ty, |written| written.part).map(part), spelt, name })
}

fn plain(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"//! Ünïcode before it.
mod inner {
    /// Counts.
    #[shrine::widget(id = "counter", version = "1.0.0")] // the counter
    #[migrate(from = "0.9.0", rename(count => total))]
    pub struct Counter {
        /// The sum: so far.
        pub total: i64,
        pub(crate) r#type: HashMap<String, Vec<u8>>,
        #[state(transient)]
        cache: Cache,
        last: Option<(u8, u8)>
    }
}
#[widget(version = "0.1.0", id = "clock")] struct Clock { now: u64 }
#[widget]
impl Clock {}
#[state(version = "2")]
#[derive(Clone)]
pub enum Mode { A, #[doc(hidden)] B(u8, #[serde] Vec<u8>), C { #[state(transient)] cache: &'static str, of: char } }
#[state]
struct Plain { x: u8 }
#[shrine::state()]
pub(crate) struct Empty { x: u8 }
#[state(version = "1.5")]
struct Item { x: u8 }
"#;

    fn written(place: &Place) -> Vec<String> {
        let rust = |part: &Part| part.rust(None, &words::Names::default());
        place.parts.iter().map(|written| written.part.as_ref().map_or(written.name.clone(), rust)).collect()
    }

    #[test]
    fn a_widget_is_found_wherever_it_stands() {
        let [counter] = &find(SOURCE, Target::Widget("counter")).unwrap()[..] else { panic!("one counter") };
        assert_eq!(
            (counter.version.as_deref(), &counter.chain, counter.name.as_str()),
            (Some("1.0.0"), &vec!["0.9.0".to_owned()], "Counter")
        );
        assert_eq!(counter.module, ["inner"]);
        let fields = ["total: i64", "r#type: HashMap<String, Vec<u8>>", "last: Option<(u8, u8)>"];
        assert_eq!(written(counter), fields);
        assert_eq!(find(SOURCE, Target::Widget("clock")).unwrap()[0].version.as_deref(), Some("0.1.0"));
        assert!(find(SOURCE, Target::Widget("cloc")).unwrap().is_empty());
        assert!(find("fn broken( {", Target::Widget("clock")).is_err());
    }

    #[test]
    fn a_nested_type_is_found_by_its_name() {
        let found = |name| find(SOURCE, Target::Nested(name)).unwrap().pop().unwrap();
        assert_eq!(found("Item").version.as_deref(), Some("1.5"));
        assert_eq!(found("Mode").version.as_deref(), Some("2"));
        assert_eq!(written(&found("Mode")), ["A", "B(u8, Vec<u8>)", "C { of: char }"]);
        assert_eq!(found("Plain").version, None);
        assert_eq!(found("Empty").version, None);
        assert_eq!(find(SOURCE, Target::AnyNested).unwrap().len(), 4);
    }

    #[test]
    fn a_type_without_a_version_gets_one() {
        let options = ["from = \"1\"".to_owned(), "add(y = 0)".to_owned()];
        let edited = |name| edit(SOURCE, &find(SOURCE, Target::Nested(name)).unwrap()[0], "2", &options);
        let line = "#[migrate(from = \"1\", add(y = 0))]";
        let expected = SOURCE
            .replace("#[state]\nstruct Plain", &format!("#[state(version = \"2\")]\n{line}\nstruct Plain"));
        assert_eq!(edited("Plain"), expected);
        let expected =
            SOURCE.replace("#[shrine::state()]\n", &format!("#[shrine::state(version = \"2\")]\n{line}\n"));
        assert_eq!(edited("Empty"), expected);
    }

    #[test]
    fn a_long_hop_has_a_line_for_each_kind_of_operation() {
        let options = [format!("remove({}: u8)", "a".repeat(60)), format!("add({} = 0)", "b".repeat(60))];
        let edited = edit(SOURCE, &find(SOURCE, Target::Widget("counter")).unwrap()[0], "2.0.0", &options);
        let expected = format!(
            "\n    #[migrate(\n        {},\n        {}\n    )]\n    #[migrate(from = \"0.9.0\"",
            options[0], options[1]
        );
        assert!(edited.contains(&expected), "{edited}");
    }

    #[test]
    fn two_places_change_and_nothing_else() {
        let line = "#[migrate(from = \"1.0.0\", add(x = 0))]";
        let options = ["from = \"1.0.0\"".to_owned(), "add(x = 0)".to_owned()];
        let edited = edit(SOURCE, &find(SOURCE, Target::Widget("counter")).unwrap()[0], "1.1.0", &options);
        let expected = SOURCE.replace(
            "version = \"1.0.0\")] // the counter\n",
            &format!("version = \"1.1.0\")] // the counter\n    {line}\n"),
        );
        assert_eq!(edited, expected);
        let edited = edit(SOURCE, &find(SOURCE, Target::Widget("clock")).unwrap()[0], "0.2.0", &options);
        let expected = SOURCE.replace(
            "#[widget(version = \"0.1.0\", id = \"clock\")] struct",
            &format!("#[widget(version = \"0.2.0\", id = \"clock\")]\n{line} struct"),
        );
        assert_eq!(edited, expected);
    }

    #[test]
    fn lines_end_as_in_the_rest_of_the_file() {
        let source = "#[widget(id = \"a\", version = \"1.0.0\")]\r\nstruct A {}\r\n";
        let edited = edit(
            source,
            &find(source, Target::Widget("a")).unwrap()[0],
            "1.0.1",
            &["from = \"1.0.0\"".to_owned()],
        );
        let expected =
            "#[widget(id = \"a\", version = \"1.0.1\")]\r\n#[migrate(from = \"1.0.0\")]\r\nstruct A {}\r\n";
        assert_eq!(edited, expected);
    }
}

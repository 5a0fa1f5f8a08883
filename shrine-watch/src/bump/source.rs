//! Finds the declaration of a widget or of a nested type in a source file, and edits it: two places change, and nothing
//! else.

use std::ops::Range;
use std::str::FromStr;

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// `#[widget(id = "..", version = "..")]` of that id.
    Widget(&'a str),
    /// `#[state(version = "..")]` on the type of that name.
    Nested(&'a str),
}

/// Where the attribute stands, and what it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bytes of the attribute.
    attribute: Range<usize>,
    /// The bytes of the version's literal, with its quotes.
    version_literal: Range<usize>,
    /// The version.
    pub version: String,
    /// The versions that its `#[migrate]` lines lead from.
    pub chain: Vec<String>,
    /// The fields of the struct that are state; none for an enum.
    pub fields: Option<Vec<Field>>,
}

/// A field, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, without `r#`.
    pub name: String,
    /// Its type, without spaces.
    pub ty: String,
}

/// The declarations in a file.
///
/// # Errors
///
/// When the file is no Rust.
pub fn find(source: &str, target: Target<'_>) -> Result<Vec<Place>, LexError> {
    let mut found = Vec::new();
    search(TokenStream::from_str(source)?, target, &mut found);
    Ok(found)
}

/// The file with another version, and with `line` below the attribute.
#[must_use]
pub fn edit(source: &str, place: &Place, version: &str, line: &str) -> String {
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
    let literal = &place.version_literal;
    format!(
        "{}\"{version}\"{}{newline}{indent}{line}{}",
        &source[..literal.start],
        &source[literal.end..insert_at],
        &source[insert_at..]
    )
}

fn search(tokens: TokenStream, target: Target<'_>, found: &mut Vec<Place>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                let Some(TokenTree::Group(group)) = tokens.get(index + 1) else { continue };
                let Some((version_literal, version)) = version_of(group.stream(), target) else { continue };
                let (item, name) = item(&tokens[index + 2..]);
                if matches!(target, Target::Nested(wanted) if name.as_deref() != Some(wanted)) {
                    continue;
                }
                let attribute = punct.span().byte_range().start..group.span().byte_range().end;
                let (chain, fields) = (chain(&tokens[index + 2..]), fields(item));
                found.push(Place { attribute, version_literal, version, chain, fields });
            }
            TokenTree::Group(group) => search(group.stream(), target, found),
            _ => {}
        }
    }
}

/// The version that the attribute gives, if it can be that of the target.
fn version_of(attribute: TokenStream, target: Target<'_>) -> Option<(Range<usize>, String)> {
    let tokens: Vec<TokenTree> = attribute.into_iter().collect();
    let [.., TokenTree::Ident(name), TokenTree::Group(options)] = &tokens[..] else { return None };
    let wanted = if matches!(target, Target::Widget(_)) { "widget" } else { "state" };
    if name != wanted || options.delimiter() != Delimiter::Parenthesis {
        return None;
    }
    let option = |wanted: &str| option(options.stream(), wanted);
    let fits = match target {
        Target::Widget(id) => option("id").is_some_and(|(_, found)| found == id),
        Target::Nested(_) => true,
    };
    option("version").filter(|_| fits)
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

/// The struct or enum that follows, from its keyword on, and its name.
fn item(tokens: &[TokenTree]) -> (&[TokenTree], Option<String>) {
    let is_keyword =
        |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "struct" || word == "enum");
    let item = tokens.iter().position(is_keyword).map_or(&[][..], |at| &tokens[at..]);
    (item, item.get(1).map(ToString::to_string))
}

/// The fields of a struct.
fn fields(item: &[TokenTree]) -> Option<Vec<Field>> {
    if !matches!(item.first(), Some(TokenTree::Ident(word)) if word == "struct") {
        return None;
    }
    let body = item.iter().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    });
    let mut fields = Vec::new();
    let mut field = Vec::new();
    let mut depth = 0_usize;
    for token in body.into_iter().flatten() {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' && depth == 0 => {
                fields.extend(self::field(&std::mem::take(&mut field)));
                continue;
            }
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        field.push(token);
    }
    fields.extend(self::field(&field));
    Some(fields)
}

/// `#[..] pub name: Type`; none for a field that is no state.
fn field(tokens: &[TokenTree]) -> Option<Field> {
    let colon =
        tokens.iter().position(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':'))?;
    let TokenTree::Ident(name) = tokens.get(colon.checked_sub(1)?)? else { return None };
    let is_transient = tokens[..colon].iter().any(|token| {
        let text = token.to_string().replace(' ', "");
        matches!(token, TokenTree::Group(_)) && text.starts_with("[state(") && text.contains("transient")
    });
    let ty: TokenStream = tokens[colon + 1..].iter().cloned().collect();
    let name = name.to_string().trim_start_matches("r#").to_owned();
    (!is_transient).then(|| Field { name, ty: ty.to_string().replace(' ', "") })
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
pub enum Mode { A }
#[state]
struct Plain { x: u8 }
#[state(version = "1.5")]
struct Item { x: u8 }
"#;

    #[test]
    fn a_widget_is_found_wherever_it_stands() {
        let [counter] = &find(SOURCE, Target::Widget("counter")).unwrap()[..] else { panic!("one counter") };
        assert_eq!((counter.version.as_str(), &counter.chain), ("1.0.0", &vec!["0.9.0".to_owned()]));
        let fields: Vec<_> =
            counter.fields.iter().flatten().map(|field| (field.name.as_str(), field.ty.as_str())).collect();
        assert_eq!(
            fields,
            [("total", "i64"), ("type", "HashMap<String,Vec<u8>>"), ("last", "Option<(u8,u8)>")]
        );
        assert_eq!(find(SOURCE, Target::Widget("clock")).unwrap()[0].version, "0.1.0");
        assert!(find(SOURCE, Target::Widget("cloc")).unwrap().is_empty());
        assert!(find("fn broken( {", Target::Widget("clock")).is_err());
    }

    #[test]
    fn a_nested_type_is_found_by_its_name() {
        let version = |name| find(SOURCE, Target::Nested(name)).unwrap().pop().map(|place| place.version);
        assert_eq!(version("Item").as_deref(), Some("1.5"));
        assert_eq!(version("Mode").as_deref(), Some("2"));
        assert_eq!(version("Plain"), None);
    }

    #[test]
    fn two_places_change_and_nothing_else() {
        let line = "#[migrate(from = \"1.0.0\", add(x = 0))]";
        let edited = edit(SOURCE, &find(SOURCE, Target::Widget("counter")).unwrap()[0], "1.1.0", line);
        let expected = SOURCE.replace(
            "version = \"1.0.0\")] // the counter\n",
            &format!("version = \"1.1.0\")] // the counter\n    {line}\n"),
        );
        assert_eq!(edited, expected);
        let edited = edit(SOURCE, &find(SOURCE, Target::Widget("clock")).unwrap()[0], "0.2.0", line);
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
            "#[migrate(from = \"1.0.0\")]",
        );
        let expected =
            "#[widget(id = \"a\", version = \"1.0.1\")]\r\n#[migrate(from = \"1.0.0\")]\r\nstruct A {}\r\n";
        assert_eq!(edited, expected);
    }
}

//! Names as people read them.

use proc_macro2::Ident;
use quote::ToTokens as _;
use syn::Type;
use syn::ext::IdentExt as _;

/// The name without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// A type as a person would write it: tokens print with more spaces than that.
pub(crate) fn of_type(ty: &Type) -> String {
    let text = ty.to_token_stream().to_string();
    [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" ;", ";"),
        ("& ", "&"),
    ]
    .iter()
    .fold(text, |text, (from, to)| text.replace(from, to))
}

/// "`a`, `b`, `c`", or "nothing".
pub(crate) fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// "did you mean `total`? ", if one of the known names is close to `name`.
pub(crate) fn did_you_mean<T: AsRef<str>>(name: &str, known: impl IntoIterator<Item = T>) -> String {
    let near = known
        .into_iter()
        .map(|known| (distance(name, known.as_ref()), known))
        .filter(|(distance, known)| *distance <= known.as_ref().chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance);
    near.map_or_else(String::new, |(_, known)| format!("did you mean `{}`? ", known.as_ref()))
}

/// How many characters must be added, removed, replaced or swapped with their neighbour (Damerau 1964, Levenshtein 1965).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("totl", ["count", "total"]), "did you mean `total`? ");
        assert_eq!(did_you_mean("form", ["from", "add"]), "did you mean `from`? ");
        assert_eq!(did_you_mean("widget", ["count", "total"]), "");
    }

    #[test]
    fn types_read_as_they_are_written() {
        for text in ["Vec<u8>", "HashMap<u32, Vec<Option<ItemV1>>>", "[(u8, i64); 3]", "a::B", "()"] {
            assert_eq!(of_type(&syn::parse_str(text).unwrap()), text);
        }
    }

    #[test]
    fn an_empty_list_reads_as_nothing() {
        assert_eq!(list([""; 0]), "nothing");
        assert_eq!(list(["a", "b"]), "`a`, `b`");
    }
}

//! Reads the `.d` files in which cargo lists what a library was made of.

use std::path::{Component, Path, PathBuf};

/// The files that the first rule of a `.d` file depends on.
///
/// The format is that of a makefile: `target: first second`, with a backslash before a space in a name. Cargo writes
/// one rule with absolute paths, `include_str!` files, path dependencies and inputs of build scripts included.
#[must_use]
pub fn inputs(text: &str) -> Vec<PathBuf> {
    let rule = text.lines().find_map(split_rule).unwrap_or_default();
    let mut inputs = Vec::new();
    let mut name = String::new();
    let mut characters = rule.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&' ') => name.extend(characters.next()),
            ' ' | '\t' => take(&mut name, &mut inputs),
            _ => name.push(character),
        }
    }
    take(&mut name, &mut inputs);
    inputs
}

/// A path without `.` and `..`, as cargo writes it and events name it: the compiler writes `src/../data.txt` for
/// `include_str!("../data.txt")`.
#[must_use]
pub fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

/// What follows the target, which may itself contain `\ ` and colons.
fn split_rule(line: &str) -> Option<&str> {
    line.split_once(": ").map(|(_, rule)| rule)
}

fn take(name: &mut String, inputs: &mut Vec<PathBuf>) {
    if !name.is_empty() {
        inputs.push(std::mem::take(name).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_what_follows_the_target() {
        let found = inputs("/t/debug/libcounter.so: /p/src/lib.rs /p/src/item.rs\n");
        assert_eq!(found, [PathBuf::from("/p/src/lib.rs"), "/p/src/item.rs".into()]);
    }

    #[test]
    fn escaped_spaces_belong_to_a_name() {
        let found = inputs("/my\\ target/lib.so: /a\\ b/src/lib.rs /c.rs");
        assert_eq!(found, [PathBuf::from("/a b/src/lib.rs"), "/c.rs".into()]);
    }

    #[test]
    fn paths_are_compared_without_detours() {
        assert_eq!(normal(Path::new("/p/src/../data.txt")), Path::new("/p/data.txt"));
        assert_eq!(normal(Path::new("/p/./a/b/../../c")), Path::new("/p/c"));
        assert_eq!(normal(Path::new("/../p")), Path::new("/p"));
    }

    #[test]
    fn a_backslash_elsewhere_is_itself() {
        assert_eq!(inputs(r"t: /a\b.rs"), [PathBuf::from(r"/a\b.rs")]);
    }

    #[test]
    fn nothing_is_found_where_there_is_no_rule() {
        assert!(inputs("").is_empty());
        assert!(inputs("no rule here").is_empty());
        assert!(inputs("t: ").is_empty());
    }
}

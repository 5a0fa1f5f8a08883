//! What has to be compiled, and in which order: values in, values out.

use std::collections::BTreeSet;

use crate::build::stamp::Snapshot;

/// What has to be compiled.
#[derive(Debug)]
pub(in crate::build) struct Plan {
    /// When the files were looked at.
    pub(super) began: std::time::SystemTime,
    /// What was in them.
    pub(super) snapshot: Snapshot,
    /// The units, by their keys; each after those that it is made of.
    pub(super) dirty: Vec<String>,
    /// The packages that were asked for, with the keys of their libraries.
    pub(super) tips: Vec<(String, String)>,
}

/// A unit and all that it is made of; each after those that it is made of itself.
pub(super) fn bottom_up<'a>(key: &str, below: impl Fn(&str) -> &'a [String]) -> Vec<String> {
    all_bottom_up([key.to_owned()].iter(), below)
}

/// The same for several units.
pub(super) fn all_bottom_up<'a, 'k>(
    keys: impl Iterator<Item = &'k String>,
    below: impl Fn(&str) -> &'a [String],
) -> Vec<String> {
    let (mut order, mut seen) = (Vec::new(), BTreeSet::new());
    // What is to be entered, and what is to be left, with all below it in the order already.
    let mut waiting: Vec<(String, bool)> = keys.map(|key| (key.clone(), false)).collect();
    waiting.reverse();
    while let Some((key, is_done)) = waiting.pop() {
        if is_done {
            order.push(key);
        } else if seen.insert(key.clone()) {
            let next: Vec<_> = below(&key).iter().rev().map(|key| (key.clone(), false)).collect();
            waiting.push((key, true));
            waiting.extend(next);
        }
    }
    order
}

/// Whether the output of a build script says which files or variables it depends on. Cargo runs one that does not say so
/// whenever anything in its package has changed.
pub(super) fn says_what_it_reads(output: &str) -> bool {
    let mut lines = output.lines();
    lines.any(|line| line.starts_with("cargo:rerun-if-") || line.starts_with("cargo::rerun-if-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_comes_once_after_those_that_it_is_made_of() {
        let keys = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (left, right, base) = (keys(&["types", "base"]), keys(&["base", "types"]), keys(&["base"]));
        let below = |key: &str| match key {
            "left" => left.as_slice(),
            "right" => right.as_slice(),
            "types" => base.as_slice(),
            _ => &[],
        };
        assert_eq!(bottom_up("left", below), ["base", "types", "left"]);
        let both = keys(&["right", "left"]);
        assert_eq!(all_bottom_up(both.iter(), below), ["base", "types", "right", "left"]);
    }

    #[test]
    fn a_build_script_says_what_it_reads_in_either_form() {
        assert!(says_what_it_reads("cargo:rustc-cfg=x\ncargo:rerun-if-changed=data\n"));
        assert!(says_what_it_reads("cargo::rerun-if-env-changed=MODE\n"));
        assert!(!says_what_it_reads("cargo:rustc-cfg=x\nrerun-if-changed\n"));
    }
}

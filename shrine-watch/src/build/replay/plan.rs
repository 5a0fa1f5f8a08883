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

/// What has to be compiled of units in that order: what has changed itself, and all that is made of it.
pub(super) fn dirty<'a>(
    order: &[String],
    below: impl Fn(&str) -> &'a [String],
    is_changed: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut dirty: Vec<String> = Vec::new();
    for key in order {
        if below(key).iter().any(|below| dirty.contains(below)) || is_changed(key) {
            dirty.push(key.clone());
        }
    }
    dirty
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
    fn what_is_above_a_change_is_compiled_and_nothing_else() {
        let keys = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (left, right, middle) = (keys(&["middle"]), keys(&["base"]), keys(&["base"]));
        let below = |key: &str| match key {
            "left" => left.as_slice(),
            "right" => right.as_slice(),
            "middle" => middle.as_slice(),
            _ => &[],
        };
        let order = keys(&["base", "middle", "left", "right"]);
        let dirty = |changed: &str| dirty(&order, below, |key| key == changed);
        assert_eq!(dirty("base"), order);
        assert_eq!(dirty("middle"), ["middle", "left"]);
        assert_eq!(dirty("right"), ["right"]);
        assert!(dirty("elsewhere").is_empty());
    }
}

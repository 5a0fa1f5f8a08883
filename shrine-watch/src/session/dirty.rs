//! What has to be built, and what of it goes together.

use std::collections::BTreeSet;

/// Packages that changed together, and so are updated together or not at all.
pub(super) type Group = BTreeSet<String>;

/// What has to be built.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub(super) all: bool,
    pub(super) capture: bool,
    /// Whether the scene has to be applied; it waits for the code.
    pub(super) scene: bool,
    /// Invariant: no package is in two groups.
    groups: Vec<Group>,
    /// What was built, and did not get in: it waits for the next edit of one of its packages.
    held: Vec<Group>,
}

impl Dirty {
    /// Whether there is anything to build.
    pub(super) fn is_empty(&self) -> bool {
        !self.all && !self.capture && self.groups.is_empty()
    }

    /// The packages, if not all.
    pub(super) fn packages(&self) -> Option<BTreeSet<String>> {
        (!self.all).then(|| self.groups.iter().flatten().cloned().collect())
    }

    /// Takes in packages that changed together: with what else has to be built of theirs, they are one group.
    pub(super) fn add(&mut self, packages: Group) {
        if packages.is_empty() {
            return;
        }
        let mut group = packages;
        let mut before = 0;
        while before < group.len() {
            before = group.len();
            for groups in [&mut self.groups, &mut self.held] {
                let all = std::mem::take(groups).into_iter();
                let (same, apart): (Vec<_>, _) = all.partition(|other| !other.is_disjoint(&group));
                group.extend(same.into_iter().flatten());
                *groups = apart;
            }
        }
        self.groups.push(group);
    }

    /// Keeps packages back until one of them changes.
    pub(super) fn hold(&mut self, packages: Group) {
        self.held.push(packages);
    }

    /// Has nothing more against packages that were kept back.
    pub(super) fn release(&mut self, packages: &Group) {
        self.held.retain(|group| !group.is_subset(packages));
    }

    /// Hands out the groups that a build of `packages` was about, and has nothing more to build of them.
    pub(super) fn take(&mut self, packages: &BTreeSet<String>) -> Vec<Group> {
        if std::mem::take(&mut self.all) {
            self.groups.clear();
            self.held.clear();
            self.groups.push(packages.clone());
        }
        self.capture = false;
        std::mem::take(&mut self.groups)
    }

    /// Forgets packages that are no more.
    pub(super) fn retain(&mut self, is_there: impl Fn(&String) -> bool) {
        for groups in [&mut self.groups, &mut self.held] {
            groups.iter_mut().for_each(|group| group.retain(&is_there));
            groups.retain(|group| !group.is_empty());
        }
    }
}

//! What this process holds.

use std::fs;

/// What a process holds at some time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    /// Memory that no file backs, in KiB.
    pub(crate) private_kib: usize,
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    pub(crate) mappings: usize,
}

impl Held {
    pub(crate) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("the status of this process");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            line.split_whitespace().find_map(|word| word.parse().ok()).expect(name)
        };
        let descriptors = fs::read_dir("/proc/self/fd").expect("the descriptors of this process").count();
        let maps = fs::read_to_string("/proc/self/maps").expect("the mappings of this process");
        Self {
            private_kib: number("RssAnon"),
            // With the one that they are listed with, each time.
            descriptors,
            threads: number("Threads"),
            mappings: maps.lines().count(),
        }
    }
}

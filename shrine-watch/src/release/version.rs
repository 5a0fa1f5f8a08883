//! Versions: `1.0.0`, and the short ones of nested types.

use semver::Version;

/// Orders versions as semver does. What is none comes first.
#[must_use]
pub fn order(version: &str) -> Option<Version> {
    let parts = version.split(['-', '+']).next().unwrap_or_default().split('.').count();
    let padding = ".0".repeat(3_usize.saturating_sub(parts));
    Version::parse(&format!("{version}{padding}")).ok()
}

/// Which part of a version goes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The first.
    Major,
    /// The second.
    Minor,
    /// The third.
    Patch,
}

/// The next version, with as many parts as that one; without a level the second part goes up, or the last of fewer. A
/// pre-release becomes its release. None for what is no version.
#[must_use]
pub fn next(version: &str, level: Option<Level>) -> Option<String> {
    let Version { major, minor, patch, pre, .. } = order(version)?;
    let parts = version.split(['-', '+']).next().unwrap_or_default().split('.').count();
    let level = level.unwrap_or(if parts == 1 { Level::Major } else { Level::Minor });
    let (major, minor, patch) = match level {
        Level::Major if !pre.is_empty() && minor == 0 && patch == 0 => (major, 0, 0),
        Level::Major => (major + 1, 0, 0),
        Level::Minor if !pre.is_empty() && patch == 0 => (major, minor, 0),
        Level::Minor => (major, minor + 1, 0),
        Level::Patch if !pre.is_empty() => (major, minor, patch),
        Level::Patch => (major, minor, patch + 1),
    };
    let used = if patch > 0 {
        3
    } else if minor > 0 {
        2
    } else {
        1
    };
    let numbers = [major, minor, patch].map(|number| number.to_string());
    Some(numbers[..parts.max(used)].join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_has_as_many_parts() {
        let next = |version, level| next(version, level).unwrap_or_default();
        assert_eq!(next("0.9.3", None), "0.10.0");
        assert_eq!(next("1.2.3", Some(Level::Major)), "2.0.0");
        assert_eq!(next("1.2.3", Some(Level::Patch)), "1.2.4");
        assert_eq!(next("1", None), "2");
        assert_eq!(next("1.5", None), "1.6");
        assert_eq!(next("1", Some(Level::Minor)), "1.1");
        assert_eq!(next("1.0.0-rc.1", None), "1.0.0");
        assert_eq!(next("one", None), "");
    }

    #[test]
    fn short_versions_are_padded() {
        assert_eq!(order("2"), order("2.0.0"));
        assert!(order("1.9") < order("1.10.0-rc.1"));
        assert_eq!(order("one"), None);
    }
}

//! Values that the current code has no field for.
//!
//! A field that goes away takes its value to the attic of its instance; when a field of that name and type comes
//! back (an edit is undone, a release is reverted), so does the value.

use std::borrow::Cow;

use super::{State, from_bytes, to_bytes};

/// How many bytes of values one attic keeps. The oldest go first.
pub const ATTIC_LIMIT: usize = 1 << 20;

/// How much room of a value may be left unused: as much as an allocator cannot use otherwise.
const SPARE: usize = 24;

/// The attic of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attic {
    // Sorted by version and path, so that the lists of thousands of elements that lose a field stay cheap.
    entries: Vec<AtticEntry>,
    next: u64,
    size: usize,
}

/// A value without a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtticEntry {
    /// The version of the state that had the field.
    pub version: Cow<'static, str>,
    /// The path of the field, as `items[2].done`.
    pub path: Cow<'static, str>,
    /// The fingerprint of the field's type.
    pub fingerprint: u64,
    /// The encoded value.
    pub value: Vec<u8>,
    /// Counts up with each entry: the lowest is the oldest.
    pub age: u64,
}

impl Attic {
    /// What is in it, sorted by version and path.
    #[must_use]
    pub fn entries(&self) -> &[AtticEntry] {
        &self.entries
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts a value away. It replaces an older one of the same version and path.
    pub fn put<T: State>(
        &mut self,
        version: impl Into<Cow<'static, str>>,
        path: impl Into<Cow<'static, str>>,
        value: &T,
    ) {
        if let Ok(mut value) = to_bytes(value) {
            if value.capacity() - value.len() > SPARE {
                value.shrink_to_fit();
            }
            self.put_encoded(version, path, T::FINGERPRINT, value);
        }
    }

    /// Takes a value back, if one of that version, path and type is there.
    pub fn take<T: State>(&mut self, version: &str, path: &str) -> Option<T> {
        from_bytes(&self.take_encoded(version, path, T::FINGERPRINT)?).ok()
    }

    /// Puts an encoded value away.
    pub fn put_encoded(
        &mut self,
        version: impl Into<Cow<'static, str>>,
        path: impl Into<Cow<'static, str>>,
        fingerprint: u64,
        value: Vec<u8>,
    ) {
        self.size += value.len();
        let (version, path) = (version.into(), path.into());
        let entry = AtticEntry { version, path, fingerprint, value, age: self.next };
        self.next += 1;
        match self.find(&entry.version, &entry.path) {
            Ok(at) => self.size -= std::mem::replace(&mut self.entries[at], entry).value.len(),
            Err(at) => self.entries.insert(at, entry),
        }
        if self.size > ATTIC_LIMIT {
            self.shrink();
        }
    }

    /// Takes an encoded value back.
    pub fn take_encoded(&mut self, version: &str, path: &str, fingerprint: u64) -> Option<Vec<u8>> {
        let at = self.find(version, path).ok().filter(|at| self.entries[*at].fingerprint == fingerprint)?;
        let value = self.entries.remove(at).value;
        self.size -= value.len();
        Some(value)
    }

    /// Whether a value of that version and path is there, whatever its type.
    #[must_use]
    pub fn has(&self, version: &str, path: &str) -> bool {
        self.find(version, path).is_ok()
    }

    /// Takes out what was below a place: at `items[2]`, that of `items[2].done`.
    #[must_use]
    pub fn split(&mut self, place: &str) -> Self {
        let mut below = Self::default();
        let is_below = |entry: &AtticEntry| {
            let rest = entry.path.strip_prefix(place);
            rest.is_some_and(|rest| rest.is_empty() || place.is_empty() || rest.starts_with(['.', '[']))
        };
        let mut start = 0;
        // Within a version, what is below a place is together, but for paths that only begin alike.
        while let Some(first) = self.entries.get(start) {
            let end = start + self.entries[start..].partition_point(|entry| entry.version == first.version);
            let from = start + self.entries[start..end].partition_point(|entry| &*entry.path < place);
            let len = self.entries[from..end].partition_point(|entry| entry.path.starts_with(place));
            let taken: Vec<_> = self.entries.extract_if(from..from + len, |entry| is_below(entry)).collect();
            start = end - taken.len();
            below.entries.extend(taken);
        }
        below.size = below.entries.iter().map(|entry| entry.value.len()).sum();
        below.next = self.next;
        self.size -= below.size;
        below
    }

    /// Puts in what another one has.
    pub fn merge(&mut self, other: Self) {
        for AtticEntry { version, path, fingerprint, value, .. } in other.entries {
            self.put_encoded(version, path, fingerprint, value);
        }
    }

    fn find(&self, version: &str, path: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| (&*entry.version, &*entry.path).cmp(&(version, path)))
    }

    /// Lets the oldest go, a quarter more than needed, so that it is seldom done.
    fn shrink(&mut self) {
        let mut ages: Vec<_> = self.entries.iter().map(|entry| (entry.age, entry.value.len())).collect();
        ages.sort_unstable();
        let mut keep_from = self.next;
        for (age, len) in ages {
            if self.size <= ATTIC_LIMIT / 4 * 3 {
                keep_from = age;
                break;
            }
            self.size -= len;
        }
        self.entries.retain(|entry| entry.age >= keep_from);
    }
}

record! {
    Attic { entries, next, size }
    AtticEntry { version, path, fingerprint, value, age }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_to_a_field_of_its_version_path_and_type_only() {
        let mut attic = Attic::default();
        attic.put("1.0.0", "title", &"Ada".to_owned());
        assert_eq!(attic.take::<String>("1.1.0", "title"), None);
        assert_eq!(attic.take::<u64>("1.0.0", "title"), None);
        assert_eq!(attic.take::<String>("1.0.0", "title").as_deref(), Some("Ada"));
        assert!(attic.is_empty());
    }

    #[test]
    fn what_is_below_a_place_goes_and_comes_together() {
        let mut attic = Attic::default();
        let paths = ["items[1]", "items[1].done", "items[1][0]", "items[10].done", "items[2].done", "items"];
        for (path, version) in paths.iter().flat_map(|path| [(path, "1"), (path, "2")]) {
            attic.put(version, *path, &format!("{version} {path}"));
        }
        let whole = attic.clone();
        let below = attic.split("items[1]");
        let found: Vec<_> = below.entries().iter().map(|entry| (&*entry.version, &*entry.path)).collect();
        let expected = ["items[1]", "items[1].done", "items[1][0]"];
        assert_eq!(found, [expected.map(|path| ("1", path)), expected.map(|path| ("2", path))].concat());
        assert_eq!((attic.entries().len(), attic.size + below.size), (6, whole.size));
        assert!(attic.split("nowhere").is_empty());
        attic.merge(below);
        let contents = |attic: &Attic| {
            attic.entries().iter().map(|entry| (entry.path.clone(), entry.value.clone())).collect::<Vec<_>>()
        };
        assert_eq!((contents(&attic), attic.size), (contents(&whole), whole.size));
    }

    #[test]
    fn the_oldest_values_go_first() {
        let mut attic = Attic::default();
        for index in 0..20 {
            attic.put("1.0.0", format!("z[{}]", 20 - index), &vec![0_u8; ATTIC_LIMIT / 10]);
        }
        assert!(attic.size <= ATTIC_LIMIT);
        assert!(attic.take::<Vec<u8>>("1.0.0", "z[20]").is_none(), "the first one went");
        assert!(attic.take::<Vec<u8>>("1.0.0", "z[1]").is_some(), "the last one stayed");
    }
}

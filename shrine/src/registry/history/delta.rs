//! The difference between two byte strings.
//!
//! Made for the encoded states of one instance, which mostly differ in a few places. Finding a difference takes time in
//! proportion to the longer of the two, whatever is in them: their common start and end are passed over by comparing
//! eight bytes at a time, and what is between is compared *straight* on (fields that changed in place). Only where that
//! fails, because something became longer or shorter, windows of the base are looked up by a hash, as rsync does.
//!
//! Invariant: the runs that a difference copies are in the order of the base and do not overlap. So putting two
//! differences together never takes more room than both.

/// How one byte string is made from another, the base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Delta {
    /// None where all bytes are fresh.
    hunks: Box<[Hunk]>,
    fresh: Box<[u8]>,
}

/// A run of the base, followed by bytes that are not from the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hunk {
    from: usize,
    copied: usize,
    fresh: usize,
}

/// The shortest run that is copied: shorter ones take less room as fresh bytes than as a hunk.
const RUN: usize = 32;
/// How many bytes are compared at once, and hashed.
const WINDOW: usize = size_of::<u64>();
/// How many windows of the base are looked up at most; those of a longer base are further apart.
const WINDOWS: usize = 1 << 18;

impl Delta {
    /// What makes `target` from `base`.
    pub(super) fn between(base: &[u8], target: &[u8]) -> Self {
        if target.len() <= size_of::<Hunk>() {
            // A hunk alone takes more room.
            return Self::whole(target);
        }
        let start = common_start(base, target);
        let (base_rest, target_rest) = (&base[start..], &target[start..]);
        let mut end = common_end(base_rest, target_rest);
        if end < size_of::<Hunk>() {
            end = 0;
        }
        let mut delta = Builder::default();
        delta.copy(0, start);
        let changed = &target_rest[..target_rest.len() - end];
        delta.changed(start, &base_rest[..base_rest.len() - end], changed);
        delta.copy(base.len() - end, end);
        let delta = delta.finish();
        if delta.held() > target.len() + size_of::<Hunk>() { Self::whole(target) } else { delta }
    }

    /// Writes what is made from `base` to the end of `out`.
    pub(super) fn apply(&self, base: &[u8], out: &mut Vec<u8>) {
        let mut fresh = &self.fresh[..];
        for hunk in self.hunks(&self.whole_hunk()) {
            // Always within the base that the difference was made with.
            out.extend_from_slice(base.get(hunk.from..hunk.from + hunk.copied).unwrap_or_default());
            let (now, later) = fresh.split_at(hunk.fresh);
            out.extend_from_slice(now);
            fresh = later;
        }
    }

    /// The difference from the base of `first`, which makes the base of this one.
    pub(super) fn over(&self, first: &Self) -> Self {
        let mut pieces = Vec::with_capacity(first.hunks.len().max(1));
        let (mut at, mut fresh_at) = (0, 0);
        for hunk in first.hunks(&first.whole_hunk()) {
            pieces.push((at, fresh_at, *hunk));
            at += hunk.copied + hunk.fresh;
            fresh_at += hunk.fresh;
        }
        let mut delta = Builder::default();
        let mut fresh = &self.fresh[..];
        for hunk in self.hunks(&self.whole_hunk()) {
            let (mut from, end) = (hunk.from, hunk.from + hunk.copied);
            let begin = pieces.partition_point(|(at, ..)| *at <= from).saturating_sub(1);
            for (at, fresh_at, piece) in &pieces[begin..] {
                if from >= end {
                    break;
                }
                let (inserted, over) = (at + piece.copied, at + piece.copied + piece.fresh);
                if from < inserted {
                    let until = end.min(inserted);
                    delta.copy(piece.from + (from - at), until - from);
                    from = until;
                }
                if from >= inserted && from < end && from < over {
                    let until = end.min(over);
                    delta.insert(&first.fresh[fresh_at + (from - inserted)..fresh_at + (until - inserted)]);
                    from = until;
                }
            }
            let (now, later) = fresh.split_at(hunk.fresh);
            delta.insert(now);
            fresh = later;
        }
        delta.finish()
    }

    /// How many bytes it holds, without itself.
    pub(super) fn held(&self) -> usize {
        size_of_val(&*self.hunks) + self.fresh.len()
    }

    fn whole(target: &[u8]) -> Self {
        Self { hunks: Box::default(), fresh: target.into() }
    }

    /// What stands for no hunks.
    fn whole_hunk(&self) -> [Hunk; 1] {
        [Hunk { from: 0, copied: 0, fresh: self.fresh.len() }]
    }

    fn hunks<'a>(&'a self, whole: &'a [Hunk; 1]) -> &'a [Hunk] {
        if self.hunks.is_empty() { whole } else { &self.hunks }
    }
}

#[derive(Default)]
struct Builder {
    hunks: Vec<Hunk>,
    fresh: Vec<u8>,
}

impl Builder {
    fn copy(&mut self, from: usize, len: usize) {
        match self.hunks.last_mut() {
            _ if len == 0 => {}
            Some(last) if last.fresh == 0 && last.from + last.copied == from => last.copied += len,
            _ => self.hunks.push(Hunk { from, copied: len, fresh: 0 }),
        }
    }

    fn insert(&mut self, bytes: &[u8]) {
        match self.hunks.last_mut() {
            _ if bytes.is_empty() => return,
            Some(last) => last.fresh += bytes.len(),
            None => self.hunks.push(Hunk { from: 0, copied: 0, fresh: bytes.len() }),
        }
        self.fresh.extend_from_slice(bytes);
    }

    /// Adds what makes `target` from `base`, which begins at `start` of the whole base.
    fn changed(&mut self, start: usize, base: &[u8], target: &[u8]) {
        let mut index = None;
        // Up to where the target is made, and the base used.
        let (mut made, mut used) = (0, 0);
        let mut at = 0;
        // Before this, comparing straight on is known to fail.
        let mut straight = 0;
        while at + RUN <= target.len() {
            let mut found = None;
            if at >= straight {
                let here = used + (at - made);
                let run = base.get(here..).map_or(0, |base| common_start(base, &target[at..]));
                straight = at + run + 1;
                found = (run >= RUN).then_some((here, run));
            }
            if found.is_none() && at - made >= RUN && base.len() >= used + RUN {
                let index = index.get_or_insert_with(|| Index::new(base));
                found = index.find(base, used, &target[at..]);
            }
            if let Some((here, run)) = found {
                let back = common_end(&base[used..here], &target[made..at]);
                self.insert(&target[made..at - back]);
                self.copy(start + here - back, run + back);
                (made, used) = (at + run, here + run);
                (at, straight) = (made, made);
            } else {
                // Bytes that are like nothing in the base are passed over faster and faster. The steps are odd and the
                // windows of the base a power of two apart, so that a long run is found all the same.
                at += 1 + 2 * ((at - made) / 256).min(7);
            }
        }
        self.insert(&target[made..]);
    }

    fn finish(mut self) -> Delta {
        if let [Hunk { copied: 0, .. }] = self.hunks[..] {
            self.hunks.clear();
        }
        Delta { hunks: self.hunks.into(), fresh: self.fresh.into() }
    }
}

/// Where windows of the base are.
struct Index {
    /// For each hash, the first window that was not passed yet, counted from 1; 0 is none.
    first: Vec<u32>,
    /// For each window, the next one of the same hash.
    next: Vec<u32>,
    stride: usize,
    shift: u32,
}

impl Index {
    fn new(base: &[u8]) -> Self {
        let stride = (base.len() / WINDOWS).max(2 * WINDOW).next_power_of_two();
        let windows = base.len().saturating_sub(WINDOW - 1).div_ceil(stride);
        let slots = (windows * 2).max(2).next_power_of_two();
        let shift = u64::BITS - slots.trailing_zeros();
        let mut index = Self { first: vec![0; slots], next: vec![0; windows], stride, shift };
        // From the end, so that each list goes from the first to the last.
        for window in (0..windows).rev() {
            let slot = index.slot(&base[window * stride..]);
            index.next[window] = index.first[slot];
            index.first[slot] = u32::try_from(window + 1).unwrap_or_default();
        }
        index
    }

    /// The first run of the base, not before `used`, that `target` begins with.
    fn find(&mut self, base: &[u8], used: usize, target: &[u8]) -> Option<(usize, usize)> {
        let slot = self.slot(target);
        loop {
            let window = (self.first[slot] as usize).checked_sub(1)?;
            let here = window * self.stride;
            if here >= used {
                let run = common_start(&base[here..], target);
                return (run >= RUN).then_some((here, run));
            }
            // What is passed is passed for good: all these steps together are no more than there are windows.
            self.first[slot] = self.next[window];
        }
    }

    fn slot(&self, bytes: &[u8]) -> usize {
        let hash = word(bytes).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift;
        usize::try_from(hash).unwrap_or_default()
    }
}

/// The first bytes as a number; there are at least [`WINDOW`].
fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |chunk: &[u8; WINDOW]| u64::from_le_bytes(*chunk))
}

fn common_start(left: &[u8], right: &[u8]) -> usize {
    const BLOCK: usize = 256;
    let len = left.len().min(right.len());
    let (left, right) = (&left[..len], &right[..len]);
    let mut at = 0;
    // Whole blocks first: comparing slices is the fastest there is, in builds without optimisation too.
    while at + BLOCK <= len && left[at..at + BLOCK] == right[at..at + BLOCK] {
        at += BLOCK;
    }
    while at + WINDOW <= len && word(&left[at..]) == word(&right[at..]) {
        at += WINDOW;
    }
    at + left[at..].iter().zip(&right[at..]).take_while(|(left, right)| left == right).count()
}

fn common_end(left: &[u8], right: &[u8]) -> usize {
    const BLOCK: usize = 256;
    let len = left.len().min(right.len());
    let (left, right) = (&left[left.len() - len..], &right[right.len() - len..]);
    let mut at = len;
    while at >= BLOCK && left[at - BLOCK..at] == right[at - BLOCK..at] {
        at -= BLOCK;
    }
    let rest = left[..at].iter().rev().zip(right[..at].iter().rev());
    len - at + rest.take_while(|(left, right)| left == right).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What makes a byte string of that length from itself.
    fn identity(len: usize) -> Delta {
        let mut delta = Builder::default();
        delta.copy(0, len);
        delta.finish()
    }

    fn made(delta: &Delta, base: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        delta.apply(base, &mut out);
        out
    }

    /// Bytes in which no window repeats by chance.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn fields_that_change_in_distant_places_take_little_room() {
        let base = noise(100_000);
        let mut target = base.clone();
        target[10] ^= 1;
        target[50_000] ^= 1;
        target[99_000] ^= 1;
        let delta = Delta::between(&base, &target);
        assert_eq!(made(&delta, &base), target);
        assert!(delta.held() < 150, "{}", delta.held());
    }

    #[test]
    fn what_became_longer_and_shorter_in_several_places_takes_little_room() {
        let base = noise(100_000);
        let mut target = base.clone();
        target.splice(90_000..90_100, []);
        target.splice(50_000..50_001, [1, 2, 3]);
        target.splice(20..20, [0xcd, 0x01]);
        target.truncate(target.len() - 3);
        for (from, to) in [(&base, &target), (&target, &base)] {
            let delta = Delta::between(from, to);
            assert_eq!(&made(&delta, from), to);
            assert!(delta.held() < 500, "{}", delta.held());
        }
    }

    #[test]
    fn a_long_run_is_found_after_much_that_is_new() {
        let base = noise(20_000);
        let mut target = vec![7; 50_003];
        target.extend_from_slice(&base[1_000..]);
        target.extend(vec![9; 1_000]);
        let delta = Delta::between(&base, &target);
        assert_eq!(made(&delta, &base), target);
        assert!(delta.held() < 52_000, "{}", delta.held());
    }

    #[test]
    fn it_never_takes_more_than_a_copy_and_a_hunk() {
        let (base, target) = (noise(1000), vec![3; 1500]);
        assert!(Delta::between(&base, &target).held() <= 1500 + size_of::<Hunk>());
        assert_eq!(Delta::between(&base, &[]).held(), 0);
        assert_eq!(made(&Delta::between(&[], &base), &[]), base);
        assert_eq!(made(&identity(1000), &base), base);
    }

    #[test]
    fn ten_thousand_messages_on_one_field_come_together_to_one_change() {
        let base = noise(10_000);
        let mut newest = base.clone();
        let mut back = identity(base.len());
        for index in 0..10_000_u32 {
            let mut next = newest.clone();
            next[5_000..5_004].copy_from_slice(&index.to_le_bytes());
            next[7_000] ^= 1;
            back = back.over(&Delta::between(&next, &newest));
            newest = next;
        }
        assert_eq!(made(&back, &newest), base);
        assert!(back.held() < 150, "{}", back.held());
    }

    #[cfg(feature = "fixtures")]
    #[test]
    fn any_two_byte_strings_and_any_chain_of_them() {
        let mut rng = fastrand::Rng::with_seed(7);
        for round in 0..3_000 {
            // Few different bytes, and repeated parts: windows are equal in many places.
            let letters = if round % 3 == 0 { 2 } else { 250 };
            let mut texts = vec![edited(&mut rng, &[], letters)];
            for _ in 0..4 {
                let text = edited(&mut rng, &texts[texts.len() - 1], letters);
                texts.push(text);
            }
            let deltas: Vec<_> = texts.windows(2).map(|pair| Delta::between(&pair[0], &pair[1])).collect();
            let mut whole = identity(texts[0].len());
            for (delta, pair) in deltas.iter().zip(texts.windows(2)) {
                assert_eq!(made(delta, &pair[0]), pair[1]);
                assert!(delta.held() <= pair[1].len() + size_of::<Hunk>());
                let together = delta.over(&whole);
                assert!(together.held() <= delta.held() + whole.held());
                whole = together;
                assert_eq!(made(&whole, &texts[0]), pair[1]);
            }
        }
    }

    /// The text with some parts removed, repeated, moved, and made new.
    #[cfg(feature = "fixtures")]
    fn edited(rng: &mut fastrand::Rng, text: &[u8], letters: u8) -> Vec<u8> {
        let mut text = text.to_vec();
        for _ in 0..rng.usize(0..5) {
            let from = rng.usize(0..=text.len());
            let until = (from + rng.usize(0..300)).min(text.len());
            match rng.usize(0..4) {
                0 => drop(text.drain(from..until)),
                1 => {
                    let part = text[from..until].to_vec();
                    let to = rng.usize(0..=text.len());
                    text.splice(to..to, part);
                }
                2 => text[from..until].iter_mut().step_by(40).for_each(|byte| *byte = rng.u8(..letters)),
                _ => {
                    let part: Vec<_> = (0..rng.usize(0..700)).map(|_| rng.u8(..letters)).collect();
                    text.splice(from..from, part);
                }
            }
        }
        text
    }
}

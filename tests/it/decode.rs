//! No bytes can hurt: whatever is decoded as a state, as whatever version, ends in a value or an error.

use std::collections::BTreeMap;

use shrine::state::to_bytes;
use shrine::{State, Value};
use shrine_tests::hostile::{
    Everything, EverythingV1_0_0, EverythingV2_0_0, Item, ItemV1, Machine, Mode, TARGETS, Target, Tree,
};

#[test]
fn a_million_hostile_byte_strings_end_in_a_value_or_an_error() {
    let mut random = Random(0x5eed);
    let seeds: Vec<_> = TARGETS.iter().map(Target::seed).collect();
    let (mut read, mut refused) = (0_u32, 0_u32);
    for round in 0..1_000_000_u32 {
        let bytes = match round % 8 {
            0 => arbitrary(&mut random),
            _ => mutated(&mut random, &seeds),
        };
        let target = TARGETS[round as usize % TARGETS.len()];
        match target.read(&bytes) {
            true => read += 1,
            false => refused += 1,
        }
    }
    assert!(read > 1000 && refused > 1000, "both happen: {read} read, {refused} refused");
}

/// The fuzzer begins with them. `SHRINE_SEEDS=write` writes those that are missing or another state now.
#[test]
fn the_seeds_of_the_fuzzer_are_states_of_their_versions() {
    for target in TARGETS {
        let (seed, file) = (target.seed(), target.seed_file());
        assert!(target.read(&seed), "{target:?}");
        if std::env::var_os("SHRINE_SEEDS").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &seed).unwrap();
        }
        let found = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let help = "run `SHRINE_SEEDS=write cargo test -p shrine-tests seeds_of_the_fuzzer`";
        assert_eq!(found, seed, "{}: {help}", file.display());
    }
}

#[test]
fn depth_is_an_error_in_both_directions() {
    let mut tree = Tree::Leaf;
    for _ in 0..1000 {
        tree = Tree::Node { children: vec![tree], labels: BTreeMap::new(), next: None };
    }
    let error = to_bytes(&tree).expect_err("too deep");
    assert_eq!(error.to_string(), "nested deeper than 256 levels");
    let deep = vec![0x91; 100_000];
    let error = shrine::state::from_bytes::<Value>(&deep).expect_err("too deep");
    assert!(error.to_string().ends_with("nested deeper than 256 levels"), "{error}");
}

fn arbitrary(random: &mut Random) -> Vec<u8> {
    (0..random.below(64)).map(|_| random.next() as u8).collect()
}

fn mutated(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..random.below(3) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] = random.next() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at.max(1)),
            3 => bytes.insert(at, random.next() as u8),
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                bytes.truncate(at.max(1));
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

/// Xorshift of 64 bits (Marsaglia 2003): the same bytes on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Fingerprints are constants, and the same ones that a host works out from the shape.
#[test]
fn the_fingerprint_of_a_type_is_that_of_its_shape() {
    fn check<T: State>() {
        assert_eq!(
            T::FINGERPRINT,
            shrine::state::shape_of::<T>().fingerprint(),
            "{}",
            std::any::type_name::<T>()
        );
    }
    check::<Everything>();
    check::<EverythingV2_0_0>();
    check::<EverythingV1_0_0>();
    check::<Item>();
    check::<ItemV1>();
    check::<Tree>();
    check::<Machine>();
    check::<Mode>();
    check::<(u8, Result<(), String>, std::time::Duration)>();
}

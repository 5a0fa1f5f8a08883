//! No bytes can hurt: whatever is decoded as a state, as whatever version, ends in a value or an error.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shrine::prelude::*;
use shrine::state::step::{Chain, StepContext};
use shrine::state::{codec::Decoder, to_bytes};
use shrine::{State, Value};

/// One field of each kind.
#[widget(id = "everything", version = "3.0.0")]
#[migrate(from = "2.0.0", rename(count => total), change(items: Vec<ItemV1>))]
#[migrate(from = "1.0.0", change(ratio: f32), add(name = "new".to_owned()), remove(legacy: Option<u8>))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Everything {
    total: i64,
    ratio: f64,
    name: String,
    flags: [bool; 3],
    bytes: Vec<u8>,
    pair: (u16, Option<char>),
    names: BTreeSet<String>,
    by_id: HashMap<u32, Vec<i128>>,
    items: Vec<Item>,
    tree: Tree,
    any: Value,
    nested: Option<Option<()>>,
}

#[state(version = "2")]
#[migrate(from = "1", add(done = false))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Item {
    text: String,
    done: bool,
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
enum Tree {
    #[default]
    Leaf,
    Value(u64),
    Node {
        children: Vec<Tree>,
        labels: BTreeMap<String, u8>,
    },
}

#[widget]
impl Everything {}

const VERSIONS: [&str; 3] = ["3.0.0", "2.0.0", "1.0.0"];

#[test]
fn a_million_hostile_byte_strings_end_in_a_value_or_an_error() {
    let mut random = Random(0x5eed);
    let seeds = seeds();
    let (mut read, mut refused) = (0_u32, 0_u32);
    for round in 0..1_000_000_u32 {
        let bytes = match round % 8 {
            0 => arbitrary(&mut random),
            _ => mutated(&mut random, &seeds),
        };
        let version = VERSIONS[round as usize % VERSIONS.len()];
        let mut context = StepContext::default();
        match Everything::load(version, &mut Decoder::new(&bytes), &mut context) {
            Ok(state) => {
                read += 1;
                // What was read can be written and read again.
                let again = to_bytes(&state).expect("a state that was read is not too deep");
                assert!(shrine::state::from_bytes::<Everything>(&again).is_ok());
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 1000 && refused > 1000, "both happen: {read} read, {refused} refused");
}

#[test]
fn depth_is_an_error_in_both_directions() {
    let mut tree = Tree::Leaf;
    for _ in 0..1000 {
        tree = Tree::Node { children: vec![tree], labels: BTreeMap::new() };
    }
    let error = to_bytes(&tree).expect_err("too deep");
    assert_eq!(error.to_string(), "nested deeper than 256 levels");
    let deep = vec![0x91; 100_000];
    let error = shrine::state::from_bytes::<Value>(&deep).expect_err("too deep");
    assert!(error.to_string().ends_with("nested deeper than 256 levels"), "{error}");
}

/// Valid states of every version.
fn seeds() -> Vec<Vec<u8>> {
    let head = Everything {
        total: -5,
        name: "Ada".to_owned(),
        bytes: vec![1, 2, 3],
        pair: (9, Some('é')),
        names: ["a", "b"].map(str::to_owned).into(),
        by_id: HashMap::from([(7, vec![i128::MIN, 1])]),
        items: vec![Item { text: "x".to_owned(), done: true }; 2],
        tree: Tree::Node { children: vec![Tree::Value(3)], labels: BTreeMap::from([("k".to_owned(), 1)]) },
        any: Value::Seq(vec![Value::Nil, Value::F64(0.5)]),
        nested: Some(None),
        ..Everything::default()
    };
    let down = |version: &str| {
        let mut out = shrine::state::codec::Encoder::new();
        head.clone().store(version, &mut out, &mut StepContext::default()).expect("steps down");
        out.finish().expect("encodes")
    };
    VERSIONS.map(down).into()
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
    check::<(u8, Result<(), String>, std::time::Duration)>();
}

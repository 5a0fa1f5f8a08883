//! States with one field of each kind, and what holds of any bytes that are read as one of them.
//!
//! The deterministic test (`tests/it/decode.rs`) and the fuzz target (`fuzz/`) share them, and the seeds in
//! `fuzz/seeds/decode`.
#![expect(missing_docs, reason = "the fields are there for their types")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use shrine::Value;
use shrine::prelude::*;
use shrine::state::codec::{Decoder, Encoder};
use shrine::state::step::{Chain, StepContext};
use shrine::state::{from_bytes, to_bytes};
use uuid::Uuid;

/// One field of each kind, and types that take less than their shape says.
#[widget(id = "everything", version = "3.0.0")]
#[migrate(from = "2.0.0", rename(count => total), change(items: Vec<ItemV1>))]
#[migrate(from = "1.0.0", change(ratio: f32), add(name = "new".to_owned()), remove(legacy: Option<u8>))]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Everything {
    pub total: i64,
    pub ratio: f64,
    pub name: String,
    pub flags: [bool; 3],
    pub bytes: Vec<u8>,
    pub pair: (u16, Option<char>),
    pub names: HashSet<String>,
    pub by_id: HashMap<u32, Vec<i128>>,
    pub items: Vec<Item>,
    pub tree: Tree,
    pub any: Value,
    pub nested: Option<Option<()>>,
    pub host: Option<IpAddr>,
    pub port: Option<NonZero<u16>>,
    pub timeout: Duration,
}

#[state(version = "2")]
#[migrate(from = "1", add(done = false))]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    pub text: String,
    pub done: bool,
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Tree {
    #[default]
    Leaf,
    Value(u64),
    Node {
        children: Vec<Tree>,
        labels: BTreeMap<i8, f32>,
        next: Option<Box<Tree>>,
    },
    Last(Result<Box<Tree>, ()>),
}

#[widget]
impl Everything {}

/// An enum with hops of each kind, a shortcut, and a foreign type.
#[widget(id = "machine", version = "3.0.0")]
#[migrate(from = "2.0.0", change(mode: ModeV1), add(name = Some("M".to_owned())))]
#[migrate(
    from = "1.0.0",
    to = "3.0.0",
    change(mode: ModeV1, speed: u16, up = u32::from),
    add(name = Some("M".to_owned()), id = Uuid::nil())
)]
#[migrate(from = "1.0.0", change(speed: u16), add(id = Uuid::nil()))]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Machine {
    pub name: Option<String>,
    pub mode: Mode,
    pub speed: u32,
    #[state(opaque = "uuid@1")]
    #[fixture(values(Uuid::nil(), Uuid::max()))]
    pub id: Uuid,
    #[state(transient)]
    pub ticks: u64,
}

#[state(version = "2")]
#[migrate(
    from = "1",
    rename(Pending => Waiting),
    change(Active { since: u32 }),
    remove(Legacy(u16), up = |code| if code == 0 { Mode::Waiting } else { Mode::Active { since: code.into() } }),
    add(Paused)
)]
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Mode {
    #[default]
    Waiting,
    Active {
        since: u64,
    },
    Pair(u8, String),
    Paused(Box<Option<Mode>>),
}

#[widget]
impl Machine {}

/// A version of a state that bytes are read as.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The id of the widget, or the name of the type.
    pub name: &'static str,
    /// The version.
    pub version: &'static str,
    read: fn(&str, &[u8]) -> bool,
    seed: fn(&str) -> Vec<u8>,
}

/// Every version of everything here.
pub const TARGETS: &[Target] = &[
    Target { name: "everything", version: "3.0.0", read: read::<Everything>, seed: everything },
    Target { name: "everything", version: "2.0.0", read: read::<Everything>, seed: everything },
    Target { name: "everything", version: "1.0.0", read: read::<Everything>, seed: everything },
    Target { name: "machine", version: "3.0.0", read: read::<Machine>, seed: machine },
    Target { name: "machine", version: "2.0.0", read: read::<Machine>, seed: machine },
    Target { name: "machine", version: "1.0.0", read: read::<Machine>, seed: machine },
    Target { name: "mode", version: "2", read: read::<Mode>, seed: mode },
    Target { name: "mode", version: "1", read: read::<Mode>, seed: mode },
];

impl Target {
    /// Reads the bytes as a state of that version and carries it to the newest. Whether they are one.
    ///
    /// # Panics
    ///
    /// When what was read cannot be written, or is not read again.
    #[must_use]
    pub fn read(&self, bytes: &[u8]) -> bool {
        (self.read)(self.version, bytes)
    }

    /// A state of that version.
    #[must_use]
    pub fn seed(&self) -> Vec<u8> {
        (self.seed)(self.version)
    }

    /// Where the seed is kept for the fuzzer.
    #[must_use]
    pub fn seed_file(&self) -> PathBuf {
        crate::repository().join("fuzz/seeds/decode").join(format!("{}-{}", self.name, self.version))
    }
}

fn read<T: Chain>(version: &str, bytes: &[u8]) -> bool {
    let Ok(state) = T::load(version, &mut Decoder::new(bytes), &mut StepContext::default()) else {
        return false;
    };
    let again = to_bytes(&state).expect("a state that was read is not too deep");
    let again: T = from_bytes(&again).expect("what was written is read again");
    to_bytes(&again).is_ok()
}

fn stepped_down<T: Chain>(state: T, version: &str) -> Vec<u8> {
    let mut out = Encoder::new();
    state.store(version, &mut out, &mut StepContext::default()).expect("steps down");
    out.finish().expect("encodes")
}

fn everything(version: &str) -> Vec<u8> {
    let leaf = Tree::Value(3);
    let head = Everything {
        total: -5,
        ratio: 0.5,
        name: "Ada".to_owned(),
        bytes: vec![1, 2, 3],
        pair: (9, Some('é')),
        names: ["a", "b"].map(str::to_owned).into(),
        by_id: HashMap::from([(7, vec![i128::MIN, 1])]),
        items: vec![Item { text: "x".to_owned(), done: true }; 2],
        tree: Tree::Node { children: vec![leaf], labels: BTreeMap::from([(-1, 0.5)]), next: None },
        any: Value::Seq(vec![Value::Nil, Value::F64(0.5)]),
        nested: Some(None),
        host: "127.0.0.1".parse().ok(),
        port: NonZero::new(80),
        ..Everything::default()
    };
    stepped_down(head, version)
}

fn machine(version: &str) -> Vec<u8> {
    let mode = Mode::Active { since: 5 };
    stepped_down(Machine { mode, speed: 7, id: Uuid::from_u128(1), ..Machine::default() }, version)
}

fn mode(version: &str) -> Vec<u8> {
    stepped_down(Mode::Pair(1, "a".to_owned()), version)
}

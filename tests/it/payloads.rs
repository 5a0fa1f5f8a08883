//! Messages of another shape than a port takes: which are converted, to what, and why the others are not.

use std::collections::BTreeMap;

use shrine::State;
use shrine::abi::handle::Library;
use shrine::prelude::*;
use shrine::state::{from_bytes, shape_of, to_bytes};

/// What is sent by code of another time.
mod before {
    use shrine::prelude::*;

    #[state(version = "1")]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Item {
        pub(super) name: String,
    }

    /// Version 1 after an edit without a bump.
    pub(super) mod dirty {
        use shrine::prelude::*;

        #[state(version = "2")]
        #[derive(Debug, Clone, PartialEq)]
        pub(in super::super) struct Item {
            pub(in super::super) text: char,
        }
    }

    #[state]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Reading {
        pub(super) celsius: f32,
        pub(super) items: Vec<Item>,
    }

    #[state]
    pub(super) enum Mode {
        Idle,
        Running { since: u32 },
        Off,
    }
}

/// What is sent by code of a later time.
mod after {
    use shrine::prelude::*;

    #[state(version = "4")]
    pub(super) struct Item {
        pub(super) text: String,
        pub(super) done: bool,
    }
}

#[state(version = "3")]
#[migrate(from = "2", add(done = true))]
#[migrate(from = "1", rename(name => text))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Item {
    text: String,
    done: bool,
}

#[state]
#[derive(Debug, Clone, PartialEq)]
struct Reading {
    celsius: f64,
    items: Vec<Item>,
    unit: String,
    tags: Option<u8>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { celsius: 0.0, items: Vec::new(), unit: "C".to_owned(), tags: None }
    }
}

#[state]
#[derive(Debug, PartialEq)]
enum Mode {
    Idle,
    Running { since: u64 },
}

#[state]
#[derive(Debug, PartialEq)]
struct Tree {
    n: i64,
    below: Vec<Tree>,
}

#[state]
#[derive(Debug)]
struct Narrow {
    n: i32,
    below: Vec<Narrow>,
}

#[derive(Debug, Default)]
#[widget(id = "target", version = "1.0.0")]
struct Target {}

#[widget]
impl Target {
    #[input]
    fn item(&mut self, _: Item) {}
    #[input]
    fn reading(&mut self, _: Reading) {}
    #[input]
    fn mode(&mut self, _: Mode) {}
    #[input]
    fn tree(&mut self, _: Tree) {}
    #[input]
    fn number(&mut self, _: i64) {}
    #[input]
    fn map(&mut self, _: BTreeMap<String, (Option<Item>, [i64; 2])>) {}
    #[input]
    fn maybe(&mut self, _: Option<Option<i64>>) {}
}

#[transform]
fn named(item: Item) -> String {
    item.text
}

/// What the port makes of a message.
fn converted<A: State, B: State>(port: &str, message: &A) -> Result<B, String> {
    let library = Library::in_process("target").with::<Target>().expect("a library");
    let module = &library.modules()[0];
    let inputs = &module.interface().inputs;
    let index = inputs.iter().position(|input| input.name == port).expect("a port") as u32;
    let from = shape_of::<A>();
    module.converts(index, &from)?;
    for _ in 0..2 {
        let bytes = module.convert(index, &from, &to_bytes(message).expect("encodes"));
        let bytes = bytes.map_err(|error| format!("call: {error}"))?;
        assert!(from_bytes::<B>(&bytes).is_ok());
    }
    let bytes = module.convert(index, &from, &to_bytes(message).expect("encodes"));
    Ok(from_bytes(&bytes.map_err(|error| error.to_string())?).expect("what the port takes"))
}

fn item(text: &str, done: bool) -> Item {
    Item { text: text.to_owned(), done }
}

#[test]
fn an_older_version_goes_through_the_chain() {
    assert_eq!(converted("item", &before::Item { name: "a".to_owned() }), Ok(item("a", true)));
    assert_eq!(converted("item", &ItemV2 { text: "b".to_owned() }), Ok(item("b", true)));
    assert_eq!(converted("item", &item("c", false)), Ok(item("c", false)));
}

#[test]
fn an_older_version_that_was_edited_is_brought_to_the_chain_first() {
    assert_eq!(converted("item", &before::dirty::Item { text: 'x' }), Ok(item("x", true)));
}

#[test]
fn a_newer_version_is_refused() {
    let sent = after::Item { text: String::new(), done: false };
    let error = converted::<_, Item>("item", &sent).expect_err("newer");
    assert_eq!(error, "`Item` is sent at version 4, and no `#[migrate]` leads from there to version 3");
    let _ = (sent.text, sent.done);
}

#[test]
fn fields_widen_and_come_from_the_default_and_nested_types_go_through_their_chain() {
    let sent = before::Reading { celsius: 0.5, items: vec![before::Item { name: "a".to_owned() }] };
    let expected = Reading { celsius: 0.5, items: vec![item("a", true)], unit: "C".to_owned(), tags: None };
    assert_eq!(converted("reading", &sent), Ok(expected));
}

#[test]
fn containers_convert_item_by_item() {
    let sent = BTreeMap::from([("k".to_owned(), (before::Item { name: "a".to_owned() }, [1_i32, -2]))]);
    let expected = BTreeMap::from([("k".to_owned(), (Some(item("a", true)), [1_i64, -2]))]);
    assert_eq!(converted("map", &sent), Ok(expected));
    assert_eq!(converted("maybe", &Some(3_i32)), Ok(Some(Some(3_i64))));
    assert_eq!(converted("maybe", &None::<i32>), Ok(None::<Option<i64>>));
    assert_eq!(converted("maybe", &3_u8), Ok(Some(Some(3_i64))));
}

#[test]
fn a_type_that_contains_itself_converts_at_every_depth() {
    let leaf = |n| Narrow { n, below: Vec::new() };
    let sent = Narrow { n: 1, below: vec![Narrow { n: 2, below: vec![leaf(3)] }] };
    let tree = |n, below| Tree { n, below };
    let expected = tree(1, vec![tree(2, vec![tree(3, Vec::new())])]);
    assert_eq!(converted("tree", &sent), Ok(expected));
    let _ = (sent.n, sent.below.len());
}

#[test]
fn what_would_be_lost_is_refused_in_words() {
    let refused = |port: &str, error: Result<(), String>| (port.to_owned(), error.expect_err("refused"));
    let library = Library::in_process("target").with::<Target>().expect("a library");
    let ask = |port: &str, from: shrine::state::shape::Shape| {
        let module = &library.modules()[0];
        let index = module.interface().inputs.iter().position(|input| input.name == port).expect("a port");
        refused(port, module.converts(index as u32, &from)).1
    };
    assert_eq!(ask("number", shape_of::<u64>()), "not every `u64` is a `i64`");
    assert_eq!(ask("number", shape_of::<Option<i64>>()), "`None` is no `i64`");
    assert_eq!(ask("number", shape_of::<String>()), "`String` is sent, and `i64` is taken");
    assert_eq!(ask("mode", shape_of::<before::Mode>()), "`Mode` has no variant `Off`");
    assert_eq!(
        ask("item", shape_of::<before::Reading>()),
        "the field `celsius` is sent, and `Item` has no place for it"
    );
    assert_eq!(
        ask("map", shape_of::<BTreeMap<String, (before::Mode, [i64; 2])>>()),
        "`[].0`: `Mode` is sent, and `Item` is taken"
    );
    let nothing = shape_of::<Vec<()>>();
    assert_eq!(ask("tree", nothing), "`Vec<()>` is sent, and `Tree` is taken");
    let narrow = shape_of::<Part>();
    assert_eq!(
        ask("tree", narrow),
        "`Tree` has a field `below` that is not sent, and no `Default` to take it from"
    );
    let _ = (before::Mode::Idle, before::Mode::Running { since: 1 }, before::Mode::Off, Part { n: 1 }.n);
    let module = &library.modules()[0];
    assert!(module.converts(99, &shape_of::<i64>()).expect_err("no port").contains("no port"));
}

#[state]
struct Part {
    n: i64,
}

#[test]
fn a_message_that_is_not_of_its_shape_is_an_error() {
    let library = Library::in_process("target").with::<Target>().expect("a library");
    let module = &library.modules()[0];
    let error = module.convert(1, &shape_of::<before::Reading>(), &to_bytes(&1_u8).expect("encodes"));
    assert!(error.expect_err("no reading").to_string().contains("not of the shape"));
}

#[test]
fn a_transform_takes_older_versions_too() {
    let library = Library::in_process("named").with_transform::<named>().expect("a library");
    let transform = &library.transforms()[0];
    let from = shape_of::<before::Item>();
    assert_eq!(transform.converts(&from), Ok(()));
    let sent = to_bytes(&before::Item { name: "a".to_owned() }).expect("encodes");
    let taken = transform.convert(&from, &sent).expect("converts");
    assert_eq!(
        transform.call(&taken).map(|bytes| from_bytes::<String>(&bytes.expect("goes on"))),
        Ok(Ok("a".to_owned()))
    );
    assert!(transform.converts(&shape_of::<u8>()).is_err());
}

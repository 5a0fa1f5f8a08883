//! Generated code is free of warnings and unsafe code, and does not care what the user calls their types.
#![deny(warnings, missing_docs, unused_qualifications, unreachable_pub, non_snake_case, clippy::all)]
#![forbid(unsafe_code)]

use shrine::{UpdateContext, state, transform, widget};

/// Shadows the prelude.
#[derive(Debug)]
pub struct Result;
/// Shadows the prelude.
#[derive(Debug)]
pub struct Option;
/// Shadows the prelude.
#[derive(Debug)]
pub struct Vec;
/// Shadows the prelude.
#[derive(Debug)]
pub struct String;
/// Shadows the prelude.
#[derive(Debug)]
pub struct Box;
/// Shadows the prelude.
pub trait Default {}
/// Shadows the prelude.
pub trait Into {}
/// Shadows the prelude.
pub trait ToString {}
/// Shadows the prelude.
#[expect(non_snake_case)]
pub fn Ok() {}
/// Shadows the prelude.
#[expect(non_snake_case)]
pub fn Err() {}
/// Shadows the prelude.
#[expect(non_snake_case)]
pub fn Some() {}
/// Shadows the prelude.
#[expect(non_upper_case_globals)]
pub const None: () = ();
/// Shadows a crate.
pub mod std {}
/// Shadows a crate.
pub mod core {}

const LIMIT: i64 = 9;

fn made(seed: u64) -> u64 {
    seed
}

/// A widget with a history.
#[widget(id = "strict.one-2", version = "1.0.0-rc.2")]
#[migrate(from = "0.9.0", rename(count => total), add(step = 1), remove(gone: bool, lost: [u8; 2], #[state(opaque = "text.utf-8@1")] #[fixture(values("a"))] was: ::std::string::String, meters: Meters))]
#[migrate(from = "0.8.0-beta.2", add(tree), manual)]
#[migrate(from = "0.8.0-beta.1", change(count: i32, step_0: u8, up = |old| old.into(), down = |new| new as u8))]
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Strict {
    /// The total.
    #[fixture(range(-LIMIT..LIMIT))]
    pub total: i64,
    /// The step.
    #[fixture(values(1, LIMIT))]
    pub step: i64,
    #[fixture(with = made)]
    step_0: u64,
    /// How it is.
    pub(crate) mode: Mode,
    /// Raw.
    pub r#type: Raw,
    /// Foreign.
    #[state(opaque = "text.utf-8@1")]
    pub foreign: ::std::option::Option<::std::string::String>,
    #[state(transient)]
    scratch: Scratch,
    /// A tree.
    pub tree: Tree,
}

#[shrine::migrate(from = "0.8.0-beta.2")]
fn plant(old: StrictV0_8_0_beta_2) -> ::std::result::Result<StrictV0_9_0, shrine::MigrateError> {
    ::std::result::Result::Ok(StrictV0_9_0 {
        count: old.count,
        gone: old.gone,
        lost: old.lost,
        was: old.was,
        meters: old.meters,
        mode: old.mode,
        foreign: old.foreign,
        step_0: old.step_0,
        r#type: old.r#type,
        tree: <Tree as ::std::default::Default>::default(),
    })
}

/// Has a shortcut.
#[state(version = "3")]
#[migrate(from = "2", add(c = 1))]
#[migrate(from = "1", add(b = 1))]
#[migrate(from = "1", to = "3", add(b = 1, c = 1))]
#[derive(Debug, Clone, PartialEq)]
pub struct Short {
    a: u8,
    b: u8,
    /// C.
    pub c: u8,
}

/// Not part of the state.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Scratch;

/// A raw name.
#[state(version = "2")]
#[migrate(from = "1", rename(r#ref => r#type), check = |old, new| old.r#ref == new.r#type)]
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Raw {
    /// Raw.
    pub r#type: u8,
    /// Raw.
    pub r#fn: (u8, bool),
}

/// All kinds of variants.
#[state(version = "2")]
#[migrate(
    from = "1",
    rename(Nothing => Idle, Called => r#named),
    add(Braces, Parentheses, down = ModeV1::Nothing),
    change(One(u8, u8), up = |(a, b)| Mode::One(a + b), Two(u8, ::std::string::String), down = |(a, text)| ModeV1::Two(a, text)),
    remove(Gone { a: u8 }, up = |gone| Mode::One(gone.a), Away, up = Mode::Idle)
)]
#[derive(Debug, Default, Clone, PartialEq)]
pub enum Mode {
    /// Nothing.
    #[default]
    Idle,
    /// One.
    One(u8),
    /// Two.
    Two(u8, ::std::string::String),
    /// Named.
    #[allow(non_camel_case_types)]
    r#named {
        /// A.
        a: u8,
        /// B.
        #[state(transient)]
        b: u8,
    },
    /// Braces.
    Braces {},
    /// Parentheses.
    Parentheses(),
    /// Itself.
    Twice(::std::boxed::Box<Mode>, ::std::vec::Vec<Self>),
}

/// Contains itself.
#[state]
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Tree {
    /// Below.
    pub children: ::std::vec::Vec<Self>,
    /// Beside.
    pub next: ::std::option::Option<::std::boxed::Box<Tree>>,
    #[state(recursive)]
    leaf: Leaf,
}

/// Contains a tree.
#[state]
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Leaf {
    trees: ::std::vec::Vec<Tree>,
}

/// Without a `Default`.
#[state]
#[derive(Debug, Clone, PartialEq)]
pub struct Meters(pub f64);

/// A pair.
#[state]
#[derive(Debug, Clone, PartialEq)]
pub struct Pair(pub u8, pub Meters);

/// Nothing.
#[state(version = "1.2")]
#[derive(Debug, Clone, PartialEq)]
pub struct Unit;

/// No fields.
#[state]
#[derive(Debug, Clone, PartialEq)]
pub struct Empty {}

/// Going away.
#[state(version = "2")]
#[migrate(from = "1", remove(older: u8))]
#[deprecated]
#[derive(Debug, Clone, PartialEq)]
pub struct Old {
    /// Going away.
    pub old: u8,
}

#[widget]
impl Strict {
    #[input]
    fn add(&mut self, n: i64, total: &mut shrine::Output<i64>) {
        total.send(n);
    }

    #[input]
    fn r#move(
        &mut self,
        (x, y): (i64, i64),
        r#type: &mut shrine::Output<Meters>,
    ) -> ::std::result::Result<(), ::std::fmt::Error> {
        let _ = (x, y);
        r#type.send(Meters(0.0));
        ::std::result::Result::Ok(())
    }

    #[input]
    fn reset(&self) {}

    #[every("1.5s")]
    fn tick(&mut self, total: &mut shrine::Output<i64>, inbox: &shrine::Inbox) {
        total.send(1);
        let _ = inbox.send("add", &1_i64);
    }

    #[input]
    fn ask(&mut self, inbox: &shrine::Inbox, Meters(_): Meters) -> ::std::result::Result<(), shrine::SendError> {
        inbox.send("reset", &())
    }

    #[view]
    fn view(&self) -> i64 {
        self.total
    }

    #[before_update]
    fn before(&mut self, _: &shrine::Inbox, _: &UpdateContext) -> ::std::result::Result<(), shrine::BoxError> {
        ::std::result::Result::Ok(())
    }

    #[update_failed]
    fn update_failed(&mut self, cx: &UpdateContext) {
        let _ = cx;
    }

    #[after_update]
    fn resume(&mut self, inbox: &shrine::Inbox) -> ::std::result::Result<(), shrine::SendError> {
        Self::started(self, inbox);
        ::std::result::Result::Ok(())
    }

    #[started]
    fn started(&mut self, inbox: &shrine::Inbox) {
        let inbox = inbox.clone();
        let _ = ::std::thread::spawn(move || inbox.send("add", &1_i64));
    }

    #[stopped]
    fn stop(&self) -> ::std::result::Result<(), ::std::string::String> {
        ::std::result::Result::Ok(())
    }

    /// Not called by the host.
    pub fn helper(&self) -> i64 {
        self.total
    }
}

/// A transform beside a type of std with the same words.
#[transform]
pub fn halved(n: f64) -> f64 {
    n / 2.0
}

/// One that may fail, and one that may not let a message through.
#[transform(filter, name = "to-number")]
pub fn number(text: ::std::string::String) -> ::std::result::Result<::std::option::Option<i64>, ::std::num::ParseIntError> {
    text.parse().map(::std::option::Option::Some)
}

fn main() {
    #[widget(id = "local", version = "2.0.0")]
    #[migrate(from = "1.0.0", add(b = |old| old.a))]
    #[derive(Default, Clone, Debug)]
    struct Local {
        a: u8,
        b: u8,
    }

    #[widget]
    impl Local {}

    let old = LocalV1_0_0 { a: 1 };
    let _ = old.clone();
}

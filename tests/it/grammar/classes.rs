//! What a state goes through that takes a hop and comes back: the class of every operation.

use std::collections::BTreeMap;

use shrine::prelude::*;
use shrine::state::step::{Chain, Class};

#[state(version = "2")]
#[migrate(from = "1", rename(a => b))]
#[derive(Clone, Default)]
struct Rename {
    b: u8,
}

#[state(version = "2")]
#[migrate(from = "1", add(b = 1))]
#[derive(Clone, Default)]
struct Add {
    b: u8,
}

#[state(version = "2")]
#[migrate(from = "1", remove(a: u8))]
#[derive(Clone, Default)]
struct Remove {
    b: u8,
}

#[state(version = "2")]
#[migrate(from = "1", remove(a: u8, down = 3))]
#[derive(Clone, Default)]
struct RemoveDown {
    b: u8,
}

#[state(version = "2")]
#[migrate(from = "1", change(b: u8))]
#[derive(Clone, Default)]
struct Change {
    b: u16,
}

#[state(version = "2")]
#[migrate(from = "1", change(b: u8, up = |b| b.into()))]
#[derive(Clone, Default)]
struct ChangeUp {
    b: u16,
}

#[state(version = "2")]
#[migrate(from = "1", change(b: i8, try_up = u16::try_from))]
#[derive(Clone, Default)]
struct ChangeTry {
    b: u16,
}

#[state(version = "2")]
#[migrate(from = "1", change(b: u8, up = |b| b.into(), down = |b| b as u8))]
#[derive(Clone, Default)]
struct ChangeDown {
    b: u16,
}

#[state(version = "2")]
#[migrate(from = "1", change(b: u8, down = |b| b as u8))]
#[derive(Clone, Default)]
struct OnlyDown {
    b: u16,
}

#[state(version = "2")]
#[migrate(from = "1", change(b: u8))]
#[derive(Clone, Default)]
struct Wrap {
    b: Option<u8>,
}

#[state(version = "2")]
#[migrate(from = "1", change(b: Vec<ChangeV1>, c: Option<RenameV1>))]
#[derive(Clone, Default)]
struct NestLossless {
    b: Vec<Change>,
    c: Option<Rename>,
}

#[state(version = "2")]
#[migrate(from = "1", change(b: Vec<AddV1>))]
#[derive(Clone, Default)]
struct NestLossy {
    b: Vec<Add>,
}

#[state(version = "2")]
#[migrate(from = "1", change(b: (u8, BTreeMap<u8, ChangeUpV1>)))]
#[derive(Clone, Default)]
struct NestOneWay {
    b: (u8, BTreeMap<u8, ChangeUp>),
}

#[state(version = "2")]
#[migrate(from = "1", rename(kids => children))]
#[derive(Clone, Default)]
struct Tree {
    children: Vec<Tree>,
}

#[state(version = "2")]
#[migrate(from = "1", with = wup, change(b: u8))]
#[derive(Clone, Default)]
struct With {
    b: u16,
}

#[state(version = "2")]
#[migrate(from = "1", with = wdup, down = wddown, change(b: u8))]
#[derive(Clone, Default)]
struct WithDown {
    b: u16,
}

#[state(version = "2")]
#[migrate(from = "1", manual, change(b: u8))]
#[derive(Clone, Default)]
struct Manual {
    b: u16,
}

#[state(version = "2")]
#[migrate(from = "1", manual, change(b: u8))]
#[derive(Clone, Default)]
struct ManualDown {
    b: u16,
}

#[state(version = "2")]
#[migrate(from = "1", rename(A => B))]
#[derive(Clone, Default)]
enum ERename {
    #[default]
    B,
}

#[state(version = "2")]
#[migrate(from = "1", add(B))]
#[derive(Clone, Default)]
enum EAdd {
    #[default]
    A,
    B,
}

#[state(version = "2")]
#[migrate(from = "1", add(B, down = EAddDownV1::A))]
#[derive(Clone, Default)]
enum EAddDown {
    #[default]
    A,
    B,
}

#[state(version = "2")]
#[migrate(from = "1", remove(B, up = ERemove::A))]
#[derive(Clone, Default)]
enum ERemove {
    #[default]
    A,
}

#[state(version = "2")]
#[migrate(from = "1", change(B(u8)))]
#[derive(Clone, Default)]
enum EChange {
    #[default]
    A,
    B(u16),
}

#[state(version = "2")]
#[migrate(from = "1", change(B(u8), up = |b| EChangeUp::B(b.into())))]
#[derive(Clone, Default)]
enum EChangeUp {
    #[default]
    A,
    B(u16),
}

#[state(version = "2")]
#[migrate(from = "1", change(B(AddV1)))]
#[derive(Clone, Default)]
enum ENest {
    #[default]
    A,
    B(Add),
}

fn wup(o: WithV1) -> Result<With, MigrateError> {
    Ok(With { b: o.b.into() })
}
fn wdup(o: WithDownV1) -> Result<WithDown, MigrateError> {
    Ok(WithDown { b: o.b.into() })
}
fn wddown(o: WithDown) -> Result<WithDownV1, MigrateError> {
    Ok(WithDownV1 { b: o.b as u8 })
}

#[migrate(from = "1")]
fn mup(o: ManualV1) -> Manual {
    Manual { b: o.b.into() }
}

#[migrate(from = "1", down = mddown)]
fn mdup(o: ManualDownV1) -> ManualDown {
    ManualDown { b: o.b.into() }
}
fn mddown(o: ManualDown) -> Result<ManualDownV1, MigrateError> {
    Ok(ManualDownV1 { b: o.b as u8 })
}

fn class<T: Chain>() -> Class {
    let mut versions = Vec::new();
    T::versions(&mut versions);
    versions[1].hop.as_ref().unwrap().class
}

macro_rules! classes {
    ($($class:ident: $($type:ident)+;)+) => { $($(
        assert_eq!(class::<$type>(), Class::$class, stringify!($type));
    )+)+ };
}

#[test]
fn the_class_of_a_hop_follows_from_its_operations() {
    classes! {
        Lossless: Rename Change Wrap NestLossless Tree ERename EAdd EChange;
        Lossy: Add Remove RemoveDown ChangeDown OnlyDown NestLossy WithDown ManualDown EAddDown ERemove ENest;
        OneWay: ChangeUp ChangeTry NestOneWay With Manual EChangeUp;
    }
}

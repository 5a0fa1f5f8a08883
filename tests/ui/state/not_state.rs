use shrine::prelude::*;

struct Foreign;

#[state]
struct Holder {
    foreign: Foreign,
    list: Vec<Foreign>,
    pair: (u8, Foreign),
}

#[state]
enum Variants {
    One(Foreign),
    Named { foreign: Foreign },
}

#[state]
struct Newtype(Foreign);

fn main() {}

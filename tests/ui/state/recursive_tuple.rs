use shrine::prelude::*;

#[state]
struct Tree(Vec<Tree>);

fn main() {}

use shrine::prelude::*;

#[migrate(from = "0.9.0")]
trait Up {}

fn main() {}

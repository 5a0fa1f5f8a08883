use shrine::prelude::*;

#[transform]
fn doubled(n: i64) -> i64 {
    n * 2
}

mod inside {
    use shrine::prelude::*;

    #[transform(name = "doubled")]
    fn twice(n: i64) -> i64 {
        n + n
    }
}

fn main() {}

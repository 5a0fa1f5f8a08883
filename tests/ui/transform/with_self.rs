use shrine::prelude::*;

struct Scale(i64);

impl Scale {
    #[transform]
    fn scaled(&self, n: i64) -> i64 {
        self.0 * n
    }
}

fn main() {}

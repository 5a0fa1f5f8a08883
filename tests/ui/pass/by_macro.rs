//! Widgets and their histories can be written by a macro of the user.

use shrine::prelude::*;

macro_rules! widgets {
    ($($name:ident $id:literal $version:literal $from:literal $was:ident $ty:ty, $up:expr, $value:expr, $to:path, $every:literal;)*) => { $(
        #[widget(id = $id, version = $version)]
        #[migrate(from = $from, rename($was => count), change(wide: $ty, up = $up, down = $to), add(step = $value))]
        #[derive(Debug, Default)]
        struct $name {
            #[fixture(values($value, 2))]
            step: i64,
            #[fixture(range($value..=5))]
            count: i64,
            wide: i64,
        }

        #[widget]
        impl $name {
            #[input(was = [$id])]
            fn add(&mut self, n: $ty, total: &mut Output<$ty>) {
                total.send(n);
            }

            #[every($every)]
            fn tick(&mut self) {}
        }
    )* };
}

fn narrow(n: i64) -> u8 {
    n as u8
}

widgets! {
    One "one" "1.0.0" "0.9.0" n u8, |n| i64::from(n), 1, narrow, "1s";
    Two "two" "2.0.0" "1.0.0" m u8, i64::from, 2, crate::narrow, "5ms";
}

fn main() {
    println!("{:?}", (OneV0_9_0 { n: 1, wide: 2 }, TwoV1_0_0 { m: 1, wide: 2 }));
}

use shrine::prelude::*;

#[widget(id = "to-do", version = "1.0.0")]
#[derive(Default)]
struct List {
    items: u8,
}

#[widget]
impl List {}

mod inside {
    use shrine::prelude::*;

    #[widget(id = "to-do", version = "2.0.0")]
    #[derive(Default)]
    struct Other {
        items: u8,
    }

    #[widget]
    impl Other {}
}

fn main() {}

use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {
    #[input]
    fn add(&mut self, inbox: Inbox) {
        drop(inbox);
    }
}

fn main() {}

use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {
    #[input]
    fn add(&mut self, n: i64, inbox: &mut Inbox) {
        self.total += n;
        let _ = inbox;
    }
}

fn main() {}

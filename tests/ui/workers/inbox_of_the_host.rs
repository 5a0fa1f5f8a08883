use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {
    #[before_update]
    fn stop(&mut self, cx: &UpdateContext, inbox: &shrine::registry::Inbox) {
        let _ = (cx, inbox);
    }
}

fn main() {}

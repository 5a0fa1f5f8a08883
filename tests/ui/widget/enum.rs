use shrine::prelude::*;

#[widget(id = "mode", version = "1.0.0")]
#[derive(Default)]
enum Mode {
    #[default]
    Idle,
}

#[widget]
impl Mode {}

fn main() {}

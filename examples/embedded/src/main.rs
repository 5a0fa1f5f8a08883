//! A program with its own `main`: it adds up the numbers that it reads, one a line, with the widget of
//! `examples/counter`.
//!
//! ```text
//! cargo run -p embedded                    the widget is linked in; nothing is watched
//! cargo run -p embedded --features live    edits of examples/counter are taken in while it runs
//! ```
//!
//! The widget is always linked, so the program starts at once. With `live`, a build of the watched crate replaces the
//! linked code in place, state included. There is no other difference.

use std::io::BufRead;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use counter::Counter;
use shrine::BoxError;
use shrine::event::Event;
use shrine::registry::Registry;
use shrine_watch::Live;

fn main() -> Result<(), BoxError> {
    let mut registry = Registry::new();
    registry.link::<Counter>()?;
    registry.create("sum", "counter")?;
    let mut live = Live::when(cfg!(feature = "live"), concat!(env!("CARGO_MANIFEST_DIR"), "/../counter"))?;

    println!("type numbers, `view`, or end the input");
    let lines = read_lines();
    loop {
        let line = match lines.recv_timeout(Duration::from_millis(20)) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        if let Some(line) = line {
            obey(&mut registry, line.trim());
        }
        for event in live.poll(&mut registry) {
            tell(&event);
        }
        registry.poll();
        for event in registry.take_events() {
            tell(&event);
        }
    }
}

fn obey(registry: &mut Registry, line: &str) {
    let result = match line.parse::<i64>() {
        Ok(number) => registry.send("sum.add", &number),
        Err(_) if line == "view" => registry.view("sum").map(|event| tell(&event)),
        Err(_) => {
            println!("`{line}` is no number");
            return;
        }
    };
    if let Err(error) = result {
        println!("{error}");
    }
}

fn tell(event: &Event) {
    match event {
        Event::Output { value, .. } => println!("= {value}"),
        Event::View { value: Some(text), .. } => println!("{text}"),
        Event::Updated(update) => {
            println!("updated to generation {} in {} ms", update.generation, update.phases_us.total / 1000);
        }
        Event::Refused(refusal) => println!("refused: {}\n  {}", refusal.reason, refusal.help),
        Event::RolledBack(roll_back) => println!("rolled back in {}: {}", roll_back.phase, roll_back.reason),
        Event::BuildFailed { rendered, .. } => println!("{rendered}"),
        Event::Fault { port, reason, .. } => println!("fault in {port}: {reason}"),
        _ => {}
    }
}

/// Lines of the standard input, from a thread of their own: the registry is never kept waiting.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

//! A key-value server with its own `main`. Clients send a line and get a line, as with `nc 127.0.0.1 7070`:
//!
//! ```text
//! SET name Ada        OK
//! GET name            Ada
//! INCR visits         1
//! STATS               GET 1, INCR 1, SET 1, STATS 1, 3 in the last second
//! ```
//!
//! ```text
//! cargo run -p embedded                    the widgets are linked in; nothing is watched
//! cargo run -p embedded --features live    edits of examples/embedded/store are taken in while clients are connected
//! ```
//!
//! What it answers is decided by the widgets of the crate `store` beside this one. They are always linked, so the server
//! starts at once. With `live`, a build of that crate replaces the linked code in place: keys stay, connections stay open,
//! and what was sent during the update is answered by the new code. There is no other difference. An address as argument
//! is listened on in place of 127.0.0.1:7070; Ctrl-C ends it.

mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

use embedded_store::{Meter, Store};
use shrine::BoxError;
use shrine::event::Event;
use shrine::registry::{Policy, Registry};
use shrine_watch::Live;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use server::Server;

fn main() -> Result<(), BoxError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7070".to_owned());
    let mut registry = assemble()?;
    let mut live = Live::when(cfg!(feature = "live"), concat!(env!("CARGO_MANIFEST_DIR"), "/store"))?;

    // One that is about to wake up needs no second call: there is room for one.
    let (wake, woken) = mpsc::sync_channel(1);
    let ended = end_on_signals(wake.clone())?;
    let changed = wake.clone();
    live.on_change(move || {
        let _ = changed.try_send(());
    });
    registry.on_message(move || {
        let _ = wake.try_send(());
    });
    let server = Server::start(&address, registry.inbox())
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    println!("listening on {}", server.address());

    while !ended.load(Ordering::Relaxed) {
        let mut events = live.poll(&mut registry);
        registry.poll();
        events.extend(registry.take_events());
        events.iter().for_each(|event| tell(event, &server));
        wait(&woken, registry.next_timer());
    }
    server.close();
    println!("ended with {}", view(&mut registry)?);
    Ok(())
}

/// The widgets of the server, connected.
fn assemble() -> Result<Registry, BoxError> {
    let mut registry = Registry::new();
    registry.link::<Store>()?;
    registry.link::<Meter>()?;
    for name in ["store", "meter"] {
        registry.create(name, name)?;
        // A state for each update is enough; one for each request would be a copy of the store.
        registry.set_history(name, Policy::Update)?;
    }
    registry.connect("store.answer", "meter.pass")?;
    Ok(registry)
}

/// Becomes true with SIGINT or SIGTERM; whoever waits is woken.
fn end_on_signals(wake: SyncSender<()>) -> Result<Arc<AtomicBool>, BoxError> {
    let ended = Arc::new(AtomicBool::new(false));
    let (flag, mut signals) = (Arc::clone(&ended), Signals::new([SIGINT, SIGTERM])?);
    std::thread::spawn(move || {
        for _ in signals.forever() {
            flag.store(true, Ordering::Relaxed);
            let _ = wake.try_send(());
        }
    });
    Ok(ended)
}

/// Waits until there is a request, new code, or a timer that is due.
fn wait(woken: &Receiver<()>, timer: Option<Duration>) {
    // Being woken, and not being woken in time, are both reasons to go on.
    let _ = match timer {
        Some(time) => woken.recv_timeout(time).is_ok(),
        None => woken.recv().is_ok(),
    };
}

/// Replies go to clients, the rest to whoever runs the server.
fn tell(event: &Event, server: &Server) {
    match event {
        Event::Output { port, value, .. } if port == "reply" => {
            if let (Some(client), Some(text)) = (value["client"].as_u64(), value["text"].as_str()) {
                server.reply(client, text, value["last"] == true);
            }
        }
        Event::Updated(update) => {
            println!("updated to generation {} in {} ms", update.generation, update.phases_us.total / 1000);
        }
        Event::Refused(refusal) => println!("refused: {}\n  {}", refusal.reason, refusal.help),
        Event::RolledBack(roll_back) => println!("rolled back in {}: {}", roll_back.phase, roll_back.reason),
        Event::BuildFailed { rendered, .. } => println!("{rendered}"),
        Event::Fault { instance, port, reason } => println!("fault in {instance}.{port}: {reason}"),
        Event::Parked { source, target, reason, .. } => println!("parked: {source} -> {target}: {reason}"),
        _ => {}
    }
}

/// What the store says of itself.
fn view(registry: &mut Registry) -> Result<String, BoxError> {
    match registry.view("store")? {
        Event::View { value: Some(text), .. } => Ok(text),
        _ => Ok("a store without a view".to_owned()),
    }
}

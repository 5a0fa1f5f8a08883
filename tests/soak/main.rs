//! Many generations of a real library in one process: what does each leave behind?
//!
//! A process of its own, because memory, threads and descriptors are those of the whole process.
//!
//! `cargo test -p shrine-tests --test soak -- 3000`; without a number, a short run. With `--unbounded`, memory is told and held
//! to no bound: a sanitizer keeps what was freed.

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("soak: what a process holds is only read on Linux");
}

#[cfg(target_os = "linux")]
mod library;
#[cfg(target_os = "linux")]
mod process;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let (mut generations, mut is_bounded) = (60, true);
    for argument in std::env::args().skip(1) {
        match argument.parse() {
            Ok(number) => generations = std::cmp::max(number, 30),
            Err(_) if argument == "--unbounded" => is_bounded = false,
            // The name of a test that is in another binary.
            Err(_) if !argument.starts_with('-') && !"soak".contains(&argument) => return 0.into(),
            Err(_) => {}
        }
    }
    soak(generations, is_bounded)
}

/// Runs that many generations, and holds what they leave behind to bounds.
#[cfg(target_os = "linux")]
fn soak(generations: usize, is_bounded: bool) -> std::process::ExitCode {
    use std::time::Instant;

    use process::Held;
    use shrine::event::Event;
    use shrine::registry::{HotUpdate, Outcome, Registry};

    println!("soak: the panics of unnamed threads below are part of it");
    let mut library = library::Variants::build();
    let mut registry = Registry::new();
    let mut times = Vec::new();
    let mut faults = 0;
    // What is bounded has reached its bounds, and what is made once is made.
    let warm = (generations / 6).max(10);
    let mut first = None;
    let mut total = 0;
    for generation in 1..=generations {
        let (loaded, variant) = library.generation(generation);
        let begun = Instant::now();
        let outcome = registry.hot_update(loaded(), HotUpdate::new());
        times.push(begun.elapsed());
        assert!(matches!(outcome, Outcome::Updated(_)), "generation {generation}: {outcome:?}");
        if generation == 1 {
            registry.create("soaked", "soaked").expect("creates");
        }
        for _ in 0..10 {
            registry.send("soaked.add", &1_u64).expect("sends");
            total += 1;
        }
        registry.run_until_idle(100);
        let state = registry.state_json("soaked").expect("has a state");
        let Event::State { value, .. } = &state else { panic!("no state: {state:?}") };
        assert_eq!((value["total"].as_u64(), value["variant"].as_u64()), (Some(total), Some(variant)));
        if generation % 10 == 0 {
            for elsewhere in [true, false] {
                registry.send("soaked.fail", &elsewhere).expect("sends");
                registry.run_until_idle(100);
            }
        }
        let is_fault =
            |event: &Event| matches!(event, Event::Fault { reason, .. } if reason.contains("asked to"));
        faults += registry.take_events().iter().filter(|event| is_fault(event)).count();
        if generation == warm {
            first = Some(Held::now());
        }
    }
    let (first, last) = (first.expect("was warm"), Held::now());
    assert_eq!(faults, generations / 10, "every panic of a handler is reported");

    let over = (generations - warm) as f64;
    let each = last.private_kib.saturating_sub(first.private_kib) as f64 / over;
    let median = |times: &[std::time::Duration]| {
        let mut times = times.to_vec();
        times.sort_unstable();
        times[times.len() / 2]
    };
    let (early, late) = (median(&times[5..15]), median(&times[generations - 10..]));
    println!("generations            {generations} (figures over the last {over})");
    println!(
        "private memory         {each:.1} KiB each (RssAnon {} -> {} KiB)",
        first.private_kib, last.private_kib
    );
    println!("descriptors            {} -> {}", first.descriptors, last.descriptors);
    println!("threads                {} -> {}", first.threads, last.threads);
    println!("mappings               {:.1} each", (last.mappings - first.mappings) as f64 / over);
    println!("thread-local storage   {} bytes each, in a thread that uses it", library.thread_local_bytes());
    println!(
        "load and update        {early:?} -> {late:?}: {:.1}x",
        late.as_secs_f64() / early.as_secs_f64()
    );
    // In a short run a page here and there counts for more.
    let limit = if generations < 1_000 { 256.0 } else { 64.0 };
    let is_within = !is_bounded || each <= limit;
    if !is_within {
        println!("soak: a generation may leave {limit} KiB behind");
    }
    let is_constant = (first.descriptors, first.threads) == (last.descriptors, last.threads);
    if !is_constant {
        println!("soak: descriptors and threads should not grow");
    }
    u8::from(!(is_within && is_constant)).into()
}

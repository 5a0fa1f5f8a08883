//! Measuring two ways of doing a thing side by side.
//!
//! Machines are shared and noisy, so only ratios mean something: both sides run in turns in one process, and what is
//! told is the median of each with its spread.
//!
//! With `SHRINE_BENCH_JSON` in the environment each figure is one JSON object a line, in nanoseconds; `cargo xtask bench`
//! reads those.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What the other side is, as [`heading`] was told.
static OTHER: OnceLock<String> = OnceLock::new();

/// Runs both sides in turns and prints a line. Answers with the ratio of the medians.
pub fn side_by_side(what: &str, rounds: usize, mut ours: impl FnMut(), mut theirs: impl FnMut()) -> f64 {
    let mut times = (Vec::new(), Vec::new());
    // The first round of each warms caches and is not counted.
    for round in 0..=rounds {
        let (ours, theirs) = (time(&mut ours), time(&mut theirs));
        if round > 0 {
            times.0.push(ours);
            times.1.push(theirs);
        }
    }
    let (ours, theirs) = (spread(times.0), spread(times.1));
    let ratio = ours.1.as_secs_f64() / theirs.1.as_secs_f64();
    if as_json() {
        let nanos = |(fastest, median, slowest): (Duration, Duration, Duration)| {
            format!("[{},{},{}]", fastest.as_nanos(), median.as_nanos(), slowest.as_nanos())
        };
        let other = OTHER.get().map_or("", String::as_str);
        println!(
            "{{\"what\":{what:?},\"other\":{other:?},\"ours_ns\":{},\"theirs_ns\":{},\"ratio\":{ratio:.4}}}",
            nanos(ours),
            nanos(theirs)
        );
    } else {
        println!("{what:<44} {:>28} {:>28} {ratio:>6.2}x", text(ours), text(theirs));
    }
    ratio
}

/// The heading of the lines.
pub fn heading(theirs: &str) {
    let _ = OTHER.set(theirs.to_owned());
    if !as_json() {
        println!("{:<44} {:>28} {theirs:>28} {:>7}", "median (fastest .. slowest)", "shrine", "ratio");
    }
}

/// Whether figures are for a program. Otherwise whoever measures something of another form prints it.
pub fn as_json() -> bool {
    std::env::var_os("SHRINE_BENCH_JSON").is_some()
}

/// Prints what parts of an update of so many instances take for each of them, for a program.
pub fn print_each(what: &str, instances: usize, nanos: &[(&str, u128)]) {
    let parts: Vec<String> = nanos.iter().map(|(name, time)| format!("[{name:?},{time}]")).collect();
    println!("{{\"what\":{what:?},\"instances\":{instances},\"ns_each\":[{}]}}", parts.join(","));
}

fn time(work: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn spread(mut times: Vec<Duration>) -> (Duration, Duration, Duration) {
    times.sort_unstable();
    (times[0], times[times.len() / 2], times[times.len() - 1])
}

fn text((fastest, median, slowest): (Duration, Duration, Duration)) -> String {
    format!("{} ({} .. {})", short(median), short(fastest), short(slowest))
}

fn short(time: Duration) -> String {
    match time.as_nanos() {
        0..10_000 => format!("{}ns", time.as_nanos()),
        10_000..10_000_000 => format!("{}us", time.as_micros()),
        10_000_000..10_000_000_000 => format!("{}ms", time.as_millis()),
        _ => format!("{}s", time.as_secs()),
    }
}

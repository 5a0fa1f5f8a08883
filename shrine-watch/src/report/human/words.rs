//! Times, counts and durations, as people read them.

use jiff::Zoned;
use shrine::event::Phases;

/// The time of day, as the user's clock shows it.
pub(super) fn time() -> String {
    Zoned::now().strftime("%H:%M:%S").to_string()
}

pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Without colours.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut parts = text.split("\x1b[");
    plain.push_str(parts.next().unwrap_or_default());
    parts.filter_map(|part| part.split_once('m')).for_each(|(_, rest)| plain.push_str(rest));
    plain
}

/// `312ms (detect 11ms, build 280ms, ..)`, without the phases that took no time to speak of.
pub(super) fn phases(phases: &Phases) -> String {
    let Phases { detect, build, load, plan, quiesce, migrate, commit, total } = *phases;
    let all = [
        ("detect", detect),
        ("build", build),
        ("load", load),
        ("plan", plan),
        ("quiesce", quiesce),
        ("migrate", migrate),
        ("commit", commit),
    ];
    let long: Vec<_> = all
        .iter()
        .filter(|(_, time)| *time >= 50)
        .map(|(name, time)| format!("{name} {}", duration(*time)))
        .collect();
    if long.is_empty() { duration(total) } else { format!("{} ({})", duration(total), long.join(", ")) }
}

/// Microseconds for people: `0.4ms`, `12ms`, `1.62s`, `62s`.
pub(super) fn duration(micros: u64) -> String {
    let milliseconds = micros as f64 / 1e3;
    match micros {
        0..10_000 => format!("{milliseconds:.1}ms"),
        10_000..1_000_000 => format!("{milliseconds:.0}ms"),
        1_000_000..10_000_000 => format!("{:.2}s", milliseconds / 1e3),
        _ => format!("{:.0}s", milliseconds / 1e3),
    }
}

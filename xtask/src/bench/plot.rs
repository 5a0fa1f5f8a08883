//! A picture of where the time goes: for each scenario the phases of an edit, and below, larger, those after the build.
//!
//! The colours change with the reader's light or dark mode. What the picture says is in its text as well.

use std::fmt::Write as _;

use super::candidates::Who;
use super::results::{Latency, Results, Series};
use super::statistics::Spread;

/// What is drawn of the phases, each with its class.
const PARTS: [(&str, &str, &[&str]); 6] = [
    ("detect", "a", &["detect"]),
    ("build", "b", &["build"]),
    ("load", "c", &["load"]),
    ("migrate", "d", &["plan", "quiesce", "migrate"]),
    ("commit", "e", &["commit"]),
    ("answer", "f", &["outside"]),
];

const WIDTH: f64 = 860.0;
const LEFT: f64 = 120.0;
/// Room for the number behind a bar.
const RIGHT: f64 = 90.0;
const ROW: f64 = 30.0;
const BAR: f64 = 18.0;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#24292f}.n{fill:#57606a}.h{font-weight:600}\
.a{fill:#8c959f}.b{fill:#0969da}.c{fill:#bf8700}.d{fill:#1a7f37}.e{fill:#cf222e}.f{fill:#8250df}\
.l{stroke:#24292f;stroke-width:2}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.n{fill:#9198a1}\
.a{fill:#6e7681}.b{fill:#4493f8}.c{fill:#d29922}.d{fill:#3fb950}.e{fill:#f85149}.f{fill:#ab7df8}.l{stroke:#e6edf3}}";

/// The picture, or nothing if Shrine was not measured.
pub(crate) fn svg(results: &Results) -> Option<String> {
    let rows: Vec<Row<'_>> = results.latencies.iter().filter_map(Row::of).collect();
    if rows.is_empty() {
        return None;
    }
    let panel = ROW * (rows.len() as f64 + 1.0);
    let height = ROW + 2.0 * panel + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"From save to the new code answering, by phase\">\n<style>{STYLE}</style>\n"
    );
    svg += &legend();
    svg += &panel_of(&rows, ROW, "from save to the new code answering (line: rustc alone)", &PARTS, true);
    svg += &panel_of(&rows, ROW + panel, "of it, after the build", &PARTS[2..], false);
    Some(svg + "</svg>\n")
}

struct Row<'a> {
    name: &'a str,
    ours: &'a Series,
    limit: Option<f64>,
}

impl<'a> Row<'a> {
    fn of(latency: &'a Latency) -> Option<Self> {
        let ours = latency.of(Who::Shrine)?;
        Spread::of(ours.totals())?;
        let limit = latency.of(Who::Replay).and_then(|limit| Spread::of(limit.totals()));
        Some(Self { name: latency.scenario.name, ours, limit: limit.map(|limit| limit.median) })
    }

    /// The median of a part. Parts of medians need not add up to the median of the whole, and nearly do.
    fn part(&self, phases: &[&str]) -> f64 {
        let of = |phase: &&str| Spread::of(self.ours.phase(phase)).map_or(0.0, |spread| spread.median);
        phases.iter().map(of).sum()
    }

    fn width(&self, parts: &[(&str, &str, &[&str])]) -> f64 {
        parts.iter().map(|(_, _, phases)| self.part(phases)).sum()
    }
}

fn legend() -> String {
    let mut legend = String::new();
    let mut x = LEFT;
    for (name, class, _) in PARTS {
        let _ = writeln!(
            legend,
            "<rect class=\"{class}\" x=\"{x}\" y=\"9\" width=\"12\" height=\"12\" rx=\"2\"/>"
        );
        let _ = writeln!(legend, "<text x=\"{}\" y=\"20\">{name}</text>", x + 17.0);
        x += 90.0;
    }
    legend
}

fn panel_of(
    rows: &[Row<'_>],
    top: f64,
    title: &str,
    parts: &[(&str, &str, &[&str])],
    with_limit: bool,
) -> String {
    let widest = rows.iter().map(|row| row.width(parts).max(row.limit.filter(|_| with_limit).unwrap_or(0.0)));
    // Something is drawn even if all of it took no time.
    let widest = widest.fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / widest;
    let mut panel = format!("<text class=\"h\" x=\"{LEFT}\" y=\"{}\">{title}</text>\n", top + 20.0);
    for (number, row) in rows.iter().enumerate() {
        let y = top + ROW * (number as f64 + 1.0);
        let _ = writeln!(
            panel,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 10.0,
            y + 14.0,
            row.name
        );
        let mut x = LEFT;
        for (name, class, phases) in parts {
            let time = row.part(phases);
            let _ = writeln!(
                panel,
                "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y}\" width=\"{:.2}\" height=\"{BAR}\"><title>{name} {time:.2} ms</title></rect>",
                time * scale
            );
            x += time * scale;
        }
        if let Some(limit) = row.limit.filter(|_| with_limit) {
            let at = LEFT + limit * scale;
            let _ = writeln!(
                panel,
                "<line class=\"l\" x1=\"{at:.2}\" x2=\"{at:.2}\" y1=\"{}\" y2=\"{}\"><title>rustc alone {limit:.1} ms</title></line>",
                y - 3.0,
                y + BAR + 3.0
            );
            x = x.max(at);
        }
        let total = row.width(parts);
        let digits = if total < 20.0 { 1 } else { 0 };
        let _ = writeln!(
            panel,
            "<text class=\"n\" x=\"{:.2}\" y=\"{}\">{total:.digits$} ms</text>",
            x + 8.0,
            y + 14.0
        );
    }
    panel
}

#[cfg(test)]
mod tests {
    use super::super::results::examples::results;
    use super::*;

    /// The numbers of an attribute, in order.
    fn numbers(svg: &str, attribute: &str) -> Vec<f64> {
        let start = format!(" {attribute}=\"");
        svg.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn bars_are_in_proportion_and_stay_inside() {
        let svg = svg(&results(184.0)).unwrap();
        let build = svg.lines().find(|line| line.contains("<title>build 184.00 ms")).unwrap();
        let detect = svg.lines().find(|line| line.contains("<title>detect 12.00 ms")).unwrap();
        let (build, detect) = (numbers(build, "width")[0], numbers(detect, "width")[0]);
        assert!((build / detect - 184.0 / 12.0).abs() < 0.01, "{build} {detect}");
        for (x, width) in numbers(&svg, "x").into_iter().zip(numbers(&svg, "width")) {
            assert!(x >= 0.0 && (0.0..=WIDTH).contains(&width));
        }
        assert!(svg.contains("rustc alone 160.0 ms"));
    }

    #[test]
    fn every_tag_is_closed_and_every_class_is_known_in_both_modes() {
        let svg = svg(&results(184.0)).unwrap();
        for tag in ["svg", "text", "style", "title", "line"] {
            let opened = svg.matches(&format!("<{tag} ")).count() + svg.matches(&format!("<{tag}>")).count();
            assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        let (light, dark) = STYLE.split_once("@media").unwrap();
        for (_, class, _) in PARTS {
            assert!(light.contains(&format!(".{class}{{")) && dark.contains(&format!(".{class}{{")));
        }
    }

    #[test]
    fn nothing_measured_is_no_picture() {
        let mut results = results(184.0);
        results.latencies.clear();
        assert_eq!(svg(&results), None);
    }
}

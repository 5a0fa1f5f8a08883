//! The results, as a page for people.

use std::fmt::Write as _;

use super::candidates::Who;
use super::figures::{Figure, Measured};
use super::goals::{self, Verdict};
use super::results::{Latency, Results, Series};
use super::statistics::Spread;

/// The whole page.
pub(crate) fn page(results: &Results) -> String {
    let mut page = head(results);
    page += "## Goals\n\n";
    page += &table(&["what", "goal", "measured", "reached"], &goals(results));
    for latency in &results.latencies {
        page += &scenario(latency);
    }
    if !results.figures.is_empty() {
        page += "## Inside of an update\n\n";
    }
    for (figure, measured) in &results.figures {
        let _ = write!(page, "### {}\n\n`{}`\n\n", title(*figure), figure.command_line());
        match measured {
            Ok(measured) => page += &figures(measured),
            Err(failure) => {
                let _ = writeln!(page, "Not measured: {}\n", failure.line());
            }
        }
    }
    page.trim_end().to_owned() + "\n"
}

fn head(results: &Results) -> String {
    let Results { edits, warm_ups, seed, .. } = results;
    let facts: Vec<Vec<String>> =
        results.facts.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
    let mut head = format!(
        "# Results\n\n\
         Written by `cargo xtask bench`; CONTRIBUTING.md says how to run it.\n\n\
         Every candidate has a project of its own with the same widgets, and gets {edits} edits of a text in a method, \
         after {warm_ups} that are not counted, in turns: each round has one edit of each, in an order shuffled by the \
         seed {seed}. The clock runs from before the file is written, in place, until the new code has answered with \
         the new text. Nothing is left out as an outlier. Ratios are of the same round.\n\n\
         `rustc alone` is rustc called as Shrine's first build calls it, without cargo, watcher or loading, from its start \
         until it ends; the text is looked for in the file. Shrine compiles with the same arguments; it can be faster \
         because it links less, starts the compiler before the edit, and does not wait for its end. \
         dx is measured where the widget is in the crate of the program.\n\n"
    );
    if let Some(failure) = &results.failure {
        let _ = writeln!(head, "**This run did not come to its end**: {}\n", failure.line());
    }
    head += &table(&["", ""], &facts);
    head
}

fn goals(results: &Results) -> Vec<Vec<String>> {
    let row = |goal: goals::Goal| {
        let (measured, reached) = match goal.verdict {
            Verdict::Reached { measured } => (measured, "yes".to_owned()),
            Verdict::Missed { measured, because } => (measured, format!("**no**: {because}")),
            Verdict::NotMeasured { why } => (String::new(), format!("not measured: {why}")),
        };
        vec![goal.what.to_owned(), goal.wanted, measured, reached]
    };
    goals::all(results).into_iter().map(row).collect()
}

fn scenario(latency: &Latency) -> String {
    let mut text = format!("## `{}`: {}\n\n", latency.scenario.name, latency.scenario.title);
    let ours = latency.of(Who::Shrine);
    let rows: Vec<Vec<String>> = latency.series.iter().map(|series| row(series, ours)).collect();
    text += &table(
        &["save to new code answering", "median", "p5 .. p95", "times that of Shrine", "p5 .. p95", "rounds"],
        &rows,
    );
    for series in &latency.series {
        if let Some(failure) = &series.failure {
            let _ = write!(text, "{} did not run to the end: {}\n\n", series.who.title(), failure.line());
        }
    }
    for series in &latency.series {
        let phases = series.phases();
        if phases.len() > 1 {
            let parts: Vec<String> =
                phases.iter().map(|(name, time)| format!("{name} {}", milliseconds(*time))).collect();
            let _ = write!(text, "{}, medians by phase: {}.", series.who.title(), parts.join(", "));
            let built: Vec<String> =
                series.built().iter().map(|(way, count)| format!("{way} ({count})")).collect();
            if !built.is_empty() {
                let _ = write!(text, " Built by: {}.", built.join(", "));
            }
            text += "\n\n";
        }
    }
    text
}

fn row(series: &Series, ours: Option<&Series>) -> Vec<String> {
    let title = series.who.title().to_owned();
    let Some(total) = Spread::of(series.totals()) else {
        return vec![
            title,
            "not run".to_owned(),
            String::new(),
            String::new(),
            String::new(),
            "0".to_owned(),
        ];
    };
    let ratio = ours.and_then(|ours| series.ratio_to(ours));
    vec![
        title,
        milliseconds(total.median),
        format!("{} .. {}", milliseconds(total.p5), milliseconds(total.p95)),
        ratio.map_or(String::new(), |ratio| format!("{:.2}x", ratio.median)),
        ratio.map_or(String::new(), |ratio| format!("{:.2}x .. {:.2}x", ratio.p5, ratio.p95)),
        total.count.to_string(),
    ]
}

fn title(figure: Figure) -> &'static str {
    match figure {
        Figure::Migrate => "States of older versions, carried to the newest",
        Figure::Check => "A cold `cargo check`",
        Figure::Messages => "Messages through a connection",
        Figure::Update => "Handing many instances over",
        Figure::Soak => "Many generations in one process",
    }
}

fn figures(measured: &Measured) -> String {
    let mut text = String::new();
    if let Some(first) = measured.sides.first() {
        let rows: Vec<Vec<String>> = measured
            .sides
            .iter()
            .map(|sides| {
                let side = |[fastest, median, slowest]: [f64; 3]| {
                    format!("{} ({} .. {})", nanos(median), nanos(fastest), nanos(slowest))
                };
                vec![sides.what.clone(), side(sides.ours), side(sides.theirs), format!("{:.2}x", sides.ratio)]
            })
            .collect();
        text += &table(&["median (fastest .. slowest)", "Shrine", &first.other, "ratio"], &rows);
    }
    if let Some(first) = measured.updates.first() {
        let names = first.each.iter().map(|(name, _)| name.as_str());
        let heads: Vec<&str> = ["ns for each instance", "instances"].into_iter().chain(names).collect();
        let rows: Vec<Vec<String>> = measured
            .updates
            .iter()
            .map(|update| {
                let times = update.each.iter().map(|(_, time)| format!("{time:.0}"));
                [update.what.clone(), update.instances.to_string()].into_iter().chain(times).collect()
            })
            .collect();
        text += &table(&heads, &rows);
    }
    if let Some(soak) = &measured.soak {
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let rows = [
            row("generations", soak.generations.to_string()),
            row("private memory of each", format!("{:.1} KiB", soak.kib_each)),
            row("descriptors", format!("{} to {}", soak.descriptors.0, soak.descriptors.1)),
            row("threads", format!("{} to {}", soak.threads.0, soak.threads.1)),
        ];
        text += &table(&["", ""], &rows);
    }
    text
}

fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut table = line(heads.to_vec());
    table += &line(vec!["---"; heads.len()]);
    for row in rows {
        table += &line(row.iter().map(String::as_str).collect());
    }
    table + "\n"
}

fn milliseconds(time: f64) -> String {
    match time {
        time if time < 10.0 => format!("{time:.2} ms"),
        time if time < 100.0 => format!("{time:.1} ms"),
        time => format!("{time:.0} ms"),
    }
}

fn nanos(time: f64) -> String {
    match time {
        time if time < 1e4 => format!("{time:.0} ns"),
        time if time < 1e7 => format!("{:.0} us", time / 1e3),
        time if time < 1e10 => format!("{:.0} ms", time / 1e6),
        time => format!("{:.1} s", time / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::examples::results;
    use super::*;

    #[test]
    fn every_row_has_the_cells_of_its_head() {
        let page = page(&results(184.0));
        let mut cells = None;
        for line in page.lines() {
            if !line.starts_with('|') {
                cells = None;
                continue;
            }
            let found = line.matches(" |").count();
            assert_eq!(*cells.get_or_insert(found), found, "{line}");
        }
    }

    #[test]
    fn the_page_says_what_was_measured_and_what_not() {
        let page = page(&results(184.0));
        for line in [
            "| Shrine | 200 ms | 200 ms .. 200 ms | 1.00x | 1.00x .. 1.00x | 5 |",
            "| rustc alone | 160 ms | 160 ms .. 160 ms | 0.80x | 0.80x .. 0.80x | 5 |",
            "| hot-lib-reloader, cargo-watch | 1300 ms | 1300 ms .. 1300 ms | 6.50x | 6.50x .. 6.50x | 4 |",
            "| dx serve --hotpatch | not run |  |  |  | 0 |",
            "dx serve --hotpatch did not run to the end: not installed",
            "| cores | 2 |",
            "| save to answer, small widget, beside rustc alone | at most 1.25x | 1.25x (200 ms, other 160 ms) | yes |",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
        assert!(
            page.contains("Shrine, medians by phase: detect 12.0 ms, build 184 ms, load 2.00 ms"),
            "{page}"
        );
    }
}

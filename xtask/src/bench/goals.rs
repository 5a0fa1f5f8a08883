//! What should be reached, and whether it was in this run. All of it is computed from what was measured.

use super::candidates::Who;
use super::figures::{Figure, INSTANCES, Measured, Sides};
use super::results::{Latency, Results, Series};
use super::statistics::{Spread, ratios};

/// A goal, held against a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    pub(crate) wanted: String,
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Reached {
        measured: String,
    },
    Missed {
        measured: String,
        /// Where the time goes.
        because: String,
    },
    NotMeasured {
        why: String,
    },
}

/// All goals.
pub(crate) fn all(results: &Results) -> Vec<Goal> {
    vec![
        small(
            results,
            "save to answer, small widget, beside rustc alone",
            "at most 1.25x",
            |latency, ours| {
                let ratio = ours.ratio_to(other(latency, Who::Replay)?).ok_or("no round of both")?;
                let limit = other(latency, Who::Replay)?.totals();
                Ok((ratio.median <= 1.25, format!("{:.2}x ({})", ratio.median, both(ours, limit))))
            },
        ),
        small(results, "the same, after the build has ended", "at most 10 ms", |_, ours| {
            let after = Spread::of(after_build(ours)).ok_or("no round")?;
            Ok((after.median <= 10.0, format!("{:.1} ms", after.median)))
        }),
        small(results, "the same, beside hot-lib-reloader with cargo-watch", "6x faster", |latency, ours| {
            faster(other(latency, Who::HotLib)?.totals(), ours, 6.0)
        }),
        small(results, "the same, beside dx hot-patch", "1.5x faster", |latency, ours| {
            faster(other(latency, Who::Dx)?.totals(), ours, 1.5)
        }),
        latency(
            results,
            "heavy",
            "heavy dependencies, beside `cargo build`",
            "3x faster",
            |latency, ours| {
                // The build alone, although the program has not been started then.
                faster(other(latency, Who::Cargo)?.phase("build"), ours, 3.0)
            },
        ),
        figure(results, Figure::Update, "hand over 1,000,000 instances", "at most 50 ns each", hand_over),
        figure(
            results,
            Figure::Migrate,
            "migrate over 5 hops, beside serde by hand",
            "at most 1.5x",
            |measured| worst(measured, 1.5, |sides| sides.what.contains("5 hops")),
        ),
        figure(results, Figure::Messages, "a message, beside a `VecDeque`", "at most 2x", |measured| {
            worst(measured, 2.0, |_| true)
        }),
        figure(
            results,
            Figure::Soak,
            "3,000 updates in one process",
            "at most 64 KiB each; descriptors, threads constant",
            soak,
        ),
        figure(
            results,
            Figure::Check,
            "cold check of 60 widgets, beside serde by hand",
            "at most 1.5x",
            |measured| worst(measured, 1.5, |_| true),
        ),
    ]
}

/// How long each round took after the build.
fn after_build(series: &Series) -> Vec<f64> {
    let before = series.phase("detect").into_iter().zip(series.phase("build"));
    series.totals().into_iter().zip(before).map(|(total, (detect, build))| total - detect - build).collect()
}

/// Whether it is reached, and what was measured; or why that is not known.
type Answer = Result<(bool, String), String>;

fn small(
    results: &Results,
    what: &'static str,
    wanted: &str,
    judge: impl Fn(&Latency, &Series) -> Answer,
) -> Goal {
    latency(results, "small", what, wanted, judge)
}

fn latency(
    results: &Results,
    scenario: &str,
    what: &'static str,
    wanted: &str,
    judge: impl Fn(&Latency, &Series) -> Answer,
) -> Goal {
    let verdict =
        match results.latency(scenario).and_then(|latency| Some((latency, latency.of(Who::Shrine)?))) {
            None => Verdict::NotMeasured { why: format!("`{scenario}` was not part of this run") },
            Some((latency, ours)) => match judge(latency, ours) {
                Ok((true, measured)) => Verdict::Reached { measured },
                Ok((false, measured)) => Verdict::Missed { measured, because: phases(latency, ours) },
                Err(why) => Verdict::NotMeasured { why },
            },
        };
    Goal { what, wanted: wanted.to_owned(), verdict }
}

fn figure(
    results: &Results,
    figure: Figure,
    what: &'static str,
    wanted: &str,
    judge: impl Fn(&Measured) -> Result<(bool, String, String), String>,
) -> Goal {
    let verdict = match results.figure(figure) {
        None => Verdict::NotMeasured { why: format!("`{}` was not part of this run", figure.name()) },
        Some(Err(failure)) => Verdict::NotMeasured { why: failure.line() },
        Some(Ok(measured)) => match judge(measured) {
            Ok((true, measured, _)) => Verdict::Reached { measured },
            Ok((false, measured, because)) => Verdict::Missed { measured, because },
            Err(why) => Verdict::NotMeasured { why },
        },
    };
    Goal { what, wanted: wanted.to_owned(), verdict }
}

fn other(latency: &Latency, who: Who) -> Result<&Series, String> {
    let series = latency.of(who).ok_or_else(|| format!("`{}` was not part of this run", who.title()))?;
    match &series.failure {
        Some(failure) if series.samples.is_empty() => Err(failure.line()),
        _ => Ok(series),
    }
}

fn faster(theirs: Vec<f64>, ours: &Series, wanted: f64) -> Answer {
    let ratio = Spread::of(ratios(&theirs, &ours.totals())).ok_or("no round of both")?;
    Ok((ratio.median >= wanted, format!("{:.1}x ({})", ratio.median, both(ours, theirs))))
}

/// The medians that a ratio is of.
fn both(ours: &Series, theirs: Vec<f64>) -> String {
    let median = |values: Vec<f64>| Spread::of(values).map_or(0.0, |spread| spread.median);
    format!("{:.0} ms, other {:.0} ms", median(ours.totals()), median(theirs))
}

/// Where the time of an edit goes.
fn phases(latency: &Latency, ours: &Series) -> String {
    let parts: Vec<String> =
        ours.phases().iter().map(|(name, time)| format!("{name} {}", milliseconds(*time))).collect();
    let limit = latency.of(Who::Replay).and_then(|limit| Spread::of(limit.totals()));
    let limit =
        limit.map(|limit| format!("; rustc alone {}", milliseconds(limit.median))).unwrap_or_default();
    format!("{}{limit}", parts.join(", "))
}

fn milliseconds(time: f64) -> String {
    format!("{time:.1} ms")
}

fn hand_over(measured: &Measured) -> Result<(bool, String, String), String> {
    let update = measured.updates.iter().find(|update| update.instances == INSTANCES);
    let update = update.ok_or("the benchmark has not printed that number of instances")?;
    let all =
        update.each.iter().find(|(name, _)| name == "all").ok_or("the benchmark has not printed `all`")?.1;
    let parts = ["plan", "quiesce", "migrate", "commit"];
    let parts: Vec<String> = update
        .each
        .iter()
        .filter(|(name, _)| parts.contains(&name.as_str()))
        .map(|(name, time)| format!("{name} {time:.0} ns"))
        .collect();
    Ok((all <= 50.0, format!("{all:.0} ns"), parts.join(", ")))
}

/// The worst of those counts.
fn worst(
    measured: &Measured,
    limit: f64,
    counts: impl Fn(&Sides) -> bool,
) -> Result<(bool, String, String), String> {
    let sides = measured.sides.iter().filter(|sides| counts(sides));
    let worst = sides.max_by(|one, other| one.ratio.total_cmp(&other.ratio));
    let worst = worst.ok_or("the benchmark has not printed it")?;
    let [_, ours, _] = worst.ours.map(|nanos| nanos / 1e6);
    let [_, theirs, _] = worst.theirs.map(|nanos| nanos / 1e6);
    let because = format!("{}: {}, by hand {}", worst.what, milliseconds(ours), milliseconds(theirs));
    Ok((worst.ratio <= limit, format!("{:.2}x", worst.ratio), because))
}

fn soak(measured: &Measured) -> Result<(bool, String, String), String> {
    let soak = measured.soak.as_ref().ok_or("the test has not printed it")?;
    let constant = |(from, to): (u64, u64)| from == to;
    let is_reached = soak.kib_each <= 64.0 && constant(soak.descriptors) && constant(soak.threads);
    let pairs = format!(
        "descriptors {} to {}, threads {} to {}",
        soak.descriptors.0, soak.descriptors.1, soak.threads.0, soak.threads.1
    );
    Ok((
        is_reached,
        format!("{:.1} KiB; {pairs}", soak.kib_each),
        format!("{} generations", soak.generations),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::figures::{Soak, Update};
    use super::super::results::examples::results;
    use super::*;

    fn verdict(results: &Results, number: usize) -> Verdict {
        all(results)[number].verdict.clone()
    }

    #[test]
    fn a_ratio_at_the_limit_reaches_the_goal_and_one_above_says_why_not() {
        // 184 + 12 + 2 + 1 + 1 are 200, and 1.25 times 160.
        assert_eq!(
            verdict(&results(184.0), 0),
            Verdict::Reached { measured: "1.25x (200 ms, other 160 ms)".to_owned() }
        );
        let Verdict::Missed { measured, because } = verdict(&results(304.0), 0) else {
            panic!("it is missed")
        };
        assert_eq!(measured, "2.00x (320 ms, other 160 ms)");
        assert!(because.starts_with("detect 12.0 ms, build 304.0 ms, load 2.0 ms"), "{because}");
        assert!(because.ends_with("rustc alone 160.0 ms"), "{because}");
    }

    #[test]
    fn what_comes_after_the_build_counts_alone() {
        assert_eq!(verdict(&results(184.0), 1), Verdict::Reached { measured: "4.0 ms".to_owned() });
    }

    #[test]
    fn a_peer_that_did_not_run_is_no_success() {
        assert_eq!(
            verdict(&results(184.0), 2),
            Verdict::Reached { measured: "6.5x (200 ms, other 1300 ms)".to_owned() }
        );
        assert_eq!(verdict(&results(184.0), 3), Verdict::NotMeasured { why: "not installed".to_owned() });
        assert!(matches!(verdict(&results(184.0), 4), Verdict::NotMeasured { .. }));
    }

    #[test]
    fn figures_are_held_to_their_limits() {
        let mut results = results(184.0);
        let sides = |what: &str, ratio: f64| Sides {
            what: what.to_owned(),
            other: "by hand".to_owned(),
            ours: [1e6 * ratio; 3],
            theirs: [1e6; 3],
            ratio,
        };
        let update = Update {
            what: "shape unchanged".to_owned(),
            instances: INSTANCES,
            each: vec![("commit".to_owned(), 30.0), ("all".to_owned(), 80.0)],
        };
        let soak = Soak { generations: 3000, kib_each: 26.0, descriptors: (8, 8), threads: (3, 4) };
        results.figures = vec![
            (Figure::Update, Ok(Measured { updates: vec![update], ..Measured::default() })),
            (
                Figure::Migrate,
                Ok(Measured {
                    sides: vec![sides("10, 5 hops", 1.4), sides("9, 0 hops", 9.0)],
                    ..Measured::default()
                }),
            ),
            (Figure::Soak, Ok(Measured { soak: Some(soak), ..Measured::default() })),
        ];
        let Verdict::Missed { measured, because } = verdict(&results, 5) else { panic!("it is missed") };
        assert_eq!((measured.as_str(), because.as_str()), ("80 ns", "commit 30 ns"));
        assert_eq!(verdict(&results, 6), Verdict::Reached { measured: "1.40x".to_owned() });
        assert!(matches!(verdict(&results, 7), Verdict::NotMeasured { .. }));
        assert!(matches!(verdict(&results, 8), Verdict::Missed { .. }), "threads grew");
    }
}

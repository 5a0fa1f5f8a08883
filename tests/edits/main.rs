//! Random edits of a workspace while it is watched: after each, what runs is what a clean `cargo build` of the same tree
//! gives, or, where that fails, what ran before.
//!
//! ```text
//! cargo test -p shrine-tests --test edits                                 each kind of edit, in a few steps
//! cargo test -p shrine-tests --test edits -- 200 --seed 7                 200 steps
//! cargo test -p shrine-tests --test edits -- 200 --seed 7 --shrink        and what fails, in fewer of them
//! cargo test -p shrine-tests --test edits -- --seed 7 --only 3,17,18      these steps alone
//! ```
//!
//! Two runs at a time in one target directory would disturb each other.

mod disk;
mod edit;
mod knobs;
mod live;
mod mistake;
mod random;
mod reference;
mod run;
mod shrink;
mod target;
mod tree;

use std::process::ExitCode;

use run::{Ended, Plan, SHORT, run};
use shrine_tests::shared_target;

/// What is asked for.
#[derive(Debug, Default)]
struct Arguments {
    count: Option<u64>,
    /// Whether the steps are those of a short run.
    short: bool,
    seed: Option<u64>,
    only: Vec<u64>,
    shrink: bool,
    /// Whether the name of another test was given.
    elsewhere: bool,
}

impl Arguments {
    fn read() -> Result<Self, String> {
        let mut read = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` takes a value"));
            let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
            match argument.as_str() {
                "--seed" => read.seed = Some(number(&value()?)?),
                "--only" => read.only = value()?.split(',').map(number).collect::<Result<_, _>>()?,
                "--shrink" => read.shrink = true,
                "--short" => read.short = true,
                text if text.parse::<u64>().is_ok() => read.count = Some(number(text)?),
                text => read.elsewhere |= !text.starts_with('-') && !"edits".contains(text),
            }
        }
        Ok(read)
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(mistake) => {
            eprintln!("edits: {mistake}");
            return ExitCode::from(2);
        }
    };
    if arguments.elsewhere {
        return ExitCode::SUCCESS;
    }
    let is_short = arguments.short || (arguments.count.is_none() && arguments.only.is_empty());
    let count = arguments.count.unwrap_or(SHORT);
    let steps = if arguments.only.is_empty() { (1..=count).collect() } else { arguments.only };
    let plan = Plan { seed: arguments.seed.unwrap_or(1), steps, is_short };
    let targets = shared_target().with_file_name("edits");
    println!("edits: seed {}, {} steps", plan.seed, plan.steps.len());
    let ended = run(&plan, &targets, &|line| println!("{line}"));
    let Some(wrong) = &ended.wrong else {
        println!("edits: after each of {} steps, what a clean build gives was live", plan.steps.len());
        if ended.late > 0 {
            println!("edits: {} times only after another look at the files", ended.late);
        }
        return ExitCode::SUCCESS;
    };
    report(&plan, &ended, wrong);
    if arguments.shrink {
        let (plan, ended) = shrink::shrink(plan, ended, &targets);
        if let Some(wrong) = &ended.wrong {
            report(&plan, &ended, wrong);
        }
    }
    ExitCode::FAILURE
}

/// Says what went wrong, after which edits, and how to see it again.
fn report(plan: &Plan, ended: &Ended, wrong: &str) {
    println!("\nedits: FAILED with seed {}\n\n{wrong}\n\nhistory:", plan.seed);
    for (step, lines) in &ended.history {
        println!("{step:4}  {}", lines.join("\n        "));
    }
    println!("\nevents of the last step:\n  {}", ended.log.join("\n  "));
    if let Some(place) = &ended.place {
        println!("\nthe tree: {0}/edited, what it was compared with: {0}/reference", place.display());
    }
    let only: Vec<_> = ended.history.iter().map(|(step, _)| step.to_string()).collect();
    println!(
        "again: cargo test -p shrine-tests --test edits -- --seed {}{} --only {}",
        plan.seed,
        if plan.is_short { " --short" } else { "" },
        only.join(",")
    );
}

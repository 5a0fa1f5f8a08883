//! Runs the cases in `cases/`: builds and changes at their times, and what becomes of each change.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// A build begins.
    Began(u64),
    /// It ends, after so many milliseconds.
    Ended(u64, u64),
    /// Files are changed.
    Change {
        at: u64,
        files: Vec<PathBuf>,
        /// When it is looked at them.
        looked: u64,
        then: Verdict,
    },
    /// Until when a change waits that is looked at now.
    Hold { at: u64, until: Option<u64> },
    /// The same, many times: a change starts a build, in which the next one falls after so many milliseconds.
    Loop { files: Vec<PathBuf>, after: u64, takes: u64, from: u64, builds: usize },
}

#[test]
fn every_case_goes_as_it_is_written() {
    let mut count = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/watch/turns/cases")).unwrap() {
        let path = entry.unwrap().path();
        let steps: Vec<Step> = serde_json::from_slice(&fs::read(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut turns = Turns::default();
        for (number, step) in steps.into_iter().enumerate() {
            run(&mut turns, step, &format!("{}, step {}", path.display(), number + 1));
        }
        count += 1;
    }
    assert!(count > 0, "there are no cases");
}

fn run(turns: &mut Turns, step: Step, name: &str) {
    match step {
        Step::Began(at) => turns.began(time(at), clock(at)),
        Step::Ended(at, took) => turns.ended(time(at), clock(at), time(took)),
        Step::Hold { at, until } => assert_eq!(turns.hold(time(at)), until.map(time), "{name}"),
        Step::Change { at, files, looked, then } => {
            assert_eq!(turns.hold(time(looked)), None, "{name}: it waits");
            assert_eq!(turns.judge(&changed(&files, at)), then, "{name}");
        }
        Step::Loop { files, after, takes, from, builds } => {
            let (mut now, mut count) = (from, 0);
            turns.began(time(now), clock(now));
            loop {
                count += 1;
                assert!(count <= builds, "{name}: it goes on");
                let (began, at) = (now, now + after);
                now = at + 3;
                if turns.hold(time(now)).is_some() {
                    now = began + takes;
                    turns.ended(time(now), clock(now), time(takes));
                    now =
                        turns.hold(time(now)).map_or(now, |until| u64::try_from(until.as_millis()).unwrap());
                }
                match turns.judge(&changed(&files, at)) {
                    Verdict::Build => turns.began(time(now), clock(now)),
                    Verdict::Endless(rounds) => {
                        break assert_eq!((count, rounds as usize), (builds, builds), "{name}");
                    }
                    Verdict::Known => panic!("{name}: it is known before it was told"),
                }
            }
        }
    }
}

fn changed(files: &[PathBuf], at: u64) -> Vec<(PathBuf, SystemTime)> {
    files.iter().map(|file| (file.clone(), clock(at))).collect()
}

fn time(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn clock(milliseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + time(milliseconds)
}

/// Somebody who types, with an editor that saves every so often: how long until code goes live?
#[test]
fn whoever_types_sees_code_go_live_and_is_never_taken_for_a_loop() {
    for takes in [50, 200, 500, 1_500, 10_000] {
        for every in [20, 100, 250, 333, 500, 1_000, 3_000] {
            let mut turns = Turns::default();
            let (mut began, mut waits): (Option<u64>, Option<u64>) = (None, None);
            let (mut whole, mut live) = (0, 0);
            for now in 0..120_000_u64 {
                if let Some(start) = began.filter(|start| now - start == takes) {
                    turns.ended(time(now), clock(now), time(now - start));
                    began = None;
                    (whole, live) = (whole + 1, now);
                }
                if now % every == 0 {
                    waits = Some(now);
                }
                if let Some(saved) = waits.filter(|_| turns.hold(time(now)).is_none()) {
                    let verdict = turns.judge(&changed(&["src/lib.rs".into()], saved));
                    assert_eq!(verdict, Verdict::Build, "a build of {takes} ms, a save every {every} ms");
                    turns.began(time(now), clock(now));
                    (began, waits) = (Some(now), None);
                }
                let most = 5_000 + 6 * takes;
                assert!(now - live <= most, "{takes} ms, every {every} ms: nothing for {most} ms at {now}");
            }
            assert!(whole >= 2, "{takes} ms, every {every} ms: {whole}");
        }
    }
}

//! Runs the cases in `../cases/`: what is there, step by step, and what each step must be taken for.

use std::fs;

use serde::Deserialize;

use super::*;
use crate::build::{BuildResult, Project};

#[derive(Deserialize)]
struct Case {
    project: Project,
    /// Contents by path, before the first step.
    files: BTreeMap<PathBuf, u64>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// A build begins.
    Building,
    /// It ends.
    Built(BuildResult),
    /// Files get another content (and a time), or go; then a look.
    Look {
        #[serde(default)]
        write: BTreeMap<PathBuf, (u64, u64)>,
        #[serde(default)]
        remove: Vec<PathBuf>,
        #[serde(default)]
        touched: BTreeSet<PathBuf>,
        expect: Option<Change>,
    },
}

#[test]
fn every_case_is_decided_as_it_is_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/watch/cases");
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let case = serde_json::from_slice(&fs::read(&path).unwrap());
        run(&path, case.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        count += 1;
    }
    assert!(count > 0, "there are no cases");
}

fn run(name: &Path, case: Case) {
    let mut inputs = Inputs::of(&case.project);
    let mut there: BTreeMap<PathBuf, Seen> =
        case.files.into_iter().map(|(path, content)| (path, seen(content, 0))).collect();
    let sight = |inputs: &Inputs, there: &BTreeMap<PathBuf, Seen>| -> Sight {
        there
            .iter()
            .filter(|(path, _)| inputs.role(path).is_some())
            .map(|(path, seen)| (path.clone(), *seen))
            .collect()
    };
    let mut detector = Detector::default();
    detector.begin(sight(&inputs, &there));
    let mut building = false;
    for (number, step) in case.steps.into_iter().enumerate() {
        match step {
            Step::Building => building = true,
            Step::Built(result) => {
                building = false;
                let before = inputs.clone();
                inputs.learn(&result);
                detector.learn(&before, &inputs, &sight(&inputs, &there), result.began);
            }
            Step::Look { write, remove, touched, expect } => {
                there.extend(write.into_iter().map(|(path, (content, time))| (path, seen(content, time))));
                there.retain(|path, _| !remove.contains(path));
                let found = detector.look(&inputs, &sight(&inputs, &there), &touched, building);
                assert_eq!(found, expect, "{}, step {}", name.display(), number + 1);
            }
        }
    }
}

fn seen(content: u64, seconds: u64) -> Seen {
    Seen { content, changed: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), is_empty: false }
}

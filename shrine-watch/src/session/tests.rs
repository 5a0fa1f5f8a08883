//! Runs the cases in `cases/`: each file is a story of inputs, with the actions that each must lead to.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    options: Options,
    story: Vec<Chapter>,
}

#[derive(Deserialize)]
struct Chapter {
    input: Input,
    then: serde_json::Value,
}

#[test]
fn every_story_goes_as_it_is_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/session/cases");
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let case: Case = serde_json::from_slice(&fs::read(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut session = Session::new(case.options);
        for (chapter, Chapter { input, then }) in case.story.into_iter().enumerate() {
            let asked = format!("{input:?}");
            let actions = serde_json::to_value(session.handle(input)).unwrap();
            assert_eq!(actions, then, "{}, chapter {}: {asked}", path.display(), chapter + 1);
        }
        count += 1;
    }
    assert!(count > 0, "there are no cases");
}

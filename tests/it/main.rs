//! What shrine promises, checked from outside.

mod commands;
mod decode;
mod detection;
mod diagnostics;
mod doctor;
mod embedded;
mod fixtures;
mod flow;
mod grammar;
mod histories;
mod libraries;
mod live;
mod live_watch;
mod macros;
mod nested;
mod payloads;
mod release;
mod released_workspace;
mod replay;
mod runtime;
mod scene;
mod sharing;
mod transforms;
mod ui;
mod watch;
mod workspace;

/// A module that nobody mentions would be a test that nobody runs.
#[test]
fn no_test_is_forgotten() {
    let main = include_str!("main.rs");
    let folder =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/it")).expect("the folder of this file");
    for file in folder.map_while(Result::ok) {
        let name = file.file_name().to_string_lossy().replace(".rs", "");
        assert!(name == "main" || main.contains(&format!("mod {name};")), "{name}");
    }
    let topics =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/ui")).expect("the folder of the cases");
    for topic in topics.map_while(Result::ok) {
        let name = topic.file_name().to_string_lossy().into_owned();
        assert!(include_str!("ui.rs").contains(&name), "{name}");
    }
}

//! The source of one widget.

use std::fmt::Write as _;

use super::Flavour;
use crate::bench::scenario::Scenario;

/// What the widget answers with.
pub(super) enum Answer<'a> {
    /// A text of its own.
    Text(String),
    /// That of another crate.
    Of(&'a str),
}

/// The library of a package with a widget; for programs of one file, a module.
pub(super) fn source(package: &str, scenario: Scenario, flavour: Flavour, answer: &Answer<'_>) -> String {
    let is_ours = flavour == Flavour::Shrine;
    let ours = |line: &str| if is_ours { format!("{line}\n") } else { String::new() };
    let mut source = format!(
        "//! Written by `cargo xtask bench`.\n\nuse serde::{{Deserialize, Serialize}};\n{}\n",
        ours("use shrine::prelude::*;")
    );
    const DERIVES: &str = "#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]\n";
    let parts = scenario.structs - 1;
    for part in 0..parts {
        source += &ours("#[state]");
        source += DERIVES;
        let _ = write!(
            source,
            "pub struct Part{part} {{\n    pub id: u64,\n    pub name: String,\n    pub amount: f64,\n    \
             pub tags: Vec<String>,\n    pub note: Option<String>,\n}}\n\n"
        );
    }
    source += &ours(&format!("#[widget(id = {package:?}, version = \"1.0.0\")]"));
    source += DERIVES;
    source += "pub struct Widget {\n    pub total: u64,\n    pub log: String,\n";
    for part in 0..parts {
        let _ = writeln!(source, "    pub part{part}: Vec<Part{part}>,");
    }
    source += "}\n\n";
    source += &ours("#[widget]");
    source += "impl Widget {\n";
    source += &ours("    #[input]");
    source +=
        "    pub fn add(&mut self, n: u64) {\n        self.total = self.total.wrapping_add(n);\n    }\n\n";
    if scenario.heavy {
        source += &ours("    #[input]");
        source += HEAVY;
    }
    source += &ours("    #[view]");
    source +=
        "    pub fn view(&self) -> String {\n        format!(\"{} {}\", self.total, answer())\n    }\n}\n\n";
    let expression = match answer {
        Answer::Text(text) => format!("{text:?}.to_owned()"),
        Answer::Of(package) => format!("{package}::answer()"),
    };
    let _ = writeln!(source, "fn answer() -> String {{\n    {expression}\n}}");
    if matches!(flavour, Flavour::HotLib { .. }) {
        let _ = write!(
            source,
            "\n#[unsafe(no_mangle)]\npub fn {package}_view(widget: &Widget) -> String {{\n    widget.view()\n}}\n"
        );
    }
    source
}

/// A method that reaches into every dependency, so that each is linked.
const HEAVY: &str = r#"    pub fn fetch(&mut self, address: String) {
        let pattern = regex::Regex::new("^[a-z]+://[^/]+").expect("a pattern");
        let host = pattern.find(&address).map(|found| found.as_str().to_owned()).unwrap_or_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let bytes = runtime.block_on(async {
            let (send, receive) = tokio::sync::oneshot::channel();
            tokio::spawn(async move {
                let answer = reqwest::Client::new().get(&address).send().await;
                let _ = send.send(match answer {
                    Ok(answer) => answer.bytes().await.map(|bytes| bytes.to_vec()).unwrap_or_default(),
                    Err(error) => error.to_string().into_bytes(),
                });
            });
            receive.await.unwrap_or_default()
        });
        let picture = image::load_from_memory(&bytes).map(|picture| picture.to_rgb8().dimensions());
        self.log = format!("{host} {picture:?} at {}", chrono::Utc::now().to_rfc3339());
    }

"#;

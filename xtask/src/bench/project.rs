//! The program that is edited, written for each candidate.
//!
//! The widgets are the same for all: structs with serde derives, a method that takes a message, one that answers. What
//! differs is what a candidate asks of its user: attributes for Shrine, an exported function for hot-lib-reloader, and a
//! program around the widgets where the candidate brings none. An edit is another text in the answer.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::failure::{Context, Failure};
use super::scenario::{Layout, Scenario};

mod manifest;
mod program;
mod widget;

/// For whom it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Widgets of Shrine; nothing else.
    Shrine,
    /// A program that prints the answers.
    Plain,
    /// Dynamic libraries, and a program that reloads them.
    HotLib {
        /// How long the program waits for quiet.
        debounce_ms: u32,
    },
    /// A program whose functions are patched.
    Dx,
}

/// Where the files are, and what they are called.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    pub(crate) flavour: Flavour,
    scenario: Scenario,
    /// Begins the name of every package, because all are built into one target directory.
    prefix: String,
    edits: u32,
}

/// What surrounds the project.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    /// The crate `shrine`.
    pub(crate) shrine: &'a Path,
    /// The version of `dioxus-devtools`.
    pub(crate) dioxus: &'a str,
    /// A Cargo.lock to begin with.
    pub(crate) lock: Option<&'a str>,
    /// Where cargo builds the project.
    pub(crate) target: &'a Path,
    /// Where a program asks what it should answer, see [`program`].
    pub(crate) socket: &'a Path,
}

impl Project {
    /// Writes it below `folder`, which is created.
    pub(crate) fn write(
        folder: &Path,
        candidate: &str,
        flavour: Flavour,
        scenario: Scenario,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, Failure> {
        let root = folder.join(scenario.name).join(candidate);
        let prefix = format!("{}_{}", scenario.name, candidate).replace('-', "_");
        let project = Self { root, flavour, scenario, prefix, edits: 0 };
        for (path, text) in project.files(surroundings) {
            project.put(&path, &text)?;
        }
        // What it has in common with this repository is of the same versions; cargo adds the rest.
        if let Some(lock) = surroundings.lock {
            project.put(Path::new("Cargo.lock"), lock)?;
        }
        Ok(project)
    }

    /// Changes the answer by writing one file in place, and says what the answer contains now.
    pub(crate) fn edit(&mut self) -> Result<String, Failure> {
        let (path, text) = self.next_edit();
        self.put(&path, &text)?;
        Ok(self.answer())
    }

    /// What the answer contains.
    pub(crate) fn answer(&self) -> String {
        format!("edit-{:06}", self.edits)
    }

    /// The packages that have widgets. For Shrine, the ids of the widgets are the same.
    pub(crate) fn widgets(&self) -> Vec<String> {
        self.scenario.widgets().iter().map(|widget| self.package(widget)).collect()
    }

    /// The packages that an edit changes, first those that others are made of.
    pub(crate) fn edited(&self) -> Vec<String> {
        match self.scenario.layout {
            Layout::Crate => self.widgets(),
            Layout::Workspace(_) => vec![self.package(&self.edited_widget())],
            Layout::Shared(_) => std::iter::once(self.package("shared")).chain(self.widgets()).collect(),
        }
    }

    /// The widgets whose answers an edit changes.
    pub(crate) fn answering(&self) -> Vec<String> {
        self.edited().into_iter().filter(|package| *package != self.package("shared")).collect()
    }

    /// The package of the program around the widgets.
    pub(crate) fn program(&self) -> String {
        self.package("program")
    }

    fn package(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }

    /// Neither the first nor the last, where there are more.
    fn edited_widget(&self) -> String {
        let widgets = self.scenario.widgets();
        widgets[widgets.len() / 2].clone()
    }

    fn next_edit(&mut self) -> (PathBuf, String) {
        self.edits += 1;
        match self.scenario.layout {
            Layout::Shared(_) => (self.source("shared"), self.shared_source()),
            Layout::Crate | Layout::Workspace(_) => {
                let widget = self.edited_widget();
                (self.source(&widget), self.widget_source(&widget, true))
            }
        }
    }

    /// Whether the widget is a module of the program: with one crate, that is what one would write.
    fn is_one_file(&self) -> bool {
        self.scenario.layout == Layout::Crate && matches!(self.flavour, Flavour::Plain | Flavour::Dx)
    }

    /// The source of a widget, or of what they share.
    fn source(&self, name: &str) -> PathBuf {
        match (self.scenario.layout, self.flavour) {
            (Layout::Crate, Flavour::Shrine) => "src/lib.rs".into(),
            (Layout::Crate, Flavour::Plain | Flavour::Dx) => "src/widget.rs".into(),
            _ => Path::new("widgets").join(name).join("src/lib.rs"),
        }
    }

    fn files(&self, surroundings: &Surroundings<'_>) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        for widget in self.scenario.widgets() {
            files.push((self.source(&widget), self.widget_source(&widget, widget == self.edited_widget())));
        }
        if matches!(self.scenario.layout, Layout::Shared(_)) {
            files.push((self.source("shared"), self.shared_source()));
        }
        if self.flavour != Flavour::Shrine {
            files.push(("src/main.rs".into(), program::source(self, surroundings)));
        }
        files.extend(manifest::all(self, surroundings));
        files
    }

    fn widget_source(&self, widget: &str, is_edited: bool) -> String {
        let shared = self.package("shared");
        let answer = match self.scenario.layout {
            Layout::Shared(_) => widget::Answer::Of(&shared),
            Layout::Crate | Layout::Workspace(_) if is_edited => widget::Answer::Text(self.answer()),
            Layout::Crate | Layout::Workspace(_) => widget::Answer::Text("never edited".to_owned()),
        };
        widget::source(&self.package(widget), self.scenario, self.flavour, &answer)
    }

    fn shared_source(&self) -> String {
        let mut source = "//! What the widgets share.\n\n".to_owned();
        let _ = writeln!(source, "pub fn answer() -> String {{\n    {:?}.to_owned()\n}}", self.answer());
        source
    }

    fn put(&self, path: &Path, text: &str) -> Result<(), Failure> {
        let path = self.root.join(path);
        let folder = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder).context(format_args!("create {}", folder.display()))?;
        std::fs::write(&path, text).context(format_args!("write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str, flavour: Flavour) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        let surroundings = Surroundings {
            shrine: Path::new("/repository/shrine"),
            dioxus: "0.7.10",
            lock: None,
            target: Path::new("/target"),
            socket: Path::new("/socket"),
        };
        let scenario = Scenario::named(name).unwrap();
        let project = Project::write(folder.path(), "us", flavour, scenario, &surroundings).unwrap();
        (folder, project)
    }

    fn read(project: &Project, path: &str) -> String {
        std::fs::read_to_string(project.root.join(path)).unwrap()
    }

    #[test]
    fn an_edit_changes_one_text_in_one_file() {
        for (name, flavour, path) in [
            ("small", Flavour::Shrine, "src/lib.rs"),
            ("small", Flavour::Plain, "src/widget.rs"),
            ("heavy", Flavour::HotLib { debounce_ms: 500 }, "widgets/widget/src/lib.rs"),
            ("workspace-8", Flavour::Shrine, "widgets/w04/src/lib.rs"),
            ("shared", Flavour::Plain, "widgets/shared/src/lib.rs"),
        ] {
            let (_folder, mut project) = project(name, flavour);
            let before = read(&project, path);
            assert_eq!(before.matches("edit-000000").count(), 1, "{name}: {before}");
            assert_eq!(project.edit().unwrap(), "edit-000001");
            assert_eq!(read(&project, path), before.replace("edit-000000", "edit-000001"));
        }
    }

    #[test]
    fn what_is_measured_is_the_same_widget_for_all() {
        let bare = |text: String| {
            let ours = ["use shrine", "#[state]", "#[widget", "#[input]", "#[view]"];
            let lines: Vec<String> = text
                .lines()
                .filter(|line| !ours.iter().any(|start| line.trim().starts_with(start)))
                .map(str::to_owned)
                .collect();
            lines.join("\n")
        };
        let (_folder, ours) = project("heavy", Flavour::Shrine);
        let (_folder, plain) = project("heavy", Flavour::Plain);
        assert_eq!(bare(read(&ours, "src/lib.rs")), bare(read(&plain, "src/widget.rs")));
        assert_eq!(read(&ours, "src/lib.rs").matches("Serialize, Deserialize)]").count(), 4);
    }

    #[test]
    fn an_edit_of_what_is_shared_changes_all() {
        let (_folder, shared) = project("shared", Flavour::Shrine);
        assert_eq!(shared.edited().len(), 9);
        assert_eq!(shared.edited()[0], "shared_us_shared");
        assert_eq!(shared.answering().len(), 8);
        let (_folder, one) = project("workspace-32", Flavour::Shrine);
        assert_eq!(one.edited(), ["workspace_32_us_w16"]);
        assert_eq!(one.widgets().len(), 32);
    }
}

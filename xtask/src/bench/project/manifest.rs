//! The manifests. Every dependency is pinned: what is measured should not change by itself.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Flavour, Layout, Project, Surroundings};
use crate::bench::peers;

const SERDE: &str = "serde = { version = \"=1.0.229\", features = [\"derive\"] }\n";

const HEAVY: &str = "\
chrono = \"=0.4.45\"
image = { version = \"=0.25.10\", default-features = false, features = [\"gif\", \"jpeg\", \"png\"] }
regex = \"=1.13.2\"
reqwest = { version = \"=0.12.28\", default-features = false, features = [\"charset\", \"http2\", \"rustls-tls\"] }
tokio = { version = \"=1.54.1\", features = [\"full\"] }
";

/// For all candidates alike: what Shrine builds with by default is quicker than what cargo does.
const PROFILE: &str = "\n[profile.dev]\ndebug = \"line-tables-only\"\n";

pub(super) fn all(project: &Project, surroundings: &Surroundings<'_>) -> Vec<(PathBuf, String)> {
    let mut files = vec![("Cargo.toml".into(), root(project, surroundings))];
    if has_members(project) {
        for widget in project.scenario.widgets() {
            let text = member(project, &widget, &dependencies(project, surroundings));
            files.push((Path::new("widgets").join(&widget).join("Cargo.toml"), text));
        }
    }
    if matches!(project.scenario.layout, Layout::Shared(_)) {
        let path = Path::new("widgets/shared/Cargo.toml").to_owned();
        files.push((path, package(&project.package("shared"))));
    }
    files
}

fn has_members(project: &Project) -> bool {
    project.scenario.layout != Layout::Crate || matches!(project.flavour, Flavour::HotLib { .. })
}

fn root(project: &Project, surroundings: &Surroundings<'_>) -> String {
    let mut text = String::new();
    if project.flavour == Flavour::Shrine {
        if !has_members(project) {
            text += &package(&project.widgets()[0]);
            let _ = write!(text, "\n[dependencies]\n{}", dependencies(project, surroundings));
        }
    } else {
        text += &package(&project.program());
        text += "\n[dependencies]\n";
        if project.is_one_file() {
            text += &dependencies(project, surroundings);
        } else {
            for widget in project.scenario.widgets() {
                let _ = writeln!(text, "{} = {{ path = \"widgets/{widget}\" }}", project.package(&widget));
            }
        }
        let tool = match project.flavour {
            Flavour::HotLib { .. } => format!("hot-lib-reloader = \"={}\"\n", peers::HOT_LIB_RELOADER),
            Flavour::Dx => format!("dioxus-devtools = \"={}\"\n", surroundings.dioxus),
            Flavour::Plain | Flavour::Shrine => String::new(),
        };
        text += &tool;
    }
    text += "\n[workspace]\nresolver = \"3\"\n";
    if has_members(project) {
        text += "members = [\"widgets/*\"]\n";
    }
    text + PROFILE
}

fn member(project: &Project, widget: &str, dependencies: &str) -> String {
    let mut text = package(&project.package(widget));
    if matches!(project.flavour, Flavour::HotLib { .. }) {
        text += "\n[lib]\ncrate-type = [\"rlib\", \"dylib\"]\n";
    }
    let _ = write!(text, "\n[dependencies]\n{dependencies}");
    if matches!(project.scenario.layout, Layout::Shared(_)) {
        let _ = writeln!(text, "{} = {{ path = \"../shared\" }}", project.package("shared"));
    }
    text
}

fn dependencies(project: &Project, surroundings: &Surroundings<'_>) -> String {
    let mut text = SERDE.to_owned();
    if project.flavour == Flavour::Shrine {
        let _ = writeln!(text, "shrine = {{ path = {:?} }}", surroundings.shrine);
    }
    if project.scenario.heavy {
        text += HEAVY;
    }
    text
}

fn package(name: &str) -> String {
    format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n")
}

//! The model of the workspace: what is in its files follows from it alone.
//!
//! ```text
//! workspace/    alpha, beta, gamma, delta   widgets
//!               middle -> base              libraries; middle has a build script that uses base
//!               derive -> base              macros
//!               types                       a type in the state of alpha
//! outside/      a path dependency of gamma  elsewhere/  another one of that name
//! shared/       what links in gamma lead to
//! ```

use std::collections::BTreeMap;

use shrine_tests::repository;

use crate::knobs::KNOBS;
use crate::mistake::Mistake;

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Content {
    Text(String),
    /// A symbolic link to there.
    Link(String),
}

/// What is in the files, by their paths.
pub(crate) type Files = BTreeMap<String, Content>;

/// A module of alpha.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Module {
    pub(crate) name: u64,
    /// Whether it is `name/mod.rs` and not `name.rs`.
    pub(crate) is_folder: bool,
    /// Whether alpha says `mod name;`.
    pub(crate) is_declared: bool,
    pub(crate) value: i64,
    /// What `name/deep.rs` says, if it is there.
    pub(crate) deep: Option<i64>,
}

/// The model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) numbers: BTreeMap<&'static str, i64>,
    pub(crate) modules: Vec<Module>,
    pub(crate) mistake: Option<Mistake>,
    /// The minor version of alpha. It only goes up: ways down are tested elsewhere.
    pub(crate) version: i64,
}

const TEMPLATES: [(&str, &str); 21] = [
    ("workspace/Cargo.toml", include_str!("tree/root.toml.in")),
    ("workspace/.cargo/config.toml", include_str!("tree/config.toml.in")),
    ("workspace/base/Cargo.toml", include_str!("tree/base.toml.in")),
    ("workspace/base/src/lib.rs", include_str!("tree/base.rs.in")),
    ("workspace/derive/Cargo.toml", include_str!("tree/derive.toml.in")),
    ("workspace/derive/src/lib.rs", include_str!("tree/derive.rs.in")),
    ("workspace/middle/Cargo.toml", include_str!("tree/middle.toml.in")),
    ("workspace/middle/build.rs", include_str!("tree/middle_build.rs.in")),
    ("workspace/middle/src/lib.rs", include_str!("tree/middle.rs.in")),
    ("workspace/types/Cargo.toml", include_str!("tree/types.toml.in")),
    ("workspace/types/src/lib.rs", include_str!("tree/types.rs.in")),
    ("workspace/alpha/Cargo.toml", include_str!("tree/alpha.toml.in")),
    ("workspace/alpha/build.rs", include_str!("tree/alpha_build.rs.in")),
    ("workspace/alpha/src/lib.rs", include_str!("tree/alpha.rs.in")),
    ("workspace/beta/Cargo.toml", include_str!("tree/beta.toml.in")),
    ("workspace/beta/src/lib.rs", include_str!("tree/beta.rs.in")),
    ("workspace/gamma/Cargo.toml", include_str!("tree/gamma.toml.in")),
    ("workspace/gamma/src/lib.rs", include_str!("tree/gamma.rs.in")),
    ("workspace/alpha/README.md", "Read @readme.alpha@.\n"),
    ("workspace/middle/README.md", "Read @readme.middle@.\n"),
    ("workspace/README.md", "Read @readme.root@.\n"),
];

impl Tree {
    pub(crate) fn new() -> Self {
        let numbers = KNOBS.iter().map(|knob| (knob.name, 0)).collect();
        let module = |name, is_folder| Module { name, is_folder, is_declared: true, value: 0, deep: None };
        Self { numbers, modules: vec![module(1, false), module(2, true)], mistake: None, version: 0 }
    }

    /// The widgets.
    pub(crate) fn widgets(&self) -> Vec<&'static str> {
        let mut widgets = vec!["alpha", "beta", "gamma"];
        widgets.extend((self.number("members.delta") == 1).then_some("delta"));
        widgets
    }

    /// The files that somebody edits.
    pub(crate) fn files(&self) -> Files {
        let mut files = Files::new();
        let mut text = |path: &str, text: String| drop(files.insert(path.to_owned(), Content::Text(text)));
        for (path, template) in TEMPLATES {
            text(path, self.fill(template));
        }
        let shapes = if self.is("shapes.folder") { "shapes/mod" } else { "shapes" };
        text(&format!("workspace/base/src/{shapes}.rs"), self.fill(include_str!("tree/shapes.rs.in")));
        for place in ["outside", "elsewhere"] {
            let fill = |template: &str| self.fill(&template.replace("@outside.place@", place));
            text(&format!("{place}/Cargo.toml"), fill(include_str!("tree/outside.toml.in")));
            text(&format!("{place}/src/lib.rs"), fill(include_str!("tree/outside.rs.in")));
            text(&format!("{place}/data/outside.txt"), self.fill("data @outside.data@\n"));
        }
        if self.is("members.delta") {
            text("workspace/delta/Cargo.toml", self.fill(include_str!("tree/delta.toml.in")));
            text("workspace/delta/src/lib.rs", self.fill(include_str!("tree/delta.rs.in")));
        }
        let data = self.number("alpha.data");
        let is_number = self.mistake != Some(Mistake::BuildScriptFails);
        let data = if is_number { format!("{data}\n{}\n", data % 7) } else { "no number\n".to_owned() };
        text("workspace/alpha/data/alpha.txt", data);
        text("workspace/alpha/assets/alpha.txt", self.fill("text @alpha.text@\n"));
        text("workspace/alpha/assets/alpha.bin", "x".repeat(self.count("alpha.bytes")));
        text("workspace/middle/data/middle.txt", self.fill("@middle.data@\n"));
        text("workspace/gamma/assets/lettered.txt", self.fill("lettered @gamma.lettered@\n"));
        text(
            "workspace/gamma/odd/first.rs",
            self.fill("pub fn value() -> i64 {\n    @gamma.odd_first@\n}\n"),
        );
        text(
            "workspace/gamma/odd/second.rs",
            self.fill("pub fn value() -> i64 {\n    @gamma.odd_second@\n}\n"),
        );
        text("shared/first.txt", self.fill("first @shared.first@\n"));
        text("shared/second.txt", self.fill("second @shared.second@\n"));
        for folder in ["left", "right"] {
            let source = "//! In FOLDER.\n\npub fn value() -> i64 {\n    @gamma.linked@ * 100 + FOLDER.len() as i64\n}\n";
            let source =
                source.replacen("FOLDER.len", &format!("{folder:?}.len"), 1).replace("FOLDER", folder);
            text(&format!("shared/{folder}/mod.rs"), self.fill(&source));
        }
        if self.mistake == Some(Mistake::BothFormsOfAModule) {
            text("workspace/alpha/src/twice.rs", String::new());
            text("workspace/alpha/src/twice/mod.rs", String::new());
        }
        for module in &self.modules {
            module.write(&mut text);
        }
        let target = ["first.txt", "second.txt"][self.count("gamma.link_target")];
        let folder = ["left", "right"][self.count("gamma.folder_target")];
        let mut link = |path: &str, to: String| drop(files.insert(path.to_owned(), Content::Link(to)));
        link("workspace/gamma/assets/linked.txt", format!("../../../shared/{target}"));
        link("workspace/gamma/src/linked", format!("../../../shared/{folder}"));
        files
    }

    /// The same, and for each widget a program that prints what it should answer.
    pub(crate) fn files_with_programs(&self) -> Files {
        let mut files = self.files();
        let widgets = self.widgets();
        for widget in &widgets {
            let handler = self.number(&format!("{widget}.handler")).to_string();
            let fill = |template: &str| template.replace("@member@", widget).replace("@handler@", &handler);
            let (manifest, source) = (include_str!("tree/print.toml.in"), include_str!("tree/print.rs.in"));
            let mut write = |path: &str, text| {
                files.insert(format!("workspace/print-{widget}/{path}"), Content::Text(text));
            };
            write("Cargo.toml", fill(manifest));
            write("src/main.rs", fill(source));
        }
        if let Some(Content::Text(root)) = files.get_mut("workspace/Cargo.toml") {
            *root = root.replacen("members = [", "members = [\"print-*\", ", 1);
        }
        files
    }

    /// The names of the fields that new versions of alpha have brought, and the values that states got there.
    pub(crate) fn versioned_fields(&self) -> impl Iterator<Item = (i64, String)> {
        (1..=self.version).map(|version| (version, format!("since{version}")))
    }

    fn fill(&self, template: &str) -> String {
        let mut filled = String::new();
        for (index, part) in template.split('@').enumerate() {
            filled.push_str(&if index % 2 == 0 { part.to_owned() } else { self.value(part) });
        }
        filled
    }

    /// What stands for a name in a template.
    fn value(&self, name: &str) -> String {
        let number = |name: &str| self.number(name);
        let member = name.split('.').next().unwrap_or_default();
        if let Some(name) = name.strip_suffix('?') {
            return (number(name) == 1).to_string();
        }
        if let Some(place) = name.strip_prefix("mistake.") {
            let text = self.mistake.and_then(Mistake::text).filter(|(at, _)| *at == place);
            return text.map_or_else(String::new, |(_, text)| format!("{text}\n"));
        }
        let either =
            |name: &str, on: &str, off: &str| if self.is(name) { on.to_owned() } else { off.to_owned() };
        match name {
            "shrine" => repository().join("shrine").display().to_string(),
            "members" => self.members(),
            "env.maybe" => either("env.maybe", "EDITS_MAYBE = \"maybe\"", ""),
            "build.flags" => either("build.flag", "[build]\nrustflags = [\"--cfg=edits_flag\"]", ""),
            "reach.definition" => self.reach_definition(),
            "reach.call" => self.reach_call(),
            "base.level" => match (number(name) % 3, number(name) + 1) {
                (0, value) => format!("i64 = {value}"),
                (1, value) => format!("u8 = {value}"),
                (_, value) => format!("&str = \"level {value}\""),
            },
            "alpha.fields" => {
                let versioned = self.versioned_fields().map(|(_, field)| format!("    pub {field}: i64,\n"));
                versioned.collect::<String>() + &fields(self.count(name), "extra", |_| "i64")
            }
            "beta.fields" => fields(self.count(name), "extra", |_| "i64"),
            "shapes.fields" => fields(self.count(name), "b", |index| ["u8", "i64", "String"][index % 3]),
            "alpha.wide" | "types.number" => either(name, "i64", "i32"),
            "types.more" => fields(self.count(name), "more", |_| "bool"),
            "outside.type" => ["i64", "u8", "f32", "u16"][self.count(name)].to_owned(),
            "alpha.version" => self.version.to_string(),
            "alpha.chain" => {
                let hop = |(version, field): (i64, String)| {
                    let (from, value) = (version - 1, version * 10);
                    format!("#[migrate(from = \"1.{from}.0\", add({field} = {value}))]\n")
                };
                // The newest comes first.
                self.versioned_fields().collect::<Vec<_>>().into_iter().rev().map(hop).collect()
            }
            "alpha.modules" => self.declared().map(|module| format!("mod m{};\n", module.name)).collect(),
            "alpha.calls" => self.declared().map(Module::call).collect(),
            "middle.arm" => {
                (0..number(name)).map(|arm| format!("    (arm{arm}) => {{ {arm} }};\n")).collect()
            }
            "middle.directives" => either(name, "", DIRECTIVES),
            "beta.default" => either(name, "\"warm\"", ""),
            "beta.base" => self.beta_base(),
            "beta.extra" => either(name, "edits_base::extra()", "\"off\""),
            "beta.external" => either(name, "itoa = \"1\"", ""),
            "beta.use" => either("beta.external", "itoa::Buffer::new().format(42)", "\"none\""),
            "gamma.lint" => if self.mistake == Some(Mistake::DeadCode) { "deny" } else { "warn" }.to_owned(),
            "gamma.outside" => {
                let place = ["outside", "elsewhere"][self.count(name)];
                let alias = either("gamma.alias", "other", "outside");
                format!("{alias} = {{ package = \"edits-outside\", path = \"../../{place}\" }}")
            }
            "gamma.use" => either("gamma.alias", "use other as outside;\n", ""),
            "gamma.path" => either(name, "../odd/second.rs", "../odd/first.rs"),
            "outside.edition" => either(name, "2024", "2021"),
            _ if name.ends_with(".lines") => {
                (0..number(name)).map(|line| format!("// Line {line} of {member}.\n")).collect()
            }
            _ => number(name).to_string(),
        }
    }

    fn members(&self) -> String {
        let mut members = vec!["base", "derive", "middle", "types"];
        members.extend(self.widgets());
        members.iter().map(|member| format!("{member:?}")).collect::<Vec<_>>().join(", ")
    }

    fn reach_definition(&self) -> String {
        let body = self.number("reach.body");
        let more = i64::from(self.mistake == Some(Mistake::FunctionIsRenamed)) * 100;
        let name = format!("reach{}", self.number("reach.name") + more);
        let more = if self.mistake == Some(Mistake::FunctionHasMoreParameters) { ", _: u8" } else { "" };
        match self.number("reach.form") {
            0 => format!("pub fn {name}(n: i64{more}) -> i64 {{\n    n + {body}\n}}"),
            1 => format!("pub fn {name}(n: i64, m: i64{more}) -> i64 {{\n    n * m + {body}\n}}"),
            2 => format!("pub fn {name}<T: Into<i64>>(n: T{more}) -> i64 {{\n    n.into() * 2 + {body}\n}}"),
            3 => format!(
                "pub fn {name}(all: &[i64]{more}) -> Option<i64> {{\n    all.first().map(|n| n * 3 + {body})\n}}"
            ),
            4 => format!("pub fn {name}(make: impl Fn(i64) -> i64{more}) -> i64 {{\n    make({body})\n}}"),
            _ => format!("pub const fn {name}(n: i64{more}) -> i64 {{\n    n * 5 + {body}\n}}"),
        }
    }

    fn reach_call(&self) -> String {
        let name = format!("edits_base::reach{}", self.number("reach.name"));
        match self.number("reach.form") {
            0 => format!("{name}(5)"),
            1 => format!("{name}(5, 2)"),
            2 => format!("{name}(5_i32)"),
            3 => format!("{name}(&[5]).unwrap_or(0)"),
            4 => format!("{name}(|n| n + 5)"),
            _ => format!("const {{ {name}(5) }}"),
        }
    }

    fn beta_base(&self) -> String {
        if self.mistake == Some(Mistake::MissingDependency) {
            return String::new();
        }
        let features = [("beta.extra", "\"extra\""), ("beta.loud", "\"loud\"")];
        let features: Vec<_> =
            features.into_iter().filter(|(name, _)| self.is(name)).map(|(_, feature)| feature).collect();
        format!("edits-base = {{ path = \"../base\", features = [{}] }}", features.join(", "))
    }

    fn declared(&self) -> impl Iterator<Item = &Module> {
        self.modules.iter().filter(|module| module.is_declared)
    }

    fn is(&self, name: &str) -> bool {
        self.number(name) == 1
    }

    fn count(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap_or_default()
    }

    /// The number of that name. A template that names another is a mistake of this test.
    pub(crate) fn number(&self, name: &str) -> i64 {
        *self.numbers.get(name).unwrap_or_else(|| panic!("a template names `{name}`"))
    }
}

const DIRECTIVES: &str = "println!(\"cargo::rerun-if-changed=data/middle.txt\");
    println!(\"cargo::rerun-if-env-changed=EDITS_BUILD\");
    println!(\"cargo::rustc-env=MIDDLE_ENV={}\", std::env::var(\"EDITS_BUILD\").unwrap_or_default());";

/// Lines that declare that many fields.
fn fields(count: usize, prefix: &str, kind: impl Fn(usize) -> &'static str) -> String {
    (0..count).map(|index| format!("    pub {prefix}{index}: {},\n", kind(index))).collect()
}

impl Module {
    fn write(&self, text: &mut impl FnMut(&str, String)) {
        let Self { name, value, .. } = self;
        let folder = format!("workspace/alpha/src/m{name}");
        let file = if self.is_folder { format!("{folder}/mod.rs") } else { format!("{folder}.rs") };
        let deep = if self.deep.is_some() { ("mod deep;\n\n", " + deep::value()") } else { ("", "") };
        text(
            &file,
            format!("//! A module.\n\n{}pub fn value() -> i64 {{\n    {value}{}\n}}\n", deep.0, deep.1),
        );
        if let Some(value) = self.deep {
            text(&format!("{folder}/deep.rs"), format!("pub fn value() -> i64 {{\n    {value}000\n}}\n"));
        }
    }

    fn call(&self) -> String {
        let name = self.name;
        format!("    all += &format!(\"alpha.m{name} {{}} {{}}\\n\", m{name}::value(), module_path!());\n")
    }
}

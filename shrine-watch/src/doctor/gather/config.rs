//! Cargo's configuration, as far as it says how crates are compiled: files and environment, merged as cargo does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item};

use crate::build::cargo;
use crate::doctor::{Setting, ToolchainFacts};

/// What is set where.
pub(super) struct Config {
    /// The files, the innermost first.
    files: Vec<(PathBuf, DocumentMut)>,
    environment: BTreeMap<String, String>,
    /// The manifest of the workspace.
    manifest: Option<(PathBuf, DocumentMut)>,
    target: Target,
}

/// The machine that is built for when nothing else is said.
#[derive(Debug, Clone, Default)]
pub(super) struct Target {
    name: String,
    /// As `rustc --print cfg` says it: `unix`, `target_os="linux"`.
    cfg: Vec<String>,
}

pub(super) fn target_of(toolchain: &ToolchainFacts, directory: &Path) -> Target {
    let asked = cargo::rustc(directory).args(["--print", "cfg"]).output();
    let said = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    Target { name: toolchain.rustc.host.clone(), cfg: said.lines().map(str::to_owned).collect() }
}

impl Config {
    /// Reads it as cargo does in `directory`. A file that cannot be understood is left out: cargo itself says so.
    pub(super) fn read(directory: &Path, root: &Path, target: &Target) -> Self {
        let parse = |path: PathBuf| Some((fs::read_to_string(&path).ok()?.parse().ok()?, path));
        let swap = |(document, path)| (path, document);
        let home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
        let places = directory.ancestors().map(|above| above.join(".cargo"));
        let mut files: Vec<(PathBuf, DocumentMut)> = Vec::new();
        for place in places.chain(home) {
            // Of two names for one file, cargo takes the older.
            let found = ["config", "config.toml"].into_iter().find_map(|name| parse(place.join(name)));
            if let Some((document, path)) = found
                && files.iter().all(|(known, _)| *known != path)
            {
                files.push((path, document));
            }
        }
        let is_unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            files,
            environment: std::env::vars_os().filter_map(is_unicode).collect(),
            manifest: parse(root.join("Cargo.toml")).map(swap),
            target: target.clone(),
        }
    }

    /// The program in front of the compiler; of the crates of the workspace alone with `workspace`.
    pub(super) fn wrapper(&self, workspace: bool) -> Option<Setting> {
        let (variable, key) = if workspace {
            ("RUSTC_WORKSPACE_WRAPPER", "rustc-workspace-wrapper")
        } else {
            ("RUSTC_WRAPPER", "rustc-wrapper")
        };
        // An empty one is none, whatever the files say.
        let setting = self.variable(variable).or_else(|| self.value(&["build", key]))?;
        (!setting.value.is_empty()).then_some(setting)
    }

    /// The machine that is built for, if that is set.
    pub(super) fn machine(&self) -> Option<Setting> {
        self.value(&["build", "target"])
    }

    /// The flags for the compiler.
    pub(super) fn flags(&self) -> Vec<Setting> {
        let from_variable = |name: &str, separator: char| {
            let Setting { value, from } = self.variable(name)?;
            let flags = value.split(separator).filter(|flag| !flag.is_empty());
            Some(settings(flags.map(str::to_owned), &from))
        };
        if let Some(flags) = from_variable("CARGO_ENCODED_RUSTFLAGS", '\x1f') {
            return flags;
        }
        if let Some(flags) = from_variable("RUSTFLAGS", ' ') {
            return flags;
        }
        let mut flags = Vec::new();
        let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", upper(&self.target.name));
        flags.extend(from_variable(&variable, ' ').unwrap_or_default());
        for (path, file) in &self.files {
            let tables = file.get("target").and_then(Item::as_table_like);
            for (name, table) in tables.into_iter().flat_map(|tables| tables.iter()) {
                if name == self.target.name || self.target.is(name) {
                    let from = format!("`target.{name}.rustflags` of {}", path.display());
                    flags.extend(settings(words(table.get("rustflags")), &from));
                }
            }
        }
        if flags.is_empty() {
            flags = from_variable("CARGO_BUILD_RUSTFLAGS", ' ').unwrap_or_default();
            for (path, file) in &self.files {
                let item = file.get("build").and_then(|build| build.get("rustflags"));
                let from = format!("`build.rustflags` of {}", path.display());
                flags.extend(settings(words(item), &from));
            }
        }
        flags
    }

    /// What is set of a profile, by itself or by what it inherits from.
    pub(super) fn profile(&self, name: &str) -> BTreeMap<String, Setting> {
        const KEYS: [&str; 8] = [
            "panic",
            "debug",
            "strip",
            "lto",
            "codegen-units",
            "opt-level",
            "incremental",
            "split-debuginfo",
        ];
        let mut found = BTreeMap::new();
        let mut name = name.to_owned();
        // A circle of profiles is an error of cargo's.
        for _ in 0..16 {
            for key in KEYS {
                // What the watcher sets for the profile `dev`, unless somebody else does.
                let is_ours = name == "dev"
                    && matches!(key, "debug" | "incremental")
                    && !self.environment.contains_key("CARGO_PROFILE_DEV_DEBUG");
                if let Some(setting) = self.in_profile(&name, key).filter(|_| !is_ours) {
                    found.entry(key.to_owned()).or_insert(setting);
                }
            }
            let parent = match name.as_str() {
                "dev" | "release" => break,
                "test" => Some("dev".to_owned()),
                "bench" => Some("release".to_owned()),
                _ => self.in_profile(&name, "inherits").map(|setting| setting.value),
            };
            match parent {
                Some(parent) => name = parent,
                None => break,
            }
        }
        // Builds of the watcher are always incremental.
        found.remove("incremental");
        found
    }

    fn in_profile(&self, name: &str, key: &str) -> Option<Setting> {
        self.value(&["profile", name, key]).or_else(|| {
            let (path, manifest) = self.manifest.as_ref()?;
            let item = manifest.get("profile")?.get(name)?.get(key)?;
            Some(Setting { value: plain(item)?, from: path.display().to_string() })
        })
    }

    /// A value of the configuration: the variable of its name, or the innermost file that has it.
    fn value(&self, keys: &[&str]) -> Option<Setting> {
        let variable = format!("CARGO_{}", keys.iter().map(|key| upper(key)).collect::<Vec<_>>().join("_"));
        self.variable(&variable).or_else(|| {
            self.files.iter().find_map(|(path, file)| {
                let item = keys.iter().try_fold(file.as_item(), |item, key| item.get(key))?;
                let from = format!("`{}` of {}", keys.join("."), path.display());
                Some(Setting { value: plain(item)?, from })
            })
        })
    }

    fn variable(&self, name: &str) -> Option<Setting> {
        let value = self.environment.get(name)?.clone();
        Some(Setting { value, from: name.to_owned() })
    }
}

fn upper(key: &str) -> String {
    key.to_uppercase().replace(['-', '.'], "_")
}

/// A string, number or truth value as text; of an array with one string, that.
fn plain(item: &Item) -> Option<String> {
    let value = item.as_value()?;
    let number = value.as_integer().map(|number| number.to_string());
    let truth = value.as_bool().map(|truth| truth.to_string());
    let single = value.as_array().filter(|array| array.len() == 1).and_then(|array| array.get(0)?.as_str());
    value.as_str().or(single).map(str::to_owned).or(number).or(truth)
}

/// A list of flags: an array, or a string with spaces.
fn words(item: Option<&Item>) -> Vec<String> {
    let Some(value) = item.and_then(Item::as_value) else { return Vec::new() };
    match (value.as_array(), value.as_str()) {
        (Some(array), _) => array.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        (None, Some(text)) => text.split_whitespace().map(str::to_owned).collect(),
        (None, None) => Vec::new(),
    }
}

/// Flags in one form: `-Copt_level=3`, `-C opt-level=3` and `-O` are the same.
fn settings(words: impl IntoIterator<Item = String>, from: &str) -> Vec<Setting> {
    const LONG: [(&str, &str); 4] =
        [("--codegen", "-C"), ("--deny", "-D"), ("--forbid", "-D"), ("--cfg", "--cfg")];
    let mut flags = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (long, joined) =
            word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let known = LONG.iter().find(|(name, _)| *name == long).map(|(_, short)| (*short, joined));
        let short = ["-C", "-D", "-F", "-Z"].into_iter().find(|short| word.starts_with(short));
        let (name, value) = match (known, short) {
            (Some((short, value)), _) => (short, value.map(str::to_owned).or_else(|| words.next())),
            (None, Some(short)) if word.len() == short.len() => (short, words.next()),
            (None, Some(short)) => (short, Some(word[short.len()..].to_owned())),
            (None, None) if word == "-O" => ("-C", Some("opt-level=3".to_owned())),
            (None, None) => (word.as_str(), None),
        };
        let value = value.map(|value| match value.split_once('=') {
            Some((key, value)) => format!("{}={value}", key.replace('_', "-")),
            None => value.replace('_', "-"),
        });
        let name = if name == "-F" { "-D" } else { name };
        let value = value.map_or_else(|| name.to_owned(), |value| format!("{name} {value}"));
        flags.push(Setting { value, from: from.to_owned() });
    }
    flags
}

impl Target {
    /// Whether `cfg(..)` holds for it. What is no such expression does not.
    fn is(&self, expression: &str) -> bool {
        let inner = expression.trim().strip_prefix("cfg(").and_then(|rest| rest.strip_suffix(')'));
        inner.is_some_and(|inner| self.holds(inner))
    }

    fn holds(&self, expression: &str) -> bool {
        let expression = expression.trim();
        let inside =
            |name: &str| expression.strip_prefix(name)?.trim_start().strip_prefix('(')?.strip_suffix(')');
        if let Some(inner) = inside("not") {
            !self.holds(inner)
        } else if let Some(inner) = inside("all") {
            parts(inner).all(|part| self.holds(part))
        } else if let Some(inner) = inside("any") {
            parts(inner).any(|part| self.holds(part))
        } else {
            let plain: String = expression.chars().filter(|character| !character.is_whitespace()).collect();
            plain == "true" || self.cfg.contains(&plain)
        }
    }
}

/// What is between the commas that are in no parentheses.
fn parts(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    let split = list.split(move |character: char| {
        depth += i32::from(character == '(') - i32::from(character == ')');
        character == ',' && depth == 0
    });
    split.filter(|part| !part.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(environment: &[(&str, &str)], files: &[&str], manifest: &str) -> Config {
        let cfg = ["unix", "target_os=\"linux\"", "target_arch=\"x86_64\""].map(str::to_owned).to_vec();
        let parse = |text: &&str| text.parse().unwrap();
        let places = ["/w/p/.cargo/config.toml", "/w/.cargo/config.toml"].map(PathBuf::from);
        Config {
            files: places.into_iter().zip(files.iter().map(parse)).collect(),
            environment: environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            manifest: Some(("/w/Cargo.toml".into(), manifest.parse().unwrap())),
            target: Target { name: "x86_64-unknown-linux-gnu".to_owned(), cfg },
        }
    }

    fn values(settings: &[Setting]) -> Vec<&str> {
        settings.iter().map(|setting| setting.value.as_str()).collect()
    }

    #[test]
    fn the_environment_comes_before_files_and_inner_files_before_outer_ones() {
        let files =
            ["[build]\nrustc-wrapper = \"inner\"\n", "[build]\nrustc-wrapper = \"outer\"\ntarget = \"x\"\n"];
        let here = config(&[], &files, "");
        let from = "`build.rustc-wrapper` of /w/p/.cargo/config.toml".to_owned();
        assert_eq!(here.wrapper(false), Some(Setting { value: "inner".to_owned(), from }));
        assert_eq!((here.wrapper(true), here.machine().unwrap().value.as_str()), (None, "x"));
        let here = config(&[("CARGO_BUILD_RUSTC_WRAPPER", "third")], &files, "");
        assert_eq!(here.wrapper(false).unwrap().value, "third");
        assert_eq!(config(&[("RUSTC_WRAPPER", "")], &files, "").wrapper(false), None);
    }

    #[test]
    fn flags_are_of_the_environment_or_of_the_target_or_of_the_build() {
        let build = "[build]\nrustflags = [\"-Dwarnings\"]\n";
        let target = "[target.'cfg(all(unix, not(target_os = \"macos\")))']\nrustflags = \"-C link_arg=-fuse-ld=lld\"\n\
                      [target.'cfg(windows)']\nrustflags = [\"-g\"]\n[target.x86_64-unknown-linux-gnu]\nrustflags = [\"-O\"]\n";
        assert_eq!(values(&config(&[], &[build], "").flags()), ["-D warnings"]);
        let both = config(&[], &[build, target], "");
        assert_eq!(values(&both.flags()), ["-C link-arg=-fuse-ld=lld", "-C opt-level=3"]);
        let set =
            config(&[("RUSTFLAGS", "--codegen panic=abort  -Ztime-passes --cfg x")], &[build, target], "");
        assert_eq!(values(&set.flags()), ["-C panic=abort", "-Z time-passes", "--cfg x"]);
        let encoded = [("CARGO_ENCODED_RUSTFLAGS", "-C\x1flto=thin"), ("RUSTFLAGS", "-g")];
        assert_eq!(values(&config(&encoded, &[build], "").flags()), ["-C lto=thin"]);
    }

    #[test]
    fn a_profile_has_what_it_inherits() {
        let manifest = "[profile.dev]\ndebug = true\npanic = \"abort\"\ncodegen-units = 1\n\
                        [profile.mine]\ninherits = \"dev\"\nlto = true\ncodegen-units = 4\n";
        let set = |config: &Config, name: &str| {
            let of = |(key, setting): (String, Setting)| format!("{key}={}", setting.value);
            config.profile(name).into_iter().map(of).collect::<Vec<_>>().join(" ")
        };
        let here = config(&[], &["[profile.mine]\nlto = false\n"], manifest);
        assert_eq!(set(&here, "dev"), "codegen-units=1 panic=abort", "`debug` is set by the watcher");
        assert_eq!(set(&here, "mine"), "codegen-units=4 lto=false panic=abort");
        assert_eq!(set(&here, "release"), "");
        let here = config(&[("CARGO_PROFILE_DEV_DEBUG", "2")], &[], "");
        assert_eq!(set(&here, "dev"), "debug=2");
    }
}

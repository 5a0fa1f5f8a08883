//! What the compiler has to do for it: `cargo check` of a crate of 60 widgets of 20 fields with 5 hops each, against the
//! same structs and moves written by hand with serde derives. Dependencies are built before and not counted.
//!
//! `cargo bench -p shrine-benches --bench check`

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use shrine_benches::{heading, side_by_side};

const WIDGETS: usize = 60;
const FIELDS: usize = 20;
const HOPS: usize = 5;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shrine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shrine");
    let dependency = format!("shrine = {{ path = {shrine:?} }}");
    let ours = project(&folder.path().join("ours"), &dependency, &with_macros());
    let serde = "serde = { version = \"1\", features = [\"derive\"] }";
    let theirs = project(&folder.path().join("theirs"), serde, &by_hand());
    heading("serde by hand");
    let what = format!("check {WIDGETS} widgets x {FIELDS} fields x {HOPS} hops");
    side_by_side(&what, 5, || check(&ours), || check(&theirs));
}

fn project(folder: &Path, dependency: &str, source: &str) -> std::path::PathBuf {
    let manifest = format!(
        "[package]\nname = \"generated\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependency}\n\n[workspace]\n"
    );
    std::fs::create_dir_all(folder.join("src")).expect("a folder");
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    std::fs::write(folder.join("src/lib.rs"), source).expect("a source");
    folder.to_owned()
}

/// A cold check: without what an earlier one has left of this crate.
fn check(folder: &Path) {
    let cargo = |arguments: &[&str]| {
        let status = Command::new("cargo").args(arguments).arg("--quiet").current_dir(folder).status();
        assert!(status.is_ok_and(|status| status.success()), "cargo {arguments:?} in {}", folder.display());
    };
    cargo(&["clean", "--package", "generated"]);
    cargo(&["check"]);
}

const TYPES: [&str; 5] = ["u32", "String", "f64", "Vec<u8>", "Option<i64>"];
const DEFAULTS: [&str; 5] = ["0", "String::new()", "0.0", "Vec::new()", "None"];

/// The fields of the oldest version are `f5 ..`: each hop adds one in front and renames one.
fn with_macros() -> String {
    let mut source = "//! Generated.\nuse shrine::prelude::*;\n".to_owned();
    for widget in 0..WIDGETS {
        write(&mut source, &format!("#[widget(id = \"w{widget}\", version = \"{}.0.0\")]", HOPS + 1));
        for version in (1..=HOPS).rev() {
            let added = HOPS - version;
            let (old, new) = (name(FIELDS - 1, version), name(FIELDS - 1, version + 1));
            let hop = format!(
                "#[migrate(from = \"{version}.0.0\", add(f{added} = {}), rename({old} => {new}))]",
                DEFAULTS[added % 5]
            );
            write(&mut source, &hop);
        }
        let fields = fields(0, HOPS + 1);
        write(
            &mut source,
            &format!("#[derive(Debug, Clone, Default, PartialEq)]\npub struct W{widget} {{ {fields} }}"),
        );
        write(&mut source, &format!("#[widget]\nimpl W{widget} {{}}"));
    }
    source
}

fn by_hand() -> String {
    let mut source = "//! Generated.\nuse serde::{Deserialize, Serialize};\n".to_owned();
    for widget in 0..WIDGETS {
        for version in (1..=HOPS + 1).rev() {
            let fields = fields(HOPS + 1 - version, version);
            let derives = "#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]";
            write(&mut source, &format!("{derives}\npub struct W{widget}V{version} {{ {fields} }}"));
        }
        for version in 1..=HOPS {
            let added = HOPS - version;
            let (old, new) = (name(FIELDS - 1, version), name(FIELDS - 1, version + 1));
            let moves: String =
                (added + 1..FIELDS - 1).map(|field| format!("f{field}: old.f{field}, ")).collect();
            let (from, to) = (format!("W{widget}V{version}"), format!("W{widget}V{}", version + 1));
            let step = format!(
                "impl From<{from}> for {to} {{ fn from(old: {from}) -> Self {{ \
                 Self {{ f{added}: {}, {moves} {new}: old.{old} }} }} }}",
                DEFAULTS[added % 5]
            );
            write(&mut source, &step);
        }
    }
    source
}

/// The last field has another name in every version.
fn name(field: usize, version: usize) -> String {
    if field == FIELDS - 1 { format!("f{field}_{version}") } else { format!("f{field}") }
}

fn fields(first: usize, version: usize) -> String {
    (first..FIELDS).map(|field| format!("pub {}: {}, ", name(field, version), TYPES[field % 5])).collect()
}

fn write(source: &mut String, line: &str) {
    writeln!(source, "{line}").expect("memory takes it");
}

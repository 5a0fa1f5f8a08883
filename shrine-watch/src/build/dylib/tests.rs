mod sharing;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::make::gist;
use super::{Linked, Plain, Recipe, Shelf, Tip, choose, strip_notes};
use crate::build::capture::Invocation;
use crate::build::cargo;
use crate::build::child::Cancel;
use crate::build::unit::Unit;
use crate::load::check;

fn unit(line: &str) -> Unit {
    let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    let environment = [("CARGO_PKG_NAME", "tip"), ("CARGO_MANIFEST_DIR", "/w")];
    let mut environment: Vec<_> = environment.map(|(name, value)| (name.into(), value.into())).into();
    environment.extend(std::env::vars_os());
    let call = Invocation { directory: "/".into(), arguments, environment };
    Unit::read("tip-1", call).unwrap()
}

fn tip(unit: &Unit) -> Tip<'_> {
    Tip::new(unit, std::iter::empty(), |_| None)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const TIP: &str = "rustc --crate-name tip src/lib.rs --crate-type cdylib --out-dir /t -L dependency=/t/deps";
const EXTERNS: &str = "--extern state=/t/deps/libshrine-1.rlib --extern tokio=/t/deps/libtokio-2.rlib --extern middle=/t/deps/libmiddle-3.rlib";

#[test]
fn what_is_edited_and_what_depends_on_shrine_stays_where_it_is() {
    let unit = unit(&format!(
        "{TIP} {EXTERNS} -L native=/t/build/out -C linker=/usr/bin/cc -C link-arg=-fuse-ld=lld -C link-arg=-Wl,-x"
    ));
    let mut tip = tip(&unit);
    // As the crate `middle` is compiled against it.
    tip.libraries.insert("/t/deps/librand-4.rmeta".into());
    let recipe = Recipe::of(&tip, &names(&["shrine", "middle"])).unwrap();
    let expected = ["/t/deps/librand-4.rlib", "/t/deps/libtokio-2.rlib"].map(PathBuf::from);
    assert_eq!(recipe.libraries, BTreeSet::from(expected));
    assert_eq!(recipe.search, ["dependency=/t/deps", "native=/t/build/out"]);
    assert_eq!(recipe.flags, ["-C", "linker=/usr/bin/cc", "-C", "link-arg=-fuse-ld=lld"]);
}

#[test]
fn there_is_a_reason_for_each_plain_link() {
    let plain = |line: &str| Recipe::of(&tip(&unit(line)), &names(&["shrine", "middle"])).unwrap_err();
    assert_eq!(plain(&format!("{TIP} --extern shrine=/t/libshrine-1.rlib")), Plain::Nothing);
    assert_eq!(plain(&format!("{TIP} --extern tokio=/t/libtokio-1.rlib")), Plain::NoShrine);
    let dynamic = plain(&format!("{TIP} {EXTERNS} --extern bevy_dylib=/t/libbevy_dylib-1.so"));
    assert_eq!(dynamic, Plain::Dynamic { name: "bevy_dylib".to_owned() });
    for flag in ["lto", "lto=thin", "panic=abort", "target-feature=+sse3,+crt-static", "instrument-coverage"]
    {
        assert_eq!(plain(&format!("{TIP} {EXTERNS} -C {flag}")), Plain::Flag { flag: format!("-C {flag}") });
    }
    for flag in ["lto=off", "instrument-coverage=no", "target-feature=-crt-static"] {
        assert!(
            Recipe::of(&tip(&unit(&format!("{TIP} {EXTERNS} -C {flag}"))), &names(&["shrine"])).is_ok(),
            "{flag}"
        );
    }
}

#[test]
fn crates_with_the_same_flags_share_one_library() {
    let lines = [
        format!("{TIP} {EXTERNS}"),
        format!("{TIP} {EXTERNS} --extern regex=/t/deps/libregex-5.rlib"),
        format!("{TIP} {EXTERNS} -C target-cpu=native"),
        format!("{TIP} --extern shrine=/t/libshrine-1.rlib"),
    ];
    let units = lines.map(|line| unit(&line));
    let tips: Vec<_> = units.iter().map(tip).collect();
    let (recipes, choices) = choose(&tips, &names(&["shrine", "middle"]));
    assert_eq!(choices, [Ok(0), Ok(0), Ok(1), Err(Plain::Nothing)]);
    assert_eq!(recipes[0].libraries.len(), 2);
    assert_eq!(recipes[1].libraries.len(), 1);
}

#[test]
fn what_is_said_of_the_facade_is_left_out() {
    let text = "there are multiple different versions of crate `shrine` in the dependency graph";
    let child = |message: &str| serde_json::json!({"message": message, "code": null, "level": "note", "spans": [], "children": [], "rendered": null});
    let tree = "you can use `cargo tree` to explore your dependency tree";
    let rendered = format!("error: no\n   = note: first\n   = note: {text}\n   = help: {tree}\n\n");
    let children = ["first", text, tree].map(child);
    let json = serde_json::json!({"message": "no", "code": null, "level": "error", "spans": [], "children": children, "rendered": rendered});
    let mut diagnostic = serde_json::from_value(json).unwrap();
    strip_notes(&mut diagnostic);
    assert_eq!(diagnostic.rendered.as_deref(), Some("error: no\n   = note: first\n\n"));
    assert_eq!(diagnostic.children.len(), 1);
    // That of another crate is somebody's business.
    let (rendered, children) =
        (rendered.replace("shrine", "tokio"), [text.replace("shrine", "tokio")].map(|text| child(&text)));
    let json = serde_json::json!({"message": "no", "code": null, "level": "error", "spans": [], "children": children, "rendered": rendered});
    let mut diagnostic = serde_json::from_value(json).unwrap();
    strip_notes(&mut diagnostic);
    assert_eq!(diagnostic.rendered.as_deref(), Some(rendered.as_str()));
}

#[test]
fn a_call_is_made_against_the_facade() {
    let linked = Linked {
        shrine: "/t/deps/libshrine-1.rlib".into(),
        facade: "/s/k/libshrine-f.rlib".into(),
        directory: "/s/k".into(),
    };
    let rewritten = |line: &str| {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let words = linked.arguments(&arguments, Path::new("/t"))?;
        Some(words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
    };
    let expected = "rustc --extern noprelude:state=/s/k/libshrine-f.rlib --extern tokio=/t/deps/libtokio-2.rlib -C opt-level=1 \
                    -L dependency=/s/k -C link-arg=-Wl,-z,defs -C link-arg=-Xlinker -C link-arg=-rpath \
                    -C link-arg=-Xlinker -C link-arg=/s/k";
    let line = "rustc --extern noprelude:state=deps/libshrine-1.rlib --extern=tokio=/t/deps/libtokio-2.rlib -Copt-level=1";
    assert_eq!(rewritten(line).as_deref(), Some(expected));
    // It was built again elsewhere.
    assert_eq!(rewritten("rustc --extern state=/r/libshrine-1.rlib"), None);
}

/// Crates that were compiled as cargo would.
struct Crates {
    directory: tempfile::TempDir,
    standard: PathBuf,
}

impl Crates {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("a target").tempdir().unwrap();
        let standard = cargo::library_directory(directory.path()).unwrap();
        let crates = Self { directory, standard };
        crates.compile("shrine", "rlib", "pub mod prelude { pub fn id() -> i64 { 40 } }", &[]);
        crates
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    fn compile(&self, name: &str, kind: &str, source: &str, arguments: &[&str]) {
        let mut rustc = Command::new("rustc");
        rustc.current_dir(self.directory.path()).arg(self.source(name, source));
        rustc.args(["--edition=2024", "--crate-type", kind, "--crate-name", name, "-L", "dependency=."]);
        rustc.args([
            "-C".to_owned(),
            format!("metadata={name}"),
            "-C".to_owned(),
            "extra-filename=-1".to_owned(),
        ]);
        let output = rustc.args(["-C", "prefer-dynamic"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn source(&self, name: &str, source: &str) -> PathBuf {
        let path = self.path(&format!("{name}.rs"));
        fs::write(&path, source).unwrap();
        path
    }

    fn shelf(&self) -> Shelf {
        let mut shelf = Shelf::new(self.directory.path(), &self.standard);
        shelf.worth = 0;
        shelf
    }

    /// A call for a crate that is compiled against `shrine` and these.
    fn tip(&self, source: &str, externs: &[&str]) -> Unit {
        let mut unit = unit(
            "rustc --crate-name tip tip.rs --crate-type cdylib --out-dir . --edition=2024 -L dependency=. -C prefer-dynamic",
        );
        unit.call.directory = self.directory.path().to_owned();
        self.source("tip", source);
        for name in [&["shrine"], externs].concat() {
            let library = ["rlib", "so"].map(|kind| self.path(&format!("lib{name}-1.{kind}")));
            let library = library.into_iter().find(|path| path.is_file()).unwrap();
            unit.call.arguments.extend(["--extern".into(), format!("{name}={}", library.display()).into()]);
            unit.externs.push(library);
        }
        unit
    }

    /// The libraries that a tip is linked to when it is compiled with these arguments, or what the compiler says.
    fn link(&self, arguments: &[OsString]) -> Result<Vec<String>, String> {
        let mut rustc = Command::new("rustc");
        let output = rustc.current_dir(self.directory.path()).args(&arguments[1..]).output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8(output.stderr).unwrap());
        }
        Ok(check::inspect(&fs::read(self.path("libtip.so")).unwrap()).unwrap().needed)
    }
}

fn recipe(unit: &Unit) -> Recipe {
    Recipe::of(&tip(unit), &names(&["shrine"])).unwrap()
}

fn make(shelf: &Shelf, unit: &Unit) -> Result<PathBuf, Plain> {
    shelf.make(&recipe(unit), &Cancel::default()).map(Option::unwrap)
}

const USES: &str = "use shrine::prelude::*;\n#[unsafe(no_mangle)] pub extern \"C\" fn sum() -> i64 { id() + one::one(1) + two::two() }";

#[test]
fn a_crate_is_linked_to_one_library_of_its_dependencies() {
    let crates = Crates::new();
    crates.compile("one", "rlib", "pub fn one<T: Copy>(one: T) -> T { one }", &[]);
    let two = "pub fn two() -> i64 { let all: Vec<i64> = vec![one::one(1)]; all.len() as i64 }";
    crates.compile("two", "rlib", two, &["--extern", "one=libone-1.rlib"]);
    let unit = crates.tip(USES, &["one", "two"]);
    let shelf = crates.shelf();
    assert_eq!(shelf.find(&recipe(&unit)), Ok(None));
    let directory = make(&shelf, &unit).unwrap();
    assert_eq!(shelf.find(&recipe(&unit)), Ok(Some(directory.clone())));
    assert_eq!(shelf.linked(&directory, &unit.externs[0]), None);
    let linked =
        shelf.face(&recipe(&unit), &directory, &unit.externs[0], &Cancel::default()).unwrap().unwrap();
    assert_eq!(shelf.linked(&directory, &unit.externs[0]).as_ref(), Some(&linked));
    let arguments = linked.arguments(&unit.call.arguments, &unit.call.directory).unwrap();
    let name = format!("libshrine_deps-{}.so", directory.file_name().unwrap().display());
    assert!(crates.link(&arguments).unwrap().contains(&name));
    let plainly = crates.link(&unit.call.arguments).unwrap();
    assert!(
        !plainly.contains(&name) && plainly.iter().any(|name| name.starts_with("libstd-")),
        "{plainly:?}"
    );
    // What was made of other files is another library.
    crates.compile("one", "rlib", "pub fn one<T: Copy>(one: T) -> T { let two = one; two }", &[]);
    assert_eq!(shelf.find(&recipe(&unit)), Ok(None));
}

#[test]
fn code_that_is_missing_is_found_missing_when_it_is_linked() {
    let crates = Crates::new();
    let native =
        crates.source("native", "#![no_std]\n#[unsafe(no_mangle)] pub extern \"C\" fn deep() -> i64 { 1 }");
    let mut rustc = Command::new("rustc");
    rustc.current_dir(crates.directory.path()).arg(native).args([
        "--emit=obj",
        "--crate-type=rlib",
        "--edition=2024",
    ]);
    assert!(rustc.status().unwrap().success());
    let mut archive = Command::new("ar");
    let archive =
        archive.current_dir(crates.directory.path()).args(["rcs", "libnative.a", "native.o"]).status();
    assert!(archive.unwrap().success());
    let sys = "#[link(name = \"native\", kind = \"static\")] unsafe extern \"C\" { fn hidden(); }\nunsafe extern \"C\" { pub safe fn deep() -> i64; }\npub fn unused() { unsafe { hidden() } }";
    crates.compile("sys", "rlib", sys, &["-L", "native=."]);
    let unit = crates.tip(
        "#[unsafe(no_mangle)] pub extern \"C\" fn sum() -> i64 { sys::deep() }\nuse shrine as _;",
        &["sys"],
    );
    let shelf = crates.shelf();
    let directory = make(&shelf, &unit).unwrap();
    let linked =
        shelf.face(&recipe(&unit), &directory, &unit.externs[0], &Cancel::default()).unwrap().unwrap();
    let arguments = linked.arguments(&unit.call.arguments, &unit.call.directory).unwrap();
    let said = crates.link(&arguments).unwrap_err();
    assert!(gist(&said).contains("deep"), "{said}");
}

#[test]
fn an_allocator_of_a_dependency_is_not_shared() {
    let crates = Crates::new();
    let source = "use std::alloc::{GlobalAlloc, Layout, System};\npub struct Own;\n\
                  unsafe impl GlobalAlloc for Own { unsafe fn alloc(&self, l: Layout) -> *mut u8 { unsafe { System.alloc(l) } }\n\
                  unsafe fn dealloc(&self, p: *mut u8, l: Layout) { unsafe { System.dealloc(p, l) } } }\n\
                  #[global_allocator] static OWN: Own = Own;";
    crates.compile("own", "rlib", source, &[]);
    let unit = crates.tip("", &["own"]);
    assert_eq!(make(&crates.shelf(), &unit), Err(Plain::Allocator));
    // That is known without another link.
    assert_eq!(crates.shelf().find(&recipe(&unit)), Err(Plain::Allocator));
}

#[test]
fn a_section_that_each_library_has_for_itself_is_not_shared() {
    let crates = Crates::new();
    let source = "#[unsafe(link_section = \"gathered_here\")] #[used] pub static ONE: u64 = 1;\npub fn one() -> &'static u64 { &ONE }";
    crates.compile("one", "rlib", source, &[]);
    let unit = crates.tip("", &["one"]);
    assert_eq!(make(&crates.shelf(), &unit), Err(Plain::Gathered { section: "gathered_here".to_owned() }));
}

#[test]
fn a_dependency_that_is_in_another_dynamic_library_is_told() {
    let crates = Crates::new();
    crates.compile("common", "rlib", "pub fn common() {}", &[]);
    crates.compile(
        "dynamic",
        "dylib",
        "pub fn dynamic() { common::common() }",
        &["--extern", "common=libcommon-1.rlib"],
    );
    crates.compile(
        "above",
        "rlib",
        "pub fn above() { dynamic::dynamic() }",
        &["--extern", "dynamic=libdynamic-1.so"],
    );
    let unit = crates.tip("", &["above"]);
    assert_eq!(make(&crates.shelf(), &unit), Err(Plain::Dynamic { name: "libdynamic-1.so".to_owned() }));
}

#[test]
fn what_shares_nothing_worth_it_is_linked_plainly() {
    let crates = Crates::new();
    crates.compile("one", "rlib", "pub fn one() {}", &[]);
    let unit = crates.tip("", &["one"]);
    let shelf = Shelf::new(crates.directory.path(), &crates.standard);
    assert_eq!(make(&shelf, &unit), Err(Plain::Small));
    assert_eq!(shelf.find(&recipe(&unit)), Err(Plain::Small));
}

#[test]
fn a_library_that_does_not_link_says_why() {
    let crates = Crates::new();
    crates.compile(
        "one",
        "rlib",
        "unsafe extern \"C\" { safe fn nowhere(); }\npub fn one() { nowhere() }",
        &[],
    );
    let unit = crates.tip("", &["one"]);
    fs::write(crates.path("libone-1.rlib"), "no library").unwrap();
    assert!(matches!(make(&crates.shelf(), &unit), Err(Plain::Unmade { .. })));
    fs::remove_file(crates.path("libone-1.rlib")).unwrap();
    let Err(Plain::Unmade { what }) = make(&crates.shelf(), &unit) else { panic!() };
    assert!(what.contains("gone"), "{what}");
}

#[test]
fn nothing_is_made_after_a_cancel() {
    let crates = Crates::new();
    crates.compile("one", "rlib", "pub fn one() {}", &[]);
    let unit = crates.tip("", &["one"]);
    let cancel = Cancel::default();
    cancel.cancel();
    assert_eq!(crates.shelf().make(&recipe(&unit), &cancel), Ok(None));
    assert_eq!(crates.shelf().find(&recipe(&unit)), Ok(None));
}

#[test]
fn libraries_that_nobody_uses_are_removed() {
    let target = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(target.path(), Path::new("/none"));
    let all = target.path().join("shrine-deps");
    let directories = ["a", "b", "c", "d", "e"].map(|name| all.join(name));
    for directory in &directories {
        fs::create_dir_all(directory).unwrap();
    }
    // No process has a number above the kernel's limit of 2^22; the first one runs as long as the machine.
    fs::write(directories[0].join("used-1"), "").unwrap();
    fs::write(directories[1].join("used-99999999"), "").unwrap();
    let (dead, alive) = (all.join("draft-99999999-a"), all.join(format!("draft-{}-a", std::process::id())));
    fs::create_dir_all(&dead).unwrap();
    fs::create_dir_all(&alive).unwrap();
    shelf.tidy(&BTreeSet::from([directories[4].clone()]));
    let there = directories.each_ref().map(|directory| directory.is_dir());
    assert!(there[0] && there[4], "what is used stays: {there:?}");
    assert_eq!(there[1..4].iter().filter(|is_there| **is_there).count(), 2, "{there:?}");
    assert!(alive.exists() && !dead.exists());
}

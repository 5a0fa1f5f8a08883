//! Crates that are compiled and linked as cargo and the replay do it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::line::Line;
use super::recipe::{Recipe, Tip, choose};
use super::shelf::{Shelf, gist};
use super::{Plain, Sharing, Trial};
use crate::build::capture::Invocation;
use crate::build::child::Cancel;
use crate::build::unit::{Options, Unit};
use crate::build::{Project, cargo};
use crate::load::check;

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A library of a crate that has the crates `one` and `two` below it.
const USES: &str = "#[unsafe(no_mangle)] pub extern \"C\" fn sum() -> i64 { one::one(2) + two::two() }";

/// Crates that were compiled as cargo would.
struct Crates {
    directory: tempfile::TempDir,
    standard: PathBuf,
}

impl Crates {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("it's a target").tempdir().unwrap();
        let standard = cargo::library_directory(directory.path()).unwrap();
        Self { directory, standard }
    }

    /// With `one`, which is generic, and `two`, which is made of it.
    fn with_two() -> Self {
        let crates = Self::new();
        crates.compile("one", "rlib", "pub fn one<T: Copy>(one: T) -> T { one }", &[]);
        let two = "pub fn two() -> i64 { let all: Vec<i64> = vec![one::one(1)]; all.len() as i64 }\n\
                   pub fn three() -> i64 { 3 }\n\
                   thread_local! { pub static FOUR: std::cell::Cell<i64> = const { std::cell::Cell::new(4) }; }";
        crates.compile("two", "rlib", two, &["--extern", "one=libone-1.rlib"]);
        crates
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    fn own(&self) -> PathBuf {
        self.path("shrine-replays/1")
    }

    fn compile(&self, name: &str, kind: &str, source: &str, arguments: &[&str]) {
        let mut rustc = Command::new("rustc");
        rustc.current_dir(self.directory.path()).arg(self.source(name, source));
        rustc.args(["--edition=2024", "--crate-type", kind, "--crate-name", name, "-L", "dependency=."]);
        rustc.args(["-C", &format!("metadata={name}"), "-C", "extra-filename=-1", "-C", "prefer-dynamic"]);
        let output = rustc.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn source(&self, name: &str, source: &str) -> PathBuf {
        let path = self.path(&format!("{name}.rs"));
        fs::write(&path, source).unwrap();
        path
    }

    fn sharing(&self) -> Sharing {
        let project = Project {
            target_directory: self.directory.path().to_owned(),
            library_directory: self.standard.clone(),
            ..Project::default()
        };
        fs::create_dir_all(self.own()).unwrap();
        Sharing::new(&project, &self.own(), false)
    }

    fn shelf(&self) -> Shelf {
        Shelf::new(self.directory.path(), &self.standard)
    }

    /// A library that is made of crates with these files.
    fn tip(&self, name: &str, source: &str, externs: &[&str], more: &str) -> Unit {
        self.source(name, source);
        let line = format!(
            "rustc --crate-name {name} {name}.rs --crate-type cdylib --out-dir . --edition=2024 \
             -C prefer-dynamic -C debuginfo=line-tables-only -C link-arg=-Wl,--build-id=sha1{more}"
        );
        let mut arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        arguments.extend(["-L".into(), format!("dependency={}", self.directory.path().display()).into()]);
        for file in externs {
            let (known_as, _) = file.trim_start_matches("lib").split_once('-').unwrap();
            let known_as = known_as.rsplit("/lib").next().unwrap_or(known_as);
            let path = self.path(file);
            assert!(path.is_file(), "{path:?}");
            arguments.extend(["--extern".into(), format!("{known_as}={}", path.display()).into()]);
        }
        let environment = [("CARGO_PKG_NAME", "tip"), ("CARGO_MANIFEST_DIR", "/w")];
        let mut environment: Vec<_> = environment.map(|(name, value)| (name.into(), value.into())).into();
        environment.extend(std::env::vars_os());
        let directory = self.directory.path().to_owned();
        Unit::read(&format!("{name}-1"), Invocation { directory, arguments, environment }).unwrap()
    }

    /// Compiles a library, with what stands for the linker.
    fn make(&self, unit: &Unit, linker: Option<&Path>) -> Output {
        let mut rustc = Command::new("rustc");
        rustc.current_dir(self.directory.path()).args(&unit.call.arguments[1..]);
        if let Some(linker) = linker {
            rustc.arg("-C").arg(format!("linker={}", linker.display()));
        }
        rustc.output().unwrap()
    }

    fn made(&self, unit: &Unit) -> PathBuf {
        self.path(&format!("lib{}.so", unit.crate_name))
    }

    /// Whether the last library was linked to a shared one.
    fn is_shared(&self, unit: &Unit) -> bool {
        let needed = check::inspect(&fs::read(self.made(unit)).unwrap()).unwrap().needed;
        needed.iter().any(|name| name.starts_with(super::SHARED_PREFIX))
    }

    /// What its function answers.
    fn sum(&self, unit: &Unit) -> i64 {
        let runner = self.path("runner");
        if !runner.exists() {
            self.compile("runner", "bin", RUNNER, &["-o", "runner"]);
        }
        let mut command = Command::new(runner);
        let output = command.arg(self.made(unit)).env("LD_LIBRARY_PATH", &self.standard).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        said.trim().parse().unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Opens a library, as the watcher does.
const RUNNER: &str = r#"
use std::ffi::{CStr, CString, c_char, c_void};

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: i32) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlerror() -> *const c_char;
}

fn main() {
    let path = CString::new(std::env::args().nth(1).unwrap()).unwrap();
    unsafe {
        let library = dlopen(path.as_ptr(), 2);
        assert!(!library.is_null(), "{:?}", CStr::from_ptr(dlerror()));
        let sum: extern "C" fn() -> i64 = std::mem::transmute(dlsym(library, c"sum".as_ptr()));
        println!("{}", sum());
    }
}
"#;

/// A sharing and its crates.
struct Case {
    crates: Crates,
    sharing: Sharing,
    cancel: Cancel,
}

impl Case {
    fn new(crates: Crates) -> Self {
        Self { sharing: crates.sharing(), crates, cancel: Cancel::default() }
    }

    /// Does what is to be done aside; answers with whether something is known now, and who was compiled for it.
    fn share(&mut self, units: &[&Unit]) -> (bool, Vec<String>) {
        let made: Vec<PathBuf> = units.iter().map(|unit| self.crates.made(unit)).collect();
        let tips: Vec<_> = units.iter().copied().zip(made.iter().map(PathBuf::as_path)).collect();
        let (crates, mut tried) = (&self.crates, Vec::new());
        let unshared = names(&["mine"]);
        let is_new = self.sharing.share(&tips, &unshared, &self.cancel, &mut |unit, linker| {
            tried.push(unit.crate_name.clone());
            let output = crates.make(unit, Some(linker));
            let has_allocator =
                || check::inspect(&fs::read(crates.made(unit)).unwrap()).unwrap().has_allocator;
            match output.status.success() {
                true if has_allocator() => Trial::Bad("an allocator".to_owned()),
                true => Trial::Good,
                false => Trial::Open,
            }
        });
        (is_new, tried)
    }

    /// Compiles a library as after an edit.
    fn build(&mut self, unit: &Unit) -> Result<PathBuf, Plain> {
        let linker = self.sharing.linker(unit);
        let output = self.crates.make(unit, linker.as_deref());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let learned = self.sharing.learn(unit);
        assert_eq!(self.crates.is_shared(unit), learned.is_ok(), "{learned:?}");
        learned
    }
}

#[test]
fn a_crate_is_linked_to_one_library_of_its_dependencies() {
    let mut case = Case::new(Crates::with_two());
    let unit = case.crates.tip("tip", USES, &["libone-1.rlib", "libtwo-1.rlib"], "");
    assert_eq!(case.build(&unit), Err(Plain::NotYet));
    let (is_new, tried) = case.share(&[&unit]);
    assert!(is_new && tried == ["tip", "tip"], "{tried:?}");
    let library = case.sharing.link("tip-1").unwrap();
    assert_eq!(case.build(&unit), Ok(library.clone()));
    assert_eq!(case.crates.sum(&unit), 3);
    assert_eq!(case.share(&[&unit]), (false, vec![]));

    // An edit that needs what no stub has is linked all the same, and the next stub has it.
    case.crates.source("tip", &USES.replace("two::two()", "two::three() + two::FOUR.get()"));
    for _ in 0..2 {
        assert_eq!(case.build(&unit), Ok(library.clone()));
        assert_eq!(case.crates.sum(&unit), 9);
        assert_eq!(case.share(&[&unit]), (false, vec![]));
    }

    // What was tried is still known after a build by cargo.
    case.sharing.forget();
    assert_eq!(case.sharing.link("tip-1"), Err(Plain::NotYet));
    assert_eq!(case.share(&[&unit]), (true, vec![]));
    assert_eq!(case.build(&unit), Ok(library.clone()));

    // What is gone is done without, and made again.
    fs::remove_dir_all(library.parent().unwrap()).unwrap();
    assert_eq!(case.build(&unit), Err(Plain::NotYet));
    assert!(case.share(&[&unit]).0);
    assert_eq!(case.build(&unit), Ok(library));
}

#[test]
fn what_was_compiled_again_is_never_taken_from_the_shared_library() {
    let mut case = Case::new(Crates::with_two());
    let unit = case.crates.tip("tip", USES, &["libone-1.rlib", "libtwo-1.rlib"], "");
    case.share(&[&unit]);
    let first = case.build(&unit).unwrap();
    case.crates.compile("one", "rlib", "pub fn one<T: Copy>(one: T) -> T { one }", &[]);
    let two = "pub fn two() -> i64 { one::one(10) }";
    case.crates.compile("two", "rlib", two, &["--extern", "one=libone-1.rlib"]);
    assert_eq!(case.build(&unit), Err(Plain::NotYet));
    assert_eq!(case.crates.sum(&unit), 12);
    assert!(case.share(&[&unit]).0);
    assert_ne!(case.build(&unit).unwrap(), first);
    assert_eq!(case.crates.sum(&unit), 12);
}

#[test]
fn what_is_edited_stays_in_each_generation_wherever_it_is() {
    let mut case = Case::new(Crates::with_two());
    let source = "#[unsafe(no_mangle)] pub extern \"C\" fn sum() -> i64 { mine::mine() }";
    let mine = |case: &Case, value: i64, directory: &str| {
        let source = format!("pub fn mine() -> i64 {{ two::two() + {value} }}");
        fs::create_dir_all(case.crates.path(directory)).unwrap();
        let out = ["--extern", "two=libtwo-1.rlib", "--out-dir", directory];
        case.crates.compile("mine", "rlib", &source, &out);
    };
    mine(&case, 10, "deps");
    let unit = case.crates.tip("tip", source, &["deps/libmine-1.rlib"], "");
    case.share(&[&unit]);
    let library = case.build(&unit).unwrap();
    assert_eq!(case.crates.sum(&unit), 11);
    // After an edit it is elsewhere each time.
    for value in [20, 30] {
        let directory = format!("shrine-replays/1/units/{value}");
        mine(&case, value, &directory);
        let mut moved = unit.clone();
        let path = |directory: &str| case.crates.path(directory).join("libmine-1.rlib").display().to_string();
        for argument in &mut moved.call.arguments {
            let text = argument.to_str().unwrap().replace(&path("deps"), &path(&directory));
            *argument = text.into();
        }
        let linked = case.build(&moved);
        assert_eq!(case.crates.sum(&unit), value + 1);
        match value {
            20 => {
                assert_eq!(linked, Err(Plain::NotYet));
                case.share(&[&moved]);
            }
            _ => assert_eq!(linked, Ok(library.clone())),
        }
    }
}

#[test]
fn what_is_wrong_with_a_crate_is_said_as_ever() {
    let mut case = Case::new(Crates::with_two());
    let unit = case.crates.tip("tip", USES, &["libone-1.rlib", "libtwo-1.rlib"], "");
    case.share(&[&unit]);
    case.build(&unit).unwrap();
    case.crates.source("tip", &format!("{USES}\nunsafe extern \"C\" {{ safe fn nowhere(); }}\n#[unsafe(no_mangle)] pub fn f() {{ nowhere() }}"));
    for is_again in [false, true] {
        // As without us: it is linked, and cannot be opened.
        let Err(Plain::Unlinked { what }) = case.build(&unit) else { panic!() };
        assert!(what.contains("nowhere"), "{what}");
        assert_eq!(case.share(&[&unit]), (!is_again, vec![]), "after the second time, until cargo was asked");
    }
    case.crates.source("tip", USES);
    assert!(matches!(case.build(&unit), Err(Plain::Unlinked { .. })));
    case.sharing.forget();
    case.share(&[&unit]);
    assert!(case.build(&unit).is_ok());
}

#[test]
fn there_is_a_reason_for_each_plain_link() {
    let mut case = Case::new(Crates::with_two());
    let both = ["libone-1.rlib", "libtwo-1.rlib"];
    for flag in ["lto", "panic=abort", "linker-flavor=gcc", "instrument-coverage"] {
        let unit = case.crates.tip("tip", USES, &both, &format!(" -C {flag}"));
        assert_eq!(case.sharing.linker(&unit), None);
        assert_eq!(case.sharing.link("tip-1"), Err(Plain::Flag { flag: format!("-C {flag}") }));
        case.sharing.forget();
    }
    for flag in ["lto=off", "instrument-coverage=no", "target-feature=-crt-static", "linker=/usr/bin/gcc-12"]
    {
        let unit = case.crates.tip("tip", USES, &both, &format!(" -C {flag}"));
        assert!(case.sharing.linker(&unit).is_some(), "{flag}");
    }
    let alone = case.crates.tip("alone", "#[unsafe(no_mangle)] pub extern \"C\" fn sum() {}", &[], "");
    assert_eq!(case.share(&[&alone]), (true, vec!["alone".to_owned()]));
    assert_eq!(case.sharing.link("alone-1"), Err(Plain::Nothing));
    let allocator = format!("{USES}\n{ALLOCATOR}");
    let own = case.crates.tip("own", &allocator, &both, "");
    case.share(&[&own]);
    assert_eq!(case.sharing.link("own-1"), Err(Plain::Unlinked { what: "an allocator".to_owned() }));
    let mut off = Sharing::new(&Project::default(), Path::new("/none"), true);
    assert_eq!((off.linker(&alone), off.link("alone-1")), (None, Err(Plain::Off)));
}

#[test]
fn linkers_are_told_from_what_calls_them() {
    let refused = |flag: &str| {
        let arguments = ["-C".into(), OsString::from(flag)];
        super::recipe::refused_flag(&Options::of(&arguments))
    };
    for flag in ["linker=rust-lld", "linker=/usr/bin/ld.lld", "linker=mold", "linker=x86_64-linux-gnu-ld"] {
        assert_eq!(refused(flag), Some(format!("-C {flag}")));
    }
    for flag in ["linker=clang", "linker=/usr/bin/aarch64-linux-gnu-gcc-12", "linker=cc", "lto=off"] {
        assert_eq!(refused(flag), None);
    }
}

const ALLOCATOR: &str = "use std::alloc::{GlobalAlloc, Layout, System};\npub struct Own;\n\
    unsafe impl GlobalAlloc for Own { unsafe fn alloc(&self, l: Layout) -> *mut u8 { unsafe { System.alloc(l) } }\n\
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) { unsafe { System.dealloc(p, l) } } }\n\
    #[global_allocator] static OWN: Own = Own;";

/// Why the dependency with this source is not shared.
fn refusal_of(source: &str, arguments: &[&str]) -> Plain {
    let crates = Crates::new();
    crates.compile("dep", "rlib", source, arguments);
    let unit = crates.tip(
        "tip",
        "#[unsafe(no_mangle)] pub extern \"C\" fn sum() { dep::used() }",
        &["libdep-1.rlib"],
        "",
    );
    let mut case = Case::new(crates);
    case.share(&[&unit]);
    let plain = case.sharing.link("tip-1").unwrap_err();
    // That is known without another attempt.
    case.sharing.forget();
    let (_, tried) = case.share(&[&unit]);
    assert_eq!((case.sharing.link("tip-1"), tried), (Err(plain.clone()), vec![]));
    assert_eq!(case.build(&unit).unwrap_err(), plain);
    plain
}

#[test]
fn a_section_that_each_library_has_for_itself_is_not_shared() {
    let source =
        "#[unsafe(link_section = \"gathered_here\")] #[used] pub static ONE: u64 = 1;\npub fn used() {}";
    assert_eq!(refusal_of(source, &[]), Plain::Gathered { section: "gathered_here".to_owned() });
}

#[test]
fn a_library_that_does_not_link_says_why() {
    let source =
        "unsafe extern \"C\" { safe fn nowhere(); }\npub fn used() {}\npub fn unused() { nowhere() }";
    let Plain::Unmade { what } = refusal_of(source, &[]) else { panic!() };
    assert!(what.contains("nowhere"), "{what}");
}

#[test]
fn a_dependency_that_is_a_dynamic_library_is_told() {
    let crates = Crates::with_two();
    crates.compile("dynamic", "dylib", "pub fn dynamic() -> i64 { 1 }", &[]);
    let source = "#[unsafe(no_mangle)] pub extern \"C\" fn sum() -> i64 { dynamic::dynamic() + two::two() }";
    let unit = crates.tip("tip", source, &["libdynamic-1.so", "libtwo-1.rlib"], "");
    let mut case = Case::new(crates);
    case.share(&[&unit]);
    assert_eq!(case.sharing.link("tip-1"), Err(Plain::Dynamic { name: "dynamic".to_owned() }));
}

#[test]
fn c_code_of_a_dependency_is_shared_with_it() {
    let crates = Crates::new();
    let source = "#![no_std]\n#[unsafe(no_mangle)] pub extern \"C\" fn deep() -> i64 { 7 }";
    crates.source("native", source);
    let run = |program: &str, arguments: &[&str]| {
        let status = Command::new(program).current_dir(crates.directory.path()).args(arguments).status();
        assert!(status.unwrap().success(), "{program} {arguments:?}");
    };
    run("rustc", &["native.rs", "--emit=obj", "--crate-type=rlib", "--edition=2024", "-Copt-level=1"]);
    run("ar", &["rcs", "libnative.a", "native.o"]);
    let sys =
        "#[link(name = \"native\", kind = \"static\")] unsafe extern \"C\" { pub safe fn deep() -> i64; }";
    crates.compile("sys", "rlib", sys, &["-L", "native=."]);
    let unit = crates.tip(
        "tip",
        "#[unsafe(no_mangle)] pub extern \"C\" fn sum() -> i64 { sys::deep() }",
        &["libsys-1.rlib"],
        "",
    );
    let mut case = Case::new(crates);
    case.share(&[&unit]);
    assert!(case.build(&unit).is_ok());
    assert_eq!(case.crates.sum(&unit), 7);
}

#[test]
fn crates_share_one_library_unless_they_do_not_go_together() {
    let crates = Crates::with_two();
    let first = crates.tip("first", USES, &["libone-1.rlib", "libtwo-1.rlib"], "");
    let three =
        "#[unsafe(no_mangle)] pub extern \"C\" fn clash() -> i64 { 3 }\npub fn three() -> i64 { clash() }";
    let source = "#[unsafe(no_mangle)] pub extern \"C\" fn sum() -> i64 { three::three() }";
    crates.compile("three", "rlib", three, &[]);
    let second = crates.tip("second", source, &["libthree-1.rlib"], "");
    // Another crate with the same symbol.
    crates.compile("four", "rlib", three, &[]);
    let third = crates.tip("third", &source.replace("three::", "four::"), &["libfour-1.rlib"], "");
    let mut case = Case::new(crates);
    case.share(&[&first, &second]);
    let [one, other] = ["first-1", "second-1"].map(|key| case.sharing.link(key).unwrap());
    assert_eq!(one, other);
    case.sharing.forget();
    case.share(&[&first, &second, &third]);
    let [one, other, third_one] =
        ["first-1", "second-1", "third-1"].map(|key| case.sharing.link(key).unwrap());
    assert!(one == other && other != third_one, "those that went together before still do");
    for unit in [&first, &second, &third] {
        assert!(case.build(unit).is_ok());
        assert_eq!(case.crates.sum(unit), 3);
    }
}

#[test]
fn what_is_linked_with_other_flags_is_shared_apart() {
    let crates = Crates::with_two();
    let unit = |more: &str| crates.tip("tip", USES, &["libone-1.rlib", "libtwo-1.rlib"], more);
    let units = [unit(""), unit(""), unit(" -C target-cpu=native")];
    let line = Line::read(&super::line::tests::words(super::line::tests::USUAL), Path::new("/e")).unwrap();
    let tips = units.each_ref().map(|unit| Tip { unit, line: line.clone() });
    let (recipes, choices) = choose(&tips, &names(&["mine"]), Path::new("/s"));
    assert_eq!(choices, [Ok(0), Ok(0), Ok(1)]);
    let expected = ["/t/librmp-3.rlib", "/t/libshrine-2.rlib"].map(PathBuf::from);
    assert_eq!(recipes[0].crates, BTreeSet::from(expected));
    let none = choose(&tips[..1], &names(&["mine", "shrine", "rmp"]), Path::new("/s"));
    assert_eq!(none.1, [Err(Plain::Nothing)]);
}

#[test]
fn a_stub_that_was_not_made_is_made_the_next_time() {
    let mut case = Case::new(Crates::with_two());
    let unit = case.crates.tip("tip", USES, &["libone-1.rlib", "libtwo-1.rlib"], "");
    case.build(&unit).unwrap_err();
    let (cancel, made) = (Cancel::default(), case.crates.made(&unit));
    let (crates, unshared) = (&case.crates, names(&["mine"]));
    case.sharing.share(&[(&unit, &made)], &unshared, &cancel, &mut |unit, linker| {
        let output = crates.make(unit, Some(linker));
        // The first call is noted, and the second one is the trial.
        if crates.is_shared(unit) {
            cancel.cancel();
        }
        if output.status.success() { Trial::Good } else { Trial::Open }
    });
    let own = case.crates.own().join("link/tip-1");
    let has_stub = || {
        let files = fs::read_dir(&own).unwrap().flatten();
        files.filter(|file| file.file_name().to_string_lossy().starts_with("lib")).count() == 2
    };
    assert!(case.sharing.link("tip-1").is_ok() && !has_stub());
    assert_eq!(case.share(&[&unit]), (false, vec![]));
    assert!(has_stub());
    assert!(case.build(&unit).is_ok());
}

#[test]
fn nothing_is_made_after_a_cancel() {
    let crates = Crates::with_two();
    let unit = crates.tip("tip", USES, &["libone-1.rlib", "libtwo-1.rlib"], "");
    let mut case = Case::new(crates);
    case.build(&unit).unwrap_err();
    case.cancel.cancel();
    assert_eq!(case.share(&[&unit]), (false, vec![]));
    assert_eq!(case.sharing.link("tip-1"), Err(Plain::NotYet));
    let line = Line::read(&super::line::tests::words(super::line::tests::USUAL), Path::new("/e")).unwrap();
    let recipe = Recipe::of(&Tip { unit: &unit, line }, &names(&[]), Path::new("/s")).unwrap();
    let Err(Plain::Unmade { what }) = case.crates.shelf().make(&recipe, &Cancel::default()) else { panic!() };
    assert!(what.contains("gone"), "{what}");
}

#[test]
fn of_what_a_linker_says_the_gist_is_told() {
    let said = "ld.lld: warning: x\n  ld.lld: error: undefined symbol: crc32\n>>> referenced by a.o";
    assert_eq!(gist(said), "ld.lld: error: undefined symbol: crc32");
    assert_eq!(gist("one\ncc: error: no input\n"), "cc: error: no input");
    assert_eq!(gist("\n words\n"), "words");
    assert_eq!(gist(""), "the linker failed and said nothing");
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

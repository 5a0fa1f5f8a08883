//! Real files, damaged in every way that writing can be interrupted.

use std::path::PathBuf;
use std::process::Command;

use super::*;

/// A small shared library that this machine's compiler makes, with what `check` wants of a library of widgets.
fn library(source: &str, arguments: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let (source_path, library) = (directory.path().join("lib.rs"), directory.path().join("libsmall.so"));
    std::fs::write(&source_path, source).unwrap();
    let rustc = std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
    let mut command = Command::new(rustc);
    command.args(["--crate-type", "cdylib", "--edition", "2024", "-C", "link-arg=-Wl,--build-id=sha1"]);
    let status = command.args(arguments).arg("-o").arg(&library).arg(&source_path).status().unwrap();
    assert!(status.success());
    std::fs::read(library).unwrap()
}

const WIDGET: &str = "#[unsafe(no_mangle)] pub static shrine_widget_small: [usize; 32] = [0; 32];
    #[unsafe(no_mangle)] pub static shrine_widget_short: u8 = 0;
    #[unsafe(no_mangle)] pub extern \"C\" fn shrine_widget_code() { println!(\"code\"); }";

fn whole() -> Vec<u8> {
    library(WIDGET, &["-C", "prefer-dynamic"])
}

#[test]
fn a_whole_library_tells_its_widgets_and_its_compiler() {
    let checked = check(&whole()).unwrap();
    assert_eq!(checked.widgets, ["shrine_widget_small"]);
    assert_eq!(checked.build_id.len(), 20);
    assert!(checked.toolchain.std.starts_with("libstd-"), "{:?}", checked.toolchain);
    assert!(checked.toolchain.compiler.starts_with("rustc version 1."), "{:?}", checked.toolchain);
}

#[test]
fn a_library_that_allocates_from_the_shared_std_says_what_it_has_in_common_with_others() {
    let shared = |source: &str| library(source, &["-C", "prefer-dynamic"]);
    let allocating = format!(
        "{WIDGET}\n#[unsafe(no_mangle)] pub extern \"C\" fn new() -> *mut u64 {{ Box::into_raw(Box::new(7)) }}"
    );
    let checked = check(&shared(&allocating)).unwrap();
    let origin = checked.origin.expect("it is a released compiler, and the allocator is that of std");
    assert!(
        origin.contains(&checked.toolchain.std) && origin.contains(&checked.toolchain.compiler),
        "{origin}"
    );
    // Another library of the same, whatever is in it.
    assert_eq!(check(&shared(&allocating.replace('7', "8"))).unwrap().origin, Some(origin));
    // One that brings an allocator along, whether it is used or not.
    let own =
        format!("{allocating}\n#[global_allocator] static OWN: std::alloc::System = std::alloc::System;");
    assert_eq!(check(&shared(&own)).unwrap().origin, None);
}

#[test]
fn a_library_with_transforms_alone_is_one_to_load() {
    let source = "#[unsafe(no_mangle)] pub static shrine_transform_doubled: [usize; 32] = [0; 32];
        #[unsafe(no_mangle)] pub static shrine_transform_short: u8 = 0;
        #[unsafe(no_mangle)] pub extern \"C\" fn code() { println!(\"code\"); }";
    let checked = check(&library(source, &["-C", "prefer-dynamic"])).unwrap();
    assert_eq!((checked.widgets.len(), checked.transforms), (0, vec!["shrine_transform_doubled".to_owned()]));
}

#[test]
fn no_torn_file_passes() {
    let whole = whole();
    let step = (whole.len() / 2_000).max(1);
    let lengths = (0..whole.len())
        .filter(|length| length % step == 0 || *length < 4_096 || *length + 4_096 > whole.len());
    for length in lengths {
        assert!(check(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn no_file_with_a_tail_of_zeros_passes() {
    let whole = whole();
    let step = (whole.len() / 500).max(1);
    // What the last section header, of the section names, begins with must be there; zeros behind it change nothing.
    for length in (0..whole.len() - 64).step_by(step) {
        let mut torn = whole.clone();
        torn[length..].fill(0);
        assert!(check(&torn).is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn what_is_no_library_is_refused() {
    let text = b"fn main() {}\n".repeat(1_000);
    for bytes in [&b""[..], b"\x7fELF", &text, &[0; 4_096]] {
        assert!(check(bytes).is_err());
    }
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(check(&program).is_err());
}

#[test]
fn a_library_with_its_own_std_is_refused() {
    let error = check(&library(WIDGET, &[])).unwrap_err();
    assert!(error.help.contains("prefer-dynamic"), "{error:?}");
}

#[test]
fn a_library_without_widgets_is_told_apart() {
    let plain = "#[unsafe(no_mangle)] pub extern \"C\" fn plain() { println!(\"plain\"); }";
    for source in [plain, ""] {
        let error = check(&library(source, &["-C", "prefer-dynamic"])).unwrap_err();
        assert!(error.no_widgets, "{error:?}");
    }
}

#[test]
fn another_toolchain_is_named() {
    let toolchain =
        |std: &str, compiler: &str| Toolchain { std: std.to_owned(), compiler: compiler.to_owned() };
    let running = toolchain("libstd-1.so", "rustc version 1.95.0");
    assert!(running.check_same(&running).is_ok());
    assert!(running.check_same(&toolchain("libstd-1.so", "")).is_ok());
    let error = running.check_same(&toolchain("libstd-2.so", "rustc version 1.96.0")).unwrap_err();
    assert!(error.reason.contains("1.95.0") && error.reason.contains("1.96.0"), "{error:?}");
}

#[test]
fn a_symbol_that_leads_out_of_the_file_is_no_widget() {
    let mut bytes = whole();
    let address = {
        let file = ElfFile64::<Endianness>::parse(&*bytes).unwrap();
        let symbols = file.dynamic_symbols();
        symbols.into_iter().find(|symbol| symbol.name() == Ok("shrine_widget_small")).unwrap().address()
    };
    // In the tables of symbols: address and size, one behind the other.
    let entry = |address: u64| [address.to_ne_bytes(), 256_u64.to_ne_bytes()].concat();
    let place_of = |bytes: &[u8]| bytes.windows(16).position(|window| window == entry(address));
    while let Some(place) = place_of(&bytes) {
        bytes[place..place + 16].copy_from_slice(&entry(address + (1 << 30)));
    }
    assert!(check(&bytes).unwrap_err().no_widgets);
}

//! A handful of builds, and generations that are made of them: each a file of its own, with a build id of its own.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use shrine::abi::handle::Library;
use shrine_tests::{Project, shared_target};
use shrine_watch::build::project::Start;
use shrine_watch::build::{self, CargoOptions, Package, cargo::build_command};
use shrine_watch::load::{Loader, check};

/// Libraries of one widget that differ in behaviour, and one of them in the state as well.
pub(crate) struct Variants {
    folder: Project,
    builds: Vec<Vec<u8>>,
    build_ids: Vec<Vec<u8>>,
    package: Package,
    loader: Loader,
}

const VARIANTS: usize = 4;

impl Variants {
    pub(crate) fn build() -> Self {
        let folder = Project::new("soaked", include_str!("widget.rs.in"));
        let start = Start::at(Some(folder.path())).expect("is a project");
        let options = CargoOptions { target_dir: Some(shared_target()), ..CargoOptions::default() };
        let project = build::Project::discover(&start, &options).expect("cargo understands it");
        let package = project.packages[0].clone();
        let mut builds = Vec::new();
        for variant in 0..VARIANTS {
            if variant > 0 {
                folder.edit(&format!("u32 = {};", variant - 1), &format!("u32 = {variant};"));
            }
            if variant == VARIANTS - 1 {
                folder.edit("variant: u32,", "variant: u32,\n    more: Option<u8>,");
            }
            let output = build_command(&project, &package, &options).output().expect("cargo runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            let messages = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let artifact =
                messages.filter(|message| message["target"]["name"] == "soaked").find_map(|message| {
                    message["filenames"].as_array()?.iter().find_map(Value::as_str).map(PathBuf::from)
                });
            builds.push(fs::read(artifact.expect("cargo says where")).expect("the library was built"));
        }
        let build_ids =
            builds.iter().map(|bytes| check::check(bytes).expect("is a library").build_id).collect();
        let loader = Loader::new(&folder.path().join("target"));
        Self { folder, builds, build_ids, package, loader }
    }

    /// What loads that generation, and the variant that it is of.
    pub(crate) fn generation(&mut self, number: usize) -> (impl FnOnce() -> Library, u64) {
        let variant = number % VARIANTS;
        let (mut bytes, id) = (self.builds[variant].clone(), &self.build_ids[variant]);
        let at = bytes.windows(id.len()).position(|window| window == id).expect("the note is in the file");
        bytes[at..at + 8].copy_from_slice(&(number as u64).to_be_bytes());
        let artifact: PathBuf = self.folder.path().join("libsoaked.so");
        // As cargo does it: another file in the place of the one before.
        let _ = fs::remove_file(&artifact);
        fs::write(&artifact, bytes).expect("writes");
        let (loader, package) = (&mut self.loader, &self.package);
        (move || loader.load(package, &artifact, false).expect("loads"), variant as u64)
    }

    /// How large the thread-locals of a library are.
    pub(crate) fn thread_local_bytes(&self) -> u64 {
        const PT_TLS: u64 = 7;
        let bytes = &self.builds[0];
        let number = |at: u64, len: usize| {
            let at = usize::try_from(at).expect("fits");
            bytes[at..at + len].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        // The table of segments, the size and count of its entries; in an entry the kind and the size in memory.
        let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
        let segments = (0..count).map(|index| table + index * size);
        segments.filter(|segment| number(*segment, 4) == PT_TLS).map(|segment| number(segment + 40, 8)).sum()
    }
}

//! Findings about the machine: the toolchain, the target directory, and what can be watched.

use super::Severity::{Error, Note, Warning};
use super::{Facts, Finding, Findings, Kind, Place, ToolchainFile};

/// Below how many free bytes a build may not fit: one with dependencies takes some hundred megabytes.
const LITTLE_ROOM: u64 = 1 << 30;

/// File systems of which this machine sees only a part of the changes: others write to them too.
const REMOTE: [&str; 17] = [
    "9p", "afs", "beegfs", "ceph", "cifs", "drvfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "prl_fs",
    "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
];

pub(super) fn toolchain(facts: &Facts, findings: &mut Vec<Finding>) {
    let toolchain = &facts.toolchain;
    let missing = "install the toolchain, as `rustup toolchain install` does in the directory of the project, or see \
                   https://rustup.rs";
    for (name, program, why) in [
        ("rustc", &toolchain.rustc, "without the compiler no widget can be built"),
        ("cargo", &toolchain.cargo, "cargo builds the widgets, and tells which there are"),
    ] {
        if program.release.is_none() {
            let what = format!("`{name}` cannot be run: {}", program.problem);
            findings.add(Error, Kind::Toolchain, what, why, missing.to_owned());
        }
    }
    if let Some(ToolchainFile { path, problem, .. }) = &toolchain.file
        && !problem.is_empty()
    {
        let what = format!("`{}` cannot be understood: {problem}", path.display());
        let help = "write `[toolchain]` and `channel = \"stable\"`, or a version as `\"1.95\"`";
        findings.add(
            Error,
            Kind::Toolchain,
            what,
            "it says which compiler builds the project",
            help.to_owned(),
        );
    }
    let (Some(rustc), Some(cargo)) = (&toolchain.rustc.release, &toolchain.cargo.release) else { return };
    if minor(rustc) != minor(cargo) {
        let what = format!("cargo {cargo} runs rustc {rustc}");
        let why = "they are of different toolchains: flags that one knows, the other may not";
        let help = "let both come from one toolchain: look at `which cargo rustc`, at RUSTC and at `build.rustc` in \
                    cargo's configuration";
        findings.add(Warning, Kind::Toolchain, what, why, help.to_owned());
    }
    if let Some(ToolchainFile { path, channel: Some(channel), .. }) = &toolchain.file
        && !agrees(channel, rustc)
    {
        let what = format!("`{}` asks for `{channel}`, and rustc {rustc} runs", path.display());
        let why =
            "only rustup reads that file: the rustc that is found first is not rustup's, or is overruled";
        let help = "put ~/.cargo/bin before other directories in PATH, or change the file";
        findings.add(Warning, Kind::Toolchain, what, why, help.to_owned());
    }
    if toolchain.shared_std.is_none() {
        let what = format!("there is no shared std in `{}`", toolchain.library_directory.display());
        let why = "all generations of a widget share one std: each with its own would exhaust what a process has of \
                   thread-local keys";
        let help = match toolchain.rustc.host.as_str() {
            host if host.contains("musl") => "use a toolchain for a `-gnu` target: those for musl have none",
            _ => {
                "install it: `rustup component add rust-std`, or the package of the distribution that has \
                  libstd-*.so, as `libstd-rust-dev`"
            }
        };
        findings.add(Error, Kind::Toolchain, what, why, help.to_owned());
    }
}

/// `1.95` of `1.95.0-nightly`.
fn minor(release: &str) -> &str {
    let end = release.match_indices('.').nth(1).map_or(release.len(), |(at, _)| at);
    &release[..end]
}

/// Whether a compiler of that release may be of that channel. What cannot be known is taken for true.
fn agrees(channel: &str, release: &str) -> bool {
    let (number, label) = release.split_once('-').unwrap_or((release, ""));
    // `1.90.0-x86_64-unknown-linux-gnu`, `nightly-2026-01-01`
    let name = channel.split_once('-').map_or(channel, |(name, _)| name);
    match name {
        "stable" => label.is_empty(),
        "beta" => label.starts_with("beta"),
        "nightly" => label.starts_with("nightly"),
        _ if name.split('.').all(|part| part.parse::<u32>().is_ok()) => {
            number == name || number.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        }
        _ => true,
    }
}

pub(super) fn target_directory(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(place) = &facts.target else { return };
    let shown = place.path.display();
    let elsewhere = "name another directory: `--target-dir`, or CARGO_TARGET_DIR";
    let mut add = |severity, what: String, why: &str, help: &str| {
        findings.add(severity, Kind::TargetDirectory, what, why, help.to_owned());
    };
    if !place.problem.is_empty() {
        let what = format!("nothing can be written into `{shown}`: {}", place.problem);
        add(Error, what, "builds go there", elsewhere);
    }
    if place.no_exec {
        let what = format!("`{shown}` is on a file system that is mounted `noexec`");
        add(Error, what, "libraries in it cannot be loaded, and build scripts cannot be run", elsewhere);
    }
    if is_remote(place) {
        let what = format!("`{shown}` is on a remote file system ({})", place.file_system);
        add(Warning, what, "a build writes and reads hundreds of files", elsewhere);
    }
    if let Some(free) = place.free.filter(|free| *free < LITTLE_ROOM) {
        let what = format!("only {} MiB are free in `{shown}`", free >> 20);
        let help = "make room, as `cargo clean` does in projects that rest; or `--target-dir`";
        add(
            Warning,
            what,
            "a build with dependencies takes some hundred, and each generation is a file",
            help,
        );
    }
    if let Some(program) = &place.synced_by {
        let what = format!("`{shown}` is in a folder that {program} keeps the same on several machines");
        let why = "it reads and copies what each build writes, and may put older files back";
        add(Warning, what, why, elsewhere);
    }
}

fn is_remote(place: &Place) -> bool {
    // Of what FUSE mounts, this is known by the name after it, and most of it is remote.
    REMOTE.contains(&place.file_system.as_str())
        || place.file_system.starts_with("fuse.")
        || place.file_system == "fuse"
}

pub(super) fn watching(facts: &Facts, findings: &mut Vec<Finding>) {
    for place in facts.sources.iter().filter(|place| is_remote(place)) {
        let what =
            format!("`{}` is on a file system of the kind {}", place.path.display(), place.file_system);
        let why = "edits that are made on another machine, or outside of this one, raise no events here";
        let help = "if the editor runs there, use `cargo shrine watch --poll`".to_owned();
        findings.add(Warning, Kind::FileSystem, what, why, help);
    }
    let watch = &facts.watch;
    let raise = |name: &str, needed: u64| {
        format!(
            "raise it, `sudo sysctl fs.inotify.{name}={}`, and keep that in /etc/sysctl.d; or use `--poll`",
            needed.next_power_of_two().max(if name == "max_user_watches" { 524_288 } else { 512 })
        )
    };
    let short = |needed: u64, used: u64, most: u64| used.saturating_add(needed) > most;
    if let Some(most) = watch.max_watches.filter(|most| short(watch.needed, watch.used_watches, *most)) {
        let what = format!(
            "{} directories have to be watched, other programs watch {}, and the limit is {most}",
            watch.needed, watch.used_watches
        );
        let why = "edits in directories that are not watched are not noticed";
        let help = raise("max_user_watches", 2 * (watch.needed + watch.used_watches));
        let severity = if watch.refused.is_some() || watch.needed > most { Error } else { Warning };
        findings.add(severity, Kind::Watch, what, why, help);
    } else if let Some(most) = watch.max_instances.filter(|most| short(1, watch.used_instances, *most)) {
        let what = format!("{} programs watch files, and the limit is {most}", watch.used_instances);
        let why = "the next one that begins, as a watch of this project, cannot";
        let severity = if watch.refused.is_some() { Error } else { Warning };
        let help = format!("end some of them, or {}", raise("max_user_instances", 2 * watch.used_instances));
        findings.add(severity, Kind::Watch, what, why, help);
    } else if let Some(reason) = &watch.refused {
        let what = format!("the directories of the project cannot be watched: {reason}");
        let help = "use `cargo shrine watch --poll`, which looks by itself".to_owned();
        findings.add(Error, Kind::Watch, what, "edits are not noticed", help);
    } else if let Some(most) = watch
        .max_watches
        .filter(|most| watch.needed > 0 && short(2 * watch.needed, watch.used_watches, *most))
    {
        let what = format!(
            "{} directories are watched by this project, {} by other programs, and the limit is {most}",
            watch.needed, watch.used_watches
        );
        let why = "it suffices now; a second watch of a project of this size would not get what it needs";
        let help = raise("max_user_watches", 4 * (watch.needed + watch.used_watches));
        findings.add(Note, Kind::Watch, what, why, help);
    }
}

pub(super) fn summary(facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    let toolchain = &facts.toolchain;
    if let (Some(rustc), Some(cargo)) = (&toolchain.rustc.release, &toolchain.cargo.release) {
        let std = toolchain.shared_std.as_ref().map_or(String::new(), |name| format!(", with {name}"));
        lines.push(format!("rustc {rustc} and cargo {cargo} for {}{std}", toolchain.rustc.host));
    }
    if let Some(place) = &facts.target {
        let free = place.free.map_or(String::new(), |free| format!(", {} GiB free", free >> 30));
        let on =
            if place.file_system.is_empty() { String::new() } else { format!(" on {}", place.file_system) };
        lines.push(format!("builds go to {}{on}{free}", place.path.display()));
    }
    let watch = &facts.watch;
    if let Some(most) = watch.max_watches.filter(|_| watch.needed > 0) {
        let used = watch.used_watches;
        lines.push(format!("{} directories to watch; others watch {used} of {most}", watch.needed));
    }
    lines
}

//! What was measured on.

use std::path::Path;
use std::time::Duration;

use super::process::{self, command};

/// Facts about the machine, each with its name.
pub(crate) type Facts = Vec<(String, String)>;

/// Everything but the load.
pub(crate) fn facts() -> Facts {
    let unknown = || "unknown".to_owned();
    let cores = std::thread::available_parallelism().map_or_else(|_| unknown(), |cores| cores.to_string());
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processor = field(&text("/proc/cpuinfo"), "model name");
    let memory = field(&text("/proc/meminfo"), "MemTotal").map(|memory| gibibytes(&memory));
    let kernel = text("/proc/sys/kernel/osrelease").trim().to_owned();
    let facts = [
        ("cores", format!("{cores} ({})", processor.unwrap_or_else(unknown))),
        ("memory", memory.unwrap_or_else(unknown)),
        ("kernel", format!("{} {kernel}", std::env::consts::OS)),
        ("rustc", first_line("rustc", &["--version"])),
        ("cargo", first_line("cargo", &["--version"])),
        ("`cc`", first_line("cc", &["--version"])),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// How busy the machine is: over one, five and fifteen minutes.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().take(3).collect();
    if words.is_empty() { "unknown".to_owned() } else { words.join(", ") }
}

/// Which commit is measured.
pub(crate) fn commit(repository: &Path) -> String {
    let git = |arguments: &[&str]| {
        let mut git = command("git");
        git.arg("-C").arg(repository).args(arguments);
        process::finish(git, Duration::from_secs(30)).ok()
    };
    let Some(commit) = git(&["log", "-1", "--format=%h of %cs"]).and_then(|lines| lines.into_iter().next())
    else {
        return "not in git".to_owned();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}, with changes"),
    }
}

/// Which linker has made that file, from what it has written into it.
pub(crate) fn linker(library: &Path) -> Option<String> {
    let bytes = std::fs::read(library).ok()?;
    Some(linker_in(&bytes).unwrap_or_else(|| "one that does not sign its files, as GNU ld".to_owned()))
}

fn linker_in(bytes: &[u8]) -> Option<String> {
    const SIGNATURES: [&str; 3] = ["Linker: LLD ", "mold ", "GNU gold "];
    // The section `.comment` holds texts that end with a zero.
    bytes.split(|byte| *byte == 0).find_map(|text| {
        let text = std::str::from_utf8(text).ok()?;
        let known = SIGNATURES.iter().any(|signature| text.starts_with(signature));
        (known && text.bytes().any(|byte| byte.is_ascii_digit()))
            .then(|| text.trim_start_matches("Linker: ").split(" (").next().unwrap_or(text).to_owned())
    })
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let mut asked = command(program);
    asked.args(arguments);
    let lines = process::finish(asked, Duration::from_secs(30));
    lines.ok().and_then(|lines| lines.into_iter().next()).unwrap_or_else(|| "not found".to_owned())
}

/// A value of the files below `/proc`.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn gibibytes(memory: &str) -> String {
    let kibibytes = memory.strip_suffix(" kB").and_then(|number| number.trim().parse::<f64>().ok());
    kibibytes.map_or_else(|| memory.to_owned(), |number| format!("{:.0} GiB", number / (1024.0 * 1024.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_the_kernels_texts() {
        assert_eq!(field("a: b\nmodel name\t: Some CPU\n", "model name"), Some("Some CPU".to_owned()));
        assert_eq!(gibibytes("24568912 kB"), "23 GiB");
        assert_eq!(gibibytes("much"), "much");
    }

    #[test]
    fn a_linker_is_known_by_its_signature() {
        let file = b"\x7fELF\0rustc version 1.95.0\0Linker: LLD 22.1.2 (somewhere)\0";
        assert_eq!(linker_in(file), Some("LLD 22.1.2".to_owned()));
        assert_eq!(linker_in(b"\x7fELF\0rustc version 1.95.0\0mold grows\0"), None);
    }
}

//! Where shared libraries lie, and how they come there.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::facade::{self, Linked, joined, rpath};
use super::{Plain, Recipe, SHARED_PREFIX};
use crate::build::child::Cancel;
use crate::load::check;

/// The crate that a shared library is.
pub(super) const CRATE: &str = "shrine_deps";

/// The file that says why a library was made and is not used.
const REFUSED: &str = "refused.json";

/// How the files begin that tell which processes use a library.
const USED: &str = "used-";

/// How many shared libraries are kept that are not used now: those of the branch that one goes back to.
const KEPT: usize = 2;

/// Below this, measured with small crates, a plain link takes as long.
const WORTH: u64 = 256 << 10;

/// The directory of all shared libraries, each in a directory that is named by its key.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    directory: PathBuf,
    /// The directory with the shared std.
    standard: PathBuf,
    /// What a shared library must bring into memory so that linking to it saves time, in bytes.
    pub(super) worth: u64,
}

impl Shelf {
    /// The one in a target directory, for a compiler whose shared std lies in `standard`.
    pub(super) fn new(target_directory: &Path, standard: &Path) -> Self {
        Self { directory: target_directory.join("shrine-deps"), standard: standard.to_owned(), worth: WORTH }
    }

    /// The directory of the shared library of a recipe; none when it was not made yet, or of other files.
    ///
    /// # Errors
    ///
    /// When it was made and cannot be used.
    pub(super) fn find(&self, recipe: &Recipe) -> Result<Option<PathBuf>, Plain> {
        let Some(key) = recipe.key(&self.standard) else { return Ok(None) };
        let directory = self.directory.join(&key);
        if let Ok(refused) = fs::read(directory.join(REFUSED)) {
            return serde_json::from_slice(&refused).map_or(Ok(None), Err);
        }
        Ok(directory.join(file_name(&key)).is_file().then_some(directory))
    }

    /// Makes the shared library of a recipe. None when that was cancelled.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or not be used.
    pub(super) fn make(&self, recipe: &Recipe, cancel: &Cancel) -> Result<Option<PathBuf>, Plain> {
        let unmade = |error: io::Error| Plain::Unmade { what: error.to_string() };
        let gone = || Plain::Unmade { what: "a dependency is gone from the target directory".to_owned() };
        let key = recipe.key(&self.standard).ok_or_else(gone)?;
        let draft = self.directory.join(format!("draft-{}-{key}", std::process::id()));
        let _ = fs::remove_dir_all(&draft);
        fs::create_dir_all(&draft).map_err(unmade)?;
        let outcome = self.link(recipe, &key, &draft, cancel);
        let refused = match outcome {
            Ok(true) => self.inspect(&draft.join(file_name(&key)), recipe).err(),
            Ok(false) => {
                let _ = fs::remove_dir_all(&draft);
                return Ok(None);
            }
            Err(what) => {
                let _ = fs::remove_dir_all(&draft);
                return Err(Plain::Unmade { what });
            }
        };
        if let Some(plain) = &refused {
            let text = serde_json::to_vec(plain).map_err(|error| unmade(error.into()))?;
            fs::write(draft.join(REFUSED), text).map_err(unmade)?;
            let _ = fs::remove_file(draft.join(file_name(&key)));
        }
        // Another process may have put its own there meanwhile, which is as good.
        let directory = self.directory.join(&key);
        let renamed = fs::rename(&draft, &directory);
        let _ = fs::remove_dir_all(&draft);
        if !directory.is_dir() {
            renamed.map_err(unmade)?;
        }
        self.find(recipe)
    }

    /// Runs the compiler; false when that was cancelled.
    fn link(&self, recipe: &Recipe, key: &str, draft: &Path, cancel: &Cancel) -> Result<bool, String> {
        let mut source = String::new();
        let mut externs = Vec::new();
        for (index, path) in recipe.libraries.iter().enumerate() {
            source.push_str(&["extern crate x", &index.to_string(), " as _;\n"].concat());
            externs.push(joined(OsStr::new(&format!("x{index}")), path));
        }
        let mut command = compiler(recipe, CRATE, "dylib", key, draft);
        command.args(["-C", "prefer-dynamic", "-C", "link-arg=-Wl,--build-id=sha1"]);
        for argument in rpath(&self.standard) {
            command.arg("-C").arg(argument);
        }
        for one in externs {
            command.arg("--extern").arg(one);
        }
        run(command, &source, cancel)
    }

    /// Looks at a finished library for what makes it useless or harmful.
    fn inspect(&self, file: &Path, recipe: &Recipe) -> Result<(), Plain> {
        let bytes = fs::read(file).map_err(|error| Plain::Unmade { what: error.to_string() })?;
        let seen = check::inspect(&bytes)
            .ok_or_else(|| Plain::Unmade { what: "the linker wrote no library".to_owned() })?;
        if seen.has_allocator {
            // Each side would free with its own what the other has allocated.
            return Err(Plain::Allocator);
        }
        if let Some(section) = seen.gathered {
            // What a generation declares would not be seen from the shared library.
            return Err(Plain::Gathered { section });
        }
        let directories: Vec<&Path> = recipe.libraries.iter().filter_map(|path| path.parent()).collect();
        let is_ours =
            |name: &&String| directories.iter().any(|directory| directory.join(name.as_str()).exists());
        if let Some(name) = seen.needed.iter().find(is_ours) {
            return Err(Plain::Dynamic { name: name.clone() });
        }
        if seen.size < self.worth { Err(Plain::Small) } else { Ok(()) }
    }

    /// How crates that are compiled against this `shrine` are linked to the shared library in `directory`, if the facade
    /// is there.
    pub(super) fn linked(&self, directory: &Path, shrine: &Path) -> Option<Linked> {
        let facade = directory.join(format!("libshrine-{}.rlib", facade_key(shrine)?));
        facade.is_file().then(|| Linked {
            shrine: shrine.to_owned(),
            facade,
            directory: directory.to_owned(),
        })
    }

    /// [`Shelf::linked`], for which a facade is made if need be. None when that was cancelled.
    ///
    /// # Errors
    ///
    /// When there can be none.
    pub(super) fn face(
        &self,
        recipe: &Recipe,
        directory: &Path,
        shrine: &Path,
        cancel: &Cancel,
    ) -> Result<Option<Linked>, Plain> {
        if let Some(linked) = self.linked(directory, shrine) {
            return Ok(Some(linked));
        }
        let unlinked = |what: String| Plain::Unlinked { what };
        let gone = || unlinked("`shrine` is gone from the target directory".to_owned());
        let facade = facade_key(shrine).ok_or_else(gone)?;
        let key = directory.file_name().unwrap_or_default();
        let draft = directory.join(format!("draft-{}", std::process::id()));
        fs::create_dir_all(&draft).map_err(|error| unlinked(error.to_string()))?;
        let mut command = compiler(recipe, "shrine", "rlib", &facade, &draft);
        let shared = directory.join(file_name(&key.to_string_lossy()));
        command.arg("--extern").arg(joined(OsStr::new("real"), shrine));
        command.arg("--extern").arg(joined(OsStr::new(CRATE), &shared));
        let name = format!("libshrine-{facade}.rlib");
        let made = run(command, facade::SOURCE, cancel).and_then(|done| {
            let place = || fs::rename(draft.join(&name), directory.join(&name));
            if done {
                place().map_err(|error| error.to_string())?;
            }
            Ok(done)
        });
        let _ = fs::remove_dir_all(&draft);
        Ok(made.map_err(unlinked)?.then(|| self.linked(directory, shrine)).flatten())
    }

    /// Notes that this process uses the libraries in these directories and no others, and removes of those that nobody
    /// uses all but the newest. What a process has loaded of them stays loaded.
    pub(super) fn tidy(&self, used: &BTreeSet<PathBuf>) {
        let own = format!("{USED}{}", std::process::id());
        for directory in used.iter().map(|directory| directory.join(&own)).filter(|file| !file.exists()) {
            let _ = fs::write(directory, []);
        }
        let mut others: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            if let Some(rest) = name.to_str().and_then(|name| name.strip_prefix("draft-")) {
                if !is_alive(rest.split('-').next().unwrap_or_default()) {
                    let _ = fs::remove_dir_all(&path);
                }
            } else if !used.contains(&path) {
                let time = entry.metadata().and_then(|metadata| metadata.modified());
                let _ = fs::remove_file(path.join(&own));
                if !is_used(&path) {
                    others.push((time.unwrap_or(SystemTime::UNIX_EPOCH), path));
                }
            }
        }
        others.sort();
        let count = others.len().saturating_sub(KEPT);
        for (_, path) in others.into_iter().take(count) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Whether a process that runs has noted that it uses the library in a directory.
fn is_used(directory: &Path) -> bool {
    let names = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut users = names.filter_map(|name| name.to_str()?.strip_prefix(USED).map(str::to_owned));
    users.any(|id| is_alive(&id))
}

/// Whether there is a process with that number.
fn is_alive(id: &str) -> bool {
    id.parse::<u32>().is_ok_and(|id| Path::new("/proc").join(id.to_string()).exists())
}

/// The name of a shared library. No two have the same, because the dynamic loader tells libraries apart by it.
pub(super) fn file_name(key: &str) -> String {
    format!("{SHARED_PREFIX}{key}.so")
}

/// What tells the facade of one `shrine` from that of another, or of the same built again.
fn facade_key(shrine: &Path) -> Option<String> {
    let metadata = fs::metadata(shrine).ok()?;
    let mut hasher = DefaultHasher::new();
    hasher.write(shrine.as_os_str().as_bytes());
    hasher.write_u64(metadata.size());
    hasher.write_i64(metadata.mtime());
    hasher.write_i64(metadata.mtime_nsec());
    Some(format!("{:016x}", hasher.finish()))
}

/// The compiler, called as for the crates of the recipe, for a source that it reads from its standard input.
fn compiler(recipe: &Recipe, name: &str, kind: &str, key: &str, out_dir: &Path) -> Command {
    let mut command =
        Command::new(recipe.call.arguments.first().map_or(OsStr::new("rustc"), OsString::as_os_str));
    command.current_dir(&recipe.call.directory).env_clear().envs(recipe.call.environment.iter().cloned());
    command.args(["-", "--edition=2021", "--cap-lints", "allow", "--crate-name", name, "--crate-type", kind]);
    command.args(["-C", "debuginfo=0", "-C", "embed-bitcode=no"]);
    // Nothing else has a crate of this name and this number.
    command.args([
        "-C".to_owned(),
        format!("metadata={key}"),
        "-C".to_owned(),
        format!("extra-filename=-{key}"),
    ]);
    command.arg("--out-dir").arg(out_dir).args(&recipe.flags);
    for value in &recipe.search {
        command.arg("-L").arg(value);
    }
    command
}

/// Runs the compiler on a source; false when that was cancelled.
fn run(mut command: Command, source: &str, cancel: &Cancel) -> Result<bool, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let text = |error: io::Error| error.to_string();
    let Some(mut running) = cancel.spawn(command).map_err(text)? else { return Ok(false) };
    if let Some(mut pipe) = running.child.stdin.take() {
        // It fails when the compiler has ended, which says why.
        let _ = pipe.write_all(source.as_bytes());
    }
    let mut said = Vec::new();
    if let Some(mut pipe) = running.child.stderr.take() {
        pipe.read_to_end(&mut said).map_err(text)?;
    }
    let status = running.wait().map_err(text)?;
    if cancel.is_cancelled() {
        return Ok(false);
    }
    if status.success() { Ok(true) } else { Err(gist(&String::from_utf8_lossy(&said))) }
}

/// What matters of the words of a compiler or linker.
pub(super) fn gist(said: &str) -> String {
    let mut lines = said.lines().map(str::trim);
    let found = linkers_words(said).or_else(|| lines.clone().find(|line| line.starts_with("error")));
    let found = found.or_else(|| lines.find(|line| !line.is_empty()));
    found.unwrap_or("the compiler failed and said nothing").to_owned()
}

/// The line in which a linker says what it misses, or has twice.
pub(in crate::build) fn linkers_words(said: &str) -> Option<&str> {
    const WORDS: [&str; 6] = [
        "undefined symbol",
        "undefined reference",
        "duplicate symbol",
        "multiple definition",
        "unable to find library",
        "cannot find -l",
    ];
    let line = said.lines().find(|line| WORDS.iter().any(|words| line.contains(words)))?;
    Some(line.trim().trim_start_matches("= note: "))
}

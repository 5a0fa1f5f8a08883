//! Where shared libraries lie, and how they come there.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::driver::Driver;
use super::recipe::Recipe;
use super::{Plain, SHARED_PREFIX};
use crate::build::child::Cancel;
use crate::load::check;

/// The file that says why a library was made and is not used.
const REFUSED: &str = "refused.json";

/// How the files begin that tell which processes use a library.
const USED: &str = "used-";

/// How many shared libraries are kept that are not used now: those of the branch that one goes back to.
const KEPT: usize = 2;

/// The directory of all shared libraries, each in a directory that is named by its key.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    directory: PathBuf,
    /// The directory with the shared std.
    pub(super) standard: PathBuf,
}

impl Shelf {
    /// The one in a target directory, for a compiler whose shared std lies in `standard`.
    pub(super) fn new(target_directory: &Path, standard: &Path) -> Self {
        Self { directory: target_directory.join("shrine-deps"), standard: standard.to_owned() }
    }

    /// The shared library of a recipe; none when it was not made yet, or of other files.
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
        let library = directory.join(file_name(&key));
        Ok(library.is_file().then_some(library))
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
        let refused = match self.link(recipe, &key, &draft, cancel) {
            Ok(true) => self.inspect(&draft.join(file_name(&key))).err(),
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

    /// Links it; false when that was cancelled.
    fn link(&self, recipe: &Recipe, key: &str, draft: &Path, cancel: &Cancel) -> Result<bool, String> {
        let name = file_name(key);
        let [before, after] = &recipe.around;
        let mut arguments: Vec<OsString> = vec!["-shared".into(), "-o".into(), draft.join(&name).into()];
        arguments.extend(["-Xlinker", "-soname", "-Xlinker", &name].map(OsString::from));
        arguments.extend(before.iter().cloned());
        // All of each crate: what a generation will need of it cannot be known.
        arguments.push("-Wl,--whole-archive".into());
        arguments.extend(recipe.crates.iter().map(OsString::from));
        arguments.push("-Wl,--no-whole-archive".into());
        arguments.extend(after.iter().cloned());
        // What is in it, it uses itself, whatever else is loaded; what is missing would be found missing only when it is
        // opened.
        arguments.extend(["-Wl,-Bsymbolic", "-Wl,-z,defs"].map(OsString::from));
        let driver = Driver { program: &recipe.driver, call: &recipe.call, cancel };
        match driver.run(&arguments).map_err(|error| error.to_string())? {
            None => Ok(false),
            Some(output) if output.status.success() => Ok(true),
            Some(output) => Err(gist(&String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// Looks at a finished library for what makes it useless or harmful.
    fn inspect(&self, file: &Path) -> Result<(), Plain> {
        let bytes = fs::read(file).map_err(|error| Plain::Unmade { what: error.to_string() })?;
        let seen = check::inspect(&bytes)
            .ok_or_else(|| Plain::Unmade { what: "the linker wrote no library".to_owned() })?;
        if seen.has_allocator {
            // Each side would free with its own what the other has allocated.
            return Err(Plain::Allocator);
        }
        match seen.gathered {
            // What a generation declares would not be seen from the shared library.
            Some(section) => Err(Plain::Gathered { section }),
            None => Ok(()),
        }
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
fn file_name(key: &str) -> String {
    format!("{SHARED_PREFIX}{key}.so")
}

/// What matters of the words of a linker.
pub(super) fn gist(said: &str) -> String {
    let mut lines = said.lines().map(str::trim);
    let found = linkers_words(said).or_else(|| lines.clone().find(|line| line.contains("error")));
    let found = found.or_else(|| lines.find(|line| !line.is_empty()));
    found.unwrap_or("the linker failed and said nothing").to_owned()
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

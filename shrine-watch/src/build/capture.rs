//! How cargo calls rustc, noted down call by call.
//!
//! Cargo runs what `RUSTC_WORKSPACE_WRAPPER` names in place of rustc, for each crate of the workspace. Ours is a small
//! script in the target directory: it writes its arguments, environment and directory into a file, and becomes rustc.
//! Because cargo hashes the path of the wrapper into the names of what it makes, what was made with it was noted.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::shell;

/// The variable that tells the notes of one environment from those of another.
pub(super) const ENVIRONMENT: &str = "SHRINE_ENVIRONMENT";

/// What the script does after the line that may name another wrapper. A note is complete or not there: it is renamed
/// into its place. A note that cannot be written is no reason not to compile.
const SCRIPT: &str = r#"
crate= suffix= metadata= before=
for argument do
    case $before in --crate-name) crate=$argument ;; esac
    case $argument in
        extra-filename=*) suffix=${suffix:-${argument#*=}} ;;
        metadata=*) metadata=${metadata:-${argument#*=}} ;;
    esac
    before=$argument
done
if [ -n "$crate" ] && [ -n "$metadata" ]; then
    note=${0%/*}/$crate${suffix:-+$metadata}.call
    # What is in the environment is nobody else's business.
    (umask 077 && { printf '%s\0' "$(pwd -P)" "$#" "$@" && cat "/proc/$$/environ"; } >"$note.$$") 2>/dev/null &&
        mv -f "$note.$$" "$note" || rm -f "$note.$$"
fi
"#;

/// The script, where cargo finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrapper {
    /// The script.
    pub(super) script: PathBuf,
    /// The user's own wrapper of workspace crates, which it calls in turn.
    pub(super) chained: Option<PathBuf>,
}

impl Wrapper {
    /// Puts the script into `<target>/shrine-capture`, unless it is there.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or not be run, as where programs may not be run from the target directory.
    pub(super) fn install(target_directory: &Path, chained: Option<PathBuf>) -> io::Result<Self> {
        let directory = target_directory.join("shrine-capture");
        let name = match &chained {
            Some(path) => format!("rustc-{:016x}", hash(path.as_os_str().as_bytes())),
            None => "rustc".to_owned(),
        };
        let (script, text) = (directory.join(name), script(chained.as_deref()));
        // Cargo looks at its time.
        shell::install(&script, &text)?;
        // Without arguments it does nothing.
        let mut probe = Command::new(&script);
        let status = probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if !status.success() || !Path::new("/proc/self/environ").exists() {
            return Err(io::Error::other(format!("`{}` does not work here", script.display())));
        }
        Ok(Self { script, chained })
    }

    /// The note of a call, if there is one.
    pub(super) fn note(&self, key: &str) -> Option<Invocation> {
        Invocation::parse(&fs::read(self.directory().join(format!("{key}.call"))).ok()?)
    }

    /// The notes of a crate, each with its key; the newest first.
    pub(super) fn notes_of(&self, crate_name: &str) -> Vec<(String, Invocation)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.directory()).into_iter().flatten().flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            let key = name.to_str().and_then(|name| name.strip_suffix(".call"));
            let Some(key) = key.filter(|key| is_of(key, crate_name)) else { continue };
            let time = entry.metadata().and_then(|metadata| metadata.modified()).ok();
            if let Some(call) = fs::read(path).ok().and_then(|bytes| Invocation::parse(&bytes)) {
                found.push((time, key.to_owned(), call));
            }
        }
        found.sort_by_key(|(time, ..)| std::cmp::Reverse(*time));
        found.into_iter().map(|(_, key, call)| (key, call)).collect()
    }

    /// Notes which library a call has made, by its build id: when cargo finds the library still good, the call is too.
    pub(super) fn sign(&self, key: &str, build_id: &str) -> io::Result<()> {
        fs::write(self.directory().join(format!("{key}.made")), build_id)
    }

    /// Whether a call has made the library with this build id.
    pub(super) fn is_signed(&self, key: &str, build_id: &str) -> bool {
        fs::read(self.directory().join(format!("{key}.made"))).is_ok_and(|made| made == build_id.as_bytes())
    }

    fn directory(&self) -> &Path {
        self.script.parent().unwrap_or(Path::new("/"))
    }
}

/// One call of rustc, as cargo has made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    /// The directory that it was made in.
    pub(super) directory: PathBuf,
    /// The program and its arguments.
    pub(super) arguments: Vec<OsString>,
    /// The whole environment.
    pub(super) environment: Vec<(OsString, OsString)>,
}

impl Invocation {
    /// Reads a note: the directory, the number of arguments, the arguments, the environment, each ended by a zero.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut parts = bytes.strip_suffix(b"\0")?.split(|byte| *byte == 0);
        let directory = PathBuf::from(owned(parts.next()?));
        let count: usize = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let arguments: Vec<_> = parts.by_ref().take(count).map(owned).collect();
        let environment = parts.filter_map(|pair| {
            let middle = pair.iter().position(|byte| *byte == b'=')?;
            Some((owned(&pair[..middle]), owned(&pair[middle + 1..])))
        });
        (count > 0 && arguments.len() == count).then(|| Self {
            directory,
            arguments,
            environment: environment.collect(),
        })
    }

    /// A variable of the environment.
    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
    }
}

/// What tells the environment that cargo is called in from another: a call that was noted in another one may have had
/// other results. What a shell counts up by itself is left out.
pub(super) fn environment_mark(variables: impl Iterator<Item = (OsString, OsString)>) -> String {
    let counts = |name: &OsString| {
        let own = ["_", "PWD", "OLDPWD", "SHLVL", ENVIRONMENT, "RUSTC_WORKSPACE_WRAPPER"];
        !own.iter().any(|own| name == own) && !name.as_bytes().ends_with(b"MAKEFLAGS")
    };
    let mut variables: Vec<_> = variables.filter(|(name, _)| counts(name)).collect();
    variables.sort();
    let mut hasher = DefaultHasher::new();
    for (name, value) in variables {
        for part in [name, value] {
            hasher.write(part.as_bytes());
            hasher.write_u8(0);
        }
    }
    format!("{:016x}", hasher.finish())
}

/// Whether the note of that key is one of the crate: `counter-0a1b` and `counter+0a1b` are of `counter`.
fn is_of(key: &str, crate_name: &str) -> bool {
    key.strip_prefix(crate_name).is_some_and(|rest| rest.starts_with(['-', '+']))
}

fn script(chained: Option<&Path>) -> Vec<u8> {
    let mut text =
        b"#!/bin/sh\n# Written by `cargo shrine`: notes how cargo calls rustc, and calls it.".to_vec();
    text.extend_from_slice(SCRIPT.as_bytes());
    text.extend_from_slice(b"[ $# = 0 ] || exec ");
    if let Some(chained) = chained {
        shell::push_quoted(&mut text, chained.as_os_str());
        text.push(b' ');
    }
    text.extend_from_slice(b"\"$@\"\n");
    text
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

fn owned(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn run(wrapper: &Wrapper, arguments: &[&str]) -> String {
        let output = Command::new(&wrapper.script)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("ODD", "two\nlines = here")
            .current_dir("/")
            .output()
            .unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_call_is_noted_as_it_was_and_carried_out() {
        let target = tempfile::Builder::new().prefix("a target").tempdir().unwrap();
        let wrapper = Wrapper::install(target.path(), None).unwrap();
        let call =
            ["echo", "--crate-name", "sum", "-C", "metadata=0a", "-C", "extra-filename=-1b", "", "a 'b'\n"];
        assert_eq!(run(&wrapper, &call), format!("{}\n", call[1..].join(" ")));
        let note = wrapper.note("sum-1b").unwrap();
        assert_eq!(
            (note.directory.as_path(), note.arguments),
            (Path::new("/"), call.map(OsString::from).to_vec())
        );
        assert_eq!(note.environment.len(), 2, "{:?}", note.environment);
        assert_eq!(wrapper.note("sum-1b").unwrap().variable("ODD"), Some(OsStr::new("two\nlines = here")));
        let file = fs::metadata(wrapper.directory().join("sum-1b.call")).unwrap();
        assert_eq!(file.permissions().mode() & 0o077, 0, "an environment may hold secrets");
        // What has no suffix in its file name is known by its metadata.
        run(&wrapper, &["echo", "--crate-name", "sum", "-C", "metadata=0a"]);
        let keys: Vec<_> = wrapper.notes_of("sum").into_iter().map(|(key, _)| key).collect();
        assert!(keys.contains(&"sum+0a".to_owned()) && keys.contains(&"sum-1b".to_owned()), "{keys:?}");
        assert!(wrapper.notes_of("su").is_empty());
    }

    #[test]
    fn questions_to_the_compiler_are_not_noted() {
        let target = tempfile::tempdir().unwrap();
        let wrapper = Wrapper::install(target.path(), None).unwrap();
        assert_eq!(
            run(&wrapper, &["echo", "-", "--crate-name", "___", "--print=cfg"]),
            "- --crate-name ___ --print=cfg\n"
        );
        assert!(wrapper.notes_of("___").is_empty());
    }

    #[test]
    fn the_users_own_wrapper_is_called_in_turn() {
        let target = tempfile::tempdir().unwrap();
        let own = target.path().join("it's mine");
        fs::write(&own, "#!/bin/sh\necho own \"$@\"\n").unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
        let wrapper = Wrapper::install(target.path(), Some(own)).unwrap();
        assert_eq!(
            run(&wrapper, &["rustc", "--crate-name", "a", "-C", "metadata=1"]),
            "own rustc --crate-name a -C metadata=1\n"
        );
        assert_ne!(wrapper.script, Wrapper::install(target.path(), None).unwrap().script);
    }

    #[test]
    fn the_script_stays_as_it_is() {
        let target = tempfile::tempdir().unwrap();
        let time = |wrapper: &Wrapper| fs::metadata(&wrapper.script).unwrap().modified().unwrap();
        let first = time(&Wrapper::install(target.path(), None).unwrap());
        assert_eq!(time(&Wrapper::install(target.path(), None).unwrap()), first);
    }

    #[test]
    fn a_note_that_is_none_is_not_read() {
        for bytes in ["", "/\0", "/\0two\0rustc\0", "/\x002\0rustc\0", "/\x000\0", "/\x001\0rustc"] {
            assert_eq!(Invocation::parse(bytes.as_bytes()), None, "{bytes:?}");
        }
    }

    #[test]
    fn shells_may_count_and_other_changes_tell() {
        let mark = |pairs: &[(&str, &str)]| {
            environment_mark(pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
        };
        let base = mark(&[("A", "1"), ("SHLVL", "1")]);
        assert_eq!(base, mark(&[("SHLVL", "2"), ("A", "1"), ("CARGO_MAKEFLAGS", "-j")]));
        assert_ne!(base, mark(&[("A", "2")]));
        assert_ne!(base, mark(&[("A", "1"), ("B", "")]));
    }
}

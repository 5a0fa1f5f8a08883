//! What a file was in an earlier revision, as git tells.

use std::path::Path;
use std::process::Command;

use toml_edit::{DocumentMut, Item};

use crate::error::Error;

/// A file as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// In that revision it had this text; none when it was not there.
    In {
        /// The revision, as a person would name it.
        revision: String,
        /// The text.
        text: Option<String>,
    },
    /// Nobody can tell.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// What `file` in `directory`, which is that of a package, was in a revision: the given one, or that in which the work on
/// this branch began. A directory that was called something else there is found by the name of the package, and where that is
/// new as well, by a file that is gone since and that `is_former` knows.
///
/// # Errors
///
/// When the given revision is none.
pub fn before(
    directory: &Path,
    package: &str,
    file: &str,
    revision: Option<&str>,
    is_former: &dyn Fn(&str) -> bool,
) -> Result<Before, Error> {
    let git = Git { directory };
    let unknown = |reason: &str| Ok(Before::Unknown { reason: reason.to_owned() });
    let Some(prefix) = git.ask(&["rev-parse", "--show-prefix"]) else {
        return match revision {
            Some(revision) => Err(no_revision(revision, "the project is in no git repository")),
            None => unknown("the project is in no git repository"),
        };
    };
    let (revision, commit) = match revision {
        Some(revision) => match git.commit(revision) {
            Some(commit) => (revision.to_owned(), commit),
            None => return Err(no_revision(revision, "git does not know it")),
        },
        None => match git.base() {
            Some(base) => base,
            None => return unknown("the git repository has no commit yet"),
        },
    };
    // Unlike `show`, this tells a file that is not there from a revision that is not there.
    let path = format!("{}{file}", prefix.trim());
    let is_there = git.ask(&["ls-tree", "--full-tree", "--name-only", &commit, "--", &path]);
    let text = match is_there {
        Some(names) if !names.trim().is_empty() => git.text(&commit, &path),
        _ => git.elsewhere(&commit, package, file, is_former),
    };
    Ok(Before::In { revision, text })
}

fn no_revision(revision: &str, why: &str) -> Error {
    Error::Usage {
        reason: format!("there is no revision `{revision}`: {why}"),
        help: "name a commit, a branch or a tag; a shallow clone knows few of them".to_owned(),
    }
}

struct Git<'a> {
    directory: &'a Path,
}

impl Git<'_> {
    /// Where this branch left the default branch: HEAD on that branch itself, and where there is none.
    fn base(&self) -> Option<(String, String)> {
        let head = self.commit("HEAD")?;
        let remote = self.ask(&["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]);
        let branches = remote.iter().map(|name| name.trim()).chain(["main", "master"]);
        let base = |branch: &str| {
            let commit = self.commit(branch)?;
            let base = self.ask(&["merge-base", &head, &commit])?;
            Some((branch.to_owned(), base.trim().to_owned()))
        };
        match branches.into_iter().find_map(base) {
            Some((branch, base)) if base != head => {
                Some((format!("{} ({branch})", base.get(..10).unwrap_or(&base)), base))
            }
            _ => Some(("HEAD".to_owned(), head)),
        }
    }

    fn commit(&self, revision: &str) -> Option<String> {
        let commit = self.ask(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &format!("{revision}^{{commit}}"),
        ]);
        commit.map(|commit| commit.trim().to_owned())
    }

    /// The file of a package that was in another directory.
    fn elsewhere(
        &self,
        commit: &str,
        package: &str,
        file: &str,
        is_former: &dyn Fn(&str) -> bool,
    ) -> Option<String> {
        let names = self.ask(&["ls-tree", "-r", "-z", "--full-tree", "--name-only", commit])?;
        let is_of_package = |path: &&str| {
            let manifest =
                directory_of(path, file).and_then(|rest| self.text(commit, &format!("{rest}Cargo.toml")));
            let manifest = manifest.and_then(|text| text.parse::<DocumentMut>().ok());
            manifest.is_some_and(|manifest| {
                let name = manifest.get("package").and_then(|of| of.get("name"));
                name.and_then(Item::as_str) == Some(package)
            })
        };
        let mut files = names.split('\0').filter(|path| directory_of(path, file).is_some());
        if let Some(path) = files.clone().find(is_of_package) {
            return self.text(commit, path);
        }
        let top = self.ask(&["rev-parse", "--show-toplevel"])?;
        let is_gone = |path: &&str| !Path::new(top.trim_end()).join(path).exists();
        files.by_ref().filter(is_gone).filter_map(|path| self.text(commit, path)).find(|text| is_former(text))
    }

    /// A file of a commit.
    fn text(&self, commit: &str, path: &str) -> Option<String> {
        self.ask(&["show", &format!("{commit}:{path}")])
    }

    /// What git says, unless it fails.
    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("git").arg("-C").arg(self.directory).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The directory of a path that ends with this file, with its slash.
fn directory_of<'a>(path: &'a str, file: &str) -> Option<&'a str> {
    path.strip_suffix(file).filter(|rest| rest.is_empty() || rest.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn git(directory: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"];
        let status = Command::new("git")
            .arg("-C")
            .arg(directory)
            .args(identity)
            .args(arguments)
            .output()
            .map(|output| output.status);
        assert!(status.is_ok_and(|status| status.success()), "{arguments:?}");
    }

    fn commit(directory: &Path, text: &str) {
        fs::create_dir_all(directory.join("a")).unwrap();
        fs::write(directory.join("a/lock"), text).unwrap();
        git(directory, &["add", "."]);
        git(directory, &["commit", "--quiet", "-m", text]);
    }

    fn text(before: Result<Before, Error>) -> (String, Option<String>) {
        match before.unwrap() {
            Before::In { revision, text } => (revision, text),
            unknown => panic!("{unknown:?}"),
        }
    }

    #[test]
    fn it_is_compared_with_where_the_branch_began() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a");
        git(root.path(), &["init", "--quiet"]);
        fs::create_dir_all(&inner).unwrap();
        assert!(
            matches!(before(&inner, "p", "lock", None, &|_| false), Ok(Before::Unknown { .. })),
            "no commit yet"
        );
        commit(root.path(), "one");
        assert_eq!(
            text(before(&inner, "p", "lock", None, &|_| false)),
            ("HEAD".to_owned(), Some("one".to_owned()))
        );
        assert_eq!(text(before(&inner, "p", "other", None, &|_| false)), ("HEAD".to_owned(), None));
        git(root.path(), &["checkout", "--quiet", "-b", "work"]);
        commit(root.path(), "two");
        let (revision, found) = text(before(&inner, "p", "lock", None, &|_| false));
        assert!(revision.ends_with(" (main)"), "{revision}");
        assert_eq!(found.as_deref(), Some("one"));
        assert_eq!(text(before(&inner, "p", "lock", Some("work"), &|_| false)).1.as_deref(), Some("two"));
        assert!(matches!(before(&inner, "p", "lock", Some("nowhere"), &|_| false), Err(Error::Usage { .. })));
    }

    #[test]
    fn a_package_is_known_by_its_name_where_its_directory_had_another() {
        let root = tempfile::tempdir().unwrap();
        git(root.path(), &["init", "--quiet"]);
        fs::create_dir_all(root.path().join("b")).unwrap();
        fs::write(root.path().join("b/lock"), "of another").unwrap();
        fs::write(root.path().join("b/Cargo.toml"), "[package]\nname = \"q\"\n").unwrap();
        fs::create_dir_all(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/Cargo.toml"), "[package]\nname = \"p\"\n").unwrap();
        commit(root.path(), "one");
        fs::rename(root.path().join("a"), root.path().join("c")).unwrap();
        let moved = root.path().join("c");
        assert_eq!(
            text(before(&moved, "p", "lock", None, &|_| false)),
            ("HEAD".to_owned(), Some("one".to_owned()))
        );
        assert_eq!(text(before(&moved, "r", "lock", None, &|_| false)), ("HEAD".to_owned(), None));
        // A new name in a new place: known by what is in the file, but never one that is still there.
        let former = before(&moved, "r", "lock", None, &|text| text == "one");
        assert_eq!(text(former), ("HEAD".to_owned(), Some("one".to_owned())));
        let other = before(&moved, "r", "lock", None, &|text| text == "of another");
        assert_eq!(text(other), ("HEAD".to_owned(), None));
    }

    #[test]
    fn without_git_nobody_can_tell() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(before(root.path(), "p", "lock", None, &|_| false), Ok(Before::Unknown { .. })));
        assert!(matches!(
            before(root.path(), "p", "lock", Some("HEAD"), &|_| false),
            Err(Error::Usage { .. })
        ));
    }
}

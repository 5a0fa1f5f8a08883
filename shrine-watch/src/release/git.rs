//! What a file was in an earlier revision, as git tells.

use std::path::Path;
use std::process::Command;

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

/// What `file` in `directory` was in a revision: the given one, or that in which the work on this branch began.
///
/// # Errors
///
/// When the given revision is none.
pub fn before(directory: &Path, file: &str, revision: Option<&str>) -> Result<Before, Error> {
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
        Some(names) if !names.trim().is_empty() => git.ask(&["show", &format!("{commit}:{path}")]),
        _ => None,
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

    /// What git says, unless it fails.
    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("git").arg("-C").arg(self.directory).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
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
        assert!(matches!(before(&inner, "lock", None), Ok(Before::Unknown { .. })), "no commit yet");
        commit(root.path(), "one");
        assert_eq!(text(before(&inner, "lock", None)), ("HEAD".to_owned(), Some("one".to_owned())));
        assert_eq!(text(before(&inner, "other", None)), ("HEAD".to_owned(), None));
        git(root.path(), &["checkout", "--quiet", "-b", "work"]);
        commit(root.path(), "two");
        let (revision, found) = text(before(&inner, "lock", None));
        assert!(revision.ends_with(" (main)"), "{revision}");
        assert_eq!(found.as_deref(), Some("one"));
        assert_eq!(text(before(&inner, "lock", Some("work"))).1.as_deref(), Some("two"));
        assert!(matches!(before(&inner, "lock", Some("nowhere")), Err(Error::Usage { .. })));
    }

    #[test]
    fn without_git_nobody_can_tell() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(before(root.path(), "lock", None), Ok(Before::Unknown { .. })));
        assert!(matches!(before(root.path(), "lock", Some("HEAD")), Err(Error::Usage { .. })));
    }
}

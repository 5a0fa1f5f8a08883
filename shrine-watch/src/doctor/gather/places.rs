//! Directories: on which file system they are, and what can be done there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::build::Project;
use crate::doctor::Place;

/// What programs leave in the folders that they keep the same on several machines.
const SYNCED: [(&str, &str); 6] = [
    (".dropbox", "Dropbox"),
    (".dropbox.cache", "Dropbox"),
    (".stfolder", "Syncthing"),
    (".nextcloudsync.log", "Nextcloud"),
    (".owncloudsync.log", "ownCloud"),
    (".SynologyWorkingDirectory", "Synology Drive"),
];

/// Looks at the directory that builds go into, whether it is there yet or not.
pub(super) fn look(path: &Path) -> Place {
    let there = path.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
    let there = there.canonicalize().unwrap_or_else(|_| there.to_owned());
    let mount = mount_of(&there);
    let free = rustix::fs::statvfs(&there).ok().map(|found| found.f_bavail.saturating_mul(found.f_frsize));
    let synced = there.ancestors().find_map(|above| {
        SYNCED.iter().find(|(file, _)| above.join(file).exists()).map(|(_, program)| (*program).to_owned())
    });
    Place {
        path: path.to_owned(),
        file_system: mount.kind,
        no_exec: mount.no_exec,
        free,
        problem: why_not_writable(&there).unwrap_or_default(),
        synced_by: synced,
    }
}

/// The directories of the packages, one for each file system.
pub(super) fn of_sources(project: &Project) -> Vec<Place> {
    let roots = project.packages.iter().flat_map(|package| &package.roots);
    let mut places: BTreeMap<PathBuf, Place> = BTreeMap::new();
    for root in roots {
        let mount = mount_of(&root.canonicalize().unwrap_or_else(|_| root.clone()));
        places.entry(mount.point).or_insert_with(|| Place {
            path: root.clone(),
            file_system: mount.kind,
            no_exec: mount.no_exec,
            ..Place::default()
        });
    }
    places.into_values().collect()
}

fn why_not_writable(directory: &Path) -> Option<String> {
    if !directory.is_dir() {
        return Some(format!("`{}` is no directory", directory.display()));
    }
    let file = directory.join(format!(".cargo-shrine-doctor-{}", std::process::id()));
    let written = fs::write(&file, "written by `cargo shrine doctor`\n");
    drop(fs::remove_file(&file));
    written.err().map(|error| error.to_string())
}

/// Where a file system is mounted, and how.
#[derive(Debug, Default, PartialEq)]
struct Mount {
    point: PathBuf,
    kind: String,
    no_exec: bool,
}

fn mount_of(path: &Path) -> Mount {
    mount_in(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default(), path)
}

/// The mount that a path is on. The last line about a point counts: it is mounted over those before it.
fn mount_in(table: &str, path: &Path) -> Mount {
    let mounts = table.lines().filter_map(parse_mount).filter(|mount| path.starts_with(&mount.point));
    mounts.max_by_key(|mount| mount.point.components().count()).unwrap_or_default()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn parse_mount(line: &str) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(4);
    let point = PathBuf::from(unescape(fields.next()?));
    let no_exec = fields.next()?.split(',').any(|option| option == "noexec");
    let kind = file_system.split(' ').next()?.to_owned();
    Some(Mount { point, kind, no_exec })
}

/// Spaces and the like are written in octal: `\040`.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                plain.push(char::from(code));
                plain.push_str(&part[3..]);
            }
            None => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 0:25 / /home rw,nosuid,noexec shared:1 - nfs4 server:/home rw
29 27 0:26 / /my\\040disk rw - fuse.sshfs host:/ rw
30 27 0:27 / /home rw - xfs /dev/vdb rw
";

    #[test]
    fn the_innermost_mount_counts_and_of_those_the_last() {
        let kind = |path: &str| mount_in(TABLE, Path::new(path)).kind;
        assert_eq!(kind("/etc"), "ext4");
        assert_eq!(kind("/home/me/p"), "xfs");
        assert_eq!(kind("/homes/me"), "ext4");
        assert_eq!(kind("/my disk/p"), "fuse.sshfs");
        assert_eq!(mount_in("", Path::new("/x")), Mount::default());
        let (table, _) = TABLE.split_once("30 ").unwrap();
        assert!(mount_in(table, Path::new("/home/me")).no_exec);
    }

    #[test]
    fn a_directory_that_is_not_there_yet_is_where_it_would_be() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(".stfolder"), "").unwrap();
        let place = look(&root.path().join("a/target"));
        assert_eq!((place.problem.as_str(), place.synced_by.as_deref()), ("", Some("Syncthing")));
        assert!(place.free.is_some() && !place.file_system.is_empty(), "{place:?}");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing is left behind");
        assert!(look(&root.path().join(".stfolder/target")).problem.contains("no directory"));
    }
}

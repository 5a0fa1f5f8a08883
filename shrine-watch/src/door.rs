//! The door of a running watch: a socket that takes one command a line, as standard input does, and answers each with
//! its events, one JSON object a line.
//!
//! Its place follows from the project's directory, so that another process finds it. Only the user who runs the watch
//! can open it.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};

use serde_json::Value;

use crate::build::Project;
use crate::report::Json;
use crate::run::Message;

/// How long a command may be.
const LINE_LIMIT: u64 = 1 << 20;

/// The longest path that a socket can have here: `sun_path` has 108 bytes, the last of them zero.
const PATH_LIMIT: usize = 107;

/// An open door. It closes when it is dropped.
#[derive(Debug)]
pub struct Door {
    path: PathBuf,
}

impl Door {
    /// Opens the door of a project. Its commands go to `send`. None when another watch of the project has it.
    ///
    /// # Errors
    ///
    /// When there is no place for it.
    pub fn open(project: &Project, send: Sender<Message>) -> io::Result<Option<Self>> {
        let mut error = io::ErrorKind::NotFound.into();
        for path in places(&project.target_directory, &project.directory) {
            match listen(&path) {
                Ok(Some(listener)) => {
                    std::thread::spawn(move || welcome(&listener, &send));
                    return Ok(Some(Self { path }));
                }
                Ok(None) => return Ok(None),
                Err(failed) => error = failed,
            }
        }
        Err(error)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Gives a command to the watch of a project, and answers with its events. None when no watch runs there: neither of
/// the directory itself, nor of the workspace around it, nor of exactly one crate in it.
///
/// # Errors
///
/// When the watch ends before it has answered.
pub fn ask(project: &Project, command: &str) -> io::Result<Option<Vec<Value>>> {
    let Some(mut stream) = find(project) else { return Ok(None) };
    stream.write_all(format!("{command}\n").as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let event = |line: io::Result<String>| serde_json::from_str(&line?).map_err(io::Error::other);
    BufReader::new(stream).lines().map(event).collect::<io::Result<_>>().map(Some)
}

fn find(project: &Project) -> Option<UnixStream> {
    let connect = |directory: &Path| {
        let mut places = places(&project.target_directory, directory).into_iter();
        places.find_map(|path| UnixStream::connect(path).ok())
    };
    let around = project.directory.ancestors().take_while(|directory| directory.starts_with(&project.root));
    if let Some(stream) = around.into_iter().find_map(connect) {
        return Some(stream);
    }
    let mut inside = project.packages.iter().filter_map(|package| connect(package.directory()));
    let only = inside.next()?;
    inside.next().is_none().then_some(only)
}

/// Where the door of the project in `directory` may be, the preferred place first.
fn places(target_directory: &Path, directory: &Path) -> Vec<PathBuf> {
    let name = |parts: &[&Path]| format!("{:016x}.sock", hash(parts));
    let preferred = target_directory.join("shrine-doors").join(name(&[directory]));
    let user = rustix::process::getuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let shared = runtime.unwrap_or_else(std::env::temp_dir).join(format!("shrine-{user}"));
    let fallback = shared.join(name(&[target_directory, directory]));
    let fits = |path: &PathBuf| path.as_os_str().len() <= PATH_LIMIT;
    [preferred, fallback].into_iter().filter(fits).collect()
}

/// FNV-1a of 64 bits (Fowler, Noll and Vo): the same in every build, as two processes must agree on it.
fn hash(parts: &[&Path]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.as_os_str().as_encoded_bytes().iter().chain(&[0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// None when somebody listens there already.
fn listen(path: &Path) -> io::Result<Option<UnixListener>> {
    let folder = path.parent().unwrap_or(path);
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // In a folder that all may write to, somebody else may have made it first.
    if fs::symlink_metadata(folder)?.uid() != rustix::process::getuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    remove_those_of_the_dead(folder);
    match UnixListener::bind(path) {
        Ok(listener) => {
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
            Ok(Some(listener))
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes the sockets that nobody listens at any more: their watch was killed.
fn remove_those_of_the_dead(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_socket = path.extension().is_some_and(|extension| extension == "sock");
        let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if is_socket && UnixStream::connect(&path).is_err_and(refused) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Answers everybody who comes, until the watch ends.
fn welcome(listener: &UnixListener, send: &Sender<Message>) {
    for stream in listener.incoming().flatten() {
        let send = send.clone();
        // A visitor who goes before the answer is no concern of the watch.
        std::thread::spawn(move || drop(serve(&stream, &send)));
    }
}

fn serve(stream: &UnixStream, send: &Sender<Message>) -> io::Result<()> {
    let mut lines = BufReader::new(stream);
    let mut json = Json::new(stream);
    loop {
        let mut line = Vec::new();
        if (&mut lines).take(LINE_LIMIT).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let (reply, events) = mpsc::channel();
        if send.send(Message::Asked { line, reply }).is_err() {
            return Ok(());
        }
        for event in events {
            json.event(&event)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrine::event::Event;

    fn project(target: &Path, directory: &Path) -> Project {
        Project {
            root: directory.to_owned(),
            directory: directory.to_owned(),
            target_directory: target.to_owned(),
            ..Project::default()
        }
    }

    /// A watch that answers each command with its own text as an error.
    fn watch(project: &Project) -> Door {
        let (send, messages) = mpsc::channel();
        std::thread::spawn(move || {
            for message in messages {
                let Message::Asked { line, reply } = message else { continue };
                let reason = line.trim().to_owned();
                drop(reply.send(Event::Error { command: String::new(), reason, help: None }));
            }
        });
        Door::open(project, send).unwrap().unwrap()
    }

    #[test]
    fn a_command_goes_in_and_its_events_come_out() {
        let target = tempfile::tempdir().unwrap();
        let project = project(target.path(), Path::new("/p"));
        assert!(ask(&project, "state").unwrap().is_none(), "nobody is there");
        let door = watch(&project);
        let events = ask(&project, "state a").unwrap().unwrap();
        assert_eq!((events.len(), events[0]["reason"].as_str()), (1, Some("state a")));
        assert_eq!(fs::metadata(&door.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Door::open(&project, mpsc::channel().0).unwrap().is_none(), "one watch has the door");
        drop(door);
        assert!(ask(&project, "state").unwrap().is_none());
    }

    #[test]
    fn a_path_that_is_too_long_for_a_socket_has_another_place() {
        let target = PathBuf::from(format!("/{}", "deep/".repeat(30)));
        let [only] = &places(&target, Path::new("/p"))[..] else { panic!("one place is left") };
        assert!(only.as_os_str().len() <= PATH_LIMIT && !only.starts_with(&target), "{}", only.display());
        assert_ne!(only, &places(&target, Path::new("/q"))[0]);
    }

    #[test]
    fn what_a_killed_watch_has_left_is_replaced() {
        let target = tempfile::tempdir().unwrap();
        let project = project(target.path(), Path::new("/p"));
        let places = places(target.path(), Path::new("/p"));
        fs::create_dir_all(places[0].parent().unwrap()).unwrap();
        let stale = places[0].with_file_name("0.sock");
        for path in [&places[0], &stale] {
            drop(UnixListener::bind(path).unwrap());
        }
        let _door = watch(&project);
        assert!(ask(&project, "state").unwrap().is_some());
        assert!(!stale.exists());
    }

    #[test]
    fn a_member_of_a_workspace_is_found_from_both_sides() {
        let target = tempfile::tempdir().unwrap();
        let package = crate::build::Package { manifest: "/p/a/Cargo.toml".into(), ..Default::default() };
        let whole = Project { packages: vec![package], ..project(target.path(), Path::new("/p")) };
        let member = Project { directory: "/p/a".into(), ..whole.clone() };
        for (watched, asked) in [(&whole, &member), (&member, &whole)] {
            let _door = watch(watched);
            assert!(ask(asked, "state").unwrap().is_some());
        }
    }
}

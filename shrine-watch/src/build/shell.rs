//! Scripts of ours that others run.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Appends a word so that a shell takes it as it is.
pub(super) fn push_quoted(script: &mut Vec<u8>, word: &OsStr) {
    script.push(b'\'');
    for byte in word.as_bytes() {
        // A quote ends the quoted text, stands by itself, and begins it again.
        script.extend_from_slice(if *byte == b'\'' { br"'\''" } else { std::slice::from_ref(byte) });
    }
    script.push(b'\'');
}

/// Puts a script into its place, unless it is there: one that is as it should be is left alone.
pub(super) fn install(path: &Path, text: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    let draft = directory.join(format!("draft-{}", std::process::id()));
    fs::write(&draft, text)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755))?;
    fs::rename(&draft, path)
}

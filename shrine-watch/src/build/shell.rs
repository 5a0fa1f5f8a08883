//! Scripts of ours that others run.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

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
///
/// It is a shell that writes it. What this process has open for writing cannot be run, and whatever another thread starts at
/// that moment has it open as well.
pub(super) fn install(path: &Path, text: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    let draft = directory.join(format!("draft-{}", std::process::id()));
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "cat >\"$0\" && chmod 755 \"$0\""]).arg(&draft).stdin(Stdio::piped());
    let mut shell = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let written = shell.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(text));
    if !shell.wait()?.success() {
        return Err(written
            .err()
            .unwrap_or_else(|| io::Error::other(format!("`{}` cannot be written", draft.display()))));
    }
    fs::rename(&draft, path)
}

//! Brings files to what they should be, as editors and tools do it.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::random::Random;
use crate::tree::{Content, Files};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// In its place.
    Plain,
    /// Emptied, then written in two parts.
    Truncate,
    /// Another file takes its place.
    Rename,
    /// The same, with the time at which that content was there before: `cp -p`, `mv`.
    OldTime,
    /// Removed, then made again.
    Recreate,
}

const STYLES: [Style; 5] = [Style::Plain, Style::Truncate, Style::Rename, Style::OldTime, Style::Recreate];

/// Older than anything that was built.
const LONG_AGO: Duration = Duration::from_secs(1_000_000_000);

/// The files below a folder, which nobody else writes to.
pub(crate) struct Disk {
    root: PathBuf,
    files: Files,
    /// When each content of a file was written first.
    times: BTreeMap<(String, Content), SystemTime>,
}

/// What was written: the path, and how.
pub(crate) type Written = Vec<(String, String)>;

impl Disk {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), files: Files::new(), times: BTreeMap::new() }
    }

    /// Makes the files what they should be.
    pub(crate) fn update(&mut self, files: &Files, random: &mut Random) -> io::Result<Written> {
        let mut written = Written::new();
        let gone: Vec<_> = self.files.keys().filter(|path| !files.contains_key(*path)).cloned().collect();
        // Somebody who moves a file makes the new one before the old one goes, or after.
        let is_gone_first = random.percent(50);
        if is_gone_first {
            self.remove(&gone, &mut written)?;
        }
        let mut changed: Vec<_> =
            files.iter().filter(|(path, content)| self.files.get(*path) != Some(*content)).collect();
        random.shuffle(&mut changed);
        for (path, content) in changed {
            let style = random.pick(&STYLES);
            self.write(path, content, style)?;
            written.push((path.clone(), format!("{style:?}")));
        }
        if !is_gone_first {
            self.remove(&gone, &mut written)?;
        }
        self.files.clone_from(files);
        Ok(written)
    }

    /// Does something to a file that leaves its content as it is.
    pub(crate) fn disturb(&mut self, random: &mut Random) -> io::Result<Written> {
        let texts: Vec<_> =
            self.files.iter().filter(|(_, content)| matches!(content, Content::Text(_))).collect();
        let (path, content) = random.pick(&texts);
        let (path, content) = (path.clone(), content.clone());
        if random.percent(50) {
            let file = File::options().append(true).open(self.root.join(&path))?;
            file.set_times(FileTimes::new().set_modified(SystemTime::now()))?;
            return Ok(vec![(path, "touched".to_owned())]);
        }
        let style = random.pick(&STYLES);
        self.write(&path, &content, style)?;
        Ok(vec![(path, format!("{style:?} of what it was"))])
    }

    /// Takes a folder away with all that is in it. The next update puts it back.
    pub(crate) fn without_folder(&mut self, folder: &str) -> io::Result<Written> {
        fs::remove_dir_all(self.root.join(folder))?;
        let is_below = |path: &str| path.starts_with(folder);
        let gone: Vec<_> = self.files.keys().filter(|path| is_below(path)).cloned().collect();
        self.files.retain(|path, _| !is_below(path));
        Ok(gone.into_iter().map(|path| (path, "removed with its folder".to_owned())).collect())
    }

    fn remove(&self, paths: &[String], written: &mut Written) -> io::Result<()> {
        for path in paths {
            let file = self.root.join(path);
            fs::remove_file(&file)?;
            // Folders that have lost their last file.
            for folder in file.ancestors().skip(1) {
                if folder == self.root || fs::remove_dir(folder).is_err() {
                    break;
                }
            }
            written.push((path.clone(), "removed".to_owned()));
        }
        Ok(())
    }

    fn write(&mut self, path: &str, content: &Content, style: Style) -> io::Result<()> {
        let file = self.root.join(path);
        let folder = file.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let beside = folder.join(".being-written~");
        let text = match content {
            Content::Text(text) => text.as_bytes(),
            Content::Link(to) => {
                symlink(to, &beside)?;
                return fs::rename(&beside, &file);
            }
        };
        // A link that becomes a file would be written through.
        if fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_symlink()) {
            fs::remove_file(&file)?;
        }
        let known = (path.to_owned(), content.clone());
        match style {
            Style::Plain => fs::write(&file, text)?,
            Style::Truncate => {
                let mut open = File::create(&file)?;
                let (first, second) = text.split_at(text.len() / 2);
                open.write_all(first)?;
                open.write_all(second)?;
            }
            Style::Rename => {
                fs::write(&beside, text)?;
                fs::rename(&beside, &file)?;
            }
            Style::OldTime => {
                fs::write(&beside, text)?;
                let time = self.times.get(&known).copied().unwrap_or(SystemTime::UNIX_EPOCH + LONG_AGO);
                File::options().append(true).open(&beside)?.set_times(FileTimes::new().set_modified(time))?;
                fs::rename(&beside, &file)?;
            }
            Style::Recreate => {
                if file.exists() {
                    fs::remove_file(&file)?;
                }
                fs::write(&file, text)?;
            }
        }
        let time = fs::metadata(&file)?.modified()?;
        self.times.entry(known).or_insert(time);
        Ok(())
    }
}

/// Writes files where none are.
pub(crate) fn write_all(root: &Path, files: &Files) -> io::Result<()> {
    for (path, content) in files {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap_or(root))?;
        match content {
            Content::Text(text) => fs::write(&file, text)?,
            Content::Link(to) => symlink(to, &file)?,
        }
    }
    Ok(())
}

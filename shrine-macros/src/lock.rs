//! `shrine.lock`: the shapes of released versions, which no edit may change any more.
//!
//! It lies beside the `Cargo.toml` of the crate. Where it is not, nothing is released. The macros only read it.

use std::path::Path;
use std::sync::Mutex;
use std::{env, fs};

use proc_macro2::Span;

use crate::errors::Errors;

mod differences;
mod hold;
mod read;
#[cfg(test)]
mod tests;

pub(crate) use differences::canonical;
pub(crate) use hold::{Known, hold};
pub(crate) use read::Kind;
use read::Release;

/// The name of the file.
const FILE: &str = "shrine.lock";

/// The lock of a crate, as text.
#[derive(Default)]
pub(crate) struct Lock {
    /// Where it lies, for the compiler to notice when it changes.
    path: Option<String>,
    text: String,
}

impl Lock {
    /// The lock of the crate that is compiled; empty if it has none.
    pub(crate) fn of_this_crate() -> Self {
        let Ok(folder) = env::var("CARGO_MANIFEST_DIR") else { return Self::default() };
        let path = Path::new(&folder).join(FILE);
        match (fs::read_to_string(&path), path.to_str()) {
            (Ok(text), Some(path)) => Self { path: Some(path.to_owned()), text },
            _ => Self::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> Self {
        Self { path: None, text: text.to_owned() }
    }

    /// What was released of a widget or a type.
    pub(crate) fn history(&self, kind: Kind, name: &str, errors: &Errors) -> History {
        let releases = read::releases(&self.text, kind, name).unwrap_or_else(|reason| {
            self.malformed(&reason, errors);
            Vec::new()
        });
        History { path: self.path.clone(), releases }
    }

    /// Reports a lock that cannot be read, once for each that there is: every widget of the crate reads it.
    fn malformed(&self, reason: &str, errors: &Errors) {
        static REPORTED: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let Ok(mut reported) = REPORTED.lock() else { return };
        if reported.contains(&self.text) {
            return;
        }
        reported.push(self.text.clone());
        let message = format!("`{FILE}` cannot be read: {reason}");
        let help = "take it back to what was committed; `cargo shrine release` writes it";
        errors.report_at(Span::call_site(), message, help);
    }
}

/// The released versions of one widget or type, newest first.
#[derive(Default)]
pub(crate) struct History {
    path: Option<String>,
    releases: Vec<Release>,
}

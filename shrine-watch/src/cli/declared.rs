//! Where widgets are declared.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shrine::abi::handle::Module;
use shrine::state::lock;
use shrine::state::shape::Shape;

use crate::build::Package;
use crate::bump::source::{self, Place, Target};
use crate::error::Error;
use crate::survey::Surveyed;

/// A crate that may declare a widget.
pub(super) struct Crate {
    pub(super) package: Package,
    /// Its source files.
    sources: BTreeSet<PathBuf>,
    /// Its widgets, if it compiles.
    widgets: Vec<Arc<Module>>,
}

/// A declaration.
pub(super) struct Found {
    pub(super) of: Crate,
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) place: Place,
}

impl Crate {
    pub(super) fn of(Surveyed { package, sources, widgets }: Surveyed) -> Self {
        let is_source = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
        Self { package, sources: sources.into_iter().filter(is_source).collect(), widgets }
    }

    /// A crate of which nothing but its files is known.
    pub(super) fn unbuilt(package: &Package) -> Self {
        let mut sources = BTreeSet::new();
        collect(package.library.parent().unwrap_or(package.directory()), &mut sources);
        Self { package: package.clone(), sources, widgets: Vec::new() }
    }

    /// The declarations of a widget or a nested type, with their files.
    pub(super) fn declarations(&self, target: Target<'_>) -> Vec<(PathBuf, String, Place)> {
        let mut found = Vec::new();
        for path in &self.sources {
            // A file that is no Rust or not there is the compiler's business.
            let Ok(text) = fs::read_to_string(path) else { continue };
            let module = self.module_of(path);
            let places = source::find(&text, target).unwrap_or_default();
            found.extend(places.into_iter().map(|mut place| {
                place.module.splice(..0, module.iter().cloned());
                (path.clone(), text.clone(), place)
            }));
        }
        found
    }

    /// The module that a file is, as files lie where nobody says otherwise.
    fn module_of(&self, path: &Path) -> Vec<String> {
        let root = self.package.library.parent().unwrap_or(self.package.directory());
        let within = path.strip_prefix(root).unwrap_or(path).with_extension("");
        let mut module: Vec<_> =
            within.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        if path == self.package.library || module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        module
    }

    /// The nested types of the crate; those that share a name are left out.
    pub(super) fn nested(&self) -> Vec<(PathBuf, String, Place)> {
        let mut nested = self.declarations(Target::AnyNested);
        let names: Vec<_> = nested.iter().map(|(_, _, place)| place.name.clone()).collect();
        nested.retain(|(_, _, place)| names.iter().filter(|name| **name == place.name).count() == 1);
        nested
    }

    /// The shape that a widget or a nested type has now, as the code says.
    pub(super) fn shape(&self, name: &str) -> Option<Shape> {
        let heads = || self.widgets.iter().filter_map(|module| Some((module, module.versions().first()?)));
        if let Some((_, head)) = heads().find(|(module, _)| module.id() == name) {
            return Some(head.shape.clone());
        }
        let mut nested = heads().flat_map(|(_, head)| lock::nested(&head.shape));
        nested.find(|nested| nested.name == name).map(|nested| nested.shape.clone())
    }

    /// The ids of its widgets.
    pub(super) fn widgets(&self) -> impl Iterator<Item = &str> {
        self.widgets.iter().map(|module| module.id())
    }
}

/// The source files below a directory.
fn collect(directory: &Path, sources: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.insert(path);
        }
    }
}

/// The one declaration of the widget or the nested type.
pub(super) fn find(crates: Vec<Crate>, name: &str) -> Result<Found, Error> {
    let mut found = Vec::new();
    for (index, of) in crates.iter().enumerate() {
        for target in [Target::Widget(name), Target::Nested(name)] {
            let declared = of.declarations(target).into_iter();
            found.extend(declared.map(|(path, text, place)| (index, path, text, place)));
        }
    }
    let usage = |reason: String, help: String| Err(Error::Usage { reason, help });
    if found.len() > 1 {
        let files: Vec<_> = found.iter().map(|(_, path, ..)| path.display().to_string()).collect();
        return usage(
            format!("`{name}` is declared {} times", files.len()),
            format!("raise the version by hand, in {}", files.join(" and ")),
        );
    }
    let Some((index, path, text, place)) = found.pop() else {
        let ids = crates.iter().flat_map(|of| &of.widgets).map(|module| format!("`{}`", module.id()));
        let ids: Vec<_> = ids.collect();
        let known = if ids.is_empty() { String::new() } else { format!("; there is {}", ids.join(", ")) };
        return usage(
            format!("no source file declares `{name}`"),
            format!("name the `id` of a `#[widget]`, or a type with `#[state]`{known}"),
        );
    };
    match crates.into_iter().nth(index) {
        Some(of) => Ok(Found { of, path, text, place }),
        None => usage(format!("no crate declares `{name}`"), String::new()),
    }
}

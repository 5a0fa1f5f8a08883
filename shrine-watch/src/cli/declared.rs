//! Where widgets are declared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shrine::abi::handle::Module;
use shrine::state::lock;
use shrine::state::shape::Shape;

use crate::build::Package;
use crate::build::project::Library;
use crate::bump::outline::Crates;
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

/// A declaration in its file.
pub(super) type Declared = (PathBuf, String, Place);

/// Nested types.
pub(super) struct Nested {
    /// Those that are known by their names.
    pub(super) types: Vec<Declared>,
    /// The files of those of which it is not known which one is meant.
    pub(super) ambiguous: BTreeMap<String, Vec<PathBuf>>,
}

/// A declaration.
pub(super) struct Found<'a> {
    pub(super) of: &'a Crate,
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) place: Place,
}

impl Crate {
    pub(super) fn of(Surveyed { package, sources, widgets }: Surveyed) -> Self {
        let is_source = |path: &PathBuf| {
            path.extension().is_some_and(|extension| extension == "rs")
                && library_of(&package, path).is_some()
        };
        let sources = sources.into_iter().filter(is_source).collect();
        Self { package, sources, widgets }
    }

    /// A crate of which nothing but its files is known.
    pub(super) fn unbuilt(package: &Package) -> Self {
        let mut sources = BTreeSet::new();
        for library in libraries(package) {
            collect(library.root.parent().unwrap_or(&library.directory), &mut sources);
        }
        Self { package: package.clone(), sources, widgets: Vec::new() }
    }

    /// The declarations of a widget or a nested type, with their files.
    pub(super) fn declarations(&self, target: Target<'_>) -> Vec<Declared> {
        let mut found = Vec::new();
        for (path, text, library) in self.files() {
            let module = module_of(library, path);
            let places = source::find(&text, target).unwrap_or_default();
            found.extend(places.into_iter().map(|mut place| {
                place.module.splice(..0, module.iter().cloned());
                place.home.clone_from(&library.directory);
                (path.clone(), text.clone(), place)
            }));
        }
        found
    }

    /// The source files. One that is no Rust or not there is the compiler's business.
    fn files(&self) -> impl Iterator<Item = (&PathBuf, String, &Library)> {
        self.sources
            .iter()
            .filter_map(|path| Some((path, fs::read_to_string(path).ok()?, library_of(&self.package, path)?)))
    }

    /// How the crate and those that it is built from name each other's types.
    pub(super) fn crates(&self) -> Crates {
        let mut crates = Crates::default();
        for (path, text, library) in self.files() {
            let outline = crates.outlines.entry(library.directory.clone()).or_default();
            outline.read(&text, &module_of(library, path));
        }
        for library in libraries(&self.package) {
            crates.packages.insert(library.directory.clone(), library.package.clone());
            let called = library.calls.iter();
            let called = called.map(|(of, name)| ((library.directory.clone(), of.clone()), name.clone()));
            crates.calls.extend(called);
        }
        crates
    }

    /// The nested types that the crate can mean. Its own come before those of others.
    pub(super) fn nested(&self) -> Nested {
        let mut by_name: BTreeMap<String, Vec<Declared>> = BTreeMap::new();
        for found in self.declarations(Target::AnyNested) {
            by_name.entry(found.2.name.clone()).or_default().push(found);
        }
        let (mut types, mut ambiguous) = (Vec::new(), BTreeMap::new());
        for (name, mut found) in by_name {
            if found.iter().any(|(_, _, place)| place.home == self.package.directory()) {
                found.retain(|(_, _, place)| place.home == self.package.directory());
            }
            match found.len() {
                1 => types.append(&mut found),
                _ => {
                    ambiguous.insert(name, found.into_iter().map(|(path, ..)| path).collect());
                }
            }
        }
        Nested { types, ambiguous }
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

/// The libraries whose sources may be edited: shrine's own are not the user's, wherever they lie.
fn libraries(package: &Package) -> impl Iterator<Item = &Library> {
    package.libraries.iter().filter(|library| library.package != "shrine")
}

/// The library that a file belongs to.
fn library_of<'a>(package: &'a Package, path: &Path) -> Option<&'a Library> {
    let around = package.libraries.iter().filter(|library| path.starts_with(&library.directory));
    let innermost = around.max_by_key(|library| library.directory.components().count());
    innermost.filter(|library| library.package != "shrine")
}

/// The module that a file is, as files lie where nobody says otherwise.
fn module_of(library: &Library, path: &Path) -> Vec<String> {
    let root = library.root.parent().unwrap_or(&library.directory);
    let within = path.strip_prefix(root).unwrap_or(path).with_extension("");
    let mut module: Vec<_> =
        within.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if path == library.root || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
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

/// The one declaration of the widget or the nested type. What several crates share is found by way of the first, and before
/// that by way of the one that it is in.
pub(super) fn find<'a>(crates: &'a [Crate], name: &str) -> Result<Found<'a>, Error> {
    let mut found: Vec<Found<'_>> = Vec::new();
    for of in crates {
        for target in [Target::Widget(name), Target::Nested(name)] {
            for (path, text, place) in of.declarations(target) {
                let is_own = place.home == of.package.directory();
                let known = found.iter_mut().find(|found| found.path == path && found.place == place);
                match known {
                    Some(known) if is_own => known.of = of,
                    Some(_) => {}
                    None => found.push(Found { of, path, text, place }),
                }
            }
        }
    }
    let usage = |reason: String, help: String| Err(Error::Usage { reason, help });
    if found.len() > 1 {
        let files: Vec<_> = found.iter().map(|found| found.path.display().to_string()).collect();
        return usage(
            format!("`{name}` is declared {} times", files.len()),
            format!("name the crate with `-p`, or raise the version by hand, in {}", files.join(" or ")),
        );
    }
    if let Some(found) = found.pop() {
        return Ok(found);
    }
    let modules = || crates.iter().flat_map(|of| of.widgets.iter().map(move |module| (of, module)));
    if let Some((of, module)) = modules().find(|(_, module)| module.id() == name) {
        return usage(
            format!(
                "`{name}` is a widget of `{}`, but no source file says `#[widget(id = \"{name}\", ..)]`: a macro \
                 or `cfg_attr` writes it",
                of.package.name
            ),
            format!(
                "where that is written, raise the version {} and add `#[migrate(from = \"{}\", ..)]`",
                module.version(),
                module.version()
            ),
        );
    }
    let ids: Vec<_> = modules().map(|(_, module)| format!("`{}`", module.id())).collect();
    let known = if ids.is_empty() { String::new() } else { format!("; there is {}", ids.join(", ")) };
    usage(
        format!("no source file declares `{name}`"),
        format!("name the `id` of a `#[widget]`, or a type with `#[state]`{known}"),
    )
}

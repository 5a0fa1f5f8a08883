//! `cargo shrine new`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::Error;
use crate::exit::ExitCode;

/// Make a widget crate that `cargo shrine watch` can run at once.
#[derive(Debug, Args)]
pub struct NewArguments {
    /// The directory to make. Its last part is the name of the crate.
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// Depend on the `shrine` in this directory.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "shrine_git")]
    shrine_path: Option<PathBuf>,
    /// Depend on the `shrine` in this git repository.
    #[arg(long, value_name = "URL")]
    shrine_git: Option<String>,
}

/// Where the `shrine` lies that this program was built with.
const BUILT_WITH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shrine");

/// Runs the command.
pub(super) fn run(arguments: &NewArguments) -> ExitCode {
    match create(arguments) {
        Ok(created) => {
            eprint!("{created}");
            ExitCode::Success
        }
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(help) = error.help() {
                eprintln!("help: {help}");
            }
            error.exit_code()
        }
    }
}

/// Makes the crate and answers with what to tell the user.
fn create(arguments: &NewArguments) -> Result<String, Error> {
    let path = &arguments.path;
    let name = crate_name(path)?;
    let dependency = dependency(arguments)?;
    if path.exists() {
        return Err(usage(
            format!("`{}` exists already", path.display()),
            "choose another name, or remove it",
        ));
    }
    let absolute =
        std::path::absolute(path).map_err(|error| Error::io(format!("find `{}`", path.display()), error))?;
    let workspace =
        absolute.ancestors().skip(1).map(|above| above.join("Cargo.toml")).find(|file| is_workspace(file));
    let own_workspace =
        if workspace.is_none() { "\n# It is not part of another workspace.\n[workspace]\n" } else { "" };
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\nshrine = {dependency}\n{own_workspace}"
    );
    write(&path.join("Cargo.toml"), &manifest)?;
    write(&path.join(".gitignore"), "/target\n")?;
    write(&path.join("src/lib.rs"), &source(&name))?;
    Ok(next_steps(path, workspace.as_deref(), &absolute))
}

fn next_steps(path: &Path, workspace: Option<&Path>, absolute: &Path) -> String {
    let shown = path.display();
    let first = workspace.and_then(Path::parent).map_or_else(String::new, |root| {
        let member = absolute.strip_prefix(root).unwrap_or(absolute).display();
        let manifest = root.join("Cargo.toml");
        format!(
            "  add \"{member}\" to `members` in {}, unless a pattern there covers it\n",
            manifest.display()
        )
    });
    let source = path.join("src/lib.rs");
    format!(
        "made `{shown}`, a crate with one widget\nnext:\n{first}  cargo shrine watch {shown}\nthen edit {}\n",
        source.display()
    )
}

/// The name of the crate: what cargo takes as one, and Rust as an identifier.
fn crate_name(path: &Path) -> Result<String, Error> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let wrong = |why: &str| {
        let help = "use letters, digits, `-` and `_`, and a letter first, as in `egg-timer`";
        Err(usage(format!("`{name}` cannot be the name of a crate: {why}"), help))
    };
    let is_known =
        |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    if let Some(character) = name.chars().find(|character| !is_known(*character)) {
        return wrong(&format!("it contains `{character}`"));
    }
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return wrong("it does not begin with a letter");
    }
    if ["shrine", "std", "core", "alloc", "test", "proc_macro", "proc-macro"].contains(&name.as_str())
        || is_keyword(&name)
    {
        return wrong("the name is taken");
    }
    Ok(name)
}

pub(crate) fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final \
        fn for gen if impl in let loop macro match mod move mut override priv pub ref return self static struct super trait \
        true try type typeof unsafe unsized use virtual where while yield";
    KEYWORDS.split_whitespace().any(|keyword| keyword == name)
}

/// What stands behind `shrine = ` in the manifest. What crates.io has under this name is something else.
fn dependency(arguments: &NewArguments) -> Result<String, Error> {
    let quoted = |text: &str| toml_string(text);
    if let Some(url) = &arguments.shrine_git {
        return Ok(format!("{{ git = {} }}", quoted(url)));
    }
    let path = arguments.shrine_path.clone().unwrap_or_else(|| BUILT_WITH.into());
    match path.canonicalize() {
        Ok(path) if path.join("Cargo.toml").is_file() => {
            Ok(format!("{{ path = {} }}", quoted(&path.to_string_lossy())))
        }
        _ => Err(usage(
            format!("there is no `shrine` in `{}`", path.display()),
            "say where it is: `--shrine-path DIRECTORY` or `--shrine-git URL`",
        )),
    }
}

fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn is_workspace(manifest: &Path) -> bool {
    let text = fs::read_to_string(manifest).unwrap_or_default();
    text.lines().any(|line| line.trim_start().starts_with("[workspace"))
}

fn source(name: &str) -> String {
    let id = name.replace('_', "-");
    let mut type_name = String::new();
    for word in id.split('-').filter(|word| !word.is_empty()) {
        let (first, rest) = word.split_at(1);
        type_name.push_str(&first.to_ascii_uppercase());
        type_name.push_str(rest);
    }
    include_str!("new/lib.rs.in").replace("@ID@", &id.to_lowercase()).replace("@TYPE@", &type_name)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let make = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, text)
    };
    make().map_err(|error| Error::io(format!("write `{}`", path.display()), error))
}

fn usage(reason: String, help: &str) -> Error {
    Error::Usage { reason, help: help.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(path: &Path) -> NewArguments {
        NewArguments { path: path.to_owned(), shrine_path: Some(BUILT_WITH.into()), shrine_git: None }
    }

    #[test]
    fn makes_a_crate_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/egg-timer");
        let told = create(&arguments(&path)).unwrap();
        assert!(told.contains("cargo shrine watch "), "{told}");
        let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("name = \"egg-timer\"") && manifest.contains("[workspace]"), "{manifest}");
        let source = fs::read_to_string(path.join("src/lib.rs")).unwrap();
        assert!(source.contains("pub struct EggTimer") && source.contains("id = \"egg-timer\""), "{source}");
    }

    #[test]
    fn inside_a_workspace_it_says_what_to_add() {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
        let path = root.path().join("widgets/timer");
        let told = create(&arguments(&path)).unwrap();
        assert!(told.contains("add \"widgets/timer\" to `members`"), "{told}");
        assert!(!fs::read_to_string(path.join("Cargo.toml")).unwrap().contains("[workspace]"));
    }

    #[test]
    fn what_is_there_is_not_touched() {
        let root = tempfile::tempdir().unwrap();
        let error = create(&arguments(root.path().join("x/..").as_path())).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Usage);
        let path = root.path().join("timer");
        fs::create_dir(&path).unwrap();
        assert!(create(&arguments(&path)).unwrap_err().to_string().contains("exists already"));
    }

    #[test]
    fn names_that_cargo_would_refuse_are_refused_with_the_reason() {
        for name in ["1st", "a b", "über", "", "fn", "shrine", "a.b", "-x"] {
            assert!(crate_name(Path::new(name)).is_err(), "{name}");
        }
        assert_eq!(crate_name(Path::new("some/where/egg_timer2")).unwrap(), "egg_timer2");
    }

    #[test]
    fn a_shrine_that_is_not_there_must_be_named() {
        let root = tempfile::tempdir().unwrap();
        let arguments =
            NewArguments { shrine_path: Some(root.path().join("none")), ..arguments(&root.path().join("a")) };
        let error = create(&arguments).unwrap_err();
        assert!(error.help().unwrap().contains("--shrine-git"));
        assert!(!root.path().join("a").exists());
    }
}

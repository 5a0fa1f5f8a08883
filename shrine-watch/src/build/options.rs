//! The flags of cargo that a widget crate may need, passed on as they are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Package, Project};

/// What the user wants cargo to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Cargo"))]
pub struct CargoOptions {
    /// Watch only these packages of the workspace.
    #[cfg_attr(feature = "cli", arg(short, long = "package", value_name = "NAME"))]
    pub packages: Vec<String>,
    /// Activate these features, separated by spaces or commas.
    #[cfg_attr(feature = "cli", arg(short = 'F', long, value_name = "FEATURES"))]
    pub features: Vec<String>,
    /// Activate all features.
    #[cfg_attr(feature = "cli", arg(long))]
    pub all_features: bool,
    /// Do not activate the `default` feature.
    #[cfg_attr(feature = "cli", arg(long))]
    pub no_default_features: bool,
    /// Build with optimizations.
    #[cfg_attr(feature = "cli", arg(short, long, conflicts_with = "profile"))]
    pub release: bool,
    /// Build with this profile.
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME"))]
    pub profile: Option<String>,
    /// Build into this directory instead of `target/shrine`.
    #[cfg_attr(feature = "cli", arg(long, value_name = "DIRECTORY"))]
    pub target_dir: Option<PathBuf>,
    /// Fail if Cargo.lock would change.
    #[cfg_attr(feature = "cli", arg(long))]
    pub locked: bool,
    /// Do not use the network.
    #[cfg_attr(feature = "cli", arg(long))]
    pub offline: bool,
    /// Whether the compiler renders its messages with colours.
    #[cfg_attr(feature = "cli", arg(skip))]
    pub colour: bool,
    /// Whether every build is one by cargo, and its calls of rustc are not noted.
    #[cfg_attr(feature = "cli", arg(skip))]
    pub no_replay: bool,
    /// Whether there will be no other build after the first one.
    #[cfg_attr(feature = "cli", arg(skip))]
    pub once: bool,
    /// Whether each library has its dependencies in it, and is not linked to one that is shared.
    #[cfg_attr(feature = "cli", arg(skip))]
    pub no_sharing: bool,
}

impl CargoOptions {
    /// The flags that every cargo command takes.
    pub(super) fn common(&self) -> impl Iterator<Item = &'static str> {
        [(self.locked, "--locked"), (self.offline, "--offline")]
            .into_iter()
            .filter_map(|(on, flag)| on.then_some(flag))
    }

    /// The flags that say what is built of a package. Features go to the packages that have them, as with several
    /// packages in one call of cargo.
    pub(super) fn selection(&self, package: &Package, project: &Project) -> Vec<String> {
        let has = |package: &Package, feature: &str| match feature.split_once('/') {
            Some((name, feature)) => {
                name == package.name && package.features.iter().any(|known| known == feature)
            }
            None => package.features.iter().any(|known| known == feature),
        };
        // What no package has, cargo is asked about: it knows why not.
        let is_anothers = |feature: &str| {
            !has(package, feature) && project.packages.iter().any(|package| has(package, feature))
        };
        let features = self.features.iter().flat_map(|list| list.split([' ', ','])).map(str::trim);
        let features = features.filter(|feature| !feature.is_empty() && !is_anothers(feature));
        let mut flags: Vec<String> =
            features.flat_map(|feature| ["--features".to_owned(), feature.to_owned()]).collect();
        let switches = [
            (self.all_features, "--all-features"),
            (self.no_default_features, "--no-default-features"),
            (self.release, "--release"),
        ];
        flags.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag.to_owned()));
        if let Some(profile) = &self.profile {
            flags.extend(["--profile".to_owned(), profile.clone()]);
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_go_to_the_packages_that_have_them() {
        let package = |name: &str, feature: &str| Package {
            name: name.to_owned(),
            features: vec![feature.to_owned()],
            ..Package::default()
        };
        let packages = vec![package("a", "fast"), package("b", "small")];
        let project = Project { packages, ..Project::default() };
        let options = CargoOptions {
            features: vec!["fast, b/small".to_owned(), "nobodys".to_owned()],
            ..CargoOptions::default()
        };
        let of = |package: usize| options.selection(&project.packages[package], &project).join(" ");
        assert_eq!(of(0), "--features fast --features nobodys");
        assert_eq!(of(1), "--features b/small --features nobodys");
    }
}

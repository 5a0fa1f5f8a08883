//! The flags of cargo that a widget crate may need, passed on as they are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
}

impl CargoOptions {
    /// The flags that every cargo command takes.
    pub(super) fn common(&self) -> impl Iterator<Item = &'static str> {
        [(self.locked, "--locked"), (self.offline, "--offline")]
            .into_iter()
            .filter_map(|(on, flag)| on.then_some(flag))
    }

    /// The flags that say what is built.
    pub(super) fn selection(&self) -> Vec<String> {
        let mut flags: Vec<String> =
            self.features.iter().flat_map(|list| ["--features".to_owned(), list.clone()]).collect();
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

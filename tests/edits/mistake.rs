//! What somebody does wrong.

/// A mistake: with it, something does not build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mistake {
    AnotherType,
    BadConfiguration,
    BadManifest,
    BothFormsOfAModule,
    BuildScriptDoesNotCompile,
    BuildScriptFails,
    DeadCode,
    DependencyNowhere,
    FeatureIsOff,
    FunctionHasMoreParameters,
    FunctionIsRenamed,
    MacroHasNoSuchArm,
    MacroPanics,
    MissingData,
    MissingDependency,
    MissingModule,
    MissingVariable,
    NameIsUnknown,
    Syntax,
    UsedAfterMove,
    WrongWhenUsed,
}

impl Mistake {
    pub(crate) const ALL: [Self; 21] = [
        Self::AnotherType,
        Self::BadConfiguration,
        Self::BadManifest,
        Self::BothFormsOfAModule,
        Self::BuildScriptDoesNotCompile,
        Self::BuildScriptFails,
        Self::DeadCode,
        Self::DependencyNowhere,
        Self::FeatureIsOff,
        Self::FunctionHasMoreParameters,
        Self::FunctionIsRenamed,
        Self::MacroHasNoSuchArm,
        Self::MacroPanics,
        Self::MissingData,
        Self::MissingDependency,
        Self::MissingModule,
        Self::MissingVariable,
        Self::NameIsUnknown,
        Self::Syntax,
        Self::UsedAfterMove,
        Self::WrongWhenUsed,
    ];

    /// The place in the templates where it is made, and what is written there.
    pub(crate) fn text(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::AnotherType => ("alpha", "pub fn oops() -> i64 { \"no\" }"),
            Self::BadConfiguration => ("config", "[env"),
            Self::BadManifest => ("root", "[profile.dev.package"),
            Self::BothFormsOfAModule => ("alpha", "mod twice;"),
            Self::BuildScriptDoesNotCompile => ("middle_build", "let _: i64 = \"no\";"),
            Self::DeadCode => ("gamma", "fn oops() {}"),
            Self::DependencyNowhere => ("beta_manifest", "edits-nowhere = { path = \"../nowhere\" }"),
            Self::FeatureIsOff => ("beta", "pub fn oops() -> i64 { edits_base::extra() }"),
            Self::MacroHasNoSuchArm => ("middle", "pub fn oops() -> i64 { edits_base::below!() }"),
            Self::MacroPanics => ("derive", "assert!(!item.is_empty() && false, \"no macro today\");"),
            Self::MissingData => ("middle", "pub const OOPS: &str = include_str!(\"nowhere.txt\");"),
            Self::MissingModule => ("alpha", "mod nowhere;"),
            Self::MissingVariable => ("alpha", "pub const OOPS: &str = env!(\"EDITS_NOWHERE\");"),
            Self::NameIsUnknown => ("base", "pub fn oops() -> i64 { nowhere }"),
            Self::Syntax => ("middle", "pub fn oops( {"),
            Self::UsedAfterMove => ("gamma", "pub fn oops(s: String) -> String { drop(s); s }"),
            // In a library for others, where all that is public is compiled; what a widget's own library does not use is not.
            Self::WrongWhenUsed => ("middle", "pub fn oops() -> i64 { edits_base::nonzero::<0>() }"),
            Self::BuildScriptFails
            | Self::FunctionHasMoreParameters
            | Self::FunctionIsRenamed
            | Self::MissingDependency => return None,
        })
    }
}

//! What can be changed about the workspace by changing a number.

/// A number in the model of the tree, and how many values it has.
pub(crate) struct Knob {
    pub(crate) name: &'static str,
    pub(crate) values: i64,
    /// Whether it is changed in short runs: some make cargo build all dependencies anew.
    pub(crate) is_cheap: bool,
}

const fn knob(name: &'static str, values: i64) -> Knob {
    Knob { name, values, is_cheap: true }
}

/// All numbers, by what somebody who makes that edit would say.
pub(crate) const KNOBS: &[Knob] = &[
    // Bodies of functions.
    knob("alpha.body", 1_000),
    knob("alpha.handler", 1_000),
    knob("base.body", 1_000),
    knob("base.extra", 1_000),
    knob("base.generic", 100),
    knob("base.inlined", 1_000),
    knob("base.loud", 100),
    knob("beta.body", 1_000),
    knob("beta.handler", 1_000),
    knob("delta.body", 1_000),
    knob("delta.handler", 1_000),
    knob("gamma.body", 1_000),
    knob("gamma.handler", 1_000),
    knob("gamma.linked", 1_000),
    knob("gamma.odd_first", 1_000),
    knob("gamma.odd_second", 1_000),
    knob("middle.body", 1_000),
    knob("middle.closure", 1_000),
    knob("middle.generic", 1_000),
    knob("middle.plus", 1_000),
    knob("outside.body", 1_000),
    knob("outside.hidden", 1_000),
    knob("shapes.default", 100),
    knob("shapes.weight", 100),
    knob("types.body", 1_000),
    // Signatures, names, types and constants; callers in other crates follow.
    knob("base.level", 12),
    knob("base.static", 1_000),
    knob("reach.form", 6),
    knob("reach.name", 20),
    knob("reach.body", 1_000),
    knob("shapes.fields", 5),
    knob("outside.type", 4),
    // The state of a widget, without a new version and with one.
    knob("alpha.fields", 4),
    knob("alpha.wide", 2),
    knob("beta.fields", 4),
    knob("types.more", 2),
    knob("types.number", 2),
    // Macros.
    knob("base.macro", 1_000),
    knob("derive.marked", 1_000),
    knob("derive.measured", 1_000),
    knob("middle.arm", 3),
    knob("middle.macro", 1_000),
    knob("outside.macro", 1_000),
    // Where modules are.
    knob("gamma.folder_target", 2),
    knob("gamma.path", 2),
    knob("shapes.folder", 2),
    // Files that are data.
    knob("alpha.bytes", 100),
    knob("alpha.text", 1_000),
    knob("gamma.lettered", 1_000),
    knob("gamma.link_target", 2),
    knob("outside.data", 1_000),
    knob("shared.first", 1_000),
    knob("shared.second", 1_000),
    // Build scripts, and what they read.
    knob("alpha.data", 1_000),
    knob("alpha.factor", 10),
    knob("middle.data", 1_000),
    knob("middle.directives", 2),
    knob("middle.factor", 10),
    // The environment.
    knob("env.build", 100),
    knob("env.maybe", 2),
    knob("env.word", 100),
    // Manifests: features, dependencies, versions, profiles, members.
    knob("alpha.patch", 10),
    knob("beta.default", 2),
    knob("beta.external", 2),
    knob("beta.extra", 2),
    knob("beta.loud", 2),
    knob("gamma.alias", 2),
    knob("gamma.outside", 2),
    knob("members.delta", 2),
    knob("outside.edition", 2),
    knob("root.assertions", 2),
    knob("root.description", 100),
    Knob { name: "build.flag", values: 2, is_cheap: false },
    // Comments: some move the lines below them, some do not.
    knob("alpha.comment", 100),
    knob("alpha.lines", 5),
    knob("base.comment", 100),
    knob("base.lines", 5),
    knob("beta.lines", 5),
    knob("gamma.lines", 5),
    knob("middle.comment", 100),
    knob("middle.lines", 5),
    // What nothing is built from.
    knob("readme.alpha", 100),
    knob("readme.middle", 100),
    knob("readme.root", 100),
];

/// The numbers whose change is noticed at once and takes a while to build: what another edit comes in the middle of.
pub(crate) const SLOW: [&str; 5] =
    ["base.body", "base.generic", "derive.measured", "middle.body", "shapes.fields"];

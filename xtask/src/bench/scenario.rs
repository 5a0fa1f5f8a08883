//! What is edited.

/// A program of widgets, and what of it is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scenario {
    /// What `--only` calls it, and folders and packages are named after.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// How many structs each widget has, its own included.
    pub(crate) structs: usize,
    pub(crate) heavy: bool,
    pub(crate) layout: Layout,
}

/// Where the widgets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One crate with one widget.
    Crate,
    /// A workspace of so many crates with a widget each; one of them is edited.
    Workspace(usize),
    /// The same, and all depend on one more crate; that one is edited.
    Shared(usize),
}

impl Scenario {
    pub(crate) const ALL: [Self; 7] = [
        Self::of("small", "one crate, a widget of 4 structs with serde derives", Layout::Crate),
        Self {
            structs: 40,
            ..Self::of("forty", "one crate, a widget of 40 structs with serde derives", Layout::Crate)
        },
        Self {
            heavy: true,
            ..Self::of(
                "heavy",
                "the small widget on tokio (full), reqwest, regex, image and chrono",
                Layout::Crate,
            )
        },
        Self::of("workspace-1", "a workspace of 1 small widget crate", Layout::Workspace(1)),
        Self::of("workspace-8", "a workspace of 8 small widget crates, one edited", Layout::Workspace(8)),
        Self::of("workspace-32", "a workspace of 32 small widget crates, one edited", Layout::Workspace(32)),
        Self::of("shared", "a crate edited that 8 small widget crates depend on", Layout::Shared(8)),
    ];

    const fn of(name: &'static str, title: &'static str, layout: Layout) -> Self {
        Self { name, title, structs: 4, heavy: false, layout }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name == name)
    }

    /// The names of its widgets, behind those of the candidate.
    pub(crate) fn widgets(&self) -> Vec<String> {
        match self.layout {
            Layout::Crate => vec!["widget".to_owned()],
            Layout::Workspace(count) | Layout::Shared(count) => {
                (0..count).map(|number| format!("w{number:02}")).collect()
            }
        }
    }
}

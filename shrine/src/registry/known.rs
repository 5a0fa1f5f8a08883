//! What a scene may speak of.

use super::Registry;
use crate::scene::{Known, KnownTransform, KnownWidget};

impl Registry {
    /// The widgets and transforms that are loaded, as a [`Scene`](crate::scene::Scene) is held against them.
    #[must_use]
    pub fn known(&self) -> Known {
        let mut known = Known::default();
        let widget =
            |loaded: &super::Loaded| (loaded.module.id().to_owned(), KnownWidget::of(&loaded.module));
        known.widgets = self.code.modules.values().map(widget).collect();
        let transforms = self.code.transforms.iter();
        known.transforms =
            transforms.map(|(name, transform)| (name.clone(), KnownTransform::of(transform))).collect();
        known
    }
}

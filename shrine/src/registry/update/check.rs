//! What can be said about new libraries without looking at any state, and the code as it would be with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Loaded;
use super::super::error::list;
use super::super::instance::Instance;
use super::transaction::{Stop, Transaction};
use crate::abi::handle::{LINKED, Module};

impl Transaction<'_> {
    /// What can be said without looking at any state.
    pub(super) fn check_libraries(&self) -> Result<(), Stop> {
        if self.libraries.is_empty() {
            return Err(Stop::Unchanged);
        }
        let mut homes = BTreeMap::new();
        for library in &self.libraries {
            if let (Some((build_id, reason)), Some(id)) =
                (self.registry.rejected.get(library.name()), library.build_id())
                && build_id == id
            {
                let reason = format!("this build was taken back before: {reason}");
                let help = "change the code; the same build is not tried again";
                return Err(self.refuse(library.name(), None, None, reason, help));
            }
            for module in library.modules() {
                let other = homes.insert(module.id(), library.name());
                let loaded = self.registry.code.modules.get(module.id());
                let is_updated = |name: &str| self.libraries.iter().any(|library| library.name() == name);
                let other = other.filter(|other| *other != library.name()).or_else(|| {
                    let home = loaded.map(|loaded| loaded.library.as_str())?;
                    (home != library.name() && home != LINKED && !is_updated(home)).then_some(home)
                });
                if let Some(other) = other {
                    let reason = format!("widget `{}` is part of `{other}` already", module.id());
                    let help = "give one of the two another id";
                    return Err(self.refuse(module.id(), None, Some(module), reason, help));
                }
            }
            for transform in library.transforms() {
                let home = self.registry.code.transform_homes.get(transform.name());
                if let Some(home) = home.filter(|home| *home != library.name() && *home != LINKED) {
                    let reason = format!("transform `{}` is part of `{home}` already", transform.name());
                    let help = "give one of the two another name";
                    return Err(self.refuse(transform.name(), None, None, reason, help));
                }
            }
        }
        let gone = self.registry.code.modules.values().filter(|loaded| {
            self.libraries.iter().any(|library| library.name() == loaded.library)
                && self.modules().all(|module| module.id() != loaded.module.id())
        });
        for loaded in gone {
            let instances = self.instances_of(&loaded.module);
            if !instances.is_empty() {
                let reason = format!("the widget is gone, and the state of {} with it", list(&instances));
                let help = format!("keep a widget with `id = \"{}\"`", loaded.module.id());
                return Err(self.refuse(loaded.module.id(), Some(&loaded.module), None, reason, &help));
            }
        }
        Ok(())
    }

    /// The code as it would be with the new libraries.
    pub(super) fn adopt_libraries(&mut self) {
        let next = &mut self.next;
        for library in &self.libraries {
            next.remove(library.name());
        }
        for library in &self.libraries {
            let name = library.name().to_owned();
            for module in library.modules() {
                next.modules.insert(module.id().to_owned(), Loaded::new(module, &name));
            }
            for transform in library.transforms() {
                next.transforms.insert(transform.name().to_owned(), Arc::clone(transform));
                next.transform_homes.insert(transform.name().to_owned(), name.clone());
            }
            next.libraries.insert(name, library.build_id().map(<[u8]>::to_vec));
        }
        next.generation = self.registry.next_generation;
    }

    fn instances_of(&self, module: &Module) -> Vec<String> {
        let of = |instance: &&Instance| instance.module().id() == module.id();
        self.registry.graph.instances.iter().filter(of).map(|instance| instance.id.clone()).collect()
    }
}

//! Hot module replacement for Rust that keeps state and connections.
//!
//! A *widget* is a struct whose instances outlive their code. `#[widget]` on the struct makes its state a versioned,
//! encodable type; `#[migrate]` below it says how older versions become this one; `#[widget]` on an `impl` block makes
//! its methods ports, timers and hooks.
//!
//! ```
//! use shrine::prelude::*;
//!
//! /// Adds up what arrives on `add`.
//! #[widget(id = "counter", version = "1.0.0")]
//! #[migrate(from = "0.9.0", rename(count => total), add(step = 1))]
//! #[derive(Debug, Clone, Default)]
//! pub struct Counter {
//!     pub total: i64,
//!     pub step: i64,
//! }
//!
//! #[widget]
//! impl Counter {
//!     #[input]
//!     fn add(&mut self, n: i64, total: &mut Output<i64>) {
//!         self.total += n * self.step;
//!         total.send(self.total);
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! # Choosing what to use
//!
//! | you want to | use |
//! |---|---|
//! | write a widget and edit it while it runs | [`widget`](macro@widget), and `cargo shrine watch` |
//! | let a thread of a widget send to its ports | [`Inbox`] |
//! | put a struct or enum of your own into a widget's state | [`state`](macro@state) |
//! | change the state of a widget that was released | [`migrate`](macro@migrate), and a higher version |
//! | run widgets in a program of your own | feature `host`: `registry::Registry` |
//! | take edits in while your program runs | `shrine_watch::Live` |
//!
//! # Features
//!
//! - `host`: what a program needs that runs widgets. A widget crate compiles without it and pulls in little.
//! - `serde`: foreign types as state, with `#[state(opaque = "name@1")]`.
//! - `fixtures`: generated states, and the laws of migrations as tests. For dev-dependencies.
//! - `proptest`: the same states as `proptest` strategies.

// What the macros write says `::shrine`, in the tests of this crate too.
#[cfg(test)]
extern crate self as shrine;

#[macro_use]
mod record;

pub mod abi;
#[cfg(feature = "host")]
pub mod event;
#[cfg(feature = "fixtures")]
pub mod fixtures;
mod inbox;
#[cfg(feature = "host")]
pub mod registry;
#[cfg(feature = "host")]
pub mod scene;
pub mod state;
pub mod transform;
mod widget;
#[cfg(feature = "host")]
pub mod words;

#[cfg(feature = "fixtures")]
pub use fixtures::migrate_from;
pub use inbox::{Inbox, SendError};
pub use shrine_macros::{migrate, state, transform, widget};
pub use state::State;
pub use state::step::{MigrateError, Step, StepContext};
pub use state::value::Value;
pub use widget::{Behaviour, BoxError, Output, UpdateContext, Widget};

/// What a widget's source begins with: `use shrine::prelude::*;`.
pub mod prelude {
    pub use crate::{BoxError, Inbox, MigrateError, Output, UpdateContext};
    // From where they are defined: `crate::state` is a module as well.
    pub use shrine_macros::{migrate, state, transform, widget};
}

/// What generated code calls. Not part of the public interface: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::abi::{Descriptor, TransformDescriptor};
    pub use crate::inbox::Inbox;
    pub use crate::state::State;
    pub use crate::state::codec::{DecodeError, Decoder, Encoder, filled};
    pub use crate::state::convert::{self, ConvertFrom};
    pub use crate::state::described::{Described, Memory, Part, Payload, shape};
    pub use crate::state::layout::{Ends, EndsPlainly, Layout};
    pub use crate::state::opaque::{Foreign, ForeignSlot};
    pub use crate::state::payload::Upgrades;
    pub use crate::state::shape::{
        EnumShape, FieldShape, Recursion, Shape, ShapeContext, StructShape, VariantShape, fingerprint,
        narrowed as fixture,
    };
    pub use crate::state::step::{
        Chain, Class, ClassContext, Fallback, HopInfo, MigrateError, NoFallback, Operation, ShortcutInfo,
        Step, StepContext, VersionInfo, again_down, again_up, becomes, checked, computed, converted,
        operation, same_text, tried,
    };
    pub use crate::state::{nothing, to_bytes};
    pub use crate::transform::{Fails, PayloadInfo, Transform};
    pub use crate::widget::{
        Behaviour, BoxError, Interface, Outbox, Outcome, PortInfo, TimerInfo, UpdateContext, Widget,
    };
    pub use std;

    /// A text; `String::from` needs a trait that the user's module may have another one of that name of.
    #[must_use]
    pub fn text(text: &str) -> String {
        text.to_owned()
    }
}

/// The examples of the README, compiled.
#[cfg(all(doctest, feature = "host"))]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The examples of the guide to migrations, compiled and run.
#[cfg(all(doctest, feature = "fixtures", feature = "serde"))]
#[doc = include_str!("../../docs/migrations.md")]
struct MigrationsGuide;

/// The examples of the guide to the live graph, compiled and run.
#[cfg(all(doctest, feature = "host"))]
#[doc = include_str!("../../docs/live.md")]
struct LiveGuide;

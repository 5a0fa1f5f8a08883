//! The attribute macros of shrine: `#[widget]`, `#[state]`, `#[migrate]` and `#[transform]`.
//!
//! Each macro goes through the same stages: *parse* reads tokens, *model* says what was meant, *check* finds what
//! cannot work, *expand* writes code. Every stage reports to one collector (`errors.rs`), so that one compile shows
//! all mistakes; and whatever goes wrong, the item that the user wrote comes out unchanged, with as many
//! implementations as could be made, so that one mistake gives one error.
//!
//! This crate is used through `shrine`, which re-exports the macros.

use proc_macro::TokenStream;

use lock::Lock;

/// `quote!` for generated code: local names cannot meet the user's, and lints know whose code it is.
macro_rules! generated {
    ($($tokens:tt)*) => { quote::quote_spanned! { proc_macro2::Span::mixed_site() => $($tokens)* } };
}

mod attributes;
mod errors;
mod hash;
mod lock;
mod migrate;
mod names;
#[cfg(test)]
mod snapshots;
mod state;
mod transform;
mod unreadable;
mod version;
mod widget;

/// Declares a widget: on a struct its state, on an `impl` block its behaviour.
///
/// # On a struct
///
/// `#[widget(id = "counter", version = "1.0.0")]`: both options are required. The id consists of `a` to `z`, `0` to
/// `9`, `_`, `.` and `-` and begins with a letter; the version is semver without build metadata. The struct has named
/// fields whose types implement `State`, no generics, and implements `Default` and `Send`.
///
/// `#[migrate]` below it describes how state of older versions becomes state of this one. A field marked
/// `#[state(transient)]` is not part of the state: it is rebuilt by `Default`. A field marked `#[state(recursive)]`
/// leads back to this type through another one. A field marked `#[state(opaque = "uuid@1")]` is of a foreign type that
/// implements serde's traits; it needs the feature `serde` of shrine.
///
/// Write `#[widget]` above `#[derive]`: the types of older versions get the derives that it sees.
///
/// # Released versions
///
/// If a file `shrine.lock` lies beside the `Cargo.toml` of the crate, the versions that it lists for this id are held to
/// the shape that they were released with: an edit that changes one of them, also through a nested type, is an error, and
/// so is a listed version that no hop leads from. The same goes for types with `#[state(version = "..")]`, by their name.
/// With `SHRINE_DEV` set, as the watcher does, shapes may change freely.
///
/// # On an `impl` block
///
/// `#[widget]` without options. Methods with these attributes are called by the host; all others are left alone.
///
/// | attribute | signature | meaning |
/// |---|---|---|
/// | `#[input]` | `fn name(&mut self, message: T, out: &mut Output<U>, ..)` | the input port `name` |
/// | `#[every("1s")]` | `fn name(&mut self, out: &mut Output<U>, ..)` | a timer; `us`, `ms`, `s`, `m`, `h` |
/// | `#[view]` | `fn name(&self) -> impl Display` | what the tools show |
/// | `#[before_update]`, `#[after_update]`, `#[update_failed]` | `fn name(&mut self, cx: &UpdateContext)` | hooks of an update |
/// | `#[started]`, `#[stopped]` | `fn name(&mut self)` | an instance begins, or ends, other than by an update |
///
/// A parameter `name: &mut Output<U>` is the output port `name`. The message may be left out, and so may the context of a
/// hook. Except for the view, each of them may have a parameter `inbox: &Inbox`: the way from threads of its own to its
/// input ports, which is recognised by the name of its type. Except for the view, a method returns nothing or a
/// `Result<(), E>`.
///
/// # Beginning and end
///
/// `#[started]` runs after an instance was created, and whenever it was put back: by undo, redo, jump, restore and set,
/// after a panic, when an update is taken back or, failing, has left the state changed, and when its state is reset. It is
/// where threads are started. `#[stopped]` runs before an instance ends: when it is removed, when the program drops its
/// registry, and before it is replaced in one of those ways. An update that keeps the state runs neither: there `before_update`
/// ends what the old code does, and `after_update` starts it in the new code. New code whose `after_update` ran, and that
/// is not put in place after all, gets `#[stopped]`.
///
/// An instance that has panicked gets no `#[stopped]`, only its destructor runs: what has to end with it should end on
/// drop. When an instance is removed or the registry dropped, its inbox is closed before `#[stopped]` runs, which may
/// therefore wait for a thread that sends until it is refused. Otherwise the inbox stays open: tell the thread before
/// waiting for it.
///
/// An error or panic in either is reported and changes nothing else.
///
/// A port that was renamed says so, and its connections and waiting messages come along: `#[input(was = "add")]`, and
/// `#[output(was = "sum")] total: &mut Output<U>` in one of the methods that have that output. Several former names are
/// a list: `was = ["add", "plus"]`.
#[proc_macro_attribute]
pub fn widget(arguments: TokenStream, item: TokenStream) -> TokenStream {
    widget::attribute(arguments.into(), item.into(), &Lock::of_this_crate()).into()
}

/// Lets a struct or enum be part of a widget's state or travel in a message.
///
/// `#[state(version = "2")]` gives it a version of its own, which `#[migrate]` below it leads to. Without a version
/// its shape is part of whatever contains it. Fields take the same attributes as those of a `#[widget]`.
///
/// # Fixtures
///
/// `#[fixture(..)]` on a field, of a variant too, says which values the states have there that
/// `shrine::fixtures` makes (feature `fixtures`): boundary values, random ones, those of a strategy, and what they shrink to.
///
/// | option | the field has |
/// |---|---|
/// | `range(0..=100)`, `range(..MAX)`, `range('a'..='z')` | numbers or characters of that range: itself, or each one in an option, a list, a set or an array |
/// | `len(0..=3)`, `len(1..)` | texts of so many characters, lists, sets and maps of so many items; also in an option |
/// | `values("EUR", "JPY")` | one of these, written as they are assigned; text stands for what owns text |
/// | `with = path` | what a function `fn(u64) -> T` makes: the same of the same number |
///
/// `range` and `len` go together. It is no part of the shape: a state may have any other value, nothing is checked when one
/// is read, and no version is needed to write it. It counts for older versions of the field as well, as long as the field is
/// only renamed; where its type changes or it goes, `change(#[fixture(..)] f: T)` and `remove(#[fixture(..)] f: T)` say it of
/// the older one.
#[proc_macro_attribute]
pub fn state(arguments: TokenStream, item: TokenStream) -> TokenStream {
    state::attribute(arguments.into(), item.into(), &Lock::of_this_crate()).into()
}

/// Describes one hop from an older version; read by the `#[widget]` or `#[state]` above it, newest hop first.
///
/// Names on the right are fields at the newer version, names on the left fields at the older one. Fields that no
/// operation names are the same in both.
///
/// | operation | meaning |
/// |---|---|
/// | `from = "0.9.0"` | the older version; the newer one is that of the hop above, or of the item |
/// | `to = "1.0.0"` | the hop is a shortcut over several versions, beside the chain, in any place |
/// | `rename(count => total)` | the field had another name |
/// | `add(step = 1, first = \|old\| ..)` | the older version lacks the field; its value, or a closure or function that makes it from `&old` |
/// | `remove(title: String)` | the older version has one more field; `down = \|new\| ..` makes it from `&new` |
/// | `change(count: i32)` | the field had another type; `up`, `try_up` and `down` are closures over the value |
/// | `with = path` | the whole hop is a function from the older type, `CounterV0_9_0`, to a `Result` of the newer one |
/// | `down = path` | the way back is a function from the newer type to a `Result` of the older one |
/// | `check = \|old, new\| ..` | has to hold between the two states, or the update is rolled back |
/// | `manual` | as `with`, but the function carries `#[migrate]` itself |
///
/// `#[state(opaque = "uuid@1")]` goes before a name in `remove` and `change` whose older field was opaque.
///
/// # On an enum
///
/// The same words act on variants.
///
/// | operation | meaning |
/// |---|---|
/// | `rename(Pending => Waiting)` | the variant had another name |
/// | `add(Archived)` | the older version lacks the variant; such a value cannot go back, unless `down = ModeV1::..` |
/// | `remove(Legacy(u32), up = \|n\| ..)` | the older version has one more variant; what becomes of such a value |
/// | `change(Active { since: u32 })` | the variant carried something else; `up`, `try_up` and `down` as for a field |
///
/// A closure or function takes what the variant carries: the value itself, a tuple of several, and for named fields a struct
/// that is called like the type, its version and the variant, such as `ModeV1Active`. The value that it becomes will do as
/// well, and is all that fits a variant that carries nothing. If the older version lacks the variant with `#[default]`, it has no `Default`;
/// `remove(#[default] Legacy, ..)` says which one it was.
///
/// # On a function
///
/// `#[migrate(from = "0.9.0")] fn up(old: CounterV0_9_0) -> Counter` makes the step of a hop that the type announces with
/// `manual`. Both versions are read off the signature; it may return a `Result`. It takes `check` too. `down = path` is the way back, a function
/// from the newer type to a `Result` of the older one.
#[proc_macro_attribute]
pub fn migrate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    migrate::attribute(arguments.into(), item.into()).into()
}

/// Makes a function a named transform: a connection may put it between two ports.
///
/// `#[transform] fn doubled(n: i64) -> i64 { n * 2 }`. It takes one message by value and returns what becomes of it; both
/// types implement `State`. It stays callable as it is.
///
/// | returns | what happens |
/// |---|---|
/// | `T` | a message of type `T` goes on; that may be an `Option` |
/// | `Result<T, E>` with `E: Into<BoxError>` | as `T`; an error is reported, and the message goes no further |
/// | `Option<T>`, with `#[transform(filter)]` | what is `Some` goes on as `T`, what is `None` does not |
/// | `Result<Option<T>, E>`, with `#[transform(filter)]` | both |
///
/// A return type is a `Result` or an `Option` if it is written with that name.
///
/// Connections know the transform by the name of the function, or by `#[transform(name = "to-celsius")]`. A name can be
/// there once in a crate: a build with a second one ends with ``symbol `shrine_transform_doubled` is already defined`` at that
/// one, which `cargo check` does not see. A program that links transforms rather than loading them names the type beside the function,
/// which is called alike: `Library::in_process("app").with_transform::<doubled>()`.
#[proc_macro_attribute]
pub fn transform(arguments: TokenStream, item: TokenStream) -> TokenStream {
    transform::attribute(arguments.into(), item.into()).into()
}

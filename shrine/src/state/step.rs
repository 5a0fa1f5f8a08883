//! One version becomes the next, and goes back.
//!
//! `#[migrate]` generates a [`Step`] for each hop and a [`Chain`] for each version. State is decoded once, as the Rust
//! type of the version it was written by, and then moves through the steps.

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;

use super::attic::Attic;
use super::codec::{DecodeError, Decoder, Encoder};
use super::opaque::Foreign;
use super::payload::Upgrades;
use super::shape::{Shape, ShapeContext};
use super::{State, from_bytes, to_bytes};

/// The hop from one version's type to the next one's.
#[diagnostic::on_unimplemented(
    message = "nothing migrates `{Old}` to `{Self}`",
    note = "describe the hop with `#[migrate(from = \"..\", ..)]` on the type; a `manual` hop needs the function: `#[migrate(from = \"..\")] fn up(old: {Old}) -> {Self}`"
)]
pub trait Step<Old>: Sized {
    /// Whether there is a way back.
    #[doc(hidden)]
    const REVERSIBLE: bool = true;

    /// What a state goes through that takes the step and comes back. By hand, its author answers for it.
    #[doc(hidden)]
    fn class(_: &mut ClassContext) -> Class {
        if Self::REVERSIBLE { Class::Lossy } else { Class::OneWay }
    }

    /// Turns the older state into the newer one.
    ///
    /// # Errors
    ///
    /// When a value has no counterpart. The update is rolled back and the running state stays as it is.
    fn step(old: Old, context: &mut StepContext) -> Result<Self, MigrateError>;

    /// Turns the newer state back into the older one.
    ///
    /// # Errors
    ///
    /// When a value has no counterpart, or the hop has no way back.
    fn step_down(self, context: &mut StepContext) -> Result<Old, MigrateError>;
}

/// A version's type, and the way to it from each older version.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no version of a widget or of a type with `#[state(version = \"..\")]`",
    label = "has no version"
)]
pub trait Chain: State {
    /// The version that this type is.
    const VERSION: &'static str;

    /// Decodes the state that `version` wrote and carries it here.
    ///
    /// # Errors
    ///
    /// When the version is unknown, the bytes are not its state, or a step fails.
    fn load(version: &str, input: &mut Decoder<'_>, context: &mut StepContext) -> Result<Self, MigrateError>;

    /// The same over each hop, without shortcuts: what tests hold shortcuts against.
    ///
    /// # Errors
    ///
    /// As [`Chain::load`].
    #[doc(hidden)]
    fn load_by_steps(
        version: &str,
        input: &mut Decoder<'_>,
        context: &mut StepContext,
    ) -> Result<Self, MigrateError> {
        Self::load(version, input, context)
    }

    /// Carries the state down to `version` and encodes it there.
    ///
    /// # Errors
    ///
    /// When the version is unknown or a step down fails.
    fn store(self, version: &str, out: &mut Encoder, context: &mut StepContext) -> Result<(), MigrateError>;

    /// Appends the versions that lead here, this one first.
    fn versions(found: &mut Vec<VersionInfo>);

    /// Adds the versioned types that the older versions contain.
    #[doc(hidden)]
    fn older(_: &mut Upgrades) {}

    /// Reads the state of `version` as that version's own type and writes it again, without any step: what tests ask
    /// before they blame a migration for a state that its own version refuses.
    #[doc(hidden)]
    fn recode(version: &str, input: &mut Decoder<'_>, out: &mut Encoder) -> Result<(), DecodeError>;
}

/// What steps share: the attic of the instance, and where in the state they are.
#[derive(Debug, Default)]
pub struct StepContext {
    attic: Attic,
    /// The outermost step apart, so that a state without lists needs no room for the others.
    outer: Option<PathStep>,
    path: Vec<PathStep>,
}

/// One step of the way into a state.
#[derive(Debug)]
pub enum PathStep {
    /// A field, a variant, or what was written out already.
    Name(Cow<'static, str>),
    /// The item of a list.
    Index(usize),
}

impl From<&'static str> for PathStep {
    fn from(name: &'static str) -> Self {
        Self::Name(Cow::Borrowed(name))
    }
}

impl From<String> for PathStep {
    fn from(name: String) -> Self {
        Self::Name(Cow::Owned(name))
    }
}

impl From<usize> for PathStep {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl StepContext {
    /// A context over the attic of an instance.
    #[must_use]
    pub fn new(attic: Attic) -> Self {
        Self { attic, ..Self::default() }
    }

    /// The attic as the steps left it.
    #[must_use]
    pub fn into_attic(self) -> Attic {
        self.attic
    }

    /// Puts the value of a field that the other version does not have into the attic.
    pub fn discard<T: State>(&mut self, version: &'static str, field: &'static str, value: &T) {
        let path = self.path_of(field);
        self.attic.put(version, path, value);
    }

    /// Takes the value of a field back that the other version did not have.
    #[inline]
    pub fn restore<T: State>(&mut self, version: &str, field: &'static str) -> Option<T> {
        if self.attic.is_empty() {
            return None;
        }
        let path = self.path_of(field);
        self.attic.take(version, &path)
    }

    /// Whether a shortcut may be taken: what a way down has put into the attic comes back at the hop where it went, and a
    /// shortcut passes it by.
    #[doc(hidden)]
    #[must_use]
    pub fn has_nothing_to_restore(&self) -> bool {
        self.attic.is_empty()
    }

    /// [`StepContext::discard`] for a field under a codec of its own.
    #[doc(hidden)]
    pub fn discard_foreign<T: Foreign>(
        &mut self,
        version: &'static str,
        field: &'static str,
        codec: u64,
        value: &T,
    ) {
        let mut out = Encoder::new();
        value.write(&mut out);
        if let Ok(bytes) = out.finish() {
            let path = self.path_of(field);
            self.attic.put_encoded(version, path, codec, bytes);
        }
    }

    /// [`StepContext::restore`] for a field under a codec of its own.
    #[doc(hidden)]
    pub fn restore_foreign<T: Foreign>(
        &mut self,
        version: &str,
        field: &'static str,
        codec: u64,
    ) -> Option<T> {
        let path = self.path_of(field);
        let bytes = self.attic.take_encoded(version, &path, codec)?;
        T::read(&mut Decoder::new(&bytes)).ok()
    }

    /// Runs `inside` one level further in: `step` is a field, the index of an item, or the text of a step like `["key"]`.
    pub fn within<T>(&mut self, step: impl Into<PathStep>, inside: impl FnOnce(&mut Self) -> T) -> T {
        if self.outer.is_none() {
            self.outer = Some(step.into());
            let result = inside(self);
            self.outer = None;
            return result;
        }
        self.path.push(step.into());
        let result = inside(self);
        self.path.pop();
        result
    }

    fn path_of(&self, field: &'static str) -> Cow<'static, str> {
        use fmt::Write as _;

        if self.outer.is_none() {
            return Cow::Borrowed(field);
        }
        let mut path = String::new();
        let field = PathStep::from(field);
        for step in self.outer.iter().chain(&self.path).chain([&field]) {
            match step {
                PathStep::Index(index) => {
                    let _ = write!(path, "[{index}]");
                }
                PathStep::Name(name) => {
                    if !path.is_empty() && !name.is_empty() && !name.starts_with('[') {
                        path.push('.');
                    }
                    path.push_str(name);
                }
            }
        }
        Cow::Owned(path)
    }
}

/// Why a state could not be carried to another version.
///
/// Any error converts into it, so `?` works in converters.
pub struct MigrateError {
    path: Vec<String>,
    message: String,
}

impl MigrateError {
    /// An error in the words of the migration's author.
    pub fn new(message: impl Into<String>) -> Self {
        Self { path: Vec::new(), message: message.into() }
    }

    /// The same error, seen from the value around it.
    #[must_use]
    pub fn at(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn unknown_version(version: &str, head: &str) -> Self {
        Self::new(format!("no chain of `#[migrate]` connects {version} and {head}"))
    }

    #[doc(hidden)]
    #[must_use]
    pub fn one_way(from: &str, to: &str, what: &str) -> Self {
        Self::new(format!("{what} has no way back from {from} to {to}: give it a `down`"))
    }
}

impl<E: std::error::Error> From<E> for MigrateError {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

impl fmt::Display for MigrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.path.iter().rev().enumerate() {
            let dot = if index == 0 || step.starts_with('[') { "" } else { "." };
            write!(f, "{dot}{step}")?;
        }
        write!(f, "{}{}", if self.path.is_empty() { "" } else { ": " }, self.message)
    }
}

impl fmt::Debug for MigrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A version that a chain can start from.
#[derive(Debug, Clone)]
pub struct VersionInfo {
    /// The version.
    pub version: String,
    /// The fingerprint of its shape.
    pub fingerprint: u64,
    /// Its shape.
    pub shape: Shape,
    /// The hop that leads on from it to the next newer version; none for the newest.
    pub hop: Option<HopInfo>,
    /// The hops that lead on from it beside the chain.
    pub shortcuts: Vec<ShortcutInfo>,
}

/// What one hop does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopInfo {
    /// The operations, in the order of the attribute.
    pub operations: Vec<Operation>,
    /// Whether the newer state can be stepped down over this hop.
    pub reversible: bool,
    /// Whether a state that goes over the hop and back is the same.
    pub class: Class,
}

/// What a hop over several versions does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortcutInfo {
    /// The version that it leads to.
    pub to: String,
    /// The operations, in the order of the attribute.
    pub operations: Vec<Operation>,
    /// Whether it could be stepped down. The way back of a state takes each hop of the chain.
    pub reversible: bool,
    /// As for a hop, if the way back were that of the shortcut.
    pub class: Class,
}

/// One operation of a hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `rename`, `add`, `remove`, `change`, `with`, `down` or `manual`.
    pub kind: String,
    /// The field or variant: its name at the newer version, or at the older one for `remove`. The path of the function
    /// for `with` and `down`, nothing for `manual`.
    pub field: String,
    /// The older name for `rename`; the older type for `change`, the type for `remove`, or the whole variant.
    pub detail: Option<String>,
    /// What is done by hand: `up`, `try_up`, `down`.
    pub converters: Vec<String>,
}

/// Whether a state that goes over a hop and back again is the same; the better class is the lesser one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "host", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Class {
    /// It is: names change, or types that hold the same values and more. A value that only the newer version can have is
    /// refused on the way back.
    Lossless,
    /// It is while the instance lives: what the other version has no place for waits in its attic. For converters and
    /// functions their author answers.
    Lossy,
    /// Something in it has no way back.
    OneWay,
}

/// Which steps enclose the one whose class is asked for: types that contain each other would ask for ever.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct ClassContext {
    enclosing: Vec<TypeId>,
}

impl ClassContext {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The class of the step that `Pair` names, both of its versions; nothing is lost only because it is inside itself.
    pub fn of<Pair: 'static>(&mut self, class: impl FnOnce(&mut Self) -> Class) -> Class {
        let id = TypeId::of::<Pair>();
        if self.enclosing.contains(&id) {
            return Class::Lossless;
        }
        self.enclosing.push(id);
        let class = class(self);
        self.enclosing.pop();
        class
    }
}

/// As its number in the order of classes.
impl State for Class {
    const FINGERPRINT: u64 = 0;
    fn shape(_: &mut ShapeContext) -> Shape {
        Shape::Any
    }
    fn encode(&self, out: &mut Encoder) {
        (*self as u8).encode(out);
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match input.int::<u8>()? {
            0 => Ok(Self::Lossless),
            1 => Ok(Self::Lossy),
            2 => Ok(Self::OneWay),
            other => Err(input.error(format!("there is no class {other}"))),
        }
    }
}

record! {
    VersionInfo { version, fingerprint, shape, hop, shortcuts }
    HopInfo { operations, reversible, class }
    ShortcutInfo { to, operations, reversible, class }
    Operation { kind, field, detail, converters }
}

#[doc(hidden)]
#[must_use]
pub fn operation(kind: &str, field: &str, detail: Option<&str>, converters: &[&str]) -> Operation {
    Operation {
        kind: kind.to_owned(),
        field: field.to_owned(),
        detail: detail.map(str::to_owned),
        converters: converters.iter().map(|&converter| converter.to_owned()).collect(),
    }
}

/// Takes a step and holds the newer state against the older one. What that was is decoded anew, because the step
/// consumes it.
#[doc(hidden)]
pub fn checked<Old: State, New>(
    old: Old,
    context: &mut StepContext,
    (from, to): (&str, &str),
    step: impl FnOnce(Old, &mut StepContext) -> Result<New, MigrateError>,
    check: impl FnOnce(&Old, &New) -> bool,
) -> Result<New, MigrateError> {
    let before: Old = from_bytes(&to_bytes(&old)?)?;
    let new = step(old, context)?;
    match check(&before, &new) {
        true => Ok(new),
        false => Err(MigrateError::new(format!("the check of the hop from {from} to {to} failed"))),
    }
}

/// Whether two versions are written alike.
#[doc(hidden)]
#[must_use]
pub const fn same_text(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut same = a.len() == b.len();
    let mut index = 0;
    while same && index < a.len() {
        same = a[index] == b[index];
        index += 1;
    }
    same
}

/// Evaluates the initial value of an added field from the older state.
#[doc(hidden)]
pub fn computed<O, T>(old: &O, value: impl FnOnce(&O) -> T) -> T {
    value(old)
}

/// Converts the value of a changed field.
#[doc(hidden)]
pub fn converted<A, B>(old: A, by: impl FnOnce(A) -> B) -> B {
    by(old)
}

/// What a variant that is not there becomes: a value, or what a function makes of what the variant carried. `How` tells the
/// two apart and is inferred.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a value of `{Variants}` nor a function from `{Payload}` to it",
    label = "does not say what becomes of the variant"
)]
pub trait Becomes<Payload, Variants, How> {
    fn become_of(self, payload: Payload) -> Variants;
}

#[doc(hidden)]
#[derive(Debug)]
pub struct ByValue;

#[doc(hidden)]
#[derive(Debug)]
pub struct ByFunction;

impl<Payload, Variants> Becomes<Payload, Variants, ByValue> for Variants {
    fn become_of(self, _: Payload) -> Variants {
        self
    }
}

impl<Payload, Variants, By: FnOnce(Payload) -> Variants> Becomes<Payload, Variants, ByFunction> for By {
    fn become_of(self, payload: Payload) -> Variants {
        self(payload)
    }
}

/// What a path says that becomes of a variant.
#[doc(hidden)]
pub fn becomes<Payload, Variants, How>(
    payload: Payload,
    by: impl Becomes<Payload, Variants, How>,
) -> Variants {
    by.become_of(payload)
}

/// Converts the value of a changed field with a function that may fail.
#[doc(hidden)]
pub fn tried<A, B, E: fmt::Display>(old: A, by: impl FnOnce(A) -> Result<B, E>) -> Result<B, MigrateError> {
    // Not `Into<MigrateError>`, which boxed errors are not.
    by(old).map_err(|error| MigrateError::new(error.to_string()))
}

/// Takes the newer value back that stepping down has lost, if `old` is still what it became then.
#[doc(hidden)]
pub fn again_up<Old: State, New: State + Step<Old>>(
    old: &Old,
    version: &str,
    context: &mut StepContext,
) -> Option<New> {
    let new: New = context.restore(version, "")?;
    let down = copy(&new)?.step_down(&mut StepContext::default()).ok()?;
    same(&down, old).then_some(new)
}

/// Takes the older value back that stepping up has lost, if `new` is still what it became then.
#[doc(hidden)]
pub fn again_down<Old: State, New: State + Step<Old>>(
    new: &New,
    version: &str,
    context: &mut StepContext,
) -> Option<Old> {
    let old: Old = context.restore(version, "")?;
    let up = New::step(copy(&old)?, &mut StepContext::default()).ok()?;
    same(&up, new).then_some(old)
}

/// A value that need not be `Clone`.
fn copy<T: State>(value: &T) -> Option<T> {
    from_bytes(&to_bytes(value).ok()?).ok()
}

fn same<T: State>(a: &T, b: &T) -> bool {
    to_bytes(a).is_ok_and(|bytes| to_bytes(b) == Ok(bytes))
}

/// Finds out without a bound whether a type has a `Default`: `Fallback::<T>::new().value()` is the inherent method
/// where `T: Default`, and that of [`NoFallback`] elsewhere. Works for concrete types only, which is what macros have.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fallback<T>(std::marker::PhantomData<T>);

#[doc(hidden)]
impl<T> Fallback<T> {
    #[expect(clippy::new_without_default, reason = "only generated code makes one")]
    #[must_use]
    pub const fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

#[doc(hidden)]
impl<T: Default> Fallback<T> {
    #[must_use]
    pub fn value(&self) -> Option<T> {
        Some(T::default())
    }
}

#[doc(hidden)]
impl<T: Default + State> Fallback<T> {
    /// Encodes the default, for the same question in a constant.
    pub const ENCODED: Option<fn(&mut Encoder)> = Some(encoded::<T>);
}

fn encoded<T: Default + State>(out: &mut Encoder) {
    T::default().encode(out);
}

#[doc(hidden)]
pub trait NoFallback<T> {
    const ENCODED: Option<fn(&mut Encoder)>;
    fn value(&self) -> Option<T>;
}

impl<T> NoFallback<T> for Fallback<T> {
    const ENCODED: Option<fn(&mut Encoder)> = None;
    fn value(&self) -> Option<T> {
        None
    }
}

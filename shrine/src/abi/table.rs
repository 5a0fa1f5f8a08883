//! The function table of a widget: each entry names the code of the widget that is meant, and leaves all else to
//! [`calls`].

use std::any::TypeId;

use super::calls;
use super::image::Image;
use super::{Bytes, Description, Host, Instance, NestedCarry, Table, convert};
use crate::inbox::Inbox;
use crate::state::codec::{Decoder, Encoder};
use crate::state::layout::Layout;
use crate::state::payload::{self, Upgrades};
use crate::state::shape::Shape;
use crate::state::step::{MigrateError, StepContext};
use crate::widget::{Behaviour, BoxError, Outbox, UpdateContext, Widget};

/// The table of `W`.
pub(super) const fn of<W: Widget + Behaviour>() -> *const Table {
    &const {
        Table {
            size: size_of::<Table>(),
            alive: Some(alive::<W>),
            describe: Some(describe::<W>),
            create: Some(create::<W>),
            destroy: Some(destroy::<W>),
            encode: Some(encode::<W>),
            decode: Some(decode::<W>),
            step_down: Some(step_down::<W>),
            before_update: Some(before_update::<W>),
            after_update: Some(after_update::<W>),
            update_failed: Some(update_failed::<W>),
            deliver: Some(deliver::<W>),
            tick: Some(tick::<W>),
            view: Some(view::<W>),
            converts: Some(converts::<W>),
            convert: Some(convert::<W>),
            started: Some(started::<W>),
            stopped: Some(stopped::<W>),
            nested: Some(nested::<W>),
            carry_nested: Some(carry_nested::<W>),
            layout: Some(layout::<W>),
            handle: Some(handle::<W>),
        }
    }
}

// The contract of every function here, which the host's `handle` module keeps:
// - `host` is null or valid during the call; `Bytes`, and as many of them as are told, are valid during the call; `out` is
//   valid for one write.
// - `instance` came from `create` or `decode` of the same table, or of one whose `W` was proved to be alike in memory and
//   whose code allocates as this one does (`handle::Alike`); it was not destroyed, did not panic, and no other call with it
//   is running.
// It is the contract of `calls` for the code of `W`.

/// Of `W`, so that it is compiled into the image that `W` is in.
#[expect(clippy::extra_unused_type_parameters, reason = "generic code is compiled with the widget")]
unsafe extern "C" fn alive<W: Widget>(host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::alive(host, Image::of_caller()) }
}

unsafe extern "C" fn describe<W: Widget + Behaviour>(host: *const Host) -> i32 {
    fn description<W: Widget + Behaviour>() -> Description {
        let mut versions = Vec::new();
        W::versions(&mut versions);
        Description { versions, interface: W::interface() }
    }
    // SAFETY: the contract above.
    unsafe { calls::describe(host, description::<W>) }
}

unsafe extern "C" fn layout<W: Widget>(host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::layout(host, Layout::of::<W>) }
}

unsafe extern "C" fn create<W: Widget>(host: *const Host, out: *mut Instance) -> i32 {
    fn make<W: Widget>() -> Instance {
        Box::into_raw(Box::new(W::default())).cast()
    }
    // SAFETY: the contract above.
    unsafe { calls::create(host, out, make::<W>) }
}

unsafe extern "C" fn destroy<W: Widget>(instance: Instance) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::destroy(instance, end::<W>) }
}

/// Ends an instance.
///
/// # Safety
///
/// Made by `Box::into_raw` of a `Box<W>`, and given back once.
unsafe fn end<W>(instance: Instance) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(instance.cast::<W>()) });
}

/// The instance.
///
/// # Safety
///
/// A live `W` that nobody else has a reference to while `'a` lasts.
unsafe fn live<'a, W>(instance: Instance) -> &'a mut W {
    // SAFETY: the caller's promise.
    unsafe { &mut *instance.cast::<W>() }
}

/// Appends the encoded state.
///
/// # Safety
///
/// The contract of `calls`.
unsafe fn write<W: Widget>(instance: Instance, out: &mut Encoder) {
    // SAFETY: the caller's promise.
    unsafe { live::<W>(instance) }.encode(out);
}

unsafe extern "C" fn encode<W: Widget>(instance: Instance, host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::encode(instance, host, write::<W>) }
}

unsafe extern "C" fn decode<W: Widget>(
    version: Bytes,
    state: Bytes,
    attic: Bytes,
    host: *const Host,
    out: *mut Instance,
) -> i32 {
    fn load<W: Widget>(
        version: &str,
        input: &mut Decoder<'_>,
        context: &mut StepContext,
    ) -> Result<Instance, MigrateError> {
        match W::load(version, input, context) {
            Ok(widget) => Ok(Box::into_raw(Box::new(widget)).cast()),
            Err(error) => Err(error),
        }
    }
    // SAFETY: the contract above.
    unsafe { calls::decode([version, state, attic], host, out, load::<W>, end::<W>) }
}

unsafe extern "C" fn step_down<W: Widget>(
    version: Bytes,
    state: Bytes,
    attic: Bytes,
    host: *const Host,
) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::step_down([version, state, attic], host, payload::store::<W>) }
}

macro_rules! hooks {
    ($($hook:ident)*) => { $(
        unsafe extern "C" fn $hook<W: Widget + Behaviour>(instance: Instance, context: Bytes, host: *const Host) -> i32 {
            unsafe fn hook<W: Behaviour>(
                instance: Instance,
                context: &UpdateContext,
                inbox: &Inbox,
            ) -> Result<(), BoxError> {
                // SAFETY: the contract of `calls`.
                unsafe { live::<W>(instance) }.$hook(context, inbox)
            }
            // SAFETY: the contract above.
            unsafe { calls::of_update(instance, context, host, hook::<W>) }
        }
    )* };
}

hooks! { before_update after_update update_failed }

macro_rules! ends_of_life {
    ($($hook:ident)*) => { $(
        unsafe extern "C" fn $hook<W: Widget + Behaviour>(instance: Instance, host: *const Host) -> i32 {
            unsafe fn hook<W: Behaviour>(instance: Instance, inbox: &Inbox) -> Result<(), BoxError> {
                // SAFETY: the contract of `calls`.
                unsafe { live::<W>(instance) }.$hook(inbox)
            }
            // SAFETY: the contract above.
            unsafe { calls::of_life(instance, host, hook::<W>) }
        }
    )* };
}

ends_of_life! { started stopped }

/// Handles a message.
///
/// # Safety
///
/// The contract of `calls`.
unsafe fn delivered<W: Behaviour>(
    instance: Instance,
    port: usize,
    payload: &mut Decoder<'_>,
    outbox: &Outbox,
    inbox: &Inbox,
) -> Result<(), BoxError> {
    // SAFETY: the caller's promise.
    unsafe { live::<W>(instance) }.deliver(port, payload, outbox, inbox)
}

unsafe extern "C" fn deliver<W: Widget + Behaviour>(
    instance: Instance,
    port: u32,
    payload: Bytes,
    host: *const Host,
) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::deliver(instance, port, payload, host, delivered::<W>) }
}

unsafe extern "C" fn handle<W: Widget + Behaviour>(
    instance: Instance,
    port: u32,
    messages: *const Bytes,
    count: usize,
    host: *const Host,
) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::handle(instance, port, (messages, count), host, delivered::<W>, write::<W>) }
}

unsafe extern "C" fn tick<W: Widget + Behaviour>(instance: Instance, timer: u32, host: *const Host) -> i32 {
    unsafe fn handle<W: Behaviour>(
        instance: Instance,
        timer: usize,
        outbox: &Outbox,
        inbox: &Inbox,
    ) -> Result<(), BoxError> {
        // SAFETY: the contract of `calls`.
        unsafe { live::<W>(instance) }.tick(timer, outbox, inbox)
    }
    // SAFETY: the contract above.
    unsafe { calls::tick(instance, timer, host, handle::<W>) }
}

unsafe extern "C" fn view<W: Widget + Behaviour>(instance: Instance, host: *const Host) -> i32 {
    unsafe fn text<W: Behaviour>(instance: Instance) -> Option<String> {
        // SAFETY: the contract of `calls`.
        unsafe { live::<W>(instance) }.view()
    }
    // SAFETY: the contract above.
    unsafe { calls::view(instance, host, text::<W>) }
}

unsafe extern "C" fn converts<W: Widget + Behaviour>(port: u32, from: Bytes, host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::converts(place::<W>(port), from, host, taken::<W>) }
}

unsafe extern "C" fn convert<W: Widget + Behaviour>(
    port: u32,
    from: Bytes,
    payload: Bytes,
    host: *const Host,
) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::convert(place::<W>(port), [from, payload], host, taken::<W>) }
}

unsafe extern "C" fn nested<W: Widget>(host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::nested(host, contained::<W>) }
}

unsafe extern "C" fn carry_nested<W: Widget>(asked: *const NestedCarry, host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::carry_nested(asked, host, contained::<W>) }
}

/// The versioned types in all versions of the state.
fn contained<W: Widget>() -> Upgrades {
    let mut found = Upgrades::default();
    W::upgrades(&mut found);
    W::older(&mut found);
    found
}

fn place<W: Widget + Behaviour>(port: u32) -> convert::Place {
    (TypeId::of::<W>(), taken::<W> as *const () as usize, port)
}

/// What an input port takes.
fn taken<W: Widget + Behaviour>(port: u32) -> Result<(Shape, Upgrades), BoxError> {
    let mut upgrades = Upgrades::default();
    <W as Behaviour>::upgrades(port as usize, &mut upgrades);
    convert::taken(W::interface(), port, upgrades)
}

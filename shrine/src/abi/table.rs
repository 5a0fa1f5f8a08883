//! The function table of a widget: each entry checks its arguments, opens a guard and calls the Rust side.

use std::any::TypeId;
use std::cell::Cell;

use super::guard::{Reply, guarded};
use super::{Bytes, Description, Host, Instance, NestedCarry, Table, convert, image, sized};
use crate::state::attic::Attic;
use crate::state::codec::{Decoder, Encoder};
use crate::state::layout::Layout;
use crate::state::payload::Upgrades;
use crate::state::shape::Shape;
use crate::state::step::{MigrateError, StepContext};
use crate::state::{from_bytes, to_bytes, with_buffer, with_bytes};
use crate::widget::{Behaviour, BoxError, Outbox, UpdateContext, Widget};

/// The table of `W`.
pub(super) const fn of<W: Widget + Behaviour>() -> *const Table {
    &const {
        Table {
            size: size_of::<Table>(),
            alive: Some(alive),
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

unsafe extern "C" fn alive(host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { guarded(host, |reply| reply.result(image::build_id())) }
}

unsafe extern "C" fn describe<W: Widget + Behaviour>(host: *const Host) -> i32 {
    let call = |reply: &Reply| {
        let mut versions = Vec::new();
        W::versions(&mut versions);
        reply.result(&to_bytes(&Description { versions, interface: W::interface() })?)
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

unsafe extern "C" fn layout<W: Widget>(host: *const Host) -> i32 {
    let call = |reply: &Reply| reply.result(Layout::of::<W>()?.as_bytes());
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

unsafe extern "C" fn create<W: Widget>(host: *const Host, out: *mut Instance) -> i32 {
    let call = |_: &Reply| {
        let instance = Box::new(W::default());
        // SAFETY: the contract above.
        unsafe { out.write(Box::into_raw(instance).cast()) };
        Ok(())
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

unsafe extern "C" fn destroy<W: Widget>(instance: Instance) -> i32 {
    let call = |_: &Reply| {
        // SAFETY: the contract above: made by `Box::into_raw` of a `Box<W>`, and given back once.
        drop(unsafe { Box::from_raw(instance.cast::<W>()) });
        Ok(())
    };
    // SAFETY: a null host is allowed.
    unsafe { guarded(std::ptr::null(), call) }
}

unsafe extern "C" fn encode<W: Widget>(instance: Instance, host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { with::<W>(instance, host, |widget, reply| with_bytes(widget, |state| reply.result(state))?) }
}

unsafe extern "C" fn decode<W: Widget>(
    version: Bytes,
    state: Bytes,
    attic: Bytes,
    host: *const Host,
    out: *mut Instance,
) -> i32 {
    let call = |reply: &Reply| {
        // SAFETY: the contract above.
        let (version, state, attic) = unsafe { (version.as_slice(), state.as_slice(), attic.as_slice()) };
        let mut context = StepContext::new(from_bytes::<Attic>(attic)?);
        let mut input = Decoder::new(state);
        let widget = W::load(std::str::from_utf8(version)?, &mut input, &mut context).map_err(boxed)?;
        input.finish()?;
        reply.attic(&to_bytes(&context.into_attic())?)?;
        let instance = Box::new(widget);
        // SAFETY: the contract above.
        unsafe { out.write(Box::into_raw(instance).cast()) };
        Ok(())
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

unsafe extern "C" fn step_down<W: Widget>(
    version: Bytes,
    state: Bytes,
    attic: Bytes,
    host: *const Host,
) -> i32 {
    let call = |reply: &Reply| {
        // SAFETY: the contract above.
        let (version, state, attic) = unsafe { (version.as_slice(), state.as_slice(), attic.as_slice()) };
        let mut context = StepContext::new(from_bytes::<Attic>(attic)?);
        let mut out = Encoder::new();
        from_bytes::<W>(state)?
            .store(std::str::from_utf8(version)?, &mut out, &mut context)
            .map_err(boxed)?;
        reply.attic(&to_bytes(&context.into_attic())?)?;
        reply.result(&out.finish()?)
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

macro_rules! hooks {
    ($($hook:ident)*) => { $(
        unsafe extern "C" fn $hook<W: Widget + Behaviour>(instance: Instance, context: Bytes, host: *const Host) -> i32 {
            let call = |widget: &mut W, reply: &Reply| {
                // SAFETY: the contract above.
                let context: UpdateContext = from_bytes(unsafe { context.as_slice() })?;
                widget.$hook(&context, reply.inbox())
            };
            // SAFETY: the contract above.
            unsafe { with(instance, host, call) }
        }
    )* };
}

hooks! { before_update after_update update_failed }

unsafe extern "C" fn started<W: Widget + Behaviour>(instance: Instance, host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { with::<W>(instance, host, |widget, reply| widget.started(reply.inbox())) }
}

unsafe extern "C" fn stopped<W: Widget + Behaviour>(instance: Instance, host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { with::<W>(instance, host, |widget, reply| widget.stopped(reply.inbox())) }
}

unsafe extern "C" fn deliver<W: Widget + Behaviour>(
    instance: Instance,
    port: u32,
    payload: Bytes,
    host: *const Host,
) -> i32 {
    let call = |widget: &mut W, reply: &Reply| {
        // SAFETY: the contract above.
        let mut payload = Decoder::new(unsafe { payload.as_slice() });
        sending(reply, |outbox| widget.deliver(port as usize, &mut payload, outbox, reply.inbox()))
    };
    // SAFETY: the contract above.
    unsafe { with(instance, host, call) }
}

unsafe extern "C" fn handle<W: Widget + Behaviour>(
    instance: Instance,
    port: u32,
    messages: *const Bytes,
    count: usize,
    host: *const Host,
) -> i32 {
    // Whether a handler has come back whose state the host has not got.
    let is_unrecorded = Cell::new(false);
    let call = |widget: &mut W, reply: &Reply| {
        with_outbox(|outbox| {
            with_buffer(|buffer| {
                let mut state = Encoder::reusing(std::mem::take(buffer));
                for nth in 0..count {
                    // SAFETY: the contract above: there are `count` of them.
                    let mut payload = Decoder::new(unsafe { (*messages.add(nth)).as_slice() });
                    let result = widget.deliver(port as usize, &mut payload, outbox, reply.inbox());
                    // What was sent before an error is sent: the state has changed with it.
                    let has_sent = outbox.flush(|messages, payloads| reply.messages(messages, payloads))?;
                    result?;
                    is_unrecorded.set(true);
                    state.restart();
                    widget.encode(&mut state);
                    if !state.is_sound() {
                        state.check()?;
                    }
                    let more = reply.state(state.written())?;
                    is_unrecorded.set(false);
                    if has_sent || !more {
                        break;
                    }
                }
                *buffer = state.into_written();
                Ok(())
            })
        })
    };
    // SAFETY: the contract above.
    let status = unsafe { with::<W>(instance, host, call) };
    if is_unrecorded.get() {
        // SAFETY: the contract above.
        unsafe { Reply::to(host) }.unrecorded();
    }
    status
}

unsafe extern "C" fn tick<W: Widget + Behaviour>(instance: Instance, timer: u32, host: *const Host) -> i32 {
    let call = |widget: &mut W, reply: &Reply| {
        sending(reply, |outbox| widget.tick(timer as usize, outbox, reply.inbox()))
    };
    // SAFETY: the contract above.
    unsafe { with(instance, host, call) }
}

unsafe extern "C" fn view<W: Widget + Behaviour>(instance: Instance, host: *const Host) -> i32 {
    let call = |widget: &mut W, reply: &Reply| match widget.view() {
        Some(text) => reply.result(text.as_bytes()),
        None => Ok(()),
    };
    // SAFETY: the contract above.
    unsafe { with(instance, host, call) }
}

unsafe extern "C" fn converts<W: Widget + Behaviour>(port: u32, from: Bytes, host: *const Host) -> i32 {
    let call = |reply: &Reply| {
        // SAFETY: the contract above.
        let from = unsafe { from.as_slice() };
        convert::converts(reply, place::<W>(port), from, || taken::<W>(port))
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

unsafe extern "C" fn convert<W: Widget + Behaviour>(
    port: u32,
    from: Bytes,
    payload: Bytes,
    host: *const Host,
) -> i32 {
    let call = |reply: &Reply| {
        // SAFETY: the contract above.
        let (from, payload) = unsafe { (from.as_slice(), payload.as_slice()) };
        convert::convert(reply, place::<W>(port), from, payload, || taken::<W>(port))
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

unsafe extern "C" fn nested<W: Widget>(host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { guarded(host, |reply| reply.result(&to_bytes(&contained::<W>().chains())?)) }
}

unsafe extern "C" fn carry_nested<W: Widget>(asked: *const NestedCarry, host: *const Host) -> i32 {
    let call = |reply: &Reply| {
        // SAFETY: the contract above: what is asked begins with its size.
        let asked = unsafe { sized::read(asked) };
        let NestedCarry { chain, back, version, value, attic, path, .. } = asked;
        // SAFETY: the contract above.
        let [version, value, attic, path] =
            [version, value, attic, path].map(|bytes| unsafe { bytes.as_slice() });
        let (version, path) = (std::str::from_utf8(version)?, std::str::from_utf8(path)?);
        let attic: Attic = from_bytes(attic)?;
        let carried = contained::<W>().carry(chain as usize, back != 0, version, value, attic, path);
        let (value, attic) = carried.map_err(boxed)?;
        reply.attic(&to_bytes(&attic)?)?;
        reply.result(&value)
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

/// The versioned types in all versions of the state.
fn contained<W: Widget>() -> Upgrades {
    let mut found = Upgrades::of::<W>();
    W::older(&mut found);
    found
}

fn place<W: Widget + Behaviour>(port: u32) -> convert::Place {
    (TypeId::of::<W>(), taken::<W> as *const () as usize, port)
}

/// What an input port takes.
fn taken<W: Widget + Behaviour>(port: u32) -> Result<(Shape, Upgrades), BoxError> {
    let port = port as usize;
    let mut inputs = W::interface().inputs;
    if port >= inputs.len() {
        return Err("the widget has no port of that index".into());
    }
    let mut upgrades = Upgrades::default();
    <W as Behaviour>::upgrades(port, &mut upgrades);
    Ok((inputs.swap_remove(port).shape, upgrades))
}

/// Runs a handler, then hands over what it sent.
fn sending(reply: &Reply, handler: impl FnOnce(&Outbox) -> Result<(), BoxError>) -> Result<(), BoxError> {
    with_outbox(|outbox| {
        let result = handler(outbox);
        // What was sent before an error is sent: the state has changed with it.
        outbox.flush(|messages, payloads| reply.messages(messages, payloads))?;
        result
    })
}

/// Lends the outbox of the thread. One is enough, unless a handler calls a host that delivers in turn.
fn with_outbox<R>(work: impl FnOnce(&Outbox) -> R) -> R {
    thread_local! {
        static OUTBOX: Cell<Option<Outbox>> = const { Cell::new(None) };
    }
    let outbox = OUTBOX.take().unwrap_or_default();
    let result = work(&outbox);
    OUTBOX.set(Some(outbox));
    result
}

/// Runs `call` on an instance.
///
/// # Safety
///
/// The contract above.
unsafe fn with<W>(
    instance: Instance,
    host: *const Host,
    call: impl FnOnce(&mut W, &Reply) -> Result<(), BoxError>,
) -> i32 {
    let call = |reply: &Reply| {
        // SAFETY: the contract above: a live `W` that nobody else has a reference to.
        call(unsafe { &mut *instance.cast::<W>() }, reply)
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

#[expect(clippy::needless_pass_by_value, reason = "passed to `map_err`")]
fn boxed(error: MigrateError) -> BoxError {
    error.to_string().into()
}

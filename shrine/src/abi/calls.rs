//! What the functions of a table do, once for all widgets.
//!
//! A table has functions of its own for each widget, because a slot of C is given nothing that would tell which one is
//! meant. Each of them only names the widget's code and comes here: so a widget crate compiles next to nothing of the
//! boundary, in every build after an edit.

use std::cell::Cell;

use super::guard::{Reply, guarded};
use super::image::Image;
use super::{Bytes, Description, Host, Instance, NestedCarry, TransformDescription, convert, sized};
use crate::inbox::Inbox;
use crate::state::attic::Attic;
use crate::state::codec::{Decoder, Encoder};
use crate::state::payload::{Upgrades, Way};
use crate::state::step::{MigrateError, StepContext};
use crate::state::{from_bytes, to_bytes, with_buffer, with_written};
use crate::widget::{BoxError, Outbox, UpdateContext};

// The contract of every function here, which the host's `handle` module keeps for the functions of a table, and those for
// what they call:
// - `host` is null or valid during the call; `Bytes`, and as many of them as are told, are valid during the call; `out` is
//   valid for one write.
// - `instance` may be given to the code that comes with it: it is a live instance of the widget whose code that is, and
//   nobody else has a reference to it.

/// The widget's code: see the contract above for the instances that they are given.
pub(super) type Encode = unsafe fn(Instance, &mut Encoder);
pub(super) type Load = fn(&str, &mut Decoder<'_>, &mut StepContext) -> Result<Instance, MigrateError>;
pub(super) type End = unsafe fn(Instance);
pub(super) type OfUpdate = unsafe fn(Instance, &UpdateContext, &Inbox) -> Result<(), BoxError>;
pub(super) type OfLife = unsafe fn(Instance, &Inbox) -> Result<(), BoxError>;
pub(super) type Deliver =
    unsafe fn(Instance, usize, &mut Decoder<'_>, &Outbox, &Inbox) -> Result<(), BoxError>;
pub(super) type Tick = unsafe fn(Instance, usize, &Outbox, &Inbox) -> Result<(), BoxError>;
pub(super) type View = unsafe fn(Instance) -> Option<String>;

pub(super) unsafe fn alive(host: *const Host, image: Image) -> i32 {
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut |reply| reply.result(image.build_id())) }
}

pub(super) unsafe fn describe(host: *const Host, description: fn() -> Description) -> i32 {
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut |reply| reply.result(&to_bytes(&description())?)) }
}

pub(super) unsafe fn describe_transform(host: *const Host, description: fn() -> TransformDescription) -> i32 {
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut |reply| reply.result(&to_bytes(&description())?)) }
}

pub(super) unsafe fn layout(host: *const Host, layout: fn() -> Result<String, String>) -> i32 {
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut |reply| reply.result(layout()?.as_bytes())) }
}

pub(super) unsafe fn create(host: *const Host, out: *mut Instance, make: fn() -> Instance) -> i32 {
    let mut call = |_: &Reply| {
        let instance = make();
        // SAFETY: the contract above.
        unsafe { out.write(instance) };
        Ok(())
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

pub(super) unsafe fn destroy(instance: Instance, end: End) -> i32 {
    let mut call = |_: &Reply| {
        // SAFETY: the contract above.
        unsafe { end(instance) };
        Ok(())
    };
    // SAFETY: a null host is allowed.
    unsafe { guarded(std::ptr::null(), &mut call) }
}

pub(super) unsafe fn encode(instance: Instance, host: *const Host, encode: Encode) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above.
        with_written(&mut |out| unsafe { encode(instance, out) }, |state| reply.result(state))?
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

/// An instance that nobody has been given yet.
struct Made {
    instance: Instance,
    end: End,
}

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: `end` goes with it, and it was not handed out.
        unsafe { (self.end)(self.instance) };
    }
}

pub(super) unsafe fn decode(
    [version, state, attic]: [Bytes; 3],
    host: *const Host,
    out: *mut Instance,
    load: Load,
    end: End,
) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above.
        let (version, state, attic) = unsafe { (version.as_slice(), state.as_slice(), attic.as_slice()) };
        let mut context = StepContext::new(from_bytes::<Attic>(attic)?);
        let mut input = Decoder::new(state);
        let instance = load(std::str::from_utf8(version)?, &mut input, &mut context).map_err(boxed)?;
        let made = Made { instance, end };
        input.finish()?;
        reply.attic(&to_bytes(&context.into_attic())?)?;
        // SAFETY: the contract above.
        unsafe { out.write(made.instance) };
        std::mem::forget(made);
        Ok(())
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

pub(super) unsafe fn step_down([version, state, attic]: [Bytes; 3], host: *const Host, store: Way) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above.
        let (version, state, attic) = unsafe { (version.as_slice(), state.as_slice(), attic.as_slice()) };
        let mut context = StepContext::new(from_bytes::<Attic>(attic)?);
        let stored = store(std::str::from_utf8(version)?, state, &mut context).map_err(boxed)?;
        reply.attic(&to_bytes(&context.into_attic())?)?;
        reply.result(&stored)
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

pub(super) unsafe fn of_update(instance: Instance, context: Bytes, host: *const Host, hook: OfUpdate) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above.
        let context: UpdateContext = from_bytes(unsafe { context.as_slice() })?;
        // SAFETY: the contract above.
        unsafe { hook(instance, &context, reply.inbox()) }
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

pub(super) unsafe fn of_life(instance: Instance, host: *const Host, hook: OfLife) -> i32 {
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut |reply| hook(instance, reply.inbox())) }
}

pub(super) unsafe fn deliver(
    instance: Instance,
    port: u32,
    payload: Bytes,
    host: *const Host,
    deliver: Deliver,
) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above.
        let mut payload = Decoder::new(unsafe { payload.as_slice() });
        // SAFETY: the contract above.
        sending(reply, |outbox| unsafe {
            deliver(instance, port as usize, &mut payload, outbox, reply.inbox())
        })
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

pub(super) unsafe fn handle(
    instance: Instance,
    port: u32,
    (messages, count): (*const Bytes, usize),
    host: *const Host,
    deliver: Deliver,
    encode: Encode,
) -> i32 {
    // Whether a handler has come back whose state the host has not got.
    let is_unrecorded = Cell::new(false);
    let mut call = |reply: &Reply| {
        with_outbox(|outbox| {
            with_buffer(|buffer| {
                let mut state = Encoder::reusing(std::mem::take(buffer));
                for nth in 0..count {
                    // SAFETY: the contract above: there are `count` of them.
                    let mut payload = Decoder::new(unsafe { (*messages.add(nth)).as_slice() });
                    // SAFETY: the contract above.
                    let result =
                        unsafe { deliver(instance, port as usize, &mut payload, outbox, reply.inbox()) };
                    // What was sent before an error is sent: the state has changed with it.
                    let has_sent = outbox.flush(|messages, payloads| reply.messages(messages, payloads))?;
                    result?;
                    is_unrecorded.set(true);
                    state.restart();
                    // SAFETY: the contract above.
                    unsafe { encode(instance, &mut state) };
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
    let status = unsafe { guarded(host, &mut call) };
    if is_unrecorded.get() {
        // SAFETY: the contract above.
        unsafe { Reply::to(host) }.unrecorded();
    }
    status
}

pub(super) unsafe fn tick(instance: Instance, timer: u32, host: *const Host, tick: Tick) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above.
        sending(reply, |outbox| unsafe { tick(instance, timer as usize, outbox, reply.inbox()) })
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

pub(super) unsafe fn view(instance: Instance, host: *const Host, view: View) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above.
        match unsafe { view(instance) } {
            Some(text) => reply.result(text.as_bytes()),
            None => Ok(()),
        }
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

pub(super) unsafe fn converts(
    place: convert::Place,
    from: Bytes,
    host: *const Host,
    taken: convert::Taken,
) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above.
        convert::converts(reply, place, unsafe { from.as_slice() }, taken)
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

pub(super) unsafe fn convert(
    place: convert::Place,
    [from, payload]: [Bytes; 2],
    host: *const Host,
    taken: convert::Taken,
) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above.
        let (from, payload) = unsafe { (from.as_slice(), payload.as_slice()) };
        convert::convert(reply, place, from, payload, taken)
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

pub(super) unsafe fn nested(host: *const Host, contained: fn() -> Upgrades) -> i32 {
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut |reply| reply.result(&to_bytes(&contained().chains())?)) }
}

pub(super) unsafe fn carry_nested(
    asked: *const NestedCarry,
    host: *const Host,
    contained: fn() -> Upgrades,
) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above: what is asked begins with its size.
        let asked = unsafe { sized::read(asked) };
        let NestedCarry { chain, back, version, value, attic, path, .. } = asked;
        // SAFETY: the contract above.
        let [version, value, attic, path] =
            [version, value, attic, path].map(|bytes| unsafe { bytes.as_slice() });
        let (version, path) = (std::str::from_utf8(version)?, std::str::from_utf8(path)?);
        let attic: Attic = from_bytes(attic)?;
        let carried = contained().carry(chain as usize, back != 0, version, value, attic, path);
        let (value, attic) = carried.map_err(boxed)?;
        reply.attic(&to_bytes(&attic)?)?;
        reply.result(&value)
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
}

pub(super) unsafe fn apply(
    payload: Bytes,
    host: *const Host,
    apply: fn(&mut Decoder<'_>, &mut Encoder) -> Result<bool, BoxError>,
) -> i32 {
    let mut call = |reply: &Reply| {
        // SAFETY: the contract above.
        let mut input = Decoder::new(unsafe { payload.as_slice() });
        let mut out = Encoder::new();
        match apply(&mut input, &mut out)? {
            true => reply.result(&out.finish()?),
            // No value is encoded as nothing, so saying nothing is an answer: the message goes no further.
            false => Ok(()),
        }
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, &mut call) }
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

#[expect(clippy::needless_pass_by_value, reason = "passed to `map_err`")]
fn boxed(error: MigrateError) -> BoxError {
    error.to_string().into()
}

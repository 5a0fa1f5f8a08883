//! The function table of a transform.

use std::any::TypeId;

use super::guard::{Reply, guarded};
use super::{Bytes, Host, TransformDescription, TransformTable, convert, image};
use crate::state::codec::{Decoder, Encoder};
use crate::state::payload::Upgrades;
use crate::state::to_bytes;
use crate::transform::Transform;

/// The table of `T`.
pub(super) const fn of<T: Transform>() -> *const TransformTable {
    &const {
        TransformTable {
            size: size_of::<TransformTable>(),
            alive: Some(alive),
            describe: Some(describe::<T>),
            call: Some(call::<T>),
            converts: Some(converts::<T>),
            convert: Some(convert::<T>),
        }
    }
}

// The contract of every function here, which the host's `handle` module keeps: `host` is null or valid during the call;
// `Bytes` are valid during the call.

unsafe extern "C" fn alive(host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { guarded(host, |reply| reply.result(image::build_id())) }
}

unsafe extern "C" fn describe<T: Transform>(host: *const Host) -> i32 {
    let call = |reply: &Reply| {
        reply.result(&to_bytes(&TransformDescription { takes: T::takes(), gives: T::gives() })?)
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

unsafe extern "C" fn call<T: Transform>(payload: Bytes, host: *const Host) -> i32 {
    let call = |reply: &Reply| {
        // SAFETY: the contract above.
        let mut input = Decoder::new(unsafe { payload.as_slice() });
        let mut out = Encoder::new();
        match T::apply(&mut input, &mut out)? {
            true => reply.result(&out.finish()?),
            // No value is encoded as nothing, so saying nothing is an answer: the message goes no further.
            false => Ok(()),
        }
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

unsafe extern "C" fn converts<T: Transform>(from: Bytes, host: *const Host) -> i32 {
    let call = |reply: &Reply| {
        // SAFETY: the contract above.
        let from = unsafe { from.as_slice() };
        convert::converts(reply, place::<T>(), from, || Ok((T::takes().shape, upgrades::<T>())))
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

unsafe extern "C" fn convert<T: Transform>(from: Bytes, payload: Bytes, host: *const Host) -> i32 {
    let call = |reply: &Reply| {
        // SAFETY: the contract above.
        let (from, payload) = unsafe { (from.as_slice(), payload.as_slice()) };
        let taken = || Ok((T::takes().shape, upgrades::<T>()));
        convert::convert(reply, place::<T>(), from, payload, taken)
    };
    // SAFETY: the contract above.
    unsafe { guarded(host, call) }
}

fn place<T: Transform>() -> convert::Place {
    (TypeId::of::<T>(), upgrades::<T> as *const () as usize, 0)
}

fn upgrades<T: Transform>() -> Upgrades {
    let mut found = Upgrades::default();
    T::upgrades(&mut found);
    found
}

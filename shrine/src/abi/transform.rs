//! The function table of a transform, as [`table`](super::table) is that of a widget.

use std::any::TypeId;

use super::image::Image;
use super::{Bytes, Host, TransformDescription, TransformTable, calls, convert};
use crate::state::payload::Upgrades;
use crate::state::shape::Shape;
use crate::transform::Transform;
use crate::widget::BoxError;

/// The table of `T`.
pub(super) const fn of<T: Transform>() -> *const TransformTable {
    &const {
        TransformTable {
            size: size_of::<TransformTable>(),
            alive: Some(alive::<T>),
            describe: Some(describe::<T>),
            call: Some(call::<T>),
            converts: Some(converts::<T>),
            convert: Some(convert::<T>),
        }
    }
}

// The contract of every function here, which the host's `handle` module keeps: `host` is null or valid during the call;
// `Bytes` are valid during the call. It is the contract of `calls`.

/// Of `T`, so that it is compiled into the image that `T` is in.
#[expect(clippy::extra_unused_type_parameters, reason = "generic code is compiled with the widget")]
unsafe extern "C" fn alive<T: Transform>(host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::alive(host, Image::of_caller()) }
}

unsafe extern "C" fn describe<T: Transform>(host: *const Host) -> i32 {
    fn description<T: Transform>() -> TransformDescription {
        TransformDescription { takes: T::takes(), gives: T::gives() }
    }
    // SAFETY: the contract above.
    unsafe { calls::describe_transform(host, description::<T>) }
}

unsafe extern "C" fn call<T: Transform>(payload: Bytes, host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::apply(payload, host, T::apply) }
}

unsafe extern "C" fn converts<T: Transform>(from: Bytes, host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::converts(place::<T>(), from, host, taken::<T>) }
}

unsafe extern "C" fn convert<T: Transform>(from: Bytes, payload: Bytes, host: *const Host) -> i32 {
    // SAFETY: the contract above.
    unsafe { calls::convert(place::<T>(), [from, payload], host, taken::<T>) }
}

fn place<T: Transform>() -> convert::Place {
    (TypeId::of::<T>(), taken::<T> as *const () as usize, 0)
}

/// What it takes, at its one place.
#[expect(clippy::unnecessary_wraps, reason = "a widget may not have the port")]
fn taken<T: Transform>(_: u32) -> Result<(Shape, Upgrades), BoxError> {
    let mut found = Upgrades::default();
    T::upgrades(&mut found);
    Ok((T::takes().shape, found))
}

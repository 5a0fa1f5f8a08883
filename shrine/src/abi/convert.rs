//! Messages of another shape than the code takes.

use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;

use super::guard::Reply;
use crate::state::from_bytes;
use crate::state::payload::{Conversion, Misfit, Upgrades};
use crate::state::shape::Shape;
use crate::widget::{BoxError, Interface};

/// A place that takes messages: the type, the address of its code, and the port. The type alone is the same in two
/// generations, which may share this module.
pub(super) type Place = (TypeId, usize, u32);

/// Says what the port of that index takes.
pub(super) type Taken = fn(u32) -> Result<(Shape, Upgrades), BoxError>;

/// How many conversions a thread keeps: planning one costs more than many messages.
const KEPT: usize = 16;

type Kept = (Place, Vec<u8>, Rc<Conversion>);

thread_local! {
    static PLANNED: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Answers with nothing if every message of the shape can be converted, or with the reason why not.
pub(super) fn converts(reply: &Reply, place: Place, from: &[u8], to: Taken) -> Result<(), BoxError> {
    match planned(place, from, to)? {
        Ok(_) => Ok(()),
        Err(misfit) => reply.result(misfit.to_string().as_bytes()),
    }
}

/// Answers with the message as the code takes it.
pub(super) fn convert(
    reply: &Reply,
    place: Place,
    from: &[u8],
    payload: &[u8],
    to: Taken,
) -> Result<(), BoxError> {
    let conversion = planned(place, from, to)??;
    reply.result(&conversion.apply(payload).map_err(|error| error.to_string())?)
}

/// What the input port of that index takes.
pub(super) fn taken(
    interface: Interface,
    port: u32,
    upgrades: Upgrades,
) -> Result<(Shape, Upgrades), BoxError> {
    let input = interface.inputs.into_iter().nth(port as usize);
    Ok((input.ok_or("the widget has no port of that index")?.shape, upgrades))
}

fn planned(place: Place, from: &[u8], to: Taken) -> Result<Result<Rc<Conversion>, Misfit>, BoxError> {
    let known = PLANNED.with_borrow(|planned| {
        let known = planned.iter().find(|(at, shape, _)| *at == place && shape == from);
        known.map(|(_, _, conversion)| Rc::clone(conversion))
    });
    if let Some(known) = known {
        return Ok(Ok(known));
    }
    let (to, upgrades) = to(place.2)?;
    let conversion = match Conversion::plan(&from_bytes(from)?, &to, &upgrades) {
        Ok(conversion) => Rc::new(conversion),
        Err(misfit) => return Ok(Err(misfit)),
    };
    PLANNED.with_borrow_mut(|planned| {
        if planned.len() == KEPT {
            planned.remove(0);
        }
        planned.push((place, from.to_vec(), Rc::clone(&conversion)));
    });
    Ok(Ok(conversion))
}

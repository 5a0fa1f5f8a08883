//! [`State`](crate::State) for the plain structs that this crate itself sends over the boundary.

/// Implements `State` for structs with named fields. What `#[state]` does for users, without the shape: these types
/// are never part of a widget's state.
macro_rules! record {
    ($($type:ident { $($field:ident),* $(,)? })+) => { $(
        impl $crate::State for $type {
            const FINGERPRINT: u64 = 0;
            fn shape(_: &mut $crate::state::shape::ShapeContext) -> $crate::state::shape::Shape {
                $crate::state::shape::Shape::Any
            }
            fn encode(&self, out: &mut $crate::state::codec::Encoder) {
                const FIELDS: usize = [$(stringify!($field)),*].len();
                out.map(FIELDS, |out| { $(out.field(stringify!($field), &self.$field);)* });
            }
            fn decode(
                input: &mut $crate::state::codec::Decoder<'_>,
            ) -> Result<Self, $crate::state::codec::DecodeError> {
                $(let mut $field = None;)*
                input.entries(|input| {
                    match input.str()? {
                        $(stringify!($field) => $field = Some($crate::State::decode(input).map_err(|e| e.at(stringify!($field)))?),)*
                        // A newer library may say more: what this host does not know, it passes over.
                        _ => { input.raw()?; }
                    }
                    Ok(())
                })?;
                Ok(Self { $($field: $field.ok_or_else(|| {
                    input.error(concat!("field `", stringify!($field), "` is missing"))
                })?,)* })
            }
        }
    )+ };
}

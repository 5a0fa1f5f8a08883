//! Histories of other people's formats, told with `#[migrate]`: real documents of an old version become what their own
//! software makes of them.

mod document;
mod ingress;
mod notebook;
mod package_lock;

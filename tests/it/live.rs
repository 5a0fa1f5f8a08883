//! The live graph, through the same function tables as a loaded library, without one.

mod conservation;
mod faults;
mod graph;
mod in_place;
mod letters;
mod options;
mod runs;
mod threads;

//! Arbitrary bytes, decoded as every version of several states: each ends in a state or an error.
//!
//! What is a state is also carried to the newest version, written and read again. `CONTRIBUTING.md` says how to run it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shrine_tests::hostile::TARGETS;

fuzz_target!(|bytes: &[u8]| {
    for target in TARGETS {
        let _is_state = target.read(bytes);
    }
});

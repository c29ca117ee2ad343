//! See `eider::fuzz::nodes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eider::fuzz::nodes(bytes));

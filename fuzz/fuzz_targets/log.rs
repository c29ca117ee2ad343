//! See `eider::fuzz::log`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eider::fuzz::log(bytes));

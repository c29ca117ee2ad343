//! See `eider::fuzz::http`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eider::fuzz::http(bytes));

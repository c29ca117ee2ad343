//! See `eider::fuzz::postgres`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eider::fuzz::postgres(bytes));

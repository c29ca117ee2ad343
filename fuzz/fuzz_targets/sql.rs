//! See `eider::fuzz::sql`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eider::fuzz::sql(bytes));

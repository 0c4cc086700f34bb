//! Fuzz target: see `cngtoken_fuzz::record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cngtoken_fuzz::record(data));

//! Fuzz target: see `cngtoken_fuzz::unlock`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cngtoken_fuzz::unlock(data));

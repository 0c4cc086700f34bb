//! Fuzz target: see `cngtoken_fuzz::der`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cngtoken_fuzz::der(data));

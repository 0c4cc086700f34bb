//! Fuzz target: see `cngtoken_fuzz::shapes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cngtoken_fuzz::shapes(data));

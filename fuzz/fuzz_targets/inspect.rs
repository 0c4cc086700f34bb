//! Fuzz target: see `cngtoken_fuzz::inspect`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cngtoken_fuzz::inspect(data));

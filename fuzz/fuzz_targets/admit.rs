//! Fuzz target: see `cngtoken_fuzz::admit`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cngtoken_fuzz::admit(data));

//! Fuzz target: see `cngtoken_fuzz::template`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cngtoken_fuzz::template(data));

//! Fuzz target: see `cngtoken_fuzz::pkcs8`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cngtoken_fuzz::pkcs8(data));

//! Fuzz target: see `cngtoken_fuzz::explain_code`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cngtoken_fuzz::explain_code(data));

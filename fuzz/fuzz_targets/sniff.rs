//! Fuzz target: see `cngtoken_fuzz::sniff`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cngtoken_fuzz::sniff(data));

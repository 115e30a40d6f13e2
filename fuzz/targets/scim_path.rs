#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| scim::fuzz::path(text));

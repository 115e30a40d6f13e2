#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| scim::fuzz::filter(text));

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| oauth::fuzz::authorization_header(text));

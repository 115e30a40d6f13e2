#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| oauth::fuzz::token_request(None, "", text));

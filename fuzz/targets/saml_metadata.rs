#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| gateway::domain::saml::fuzz::metadata(text));

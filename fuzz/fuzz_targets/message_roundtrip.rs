#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reachd_fuzz::message_roundtrip::run(data));

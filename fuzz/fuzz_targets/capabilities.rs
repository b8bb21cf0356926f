#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reachd_fuzz::capabilities::run(data));

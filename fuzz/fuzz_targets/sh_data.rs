#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reachd_fuzz::sh_data::run(data));

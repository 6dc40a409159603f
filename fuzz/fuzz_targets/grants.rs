#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| { let _ = (data, toolhost::sealing::REDACTED); });

//! STUN: whatever arrives is no binding request or one without the password, and an answer stays small.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nhipcau_media_rtc::fuzz;

fuzz_target!(|data: &[u8]| {
    for from in ["192.0.2.7:161", "[2001:db8::7]:65535"] {
        fuzz::stun(data, from.parse().expect("an address"));
    }
});

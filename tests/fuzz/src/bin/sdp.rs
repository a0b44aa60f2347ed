//! SDP: any text is an offer that is answered line by line, or is refused with a sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nhipcau_media_rtc::fuzz;

fuzz_target!(
    init: nhipcau_fuzz::forgive_caught_panics(),
    |data: &[u8]| {
        if let Ok(text) = std::str::from_utf8(data) {
            fuzz::sdp(text);
        }
    }
);

//! DTLS: datagrams of one peer before its keys are known. The input is a sequence of datagrams, each with its length in two bytes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nhipcau_fuzz::pieces;
use nhipcau_media_rtc::fuzz::Handshakes;

static HANDSHAKES: LazyLock<Handshakes> = LazyLock::new(Handshakes::default);

fuzz_target!(
    init: nhipcau_fuzz::forgive_caught_panics(),
    |data: &[u8]| {
        let datagrams: Vec<_> = pieces(data).take(16).map(<[u8]>::to_vec).collect();
        HANDSHAKES.play(&datagrams);
    }
);

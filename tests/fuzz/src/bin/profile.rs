//! The profile loader: any text is a set of rules or a list of mistakes with their places.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nhipcau_inventory::ProfileSet;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(mistakes) = ProfileSet::parse([("fuzz.yaml", text)]) {
        assert!(!mistakes.is_empty());
        for mistake in mistakes {
            assert!(!mistake.to_string().is_empty());
        }
    }
});

//! What room pages say: any text is one typed message within its limits, or is refused; no key may stand twice.
#![no_main]

use std::collections::HashSet;
use std::fmt;

use libfuzzer_sys::fuzz_target;
use nhipcau_conference::display_name;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

#[expect(dead_code, reason = "the daemon acts on the rest of it")]
#[path = "../../../../daemon/src/app/rooms/message/page.rs"]
mod page;

use page::{PageMessage, Shown};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let message = match PageMessage::parse(text) {
        Ok(message) => message,
        Err(error) => {
            assert!(!error.code().is_empty());
            return;
        }
    };
    let Keys(keys) = serde_json::from_str(text).expect("a message is an object");
    let distinct: HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len(), "a key twice in {text}");
    if let Some((_, reference)) = message.command() {
        assert_eq!(reference.is_some(), text.contains("\"ref\""), "{text}");
    }
    match message {
        PageMessage::View { large, tiles } => {
            assert!(tiles.len() <= 11);
            for Shown { participant, track } in large.into_iter().chain(tiles) {
                // Named as it would be written again; leading zeros are the one liberty.
                let kind = serde_json::to_string(&track).expect("a word");
                assert!(["\"main\"", "\"slides\"", "\"document\""].contains(&kind.as_str()));
                assert!(participant.to_string().starts_with('p'));
            }
        }
        PageMessage::Join { name, .. } => {
            if let Some(name) = display_name(&name) {
                assert!(!name.is_empty() && name.chars().count() <= 80);
                assert!(!name.contains(char::is_control));
            }
        }
        _ => {}
    }
});

/// The keys of an object as they stand in the text.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Keys;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

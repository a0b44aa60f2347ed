//! The bytes of a layer's latest packets, shared by all receivers, for forwarding and for sending again.

use nhipcau_sfu::cache::CacheIndex;
use nhipcau_sfu::rewrite::UpPacket;

/// One packet: what the room knows of it, and its payload.
struct Held {
    facts: UpPacket,
    payload: Vec<u8>,
}

/// A ring of the latest packets of a layer. Its places grow to the largest payload they have held and are then reused.
pub(crate) struct PacketCache {
    index: CacheIndex,
    held: Vec<Option<Held>>,
}

impl PacketCache {
    /// A ring of `places`.
    pub(crate) fn new(places: usize) -> Self {
        Self {
            index: CacheIndex::new(places),
            held: (0..places.max(1).next_power_of_two())
                .map(|_| None)
                .collect(),
        }
    }

    /// Keeps a packet: its payload and, behind it, its dependency descriptor. Returns whether there was a place for it; there is none for one older than the whole ring.
    pub(crate) fn insert(&mut self, facts: &UpPacket, payload: &[u8], dependency: &[u8]) -> bool {
        let Some(place) = self.index.insert(facts.index) else {
            return false;
        };
        match &mut self.held[place] {
            Some(held) => {
                held.facts = *facts;
                held.payload.clear();
                held.payload.extend_from_slice(payload);
                held.payload.extend_from_slice(dependency);
            }
            empty => {
                *empty = Some(Held {
                    facts: *facts,
                    payload: [payload, dependency].concat(),
                });
            }
        }
        true
    }

    /// The packet with `index`, if it is still there.
    pub(crate) fn find(&self, index: u64) -> Option<(&UpPacket, &[u8])> {
        let held = self.held[self.index.find(index)?].as_ref()?;
        Some((&held.facts, &held.payload))
    }
}

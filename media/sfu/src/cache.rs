//! The index of a retransmission cache: which of the caller's places holds which packet. It belongs to the publisher's layer and
//! is shared by all receivers.

/// Maps the indexes of the latest packets of a layer to places in a ring.
#[derive(Clone, Debug)]
pub struct CacheIndex {
    held: Vec<Option<u64>>,
}

impl CacheIndex {
    /// A ring of at least `places`: the next power of two, because a packet looks itself up for each of its receivers.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self {
            held: vec![None; places.max(1).next_power_of_two()],
        }
    }

    /// The place for the packet `index`; what was there is forgotten. `None` when a newer packet has the place.
    pub fn insert(&mut self, index: u64) -> Option<usize> {
        let place = self.place(index);
        if self.held[place].is_some_and(|held| held > index) {
            return None;
        }
        self.held[place] = Some(index);
        Some(place)
    }

    /// Where the packet `index` is, unless it was overwritten or never came.
    #[must_use]
    pub fn find(&self, index: u64) -> Option<usize> {
        let place = self.place(index);
        (self.held[place] == Some(index)).then_some(place)
    }

    fn place(&self, index: u64) -> usize {
        index as usize & (self.held.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_latest_packets_only() {
        let mut cache = CacheIndex::new(4);
        for index in 10..15 {
            assert_eq!(cache.insert(index), Some(index as usize % 4));
        }
        assert_eq!(cache.find(10), None, "overwritten by 14");
        assert_eq!(cache.find(11), Some(3));
        assert_eq!(cache.find(15), None);
        assert_eq!(
            cache.insert(10),
            None,
            "late, and its place has a newer one"
        );
    }
}

//! Bits of a header, most significant first, read from bytes that may be hostile.

/// What is left of a header. Reading beyond its end gives `None`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `count` bits, at most 32.
    pub(super) fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }

    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count)?;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// An unsigned Exp-Golomb number (H.264 §9.1; AV1 §4.10.3 under the name of `uvlc`); longer ones than any header has are refused.
    pub(super) fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 24 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    /// A signed Exp-Golomb number (H.264 §9.1.1).
    pub(super) fn signed_golomb(&mut self) -> Option<i32> {
        let code = self.golomb()?.cast_signed();
        Some(if code & 1 == 1 {
            (code + 1) / 2
        } else {
            -(code / 2)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_kind_and_no_bit_beyond_the_end() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0101]);
        assert_eq!(bits.take(3), Some(5));
        assert_eq!(bits.golomb(), Some(5), "00110");
        assert_eq!(bits.signed_golomb(), Some(1), "010");
        assert_eq!(bits.signed_golomb(), Some(-2), "00101");
        assert_eq!(bits.take(1), None);
        assert_eq!(Bits::new(&[0; 8]).golomb(), None);
        assert_eq!(Bits::new(&[1]).skip(9), None);
    }
}

//! Redundant sound (RFC 2198): a packet that carries copies of those before it.

/// Where the newest block of a RED payload lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Red {
    /// Offset of the primary block, which reaches to the end of the payload.
    pub primary: u16,
}

/// A redundant block of a RED payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// How much older it is than the packet, in ticks of the RTP clock.
    pub age: u32,
    /// Where it begins in the payload.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// Redundant blocks that are looked at; browsers send one or two.
const BLOCKS_MAX: usize = 4;

impl Red {
    /// Parses a RED payload whose blocks all have the payload type `opus`, and hands its redundant blocks, oldest first, to
    /// `each`. `None` when lengths lie, when there are too many blocks, or when one is of another type.
    pub fn parse(payload: &[u8], opus: u8, mut each: impl FnMut(Block)) -> Option<Self> {
        let mut heads = [(0u32, 0usize); BLOCKS_MAX];
        let mut count = 0;
        let mut at = 0;
        loop {
            let first = *payload.get(at)?;
            if first & 0x7f != opus {
                return None;
            }
            if first & 0x80 == 0 {
                at += 1;
                break;
            }
            // F, type, 14 bits of timestamp offset, 10 bits of length.
            let [_, a, b, c] = *payload.get(at..at + 4)?.first_chunk::<4>()?;
            *heads.get_mut(count)? = (
                u32::from(a) << 6 | u32::from(b) >> 2,
                usize::from(b & 0x03) << 8 | usize::from(c),
            );
            count += 1;
            at += 4;
        }
        let end = at + heads[..count].iter().map(|head| head.1).sum::<usize>();
        if end > payload.len() {
            return None;
        }
        for &(age, length) in &heads[..count] {
            // An empty block says that there is no copy.
            if length > 0 {
                each(Block {
                    age,
                    start: at,
                    end: at + length,
                });
            }
            at += length;
        }
        Some(Self {
            primary: u16::try_from(at).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the primary begins, and age and bytes of the others.
    type Parsed = (usize, Vec<(u32, Vec<u8>)>);

    fn parse(payload: &[u8]) -> Option<Parsed> {
        let mut blocks = Vec::new();
        let red = Red::parse(payload, 111, |block| {
            blocks.push((block.age, payload[block.start..block.end].to_vec()));
        })?;
        Some((usize::from(red.primary), blocks))
    }

    #[test]
    fn reads_blocks_and_where_the_primary_begins() {
        assert_eq!(parse(&[111, 1, 2]), Some((1, vec![])));
        let two = [
            0x80 | 111,
            0x1e,
            0x00,
            2, // 1,920 ticks, two bytes
            0x80 | 111,
            0x0f,
            0x00,
            1, // 960 ticks, one byte
            111,
            1,
            2,
            3,
            9,
            9,
        ];
        assert_eq!(
            parse(&two),
            Some((12, vec![(1_920, vec![1, 2]), (960, vec![3])]))
        );
        let empty = [0x80 | 111, 0x0f, 0x00, 0, 111, 9];
        assert_eq!(
            parse(&empty),
            Some((5, vec![])),
            "an empty block is no copy"
        );
    }

    #[test]
    fn refuses_lies() {
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&[0x80 | 111, 0, 0]), None, "a cut head");
        assert_eq!(parse(&[0x80 | 111, 0, 0, 9, 111, 1]), None, "too long");
        assert_eq!(parse(&[0x80 | 111, 0, 0, 1]), None, "no primary");
        assert_eq!(parse(&[112, 1]), None, "another payload type");
        let mut many = Vec::new();
        for _ in 0..5 {
            many.extend([0x80 | 111, 0, 0, 0]);
        }
        many.push(111);
        assert_eq!(parse(&many), None, "five blocks");
    }
}

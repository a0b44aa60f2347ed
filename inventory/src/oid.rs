//! Object identifiers, small enough to copy and ordered as SNMP orders them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most arcs of one OID (RFC 2578 §3.5: at most 128 sub-identifiers).
pub const ARCS_MAX: usize = 128;

/// Bytes that fit without a heap allocation: with one byte for nearly every arc this holds the rows of all tables we read
/// except those indexed by a WWN or an IPv6 address.
const INLINE_BYTES: usize = 30;

/// An object identifier.
///
/// Arcs are kept in an order-preserving, self-delimiting variable-length code, so that the lexicographic order of RFC 3416 is
/// one byte comparison and "is below" is one prefix comparison. 32 bytes; cloning allocates nothing.
#[derive(Clone)]
pub struct Oid(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    Heap(Arc<[u8]>),
}

/// Why a text is no OID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OidError {
    /// No arc at all.
    Empty,
    /// An arc is not a number below 2³².
    BadArc,
    /// More than [`ARCS_MAX`] arcs.
    TooLong,
}

impl fmt::Display for OidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an OID needs at least one arc",
            Self::BadArc => "an arc of an OID is a number from 0 to 4294967295",
            Self::TooLong => "an OID has at most 128 arcs",
        })
    }
}

impl std::error::Error for OidError {}

/// Appends the code of one arc: 0–240 in one byte, then two, three, four or five bytes whose first byte grows with the value.
fn encode(arc: u32, out: &mut [u8; 5]) -> usize {
    let [_, b, c, d] = arc.to_be_bytes();
    match arc {
        0..=240 => {
            out[0] = d;
            1
        }
        241..=2287 => {
            let rest = arc - 241;
            out[0] = 241 + (rest >> 8) as u8;
            out[1] = rest as u8;
            2
        }
        2288..=67_823 => {
            let rest = (arc - 2288) as u16;
            out[0] = 249;
            out[1..3].copy_from_slice(&rest.to_be_bytes());
            3
        }
        67_824..=0x00ff_ffff => {
            out[..4].copy_from_slice(&[250, b, c, d]);
            4
        }
        _ => {
            out[0] = 251;
            out[1..5].copy_from_slice(&arc.to_be_bytes());
            5
        }
    }
}

/// The first arc of `bytes` and what follows it; `bytes` was written by [`encode`].
fn decode(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    Some(match first {
        0..=240 => (u32::from(first), rest),
        241..=248 => (
            241 + (u32::from(first - 241) << 8) + u32::from(rest[0]),
            &rest[1..],
        ),
        249 => (
            2288 + u32::from(u16::from_be_bytes([rest[0], rest[1]])),
            &rest[2..],
        ),
        250 => (
            u32::from_be_bytes([0, rest[0], rest[1], rest[2]]),
            &rest[3..],
        ),
        _ => (
            u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]),
            &rest[4..],
        ),
    })
}

impl Oid {
    /// The OID of these arcs. Arcs beyond [`ARCS_MAX`] are refused.
    ///
    /// # Errors
    /// [`OidError::TooLong`]. No arcs at all make the empty OID, which precedes all others.
    pub fn from_arcs(arcs: &[u32]) -> Result<Self, OidError> {
        if arcs.len() > ARCS_MAX {
            return Err(OidError::TooLong);
        }
        Ok(Self::from_parts(&[], arcs))
    }

    fn from_parts(head: &[u8], arcs: &[u32]) -> Self {
        let mut code = [0; 5];
        let mut bytes = [0; INLINE_BYTES];
        let mut len = head.len();
        if len <= INLINE_BYTES {
            bytes[..len].copy_from_slice(head);
            let mut fits = true;
            for &arc in arcs {
                let n = encode(arc, &mut code);
                if len + n > INLINE_BYTES {
                    fits = false;
                    break;
                }
                bytes[len..len + n].copy_from_slice(&code[..n]);
                len += n;
            }
            if fits {
                return Self(Repr::Inline {
                    len: len as u8,
                    bytes,
                });
            }
        }
        let mut heap = head.to_vec();
        for &arc in arcs {
            let n = encode(arc, &mut code);
            heap.extend_from_slice(&code[..n]);
        }
        Self(Repr::Heap(heap.into()))
    }

    fn code(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Heap(bytes) => bytes,
        }
    }

    fn from_code(code: &[u8]) -> Self {
        Self::from_parts(code, &[])
    }

    /// The arcs in order.
    pub fn arcs(&self) -> impl Iterator<Item = u32> + '_ {
        let mut rest = self.code();
        std::iter::from_fn(move || {
            let (arc, tail) = decode(rest)?;
            rest = tail;
            Some(arc)
        })
    }

    /// Number of arcs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arcs().count()
    }

    /// Whether there is no arc at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.code().is_empty()
    }

    /// Whether `self` lies in the subtree of `prefix` (or is it).
    #[must_use]
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.code().starts_with(prefix.code())
    }

    /// What follows `prefix`: the index of a row when `prefix` is a column.
    #[must_use]
    pub fn strip_prefix(&self, prefix: &Self) -> Option<Self> {
        self.code().strip_prefix(prefix.code()).map(Self::from_code)
    }

    /// `self` with more arcs behind it.
    #[must_use]
    pub fn join(&self, arcs: &[u32]) -> Self {
        Self::from_parts(self.code(), arcs)
    }

    /// `self` with all arcs of `index` behind it.
    #[must_use]
    pub fn join_oid(&self, index: &Self) -> Self {
        let mut code = self.code().to_vec();
        code.extend_from_slice(index.code());
        Self::from_code(&code)
    }

    /// The first arc.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        decode(self.code()).map(|(arc, _)| arc)
    }

    /// The last arc.
    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.arcs().last()
    }
}

impl Default for Oid {
    /// The empty OID, which precedes all others.
    fn default() -> Self {
        Self(Repr::Inline {
            len: 0,
            bytes: [0; INLINE_BYTES],
        })
    }
}

impl PartialEq for Oid {
    fn eq(&self, other: &Self) -> bool {
        self.code() == other.code()
    }
}

impl Eq for Oid {}

impl std::hash::Hash for Oid {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.code().hash(state);
    }
}

impl PartialOrd for Oid {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Oid {
    /// The lexicographic order of RFC 3416 §4.2.2.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, arc) in self.arcs().enumerate() {
            if n > 0 {
                f.write_str(".")?;
            }
            write!(f, "{arc}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Oid {
    type Err = OidError;

    /// Dotted decimal, with or without a leading dot.
    fn from_str(text: &str) -> Result<Self, OidError> {
        let text = text.strip_prefix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(OidError::Empty);
        }
        let mut arcs = [0; ARCS_MAX];
        let mut len = 0;
        for part in text.split('.') {
            if len == ARCS_MAX {
                return Err(OidError::TooLong);
            }
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(OidError::BadArc);
            }
            arcs[len] = part.parse().map_err(|_| OidError::BadArc)?;
            len += 1;
        }
        Self::from_arcs(&arcs[..len])
    }
}

impl Serialize for Oid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|e| serde::de::Error::custom(format_args!("bad OID `{text}`: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(text: &str) -> Oid {
        text.parse().unwrap()
    }

    #[test]
    fn text_survives_and_order_is_by_arcs() {
        let arcs = [
            0,
            1,
            127,
            128,
            240,
            241,
            255,
            256,
            2287,
            2288,
            67_823,
            67_824,
            0x00ff_ffff,
            0x0100_0000,
            u32::MAX,
        ];
        for &a in &arcs {
            assert_eq!(
                Oid::from_arcs(&[1, 3, a]).unwrap().to_string(),
                format!("1.3.{a}")
            );
            for &b in &arcs {
                for &c in &[0, 300] {
                    let (x, y) = (
                        Oid::from_arcs(&[1, a, c]).unwrap(),
                        Oid::from_arcs(&[1, b]).unwrap(),
                    );
                    assert_eq!(x.cmp(&y), [1, a, c][..].cmp(&[1, b][..]), "{x} {y}");
                }
            }
        }
    }

    #[test]
    fn prefixes_end_at_arcs() {
        assert!(oid("1.3.6.1.2").starts_with(&oid("1.3.6.1")));
        assert!(!oid("1.3.6.10").starts_with(&oid("1.3.6.1")));
        assert!(!oid("1.3.300").starts_with(&oid("1.3.241")));
        assert_eq!(
            oid(".1.3.6.1.2.7").strip_prefix(&oid("1.3.6.1")),
            Some(oid("2.7"))
        );
        assert_eq!(oid("1.3").join_oid(&oid("6.4096")), oid("1.3.6.4096"));
    }

    #[test]
    fn long_ones_move_to_the_heap_and_stay_equal() {
        let long = Oid::from_arcs(&[70_000; 20]).unwrap();
        assert_eq!(long, long.to_string().parse().unwrap());
        assert_eq!(long.len(), 20);
        assert_eq!(size_of::<Oid>(), 32);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", ".", "1..2", "1.x", "1.-2", "1.4294967296", "1.+2", " 1"] {
            assert!(bad.parse::<Oid>().is_err(), "{bad:?}");
        }
        assert_eq!(
            vec!["1"; 129].join(".").parse::<Oid>(),
            Err(OidError::TooLong)
        );
    }
}

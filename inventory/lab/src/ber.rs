//! Writing SNMP messages: lengths are known before the first byte, so that bytes are written once, forward.

use crate::device::Reading;

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const IP_ADDRESS: u8 = 0x40;
pub(crate) const COUNTER32: u8 = 0x41;
pub(crate) const GAUGE32: u8 = 0x42;
pub(crate) const TIME_TICKS: u8 = 0x43;
pub(crate) const COUNTER64: u8 = 0x46;
pub(crate) const NO_SUCH_OBJECT: u8 = 0x80;
pub(crate) const NO_SUCH_INSTANCE: u8 = 0x81;
pub(crate) const END_OF_MIB_VIEW: u8 = 0x82;

/// Bytes of a TLV whose content is `content` bytes long.
pub(crate) fn tlv_len(content: usize) -> usize {
    content
        + match content {
            0..=127 => 2,
            128..=255 => 3,
            256..=65_535 => 4,
            _ => 5,
        }
}

pub(crate) fn header(out: &mut Vec<u8>, tag: u8, content: usize) {
    out.push(tag);
    match content {
        0..=127 => out.push(content as u8),
        128..=255 => out.extend_from_slice(&[0x81, content as u8]),
        256..=65_535 => out.extend_from_slice(&[0x82, (content >> 8) as u8, content as u8]),
        _ => out.extend_from_slice(&[
            0x83,
            (content >> 16) as u8,
            (content >> 8) as u8,
            content as u8,
        ]),
    }
}

fn signed_len(value: i64) -> usize {
    let magnitude = if value < 0 { !value } else { value };
    (64 - magnitude.leading_zeros() as usize) / 8 + 1
}

fn unsigned_len(value: u64) -> usize {
    (64 - value.leading_zeros() as usize) / 8 + 1
}

/// An INTEGER.
pub(crate) fn int(out: &mut Vec<u8>, value: i64) {
    let length = signed_len(value);
    header(out, INTEGER, length);
    out.extend_from_slice(&value.to_be_bytes()[8 - length..]);
}

pub(crate) fn int_len(value: i64) -> usize {
    tlv_len(signed_len(value))
}

fn unsigned(out: &mut Vec<u8>, tag: u8, value: u64) {
    let length = unsigned_len(value);
    header(out, tag, length);
    if length == 9 {
        out.push(0);
    }
    out.extend_from_slice(&value.to_be_bytes()[8 - length.min(8)..]);
}

pub(crate) fn octets(out: &mut Vec<u8>, bytes: &[u8]) {
    header(out, OCTET_STRING, bytes.len());
    out.extend_from_slice(bytes);
}

fn arc_len(arc: u64) -> usize {
    match arc {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        0x20_0000..=0x0fff_ffff => 4,
        _ => 5,
    }
}

/// The sub-identifiers as they are encoded: the first two arcs are one (X.690 §8.19.4).
fn sub_identifiers(arcs: &[u32]) -> impl Iterator<Item = u64> + '_ {
    let first = u64::from(arcs.first().copied().unwrap_or(0)) * 40
        + u64::from(arcs.get(1).copied().unwrap_or(0));
    std::iter::once(first).chain(arcs.iter().skip(2).map(|arc| u64::from(*arc)))
}

fn oid_content_len(arcs: &[u32]) -> usize {
    sub_identifiers(arcs).map(arc_len).sum()
}

pub(crate) fn oid(out: &mut Vec<u8>, arcs: &[u32]) {
    header(out, OBJECT_IDENTIFIER, oid_content_len(arcs));
    for arc in sub_identifiers(arcs) {
        for group in (0..arc_len(arc)).rev() {
            let more = if group > 0 { 0x80 } else { 0 };
            out.push(((arc >> (7 * group)) as u8 & 0x7f) | more);
        }
    }
}

/// What stands in the value of a variable binding.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound<'a> {
    Value(Reading<'a>),
    /// One of the three exceptions of RFC 3416, or NULL: a tag without content.
    Empty(u8),
}

fn value_len(value: &Bound<'_>) -> usize {
    tlv_len(match value {
        Bound::Empty(_) => 0,
        Bound::Value(reading) => match reading {
            Reading::Int(value) => signed_len(i64::from(*value)),
            Reading::Gauge(value) | Reading::Counter32(value) | Reading::Ticks(value) => {
                unsigned_len(u64::from(*value))
            }
            Reading::Counter64(value) => unsigned_len(*value),
            Reading::Text(text) | Reading::Raw(_, text) => text.len(),
            Reading::Oid(arcs) => oid_content_len(arcs),
            Reading::Ip(_) => 4,
        },
    })
}

/// Bytes of the binding of `name` to `value`.
pub(crate) fn binding_len(name: &[u32], value: &Bound<'_>) -> usize {
    tlv_len(tlv_len(oid_content_len(name)) + value_len(value))
}

/// Appends the binding of `name` to `value`.
pub(crate) fn binding(out: &mut Vec<u8>, name: &[u32], value: &Bound<'_>) {
    header(
        out,
        SEQUENCE,
        tlv_len(oid_content_len(name)) + value_len(value),
    );
    oid(out, name);
    match value {
        Bound::Empty(tag) => header(out, *tag, 0),
        Bound::Value(reading) => match reading {
            Reading::Int(value) => int(out, i64::from(*value)),
            Reading::Gauge(value) => unsigned(out, GAUGE32, u64::from(*value)),
            Reading::Counter32(value) => unsigned(out, COUNTER32, u64::from(*value)),
            Reading::Ticks(value) => unsigned(out, TIME_TICKS, u64::from(*value)),
            Reading::Counter64(value) => unsigned(out, COUNTER64, *value),
            Reading::Text(text) => octets(out, text),
            Reading::Oid(arcs) => oid(out, arcs),
            Reading::Ip(address) => {
                header(out, IP_ADDRESS, 4);
                out.extend_from_slice(address);
            }
            Reading::Raw(tag, content) => {
                header(out, *tag, content.len());
                out.extend_from_slice(content);
            }
        },
    }
}

/// A PDU: `tag { request_id, status, index, bindings }`.
pub(crate) fn pdu(
    out: &mut Vec<u8>,
    tag: u8,
    request_id: i32,
    status: i32,
    index: i32,
    bindings: &[u8],
) {
    header(
        out,
        tag,
        pdu_content_len(request_id, status, index, bindings.len()),
    );
    int(out, i64::from(request_id));
    int(out, i64::from(status));
    int(out, i64::from(index));
    header(out, SEQUENCE, bindings.len());
    out.extend_from_slice(bindings);
}

fn pdu_content_len(request_id: i32, status: i32, index: i32, bindings: usize) -> usize {
    int_len(i64::from(request_id))
        + int_len(i64::from(status))
        + int_len(i64::from(index))
        + tlv_len(bindings)
}

/// A v1 or v2c message around a PDU.
pub(crate) fn community_message(
    version: i64,
    community: &[u8],
    tag: u8,
    request_id: i32,
    status: i32,
    index: i32,
    bindings: &[u8],
) -> Vec<u8> {
    let pdu_len = tlv_len(pdu_content_len(request_id, status, index, bindings.len()));
    let content = int_len(version) + tlv_len(community.len()) + pdu_len;
    let mut out = Vec::with_capacity(tlv_len(content));
    header(&mut out, SEQUENCE, content);
    int(&mut out, version);
    octets(&mut out, community);
    pdu(&mut out, tag, request_id, status, index, bindings);
    out
}

#[cfg(test)]
mod tests {
    use async_snmp::ber::Decoder;
    use async_snmp::{Value, VarBind};

    use super::*;

    #[test]
    fn bindings_read_back_through_an_independent_decoder() {
        let text = [b'x'; 300];
        let cases: Vec<(Reading<'_>, Value)> = vec![
            (Reading::Int(0), Value::Integer(0)),
            (Reading::Int(-1), Value::Integer(-1)),
            (Reading::Int(-129), Value::Integer(-129)),
            (Reading::Int(i32::MAX), Value::Integer(i32::MAX)),
            (Reading::Int(i32::MIN), Value::Integer(i32::MIN)),
            (Reading::Gauge(u32::MAX), Value::Gauge32(u32::MAX)),
            (Reading::Counter32(128), Value::Counter32(128)),
            (Reading::Ticks(0), Value::TimeTicks(0)),
            (Reading::Counter64(u64::MAX), Value::Counter64(u64::MAX)),
            (Reading::Counter64(1 << 40), Value::Counter64(1 << 40)),
            (
                Reading::Text(&text),
                Value::OctetString(text.to_vec().into()),
            ),
            (Reading::Ip([10, 0, 0, 1]), Value::IpAddress([10, 0, 0, 1])),
            (
                Reading::Oid(&[2, 999, 4_294_967_295, 0]),
                Value::ObjectIdentifier(async_snmp::Oid::from_slice(&[2, 999, 4_294_967_295, 0])),
            ),
        ];
        let name = [1, 3, 6, 1, 128, 16_383, 16_384, 2_097_152, 268_435_456];
        for (reading, value) in cases {
            let bound = Bound::Value(reading);
            let mut bytes = Vec::new();
            binding(&mut bytes, &name, &bound);
            assert_eq!(bytes.len(), binding_len(&name, &bound));
            let decoded = VarBind::decode(&mut Decoder::from_slice(&bytes)).expect("decodes");
            assert_eq!(decoded.oid.arcs(), name);
            assert_eq!(decoded.value, value);
        }
    }
}

//! Takes out of a recording what must not leave the house: secrets always, names and addresses on demand.

use std::collections::{BTreeMap, BTreeSet};

use crate::profile::constant;
use crate::recording::Recording;
use crate::{Oid, Value};

/// Subtrees that hold secrets or the names of those who have them, in values or in indexes.
const SECRET: &[&str] = &[
    // SNMP-TARGET-MIB, SNMP-NOTIFICATION-MIB: who is sent traps, with which names.
    "1.3.6.1.6.3.12",
    "1.3.6.1.6.3.13",
    // SNMP-USER-BASED-SM-MIB: users.
    "1.3.6.1.6.3.15.1.2",
    // SNMP-VIEW-BASED-ACM-MIB: users, communities and groups as indexes.
    "1.3.6.1.6.3.16",
    // SNMP-COMMUNITY-MIB.
    "1.3.6.1.6.3.18",
    // SNMP-USM-DH-OBJECTS-MIB.
    "1.3.6.1.3.101",
    // CISCO-CONFIG-COPY-MIB, CISCO-FLASH-MIB operations, RADIUS and TACACS of Cisco: user names, passwords, keys.
    "1.3.6.1.4.1.9.9.96",
    "1.3.6.1.4.1.9.9.10.1.2",
    "1.3.6.1.4.1.9.10.56",
    "1.3.6.1.4.1.9.2.1.53",
    // CISCO-SNMP-TARGET-EXT, CISCO-VTP (VTP authentication).
    "1.3.6.1.4.1.9.9.46.1.5.1.1",
    // PowerNet-MIB: trap receivers with their communities, users of the card.
    "1.3.6.1.4.1.318.2.1",
    "1.3.6.1.4.1.318.2.4",
    // UPS, PDU and probes of Raritan, Eaton: users and receivers.
    "1.3.6.1.4.1.534.6.6.7.1.9",
    // HH3C-USER-MIB, HUAWEI-AAA-MIB: local users and their passwords.
    "1.3.6.1.4.1.25506.2.12",
    "1.3.6.1.4.1.2011.5.2",
    // MIKROTIK: wireless keys.
    "1.3.6.1.4.1.14988.1.1.1",
    // CPQHOST and CPQSM2: trap destinations, users of the management processor.
    "1.3.6.1.4.1.232.9.2.8",
    "1.3.6.1.4.1.232.9.2.10",
    // IEEE 802.11: WEP keys.
    "1.2.840.10036.1.2",
    "1.2.840.10036.1.3",
    // Arguments of running programs often are passwords (hrSWRunParameters); NET-SNMP-EXTEND-MIB commands.
    "1.3.6.1.2.1.25.4.2.1.5",
    "1.3.6.1.4.1.8072.1.3",
];

/// Subtrees whose indexes are addresses: left out when names are taken out.
const ADDRESSED: &[&str] = &[
    "1.0.8802.1.1.2.1.3.8",
    "1.0.8802.1.1.2.1.4.2",
    "1.3.6.1.2.1.3",
    "1.3.6.1.2.1.4.20",
    "1.3.6.1.2.1.4.21",
    "1.3.6.1.2.1.4.22",
    "1.3.6.1.2.1.4.24",
    "1.3.6.1.2.1.4.32",
    "1.3.6.1.2.1.4.34",
    "1.3.6.1.2.1.4.35",
    "1.3.6.1.2.1.4.36",
    "1.3.6.1.2.1.4.37",
    "1.3.6.1.2.1.6.13",
    "1.3.6.1.2.1.6.19",
    "1.3.6.1.2.1.6.20",
    "1.3.6.1.2.1.7.5",
    "1.3.6.1.2.1.7.7",
    "1.3.6.1.2.1.14",
    "1.3.6.1.2.1.15",
    "1.3.6.1.2.1.17.4.3",
    "1.3.6.1.2.1.17.7.1.2",
    // Programs that run and are installed say more of a house than of a device.
    "1.3.6.1.2.1.25.4",
    "1.3.6.1.2.1.25.6",
];

/// Columns whose text names a house, its people and its things; each text becomes the same stand-in wherever it stands.
const NAMES: &[(&str, &str)] = &[
    ("1.3.6.1.2.1.1.4", "contact"),
    ("1.3.6.1.2.1.1.5", "device"),
    ("1.3.6.1.2.1.1.6", "place"),
    ("1.3.6.1.2.1.31.1.1.1.18", "line"),
    ("1.3.6.1.2.1.47.1.1.1.1.11", "serial"),
    ("1.3.6.1.2.1.47.1.1.1.1.14", "alias"),
    ("1.3.6.1.2.1.47.1.1.1.1.15", "asset"),
    ("1.0.8802.1.1.2.1.3.3", "device"),
    ("1.0.8802.1.1.2.1.4.1.1.9", "device"),
    ("1.3.6.1.4.1.9.9.23.1.2.1.1.6", "device"),
    ("1.3.6.1.4.1.9.9.23.1.2.1.1.17", "device"),
    ("1.3.6.1.4.1.9.3.6.3", "serial"),
    ("1.3.6.1.4.1.232.2.2.2.1", "serial"),
    ("1.3.6.1.4.1.232.2.2.4.2", "device"),
    ("1.3.6.1.4.1.318.1.1.1.1.2.3", "serial"),
    ("1.3.6.1.4.1.12356.100.1.1.1", "serial"),
];

/// A shorter name would be found by chance inside other words.
const NAME_BYTES_MIN: usize = 4;

/// What was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scrubbed {
    /// Variables that were left out.
    pub left_out: usize,
    /// Values that were changed.
    pub changed: usize,
}

/// Takes secrets out of a recording: the tables that hold them, and every value or index that has one of `secrets` inside. With
/// `anonymise` also names, serial numbers and addresses, each replaced by the same stand-in wherever it comes; `serials` are further
/// variables whose text is a serial number (those of the profile's identity).
pub fn scrub(
    recording: &mut Recording,
    secrets: &[&str],
    anonymise: bool,
    serials: &[Oid],
) -> Scrubbed {
    let before = recording.objects.len();
    let mut drop: Vec<Oid> = SECRET.iter().map(|o| constant(o)).collect();
    if anonymise {
        drop.extend(ADDRESSED.iter().map(|o| constant(o)));
    }
    let secrets: Vec<&[u8]> = secrets
        .iter()
        .map(|s| s.as_bytes())
        .filter(|s| s.len() > 2)
        .collect();
    recording.objects.retain(|oid, value| {
        let held = drop.iter().any(|subtree| oid.starts_with(subtree));
        let spelt = secrets.iter().any(|s| {
            contains(&letters(oid), s) || value.as_bytes().is_some_and(|v| contains(v, s))
        });
        !held && !spelt
    });
    let mut scrubbed = Scrubbed {
        left_out: before - recording.objects.len(),
        changed: 0,
    };
    if anonymise {
        let mut masks = Masks::learn(recording, serials);
        for (oid, value) in &mut recording.objects {
            if let Some(other) = masks.value(oid, value) {
                *value = other;
                scrubbed.changed += 1;
            }
        }
    }
    scrubbed
}

/// The arcs of a name as bytes, as indexes spell texts; arcs that are no bytes end a word.
fn letters(oid: &Oid) -> Vec<u8> {
    oid.arcs()
        .map(|arc| u8::try_from(arc).unwrap_or(0))
        .collect()
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// Stand-ins, the same for the same.
#[derive(Debug, Default)]
struct Masks {
    /// Longest first when applied, so that a name inside another is not replaced in part.
    names: BTreeMap<Vec<u8>, String>,
    macs: BTreeMap<[u8; 6], u32>,
    addresses: BTreeMap<[u8; 4], u32>,
    engine: Option<Oid>,
}

impl Masks {
    fn learn(recording: &Recording, serials: &[Oid]) -> Self {
        let mut masks = Self::default();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let columns: Vec<(Oid, &str)> = NAMES
            .iter()
            .map(|(oid, kind)| (constant(oid), *kind))
            .chain(serials.iter().map(|oid| (oid.clone(), "serial")))
            .collect();
        let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
        for (column, kind) in &columns {
            let below = recording
                .objects
                .range(column..)
                .take_while(|(oid, _)| oid.starts_with(column));
            for (_, value) in below {
                let Some(text) = value.as_bytes().filter(|t| !t.is_empty()) else {
                    continue;
                };
                if seen.insert(text) {
                    let count = counts.entry(kind).or_default();
                    *count += 1;
                    masks.names.insert(text.to_vec(), format!("{kind}-{count}"));
                }
            }
        }
        masks.engine = Some(constant("1.3.6.1.6.3.10.2.1.1"));
        masks
    }

    fn value(&mut self, oid: &Oid, value: &Value) -> Option<Value> {
        match value {
            Value::IpAddress(address) if !is_mask(*address) => {
                Some(Value::IpAddress(self.address(*address)))
            }
            Value::OctetString(bytes) => {
                if self.engine.as_ref().is_some_and(|e| oid.starts_with(e)) {
                    return Some(Value::OctetString(vec![0x80, 0, 0, 0, 4, b'x'].into()));
                }
                self.text(bytes).map(|text| Value::OctetString(text.into()))
            }
            _ => None,
        }
    }

    /// The text without names and addresses; `None` when there are none in it.
    fn text(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if let Some(name) = self.names.get(bytes) {
            return Some(name.clone().into_bytes());
        }
        let printable = bytes.iter().all(|b| (0x20..0x7f).contains(b));
        if let Ok(mac) = <[u8; 6]>::try_from(bytes)
            && !printable
        {
            return Some(self.mac(mac).to_vec());
        }
        if let Ok(address) = <[u8; 4]>::try_from(bytes)
            && !printable
            && !is_mask(address)
        {
            return Some(self.address(address).to_vec());
        }
        let mut text = bytes.to_vec();
        let mut names: Vec<(Vec<u8>, String)> = self
            .names
            .iter()
            .filter(|(name, _)| name.len() >= NAME_BYTES_MIN && contains(bytes, name))
            .map(|(name, mask)| (name.clone(), mask.clone()))
            .collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, mask) in &names {
            text = replace(&text, name, mask.as_bytes());
        }
        let text = self.written_addresses(&text);
        (text != bytes).then_some(text)
    }

    /// IPv4 addresses and MAC addresses as people write them.
    fn written_addresses(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return bytes.to_vec();
        };
        let mut out = String::with_capacity(text.len());
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-');
        for piece in text.split_inclusive(|c| !word(c)) {
            let end = piece.find(|c| !word(c)).unwrap_or(piece.len());
            let (core, tail) = piece.split_at(end);
            if let Ok(address) = core.parse::<std::net::Ipv4Addr>() {
                let [a, b, c, d] = self.address(address.octets());
                out.push_str(&format!("{a}.{b}.{c}.{d}"));
            } else if core.contains(':') && core.parse::<std::net::Ipv6Addr>().is_ok() {
                out.push_str("2001:db8::1");
            } else if let Some(mac) = written_mac(core) {
                let hex: Vec<String> = self.mac(mac).iter().map(|b| format!("{b:02x}")).collect();
                out.push_str(&hex.join(":"));
            } else {
                out.push_str(core);
            }
            out.push_str(tail);
        }
        out.into_bytes()
    }

    /// Addresses of the network for examples (RFC 2544): 198.18.0.0/15.
    fn address(&mut self, address: [u8; 4]) -> [u8; 4] {
        let next = self.addresses.len() as u32 + 1;
        let n = *self.addresses.entry(address).or_insert(next);
        let [_, b, c, d] = n.to_be_bytes();
        [198, 18 + (b & 1), c, d]
    }

    /// Locally administered addresses.
    fn mac(&mut self, mac: [u8; 6]) -> [u8; 6] {
        if mac == [0; 6] || mac == [0xff; 6] {
            return mac;
        }
        let next = self.macs.len() as u32 + 1;
        let n = *self.macs.entry(mac).or_insert(next);
        let [a, b, c, d] = n.to_be_bytes();
        [2, 0, a, b, c, d]
    }
}

/// Netmasks, loopback and the unspecified address name nobody.
fn is_mask(address: [u8; 4]) -> bool {
    address[0] == 255 || address[0] == 0 || address[0] == 127
}

fn written_mac(text: &str) -> Option<[u8; 6]> {
    let separator = text.chars().find(|c| matches!(c, ':' | '-' | '.'))?;
    let digits: String = text.chars().filter(|c| *c != separator).collect();
    let groups = text.split(separator).count();
    if digits.len() != 12 || !matches!(groups, 3 | 6) {
        return None;
    }
    let mut mac = [0; 6];
    for (n, byte) in mac.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(n * 2..n * 2 + 2)?, 16).ok()?;
    }
    Some(mac)
}

fn replace(text: &[u8], name: &[u8], mask: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(name.len()).position(|w| w == name) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(mask);
        rest = &rest[at + name.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = "1.3.6.1.2.1.1.1.0|4|Router r-nui-thanh at 10.1.2.3, 00:1b:54:aa:bb:cc\n\
        1.3.6.1.2.1.1.5.0|4|r-nui-thanh\n\
        1.3.6.1.2.1.1.4.0|4|Canary Contact\n\
        1.3.6.1.2.1.2.2.1.6.1|4x|001b54aabbcc\n\
        1.3.6.1.2.1.4.20.1.1.10.1.2.3|64|10.1.2.3\n\
        1.3.6.1.2.1.14.1.1.0|64|10.1.2.3\n\
        1.3.6.1.2.1.31.1.1.1.18.1|4|to CanaryTown\n\
        1.3.6.1.2.1.47.1.1.1.1.11.1|4|CANARYSN01\n\
        1.3.6.1.4.1.9.9.23.1.2.1.1.4.1.1|4x|0a010203\n\
        1.3.6.1.4.1.9.9.96.1.1.1.1.8.1|4|canary-password\n\
        1.3.6.1.4.1.99999.1.0|4|set by canary-community yesterday\n\
        1.3.6.1.4.1.99999.2.16.99.97.110.97.114.121.45.99.111.109.109.117.110.105.116.121|2|1\n\
        1.3.6.1.4.1.99999.3.0|4|serial CANARYSN01\n\
        1.3.6.1.6.3.16.1.2.1.3.2.6.99.97.110.97.114.121|4|canary-group\n\
        1.3.6.1.6.3.18.1.1.1.2.1|4|canary-community\n";

    #[test]
    fn no_secret_survives_a_recording() {
        let mut recording = Recording::parse(DEVICE);
        scrub(&mut recording, &["canary-community"], false, &[]);
        let text = recording.to_text();
        assert!(!text.contains("canary-"), "{text}");
        assert!(!text.contains("99.97.110.97.114.121"), "{text}");
        assert!(text.contains("r-nui-thanh") && text.contains("CANARYSN01"));
    }

    #[test]
    fn anonymised_recordings_name_nobody_and_stay_consistent() {
        let mut recording = Recording::parse(DEVICE);
        scrub(&mut recording, &["canary-community"], true, &[]);
        let text = recording.to_text();
        let lower = text.to_lowercase();
        for word in ["canary", "nui-thanh", "10.1.2.3", "1b54aabbcc", "1b:54"] {
            assert!(!lower.contains(word), "{word} in {text}");
        }
        assert!(
            text.contains("1.3.6.1.2.1.1.1.0|4|Router device-1 at 198.18.0.1, 02:00:00:00:00:01"),
            "{text}"
        );
        assert!(text.contains("1.3.6.1.4.1.99999.3.0|4|serial serial-1"));
        assert!(text.contains("1.3.6.1.2.1.2.2.1.6.1|4x|020000000001"));
        assert!(text.contains("1.3.6.1.4.1.9.9.23.1.2.1.1.4.1.1|4x|c6120001"));
    }
}

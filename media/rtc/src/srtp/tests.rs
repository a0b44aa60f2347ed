//! Against the vectors of the RFCs and against the `rtc-srtp` crate.

use std::path::PathBuf;

use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::gcm::GcmKeys;
use super::kdf::{Label, derive};
use super::*;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|index| u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).unwrap())
        .collect()
}

fn vectors() -> Option<String> {
    let root = std::env::var_os("NHIPCAU_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let path = root.join("srtp-vectors.tsv");
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no SRTP vectors at {}",
            path.display()
        );
    }
    text
}

#[test]
fn derives_the_keys_of_rfc_3711() {
    let Some(text) = vectors() else { return };
    let key: [u8; 16] = hex("e1f97a0d3e018be0d64fa32c06de4139").try_into().unwrap();
    let salt = hex("0ec675ad498afeebb6960b3aabe6");
    let mut seen = 0;
    for line in text.lines() {
        let fields = line.split('\t').collect::<Vec<_>>();
        let derived = match fields[..] {
            ["rfc3711-B.3", "cipher", _] => derive::<16>(&key, &salt, Label::RtpKey).to_vec(),
            ["rfc3711-B.3", "salt", _] => derive::<14>(&key, &salt, Label::RtpSalt).to_vec(),
            ["rfc3711-B.3", "auth", _] => {
                derive::<94>(&key, &salt, Label::RtpAuthentication).to_vec()
            }
            _ => continue,
        };
        assert_eq!(derived, hex(fields[2]), "{line}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn seals_and_opens_the_packets_of_rfc_7714() {
    use ring::aead::{AES_128_GCM, AES_256_GCM};
    let Some(text) = vectors() else { return };
    let mut seen = 0;
    for line in text.lines().filter(|line| line.starts_with("rfc7714")) {
        let (facts, sealed) = line.rsplit_once('\t').unwrap();
        let fact = |name: &str| {
            let word = facts
                .split([' ', '\t'])
                .find_map(|word| word.strip_prefix(name))
                .unwrap();
            hex(word)
        };
        let (header, plain, key) = (fact("hdr="), fact("pt="), fact("key="));
        // No browser has to know the longer key, and the bridge offers the shorter only; nonce and layout are the same.
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            32 => &AES_256_GCM,
            other => panic!("a key of {other} bytes: {line}"),
        };
        let salt = hex("517569642070726f2071756f").try_into().unwrap();
        let keys = GcmKeys::of_session(algorithm, &key, salt).unwrap();
        let index = u64::from(u16::from_be_bytes([header[2], header[3]]));
        let mut packet = [&header[..], &plain].concat();
        let length = packet.len();
        packet.resize(length + OVERHEAD, 0);
        let length = keys.seal_rtp(&mut packet, header.len(), length, index);
        assert_eq!(packet[header.len()..length], hex(sealed), "{line}");
        let opened = keys
            .open_rtp(&mut packet[..length], header.len(), index)
            .unwrap();
        assert_eq!(packet[header.len()..opened], plain);
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn every_line_of_the_vectors_has_its_test() {
    let Some(text) = vectors() else { return };
    for line in text.lines().filter(|line| !line.is_empty()) {
        let name = line.split('\t').next().unwrap();
        assert!(
            name == "rfc3711-B.3" || name.starts_with("rfc7714-16 aes-"),
            "no test reads {name}"
        );
    }
}

fn material(profile: Profile) -> Vec<u8> {
    (0..profile.material_bytes() as u8)
        .map(|byte| byte.wrapping_mul(37))
        .collect()
}

/// The same keys in the other implementation: the side that opens what we seal, and the side that seals what we open.
fn reference(profile: Profile) -> (Context, Context) {
    let provider = rtc_dtls::crypto_provider::default_provider().unwrap();
    let theirs = match profile {
        Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Profile::Aes128CmSha1 => ProtectionProfile::Aes128CmHmacSha1_80,
    };
    let mut config = rtc_srtp::config::Config {
        profile: theirs,
        ..Default::default()
    };
    config
        .set_session_keys_from_keying_material(&material(profile), false)
        .unwrap();
    let context = |key: &[u8], salt: &[u8]| {
        Context::new(key, salt, theirs, None, None, provider.crypto()).unwrap()
    };
    (
        context(
            &config.keys.local_master_key,
            &config.keys.local_master_salt,
        ),
        context(
            &config.keys.remote_master_key,
            &config.keys.remote_master_salt,
        ),
    )
}

fn rtp(sequence: u16, payload: usize) -> Vec<u8> {
    let mut packet = vec![0x90, 96];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 9, 1, 2, 3, 4, 0xbe, 0xde, 0, 1, 0x31, 7, 7, 0]);
    packet.extend((0..payload).map(|index| index as u8));
    packet
}

#[test]
fn rtp_goes_both_ways_with_another_implementation_over_a_rollover() {
    for profile in [Profile::AeadAes128Gcm, Profile::Aes128CmSha1] {
        let session = Session::new(profile, &material(profile), false).unwrap();
        let (mut opens, mut seals) = reference(profile);
        for index in 65_500..65_600u64 {
            let plain = rtp(index as u16, index as usize % 1200);
            let mut buffer = plain.clone();
            buffer.resize(plain.len() + OVERHEAD, 0);
            let length = session.seal.seal_rtp(&mut buffer, 20, plain.len(), index);
            assert_eq!(
                opens.decrypt_rtp(&buffer[..length]).unwrap(),
                plain,
                "{profile:?} {index}"
            );
            let mut sealed = seals.encrypt_rtp(&plain).unwrap().to_vec();
            let length = session.open.open_rtp(&mut sealed, 20, index).unwrap();
            assert_eq!(sealed[..length], plain);
        }
    }
}

#[test]
fn rtcp_goes_both_ways_with_another_implementation() {
    for profile in [Profile::AeadAes128Gcm, Profile::Aes128CmSha1] {
        let session = Session::new(profile, &material(profile), false).unwrap();
        let (mut opens, mut seals) = reference(profile);
        let plain = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 77];
        for index in 1..20 {
            let mut buffer = plain.to_vec();
            buffer.resize(plain.len() + OVERHEAD, 0);
            let length = session.seal.seal_rtcp(&mut buffer, plain.len(), index);
            assert_eq!(
                opens.decrypt_rtcp(&buffer[..length]).unwrap(),
                plain[..],
                "{profile:?}"
            );
            let mut sealed = seals.encrypt_rtcp(&plain).unwrap().to_vec();
            let (length, _) = session.open.open_rtcp(&mut sealed).unwrap();
            assert_eq!(sealed[..length], plain);
        }
    }
}

#[test]
fn one_flipped_bit_is_refused() {
    for profile in [Profile::AeadAes128Gcm, Profile::Aes128CmSha1] {
        let ours = Session::new(profile, &material(profile), false).unwrap();
        let theirs = Session::new(profile, &material(profile), true).unwrap();
        let mut buffer = rtp(7, 40);
        buffer.resize(60 + OVERHEAD, 0);
        let length = theirs.seal.seal_rtp(&mut buffer, 20, 60, 7);
        for place in 0..length {
            let mut bent = buffer[..length].to_vec();
            bent[place] ^= 1;
            assert_eq!(
                ours.open.open_rtp(&mut bent, 20, 7),
                None,
                "{profile:?} byte {place}"
            );
        }
        assert_eq!(
            ours.open
                .open_rtp(&mut buffer[..length].to_vec(), 20, 65_543),
            None,
            "another rollover"
        );
        for short in 0..20 + 9 {
            assert_eq!(
                ours.open
                    .open_rtp(&mut buffer[..short.max(20)].to_vec(), 20, 7),
                None
            );
            assert_eq!(ours.open.open_rtcp(&mut buffer[..short].to_vec()), None);
        }
    }
}

//! The datagrams in which the bridge hands decrypted RTP to a recording.
//!
//! Byte 0 is the [`Kind`], bytes 1–4 the source id (big endian), the rest one plain RTP packet (RFC 3550 §5.1). A source
//! id means one stream for as long as the recording lasts; voices and pictures are counted apart, so a participant may
//! use one id for both.
//!
//! The socket behind the `UnixDatagram` is `SOCK_SEQPACKET`: a Unix `SOCK_DGRAM` queue holds ten packets by default
//! (`net.unix.max_dgram_qlen`), less than one keyframe; a sequenced one is bounded by its send buffer in bytes.

use std::io;
use std::os::unix::net::UnixDatagram;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use serde::{Deserialize, Serialize};

/// Largest RTP packet accepted, in bytes: an Ethernet frame with room to spare.
pub const RTP_BYTES_MAX: usize = 2048;
/// Kind and source id.
pub const PREFIX_BYTES: usize = 5;
/// Send buffer of the tap in bytes: about half a second of a 4 Mbit/s picture after the kernel's bookkeeping.
const SEND_BUFFER_BYTES: usize = 1 << 20;

/// What a tap datagram carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An Opus packet (RFC 7587), 48 kHz clock, any payload type. Every source is mixed.
    Audio = 1,
    /// A packet of a picture, 90 kHz clock; its payload type names its [`Codec`], which may change within a source.
    Video = 2,
    /// From now on the picture is this *video* source's; no payload. Source 0 means that nobody's camera is on, and
    /// the title card is shown. Without any such datagram the picture follows the newest source that starts with a
    /// keyframe.
    Speaker = 3,
}

/// What a picture's packets hold, by the payload type that they carry on the tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Codec {
    /// VP8 (RFC 7741).
    Vp8 = 96,
    /// H.264 (RFC 6184), packetization mode 0 or 1.
    H264 = 97,
    /// VP9 (RFC 9628), with all spatial layers of a picture that are to be shown.
    Vp9 = 98,
    /// AV1 (RTP Payload Format For AV1), likewise.
    Av1 = 99,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vp8, Self::H264, Self::Vp9, Self::Av1];

    /// The codec of a payload type, the marker bit aside.
    #[must_use]
    pub fn of(payload_type: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|codec| *codec as u8 == payload_type)
    }

    /// Its name as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::H264 => "H.264",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
        }
    }
}

/// Writes one datagram's bytes into `out`, replacing what was there; `rtp` is empty for [`Kind::Speaker`].
pub fn write_datagram(kind: Kind, source: u32, rtp: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.push(kind as u8);
    out.extend_from_slice(&source.to_be_bytes());
    out.extend_from_slice(rtp);
}

/// Reads a datagram: its kind, source id and RTP packet. `None` when it is too short, too long or of no known kind.
#[must_use]
pub fn read_datagram(datagram: &[u8]) -> Option<(Kind, u32, &[u8])> {
    let (prefix, rtp) = datagram.split_at_checked(PREFIX_BYTES)?;
    let kind = match prefix[0] {
        1 => Kind::Audio,
        2 => Kind::Video,
        3 => Kind::Speaker,
        _ => return None,
    };
    if rtp.len() > RTP_BYTES_MAX {
        return None;
    }
    let source = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    Some((kind, source, rtp))
}

/// A connected pair: the bridge's end (non-blocking, so that a slow child costs packets and never a meeting's time)
/// and the child's end (blocking).
///
/// # Errors
/// When the process is out of descriptors.
pub(crate) fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
    let (ours, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    sockopt::set_socket_send_buffer_size(&ours, SEND_BUFFER_BYTES)?;
    let ours = UnixDatagram::from(ours);
    ours.set_nonblocking(true)?;
    Ok((ours, UnixDatagram::from(theirs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_reads_as_written() {
        let mut out = vec![9; 40];
        write_datagram(Kind::Video, 0x0102_0304, b"rtp", &mut out);
        assert_eq!(out, [2, 1, 2, 3, 4, b'r', b't', b'p']);
        assert_eq!(
            read_datagram(&out),
            Some((Kind::Video, 0x0102_0304, &b"rtp"[..]))
        );
    }

    #[test]
    fn short_long_and_unknown_are_refused() {
        assert_eq!(read_datagram(&[]), None);
        assert_eq!(read_datagram(&[1, 0, 0, 0]), None);
        assert_eq!(read_datagram(&[0, 0, 0, 0, 1]), None);
        assert_eq!(
            read_datagram(&vec![1; PREFIX_BYTES + RTP_BYTES_MAX + 1]),
            None
        );
    }

    #[test]
    fn the_pair_holds_a_keyframe_without_a_reader() {
        let (ours, theirs) = pair().unwrap();
        for _ in 0..100 {
            ours.send(&[0; 1200]).unwrap();
        }
        let mut buffer = [0; 2048];
        assert_eq!(theirs.recv(&mut buffer).unwrap(), 1200);
        drop(theirs);
        assert!(ours.send(&[0; 10]).is_err());
    }
}

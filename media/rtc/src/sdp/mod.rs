//! Offers in, answers out. Syntax is the `rtc-sdp` crate's; what is accepted is ours.
//!
//! Everything here runs in the caller's thread, so that a large or hostile offer costs the packet thread nothing.

mod answer;
mod formats;
mod offer;
#[cfg(test)]
mod tests;

pub(crate) use answer::{Seat, answer, candidates, reachable};
pub(crate) use offer::{Extensions, Media, Offer, Use, parse};

/// The header extensions that the bridge understands, with their URIs.
pub(crate) const URIS: [(Extension, &str); 7] = [
    (Extension::Mid, "urn:ietf:params:rtp-hdrext:sdes:mid"),
    (
        Extension::Rid,
        "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    ),
    (
        Extension::RepairedRid,
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    ),
    (
        Extension::TransportSequence,
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    ),
    (
        Extension::AbsSendTime,
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    ),
    (
        Extension::AudioLevel,
        "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    ),
    (
        Extension::DependencyDescriptor,
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    ),
];

/// A header extension that the bridge understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Extension {
    /// RFC 9143.
    Mid,
    /// RFC 8852.
    Rid,
    /// RFC 8852, of a retransmission stream.
    RepairedRid,
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01.
    TransportSequence,
    /// 24-bit send time; answered so that browsers keep their fallback, not evaluated.
    AbsSendTime,
    /// RFC 6464.
    AudioLevel,
    /// The layers of an AV1 packet (appendix A of the AV1 RTP specification).
    DependencyDescriptor,
}

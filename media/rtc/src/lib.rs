//! The bridge's packet path: ICE-lite, DTLS, SRTP, sockets.

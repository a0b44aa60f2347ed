//! Where a request comes from.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The connection of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The far end.
    pub address: SocketAddr,
    /// Over TLS.
    pub secure: bool,
}

impl Peer {
    /// The far end's address, an IPv4 one as such also on an IPv6 socket.
    pub fn ip(&self) -> IpAddr {
        self.address.ip().to_canonical()
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        // Without the server's word nobody is trusted: an unspecified address on a plain connection.
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self {
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            secure: false,
        }))
    }
}

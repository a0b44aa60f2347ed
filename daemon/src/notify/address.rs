//! Which addresses an outgoing request may reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::NotifyError;
use crate::config::Allowed;

/// Judges all addresses that a host resolved to. One bad address refuses the request: a name that answers with a public and an internal
/// address is how rebinding looks.
pub(super) fn judge(
    host: &str,
    addresses: &[IpAddr],
    allowed: &[Allowed],
) -> Result<(), NotifyError> {
    let host_is_allowed = allowed
        .iter()
        .any(|entry| matches!(entry, Allowed::Host(name) if name.eq_ignore_ascii_case(host)));
    for address in addresses {
        let address = canonical(*address);
        let in_network = allowed
            .iter()
            .any(|entry| matches!(entry, Allowed::Network(network) if contains(network, address)));
        // A name may move within the province's network, never to link-local: there live the metadata services of clouds.
        let by_name = host_is_allowed && !is_link_local(address);
        if !is_public(address) && !in_network && !by_name {
            return Err(NotifyError::Internal(address));
        }
    }
    Ok(())
}

/// Whether an operator named this destination, which also permits HTTP without TLS.
pub(super) fn is_named(host: &str, addresses: &[IpAddr], allowed: &[Allowed]) -> bool {
    !addresses.is_empty()
        && allowed.iter().any(|entry| match entry {
            Allowed::Host(name) => name.eq_ignore_ascii_case(host),
            Allowed::Network(network) => addresses
                .iter()
                .all(|address| contains(network, canonical(*address))),
        })
}

fn contains(network: &IpNet, address: IpAddr) -> bool {
    network.contains(&address)
}

/// The IPv4 address inside an IPv6 form of it, so that no spelling passes for another network: mapped (RFC 4291), compatible (deprecated),
/// NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            inner(high, low)
        }
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        _ => address,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

/// Whether the address is globally reachable by IANA's special-purpose registries (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let protocol = a == 192 && b == 0 && c == 0;
            let relay = a == 192 && b == 88 && c == 99;
            let benchmark = a == 198 && (18..20).contains(&b);
            !(a == 0
                || a >= 224
                || v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_documentation()
                || shared
                || protocol
                || relay
                || benchmark)
        }
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            // Global unicast is 2000::/3; within it Teredo and the protocol block (2001::/23) and documentation are not.
            segments[0] & 0xe000 == 0x2000
                && !(segments[0] == 0x2001 && segments[1] < 0x200)
                && !(segments[0] == 0x2001 && segments[1] == 0xdb8)
                && !(segments[0] == 0x3fff && segments[1] < 0x1000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn internal_addresses_are_refused_in_every_spelling() {
        for address in [
            "127.0.0.1",
            "127.1.2.3",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
        ] {
            assert!(
                matches!(
                    judge("x", &[ip(address)], &[]),
                    Err(NotifyError::Internal(_))
                ),
                "{address}"
            );
        }
        for address in [
            "8.8.8.8",
            "113.160.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2405:4800::1",
            "2606:4700::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(judge("x", &[ip(address)], &[]).is_ok(), "{address}");
        }
    }

    #[test]
    fn one_internal_address_among_public_ones_refuses_the_name() {
        assert!(judge("rebind.example", &[ip("8.8.8.8"), ip("127.0.0.1")], &[]).is_err());
    }

    #[test]
    fn what_the_operator_names_is_reached_and_nothing_beside_it() {
        let network = [Allowed::Network("10.20.0.0/16".parse().unwrap())];
        assert!(judge("x", &[ip("10.20.3.4")], &network).is_ok());
        assert!(judge("x", &[ip("::ffff:10.20.3.4")], &network).is_ok());
        assert!(judge("x", &[ip("10.21.0.1")], &network).is_err());
        let name = [Allowed::Host("chat.quangnam.example".into())];
        assert!(judge("Chat.quangnam.example", &[ip("10.9.9.9")], &name).is_ok());
        assert!(judge("chat.quangnam.example", &[ip("169.254.169.254")], &name).is_err());
        assert!(judge("other.example", &[ip("10.9.9.9")], &name).is_err());
        assert!(
            is_named("x", &[ip("10.20.3.4")], &network)
                && !is_named("x", &[ip("8.8.8.8")], &network)
        );
    }
}

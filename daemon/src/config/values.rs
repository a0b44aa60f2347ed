//! The written forms of single values: durations, rates, sizes, addresses.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// `500ms`, `30s`, `5m`, `2h`, `7d`. A bare number is refused: its unit would be a guess.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let milliseconds = match unit {
        "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "m" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        "d" => number.checked_mul(86_400_000)?,
        _ => return None,
    };
    Some(Duration::from_millis(milliseconds))
}

/// Reads a rate in bits per second: `64k`, `20M`, `1G`, decimal multiples as carriers sell them. `None` for any other form.
#[must_use]
pub fn rate(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    match unit {
        "k" => number.checked_mul(1_000),
        "M" => number.checked_mul(1_000_000),
        "G" => number.checked_mul(1_000_000_000),
        _ => None,
    }
}

/// Bytes: `512MiB`, `10GiB`, `2TiB`, or the decimal `MB`, `GB`, `TB`.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor: u64 = match unit {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// `192.0.2.1:161`, `[2001:db8::1]:161`, or the bare address where the port has a usual value.
pub(super) fn socket(text: &str, usual_port: Option<u16>) -> Option<SocketAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let ip: IpAddr = text.parse().ok()?;
    usual_port.map(|port| SocketAddr::new(ip, port))
}

/// A mail address that is safe in a header and an envelope: printable ASCII, one `@`, no quoting forms.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let local_is_plain = local
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_{|}~.".contains(&b));
    !local.is_empty() && local.len() <= 64 && local_is_plain && is_host(domain)
}

/// A host name by the letters of RFC 1123, or an address.
pub(super) fn is_host(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// An id: letters, digits, `-`, `_`, `.`, at most 64 bytes; it stands in addresses, labels and file names.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && !text.starts_with(['-', '.'])
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_rates_and_sizes_carry_their_unit() {
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("7d"), Some(Duration::from_secs(604_800)));
        assert_eq!(rate("20M"), Some(20_000_000));
        assert_eq!(size("10GiB"), Some(10 << 30));
        for wrong in [
            "30",
            "s",
            "",
            "-5s",
            "5 s",
            "1.5h",
            "99999999999999999999s",
            "18446744073709551615d",
            "5S",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
        assert_eq!(rate("20"), None);
        assert_eq!(rate("20MiB"), None);
        assert_eq!(size("10G"), None);
    }

    #[test]
    fn addresses_are_literal() {
        assert_eq!(
            socket("192.0.2.1", Some(161)),
            Some("192.0.2.1:161".parse().unwrap())
        );
        assert_eq!(
            socket("[::1]:8443", None),
            Some("[::1]:8443".parse().unwrap())
        );
        assert_eq!(socket("::1", Some(161)), Some("[::1]:161".parse().unwrap()));
        for wrong in [
            "192.0.2.1",
            "192.0.2.300:161",
            "router:161",
            "192.0.2.1:99999",
        ] {
            assert_eq!(socket(wrong, None), None, "{wrong}");
        }
    }

    #[test]
    fn mail_addresses_hold_no_headers() {
        assert!(is_email("truc@quangnam.gov.vn"));
        for wrong in [
            "a@b\r\nBcc: c@d",
            "a b@c",
            "@c",
            "a@",
            "a@b@c",
            "\"a\"@b",
            "a@-b",
            "a",
        ] {
            assert!(!is_email(wrong), "{wrong}");
        }
    }
}

//! How often somebody may try to sign in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Attempts on one account in a window: a person who mistypes has enough, a guesser has 960 a day.
const ACCOUNT_ATTEMPTS: u32 = 10;
/// Attempts from one address in a window: a whole agency sits behind one address in the morning.
const ADDRESS_ATTEMPTS: u32 = 60;
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Windows kept. At the limit those that are over go, else the oldest one: a flood from many addresses must not shut the door.
const WINDOWS_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String),
    Address(IpAddr),
}

#[derive(Debug)]
struct Attempts {
    since: Instant,
    count: u32,
    /// The wrong token that came last; see [`LoginLimit::wrong`].
    last: Option<[u8; 32]>,
}

/// Counts attempts to sign in, by account and by address.
#[derive(Debug, Default)]
pub(super) struct LoginLimit {
    windows: HashMap<Key, Attempts>,
}

impl LoginLimit {
    /// Counts an attempt; whether it may be made. Count before the password is looked at: parallel attempts count as well.
    pub(super) fn attempt(&mut self, username: &str, address: IpAddr, now: Instant) -> bool {
        let by_account = self.count(account_key(username), ACCOUNT_ATTEMPTS, now);
        let by_address = self.count(Key::Address(network(address)), ADDRESS_ATTEMPTS, now);
        by_account && by_address
    }

    /// The attempt was the right one: the account starts afresh, and the address has not used one up.
    pub(super) fn forgive(&mut self, username: &str, address: IpAddr) {
        self.windows.remove(&account_key(username));
        if let Some(attempts) = self.windows.get_mut(&Key::Address(network(address))) {
            attempts.count = attempts.count.saturating_sub(1);
        }
    }

    /// Whether an address has shown so many wrong tokens that it is not listened to.
    pub(super) fn is_shut(&self, address: IpAddr, now: Instant) -> bool {
        self.windows
            .get(&Key::Address(network(address)))
            .is_some_and(|attempts| {
                attempts.count >= ADDRESS_ATTEMPTS
                    && now.saturating_duration_since(attempts.since) < WINDOW
            })
    }

    /// Counts a wrong token, given by its hash. The same one again is no guess: an encoder whose pass was revoked tries for hours, and
    /// must not shut the door for its neighbours.
    pub(super) fn wrong(&mut self, address: IpAddr, hash: [u8; 32], now: Instant) {
        let key = Key::Address(network(address));
        let last = self.windows.get(&key).and_then(|attempts| attempts.last);
        if last != Some(hash) {
            self.count(key.clone(), ADDRESS_ATTEMPTS, now);
            if let Some(attempts) = self.windows.get_mut(&key) {
                attempts.last = Some(hash);
            }
        }
    }

    fn count(&mut self, key: Key, most: u32, now: Instant) -> bool {
        if !self.windows.contains_key(&key) && self.windows.len() >= WINDOWS_MAX {
            self.make_room(now);
        }
        let attempts = self.windows.entry(key).or_insert(Attempts {
            since: now,
            count: 0,
            last: None,
        });
        if now.saturating_duration_since(attempts.since) >= WINDOW {
            *attempts = Attempts {
                since: now,
                count: 0,
                last: None,
            };
        }
        attempts.count = attempts.count.saturating_add(1);
        attempts.count <= most
    }

    fn make_room(&mut self, now: Instant) {
        self.windows
            .retain(|_, attempts| now.saturating_duration_since(attempts.since) < WINDOW);
        if self.windows.len() >= WINDOWS_MAX {
            let oldest = self
                .windows
                .iter()
                .min_by_key(|(_, attempts)| attempts.since);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.windows.remove(&key);
            }
        }
    }
}

fn account_key(username: &str) -> Key {
    Key::Account(
        username
            .trim()
            .to_ascii_lowercase()
            .chars()
            .take(64)
            .collect(),
    )
}

/// One customer has a /64 of IPv6 addresses: they count as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            IpAddr::from(octets)
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_account_is_shut_from_every_address_and_opens_with_the_window() {
        let (mut limit, now) = (LoginLimit::default(), Instant::now());
        for n in 0..10 {
            assert!(limit.attempt("Lan", address(n), now));
        }
        assert!(!limit.attempt("lan", address(99), now));
        assert!(limit.attempt("lan", address(99), now + WINDOW));
    }

    #[test]
    fn an_address_is_shut_for_every_account() {
        let (mut limit, now) = (LoginLimit::default(), Instant::now());
        for n in 0..60 {
            assert!(limit.attempt(&format!("u{n}"), address(1), now));
        }
        assert!(!limit.attempt("another", address(1), now));
        assert!(limit.attempt("another", address(2), now));
    }

    #[test]
    fn neighbours_in_one_ipv6_network_count_together() {
        let (mut limit, now) = (LoginLimit::default(), Instant::now());
        for n in 0..60_u16 {
            limit.attempt(
                &format!("u{n}"),
                format!("2001:db8::{n:x}").parse().expect("address"),
                now,
            );
        }
        assert!(!limit.attempt("x", "2001:db8::ffff".parse().expect("address"), now));
    }

    #[test]
    fn success_forgives_the_account() {
        let (mut limit, now) = (LoginLimit::default(), Instant::now());
        for _ in 0..10 {
            limit.attempt("lan", address(1), now);
        }
        limit.forgive("Lan", address(1));
        assert!(limit.attempt("lan", address(1), now));
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory() {
        let (mut limit, now) = (LoginLimit::default(), Instant::now());
        for n in 0..6_000_u32 {
            limit.attempt(&format!("u{n}"), IpAddr::from(n.to_be_bytes()), now);
        }
        assert!(limit.windows.len() <= WINDOWS_MAX);
        assert!(limit.attempt("lan", address(1), now));
    }

    #[test]
    fn sixty_wrong_tokens_shut_an_address_and_one_wrong_token_for_hours_does_not() {
        let (mut limit, now) = (LoginLimit::default(), Instant::now());
        for _ in 0..1_000 {
            limit.wrong(address(1), [7; 32], now);
        }
        assert!(!limit.is_shut(address(1), now));
        for n in 0..60 {
            limit.wrong(address(1), [n; 32], now);
        }
        assert!(limit.is_shut(address(1), now));
        assert!(!limit.is_shut(address(2), now));
        assert!(!limit.is_shut(address(1), now + WINDOW));
    }
}

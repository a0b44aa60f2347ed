//! An SNMPv2c agent that a test bends as it likes: it reads questions and says whatever the test makes of them.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The longest question; the daemon's have a few hundred bytes.
const QUESTION_BYTES_MAX: usize = 4096;
/// How often a silent agent looks whether its test is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const RESPONSE: u8 = 0xa2;
/// The tag of GETBULK.
pub const GET_BULK: u8 = 0xa5;

/// What the daemon asked, still encoded where nobody needs to know more.
#[derive(Debug, Clone)]
pub struct Question {
    /// The tag of the PDU.
    pub tag: u8,
    /// max-repetitions of GETBULK (RFC 3416 §4.2.3); error-index of others.
    pub repetitions: usize,
    /// The variables' names: contents of OBJECT IDENTIFIERs.
    pub names: Vec<Vec<u8>>,
    community: Vec<u8>,
    request_id: Vec<u8>,
}

/// A variable in an answer: the content of its name, and its value with tag and length.
pub type Binding = (Vec<u8>, Vec<u8>);

impl Question {
    /// `None` when it is no SNMPv2c request.
    #[must_use]
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let (_, mut message, _) = split(datagram)?;
        let next = |rest: &mut &[u8]| {
            let (tag, content, behind) = split(rest)?;
            let content = content.to_vec();
            *rest = behind;
            Some((tag, content))
        };
        let (_, version) = next(&mut message)?;
        if version != [1] {
            return None;
        }
        let (_, community) = next(&mut message)?;
        let (tag, pdu) = next(&mut message)?;
        let mut pdu = pdu.as_slice();
        let (_, request_id) = next(&mut pdu)?;
        let _ = next(&mut pdu)?;
        let (_, repetitions) = next(&mut pdu)?;
        let (_, bindings) = next(&mut pdu)?;
        let mut bindings = bindings.as_slice();
        let mut names = Vec::new();
        while !bindings.is_empty() {
            let (_, binding) = next(&mut bindings)?;
            names.push(split(&binding)?.1.to_vec());
        }
        Some(Self {
            tag,
            repetitions: repetitions
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
            names,
            community,
            request_id,
        })
    }

    /// A response to this question with these variables.
    #[must_use]
    pub fn answered(&self, bindings: &[Binding]) -> Vec<u8> {
        let bindings: Vec<u8> = bindings
            .iter()
            .flat_map(|(name, value)| {
                value_of(SEQUENCE, &[&value_of(0x06, name)[..], value].concat())
            })
            .collect();
        let pdu = [
            value_of(INTEGER, &self.request_id),
            value_of(INTEGER, &[0]),
            value_of(INTEGER, &[0]),
            value_of(SEQUENCE, &bindings),
        ];
        let message = [
            value_of(INTEGER, &[1]),
            value_of(OCTET_STRING, &self.community),
            value_of(RESPONSE, &pdu.concat()),
        ];
        value_of(SEQUENCE, &message.concat())
    }
}

/// Tag, content and what follows; definite lengths only.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = octets.iter().try_fold(0_usize, |sum, byte| {
            Some(sum.checked_mul(256)? + usize::from(*byte))
        });
        (length?, rest)
    };
    let (content, behind) = rest.split_at_checked(length)?;
    Some((tag, content, behind))
}

/// A BER value.
#[must_use]
pub fn value_of(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let octets = length.to_be_bytes();
        let used = &octets[octets.iter().take_while(|byte| **byte == 0).count()..];
        out.push(0x80 | used.len() as u8);
        out.extend_from_slice(used);
    }
    out.extend_from_slice(content);
    out
}

/// An OCTET STRING.
#[must_use]
pub fn text(content: &[u8]) -> Vec<u8> {
    value_of(OCTET_STRING, content)
}

/// An agent in a thread of its own; it ends when dropped.
#[derive(Debug)]
pub struct BentAgent {
    asked: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl BentAgent {
    /// Sends for every question the datagrams that `say` makes of it.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start(
        address: SocketAddr,
        mut say: impl FnMut(&Question) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        let socket = UdpSocket::bind(address).expect("the address is free");
        socket
            .set_read_timeout(Some(LOOK_EVERY))
            .expect("sockets have timeouts");
        let (asked, over) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, end) = (Arc::clone(&asked), Arc::clone(&over));
        let thread = thread::spawn(move || {
            let mut buffer = [0; QUESTION_BYTES_MAX];
            while !end.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                let Some(question) = Question::read(&buffer[..length]) else {
                    continue;
                };
                count.fetch_add(1, Ordering::Relaxed);
                for datagram in say(&question) {
                    // A full buffer on the other side is the network's way.
                    let _ = socket.send_to(&datagram, from);
                }
            }
        });
        Self {
            asked,
            over,
            thread: Some(thread),
        }
    }

    /// Questions so far.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for BentAgent {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for length in [0, 1, 127, 128, 255, 256, 65_000] {
            let bytes = value_of(4, &vec![7; length]);
            let (tag, content, behind) = split(&bytes).expect("a value");
            assert_eq!((tag, content.len(), behind.len()), (4, length, 0));
        }
        assert!(split(&[0x30, 0x82, 0xff]).is_none());
        assert!(split(&[0x30, 5, 1]).is_none());
    }
}

//! Datagrams that arrive: `recvmmsg`, neighbours of one flow joined by UDP GRO.
#![allow(unsafe_code)]

use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use super::sockaddr::{CONTROL_BYTES, Control, from_sockaddr};
use super::{DATAGRAM_MAX, Route, Socket};

/// Room for one message: the largest that UDP has, and so much more that neighbours do not fall into the same lines of the cache.
const MESSAGE_BYTES: usize = (1 << 16) + 576;

/// Messages received in one call; each is one datagram, or several of one flow.
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    filled: usize,
}

impl Inbox {
    /// Room for `count` messages. Memory is taken only for what has arrived.
    pub(crate) fn new(count: usize) -> Self {
        // SAFETY: all three are plain C data for which zero is a value.
        let (name, vector, header) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Self {
            bytes: vec![0; count * MESSAGE_BYTES],
            names: vec![name; count],
            controls: vec![Control([0; CONTROL_BYTES]); count],
            vectors: vec![vector; count],
            headers: vec![header; count],
            filled: 0,
        }
    }

    /// Takes what waits at `socket`, at most as many messages as there is room for. Returns whether there may be more.
    pub(crate) fn receive(&mut self, socket: &Socket) -> bool {
        for (index, space) in self.bytes.chunks_exact_mut(MESSAGE_BYTES).enumerate() {
            self.vectors[index] = libc::iovec {
                iov_base: space.as_mut_ptr().cast(),
                iov_len: space.len(),
            };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &raw mut self.vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[index].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_BYTES as _;
            header.msg_flags = 0;
        }
        // SAFETY: each header points to its own part of the buffer, name and control space, set just above; none of the vectors has
        // moved since.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        self.filled = usize::try_from(count).unwrap_or(0);
        self.filled == self.headers.len()
    }

    /// Hands out every datagram of the last [`Self::receive`] with its way, `socket` being the number of the socket; `None` for one
    /// that is longer than [`DATAGRAM_MAX`] or whose source cannot be read.
    pub(crate) fn each(&mut self, socket: u8, mut take: impl FnMut(Option<(Route, &mut [u8])>)) {
        let messages = self.headers.iter().zip(&self.names);
        let spaces = self.bytes.chunks_exact_mut(MESSAGE_BYTES);
        for ((header, name), space) in messages.zip(spaces).take(self.filled) {
            let bytes = &mut space[..(header.msg_len as usize).min(MESSAGE_BYTES)];
            let told = Told::read(&header.msg_hdr);
            let route = from_sockaddr(name).map(|remote| Route {
                socket,
                local: told.local,
                remote,
            });
            let segment = told.segment_bytes.unwrap_or(bytes.len());
            match route {
                Some(route) if bytes.is_empty() => take(Some((route, bytes))),
                Some(route) if segment <= DATAGRAM_MAX => {
                    for datagram in bytes.chunks_mut(segment) {
                        take(Some((route, datagram)));
                    }
                }
                _ => take(None),
            }
        }
    }
}

/// What the kernel tells beside a message.
#[derive(Default)]
struct Told {
    /// To which of our addresses it came, where the socket is bound to all of them.
    local: Option<IpAddr>,
    /// The size of the datagrams that were joined, but for the last, which may be shorter; `None` when it was one.
    segment_bytes: Option<usize>,
}

impl Told {
    fn read(header: &libc::msghdr) -> Self {
        let mut told = Self::default();
        // SAFETY: the kernel filled the control buffer that `header` names; CMSG_FIRSTHDR and CMSG_NXTHDR stay inside it, and the
        // data of a message of these types is at least as long as what is read from it (unaligned reads).
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(header);
            while !message.is_null() {
                let data = libc::CMSG_DATA(message);
                match ((*message).cmsg_level, (*message).cmsg_type) {
                    (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                        let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                        let octets = info.ipi_addr.s_addr.to_ne_bytes();
                        told.local = Some(IpAddr::V4(Ipv4Addr::from(octets)));
                    }
                    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                        let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                        told.local = Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)));
                    }
                    (libc::SOL_UDP, libc::UDP_GRO) => {
                        let size = data.cast::<libc::c_int>().read_unaligned();
                        told.segment_bytes = usize::try_from(size).ok().filter(|size| *size > 0);
                    }
                    _ => {}
                }
                message = libc::CMSG_NXTHDR(header, message);
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::{Duration, Instant};

    use super::super::{Outbox, wait};
    use super::*;

    fn socket() -> Socket {
        Socket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port of the loopback")
    }

    /// What arrives at `to` of `datagrams` that leave in one flush: messages of the kernel, and the datagrams in them.
    fn arrived(to: &Socket, datagrams: &[Vec<u8>]) -> (usize, Vec<Option<Vec<u8>>>) {
        let from = socket();
        let route = Route {
            socket: 0,
            local: None,
            remote: to.local_addr(),
        };
        let mut outbox = Outbox::with_capacity(1 << 18);
        for datagram in datagrams {
            outbox.space()[..datagram.len()].copy_from_slice(datagram);
            outbox.commit(&route, datagram.len());
        }
        let from_addr = from.local_addr();
        outbox.flush(std::slice::from_ref(&from));
        let (mut messages, mut gathered) = (0, Vec::new());
        let mut inbox = Inbox::new(4);
        let deadline = Instant::now() + Duration::from_secs(5);
        while gathered.len() < datagrams.len() && Instant::now() < deadline {
            wait(
                &mut Vec::new(),
                &[to.as_raw_fd()],
                Duration::from_millis(100),
            );
            inbox.receive(to);
            messages += inbox.filled;
            inbox.each(3, |one| {
                gathered.push(one.map(|(route, bytes)| {
                    assert_eq!((route.socket, route.remote), (3, from_addr));
                    bytes.to_vec()
                }));
            });
        }
        (messages, gathered)
    }

    #[test]
    fn what_leaves_as_one_message_arrives_as_one_and_is_the_same_datagrams() {
        let datagrams: Vec<Vec<u8>> = [1_100, 1_100, 1_100, 700, 1_200, 1, 0, 60]
            .iter()
            .zip(1..)
            .map(|(&length, fill)| vec![fill; length])
            .collect();
        let (messages, gathered) = arrived(&socket(), &datagrams);
        let expected: Vec<_> = datagrams.into_iter().map(Some).collect();
        assert_eq!(gathered, expected);
        assert_eq!(
            messages, 4,
            "two runs of falling length, an empty one, a last one"
        );
    }

    #[test]
    fn what_is_longer_than_we_take_is_told_as_nothing() {
        let to = socket();
        let from = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        for length in [DATAGRAM_MAX, DATAGRAM_MAX + 1, 60_000, 12] {
            from.send_to(&vec![7; length], to.local_addr())
                .expect("sent");
        }
        let mut inbox = Inbox::new(4);
        let mut lengths = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(5);
        while lengths.len() < 4 && Instant::now() < deadline {
            wait(
                &mut Vec::new(),
                &[to.as_raw_fd()],
                Duration::from_millis(100),
            );
            inbox.receive(&to);
            inbox.each(0, |one| lengths.push(one.map(|(_, bytes)| bytes.len())));
        }
        assert_eq!(lengths, [Some(DATAGRAM_MAX), None, None, Some(12)]);
    }
}

//! Datagrams that leave: `sendmmsg`, neighbours joined by UDP GSO.
#![allow(unsafe_code)]

use std::io;
use std::mem::zeroed;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use super::sockaddr::{CONTROL_BYTES, Control, append_control, to_sockaddr};
use super::{DATAGRAM_MAX, Route, STREAMS, Socket};
use crate::passage::Entrance;
use crate::stream::Carried;

/// Messages handed over in one call.
const MESSAGES_MAX: usize = 512;
/// Segments that GSO may join: a burst of more than this overflows the queue of a 20 Mbit/s shaper.
const SEGMENTS_MAX: usize = 16;
/// Bytes that one GSO message may have (the UDP length field).
const MESSAGE_BYTES_MAX: usize = 65_000;
/// Bytes collected before the outbox must be flushed.
const ARENA_BYTES: usize = 1 << 20;

#[derive(Clone, Copy)]
struct Item {
    route: u32,
    length: u32,
}

/// Datagrams to send, one behind the other in one arena; neighbours to one destination are joined by GSO.
pub(crate) struct Outbox {
    arena: Vec<u8>,
    used: usize,
    items: Vec<Item>,
    routes: Vec<Route>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// Packets of each message of the batch, for the counters.
    packets: Vec<u32>,
    gso: bool,
    /// For routes over TCP.
    streams: Option<Entrance<Carried>>,
    /// Packets taken by the kernel.
    pub(crate) sent: u64,
    /// Bytes of them.
    pub(crate) sent_bytes: u64,
    /// Packets that the kernel did not take.
    pub(crate) failed: u64,
}

impl Outbox {
    /// An outbox whose datagrams for routes over TCP go in at `streams`.
    pub(crate) fn new(streams: Entrance<Carried>) -> Self {
        Self {
            streams: Some(streams),
            ..Self::with_capacity(ARENA_BYTES)
        }
    }

    /// Datagrams for routes over TCP that did not even reach the thread of the streams.
    pub(crate) fn lost_to_streams(&self) -> u64 {
        self.streams.as_ref().map_or(0, |streams| streams.lost)
    }

    /// An outbox that collects up to `bytes`.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        // SAFETY: all three are plain C data for which zero is a value.
        let (name, vector, header) = unsafe { (zeroed(), zeroed(), zeroed()) };
        let items = bytes / 256;
        let messages = items.clamp(1, MESSAGES_MAX);
        Self {
            arena: vec![0; bytes],
            used: 0,
            items: Vec::with_capacity(items),
            routes: Vec::with_capacity(64),
            names: vec![name; messages],
            controls: vec![Control([0; CONTROL_BYTES]); messages],
            vectors: vec![vector; messages],
            headers: vec![header; messages],
            packets: vec![0; messages],
            gso: true,
            streams: None,
            sent: 0,
            sent_bytes: 0,
            failed: 0,
        }
    }

    /// Whether the next datagram may not fit any more.
    pub(crate) fn is_full(&self) -> bool {
        self.used + DATAGRAM_MAX > self.arena.len() || self.items.len() == self.items.capacity()
    }

    /// Space for the next datagram; what is written there is sent after [`Self::commit`]. Callers flush a full outbox; one that
    /// did not makes it grow.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        let end = self.used + DATAGRAM_MAX;
        if self.arena.len() < end {
            self.arena.resize(end, 0);
        }
        &mut self.arena[self.used..end]
    }

    /// Takes the first `length` bytes of the space as a datagram along `route`.
    pub(crate) fn commit(&mut self, route: &Route, length: usize) {
        if self.routes.last() != Some(route) {
            self.routes.push(*route);
        }
        self.items.push(Item {
            route: (self.routes.len() - 1) as u32,
            length: length as u32,
        });
        self.used += length;
    }

    /// The datagram committed last.
    pub(crate) fn last(&self) -> &[u8] {
        let length = self.items.last().map_or(0, |item| item.length as usize);
        &self.arena[self.used - length..self.used]
    }

    /// Takes the datagram committed last back.
    pub(crate) fn pop(&mut self) {
        if let Some(item) = self.items.pop() {
            self.used -= item.length as usize;
        }
    }

    /// Sends everything; what the kernel does not take is counted and lost.
    pub(crate) fn flush(&mut self, sockets: &[Socket]) {
        let mut next = 0;
        let mut offset = 0;
        while next < self.items.len() {
            let socket = self.routes[self.items[next].route as usize].socket;
            if socket >= STREAMS {
                let item = self.items[next];
                let end = offset + item.length as usize;
                if let Some(streams) = &mut self.streams {
                    let route = &self.routes[item.route as usize];
                    streams.carry(route, &self.arena[offset..end]);
                    self.sent += u64::from(item.length > 0);
                    self.sent_bytes += u64::from(item.length);
                }
                next += 1;
                offset = end;
                continue;
            }
            let mut messages = 0;
            while next < self.items.len() && messages < self.headers.len() {
                let item = self.items[next];
                let route = self.routes[item.route as usize];
                if route.socket != socket {
                    break;
                }
                let (count, bytes) = self.joined(next);
                self.prepare(
                    messages,
                    &route,
                    offset,
                    bytes,
                    (count > 1).then_some(item.length as u16),
                );
                self.packets[messages] = count as u32;
                messages += 1;
                next += count;
                offset += bytes;
            }
            self.hand_over(&sockets[usize::from(socket)], messages);
        }
        if let Some(streams) = &mut self.streams {
            streams.flush();
        }
        self.items.clear();
        self.routes.clear();
        self.used = 0;
    }

    /// How many packets from `first` on can go as one message, and their bytes. All but the last must be of one size.
    fn joined(&self, first: usize) -> (usize, usize) {
        let head = self.items[first];
        let mut bytes = head.length as usize;
        let mut count = 1;
        if !self.gso {
            return (count, bytes);
        }
        for item in self.items[first + 1..].iter().take(SEGMENTS_MAX - 1) {
            if item.route != head.route
                || item.length > head.length
                || bytes + item.length as usize > MESSAGE_BYTES_MAX
            {
                break;
            }
            bytes += item.length as usize;
            count += 1;
            if item.length < head.length {
                break;
            }
        }
        (count, bytes)
    }

    fn prepare(
        &mut self,
        index: usize,
        route: &Route,
        offset: usize,
        bytes: usize,
        segment: Option<u16>,
    ) {
        self.vectors[index] = libc::iovec {
            iov_base: self.arena[offset..offset + bytes].as_mut_ptr().cast(),
            iov_len: bytes,
        };
        let name_length = to_sockaddr(&route.remote, &mut self.names[index]);
        let header = &mut self.headers[index].msg_hdr;
        header.msg_name = (&raw mut self.names[index]).cast();
        header.msg_namelen = name_length;
        header.msg_iov = &raw mut self.vectors[index];
        header.msg_iovlen = 1;
        header.msg_flags = 0;
        let control = &mut self.controls[index];
        let mut used = 0;
        match route.local {
            Some(IpAddr::V4(local)) => {
                let info = libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from_ne_bytes(local.octets()),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                used += append_control(control, used, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
            }
            Some(IpAddr::V6(local)) => {
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: local.octets(),
                    },
                    ipi6_ifindex: 0,
                };
                used += append_control(control, used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
            }
            None => {}
        }
        if let Some(segment) = segment {
            used += append_control(control, used, libc::SOL_UDP, libc::UDP_SEGMENT, segment);
        }
        header.msg_control = if used == 0 {
            std::ptr::null_mut()
        } else {
            control.0.as_mut_ptr().cast()
        };
        header.msg_controllen = used as _;
    }

    fn hand_over(&mut self, socket: &Socket, messages: usize) {
        let mut done = 0;
        let mut waited = false;
        while done < messages {
            // SAFETY: the first `messages` headers were prepared for this flush: their names, vectors, controls and the arena
            // live in `self` and have not moved since.
            let count = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.headers.as_mut_ptr().add(done),
                    (messages - done) as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            if let Ok(count) = usize::try_from(count)
                && count > 0
            {
                for index in done..done + count {
                    self.sent += u64::from(self.packets[index]);
                    self.sent_bytes += self.vectors[index].iov_len as u64;
                }
                done += count;
                waited = false;
                continue;
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EAGAIN | libc::ENOBUFS) if !waited => {
                    // The send buffer is full: give the device 1 ms once, then drop; media that waits longer is worthless.
                    waited = true;
                    let mut poll = libc::pollfd {
                        fd: socket.as_raw_fd(),
                        events: libc::POLLOUT,
                        revents: 0,
                    };
                    // SAFETY: one valid pollfd.
                    unsafe { libc::poll(&raw mut poll, 1, 1) };
                }
                Some(libc::EIO | libc::EINVAL) if self.gso && self.packets[done] > 1 => {
                    // The device cannot segment (no checksum offload): go on without GSO for good.
                    self.gso = false;
                    self.failed += u64::from(self.packets[done]);
                    done += 1;
                }
                _ => {
                    self.failed += u64::from(self.packets[done]);
                    done += 1;
                    waited = false;
                }
            }
        }
    }
}

//! `recvmmsg`, `sendmmsg` and UDP GSO. With its neighbour the only unsafe code of the crate.
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpStream, UdpSocket,
};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use super::handover::Entrance;
use super::{Route, STREAMS, Socket};

/// Datagrams taken in one call.
const BATCH: usize = 128;
/// Longest datagram that we take, in bytes; browsers stay below 1,500. A longer one is cut by the kernel and marked, and we skip it.
pub(crate) const DATAGRAM_MAX: usize = 2048;
/// Messages handed over in one call.
const MESSAGES_MAX: usize = 512;
/// Segments that GSO may join: a burst of more than this overflows the queue of a 20 Mbit/s shaper.
const SEGMENTS_MAX: usize = 16;
/// Bytes that one GSO message may have (the UDP length field).
const MESSAGE_BYTES_MAX: usize = 65_000;
/// Bytes collected before the outbox must be flushed.
const ARENA_BYTES: usize = 1 << 20;
/// Room for one pktinfo (IPv6: 40) and one UDP_SEGMENT or UDP_GRO (24) control message.
const CONTROL_BYTES: usize = 64;

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// CPU time of the calling thread.
pub(crate) fn thread_cpu_seconds() -> f64 {
    // SAFETY: `timespec` is plain data, and the call writes only it.
    let time = unsafe {
        let mut time: libc::timespec = zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
        time
    };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Asks for large kernel buffers: past the system's limit when we may, up to it when not.
pub(super) fn enlarge_buffers(socket: &UdpSocket, bytes: usize) {
    let size = i32::try_from(bytes).unwrap_or(i32::MAX);
    for (forced, normal) in [
        (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF),
        (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF),
    ] {
        if set_option(socket.as_raw_fd(), libc::SOL_SOCKET, forced, size).is_err() {
            // A small buffer is slower, not wrong.
            let _ = set_option(socket.as_raw_fd(), libc::SOL_SOCKET, normal, size);
        }
    }
}

/// Makes the kernel tell to which of our addresses each datagram came.
pub(super) fn report_local_address(socket: &UdpSocket, v6: bool) -> io::Result<()> {
    if v6 {
        set_option(
            socket.as_raw_fd(),
            libc::IPPROTO_IPV6,
            libc::IPV6_RECVPKTINFO,
            1,
        )
    } else {
        set_option(socket.as_raw_fd(), libc::IPPROTO_IP, libc::IP_PKTINFO, 1)
    }
}

pub(super) fn set_option(fd: RawFd, level: i32, option: i32, value: i32) -> io::Result<()> {
    // SAFETY: the pointer and length describe `value`, which lives through the call.
    let result = unsafe {
        libc::setsockopt(
            fd,
            level,
            option,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Settings of a TCP connection that carries datagrams. What cannot be set is slower, not wrong.
pub(crate) fn tune_stream(stream: &TcpStream) {
    let fd = stream.as_raw_fd();
    for (option, value) in [
        (libc::TCP_NODELAY, 1),
        // What waits shall wait with us, where datagrams that come too late can be counted and lost.
        (libc::TCP_NOTSENT_LOWAT, 16 * 1024),
        // A far end that confirms nothing for this long, in milliseconds, has gone.
        (libc::TCP_USER_TIMEOUT, 20_000),
    ] {
        let _ = set_option(fd, libc::IPPROTO_TCP, option, value);
    }
}

/// Waits until something of `fds` is as asked or `timeout` has passed.
pub(crate) fn poll(fds: &mut [libc::pollfd], timeout: Duration) {
    // Rounded up: a wait of 0.4 ms must not become a busy loop.
    let timeout_ms = i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
    // SAFETY: the pointer and length describe `fds`.
    unsafe {
        libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout_ms);
    }
}

/// Waits until one of `fds` is readable or `timeout` has passed.
pub(crate) fn wait(fds: &mut Vec<libc::pollfd>, sources: &[RawFd], timeout: Duration) {
    fds.clear();
    fds.extend(sources.iter().map(|&fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    }));
    poll(fds, timeout);
}

/// Binds the calling thread, and those that it starts, to a core. Does nothing where the core does not exist.
#[cfg(feature = "client")]
pub(crate) fn pin_thread(core: usize) {
    // SAFETY: `cpu_set_t` is plain data; CPU_SET ignores cores beyond its size; the call reads only the set.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// What one `recvmmsg` fills: messages with their sources and control messages, each in a space of its own.
pub(super) struct Messages {
    space_bytes: usize,
    bytes: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    filled: usize,
}

impl Messages {
    /// Room for `count` messages of at most `space_bytes`; the kernel cuts longer ones and marks them.
    pub(super) fn new(count: usize, space_bytes: usize) -> Self {
        // SAFETY: all three are plain C data for which zero is a value.
        let (name, vector, header) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Self {
            space_bytes,
            bytes: vec![0; count * space_bytes],
            names: vec![name; count],
            controls: vec![Control([0; CONTROL_BYTES]); count],
            vectors: vec![vector; count],
            headers: vec![header; count],
            filled: 0,
        }
    }

    /// Takes what waits at `socket`, at most as many as there is room for. Returns whether there may be more.
    pub(super) fn receive(&mut self, socket: &Socket) -> bool {
        for (index, space) in self.bytes.chunks_exact_mut(self.space_bytes).enumerate() {
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

    /// Messages taken by the last [`Self::receive`].
    pub(super) fn len(&self) -> usize {
        self.filled
    }

    /// The message at `index`: its header, its source (`None` when that cannot be read) and what there is of its bytes.
    pub(super) fn message(
        &mut self,
        index: usize,
    ) -> (&libc::msghdr, Option<SocketAddr>, &mut [u8]) {
        let header = &self.headers[index];
        let length = (header.msg_len as usize).min(self.space_bytes);
        let start = index * self.space_bytes;
        (
            &header.msg_hdr,
            from_sockaddr(&self.names[index]),
            &mut self.bytes[start..start + length],
        )
    }
}

/// Datagrams received in one call.
pub(crate) struct Inbox {
    messages: Messages,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            messages: Messages::new(BATCH, DATAGRAM_MAX),
        }
    }

    /// Takes what waits at `socket`, at most [`BATCH`] datagrams. Returns whether there may be more.
    pub(crate) fn receive(&mut self, socket: &Socket) -> bool {
        self.messages.receive(socket)
    }

    /// Number of datagrams taken by the last [`Self::receive`].
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The datagram at `index` and where it came from; `None` when it was cut or its source cannot be read.
    pub(crate) fn datagram(&mut self, index: usize, socket: u8) -> Option<(Route, &mut [u8])> {
        let (header, remote, bytes) = self.messages.message(index);
        if header.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let route = Route {
            socket,
            local: local_address(header),
            remote: remote?,
        };
        Some((route, bytes))
    }
}

fn from_sockaddr(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the kernel says that the storage holds a `sockaddr_in`, which is smaller and not stricter aligned.
            let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            Some(SocketAddr::V4(SocketAddrV4::new(
                Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes()),
                u16::from_be(name.sin_port),
            )))
        }
        libc::AF_INET6 => {
            // SAFETY: as above, for `sockaddr_in6`.
            let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            Some(SocketAddr::V6(SocketAddrV6::new(
                Ipv6Addr::from(name.sin6_addr.s6_addr),
                u16::from_be(name.sin6_port),
                0,
                name.sin6_scope_id,
            )))
        }
        _ => None,
    }
}

fn local_address(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the kernel filled the control buffer that `header` names; CMSG_FIRSTHDR and CMSG_NXTHDR stay inside it, and the
    // data of a message of these two types is at least as long as the struct read from it (unaligned reads).
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = libc::CMSG_DATA(message)
                        .cast::<libc::in_pktinfo>()
                        .read_unaligned();
                    return Some(IpAddr::V4(Ipv4Addr::from(
                        info.ipi_addr.s_addr.to_ne_bytes(),
                    )));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = libc::CMSG_DATA(message)
                        .cast::<libc::in6_pktinfo>()
                        .read_unaligned();
                    return Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)));
                }
                _ => message = libc::CMSG_NXTHDR(header, message),
            }
        }
    }
    None
}

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
    streams: Option<Entrance>,
    /// Packets taken by the kernel.
    pub(crate) sent: u64,
    /// Bytes of them.
    pub(crate) sent_bytes: u64,
    /// Packets that the kernel did not take.
    pub(crate) failed: u64,
}

impl Outbox {
    /// An outbox whose datagrams for routes over TCP go in at `streams`.
    pub(crate) fn new(streams: Entrance) -> Self {
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
                    streams.push(route, &self.arena[offset..end]);
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

fn append_control<T: Copy>(
    control: &mut Control,
    at: usize,
    level: i32,
    kind: i32,
    value: T,
) -> usize {
    let size = size_of::<T>() as libc::c_uint;
    // SAFETY: CMSG_SPACE and CMSG_LEN only compute. Their sum over a pktinfo and a segment size is at most CONTROL_BYTES
    // (asserted), so header and data lie inside the buffer, which is aligned for cmsghdr (`at` is a sum of CMSG_SPACEs).
    unsafe {
        let space = libc::CMSG_SPACE(size) as usize;
        assert!(at + space <= CONTROL_BYTES);
        let message = control.0.as_mut_ptr().add(at).cast::<libc::cmsghdr>();
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
        space
    }
}

fn to_sockaddr(addr: &SocketAddr, name: &mut libc::sockaddr_storage) -> libc::socklen_t {
    match addr {
        SocketAddr::V4(addr) => {
            // SAFETY: the storage is larger and stricter aligned than `sockaddr_in`; any bytes are valid for it.
            let name = unsafe { &mut *(&raw mut *name).cast::<libc::sockaddr_in>() };
            name.sin_family = libc::AF_INET as libc::sa_family_t;
            name.sin_port = addr.port().to_be();
            name.sin_addr.s_addr = u32::from_ne_bytes(addr.ip().octets());
            name.sin_zero = [0; 8];
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(addr) => {
            // SAFETY: as above, for `sockaddr_in6`.
            let name = unsafe { &mut *(&raw mut *name).cast::<libc::sockaddr_in6>() };
            name.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            name.sin6_port = addr.port().to_be();
            name.sin6_flowinfo = 0;
            name.sin6_addr.s6_addr = addr.ip().octets();
            name.sin6_scope_id = addr.scope_id();
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

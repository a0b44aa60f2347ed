//! UDP sockets, and datagrams in batches.

mod calls;
mod inbox;
mod outbox;
#[cfg(feature = "client")]
mod readiness;
mod sockaddr;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

#[cfg(feature = "client")]
pub(crate) use calls::pin_thread;
pub(crate) use calls::{poll, thread_cpu_seconds, tune_stream, wait};
pub(crate) use inbox::Inbox;
pub(crate) use outbox::Outbox;
#[cfg(feature = "client")]
pub(crate) use readiness::Readiness;

use crate::stats::Transport;

/// Kernel buffers per socket in bytes. A frame to 1,000 receivers is about 6 MB; a burst must fit while we are not running.
const BUFFER_BYTES: usize = 16 << 20;

/// Longest datagram that we take or send, in bytes; browsers stay below 1,500. A longer one is counted and dropped.
pub(crate) const DATAGRAM_MAX: usize = 2048;

/// Socket numbers from here on are no UDP sockets: their datagrams travel in TCP connections, which the thread of [`crate::stream`]
/// owns. An empty datagram between the two threads says that the connection has ended, or shall end.
pub(crate) const STREAMS: u8 = 254;
/// ICE-TCP; the remote address is the connection's.
pub(crate) const TCP: u8 = 254;
/// TURN; the remote address is the relayed one.
pub(crate) const RELAY: u8 = 255;

/// Where a datagram comes from or goes to: our socket, our address, the remote address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    /// Index of our socket.
    pub(crate) socket: u8,
    /// Our address, known when the socket is bound to a wildcard; answers leave from where the question arrived.
    pub(crate) local: Option<IpAddr>,
    /// The remote address.
    pub(crate) remote: SocketAddr,
}

impl Route {
    /// How datagrams travel along it.
    pub(crate) fn transport(&self) -> Transport {
        match self.socket {
            TCP => Transport::Tcp,
            RELAY => Transport::Relay,
            _ => Transport::Udp,
        }
    }
}

/// One bound, non-blocking UDP socket.
pub(crate) struct Socket {
    inner: UdpSocket,
    addr: SocketAddr,
}

impl Socket {
    /// Binds `addr` with large buffers. IPv6 sockets take IPv6 only, so that both families can share a port.
    pub(crate) fn bind(addr: SocketAddr) -> io::Result<Self> {
        Self::bind_with(addr, BUFFER_BYTES, false)
    }

    /// The same with kernel buffers of `bytes`.
    #[cfg(feature = "client")]
    pub(crate) fn bind_with_buffer(addr: SocketAddr, bytes: usize) -> io::Result<Self> {
        Self::bind_with(addr, bytes, false)
    }

    /// The same beside one that shares its port already; the kernel spreads the remote addresses over them.
    pub(crate) fn bind_beside(addr: SocketAddr) -> io::Result<Self> {
        Self::bind_with(addr, BUFFER_BYTES, true)
    }

    /// Lets others be bound beside this one ([`Self::bind_beside`]).
    pub(crate) fn share_port(&self) -> io::Result<()> {
        socket2::SockRef::from(&self.inner).set_reuse_port(true)
    }

    fn bind_with(addr: SocketAddr, bytes: usize, beside: bool) -> io::Result<Self> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(addr),
            socket2::Type::DGRAM,
            Some(socket2::Protocol::UDP),
        )?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if beside {
            socket.set_reuse_port(true)?;
        }
        socket.bind(&addr.into())?;
        socket.set_nonblocking(true)?;
        let inner = UdpSocket::from(socket);
        let addr = inner.local_addr()?;
        calls::enlarge_buffers(&inner, bytes);
        calls::join_segments(&inner);
        if addr.ip().is_unspecified() {
            calls::report_local_address(&inner, addr.is_ipv6())?;
        }
        Ok(Self { inner, addr })
    }

    /// The bound address.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

/// Wakes the packet thread from another thread.
#[derive(Clone)]
pub(crate) struct Waker {
    // A socket pair rather than an eventfd: it needs no unsafe code, and one byte a command is cheap.
    send: Arc<UdpLike>,
    receive: Arc<UdpLike>,
}

type UdpLike = std::os::unix::net::UnixDatagram;

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let (send, receive) = UdpLike::pair()?;
        send.set_nonblocking(true)?;
        receive.set_nonblocking(true)?;
        Ok(Self {
            send: Arc::new(send),
            receive: Arc::new(receive),
        })
    }

    /// Ends the thread's wait. A full socket means that a wake-up is on its way already.
    pub(crate) fn wake(&self) {
        let _ = self.send.send(&[1]);
    }

    /// Takes all pending wake-ups.
    pub(crate) fn drain(&self) {
        let mut byte = [0; 1];
        while self.receive.recv(&mut byte).is_ok() {}
    }
}

impl AsRawFd for Waker {
    fn as_raw_fd(&self) -> RawFd {
        self.receive.as_raw_fd()
    }
}

//! Many sockets of one thread: which of them are readable (`epoll`), and what they hold, neighbours joined by UDP GRO.
//!
//! For the peers of tests and load: a thousand of them read as many sockets, where the bridge reads one.
#![allow(unsafe_code)]

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::Socket;
use super::mmsg::{Messages, set_option};

/// Sockets told in one wait; the others are told by the next.
const READY_MAX: usize = 256;
/// Messages taken in one call; each may be many datagrams.
const MESSAGES: usize = 8;
/// Longest message: the UDP length field.
const MESSAGE_BYTES: usize = 1 << 16;
/// Which sockets are readable.
pub(crate) struct Readiness {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Readiness {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: the call takes no pointer; a descriptor that it returns is new and ours alone.
        let epoll = unsafe {
            match libc::epoll_create1(libc::EPOLL_CLOEXEC) {
                -1 => return Err(io::Error::last_os_error()),
                fd => OwnedFd::from_raw_fd(fd),
            }
        };
        Ok(Self {
            epoll,
            events: vec![libc::epoll_event { events: 0, u64: 0 }; READY_MAX],
        })
    }

    /// Tells `token` from now on when `fd` is readable, until `fd` is closed.
    pub(crate) fn watch(&self, fd: RawFd, token: u32) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: u64::from(token),
        };
        // SAFETY: `event` lives through the call, which copies it.
        let result = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd,
                &raw mut event,
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Waits at most `timeout` until a socket is readable, and puts the tokens of those that are into `ready`, cleared first.
    pub(crate) fn wait(&mut self, timeout: Duration, ready: &mut Vec<u32>) {
        ready.clear();
        // Rounded up: a wait of 0.4 ms must not become a busy loop.
        let timeout_ms = i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        // SAFETY: pointer and length describe `events`.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                READY_MAX as libc::c_int,
                timeout_ms,
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        ready.extend(self.events[..count].iter().map(|event| event.u64 as u32));
    }
}

/// Makes the kernel hand over datagrams of one flow joined, as the bridge's GSO has sent them.
pub(crate) fn join_segments(socket: &Socket) {
    // A kernel without it hands them over one by one: slower, not wrong.
    let _ = set_option(socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_GRO, 1);
}

/// Datagrams received in one call, neighbours joined.
pub(crate) struct JoinedInbox {
    messages: Messages,
}

impl JoinedInbox {
    pub(crate) fn new() -> Self {
        Self {
            messages: Messages::new(MESSAGES, MESSAGE_BYTES),
        }
    }

    /// Takes what waits at `socket`. Returns whether there may be more.
    pub(crate) fn receive(&mut self, socket: &Socket) -> bool {
        self.messages.receive(socket)
    }

    /// Hands out every datagram with its source.
    pub(crate) fn each(&mut self, mut take: impl FnMut(SocketAddr, &mut [u8])) {
        for index in 0..self.messages.len() {
            let (header, remote, bytes) = self.messages.message(index);
            let Some(remote) = remote else { continue };
            let segment = segment_bytes(header).unwrap_or(bytes.len()).max(1);
            for datagram in bytes.chunks_mut(segment) {
                take(remote, datagram);
            }
        }
    }
}

/// The size of the datagrams that were joined; `None` when it was one.
fn segment_bytes(header: &libc::msghdr) -> Option<usize> {
    // SAFETY: the kernel filled the control space of `header`, which the caller keeps; the macros stay inside of `msg_controllen`.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            if (*message).cmsg_level == libc::SOL_UDP && (*message).cmsg_type == libc::UDP_GRO {
                let size = libc::CMSG_DATA(message)
                    .cast::<libc::c_int>()
                    .read_unaligned();
                return usize::try_from(size).ok().filter(|size| *size > 0);
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    None
}

//! Which of many sockets of one thread are readable: the peers of load read a thousand, where the bridge reads one.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Sockets told in one wait; the others are told by the next.
const READY_MAX: usize = 256;

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

//! Single system calls: options of sockets, waiting, threads.
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

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

/// Makes the kernel hand over datagrams of one flow joined. One that cannot hands them over one by one: slower, not wrong.
pub(super) fn join_segments(socket: &UdpSocket) {
    let _ = set_option(socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_GRO, 1);
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

fn set_option(fd: RawFd, level: i32, option: i32, value: i32) -> io::Result<()> {
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

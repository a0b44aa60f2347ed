//! The trap port's socket: a large receive buffer, and answers that leave from the address that was asked, also on a host with
//! several (senders drop acknowledgements of others).

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd as _, RawFd};

use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, SockaddrStorage,
    recvmsg, sendmsg, setsockopt, sockopt,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Receive buffer to ask for: a morning of every device at once. What is granted depends on net.core.rmem_max or a privilege.
const RECEIVE_BUFFER_BYTES: usize = 16 * 1024 * 1024;

/// Where a datagram came from and where it came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// Who sent it.
    pub(super) source: SocketAddr,
    to: Option<Local>,
}

#[derive(Debug, Clone, Copy)]
enum Local {
    V4(libc::in_pktinfo),
    V6(libc::in6_pktinfo),
}

pub(super) struct TrapSocket {
    socket: UdpSocket,
    /// Bytes that the kernel really grants, its own bookkeeping included.
    pub(super) granted_bytes: usize,
}

impl TrapSocket {
    /// Needs a runtime around it.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER_BYTES).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER_BYTES)?;
        }
        if address.is_ipv4() {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        let granted_bytes = nix::sys::socket::getsockopt(&socket, sockopt::RcvBuf)?;
        Ok(Self {
            socket: UdpSocket::from_std(socket)?,
            granted_bytes,
        })
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// The next datagram, if one waits; a way without a usable source address is none.
    pub(super) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, Way)>> {
        let fd = self.socket.as_raw_fd();
        self.socket
            .try_io(Interest::READABLE, || receive(fd, buffer))
    }

    /// Sends an answer back along `way`; one that finds the buffer full is lost, and its sender repeats.
    pub(super) fn try_send(&self, datagram: &[u8], way: &Way) -> io::Result<()> {
        let fd = self.socket.as_raw_fd();
        self.socket
            .try_io(Interest::WRITABLE, || send(fd, datagram, way))
    }
}

fn receive(fd: RawFd, buffer: &mut [u8]) -> io::Result<Option<(usize, Way)>> {
    let mut space = nix::cmsg_space!(libc::in_pktinfo, libc::in6_pktinfo);
    let mut slices = [IoSliceMut::new(buffer)];
    let message =
        recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut space), MsgFlags::MSG_DONTWAIT)?;
    let to = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Local::V4(info)),
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Local::V6(info)),
        _ => None,
    });
    let length = message.bytes;
    Ok(message
        .address
        .as_ref()
        .and_then(socket_address)
        .map(|source| (length, Way { source, to })))
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddrV4::new(v4.ip(), v4.port()).into());
    }
    let v6 = storage.as_sockaddr_in6()?;
    Some(SocketAddrV6::new(v6.ip(), v6.port(), v6.flowinfo(), v6.scope_id()).into())
}

fn send(fd: RawFd, datagram: &[u8], way: &Way) -> io::Result<()> {
    let slices = [IoSlice::new(datagram)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let (v4, v6);
    let control = match &way.to {
        Some(Local::V4(info)) => {
            // The route chooses the interface; only the address is ours to say.
            v4 = libc::in_pktinfo {
                ipi_ifindex: 0,
                ..*info
            };
            Some(ControlMessage::Ipv4PacketInfo(&v4))
        }
        Some(Local::V6(info)) => {
            v6 = *info;
            Some(ControlMessage::Ipv6PacketInfo(&v6))
        }
        None => None,
    };
    match way.source {
        SocketAddr::V4(to) => sendmsg(
            fd,
            &slices,
            control.as_slice(),
            flags,
            Some(&SockaddrIn::from(to)),
        )?,
        SocketAddr::V6(to) => sendmsg(
            fd,
            &slices,
            control.as_slice(),
            flags,
            Some(&SockaddrIn6::from(to)),
        )?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket as Plain;

    use super::*;

    #[tokio::test]
    async fn an_answer_leaves_from_the_address_that_was_asked() {
        let socket = TrapSocket::bind("0.0.0.0:0".parse().unwrap()).unwrap();
        let port = socket.address().unwrap().port();
        assert!(socket.granted_bytes > 100_000, "{}", socket.granted_bytes);
        let sender = Plain::bind("127.0.0.1:0").unwrap();
        // Another address of the host than the one that the route would choose.
        sender.send_to(b"hoi", ("127.0.0.9", port)).unwrap();
        let mut buffer = [0; 64];
        let way = loop {
            socket.readable().await.unwrap();
            match socket.try_receive(&mut buffer) {
                Ok(Some((length, way))) => {
                    assert_eq!(&buffer[..length], b"hoi");
                    break way;
                }
                Ok(None) => unreachable!("UDP has a source"),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        };
        assert_eq!(way.source, sender.local_addr().unwrap());
        socket.try_send(b"dap", &way).unwrap();
        let (length, from) = sender.recv_from(&mut buffer).unwrap();
        assert_eq!(
            (&buffer[..length], from.to_string()),
            (&b"dap"[..], format!("127.0.0.9:{port}"))
        );
    }
}

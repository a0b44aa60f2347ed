//! File descriptors that travel with the first order.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::control::LINE_BYTES_MAX;

/// Sends `line` with two descriptors attached to it.
///
/// # Errors
/// When the other end is closed; a line that fits no socket buffer is reported as `WriteZero`.
pub(crate) fn send(socket: &UnixStream, line: &[u8], files: [BorrowedFd<'_>; 2]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    let sent = sendmsg(
        socket,
        &[IoSlice::new(line)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    if sent == line.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// Receives the first order's line and its two descriptors from the socket behind `stdin`.
///
/// # Errors
/// `UnexpectedEof` when the parent is gone, `InvalidData` when line or descriptors are missing.
pub(crate) fn receive(stdin: BorrowedFd<'_>) -> io::Result<(Vec<u8>, [OwnedFd; 2])> {
    let mut line = vec![0; LINE_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        stdin,
        &mut [IoSliceMut::new(&mut line)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(received.bytes);
    let mut files = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            files.extend(rights);
        }
    }
    match <[OwnedFd; 2]>::try_from(files) {
        Ok(files) if line.last() == Some(&b'\n') => Ok((line, files)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

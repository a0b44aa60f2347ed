//! The bytes of a connection: a TCP socket, with a TLS session on it or without, that never blocks.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};

use rustls::ServerConnection;

use crate::socket::tune_stream;

/// Plaintext that one TLS record holds.
const RECORD: usize = 16 * 1024;

/// One end of a connection.
pub(super) struct Pipe {
    stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
}

impl Pipe {
    pub(super) fn new(stream: TcpStream, tls: Option<Box<ServerConnection>>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        tune_stream(&stream);
        Ok(Self { stream, tls })
    }

    /// Reads what is there. 0 is the end of the stream; [`ErrorKind::WouldBlock`] says that nothing waits.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.stream.read(bytes);
        };
        loop {
            match tls.reader().read(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets()
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }

    /// Takes some of `bytes`; 0 when the far end takes nothing now.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return would_block(self.stream.write(bytes));
        };
        flush(tls, &mut self.stream)?;
        if tls.wants_write() {
            return Ok(0);
        }
        let count = tls.writer().write(&bytes[..bytes.len().min(RECORD)])?;
        flush(tls, &mut self.stream)?;
        Ok(count)
    }

    /// Whether the TLS session has something of its own to send.
    pub(super) fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Sends what the TLS session has to say.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => flush(tls, &mut self.stream),
            None => Ok(()),
        }
    }

    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }
}

impl AsRawFd for Pipe {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

fn flush(tls: &mut ServerConnection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        if would_block(tls.write_tls(stream))? == 0 {
            break;
        }
    }
    Ok(())
}

fn would_block(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

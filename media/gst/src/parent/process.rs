//! Starting the child and talking to it.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::child::SUBCOMMAND;
use crate::control::Order;
use crate::descriptors;

/// The only variables that the child sees. The daemon's environment may hold secrets (`env:` references), and nothing
/// that parses media needs them.
const ENVIRONMENT: &[&str] = &[
    "PATH",
    "HOME",
    "XDG_CACHE_HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "FONTCONFIG_FILE",
];
/// Variables by prefix: GStreamer's own (registry, plugin path, debug level).
const ENVIRONMENT_PREFIX: &str = "GST_";

/// Starts `program gst-record` and gives it its first order together with two descriptors. The caller keeps the order
/// socket: closing it tells the child to finish.
///
/// # Errors
/// When the program cannot be started. A child that dies before it reads the order is noticed on its stdout instead.
pub(super) fn start(
    program: &Path,
    order: &Order,
    files: [BorrowedFd<'_>; 2],
) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let environment = std::env::vars_os().filter(|(name, _)| {
        name.to_str()
            .is_some_and(|name| ENVIRONMENT.contains(&name) || name.starts_with(ENVIRONMENT_PREFIX))
    });
    let child = Command::new(program)
        .arg(SUBCOMMAND)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own group: Ctrl-C at the terminal is for the daemon, which then closes the order socket.
        .process_group(0)
        .spawn()?;
    match descriptors::send(&ours, &line(order), files) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => return Err(abandon(child, error)),
    }
    Ok((child, ours))
}

/// Ends a child that never got its order, and reaps it.
fn abandon(mut child: Child, error: io::Error) -> io::Error {
    match child.kill().and_then(|()| child.wait()) {
        Ok(_) => error,
        Err(second) => io::Error::new(
            error.kind(),
            format!("{error}; and it cannot be ended: {second}"),
        ),
    }
}

/// Sends an order. A child that is gone has said why on its stdout, so a closed socket is no error here.
pub(super) fn order(mut socket: &UnixStream, order: &Order) -> io::Result<()> {
    match socket.write_all(&line(order)) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn line(order: &Order) -> Vec<u8> {
    let mut line = serde_json::to_vec(order).expect("an order is plain data");
    line.push(b'\n');
    line
}

/// Borrowed descriptors of two files, in the order that the child expects.
pub(super) fn both<'a>(first: &'a impl AsFd, second: &'a impl AsFd) -> [BorrowedFd<'a>; 2] {
    [first.as_fd(), second.as_fd()]
}

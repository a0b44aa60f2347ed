//! The child's words: reports on stdout, complaints on stderr.

use std::fmt::Arguments;
use std::io::{self, Write};

use crate::control::Report;

/// Writes one report line. A parent that no longer reads has closed stdin too, which is what ends the child.
pub(super) fn send(report: &Report) {
    let mut line = serde_json::to_vec(report).expect("a report is plain data");
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
}

/// Writes a line for the parent's reason, should the child die.
pub(super) fn complain(what: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{what}");
}

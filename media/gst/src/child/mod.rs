//! The process that records: the only code that links and initialises GStreamer.

use std::ffi::OsString;
use std::process::ExitCode;

/// First argument that makes the one binary act as this child: `nhipcau gst-record`.
pub const SUBCOMMAND: &str = "gst-record";

/// Runs the child to its end. `args` are what follows [`SUBCOMMAND`] on the command line: nothing; all orders come on
/// stdin. Call it before any thread is started and before anything is printed to stdout.
pub fn run_child(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    if args.into_iter().next().is_some() {
        return ExitCode::from(64);
    }
    ExitCode::FAILURE
}

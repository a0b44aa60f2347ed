//! The process that records: the only code that links and initialises GStreamer.
//!
//! What must not fail is kept apart from what may. One *output* pipeline encodes and writes; it is fed by the engine's
//! own clock with a picture and a block of sound when each is due, whatever arrived. Each source has a small *decoder*
//! pipeline of its own; when hostile input ends one, it is replaced. Packets are read, ordered and joined in Rust
//! before a C library sees them.

mod assembler;
mod av1;
mod bits;
mod card;
mod decoder;
mod elements;
mod engine;
mod h264;
mod limits;
mod mix;
mod output;
mod picture;
mod remux;
mod reorder;
mod report;
mod rtp;
mod sound;
mod stop;
mod vp8;
mod vp9;

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;

use crate::control::{Failure, Order, Report};
use crate::descriptors;

/// First argument that makes the one binary act as this child: `nhipcau gst-record`.
pub const SUBCOMMAND: &str = "gst-record";

/// Exit status for a wrong command line or order (`EX_USAGE`).
const EXIT_USAGE: u8 = 64;

/// Runs the child to its end. `args` are what follows [`SUBCOMMAND`] on the command line: nothing; all orders come on
/// stdin (see [`crate::control`]). Call it before any thread is started and before anything is printed to stdout.
pub fn run_child(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    if args.into_iter().next().is_some() {
        return ExitCode::from(EXIT_USAGE);
    }
    limits::apply();
    let stop = stop::Stop::on_signals();
    let stdin = io::stdin();
    let Ok((line, files)) = descriptors::receive(stdin.as_fd()) else {
        return ExitCode::from(EXIT_USAGE);
    };
    let done = match serde_json::from_slice(&line) {
        Ok(Order::Record {
            title,
            width,
            height,
            fps,
        }) => {
            stop.on_order();
            let format = output::Format { width, height, fps };
            elements::check(elements::RECORD)
                .and_then(|()| engine::record(files, format, &title, &stop))
        }
        Ok(Order::Repair {}) => {
            stop.on_order();
            elements::check(elements::REPAIR).and_then(|()| remux::remux(files, &stop))
        }
        Ok(Order::Check {}) => elements::check(elements::RECORD).map(|()| Report::Finished {
            bytes: 0,
            duration_ms: 0,
        }),
        Ok(Order::Stop {}) | Err(_) => return ExitCode::from(EXIT_USAGE),
    };
    match done {
        Ok(report) => {
            report::send(&report);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            report::send(&Report::Failed(failure));
            ExitCode::FAILURE
        }
    }
}

/// A failure in GStreamer's (or the system's) words.
fn failure(detail: impl std::fmt::Display) -> Failure {
    Failure::Pipeline {
        detail: detail.to_string(),
    }
}

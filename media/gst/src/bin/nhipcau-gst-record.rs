//! The recording child alone, for this crate's tests: the daemon re-executes itself instead.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args
        .next()
        .is_none_or(|first| first != nhipcau_media_gst::SUBCOMMAND)
    {
        return ExitCode::from(64);
    }
    nhipcau_media_gst::run_child(args)
}

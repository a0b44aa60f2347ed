//! Where commands meet the terminal: what they print and the status they end with.

use std::io::{self, Write};
use std::process::ExitCode;

use nhipcau::config::ConfigError;

/// A wrong command line or configuration (sysexits `EX_USAGE`).
pub(crate) const EXIT_USAGE: u8 = 64;
/// What was to be asked is not there (`EX_UNAVAILABLE`).
pub(crate) const EXIT_UNAVAILABLE: u8 = 69;

/// Runs the asynchronous part of a command.
pub(crate) fn with_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => fail(
            &format!("the system gives no threads: {error}"),
            EXIT_UNAVAILABLE,
        ),
    }
}

/// Every mistake on a line of its own.
pub(crate) fn lines(errors: &[ConfigError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Prints what was asked for.
pub(crate) fn print(text: &str) -> ExitCode {
    // A reader that went away (`| head`) is no failure of ours.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Says why not.
pub(crate) fn fail(text: &str, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr().lock(), "{text}");
    ExitCode::from(code)
}

/// Says something beside what was asked for.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

//! The command line of `nhipcau`.

mod command;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use command::Command;
use nhipcau::config::{self, Config, ConfigError};
use nhipcau::control;

/// A wrong command line or configuration (sysexits `EX_USAGE`).
const EXIT_USAGE: u8 = 64;
/// The daemon that was to be asked is not there (`EX_UNAVAILABLE`).
const EXIT_UNAVAILABLE: u8 = 69;

fn main() -> ExitCode {
    match command::parse(std::env::args_os()) {
        Ok(Command::Help) => print(command::HELP),
        Ok(Command::Version) => print(concat!("nhipcau ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Reference) => print(&config::reference()),
        Ok(Command::Check { config }) => check(config.as_deref()),
        Ok(Command::Run(options)) => with_runtime(nhipcau::run(options)),
        Ok(Command::Lab { config, request }) => with_runtime(lab(config, request)),
        // Before any thread is started: the child limits itself first.
        Ok(Command::GstRecord(arguments)) => nhipcau_media_gst::run_child(arguments),
        Err(message) => fail(&format!("{message}\nTry: nhipcau help"), EXIT_USAGE),
    }
}

/// Says whether the configuration, its profiles and its playbooks hold; every mistake on a line of its own.
fn check(path: Option<&Path>) -> ExitCode {
    match Config::load(path) {
        Ok(config) => match nhipcau::faults(&config) {
            faults if faults.is_empty() => print(&format!(
                "in order: {} devices, {} links, {} sites, {} channels\n",
                config.devices.len(),
                config.links.len(),
                config.sites.len(),
                config.channels.len()
            )),
            faults => fail(&faults.join("\n"), EXIT_USAGE),
        },
        Err(errors) => fail(&lines(&errors), EXIT_USAGE),
    }
}

/// Asks the running daemon. Its state directory is that of the same configuration beside the simulated province.
async fn lab(path: Option<std::path::PathBuf>, request: control::Request) -> ExitCode {
    let config = match Config::load_lab(path.as_deref(), String::new()) {
        Ok(config) => config,
        Err(errors) => return fail(&lines(&errors), EXIT_USAGE),
    };
    match control::ask(&config.state_dir, &request).await {
        Ok(response) if response.done => print(&(response.lines.join("\n") + "\n")),
        Ok(response) => fail(&response.lines.join("\n"), 1),
        Err(error) => {
            let place = config.state_dir.display();
            fail(
                &format!(
                    "no nhipcau with a lab answers in {place} ({error}); start it with: nhipcau run --lab"
                ),
                EXIT_UNAVAILABLE,
            )
        }
    }
}

fn with_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
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

fn lines(errors: &[ConfigError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn print(text: &str) -> ExitCode {
    // A reader that went away (`| head`) is no failure of ours.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn fail(text: &str, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr().lock(), "{text}");
    ExitCode::from(code)
}

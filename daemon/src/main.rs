//! The command line of `nhipcau`.

mod command;
mod edge;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command::parse(std::env::args_os()) {
        Ok(command) => command.carry_out(),
        Err(message) => edge::fail(&format!("{message}\nTry: nhipcau help"), edge::EXIT_USAGE),
    }
}

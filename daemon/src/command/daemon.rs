//! `run` and `check`: the daemon itself and its files.

use std::path::PathBuf;
use std::process::ExitCode;

use nhipcau::RunOptions;
use nhipcau::config::{self, Config};

use super::line::Line;
use crate::edge::{EXIT_USAGE, fail, lines, print, with_runtime};

pub(super) const HELP: &str = "\
  nhipcau run [--config FILE] [--lab]     start the daemon; --lab beside a simulated province
  nhipcau check [--config FILE]           name every mistake of the configuration (exit status 64)
  nhipcau check --reference               print all keys with their defaults and reasons
";

/// `nhipcau run`.
#[derive(Debug)]
pub(crate) struct Run(pub(super) RunOptions);

impl Run {
    pub(super) fn read(line: &mut Line) -> Result<Self, String> {
        Ok(Self(RunOptions {
            config: line.value("config").map(PathBuf::from),
            lab: line.flag("lab"),
        }))
    }

    pub(super) fn carry_out(self) -> ExitCode {
        with_runtime(nhipcau::run(self.0))
    }
}

/// `nhipcau check`.
#[derive(Debug)]
pub(crate) enum Check {
    /// All keys of the configuration.
    Reference,
    /// The files that there are.
    Files(Option<PathBuf>),
}

impl Check {
    pub(super) fn read(line: &mut Line) -> Result<Self, String> {
        if line.flag("reference") {
            return Ok(Self::Reference);
        }
        Ok(Self::Files(line.value("config").map(PathBuf::from)))
    }

    /// Says whether the configuration, its profiles and its playbooks hold; every mistake on a line of its own.
    pub(super) fn carry_out(self) -> ExitCode {
        let path = match self {
            Self::Reference => return print(&config::reference()),
            Self::Files(path) => path,
        };
        match Config::load(path.as_deref()) {
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
}

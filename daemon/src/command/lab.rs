//! `lab …`: faults of the simulated province, asked of the running daemon over its control socket.

use std::path::PathBuf;
use std::process::ExitCode;

use nhipcau::config::{self, Config};
use nhipcau::control::{self, Request};

use super::line::Line;
use crate::edge::{EXIT_UNAVAILABLE, EXIT_USAGE, fail, lines, print, with_runtime};

pub(super) const HELP: &str = "\
  nhipcau lab list                        what the running daemon's simulated province has
  nhipcau lab break LINK                  take a link down; also: power, fan, sensor DEVICE SENSOR hot, device DEVICE off
  nhipcau lab narrow LINK RATE            leave a link less capacity, such as 512k or 4M
  nhipcau lab heal LINK|all               mend it
";

/// Longest text of `lab break`.
const WORDS_BYTES_MAX: usize = 512;

/// `nhipcau lab …`.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(super) config: Option<PathBuf>,
    pub(super) request: Request,
}

impl Lab {
    pub(super) fn read(words: &[&str], line: &mut Line) -> Result<Self, String> {
        Ok(Self {
            request: request(words)?,
            config: line.value("config").map(PathBuf::from),
        })
    }

    pub(super) fn carry_out(self) -> ExitCode {
        with_runtime(self.ask())
    }

    /// Asks the running daemon. Its state directory is that of the same configuration beside the simulated province.
    async fn ask(self) -> ExitCode {
        let config = match Config::load_lab(self.config.as_deref(), String::new()) {
            Ok(config) => config,
            Err(errors) => return fail(&lines(&errors), EXIT_USAGE),
        };
        match control::ask(&config.state_dir, &self.request).await {
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
}

fn request(words: &[&str]) -> Result<Request, String> {
    let joined = |words: &[&str]| {
        let what = words.join(" ");
        if what.len() > WORDS_BYTES_MAX {
            Err("that is too long".to_owned())
        } else {
            Ok(what)
        }
    };
    match words {
        ["list"] => Ok(Request::List {}),
        ["narrow", link, rate] => {
            let capacity_bps = config::rate(rate).filter(|rate| *rate > 0);
            let capacity_bps =
                capacity_bps.ok_or("a rate is written 512k, 4M or 1G, in bits per second")?;
            Ok(Request::Narrow {
                link: (*link).to_owned(),
                capacity_bps,
            })
        }
        ["break", what @ ..] if !what.is_empty() => Ok(Request::Break {
            what: joined(what)?,
        }),
        ["heal", what @ ..] if !what.is_empty() => Ok(Request::Heal {
            what: joined(what)?,
        }),
        _ => Err("lab: list, break LINK, narrow LINK RATE, heal LINK|all".into()),
    }
}
